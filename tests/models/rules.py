"""A model that goes by rules: it knows pens in boxes, one mountain, and how to use two tools."""

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from agentsys.messages import Message
from tests.loopback import value_of

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def answer(messages: Sequence[Message], schema: Mapping[str, Any] | None, random: Random) -> Any:
    """What it says: a value of the schema, or text where there is none.

    In a loop it asks a tool first: `search` about a mountain, else `python`.

    Args:
        messages: The conversation.
        schema: What its reply must fit.
        random: Draws what it does not know.
    """
    question, *later = [message.content for message in messages if message.role != "system"]
    if schema is None:
        return f"You said {question[:20]!r}."
    options: list[Any] = schema.get("anyOf", [])
    if options and "final" in options[-1]["properties"]:
        found = [text for text in later if text.startswith("Result of ")]
        tool = "search" if "Mount" in question else "python"
        option = options[-1] if found else next((o for o in options if _uses(o, tool)), options[0])
        return value_of(option, schema, _known(question, found, random))
    return value_of(schema, schema, _known(question, [], random))


def _uses(option: Mapping[str, Any], tool: str) -> bool:
    return option["properties"].get("tool", {}).get("const") == tool


def _known(question: str, found: Sequence[str], random: Random) -> dict[str, Any]:
    """What to write in properties of these names."""
    expression = _expression(question)
    seen = re.search(r"Result of python: (\d+)|is (\d+) meters", " ".join(found))
    return {
        "expression": expression,
        "code": expression,
        "query": "height " + " ".join(re.findall(r"Mount \w+", question)),
        "value": int(seen[1] or seen[2]) if seen else 0,
        "word": "".join(random.choices(_LETTERS, k=6)),
    }


def _expression(question: str) -> str:
    """Boxes times pens, less those that are given away."""
    boxes, *rest = re.findall(r"\d+", question) or ["0"]
    return boxes + "".join(sign + n for sign, n in zip("*-", rest, strict=False))
