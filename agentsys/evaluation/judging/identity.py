"""Who a judge is: its graph, what it asks, and the models that it asks."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from agentsys.evaluation.judging.code import code_digest
from agentsys.models.gguf import gguf_file
from agentsys.models.recorded.replay import folder_of
from agentsys.node import Node
from agentsys.servers import folder_or_name
from agentsys.settings import Deployment, Settings

_WHOLE = 64 << 20
"""Bytes of a file up to which all of it is looked at; of a longer one, as many places."""
_PIECE = 1 << 20

_NOT_THE_MODEL = ("key", "token", "secret", "password", "credential")
"""Words in the names of LiteLLM's keys that say who asks, not what is asked."""
_HOW_FAST = ("rpm", "tpm", "timeout", "stream_timeout", "max_retries", "weight", "order")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a judge is. What was measured of one tells nothing of another."""

    graph: str
    prompts: str
    """Digest of its shape and of its code."""
    models: tuple[str, ...]
    """Each deployment that it may ask: tier, name, and a digest of what is behind that."""

    @property
    def digest(self) -> str:
        """Of all of it."""
        return _digest(json.dumps([self.graph, self.prompts, self.models]))

    def changed_from(self, before: "Identity") -> str:
        """What is not the same, in words."""
        found: list[str] = []
        if before.prompts != self.prompts:
            found.append("its prompts or its code")
        if before.models != self.models:
            gone = [each for each in before.models if each not in self.models]
            new = [each for each in self.models if each not in before.models]
            found.append(
                f"its models ({', '.join(gone) or 'none'}; now {', '.join(new) or 'none'})"
            )
        return " and ".join(found) or "its name"


def identity(name: str, node: Node[Any, Any], settings: Settings) -> Identity:
    """Who a judge is with the models of a configuration.

    An API model that is changed behind its name stays who it was: nothing tells.

    Raises:
        SettingsError: a model file is not there.
    """
    asked = [d for tier in node.tiers for d in settings.deployments if d.tier == tier]
    models = tuple(f"{d.tier}: {d.name} {_behind(d, settings)}" for d in asked)
    return Identity(name, _digest(f"{node.shape}\n{code_digest(node)}"), models)


def _behind(deployment: Deployment, settings: Settings) -> str:
    """Digest of the model that a deployment is."""
    folder = settings.file.absolute().parent
    if deployment.gguf is not None:
        return _of_path(gguf_file(deployment.gguf, deployment.name, folder))
    if deployment.recorded is not None:
        return _of_path(folder_of(deployment, settings))
    for server in settings.vllm:
        parts = {server.name: [server.model]}
        parts |= {each.name: [server.model, each.path] for each in server.adapters}
        if deployment.name in parts:
            found = [folder_or_name(given, folder) or given for given in parts[deployment.name]]
            served = [_of_path(at) if isinstance(at, Path) else at for at in found]
            return _digest(json.dumps([*served, server.dtype, server.chat_template]))
    return _digest(json.dumps(_told(deployment.litellm_params or {}), sort_keys=True, default=str))


def _told(params: Mapping[str, Any]) -> dict[str, Any]:
    """What of LiteLLM's keys says which model answers, and how."""
    return {
        key: value
        for key, value in params.items()
        if key not in _HOW_FAST and not any(word in key.lower() for word in _NOT_THE_MODEL)
    }


def _of_path(path: Path) -> str:
    """Digest of a file, or of all files of a folder; of nothing where there is none."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    root = path.parent if path.is_file() else path
    told: list[str] = []
    for file in files:
        stat = file.stat()
        content = _of_file(str(file), stat.st_size, stat.st_mtime_ns)
        told.append(f"{'' if path.is_file() else file.relative_to(root)} {content}")
    return _digest("\n".join(told))


@lru_cache(maxsize=256)
def _of_file(path: str, size: int, changed: int) -> str:
    """Digest of a file's content, and of its size."""
    digest = blake2b(str(size).encode(), digest_size=8)
    with open(path, "rb") as file:
        for place in _places(size):
            file.seek(place, os.SEEK_SET)
            digest.update(file.read(_PIECE))
    return digest.hexdigest()


def _places(size: int) -> Iterator[int]:
    """Where the pieces begin that are looked at: all of them, or some from end to end."""
    if size <= _WHOLE:
        yield from range(0, size, _PIECE)
        return
    pieces = _WHOLE // _PIECE
    for each in range(pieces):
        yield each * (size - _PIECE) // (pieces - 1)


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
