"""No prompt of any ready-made graph has a task's reference in it."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from agentsys import Node, System
from agentsys.errors import InvalidTask
from agentsys.evaluation.bench import Bench, new_id
from agentsys.evaluation.scorers import Exact
from agentsys.evaluation.suites import Suite, Task
from agentsys.ledger import Ledger
from agentsys.models.base import Model, Reply, Request
from agentsys.models.tiers import Tiers
from agentsys.money import Worst
from agentsys.project import definitions, find_graph
from agentsys.settings import Settings

CANARY = "CANARY-41-IS-RIGHT"
PENS = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"
HARD = "Telem has 9 bags of 31 klishoums, and then loses 7. Next, Telem buys 3 sets of 6 klishoums."
ANSWERS: list[Any] = ["4*12-7", {"expression": "4*12-7", "reasoning": CANARY}]
"""What judges are shown, in one form or the other."""
INPUT: dict[str, Any] = {
    "text": PENS,
    "question": PENS,
    "task": {"text": PENS, "solution": CANARY},
    "reference": CANARY,
    "reasoning": CANARY,
    "gold": CANARY,
    "value": CANARY,
    "solution": {"expression": CANARY},
}
"""What graphs take, and what data sets have beside it."""


@dataclass
class Heard:
    """A model that keeps what it was asked."""

    model: Model
    requests: list[Request]

    async def ask(self, request: Request) -> Reply:
        """The model's own reply."""
        self.requests.append(request)
        return await self.model.ask(request)

    def worst(self, request: Request) -> Worst:
        """The model's own."""
        return self.model.worst(request)

    async def close(self) -> None:
        """The model is closed with its tiers."""


def tasks_for(node: Node[Any, Any]) -> tuple[Task, ...]:
    """Two problems as the graph takes them, with all that a data set has beside them."""
    for answer in ANSWERS:
        given = INPUT | {"answer": answer}
        hard = given | {"text": HARD, "question": HARD, "task": {"text": HARD}}
        tasks = [Task(f"{n}", data, CANARY) for n, data in enumerate((given, hard))]
        with suppress(InvalidTask):
            tasks[0].fitted(node.takes)
            return tuple(replace(task, solution=CANARY) for task in tasks)
    raise AssertionError(f"{node} takes something else: add it to INPUT")


@pytest.mark.parametrize("graph", [found.name for found in definitions("graph")])
async def test_no_reference_reaches_a_prompt(graph: str, tmp_path: Path) -> None:
    """Not by a bench, not by fields of the input that the graph does not take."""
    node = find_graph(graph)
    suite = Suite("canary", tasks_for(node), Exact())
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    tiers = Tiers(Settings.load())
    requests: list[Request] = []
    # `slm-2` and the like stand for further small models.
    named = {tier: tier if tier in tiers else "slm" for tier in node.tiers}
    models = {tier: Heard(tiers[name], requests) for tier, name in named.items()}
    async with System(models, store=ledger.store) as system:
        await Bench(new_id(), suite, {graph: node}).run(system)
    await tiers.close()
    assert requests
    assert "pens" in repr(requests)
    assert "CANARY" not in repr(requests)
