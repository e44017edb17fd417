"""The process behind `worker`: a JSON line in, a JSON line out."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

MAX_MEMORY = 2 << 30
"""Bytes of address space, where the system has such a limit."""
MAX_CPU_S = 180
"""Seconds that a question may take where nobody is left to stop it."""


def main() -> None:
    """Answer until there are no more questions."""
    _limit_memory_and_files()
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries may print
    for line in sys.stdin.buffer:
        _limit_time()
        try:
            reply: dict[str, Any] = {"answer": _answer(json.loads(line))}
        except (Exception, RecursionError, MemoryError) as error:
            reply = {"error": f"{type(error).__name__}: {error}"[:300]}
        out.write(json.dumps(reply).encode() + b"\n")
        out.flush()


def _answer(question: dict[str, Any]) -> Any:
    return _KINDS[question.pop("kind")](**question)


def _ready() -> bool:
    return True


def _math(given: str, wanted: str) -> bool:
    from agentsys.evaluation.scorers.mathematics import equal

    return equal(given, wanted)


def _gym_tasks(task: str, seed: int, start: int, count: int) -> list[tuple[str, Any]]:
    from agentsys.evaluation.reasoning_gym import tasks

    return tasks(task, seed, start, count)


def _gym_score(task: str, seed: int, index: int, answer: str) -> float:
    from agentsys.evaluation.reasoning_gym import score_of

    return score_of(task, seed, index, answer)


_KINDS: dict[str, Callable[..., Any]] = {
    "ready": _ready,
    "math": _math,
    "reasoning-gym": _gym_score,
    "reasoning-gym-tasks": _gym_tasks,
}


def _limit_memory_and_files() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes to its pipes alone
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = MAX_MEMORY if most == resource.RLIM_INFINITY else min(most, MAX_MEMORY)
    with suppress(ValueError, OSError):  # macOS knows the limit and does not set it
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _limit_time() -> None:
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(used.ru_utime + used.ru_stime) + MAX_CPU_S
    if most != resource.RLIM_INFINITY:
        limit = min(limit, most)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, most))


if __name__ == "__main__":
    main()
