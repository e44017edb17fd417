"""Where a GGUF file is, whether it is one, and how many threads suit it."""

import os
from pathlib import Path

from agentsys.errors import SettingsError

MINIATURES = Path(__file__).parents[1] / "miniatures"
"""The models that come with agentsys."""

SMALL_BYTES = 200_000_000
"""Models up to this size get one thread: with more, the threads spend their time waiting for
each other (measured on a model of 0.85 million parameters: 50 tokens/s instead of 2,900)."""


def miniatures() -> tuple[str, ...]:
    """The names of the models that come with agentsys."""
    return tuple(sorted(file.stem for file in MINIATURES.glob("*.gguf")))


def gguf_file(gguf: str, deployment: str, folder: Path) -> Path:
    """The file that a deployment's `gguf` names: a path, or one of the miniatures.

    Args:
        gguf: As written in the configuration.
        deployment: The name, for errors.
        folder: What a relative path starts from.

    Raises:
        SettingsError: there is no such file, it cannot be read, or it is not GGUF.
    """
    path = folder / Path(gguf).expanduser()
    if not path.exists() and gguf == Path(gguf).name and not gguf.endswith(".gguf"):
        path = MINIATURES / f"{gguf}.gguf"
        if not path.exists():
            known = ", ".join(repr(name) for name in miniatures()) or "none"
            raise SettingsError(
                f"deployment {deployment!r}: no model {gguf!r} comes with agentsys.",
                hint=f"There are: {known}. 'gguf' may also be the path of a GGUF file.",
            )
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise SettingsError(
            f"deployment {deployment!r}: {path} cannot be read: {error.strerror}.",
            hint="Set 'gguf' to the path of a GGUF file.",
        ) from error
    if magic != b"GGUF":
        raise SettingsError(
            f"deployment {deployment!r}: {path} is not a GGUF file.",
            hint="llama.cpp's convert_hf_to_gguf.py makes one from a Hugging Face model.",
        )
    return path


def threads_for(path: Path) -> int:
    """How many threads should compute a model of this size."""
    if path.stat().st_size <= SMALL_BYTES:
        return 1
    # Two hardware threads of one core share what this work needs.
    return max(1, (os.cpu_count() or 2) // 2)
