"""An API model behind a real HTTP server, with OpenAI's strict JSON Schema mode or without."""

import asyncio
import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, cast
from zlib import crc32

from aiohttp import web

from agentsys.messages import Message
from tests.loopback import Loopback, fail, say
from tests.models.rules import answer

CONTEXT = 12_000
"""Tokens of a prompt that it takes; each byte is one."""
TOKENS_PER_S = 1_000
_TOKEN = 4
"""Letters."""
_EXPLAINED = 530
"""Tokens that explain a strict schema to the model, besides the schema (Anthropic's figure)."""


class Api:
    """The server. It counts a token a byte, and one for the end of a reply, as real ones do."""

    def __init__(self, loopback: Loopback, *, strict: bool) -> None:
        """Answer what comes to a loopback server.

        Args:
            loopback: The server.
            strict: Whether it has `response_format`, and tells log-probabilities. Without, it finds
                the schema at the end of the system message, and often puts a fence around its JSON.
        """
        self.loopback = loopback
        self.says: deque[str] = deque()
        """What the next replies say, one each, whatever was asked."""
        self.running = self.finished = self.tokens_in = self.tokens_out = 0
        self._strict = strict
        loopback.default = self._answer

    async def _answer(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        self.running += 1
        try:
            return await self._reply(request, body)
        finally:
            self.running -= 1

    async def _reply(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        messages = [Message(m["role"], m["content"]) for m in body["messages"]]
        form = body.get("response_format")
        problem = _problem(form) if self._strict else "response_format is not known" if form else ""
        if problem:
            return await fail(400, problem)(request, body)
        prompt = _prompt_tokens(messages, form)
        if prompt > CONTEXT:
            message = f"This model's maximum context length is {CONTEXT} tokens."
            return await fail(400, message, code="context_length_exceeded")(request, body)
        text = self.says.popleft() if self.says else self._text(body, messages, form)
        tokens = [text[i : i + _TOKEN] for i in range(0, len(text), _TOKEN)]
        said = min(len(tokens) + 1, body["max_tokens"])
        await asyncio.sleep(said / TOKENS_PER_S)
        self.finished += 1
        self.tokens_in += prompt
        self.tokens_out += said
        return await say(
            "".join(tokens[: body["max_tokens"]]),
            finish="stop" if said > len(tokens) else "length",
            usage={"prompt_tokens": prompt, "completion_tokens": said},
            logprob=-0.1 if self._strict else None,
        )(request, body)

    def _text(self, body: Mapping[str, Any], messages: Sequence[Message], form: Any) -> str:
        question = messages[-1].content
        # Greedy, it always says the same; drawn without a seed, it never does.
        random = Random(question if body["temperature"] == 0 else body.get("seed"))
        sent = form["json_schema"]["schema"] if form else None
        schema = sent if self._strict else _told(messages)
        if schema is None:
            return answer(messages, None, random)
        text = json.dumps(_value(messages, schema, random))
        fenced = not self._strict and crc32(question.encode()) % 2
        return f"```json\n{text}\n```" if fenced else text


def _value(messages: Sequence[Message], schema: Mapping[str, Any], random: Random) -> Any:
    """A value of the schema, also where that had to be wrapped in an object."""
    inner = schema.get("properties", {}).get("reply")
    if inner is None:
        return answer(messages, schema, random)
    return {"reply": answer(messages, {**inner, "$defs": schema.get("$defs", {})}, random)}


def _prompt_tokens(messages: Sequence[Message], form: Any) -> int:
    told = sum(len(m.content.encode("utf-8", "replace")) for m in messages) + 6 * len(messages) + 80
    return told + (len(json.dumps(form, separators=(",", ":"))) + _EXPLAINED if form else 0)


def _told(messages: Sequence[Message]) -> dict[str, Any] | None:
    """The schema that ends the system message."""
    system = next((m.content for m in messages if m.role == "system"), "")
    found = re.search(r"JSON Schema:\n(.+)$", system)
    return json.loads(found[1]) if found else None


def _problem(form: Mapping[str, Any] | None) -> str:
    """Why a strict mode refuses what it is sent; empty where it does not."""
    if form is None:
        return ""
    sent = form["json_schema"]
    if not sent.get("strict") or sent["schema"].get("type") != "object":
        return "strict must be true and the schema an object"
    return _open_object(sent["schema"])


def _open_object(part: Any) -> str:
    """The first object of a schema that names not all that it requires, or takes more."""
    if isinstance(part, Mapping):
        schema = cast("Mapping[str, Any]", part)
        properties = schema.get("properties")
        if isinstance(properties, Mapping) and "type" in schema:
            closed = schema.get("additionalProperties") is False
            if not closed or set(schema.get("required", ())) != set(properties):
                return f"every object must be closed and require all of {list(properties)}"
        return next(filter(None, map(_open_object, schema.values())), "")
    if isinstance(part, list):
        return next(filter(None, map(_open_object, cast("list[Any]", part))), "")
    return ""
