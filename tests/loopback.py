"""A real HTTP server on 127.0.0.1 that speaks OpenAI's chats and embeddings, well or badly.

`python tests/loopback.py` serves until its standard input closes, and prints its address first:
the benchmarks run it in a process of its own.
"""

import asyncio
import json
import re
import sys
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any

from aiohttp import web

from agentsys.guide.outlines import automaton

_STOPPED = web.AppKey("stopped", asyncio.Event)

Answer = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


class Loopback:
    """The server, in a thread of its own; without a script every request is answered well."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        """The bodies that came in, in order."""
        self.arrived = threading.Event()
        """Set once a request has come in."""
        self.keep = True
        self.default: Answer = say()
        self.embedding: Answer = embed(lambda text: [float(len(text)), 1.0])
        """What requests for embeddings get that have no script."""
        self._script: deque[Answer] = deque()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._stopped: asyncio.Event
        self.port = 0

    def start(self) -> "Loopback":
        """Listen on a free port."""
        self._thread.start()
        self._ready.wait()
        return self

    def stop(self) -> None:
        """End stalled requests and the server."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def script(self, *answers: Answer) -> None:
        """What the next requests get, one each; after that the default."""
        self._script.extend(answers)

    @property
    def url(self) -> str:
        """What LiteLLM calls `api_base`."""
        return f"http://127.0.0.1:{self.port}/v1"

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._until_stopped())
        self._loop.close()

    async def _until_stopped(self) -> None:
        self._stopped = asyncio.Event()
        app = web.Application(client_max_size=2**26)
        app[_STOPPED] = self._stopped
        app.router.add_post("/v1/chat/completions", self._answer)
        app.router.add_post("/v1/embeddings", self._answer)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._stopped.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        if self.keep:
            self.requests.append(body)
            self.arrived.set()
        default = self.embedding if request.path.endswith("/embeddings") else self.default
        answer = self._script.popleft() if self._script else default
        return await answer(request, body)


def say(
    text: str | None = None,
    *,
    finish: str = "stop",
    usage: Mapping[str, int] | None = {"prompt_tokens": 11, "completion_tokens": 7},
    logprob: float | None = -0.1,
) -> Answer:
    """A good answer: the text, or a value of the schema that was asked for, or `ok`."""

    async def answer(_request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        content = written(body) if text is None else text
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": finish,
            "message": {"role": "assistant", "content": content},
        }
        if body.get("logprobs") and logprob is not None:
            tokens = [content[i : i + 4] for i in range(0, len(content), 4)]
            choice["logprobs"] = {"content": [_token(text, logprob) for text in tokens]}
        reply: dict[str, Any] = {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [choice],
        }
        if usage is not None:
            reply["usage"] = {**usage, "total_tokens": sum(usage.values())}
        return web.json_response(reply)

    return answer


def _token(text: str, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode()), "top_logprobs": []}


def embed(vector: Callable[[str], list[float]]) -> Answer:
    """The vectors of the texts, in an order of their own."""

    async def answer(_request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        data = [
            {"object": "embedding", "index": at, "embedding": vector(text)}
            for at, text in enumerate(body["input"])
        ]
        usage = {"prompt_tokens": 3, "total_tokens": 3}
        reply = {"object": "list", "model": body["model"], "data": data[::-1], "usage": usage}
        return web.json_response(reply)

    return answer


def fail(status: int, message: str = "no", *, code: str = "", **headers: str) -> Answer:
    """An error in OpenAI's form; header names are written with underscores: `Retry_After="2"`."""

    async def answer(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        error = {"message": message, "type": "error", "code": code or None}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response({"error": error}, status=status, headers=named)

    return answer


def send(text: str, content_type: str = "application/json") -> Answer:
    """A body that is not what was asked for, with status 200."""

    async def answer(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(text=text, content_type=content_type)

    return answer


def html() -> Answer:
    """What a proxy says when nothing is behind it."""
    return send("<html><body>It works!</body></html>", "text/html")


def cut() -> Answer:
    """Close the connection in the middle of the answer."""

    async def answer(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"choices": [')
        assert request.transport is not None
        request.transport.abort()
        return response

    return answer


def stall() -> Answer:
    """Never answer; the request ends when the client gives up or the server stops."""

    async def answer(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        await request.app[_STOPPED].wait()
        return web.Response(status=503)

    return answer


class Held:
    """A good answer that is given once `release` is set."""

    def __init__(self) -> None:
        self.release = threading.Event()

    async def __call__(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        # Not in a thread: the end of the tests would wait for it, released or not.
        while not self.release.is_set():  # noqa: ASYNC110  (set by another thread)
            await asyncio.sleep(0.002)
        return await say()(request, body)


def written(body: Mapping[str, Any]) -> str:
    """JSON that satisfies the request's `response_format` or regular expression, or `ok`."""
    regex = (body.get("structured_outputs") or {}).get("regex")
    if regex is not None:
        return shortest(regex)
    form = body.get("response_format") or {}
    if form.get("type") != "json_schema":
        return "ok"
    schema = form["json_schema"]["schema"]
    return json.dumps(value_of(schema, schema))


@cache
def shortest(regex: str) -> str:
    """The shortest text that a regular expression matches; of these, the first in the alphabet."""
    found = automaton(regex)
    left = deque([(found.start, b"")])
    seen = {found.start}
    while left[0][0] not in found.ends:
        state, text = left.popleft()
        for byte, then in sorted(found.steps[state].items()):
            if then not in seen:
                seen.add(then)
                left.append((then, text + bytes([byte])))
    return left[0][1].decode()


def value_of(
    schema: Mapping[str, Any], root: Mapping[str, Any], known: Mapping[str, Any] = {}
) -> Any:
    """A small value that a JSON Schema takes.

    Args:
        schema: The schema, or a part of it.
        root: All of it.
        known: What to write for properties of these names.
    """
    if "$ref" in schema:
        return value_of(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, known)
    if "anyOf" in schema:
        return value_of(schema["anyOf"][-1], root, known)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    return schema["enum"][0] if "enum" in schema else _of_type(schema, root, known)


def _of_type(schema: Mapping[str, Any], root: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {
                name: known[name] if name in known else value_of(part, root, known)
                for name, part in properties.items()
            }
        case "array":
            return [
                value_of(schema["items"], root, known) for _ in range(schema.get("minItems", 0))
            ]
        case "string":
            many = re.fullmatch(r"\^(\w)\{(\d+)\}\$", schema.get("pattern", ""))
            return many[1] * int(many[2]) if many else "x" * max(1, schema.get("minLength", 1))
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return None


if __name__ == "__main__":
    server = Loopback().start()
    server.keep = False
    print(server.url, flush=True)
    sys.stdin.read()
    server.stop()
