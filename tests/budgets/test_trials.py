"""No number of calls from any number of processes spends more than a budget has."""

import random

import pytest

from agentsys.budgets.accounts import tenant_scope
from agentsys.stores import open_store
from tests.budgets.worker import PROCESSES, Trial, Workers, cost_of, trial_calls

CALLS = 200


@pytest.mark.slow
async def test_nobody_overspends(url: str, workers: Workers, trials: int) -> None:
    """200 calls at once from four processes spend 90 to 100 % of a budget of half their cost."""
    store, used = open_store(url), list[float]()
    for seed in range(trials):
        drawn = random.Random(seed)
        calls, tenant = trial_calls(drawn, CALLS), f"trial {seed}"
        ceiling = sum(map(cost_of, calls)) // 2
        parts = [Trial(tenant, ceiling, calls[n::PROCESSES]) for n in range(PROCESSES)]
        workers.begin(parts)
        results = workers.results()
        account = tenant_scope(tenant)
        balance = (await store.balances([account]))[account]
        spent = balance.spent.nano_usd
        used.append(spent / ceiling)
        assert 0.9 * ceiling <= spent <= ceiling, f"seed {seed}"
        assert balance.held.nano_usd == 0
        assert sum(result["nano_usd"] for result in results) == spent
        assert sum(r["ok"] + r["budget_exceeded"] for r in results) == CALLS
    await store.close()
    print(f"{trials} trials: {min(used):.2%} to {max(used):.2%} of the ceiling spent")
