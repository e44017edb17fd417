"""One request to llama.cpp on its way, and what it has taken so far."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from agentsys.errors import ModelError, Rejected, Truncated, Unreachable
from agentsys.messages import Usage
from agentsys.models.base import Cancelled, Reply, Request
from agentsys.models.machine import Machine
from agentsys.models.masks import Mask, marked
from agentsys.models.streamed import Overlong, Streamed, streamed
from agentsys.money import Price
from agentsys.settings import Deployment


@dataclass
class Generation:
    """One request. A thread drives it; the one that asked may read meanwhile what it has taken."""

    deployment: Deployment
    request: Request
    price: Price
    machine: Machine
    stop: threading.Event = field(default_factory=threading.Event)
    """Set it to leave the generation at its next token."""
    last: Streamed | None = None
    """What the model wrote last."""

    def __post_init__(self) -> None:
        self._started: float | None = None
        self._mark = 0.0
        self._chunks: list[list[Any]] = []

    def begin(self) -> None:
        """The clock runs from here: waiting for a place or for the model to be loaded is free."""
        self._started, self._mark = time.perf_counter(), self.machine.begin()

    def end(self) -> None:
        """The model works on it no more."""
        self.machine.end()

    def under(self, mask: Mask, server: Any) -> Streamed:
        """What the model writes under a mask."""
        chunks: list[Any] = []
        self._chunks.append(chunks)
        deadline = (self._started or time.perf_counter()) + self.deployment.timeout_s

        def receive(chunk: Any) -> bool:
            chunks.append(chunk)
            return self.stop.is_set() or time.perf_counter() > deadline

        try:
            if not self.stop.is_set():
                server.handle_chat_completions(_body(self.request, mask), receive)
            found = streamed(chunks, alternatives=self.request.alternatives > 0)
        except Overlong as error:
            raise self._failed(
                Rejected,
                f"The prompt has {error.tokens:,} tokens; {self.deployment.name!r} "
                f"takes {error.context:,}.",
                f"Shorten the task{self._or_more_room(error.context)}.",
            ) from error
        except (RuntimeError, ValueError, TypeError) as error:
            reason = str(error).rstrip(".")
            message = f"The deployment {self.deployment.name!r} refused the request: {reason}."
            raise self._failed(Rejected, message) from error
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
                full = f"Prompt and reply filled the context: {used} tokens."
                hint = f"{full} Shorten the task{self._or_more_room(used)}."
            raise self._failed(
                Truncated,
                f"The reply of {self.deployment.name!r} was cut off "
                f"at {found.usage.tokens_out} tokens.",
                hint,
            )
        seconds, usage = self._seconds, self._usage
        return Reply(
            text=found.text,
            usage=usage,
            deployment=self.deployment.name,
            guided=mask.guided,
            tokens=marked(found.tokens, mask.regex),
            seconds=seconds,
            nano_usd=self.price.of(usage, self._paid(seconds)),
        )

    def _or_more_room(self, context: int) -> str:
        """What else helps where so many tokens fill the context; nothing where the model ends."""
        asked = self.deployment.context
        return ", or raise 'context' of the deployment" if context >= asked else ""

    def cancelled(self) -> Cancelled:
        """What to raise where nobody waits for it any more."""
        return Cancelled(deployment=self.deployment.name, **self._spent())

    @property
    def _seconds(self) -> float:
        """Since it began, but no more than a budget holds for it.

        llama.cpp can only be left at a token or a part of the prompt, a little after `timeout_s`.
        """
        if self._started is None:
            return 0.0
        return min(time.perf_counter() - self._started, self.deployment.timeout_s)

    @property
    def _usage(self) -> Usage:
        """Of all masks tried, the one under way included; a refused request used nothing."""
        usage = Usage(0, 0)
        for chunks in self._chunks:
            with suppress(ValueError):
                more = streamed(tuple(chunks)).usage
                usage = Usage(usage.tokens_in + more.tokens_in, usage.tokens_out + more.tokens_out)
        return usage

    def _spent(self) -> dict[str, Any]:
        seconds, usage = self._seconds, self._usage
        return {
            "tokens_in": usage.tokens_in,
            "tokens_out": usage.tokens_out,
            "nano_usd": self.price.of(usage, self._paid(seconds)),
            "seconds": seconds,
        }

    def _paid(self, seconds: float) -> float:
        """Those seconds, or what it was given of them where others were under way."""
        if self._started is None or self.price.share is not None:
            return seconds
        return min(seconds, self.machine.since(self._mark))

    def _failed(self, kind: type[ModelError], message: str, hint: str = "") -> ModelError:
        return kind(message, hint=hint, deployment=self.deployment.name, **self._spent())


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
        "top_logprobs": max(1, request.alternatives),
        "stream": True,
        "stream_options": {"include_usage": True},
        # The first chunk then says how long the prompt is, which a request that is left has cost.
        "return_progress": True,
    }
    if request.seed is not None:
        body["seed"] = request.seed % 2**32
    if mask.grammar:
        body["grammar"] = mask.grammar
    return body
