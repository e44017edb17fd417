"""Suites of reasoning-gym, where it is installed: `reasoning-gym:chain_sum`."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import count

from agentsys.errors import InvalidOutput, UserError
from agentsys.evaluation.scorers.gym import ReasoningGym
from agentsys.evaluation.scorers.worker import START_S, worker
from agentsys.evaluation.suites.pool import Pool
from agentsys.evaluation.task import Task

PREFIX = "reasoning-gym:"

_USUAL = 100
"""Tasks where no limit is given."""
_AT_ONCE = 100


def reasoning_gym(name: str, seed: int) -> Pool:
    """The tasks of a name, and their own scorer.

    Raises:
        UserError: the library is not installed, or has no such task.
    """
    try:
        installed = version("reasoning-gym")
    except PackageNotFoundError as error:
        raise UserError(
            f"The suite {name!r} needs reasoning-gym.",
            hint="pip install 'agentsys[reasoning-gym]'",
        ) from error
    task = name.removeprefix(PREFIX)
    return Pool(_tasks(task, seed), ReasoningGym(task, seed), endless=_USUAL, digest=installed)


def _tasks(task: str, seed: int) -> Iterator[Task]:
    for start in count(0, _AT_ONCE):
        question = {"kind": "reasoning-gym-tasks", "task": task, "seed": seed}
        try:
            found = worker().ask(question | {"start": start, "count": _AT_ONCE}, seconds=START_S)
        except InvalidOutput as error:
            reason = error.message.removeprefix("ValueError: ").rstrip(".")
            raise UserError(f"No tasks of reasoning-gym's {task!r}: {reason}.") from error
        for index, (text, answer) in enumerate(found, start=start):
            yield Task(f"{task}-{seed}-{index}", {"question": text}, answer)
        if len(found) < _AT_ONCE:
            return
