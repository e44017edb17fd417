"""`decompose`: from three nodes to one that answers a problem by way of its sub-questions."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, overload

from agentsys.errors import DefinitionError
from agentsys.node import Node
from agentsys.patterns.decomposing.node import Decompose
from agentsys.patterns.decomposing.sub_tasks import Attempted, Solved, SubTask
from agentsys.patterns.decomposing.ways import AtOnce, OneByOne, is_kind
from agentsys.patterns.remembered import Remembered

X = TypeVar("X")
Y = TypeVar("Y")
A = TypeVar("A")
B = TypeVar("B")

MAX_QUESTIONS = 8
"""Sub-questions of a problem, where nothing else is said."""


@overload
def decompose(
    split: Node[X, Sequence[A]],
    solve: Node[SubTask[X, A, B], B],
    join: Node[Solved[X, A, B], Y],
    *,
    attempt: Node[X, Y] | None = None,
    worth: Callable[[Attempted[X, Y]], bool] | None = None,
    depends_on: Callable[[A], Iterable[int]] | None = None,
    implied: Callable[[Solved[X, A, B]], Y | None] | None = None,
    max_questions: int = MAX_QUESTIONS,
    remember: float | None = None,
    key: Callable[[SubTask[X, A, B]], object] | None = None,
) -> Node[X, Y]: ...
@overload
def decompose(
    split: Node[Attempted[X, Y], Sequence[A]],
    solve: Node[SubTask[X, A, B], B],
    join: Node[Solved[X, A, B], Y],
    *,
    attempt: Node[X, Y],
    worth: Callable[[Attempted[X, Y]], bool] | None = None,
    depends_on: Callable[[A], Iterable[int]] | None = None,
    implied: Callable[[Solved[X, A, B]], Y | None] | None = None,
    max_questions: int = MAX_QUESTIONS,
    remember: float | None = None,
    key: Callable[[SubTask[X, A, B]], object] | None = None,
) -> Node[X, Y]: ...
@overload
def decompose(
    split: Node[Solved[X, A, B], A | None],
    solve: Node[SubTask[X, A, B], B],
    join: Node[Solved[X, A, B], Y],
    *,
    max_questions: int,
    attempt: Node[X, Y] | None = None,
    worth: Callable[[Attempted[X, Y]], bool] | None = None,
    implied: Callable[[Solved[X, A, B]], Y | None] | None = None,
    remember: float | None = None,
    key: Callable[[SubTask[X, A, B]], object] | None = None,
) -> Node[X, Y]: ...
def decompose(
    split: Node[Any, Any],
    solve: Node[Any, Any],
    join: Node[Any, Any],
    *,
    attempt: Node[Any, Any] | None = None,
    worth: Callable[[Any], bool] | None = None,
    depends_on: Callable[[Any], Iterable[int]] | None = None,
    implied: Callable[[Any], Any] | None = None,
    max_questions: int | None = None,
    remember: float | None = None,
    key: Callable[[Any], object] | None = None,
) -> Node[Any, Any]:
    """A problem answered by way of sub-questions: split, solve each, join (DaSLaM, and safer).

    With an attempt, a problem is decomposed only where the attempt fails its checks or is not sure
    enough. A decomposition that fails, or is doubtful itself, never takes the place of an attempt
    that passes its checks; one that comes to the same result removes its doubt. Without an attempt
    every problem is decomposed.

    Args:
        split: Gives the sub-questions: all at once, from the problem or, where it takes
            `Attempted`, from the problem and the attempt; or, where it takes `Solved`, the next one
            from the answers so far, and `None` when there are enough.
        solve: Answers one. A verifier is a check on it: `solve.check(…)`.
        join: Makes the result of the answers.
        attempt: Solves the problem directly, to begin with.
        worth: Whether an attempt that something speaks against is worth decomposing; default: all
            are. One that says that it does not understand the problem rarely is.
        depends_on: The numbers, from 0, of the sub-questions whose answers one needs: those that
            do not need each other are answered side by side, and each is told what it needs alone.
            Without it, they are answered in turn, and each is told all answers so far.
        implied: The result, where these answers imply it: the others are not asked for.
        max_questions: More sub-questions than this fail the split.
        remember: Seconds for which settled sub-answers hold in all runs of the tenant and team.
            Within a run, the same sub-question is always asked once.
        key: What of a sub-task its answer depends on, as JSON data, and so which ones are the same;
            default: all of it, the problem included.

    Raises:
        DefinitionError: the parts do not fit together.
    """
    if remember is not None:
        solve = Remembered(solve, seconds=remember, key=key)
    one_by_one = is_kind(split, Solved)
    most = MAX_QUESTIONS if max_questions is None and not one_by_one else max_questions
    if most is None or most < 1:
        raise DefinitionError(
            f"{split.name!r} needs a bound on the sub-questions, of 1 or more.",
            hint="Give max_questions=, the most that a problem may have.",
        )
    common = (split, solve, join, implied, most, key)
    if one_by_one:
        if depends_on is not None:
            raise DefinitionError(
                f"{split.name!r} gives one sub-question after another: all wait for the last.",
                hint="Leave out 'depends_on', or give all sub-questions at once.",
            )
        return Decompose(OneByOne(*common), attempt, worth, _problem(split))
    if split.gives is str:
        raise DefinitionError(
            f"{split.name!r} gives one text, not sub-questions.", hint="Let it give list[str]."
        )
    if not is_kind(split, Attempted):
        return Decompose(AtOnce(*common, depends_on), attempt, worth, split.takes)
    if attempt is None:
        raise DefinitionError(
            f"{split.name!r} takes an attempt, and there is none.", hint="Give attempt=."
        )
    return Decompose(AtOnce(*common, depends_on), attempt, worth, attempt.takes)


def _problem(split: Node[Any, Any]) -> Any:
    """The type of the problem, which the split takes as a part of what it takes."""
    return split.takes.model_fields["problem"].annotation
