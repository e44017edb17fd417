"""Scorers by name: `numeric:0.01`."""

from collections.abc import Callable

from agentsys.errors import UnknownName, UserError
from agentsys.evaluation.scorers.base import PICK, Scorer
from agentsys.evaluation.scorers.choice import Choice
from agentsys.evaluation.scorers.exact import Exact
from agentsys.evaluation.scorers.executable import Executable
from agentsys.evaluation.scorers.mathematics import Mathematical
from agentsys.evaluation.scorers.numeric import Numeric
from agentsys.evaluation.scorers.overlap import F1, SetOf
from agentsys.evaluation.scorers.structure import Json
from agentsys.evaluation.scorers.text import Text, YesNo


def scorer_named(name: str, field: str | None = None) -> Scorer:
    """The scorer of a name, which may have an argument after a colon.

    Args:
        name: One of `SCORERS`; `numeric:0.01`.
        field: The output's field that it looks at; `None`: the scorer's own choice.

    Raises:
        UnknownName: there is no such scorer.
        UserError: it takes no such argument.
    """
    kind, colon, argument = name.partition(":")
    if kind not in SCORERS:
        raise UnknownName("scorer", kind, SCORERS)
    if colon and not argument:
        raise UserError(f"The scorer {name!r} has a colon and nothing after it.")
    return SCORERS[kind](name, argument, field)


def _numeric(name: str, argument: str, field: str | None) -> Scorer:
    return Numeric(field or PICK, _number(name, argument, 1e-6, None))


def _f1(name: str, argument: str, field: str | None) -> Scorer:
    return F1(field or PICK, _number(name, argument, 0.5, 1))


def _set(name: str, argument: str, field: str | None) -> Scorer:
    return SetOf(field or PICK, _number(name, argument, 1, 1))


def _json(name: str, argument: str, field: str | None) -> Scorer:
    _require_none(name, argument)
    return Json(field)


def _executable(name: str, argument: str, field: str | None) -> Scorer:
    if argument not in ("", "data"):
        raise UserError(
            f"There is no scorer {name!r}.", hint="There are 'executable' and 'executable:data'."
        )
    return Executable(field or PICK, code=not argument)


def _judge(name: str, argument: str, field: str | None) -> Scorer:
    raise UserError(
        f"The scorer {name!r} needs the graph itself.",
        hint="In Python, give Judged(name, graph) as the scorer.",
    )


Make = Callable[[str, str, str | None], Scorer]


def _plain(kind: Callable[[str], Scorer]) -> Make:
    """Of a scorer that takes no argument."""

    def make(name: str, argument: str, field: str | None) -> Scorer:
        _require_none(name, argument)
        return kind(field or PICK)

    return make


def _require_none(name: str, argument: str) -> None:
    if argument:
        raise UserError(f"The scorer {name.partition(':')[0]!r} takes no argument.")


def _number(name: str, argument: str, default: float, most: float | None) -> float:
    try:
        value = float(argument or default)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf") or (most is not None and value > most):
        span = "from 0 on" if most is None else f"from 0 to {most:g}"
        raise UserError(f"The scorer {name!r} wants a number {span} after its colon.")
    return value


SCORERS: dict[str, Make] = {
    "exact": _plain(Exact),
    "text": _plain(Text),
    "yes-no": _plain(YesNo),
    "numeric": _numeric,
    "choice": _plain(Choice),
    "f1": _f1,
    "set": _set,
    "json": _json,
    "math": _plain(Mathematical),
    "executable": _executable,
    "judge": _judge,
}
"""The built-in scorers."""
