"""Scorers by name: `numeric:0.01`."""

from collections.abc import Callable

from agentsys.errors import UnknownName, UserError
from agentsys.evaluation.scorers.base import PICK, Scorer
from agentsys.evaluation.scorers.exact import Exact
from agentsys.evaluation.scorers.numeric import Numeric
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


def _plain(make: Callable[[str], Scorer]) -> Callable[[str, str, str | None], Scorer]:
    def made(name: str, argument: str, field: str | None) -> Scorer:
        if argument:
            raise UserError(f"The scorer {name.partition(':')[0]!r} takes no argument.")
        return make(field or PICK)

    return made


def _numeric(name: str, argument: str, field: str | None) -> Scorer:
    return Numeric(field=field or PICK, tolerance=_bounded(name, argument, 1e-6, None))


def _bounded(name: str, argument: str, default: float, most: float | None) -> float:
    try:
        value = float(argument or default)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf") or (most is not None and value > most):
        span = "a number from 0 on" if most is None else f"a number from 0 to {most:g}"
        raise UserError(f"The scorer {name!r} has an argument that is not {span}.")
    return value


SCORERS: dict[str, Callable[[str, str, str | None], Scorer]] = {
    "exact": _plain(Exact),
    "text": _plain(Text),
    "yes-no": _plain(YesNo),
    "numeric": _numeric,
}
"""The built-in scorers."""
