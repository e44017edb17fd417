"""The suites of all back ends, on each of them."""

from collections.abc import AsyncIterator

import pytest

from agentsys import Budget, System
from agentsys.money import Spend
from agentsys.stores import open_store
from tests.models.api_conformance import ApiConformance
from tests.models.backends import BACK_ENDS, BackEnd, Build, prompted, random_weights, strict, vllm
from tests.models.conformance import ModelConformance
from tests.models.graph_conformance import GraphConformance
from tests.models.trouble_conformance import TroubleConformance


def kinds(*builds: Build) -> pytest.MarkDecorator:
    """The back ends that a suite runs on."""
    slow: dict[Build, list[pytest.MarkDecorator]] = {vllm: [pytest.mark.slow]}
    each = [pytest.param(build, marks=slow.get(build, ()), id=build.__name__) for build in builds]
    return pytest.mark.parametrize("kind", each)


@pytest.fixture
def built(kind: Build, request: pytest.FixtureRequest) -> BackEnd:
    """The back end; nobody has been asked yet."""
    return kind(request)


@pytest.fixture
async def backend(built: BackEnd) -> AsyncIterator[BackEnd]:
    """The back end, closed after the test."""
    yield built
    await built.close()


@pytest.fixture
async def system(backend: BackEnd) -> AsyncIterator[System]:
    """A system on the back end, with a budget that is large enough, on which nothing stays held."""
    store = open_store("sqlite:///:memory:")
    budget = Budget(usd=100, per="total")
    async with System(backend.models, store=store, budgets=(budget,)) as system:
        yield system
        assert (await store.balances(["total"]))["total"].held == Spend()


@kinds(*BACK_ENDS, random_weights)
class TestReplies(ModelConformance):
    """One request, one reply."""


@kinds(*BACK_ENDS, random_weights)
class TestTrouble(TroubleConformance):
    """Cancelled calls, prompts that are too long, servers that are not there."""


@kinds(*BACK_ENDS)
class TestGraphs(GraphConformance):
    """The same graphs everywhere."""


@kinds(strict, prompted)
class TestApis(ApiConformance):
    """Servers that fail."""
