"""What to know before the figures of a report are believed."""

from collections import Counter
from collections.abc import Sequence

from agentsys.errors import NotRecorded
from agentsys.evaluation.reports.account import Account
from agentsys.events import BenchStarted
from agentsys.ledger import Ledger

_NAMED = 10
"""Tasks that are named at most."""


def caveats(tasks: Sequence[Account]) -> list[str]:
    """A line for each: no scorer, no end, failures, nothing recorded."""
    notes: list[str] = []
    unscored = sum(task.finished and task.outcome is None for task in tasks)
    unfinished = sum(not task.finished for task in tasks)
    if unscored:
        notes.append(
            f"{unscored} of {len(tasks)} tasks had no scorer: the graph's own checks decided."
        )
    if unfinished:
        notes.append(
            f"{unfinished} of {len(tasks)} tasks were left unfinished; only their cost counts."
        )
    failed = [task for task in tasks if task.end == "failed"]
    notes += _mostly(failed, "failed")
    notes += _mostly([t for t in tasks if t.end == "budget_exceeded"], "were stopped by a budget")
    return [*notes, *_not_recorded(failed)]


def undone(tasks: Sequence[Account], ledger: Ledger, bench: str) -> list[str]:
    """How many tasks of a bench are still to be done; nothing where none is."""
    done = sum(task.finished for task in tasks)
    for recorded in ledger.events(BenchStarted, bench=bench):
        if isinstance(begun := recorded.event, BenchStarted):
            every = begun.tasks * begun.repeat * len(begun.graphs)
            if done < every:
                return [f"The bench was stopped: {done:,} of {every:,} tasks are done."]
    return []


def _mostly(tasks: Sequence[Account], ended: str) -> list[str]:
    """The commonest reason why runs ended so."""
    # What a recording lacks goes on, after the first line, with how it differs.
    reasons = Counter(task.error.partition("\n")[0] for task in tasks if task.error)
    return [
        f"{len(tasks)} {ended}, mostly: {' '.join(reason.split())}"
        for reason, _ in reasons.most_common(1)
    ]


def _not_recorded(failed: Sequence[Account]) -> list[str]:
    """How many tasks, and which, a recording had no reply for: they say nothing of the graph."""
    missing = [task for task in failed if task.error.startswith(NotRecorded.PREFIX)]
    if not missing:
        return []
    names = [*dict.fromkeys(task.task_id or task.run_id for task in missing)]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [
        f"{len(missing)} of {len(failed)} failed because nothing is recorded for them:"
        f" {', '.join(names[:_NAMED])}{more}."
    ]
