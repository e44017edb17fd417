"""How many tokens a prompt may have, without its tokenizer."""

from collections.abc import Iterable

_TEMPLATE = 128
"""What chat templates add once: a system message of their own (gpt-oss and Llama 3.1 name the date
and more in 70 and 25 tokens), the opening of the reply."""
_PER_MESSAGE = 16
"""What they add to each message: role and delimiters, 3 to 6 tokens."""


def most_tokens(contents: Iterable[str]) -> int:
    """A bound on the tokens of a conversation with these messages.

    No tokenizer in use makes more tokens of a text than it has bytes in UTF-8: byte-level BPE
    starts from bytes, SentencePiece falls back on them. English has three to four bytes a token, so
    the bound is that much too high; a count by another model's tokenizer would be closer, and
    sometimes too low.
    """
    # A lone surrogate has three bytes, like what it is replaced by.
    sizes = [len(content.encode("utf-8", "surrogatepass")) for content in contents]
    return _TEMPLATE + _PER_MESSAGE * len(sizes) + sum(sizes)
