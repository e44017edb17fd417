"""Measuring the shipped files through the package: the agents, guided decoding, llama.cpp."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentsys.evaluation.statistics import wilson
from agentsys.evaluation.word_problems import free_problems
from agentsys.models.embedded import Embedded
from agentsys.node import Node
from agentsys.project import find
from agentsys.run import Run
from agentsys.schema import validate_json
from agentsys.settings import Deployment
from agentsys.system import System

from .exams import EXAMS, Question, expressions
from .prose import pieces

PARALLEL = 8


@dataclass(frozen=True)
class Trial:
    """One question that was answered."""

    steps: int
    right: bool
    run: Run[Any]


@asynccontextmanager
async def opened(**files: Path) -> Any:
    """A system with one GGUF file a tier."""
    models = {
        tier: Embedded(
            Deployment(
                name=path.stem,
                tier=tier,
                gguf=str(path.resolve()),
                usd_per_mtok_in=0,
                usd_per_mtok_out=0,
                parallel=PARALLEL,
            )
        )
        for tier, path in files.items()
    }
    async with System(models) as system:
        yield system


async def take(system: System, node: Node[Any, Any], questions: Sequence[Question]) -> list[Trial]:
    """Ask everything, some questions at once; in order."""
    gate = asyncio.Semaphore(PARALLEL)

    async def one(question: Question) -> Trial:
        async with gate:
            run = await system.run(node, validate_json(question.input, node.takes))
        right = run.has_output and question.right(run.output_json())
        return Trial(question.steps, right, run)

    return list(await asyncio.gather(*(one(question) for question in questions)))


def rate(hits: Sequence[bool]) -> dict[str, Any]:
    """A share with its Wilson interval."""
    interval = wilson(sum(hits), len(hits)) or (0.0, 1.0)
    return {
        "n": len(hits),
        "successes": sum(hits),
        "rate": round(sum(hits) / max(len(hits), 1), 4),
        "interval": [round(end, 4) for end in interval],
    }


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
    """Success, and success by number of steps."""
    by_steps: dict[int, list[bool]] = defaultdict(list)
    for trial in trials:
        by_steps[trial.steps].append(trial.right)
    by_step = {str(k): round(sum(v) / len(v), 4) for k, v in sorted(by_steps.items())}
    return rate([trial.right for trial in trials]) | {"by_steps": by_step}


async def measure_roles(path: Path, n: int) -> dict[str, Any]:
    """Success of every role on `n` held-out questions."""
    figures: dict[str, Any] = {}
    async with opened(slm=path) as system:
        for name, (agent, exam) in EXAMS.items():
            node: Node[Any, Any] = find("agent", agent).value
            figures[name] = summary(await take(system, node, exam("held_out", n, 500)))
    return figures


async def measure_threshold(path: Path, n: int, check: Callable[[Any, Any], bool | str]) -> Any:
    """The confidence that 94 % of the right answers on `validation` reach, and what it catches."""
    questions = expressions("validation", n, 900)
    async with opened(slm=path) as system:
        node: Node[Any, Any] = find("agent", "solver").value
        trials = await take(system, node, questions)
    sure = sorted(t.run.confidence or 0.0 for t in trials if t.right)
    threshold = sure[int(0.06 * len(sure))] if sure else 1.0
    wrong = [
        (trial.run.confidence or 0.0) < threshold or check(question, trial.run) is not True
        for trial, question in zip(trials, questions, strict=True)
        if not trial.right
    ]
    return {"threshold": round(threshold, 3), "wrong_caught": rate(wrong), **summary(trials)}


async def measure_abstention(graph: Node[Any, Any], n: int, **files: Path) -> dict[str, Any]:
    """How often a graph flags wrong answers outside the language, and right ones in it."""
    free = [Question({"text": p.text}, 0, _gives(p.value)) for p in free_problems()]
    prose = [Question({"text": text}, 0, lambda _: False) for text in pieces()]
    inside = expressions("held_out", n, 500)
    async with opened(**files) as system:
        solver: Node[Any, Any] = find("agent", "solver").value.at(graph.tiers[-1])
        bare = await take(system, solver, inside)
        kept = await take(system, graph, [_as_value(question) for question in inside])
        outside = {
            "free": await take(system, graph, free),
            "prose": await take(system, graph, prose),
        }
    figures: dict[str, Any] = {
        name: {
            "right_and_ok": sum(t.right and t.run.ok for t in trials),
            "wrong_flagged": rate([not t.run.ok for t in trials if not t.right]),
        }
        for name, trials in outside.items()
    }
    flagged = [not k.run.ok for b, k in zip(bare, kept, strict=True) if b.right]
    return figures | {"right_in_language_flagged": rate(flagged)}


def _gives(value: int) -> Callable[[Any], bool]:
    return lambda output: output["value"] == value


def _as_value(question: Question) -> Question:
    """The same question for a graph that gives a value; only whether it is flagged counts."""
    return Question(question.input, question.steps, lambda _: True)
