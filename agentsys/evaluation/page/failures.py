"""The most expensive failures, each with all that was said in its run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentsys.errors import AgentSysError
from agentsys.evaluation.bench import find_bench
from agentsys.evaluation.page.visible import one_line, shortened
from agentsys.evaluation.reports.account import Account
from agentsys.evaluation.reports.numbers import money, seconds
from agentsys.evaluation.suites import Source, Task, load_again
from agentsys.events import Call, RunFinished, RunStarted, ToolCall
from agentsys.ledger import Ledger
from agentsys.money import NANO_PER_USD

MOST = 10
"""Failures that are shown."""

STEPS = 60
"""Calls of each that are shown."""

_ANSWERED = ("ok", "low_confidence")

_TEXT = 2_000
"""Characters of a text that are shown."""

_NAME = 80


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a model or a tool, as texts."""

    who: str
    """`node@tier`, or the tool."""
    deployment: str
    facts: str
    """Tokens, cost, seconds, confidence."""
    decision: str
    reason: str
    text: str
    tool: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that cost much and failed, as texts; what is not known is empty."""

    task: str
    graph: str
    cost: str
    seconds: str
    status: str
    error: str
    given: str
    answered: str
    expected: str
    steps: tuple[Step, ...]
    more: int
    """Calls that are not shown."""


def expensive_failures(ledger: Ledger, tasks: Sequence[Account]) -> list[Failure]:
    """Those that failed and cost most, the dearest first.

    Raises:
        StoreError: the ledger cannot be read.
    """
    failed = [task for task in tasks if task.finished and not task.success]
    dearest = sorted(failed, key=lambda task: -task.nano_usd)[:MOST]
    traces: dict[str, list[Any]] = {task.run_id: [] for task in dearest}
    wanted = (RunStarted, Call, ToolCall, RunFinished)
    for recorded in ledger.events(*wanted, run_ids=traces) if traces else ():
        if isinstance(event := recorded.event, wanted):
            traces[event.run_id].append(event)
    known = {bench: _tasks(ledger, bench) for bench in {t.bench for t in dearest if t.bench}}
    return [
        _failure(task, traces[task.run_id], known.get(task.bench, {}).get(task.task_id))
        for task in dearest
    ]


def _tasks(ledger: Ledger, bench: str) -> Mapping[str, Task]:
    """The tasks of a bench's suite; none where it cannot be had any more."""
    try:
        begun = find_bench(ledger, bench)
        source = replace(Source.from_json(begun.source), scorer="", field="")
        suite = load_again(begun.suite, source, limit=begun.limit, seed=begun.seed)
    except (AgentSysError, TypeError):  # of another version, or its file is gone
        return {}
    return {task.id: task for task in suite.tasks}


def _failure(task: Account, events: Sequence[Any], known: Task | None) -> Failure:
    steps = [_step(event) for event in events if isinstance(event, Call | ToolCall)]
    given = next((e.task for e in events if isinstance(e, RunStarted)), "")
    repeat = f", repeat {task.repeat + 1}" if task.repeat else ""
    ends = [event for event in events if isinstance(event, RunFinished)]
    answered = ends[-1].output if ends else None
    return Failure(
        task=one_line(task.task_id or task.run_id, _NAME) + repeat,
        graph=one_line(task.graph, _NAME),
        cost=money(task.nano_usd / NANO_PER_USD),
        seconds=seconds(task.seconds),
        status=f"{task.status}, wrong" if task.status in _ANSWERED else task.status or "failed",
        error=shortened(task.error, _TEXT),
        given=shortened(given, _TEXT),
        answered="" if answered is None else shortened(answered, _TEXT),
        expected="" if known is None else shortened(known.reference, _TEXT),
        steps=tuple(steps[:STEPS]),
        more=max(0, len(steps) - STEPS),
    )


def _step(event: Call | ToolCall) -> Step:
    if isinstance(event, ToolCall):
        ran = "ran" if event.executable else "did not run"
        told = f"{shortened(event.args, _TEXT)}\n→ {shortened(event.observation, _TEXT)}"
        who = f"tool {one_line(event.tool, _NAME)}"
        return Step(who, one_line(event.node, _NAME), seconds(event.seconds), ran, "", told, True)
    facts = [
        f"{event.tokens_in:,} tokens in, {event.tokens_out:,} out",
        money(event.nano_usd / NANO_PER_USD),
        seconds(event.seconds),
    ]
    if event.confidence is not None:
        facts.append(f"confidence {event.confidence:.3f}")
    return Step(
        who=one_line(f"{event.node}@{event.tier}", _NAME),
        deployment=one_line(event.deployment or "no reply", _NAME),
        facts=" · ".join(facts),
        decision=event.decision,
        reason=shortened(event.reason or event.error, _TEXT),
        text=shortened(event.text, _TEXT),
    )
