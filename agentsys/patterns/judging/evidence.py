"""Evidence: what a judge quotes must stand in the answer."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from agentsys.schema import compact, dump


def sorted_out(
    quotes: Iterable[str], answer: Any, kind: Any
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The quotes that occur in an answer of type `kind`, and those that do not; blank ones go."""
    told = [quote for quote in dict.fromkeys(quotes) if quote.strip()]
    found = {quote for quote in told if occurs(quote, answer, kind)}
    return tuple(q for q in told if q in found), tuple(q for q in told if q not in found)


def occurs(quote: str, answer: Any, kind: Any) -> bool:
    """Whether words stand in one of the texts of an answer, or in its JSON; spaces are alike."""
    data = dump(answer, kind)
    wanted = _plain(quote)
    return bool(wanted) and any(wanted in _plain(text) for text in (*_texts(data), compact(data)))


def _texts(data: Any) -> Iterator[str]:
    match data:
        case str():
            yield data
        case Mapping():
            for part in cast("Mapping[str, Any]", data).values():
                yield from _texts(part)
        case list():
            for part in cast("list[Any]", data):
                yield from _texts(part)
        case _:
            pass


def _plain(text: str) -> str:
    """As it reads; data is shown with some signs written out."""
    return " ".join(text.replace("\\u003c", "<").replace("\\u005b", "[").split())
