"""What to know before the figures of a report are believed."""

from collections import Counter
from collections.abc import Sequence

from agentsys.errors import NotRecorded
from agentsys.evaluation.reports.account import Account

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
    # What a recording lacks goes on, after the first line, with how it differs.
    reasons = Counter(task.error.partition("\n")[0] for task in failed if task.error)
    if reasons:
        [(reason, _)] = reasons.most_common(1)
        notes.append(f"{len(failed)} failed, mostly: {' '.join(reason.split())}")
    return [*notes, *_not_recorded(failed)]


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
