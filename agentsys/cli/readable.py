"""Text of models, servers and files, made safe for a terminal."""

_CONTROL = {
    code: f"\\x{code:02x}"
    for code in (*range(0x20), *range(0x7F, 0xA0))  # C0 with DEL, and C1 (ECMA-48, section 5)
    if chr(code) not in "\n\t"
}


def readable(text: str) -> str:
    r"""The text with its control characters written out: `\x1b` can no longer drive a terminal.

    Line ends and tabs stay.
    """
    return text.translate(_CONTROL)
