"""Where the parts of a server are: its interpreter, its model, its adapters, its template."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentsys.errors import SettingsError
from agentsys.servers import Adapter, VllmServer, folder_or_name

PYTHON = "AGENTSYS_VLLM_PYTHON"
"""The variable that names the interpreter where the configuration does not."""

_PROBE = "from importlib.util import find_spec; print(bool(find_spec('vllm')))"
_PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Model:
    """A model to be served."""

    argument: str
    """What vLLM is told."""
    folder: Path | None
    """Where its files are; `None` where they are still to be downloaded."""


def interpreter(server: VllmServer, base: Path) -> Path:
    """The interpreter that is to have vLLM.

    Raises:
        SettingsError: there is none.
    """
    given = server.python or os.environ.get(PYTHON) or sys.executable
    found = Path(shutil.which(given) or base / Path(given).expanduser()).absolute()
    if not (found.is_file() and os.access(found, os.X_OK)):
        raise SettingsError(
            f"{server.name!r}: there is no interpreter {given}.",
            hint=f"Set 'python' in its [[vllm]] or {PYTHON} to that of an environment with vLLM.",
        )
    return found


def must_have_vllm(name: str, python: Path, env: Mapping[str, str | None], folder: Path) -> None:
    """Do nothing where the interpreter has vLLM.

    Raises:
        SettingsError: it has not.
    """
    full = {**os.environ, **{key: value for key, value in env.items() if value is not None}}
    for gone in (key for key, value in env.items() if value is None):
        full.pop(gone, None)
    try:
        words = [python, "-c", _PROBE]
        done = subprocess.run(
            words, env=full, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE_S
        )
        said = done.stdout.strip() or "nothing"
    except (OSError, subprocess.TimeoutExpired) as error:
        said = str(error)
    if said == "True":
        return
    what = "has no vLLM" if said == "False" else f"is no working Python ({said})"
    raise SettingsError(
        f"{name!r}: {python} {what}.",
        hint="Install it in an environment of its own ('pip install vllm', or scripts/vllm_cpu for "
        f"a machine without a GPU), and set 'python' or {PYTHON} to its interpreter.",
    )


def model(server: VllmServer, base: Path) -> Model:
    """The model of a server.

    Raises:
        SettingsError: its folder is not there, or holds no model.
    """
    folder = folder_or_name(server.model, base)
    if folder is None:
        return Model(server.model, _downloaded(server.model))
    if not (folder / "config.json").is_file():
        what = "has no config.json" if folder.is_dir() else "is not there"
        raise SettingsError(
            f"{server.name!r}: the model {folder} {what}.",
            hint="Give the folder of a model in the format of transformers, or 'owner/name' on the "
            "Hub.",
        )
    return Model(str(folder), folder)


def adapters(server: VllmServer, base: Path) -> dict[str, str]:
    """Names and places of its adapters.

    Raises:
        SettingsError: one is not there.
    """
    return {each.name: _adapter(each, base)[0] for each in server.adapters}


def highest_rank(server: VllmServer, base: Path) -> int:
    """Of its adapters, as far as they say.

    Raises:
        SettingsError: one is not there.
    """
    return max((_adapter(each, base)[1] for each in server.adapters), default=0)


def template(server: VllmServer, base: Path) -> str | None:
    """The file of its chat template.

    Raises:
        SettingsError: it is not there.
    """
    if server.chat_template is None:
        return None
    file = (base / Path(server.chat_template).expanduser()).absolute()
    if not file.is_file():
        raise SettingsError(f"{server.name!r}: the chat template {file} is not there.")
    return str(file)


def _adapter(adapter: Adapter, base: Path) -> tuple[str, int]:
    folder = folder_or_name(adapter.path, base)
    if folder is None:
        return adapter.path, 0
    try:
        text = (folder / "adapter_config.json").read_text(encoding="utf-8")
        rank = int(json.loads(text).get("r") or 0)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"the adapter {adapter.name!r}: {folder} has no adapter_config.json that can be read.",
            hint="Give the folder of a LoRA adapter in the format of peft, or 'owner/name' on the "
            "Hub.",
        ) from error
    return str(folder), rank


def _downloaded(name: str) -> Path | None:
    """The newest snapshot of a model of the Hub on this machine."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = (cache / f"models--{name.replace('/', '--')}" / "snapshots").glob("*")
    return max(snapshots, key=lambda folder: folder.stat().st_mtime, default=None)
