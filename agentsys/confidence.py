"""How sure a model was of what it answered, from the log-probabilities of its tokens.

Under a grammar most tokens of a reply (keys, quotes, braces) are forced and say nothing, so
only the tokens of the JSON *values* count.
"""

import json
import math
import re
from collections.abc import Sequence

from agentsys.messages import Token

_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null')
_TAGS = frozenset({"tool"})
"""Keys whose value names what to do and is not part of an answer."""


def confidence(text: str, tokens: Sequence[Token]) -> float | None:
    """The probability of the least certain value token, between 0 and 1.

    The weakest link: an answer is wrong as soon as one of its tokens is. `None` where the
    deployment gave no log-probabilities, or where the reply has no values.
    """
    if not tokens:
        return None
    spans = value_spans(text)
    chosen = [token.logprob for token, start, end in _placed(tokens) if _inside(start, end, spans)]
    return math.exp(min(chosen)) if chosen else None


def value_spans(text: str) -> list[tuple[int, int]]:
    """Where the scalar values of a JSON text stand (quotes left out); free text is one span."""
    if not _is_json(text):
        return [(0, len(text))]
    spans: list[tuple[int, int]] = []
    key = ""
    for match in _PIECES.finditer(text):
        start, end = match.span()
        if text[end:].lstrip().startswith(":"):
            key = match.group().strip('"')
        elif key not in _TAGS:
            quoted = text[start] == '"'
            spans.append((start + 1, max(end - 1, start + 1)) if quoted else (start, end))
    return spans


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _placed(tokens: Sequence[Token]) -> list[tuple[Token, int, int]]:
    placed: list[tuple[Token, int, int]] = []
    at = 0
    for token in tokens:
        placed.append((token, at, at + len(token.text)))
        at += len(token.text)
    return placed


def _inside(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < right and end > left for left, right in spans)
