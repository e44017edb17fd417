"""How a request differs from the nearest one that was recorded, to read."""

import json
import re
from collections.abc import Sequence
from difflib import unified_diff

from agentsys.models.base import Request

_SENTENCE = re.compile(r"\n|(?<=[.!?;:])\s+")
_WORD = re.compile(r"\w+")

LONGEST_LINE = 160
MOST_LINES = 40


class Nearest:
    """Requests on record, compared by their words."""

    def __init__(self, recorded: Sequence[tuple[str, Request]]) -> None:
        """Take requests, each with its tier."""
        self._recorded = recorded
        self._words: list[frozenset[str]] | None = None

    def difference(self, tier: str, request: Request) -> str:
        """A unified diff from the nearest request on record to this one, shortened."""
        if not self._recorded:
            return ""
        words = self._words = self._words or [_words(*each) for each in self._recorded]
        wanted = _words(tier, request)
        place = max(range(len(words)), key=lambda at: _alike(wanted, words[at]))
        return difference(_lines(*self._recorded[place]), _lines(tier, request))


def nearest_text(recorded: Sequence[str], asked: str) -> str:
    """A unified diff from the nearest text on record to this one, shortened."""
    if not recorded:
        return ""
    wanted = frozenset(_WORD.findall(asked))
    near = max(recorded, key=lambda text: _alike(wanted, frozenset(_WORD.findall(text))))
    return difference(_SENTENCE.split(near), _SENTENCE.split(asked))


def difference(recorded: Sequence[str], asked: Sequence[str]) -> str:
    """A unified diff, shortened."""
    found = list(unified_diff(recorded, asked, "recorded", "asked", lineterm="", n=1))
    shown = [_short(line) for line in found[:MOST_LINES]]
    if len(found) > MOST_LINES:
        shown.append(f"… {len(found) - MOST_LINES} more lines")
    return "\n".join(shown)


def _lines(tier: str, request: Request) -> list[str]:
    """A request, a sentence a line."""
    lines = [
        f"tier: {tier}",
        f"max_tokens: {request.max_tokens}",
        f"temperature: {request.temperature:g}",
        f"seed: {request.seed}",
        f"alternatives: {request.alternatives}",
    ]
    for message in request.messages:
        lines.append(f"{message.role}:")
        lines.extend(f"  {part}" for part in _SENTENCE.split(message.content))
    schema = "none" if request.schema is None else json.dumps(request.schema, indent=1, default=str)
    return [*lines, "schema:", *(f"  {line}" for line in schema.split("\n"))]


def _words(tier: str, request: Request) -> frozenset[str]:
    told = " ".join(message.content for message in request.messages)
    return frozenset((*_WORD.findall(told), f"@{tier}", f"#{request.seed}"))


def _alike(first: frozenset[str], second: frozenset[str]) -> float:
    """Jaccard's index."""
    return len(first & second) / max(1, len(first | second))


def _short(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
