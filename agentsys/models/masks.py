"""The ways to hold an in-process model to a schema, best first.

llama.cpp drops a grammar that LLGuidance cannot compile without a word, and the model then
writes what it likes. So every reply is asked whether its mask was there.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agentsys.guide import DEFAULT, Limits, guide
from agentsys.guide.forced import forced
from agentsys.messages import Token
from agentsys.models.base import Guided, JsonSchema
from agentsys.settings import Deployment

_HEADER = "%llguidance {}\nstart: "
_OPTIONS = {"whitespace_flexible": False, "lenient": True}
"""No free space between tokens; keywords that LLGuidance does not know are passed over."""


@dataclass(frozen=True, slots=True)
class Mask:
    """One grammar."""

    guided: Guided
    grammar: str
    """For llama.cpp; empty for none."""
    regex: str = ""

    def held(self, text: str) -> bool:
        """Whether a complete reply could have been written under this mask."""
        if self.guided == "outlines":
            return re.fullmatch(self.regex, text) is not None
        return self.guided == "none" or _is_json(text)

    def may_begin(self, text: str) -> bool:
        """Whether a reply that was cut off could have been written under this mask."""
        for sign in "{[":
            if self.regex.startswith("\\" + sign):
                return text.startswith(sign)
        return True


def marked(tokens: Sequence[Token], regex: str) -> tuple[Token, ...]:
    """The tokens of a reply, with those marked that its pattern forced on the model."""
    if not regex:
        return tuple(tokens)
    alone = forced(regex, [token.text for token in tokens])
    return tuple(
        replace(token, forced=True) if only else token
        for token, only in zip(tokens, alone, strict=True)
    )


UNMASKED = Mask("none", "")


def limits_of(deployment: Deployment) -> Limits:
    """How much of a mask a deployment is given to build."""
    return Limits(deployment.guide_states, deployment.guide_depth)


def masks(schema: JsonSchema | None, limits: Limits = DEFAULT) -> tuple[Mask, ...]:
    """What to try in turn: Outlines' regular expression, then the engine's own grammar."""
    if schema is None:
        return (UNMASKED,)
    own = Mask("grammar", f"{_HEADER}%json {json.dumps({**schema, 'x-guidance': _OPTIONS})}")
    regex = guide(schema, limits).regex
    if regex is None:
        return (own,)
    # A slash would end the expression. In it, an escaped slash has no other spelling.
    written = regex.replace("/", "\\x2f")
    return (Mask("outlines", f"{_HEADER}/{written}/", regex), own)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
