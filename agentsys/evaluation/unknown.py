"""A bench that is not there, and which ones are."""

from collections.abc import Iterable
from difflib import get_close_matches

from agentsys.errors import UnknownName

NAMED = 5
"""Benches that are named where there is none of a name."""


def unknown_bench(name: str, benches: Iterable[str]) -> UnknownName:
    """What to raise; it names those of much the same name, or the newest.

    Args:
        name: That was asked for.
        benches: Those that there are, the oldest first.
    """
    every = list(benches)
    return UnknownName("bench", name, every, hint=_hint(name, every))


def _hint(name: str, every: list[str]) -> str:
    if not every:
        return "Begin with 'agentsys bench'."
    if get_close_matches(name, every):
        return ""
    newest, older = every[: -NAMED - 1 : -1], len(every) - NAMED
    more = f", and {older:,} older" if older > 0 else ""
    return f"The newest: {', '.join(newest)}{more}."
