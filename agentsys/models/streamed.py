"""What llama.cpp streamed, put together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from agentsys.messages import Alternative, Token, Usage


class Overlong(ValueError):
    """The prompt does not fit the context."""

    def __init__(self, tokens: int, context: int) -> None:
        super().__init__(f"{tokens} tokens, {context} fit")
        self.tokens = tokens
        self.context = context


@dataclass(frozen=True, slots=True)
class Streamed:
    """One reply."""

    text: str
    tokens: tuple[Token, ...]
    """Bytes that make up one character come as one token, with the last one's probability."""
    finish: str
    """`stop`, `length`, or empty where the stream was left."""
    usage: Usage
    """Where the stream was left: the prompt, and the tokens until then."""


def streamed(chunks: Sequence[Any], *, alternatives: bool = False) -> Streamed:
    """The reply in its chunks; with the alternatives of its tokens if they were asked for.

    Raises:
        Overlong: the prompt does not fit the context.
        ValueError: llama.cpp refused the request, in its words.
    """
    text = ""
    finish = ""
    tokens: list[Token] = []
    usage: Usage | None = None
    prompt = 0
    for chunk in cast(Sequence[dict[str, Any]], chunks):
        if "error" in chunk:
            raise _refusal(chunk["error"])
        if "prompt_progress" in chunk:
            prompt = chunk["prompt_progress"]["total"]
        if chunk.get("usage"):
            usage = Usage(chunk["usage"]["prompt_tokens"], chunk["usage"]["completion_tokens"])
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
            finish = choice["finish_reason"] or finish
            tokens.extend(_tokens(choice.get("logprobs"), alternatives))
    whole = "".join(token.text for token in tokens) == text
    return Streamed(
        text, tuple(tokens) if whole else (), finish, usage or Usage(prompt, len(tokens))
    )


def _tokens(logprobs: Any, alternatives: bool) -> list[Token]:
    parts = cast(list[dict[str, Any]], logprobs["content"] if logprobs else [])
    return [
        Token(
            part["token"],
            part["logprob"],
            alternatives=tuple(
                Alternative(other["token"], other["logprob"]) for other in part["top_logprobs"]
            )
            if alternatives
            else (),
        )
        for part in parts
        if part["token"]
    ]


def _refusal(error: Any) -> ValueError:
    if error.get("type") == "exceed_context_size_error":
        return Overlong(error["n_prompt_tokens"], error["n_ctx"])
    return ValueError(str(error.get("message", error)))
