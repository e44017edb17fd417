"""Measuring the shipped files through the package: the agents, guided decoding, llama.cpp."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from agentsys import Agent
from agentsys.evaluation.statistics import wilson
from agentsys.evaluation.word_problems import free_problems
from agentsys.models.embedded import Embedded
from agentsys.node import Node
from agentsys.project import find, find_graph
from agentsys.run import Run
from agentsys.schema import validate_json
from agentsys.settings import Deployment
from agentsys.system import System

from .exams import EXAMS, SEED, Question, expressions
from .prose import pieces

PARALLEL = 8
KEPT = 0.94
"""Share of the right answers that a threshold lets pass."""


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
                usd_per_hour=Decimal(0),
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


_TIERS = {"mini-slm": "slm", "mini-llm": "llm"}


async def measure(folder: Path, name: str, n: int) -> dict[str, Any]:
    """Everything that the card of a model says was measured."""
    files = {tier: folder / f"{file}.gguf" for file, tier in _TIERS.items()}
    tier = _TIERS[name]
    figures: dict[str, Any] = {"roles": {}}
    async with opened(**{tier: files[tier]}) as system:
        for title, (agent, exam) in EXAMS.items():
            node = unchecked(find("agent", agent).value, tier)
            trials = await take(system, node, exam("held_out", n, SEED))
            figures["roles"][title] = {"agent": agent} | summary(trials)
            print(f"{name} {title}: {figures['roles'][title]['rate']:.3f}", flush=True)
        figures["threshold"] = await _threshold(system, tier, n)
    graphs = [f"{tier}_only", *(["slm_fallback"] if tier == "llm" else [])]
    needed = files if tier == "llm" else {tier: files[tier]}
    async with opened(**needed) as system:
        figures["abstention"] = [await _abstention(system, name, tier, n) for name in graphs]
    return figures


def unchecked(agent: Any, tier: str) -> Node[Any, Any]:
    """An agent without its checks, repairs and thresholds: what the model itself answers."""
    return Agent(
        agent.takes,
        agent.gives,
        agent.spec.instructions,
        tools=agent.spec.tools,
        tier=tier,
        repairs=0,
        steps=agent.spec.steps,
        max_tokens=agent.spec.max_tokens,
        name=agent.name,
    )


async def _threshold(system: System, tier: str, n: int) -> dict[str, Any]:
    """The confidence that most right answers on `validation` reach, and what it catches."""
    solver = find("agent", "solver").value
    questions = expressions("validation", n, 900)
    trials = await take(system, unchecked(solver, tier), questions)
    sure = sorted(t.run.confidence or 0.0 for t in trials if t.right)
    threshold = sure[int((1 - KEPT) * len(sure))] if sure else 1.0

    def refused(question: Question, trial: Trial) -> bool:
        if not trial.run.has_output:
            return True
        return bool(solver.spec.objection(solver.takes(**question.input), trial.run.output))

    checked = [(t, refused(q, t)) for q, t in zip(questions, trials, strict=True)]

    def caught(at: float, *, right: bool) -> list[bool]:
        return [no or (t.run.confidence or 0.0) < at for t, no in checked if t.right == right]

    sweep = [
        {
            "threshold": at,
            "right_caught": rate(caught(at, right=True))["rate"],
            "wrong_caught": rate(caught(at, right=False))["rate"],
        }
        for at in (0.0, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9)
    ]
    return {
        "threshold": round(threshold, 3),
        "wrong_caught": rate(caught(threshold, right=False)),
        "sweep": sweep,
        **summary(trials),
    }


async def _abstention(system: System, name: str, tier: str, n: int) -> dict[str, Any]:
    """How often a graph flags wrong answers outside the language, and right ones in it."""
    graph = find_graph(name)
    solver = unchecked(find("agent", "solver").value, tier)
    free = [Question({"text": p.text}, 0, _gives(p.value)) for p in free_problems()]
    prose = [Question({"text": text}, 0, lambda _: False) for text in pieces()[:: max(1, 400 // n)]]
    inside = expressions("held_out", n, SEED)
    bare = await take(system, solver, inside)
    kept = await take(system, graph, [Question(q.input, q.steps, _anything) for q in inside])
    figures: dict[str, Any] = {"graph": name}
    for title, questions in (("free", free), ("prose", prose)):
        trials = await take(system, graph, questions)
        figures[title] = {
            "right_and_ok": sum(t.right and t.run.ok for t in trials),
            "wrong_flagged": rate([not t.run.ok for t in trials if not t.right]),
        }
    flagged = [not k.run.ok for b, k in zip(bare, kept, strict=True) if b.right]
    return figures | {"right_in_language_flagged": rate(flagged)}


def _gives(value: int) -> Callable[[Any], bool]:
    return lambda output: output["value"] == value


def _anything(output: Any) -> bool:
    return True
