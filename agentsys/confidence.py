"""How sure a model was of what it answered, from the log-probabilities of its tokens.

Under a mask most tokens of a reply (keys, quotes, braces) are forced and say nothing, so only the
tokens of the JSON *values* count, and of those only the ones that the mask left a choice about
(`Token.forced`): of an enumeration, those that tell its values apart; of a constant, none.

The back ends do not mean the same by a token's probability. llama.cpp gives the model's own, before
the mask. vLLM gives it after the mask, in every `--logprobs-mode` (its scheduler writes the mask
into the logits before the sampler reads them; seen with 0.32: a forced token has 0.0, and what the
mask excludes has -9999), and `processed_logprobs` also after temperature. Where a trained model
answers what it was asked, the difference is small: it gives next to nothing to what the mask
excludes. `benchmarks/README.md` has both, side by side.
"""

import math
import re
from collections.abc import Iterable, Sequence
from itertools import accumulate

from agentsys.messages import Token

_PIECES = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*"\s*:)|"(?P<text>(?:[^"\\]|\\.)*)"'
    r"|(?P<bare>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)"
)


def confidence(
    text: str, tokens: Sequence[Token], *, json: bool = True, tool_call: bool = False
) -> float | None:
    """The probability of the least certain value token, between 0 and 1.

    The weakest link: an answer is wrong as soon as one of its tokens is. `None` where the
    deployment gave no log-probabilities, or where the reply has no value that was chosen.

    Args:
        text: The reply.
        tokens: The tokens that make it up.
        json: Whether it is JSON; in free text every token counts.
        tool_call: Whether it is `{"tool": name, …}`, whose name is no value.
    """
    if not tokens:
        return None
    spans = value_spans(text)[int(tool_call) :] if json else [(0, len(text))]
    least = min(_inside(tokens, spans), default=None)
    return None if least is None else math.exp(least)


def value_spans(text: str) -> list[tuple[int, int]]:
    """Where the scalar values of a JSON text stand, without their quotes, in order."""
    groups = ((match, match.lastgroup) for match in _PIECES.finditer(text))
    return [match.span(group) for match, group in groups if group and group != "key"]


def _inside(tokens: Sequence[Token], spans: Sequence[tuple[int, int]]) -> Iterable[float]:
    """The log-probabilities of the tokens that lie in a span, wholly or in part, by choice."""
    ends = list(accumulate(len(token.text) for token in tokens))
    at = 0
    for token, end in zip(tokens, ends, strict=True):
        start = end - len(token.text)
        while at < len(spans) and spans[at][1] <= start:
            at += 1
        if at < len(spans) and spans[at][0] < end and start < end and not token.forced:
            yield token.logprob
