"""Processes that are killed in the middle of calls leak nothing and charge nothing twice."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from agentsys.budgets import Budgets, Purse
from agentsys.budgets.accounts import tenant_scope
from agentsys.events import Call, HoldExpired
from agentsys.ledger import Ledger
from agentsys.limits import Budget
from agentsys.money import Spend, Worst, usd
from agentsys.stores import open_store
from tests.budgets.models import PER_TOKEN
from tests.budgets.worker import PROCESSES, Trial, Workers, trial_calls

CEILING = 10_000_000
LEASE_S = 1.0


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that other processes do."""
    for _ in range(2_000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the processes did nothing.")


async def test_killed_processes_leak_nothing(url: str, workers: Workers) -> None:
    """After the lease all that they had not spent is free again; what they had is booked once."""
    store, drawn, account = open_store(url), random.Random(3), tenant_scope("acme")
    calls = trial_calls(drawn, 100)
    parts = [
        Trial("acme", CEILING, calls[n::PROCESSES], wait_s=2, lease_s=LEASE_S)
        for n in range(PROCESSES)
    ]
    workers.begin(parts)
    await until(lambda: len(list(Ledger(store).events(Call))) >= 10)
    assert (await store.balances([account]))[account].held.nano_usd > 0
    for process in workers.processes:
        await asyncio.sleep(drawn.random() * 0.2)
        process.kill()
        process.wait()
    await asyncio.sleep(LEASE_S)
    balance = (await store.balances([account]))[account]
    assert balance.held == Spend()

    booked = [recorded.event for recorded in Ledger(store).events(Call)]
    ids = Counter(event.call_id for event in booked if isinstance(event, Call))
    assert 10 <= len(booked) < len(calls)
    assert set(ids.values()) == {1}
    spent = sum(event.nano_usd for event in booked if isinstance(event, Call))
    assert balance.spent.nano_usd == spent

    budgets = Budgets(store, (Budget(per="tenant", usd=usd(CEILING)),))
    whole = (CEILING - spent) // 1_000
    purse = Purse(budgets, "r", "acme")
    grant = await purse.hold("all", lambda: Worst(0, 0, PER_TOKEN), whole)
    assert (grant.max_tokens, grant.short) == (whole, None)
    await budgets.release("all")
    # On a busy machine also of calls that were booked later, by processes that had been held up.
    assert list(Ledger(store).events(HoldExpired))
    assert await budgets.rebuild() == {}
    await store.close()
