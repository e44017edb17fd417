"""A GGUF model run by llama.cpp inside this process.

Requests of any number of event loops and threads share one server, which batches them.
Log-probabilities are the model's own: taken before the mask and before the temperature, so that a
token which the mask forced on the model shows how little the model expected it.
"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agentsys.models.base import Reply, Request
from agentsys.models.bound import most_tokens
from agentsys.models.generation import Generation
from agentsys.models.gguf import gguf_file
from agentsys.models.llama import Llama, load
from agentsys.models.machine import Machine
from agentsys.models.masks import UNMASKED, Mask, limits_of, masks
from agentsys.models.streamed import Streamed
from agentsys.money import Price, Worst
from agentsys.settings import Deployment

_ROUNDED = 256
"""llama.cpp rounds the context of a request up to a multiple of this."""


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
        self._machine = Machine()
        self._limits = limits_of(deployment)
        self._context = -(-deployment.context // _ROUNDED) * _ROUNDED
        self._lock = threading.Lock()
        self._opened: _Opened | None = None

    async def ask(self, request: Request) -> Reply:
        """The model's reply. Cancelling stops the generation at its next token.

        Raises:
            SettingsError: the file cannot be loaded.
            Truncated: the reply reached `max_tokens` or the end of the context.
            Rejected: the prompt is longer than the context, or llama.cpp refused it.
            Unreachable: it took longer than the deployment's `timeout_s`.
            Cancelled: with the prompt, the tokens and the time that were spent by then.
        """
        generation = Generation(self.deployment, request, self._price, self._machine)
        with self._lock:
            if self._opened is None:
                self._opened = _Opened(self.deployment, self.path)
            loop, opened = asyncio.get_running_loop(), self._opened
            future = loop.run_in_executor(opened.pool, opened.ask, generation)
        try:
            return await future
        except asyncio.CancelledError as error:
            raise generation.cancelled() from error
        finally:
            generation.stop.set()

    def worst(self, request: Request) -> Worst:
        """A prompt of one token a byte, or the whole context, and all of `timeout_s`.

        llama.cpp's own tokenizer would be exact, but is there only once the model is loaded. A mask
        that has not been seen to work may be dropped, and the request made again under the next.
        """
        contents = (message.content for message in request.messages)
        with self._lock:
            tries = 0 if self._opened is None else self._opened.tries(request)
        return Worst(
            tokens_in=min(most_tokens(contents), self._context),
            seconds=self.deployment.timeout_s,
            price=self._price,
            tries=tries or len(masks(request.schema, self._limits)),
        )

    async def close(self) -> None:
        """Unload the model when the requests under way are done; a later request loads it anew."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            await asyncio.to_thread(opened.close)


class _Opened:
    """The threads that wait for replies, and the server once it is loaded."""

    def __init__(self, deployment: Deployment, path: Path) -> None:
        self._deployment = deployment
        self._path = path
        self._limits = limits_of(deployment)
        self._lock = threading.Lock()
        self._server: Llama | None = None
        self._proven: set[Mask] = {UNMASKED}
        self._dropped: set[Mask] = set()
        self.pool = ThreadPoolExecutor(deployment.parallel, f"agentsys-{deployment.name}")

    def ask(self, generation: Generation) -> Reply:
        """Blocks until there is a reply."""
        with self._lock:
            if self._server is None:
                self._server = load(self._deployment, self._path)
        generation.begin()
        try:
            return self._under_masks(generation)
        finally:
            generation.end()

    def _under_masks(self, generation: Generation) -> Reply:
        for mask in masks(generation.request.schema, self._limits):
            if mask in self._dropped:
                continue
            found = generation.under(mask, self._server)
            if mask in self._proven or self._there(mask, found):
                return generation.reply(found, mask)
        # The engine took none of them: say so, and hand back what the model wrote.
        last = generation.last or generation.under(UNMASKED, self._server)
        return generation.reply(last, UNMASKED)

    def tries(self, request: Request) -> int:
        """How many masks a request may need."""
        left = [mask for mask in masks(request.schema, self._limits) if mask not in self._dropped]
        proven = (place for place, mask in enumerate(left, 1) if mask in self._proven)
        return next(proven, max(1, len(left)))

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
        if self._server is not None:
            self._server.close()
