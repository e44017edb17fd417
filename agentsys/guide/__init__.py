"""What Outlines makes of a JSON Schema: a regular expression, and what that leaves out.

Outlines' coverage is narrow, and some schemas come out wrong instead of being refused: two schemas
under `allOf` are matched one after the other, bounds of numbers are passed over, an alternative in
`pattern` tears the quotes apart, and a length silently replaces a pattern or a format. So a schema
is first reduced to the part that Outlines compiles faithfully (`supported`), and the regular
expression is what every server gets: one compiler, one meaning. Every text that `Guide.regex`
matches is JSON, and it satisfies the schema in every keyword but those under `Guide.unenforced`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agentsys.guide import outlines
from agentsys.guide.drafts import modern
from agentsys.guide.limits import CHARACTERS, DEFAULT, Limits
from agentsys.guide.refusals import Refused, TooLarge
from agentsys.guide.size import size
from agentsys.guide.supported import Reader

__all__ = ["DEFAULT", "Guide", "Limits", "guide"]

_UNLIMITED = 10**9
_COUNTED = (_UNLIMITED, 128, 32, 8, 1)
"""How far characters and items are counted, at most; less where the automaton grows too large."""
_HOPELESS = 20
"""An estimate counts alternatives that begin alike apart; it is not wrong by more than this."""
_NAMED = re.compile(r'\\\{\(*\[ \]\?"[^(\[]')
"""An object with a fixed name first."""
_SMALL = 300
"""States up to which that is no trouble."""


@dataclass(frozen=True, slots=True)
class Guide:
    """How far replies can be held to a schema."""

    regex: str | None
    """Matches JSON texts that fit; `None` where Outlines cannot be used."""
    unenforced: tuple[str, ...]
    """Keywords that the regex does not hold replies to, by place: `$.lines[*].price.minimum`."""
    refused: str
    """Why there is no regex; empty where there is one."""
    enforced: tuple[str, ...] = ()
    """Keywords that the regex holds replies to, by place."""
    narrowed: tuple[str, ...] = ()
    """What would be valid and cannot be written: what is nested too deep."""
    too_large: bool = False
    """Whether it is refused for more states than the limits allow."""


def guide(schema: Any, limits: Limits = DEFAULT) -> Guide:
    """Compile a schema (cached); never raises."""
    try:
        return _guide(json.dumps(schema), limits)
    except (ValueError, TypeError, RecursionError) as error:
        return Guide(None, (), f"it is not a JSON Schema: {error!r}")


@lru_cache(maxsize=1024)
def _guide(schema: str, limits: Limits) -> Guide:
    try:
        root = modern(json.loads(schema))
        if "\\ue000" in schema:
            raise Refused("it has the character U+E000, which marks places in patterns")
        return _compiled(root, limits)
    except Refused as error:
        return Guide(None, (), str(error), too_large=isinstance(error, TooLarge))
    except RecursionError:
        return Guide(None, (), "it is nested too deeply")
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        return Guide(None, (), f"it is not a JSON Schema: {error!r}")


def _compiled(root: Any, limits: Limits) -> Guide:
    """With lengths counted, and types nested, as far as the limits allow.

    Raises:
        Refused: not even the least fits.
    """
    reason, tried = Refused(""), ""
    for depth, repeats in _attempts(limits.depth):
        reader = Reader(root, depth, repeats)
        part = reader.read(root)
        regex = reader.finished(outlines.compiled(part))
        if regex == tried:
            continue
        tried = regex
        try:
            _must_fit(regex, limits, searches=reader.searches)
        except Refused as error:
            reason = error
            continue
        dropped = tuple(dict.fromkeys(reader.dropped))
        enforced = tuple(dict.fromkeys(place for place in reader.seen if place not in dropped))
        return Guide(regex, dropped, "", enforced, tuple(dict.fromkeys(reader.narrowed)))
    raise reason


def _attempts(depth: int) -> Iterator[tuple[int, int]]:
    for repeats in _COUNTED:
        yield depth, repeats
    for less in range(depth - 1, 0, -1):
        yield from ((less, repeats) for repeats in _COUNTED[-2:])


def _must_fit(regex: str, limits: Limits, *, searches: bool) -> None:
    """Measure what could be too large.

    Args:
        regex: What would be sent.
        limits: What it may take.
        searches: Whether it has a pattern that may be looked for in many places.

    Raises:
        Refused: it takes more.
    """
    if len(regex) > CHARACTERS:
        raise Refused(f"its regular expression has {len(regex):,} characters")
    states = size(regex)
    # Where a match can begin in the middle of another, the automaton grows out of proportion. The
    # name that begins an object occurs nowhere inside it as it is.
    grows = _NAMED.match(regex) is None
    if states <= _HOPELESS * limits.states and (
        searches or states > limits.states or (grows and states > _SMALL)
    ):
        found = outlines.measured(regex)
        if found is None:
            raise Refused(outlines.TOO_MUCH)
        states = found.states
    if states > limits.states:
        raise TooLarge(f"its automaton has {states:,} states, and {limits.states:,} are allowed")
