"""Does a text keep to the controlled English? So that a spoilt problem really left it."""

import re
from functools import cache

from agentsys.evaluation.word_problems.frames import Frame, all_frames, third_person

_NAME = r"[A-Z][a-z]+"
_SLOTS = {
    "N": _NAME,
    "M": _NAME,
    "S": rf"(?:{_NAME})",
    "p": "(?:she|he|they)",
    "O": "(?:her|him|them)",
    "H": "(?:Her|His|Their)",
    "do": "(?:do|does)",
    "a": r"\d+",
    "b": r"\d+",
}


def _pattern(frame: Frame) -> str:
    pattern = re.escape(frame.text).replace(r"\ ", " ")
    pattern = re.sub(r"\\\[([a-z]+)\\\]", lambda m: f"(?:{m[1]}|{third_person(m[1])})", pattern)
    return re.sub(r"\\\{([A-Za-z0-9]+)\\\}", lambda m: _SLOTS.get(m[1], "[a-z]+"), pattern)


@cache
def _language() -> re.Pattern[str]:
    frames = all_frames()
    clauses = "|".join({_pattern(frame) for frame in frames if frame.form == "clause"})
    whole = {_pattern(frame) for frame in frames if frame.form == "sentence"}
    sentences = "|".join(sorted(whole, key=len, reverse=True))
    openers = "(?:Then |Next, |Later |After that, |The next day |On Monday )?"
    chain = f"(?:{clauses})(?:(?: and| and then| but) (?:{clauses}))*"
    return re.compile(rf"(?:{sentences}|{openers}(?:{_NAME}|she|he|they|She|He|They) {chain}\.)")


def in_language(text: str) -> bool:
    """True when every sentence of `text` is one of the language and a question ends it."""
    pattern, position = _language(), 0
    last = ""
    while position < len(text):
        match = pattern.match(text, position)
        if match is None:
            return False
        last, position = match[0], match.end()
        if position < len(text):
            if text[position] != " ":
                return False
            position += 1
    return last.endswith("?") or last.startswith("Find ")
