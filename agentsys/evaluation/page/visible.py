"""Text of models and users, made safe to show on a page."""

import json
from typing import Any

_HIDDEN = (
    *range(0x20),  # C0, DEL and C1 (ECMA-48, section 5)
    *range(0x7F, 0xA0),
    0x061C,  # what turns the direction of text (Unicode Standard Annex 9, table 1)
    *range(0x200E, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    0xFEFF,
    *range(0xD800, 0xE000),  # half a character, which no file can hold
)
_WRITTEN = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in _HIDDEN
    if chr(code) not in "\n\t"
}

_NAME = 2_000
"""What of a name is looked at."""


def visible(text: str) -> str:
    r"""The text with characters written out that show nothing or turn its direction: `\u202e`.

    Line ends and tabs stay.
    """
    return text.translate(_WRITTEN)


def one_line(text: str, limit: int) -> str:
    """A name to write beside others: visible, on one line, without its middle where it is long."""
    line = " ".join(visible(text[:_NAME]).split())
    if len(line) <= limit:
        return line
    tail = (limit - 1) * 2 // 5
    return f"{line[: limit - 1 - tail]}…{line[len(line) - tail :]}"


def shortened(value: Any, limit: int) -> str:
    """A text, or else JSON; where it is too long, its beginning and how much is left out."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= limit:
        return visible(text)
    return f"{visible(text[:limit])}\n[{len(text) - limit:,} more characters are not shown]"
