"""Text of models, servers and files, made safe for a terminal."""

_HIDDEN = (
    *range(0x20),  # C0, DEL and C1 (ECMA-48, section 5)
    *range(0x7F, 0xA0),
    0x061C,  # what turns the direction of text (Unicode Standard Annex 9, table 1)
    *range(0x200E, 0x2010),
    *range(0x2028, 0x202F),  # with the two that end a line where nobody expects it
    *range(0x2066, 0x206A),
)
_WRITTEN = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in _HIDDEN
    if chr(code) not in "\n\t"
}


def readable(text: str) -> str:
    r"""The text with control and bidirectional characters written out: `\x1b`, `\u202e`.

    It can neither drive a terminal nor show in another order than it has. Line ends and tabs stay.
    """
    return text.translate(_WRITTEN)
