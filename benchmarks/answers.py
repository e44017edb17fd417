"""Answers to word problems to be judged, with what is right."""

import sys
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from deliberating import Question, Solution
from servers import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from miniatures.arithmetic import value_of
from miniatures.evaluate import unchecked

from agentsys import Candidate
from agentsys.evaluation.judging.injected import KINDS, inject
from agentsys.evaluation.word_problems import Split, problem
from agentsys.project import find
from agentsys.system import System
from agentsys.tools.arithmetic import evaluate


@dataclass(frozen=True)
class Item:
    """An answer, and whether it is right."""

    candidate: Candidate[Any, Any]
    correct: bool


async def items(system: System, split: Split, number: int, seed: int) -> list[Item]:
    """As many of each half."""
    solver = unchecked(find("agent", "solver").value, "slm")
    found: list[Item] = []
    for index in count():
        p = problem(split, seed, index)
        if len(found) == number:
            return found
        if len(found) % 2:
            kind = KINDS[len(found) // 2 % len(KINDS)]
            right = p.expression
            expected = p.value
            wrong = inject(
                Random(f"judging {p.id}"), right, kind, lambda e, v=expected: evaluate(e) == v
            )
            answer, correct = Solution(expression=wrong.expression), False
        else:
            run = await system.run(solver, Question(text=p.text))
            if not run.has_output or run.output.expression == "unknown":
                continue  # that it is no answer, a check sees
            answer, correct = run.output, value_of(run.output.expression) == p.value
        found.append(
            Item(Candidate[Question, Solution](task=Question(text=p.text), answer=answer), correct)
        )
    return found


def same(mine: Any, given: Any) -> bool:
    """Both expressions come to the same."""
    return value_of(mine.expression) is not None and value_of(mine.expression) == value_of(
        given.expression
    )
