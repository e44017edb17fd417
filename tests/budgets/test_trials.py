"""No number of calls from any number of processes spends more than a budget has."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentsys.stores import open_store
from tests.budgets.worker import Trial, cost_of, line, trial_calls
from tests.stores.conftest import url

__all__ = ["url"]

PROCESSES = 4
CALLS = 200
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Workers:
    """Processes that make calls on the same store."""

    processes: list[subprocess.Popen[str]]

    def run(self, trials: list[Trial]) -> list[dict[str, Any]]:
        """Give each process its part of a trial; gives what came of each."""
        for process, trial in zip(self.processes, trials, strict=True):
            assert process.stdin is not None
            process.stdin.write(line(trial))
            process.stdin.flush()
        return [json.loads(self._answer(process)) for process in self.processes]

    @staticmethod
    def _answer(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline()


@pytest.fixture
def workers(url: str) -> Iterator[Workers]:
    command = [sys.executable, "-m", "tests.budgets.worker", url]
    processes = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(PROCESSES)
    ]
    yield Workers(processes)
    for process in processes:
        process.communicate()


@pytest.mark.slow
async def test_nobody_overspends(url: str, workers: Workers, trials: int) -> None:
    """200 calls at once from four processes spend 90 to 100 % of a budget of half their cost."""
    store, used = open_store(url), list[float]()
    for seed in range(trials):
        drawn = random.Random(seed)
        calls, tenant = trial_calls(drawn, CALLS), f"trial {seed}"
        ceiling = sum(map(cost_of, calls)) // 2
        parts = [Trial(tenant, ceiling, calls[n::PROCESSES]) for n in range(PROCESSES)]
        results = workers.run(parts)
        account = f"tenant:trial%20{seed}"
        balance = (await store.balances([account]))[account]
        spent = balance.spent.nano_usd
        used.append(spent / ceiling)
        assert 0.9 * ceiling <= spent <= ceiling, f"seed {seed}"
        assert balance.held.nano_usd == 0
        assert sum(result["nano_usd"] for result in results) == spent
        assert sum(r["ok"] + r["budget_exceeded"] for r in results) == CALLS
    await store.close()
    print(f"{trials} trials: {min(used):.2%} to {max(used):.2%} of the ceiling spent")
