"""Systems on every store."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentsys import System
from agentsys.budgets.accounts import run_scope
from agentsys.limits import Budget
from agentsys.models.base import Model
from agentsys.money import Spend
from agentsys.stores import Store
from tests.budgets.worker import Workers
from tests.stores.conftest import store, url

__all__ = ["store", "url"]

Make = Callable[..., System]


@pytest.fixture
def workers(url: str) -> Iterator[Workers]:
    """Processes that use the store."""
    started = Workers(url)
    yield started
    started.end()


@pytest.fixture
def make(store: Store) -> Make:
    """A system on the store, with a model for `slm` and perhaps one for `llm`."""

    def made(slm: Model, llm: Model | None = None, *budgets: Budget) -> System:
        models = {"slm": slm} if llm is None else {"slm": slm, "llm": llm}
        return System(models, store=store, budgets=budgets)

    return made


async def spent(store: Store, account: str = "total") -> Spend:
    """What an account has spent; nothing is held on it."""
    balance = (await store.balances([account]))[account]
    assert balance.held == Spend()
    return balance.spent


def of(run: Any) -> str:
    """The account of a run."""
    return run_scope(run.run_id)
