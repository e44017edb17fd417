"""How likely each of several texts was, read off one reply that holds one of them.

At every token a server tells which others it could have been. Where the texts part, what leads to
each is added up; shares are of what leads to any of them, so that it does not matter whether the
server counts before or after the mask.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from agentsys.messages import Token

Shares = dict[frozenset[str], float]
"""The probability of each group of texts; a group of several needs another request to be told
apart: they begin alike, and the reply took another way."""


def shares(text: str, tokens: Sequence[Token], start: int, choices: Iterable[str]) -> Shares | None:
    """The shares of texts that could stand in a reply from `start` on.

    Args:
        text: The reply.
        tokens: That make it up, with their alternatives.
        start: Where in the reply the text stands.
        choices: All texts that could, each with the sign that ends it.

    Returns:
        `None` where the tokens have no alternatives.
    """
    left = frozenset(choices)
    found: Shares = {}
    mass, at = 1.0, 0
    for token in tokens:
        end = at + len(token.text)
        if end > start and len(left) > 1:
            if not token.alternatives:
                return None
            groups = _groups(text[:at], token, start, left)
            taken = _fitting(text[start:end], left)
            total = sum(groups.values())
            if not taken or not total:
                return None
            stays = sum(part for group, part in groups.items() if group & taken)
            for group, part in groups.items():
                if not group & taken:
                    found[group] = found.get(group, 0.0) + mass * part / total
            mass, left = mass * stays / total, taken
        at = end
    found[left] = found.get(left, 0.0) + mass
    return found


def _groups(before: str, token: Token, start: int, left: frozenset[str]) -> Shares:
    """What each set of texts gets of the next token."""
    groups: Shares = defaultdict(float)
    told = {other.text: other.logprob for other in token.alternatives}
    told.setdefault(token.text, token.logprob)
    for piece, logprob in told.items():
        written = before + piece
        if piece and len(written) > start and written[:start] == (before + token.text)[:start]:
            group = _fitting(written[start:], left)
            if group:
                groups[group] += math.exp(logprob)
    return groups


def _fitting(begun: str, choices: frozenset[str]) -> frozenset[str]:
    """The texts that begin like this, or that this begins with."""
    return frozenset(c for c in choices if c.startswith(begun) or begun.startswith(c))
