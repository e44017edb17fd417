"""How much memory a model takes, by its files: nothing is loaded."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, cast

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2}
_FLOATS = ("F64", "F32", "F16", "BF16")
_MOST_HEADER = 100_000_000
"""Bytes; the limit of the safetensors library."""


@dataclass(frozen=True, slots=True)
class Size:
    """What is known of a model; `None` where its files do not say."""

    weights: int | None = None
    """Bytes of its weights, in the type in which they are served."""
    kv_per_token: int | None = None
    """Bytes in the KV cache for each token."""
    max_tokens: int | None = None
    """Of prompt and reply, that it was made for."""


def size(folder: Path, dtype: str) -> Size:
    """What the files of a model say."""
    config = _config(folder)
    width = 4 if dtype == "float32" else 2
    return Size(
        _weights(folder, None if dtype == "auto" else width),
        _kv_per_token(config, width),
        _whole(config, "max_position_embeddings"),
    )


def _config(folder: Path) -> Mapping[str, Any]:
    try:
        given: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return given.get("text_config") or given
    except (OSError, ValueError, AttributeError):
        return {}


def _whole(config: Mapping[str, Any], key: str) -> int | None:
    value = config.get(key)
    return value if isinstance(value, int) and value > 0 else None


def _kv_per_token(config: Mapping[str, Any], width: int) -> int | None:
    layers, heads = _whole(config, "num_hidden_layers"), _whole(config, "num_attention_heads")
    hidden = _whole(config, "hidden_size")
    if not (layers and heads and hidden) or "kv_lora_rank" in config:
        return None  # multi-head latent attention keeps something smaller
    kept = _whole(config, "num_key_value_heads") or heads
    return 2 * layers * kept * (_whole(config, "head_dim") or hidden // heads) * width


def _weights(folder: Path, width: int | None) -> int | None:
    files = sorted(folder.glob("*.safetensors"))
    try:
        return sum(_tensors(file, width) for file in files) or None
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None


def _tensors(file: Path, width: int | None) -> int:
    """Bytes of the tensors of one file, by its header: 8 bytes of length, then JSON."""
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        if length > _MOST_HEADER:
            raise ValueError("no header of safetensors")
        header = cast("dict[str, dict[str, Any]]", json.loads(opened.read(length)))
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    return sum(prod(each["shape"]) * _width(each["dtype"], width) for each in tensors)


def _width(stored: str, width: int | None) -> int:
    if stored not in _FLOATS:
        return _BYTES.get(stored, 1)  # quantized weights stay as they are
    if width is None:
        return min(_BYTES[stored], 2)  # what vLLM makes of 32 bits with dtype "auto"
    return width
