"""A GGUF model run by llama.cpp inside this process.

The one importer of xllamacpp, which is imported when the first model is loaded. Requests of any
number of event loops and threads share one server, which batches them. Log-probabilities are the
model's own: taken before the mask and before the temperature, so that a token which the mask
forced on the model shows how little the model expected it.
"""

import asyncio
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentsys.errors import ModelError, Rejected, SettingsError, Truncated, Unreachable
from agentsys.messages import Usage
from agentsys.models.base import Reply, Request
from agentsys.models.gguf import SMALL_BYTES, gguf_file, threads_for
from agentsys.models.masks import UNMASKED, Mask, masks
from agentsys.models.streamed import Overlong, Streamed, streamed
from agentsys.money import Price
from agentsys.settings import Deployment


class Embedded:
    """One GGUF model; it is loaded at the first request and given back by `close`.

    A reply depends on its seed and, in the last bits of its probabilities, on what it is batched
    with: a sampled reply can differ between runs where several are under way.
    """

    def __init__(self, deployment: Deployment, *, folder: str | Path = ".") -> None:
        """Check the file; nothing is loaded yet.

        Args:
            deployment: One that has a `gguf`.
            folder: What a relative path starts from: the folder of the configuration file.

        Raises:
            SettingsError: there is no such file, or it is not GGUF.
        """
        self.deployment = deployment
        self.path = gguf_file(deployment.gguf or "", deployment.name, Path(folder))
        self._price = deployment.price or Price()
        self._lock = threading.Lock()
        self._opened: _Opened | None = None

    async def ask(self, request: Request) -> Reply:
        """The model's reply. Cancelling stops the generation at its next token.

        Raises:
            SettingsError: the file cannot be loaded.
            Truncated: the reply reached `max_tokens` or the end of the context.
            Rejected: the prompt is longer than the context, or llama.cpp refused it.
            Unreachable: it took longer than the deployment's `timeout_s`.
        """
        stop = threading.Event()
        with self._lock:
            if self._opened is None:
                self._opened = _Opened(self.deployment, self.path, self._price)
            loop, opened = asyncio.get_running_loop(), self._opened
            future = loop.run_in_executor(opened.pool, opened.ask, request, stop)
        try:
            return await future
        finally:
            stop.set()

    async def close(self) -> None:
        """Unload the model when the requests under way are done; a later request loads it anew."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            await asyncio.to_thread(opened.close)


class _Opened:
    """The threads that wait for replies, and the server once it is loaded."""

    def __init__(self, deployment: Deployment, path: Path, price: Price) -> None:
        self._deployment = deployment
        self._path = path
        self._price = price
        self._lock = threading.Lock()
        self._server: Any = None
        self._proven: set[Mask] = {UNMASKED}
        self._dropped: set[Mask] = set()
        self.pool = ThreadPoolExecutor(deployment.parallel, f"agentsys-{deployment.name}")

    def ask(self, request: Request, stop: threading.Event) -> Reply:
        """Blocks until there is a reply."""
        with self._lock:
            if self._server is None:
                self._server = _load(self._deployment, self._path)
        call = _Call(self._deployment, request, stop, self._price)
        options = [mask for mask in masks(request.schema) if mask not in self._dropped]
        for mask in options:
            found = call.generate(self._server, mask)
            if mask in self._proven or self._there(mask, found):
                return call.reply(found, mask)
        # The engine took none of them: say so, and hand back what the model wrote.
        return call.reply(call.last or call.generate(self._server, UNMASKED), UNMASKED)

    def _there(self, mask: Mask, found: Streamed) -> bool:
        if found.finish == "length":
            there = mask.may_begin(found.text)
        else:
            there = mask.held(found.text)
            if there:
                self._proven.add(mask)
        if not there:
            self._dropped.add(mask)
        return there

    def close(self) -> None:
        """Blocks until the requests under way are done."""
        self.pool.shutdown(wait=True)
        self._server = None


@dataclass
class _Call:
    """One request on its way."""

    deployment: Deployment
    request: Request
    stop: threading.Event
    price: Price

    def __post_init__(self) -> None:
        self.last: Streamed | None = None
        self._started = time.perf_counter()
        self._usage = Usage(0, 0)

    def generate(self, server: Any, mask: Mask) -> Streamed:
        """What the model writes under a mask."""
        chunks: list[Any] = []
        deadline = self._started + self.deployment.timeout_s

        def receive(chunk: Any) -> bool:
            chunks.append(chunk)
            return self.stop.is_set() or time.perf_counter() > deadline

        try:
            if not self.stop.is_set():
                server.handle_chat_completions(_body(self.request, mask), receive)
            found = streamed(chunks)
        except Overlong as error:
            raise self._failed(
                Rejected,
                f"The prompt has {error.tokens:,} tokens; {self.deployment.name!r} "
                f"takes {error.context:,}.",
                "Shorten the task, or raise 'context' of the deployment.",
            ) from error
        except (RuntimeError, ValueError, TypeError) as error:
            reason = str(error).rstrip(".")
            message = f"The deployment {self.deployment.name!r} refused the request: {reason}."
            raise self._failed(Rejected, message) from error
        self._usage = Usage(
            self._usage.tokens_in + found.usage.tokens_in,
            self._usage.tokens_out + found.usage.tokens_out,
        )
        if not found.finish:
            seconds = self.deployment.timeout_s
            message = f"{self.deployment.name!r} gave no reply within {seconds:g} seconds."
            raise self._failed(Unreachable, message, "Raise 'timeout_s' of the deployment.")
        self.last = found
        return found

    def reply(self, found: Streamed, mask: Mask) -> Reply:
        """The reply, if it is whole."""
        if found.finish == "length":
            used = found.usage.tokens_in + found.usage.tokens_out
            hint = f"The agent's 'max_tokens' is {self.request.max_tokens}."
            if found.usage.tokens_out < self.request.max_tokens:
                hint = f"Prompt and reply filled the context: {used} tokens. Raise 'context'."
            raise self._failed(
                Truncated,
                f"The reply of {self.deployment.name!r} was cut off "
                f"at {found.usage.tokens_out} tokens.",
                hint,
            )
        seconds = self._seconds
        return Reply(
            text=found.text,
            usage=self._usage,
            deployment=self.deployment.name,
            guided=mask.guided,
            tokens=found.tokens,
            seconds=seconds,
            nano_usd=self.price.of(self._usage, seconds),
        )

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._started

    def _failed(self, kind: type[ModelError], message: str, hint: str = "") -> ModelError:
        seconds = self._seconds
        return kind(
            message,
            hint=hint,
            deployment=self.deployment.name,
            tokens_in=self._usage.tokens_in,
            tokens_out=self._usage.tokens_out,
            nano_usd=self.price.of(self._usage, seconds),
            seconds=seconds,
        )


def _body(request: Request, mask: Mask) -> dict[str, Any]:
    body: dict[str, Any] = {
        # Lone surrogates, which Python's text may hold and UTF-8 may not, become "?".
        "messages": [
            {"role": m.role, "content": m.content.encode("utf-8", "replace").decode("utf-8")}
            for m in request.messages
        ],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "logprobs": True,
        "top_logprobs": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.seed is not None:
        body["seed"] = request.seed % 2**32
    if mask.grammar:
        body["grammar"] = mask.grammar
    return body


def _load(deployment: Deployment, path: Path) -> Any:
    """A running server for the model."""
    llama = _llama()
    params = llama.CommonParams()
    params.model.path = str(path)
    params.verbosity = -1
    params.n_parallel = deployment.parallel
    params.n_ctx = deployment.parallel * deployment.context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads_for(path)
    params.warmup = False
    # Measuring what fits a GPU takes longer than loading a small model.
    params.fit_params = path.stat().st_size > SMALL_BYTES
    # The reply as the model wrote it: nothing is taken for reasoning or for a tool call, and a
    # reply that ends too early is no parse error.
    params.force_pure_content_parser = True
    params.prefill_assistant = False
    # llama.cpp opens a port on this machine, too. Nobody is told the key.
    params.api_keys = [secrets.token_urlsafe(32)]
    params.cors_origins = ""
    params.ui = False
    try:
        server = llama.Server(params)
    except RuntimeError as error:
        raise SettingsError(
            f"deployment {deployment.name!r}: llama.cpp cannot load {path}.",
            hint="It is damaged, or its architecture is not supported: fetch or convert it again.",
        ) from error
    # A server that is given up before its first request never returns (xllamacpp 2026.10).
    server.handle_chat_completions({"messages": [{"role": "user", "content": ""}], "max_tokens": 1})
    return server


def _llama() -> Any:
    """The library, which has no types."""
    import xllamacpp

    return xllamacpp
