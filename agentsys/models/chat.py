"""A request and its answer in the words of OpenAI's chat completions, which LiteLLM speaks."""

import codecs
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from agentsys.guide import DEFAULT, Limits, guide
from agentsys.messages import Alternative, Message, Token, Usage
from agentsys.models.base import Guided, JsonSchema, Request
from agentsys.models.bound import most_tokens
from agentsys.models.strict import strict_schema
from agentsys.schema import compact

_FENCED = re.compile(r"\s*```\w*\n(.*?)\s*```\s*", re.DOTALL)
_STRICT = 600
"""What providers add to a prompt to explain strict replies, besides the schema: up to 530 tokens at
Anthropic, where LiteLLM makes a tool of them."""
_BROKEN = ("abort", "error", "ERROR", "network_error")
"""How vLLM, OpenRouter, Cohere and Zhipu call it that a reply ends because the server failed."""
_INSTRUCTION = "Answer with JSON alone, without a code fence. It must fit this JSON Schema:"


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent for a request to one kind of deployment."""

    messages: list[dict[str, str]]
    form: dict[str, Any]
    """What asks for the form of the reply: `structured_outputs`, `response_format` or nothing."""
    guided: Guided
    """How this holds the reply to its schema."""
    regex: str = ""
    """What the reply is held to where Outlines has compiled it."""
    key: str | None = None
    """The property that the value comes wrapped in."""

    @property
    def most_tokens(self) -> int:
        """A bound on the tokens of the prompt."""
        told = [message["content"] for message in self.messages]
        if self.guided != "strict":  # a server that compiles the schema does not count it
            return most_tokens(told)
        return _STRICT + most_tokens([*told, compact(self.form)])

    def span(self, content: str) -> tuple[int, int]:
        """Where the reply proper stands: without the wrapping, without a code fence around it."""
        if self.key is not None:
            return _wrapped(content, self.key)
        if self.guided == "prompt":
            return _inside_fence(content)
        return 0, len(content)


def unfenced(content: str) -> str:
    """A reply without the code fence around it, where there is one around all of it."""
    start, end = _inside_fence(content)
    return content[start:end]


def _inside_fence(content: str) -> tuple[int, int]:
    fenced = _FENCED.fullmatch(content)
    return (0, len(content)) if fenced is None else fenced.span(1)


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    content: str
    finish: str
    """`stop`, `length`, `content_filter` or `abort`."""
    usage: Usage | None
    tokens: tuple[Token, ...]


def question(request: Request, guided: Guided, limits: Limits = DEFAULT) -> Question:
    """The request for a deployment that holds replies to a schema in the way `guided`.

    vLLM is sent the regular expression, not the schema: of a schema it would enforce another part
    (bounds of numbers not at all, `allOf` as one value after the other), silently. Equal types have
    equal bytes, so its cache of automata hits.

    A schema that its way has no words for is told in the prompt, and the record says `prompt`:
    one that Outlines refuses would not be enforced by vLLM, or could bring its engine down.
    """
    messages = _sent(request.messages)
    if request.schema is None:
        return Question(messages, {}, "none")
    regex = guide(request.schema, limits).regex if guided == "outlines" else None
    if regex is not None:
        return Question(messages, {"structured_outputs": {"regex": regex}}, guided, regex=regex)
    strict = strict_schema(request.schema) if guided == "strict" else None
    if strict is not None:
        return Question(messages, _response_format(strict.schema), guided, key=strict.key)
    return Question(_told(request.messages, request.schema), {}, "prompt")


def answered(response: Any) -> Answered | None:
    """What a LiteLLM response says; `None` where it holds no reply."""
    if not response.choices:
        return None
    choice = response.choices[0]
    usage = getattr(response, "usage", None)
    counts = None if usage is None else Usage(usage.prompt_tokens, usage.completion_tokens)
    return Answered(
        content=choice.message.content or "",
        finish=_finish(choice),
        usage=counts if counts and counts.tokens_in + counts.tokens_out else None,
        tokens=_tokens(getattr(choice, "logprobs", None), choice.message.content or ""),
    )


def _finish(choice: Any) -> str:
    """Why the reply ends there; `abort`, which LiteLLM calls `stop`, where it was broken off."""
    told = cast(dict[str, Any], getattr(choice, "provider_specific_fields", None) or {})
    return "abort" if told.get("native_finish_reason") in _BROKEN else choice.finish_reason or ""


def cut(tokens: Sequence[Token], start: int, end: int) -> tuple[Token, ...]:
    """The tokens of a part of the text that they make up; those at its ends are shortened."""
    kept: list[Token] = []
    at = 0
    for token in tokens:
        text = token.text[max(start - at, 0) : max(end - at, 0)]
        at += len(token.text)
        if text:
            kept.append(replace(token, text=text))
    return tuple(kept)


def _tokens(logprobs: Any, content: str) -> tuple[Token, ...]:
    """The tokens that make up `content`; none where they do not.

    A token can be a part of a character; the bytes, where the server gives them, put it together,
    and it is as likely as all of its parts.
    """
    given = cast(Sequence[Any], getattr(logprobs, "content", None) or ())
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    tokens: list[Token] = []
    before = 0.0
    for token in given:
        raw = cast(Sequence[int] | None, getattr(token, "bytes", None))
        text = token.token if raw is None else decoder.decode(bytes(raw))
        before += token.logprob
        if text:
            tokens.append(Token(text, before, alternatives=_alternatives(token)))
            before = 0.0
    start = "".join(token.text for token in tokens).find(content)
    return () if start < 0 else cut(tokens, start, start + len(content))


def _alternatives(token: Any) -> tuple[Alternative, ...]:
    given = cast(Sequence[Any], getattr(token, "top_logprobs", None) or ())
    return tuple(Alternative(other.token, other.logprob) for other in given)


def _response_format(schema: JsonSchema) -> dict[str, Any]:
    form = {"name": "reply", "schema": dict(schema), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


def _sent(messages: Sequence[Message]) -> list[dict[str, str]]:
    """The messages in UTF-8, which has no lone surrogates: they become "?"."""
    return [
        {"role": m.role, "content": m.content.encode("utf-8", "replace").decode("utf-8")}
        for m in messages
    ]


def _told(messages: Sequence[Message], schema: JsonSchema) -> list[dict[str, str]]:
    """The messages with the schema at the end of the system message."""
    told = f"{_INSTRUCTION}\n{compact(schema)}"
    head, *rest = messages
    if head.role == "system":
        opening = Message("system", f"{head.content}\n\n{told}")
    else:
        opening, rest = Message("system", told), list(messages)
    return _sent((opening, *rest))


def _wrapped(content: str, key: str) -> tuple[int, int]:
    """Where the value of the object's one property stands; all of it if it is no such object."""
    opening = re.match(rf'\s*\{{\s*"{key}"\s*:\s*', content)
    if opening is None:
        return 0, len(content)
    try:
        return opening.end(), json.JSONDecoder().raw_decode(content, opening.end())[1]
    except (ValueError, RecursionError):
        return 0, len(content)
