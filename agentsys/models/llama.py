"""llama.cpp in this process: the one importer of xllamacpp, which is imported with the first model.

LLGuidance inside llama.cpp keeps one tokenizer for the whole process. It is guarded by no lock, so
guided requests to two models never begin at the same time here. And it is known by the address of
the model's vocabulary: a model that is loaded where another one was before would be held to the
tokens of that one, or end the process, so in between a model is asked that is never given back.
"""

import secrets
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agentsys.errors import SettingsError
from agentsys.models.gguf import MINIATURES, SMALL_BYTES, threads_for
from agentsys.models.turnstile import Turnstile
from agentsys.settings import Deployment

_KEPT = MINIATURES / "mini-slm.gguf"
_WITH_GRAMMAR: dict[str, Any] = {
    "messages": [{"role": "user", "content": ""}],
    "max_tokens": 1,
    "grammar": "%llguidance {}\nstart: /a/",
}

_beginning = Turnstile()
_lock = threading.Lock()
_given_back = False
"""Whether there has been a model whose tokenizer may still be known."""
_kept: "Llama | None" = None


class Llama:
    """A loaded model, which any number of threads may ask."""

    def __init__(self, server: Any) -> None:
        self._server: Any = server
        self._closed = weakref.finalize(self, _remember)

    def handle_chat_completions(
        self, body: Mapping[str, Any], receive: Callable[[Any], bool]
    ) -> None:
        """Have a request answered, chunk by chunk, until `receive` says that it is enough."""
        if "grammar" not in body:
            self._server.handle_chat_completions(body, receive)
            return
        with _beginning.entered(self) as begun:

            def first(chunk: Any) -> bool:
                begun.leave()  # who sends chunks has its mask
                return receive(chunk)

            self._server.handle_chat_completions(body, first)

    def close(self) -> None:
        """Give back its memory; nobody may be asking it."""
        self._closed()
        self._server = None


def load(deployment: Deployment, path: Path) -> Llama:
    """The model of a file, with a place for each of the deployment's parallel requests.

    Raises:
        SettingsError: it cannot be loaded.
    """
    try:
        model = _loaded(path, deployment.parallel, deployment.context)
    except RuntimeError as error:
        raise SettingsError(
            f"deployment {deployment.name!r}: llama.cpp cannot load {path}.",
            hint="It is damaged, or its architecture is not supported: fetch or convert it again.",
        ) from error
    with _lock:
        _forget()
    return model


def _remember() -> None:
    global _given_back
    _given_back = True


def _forget() -> None:
    """Have LLGuidance know the tokenizer of a model that is there, if it may know another one."""
    global _given_back, _kept
    if _given_back:
        _given_back = False
        _kept = _kept or _loaded(_KEPT, parallel=1, context=64)
        _kept.handle_chat_completions({**_WITH_GRAMMAR, "stream": True}, lambda _: False)


def _loaded(path: Path, parallel: int, context: int) -> Llama:
    llama = _llama()
    params = llama.CommonParams()
    params.model.path = str(path)
    params.verbosity = -1
    params.n_parallel = parallel
    params.n_ctx = parallel * context
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
    server = llama.Server(params)
    # A server that is given up before its first request never returns (xllamacpp 2026.10).
    server.handle_chat_completions({"messages": [{"role": "user", "content": ""}], "max_tokens": 1})
    return Llama(server)


def _llama() -> Any:
    """The library, which has no types."""
    import xllamacpp

    return xllamacpp
