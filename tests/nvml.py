"""A mock of NVML's shared library, which no test machine is sure to have, behind the real pynvml.

It has the functions that are used with the signatures of NVML, and says what a test tells it.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pynvml
import pytest

from agentsys.models import energy

OK = 0


@dataclass
class Board:
    """One GPU: what each function gives, or the code of its error."""

    joules: Callable[[], float | int] = lambda: 0.0
    """An integer is an error code."""
    watts: float | int = pynvml.NVML_ERROR_NOT_SUPPORTED
    split: bool | int = pynvml.NVML_ERROR_NOT_SUPPORTED
    there: int = OK
    readings: int = 0
    """How often energy or power was asked for."""


class Nvml:
    """The library, as ctypes shows it."""

    def __init__(self, *boards: Board, starts: int = OK) -> None:
        self.boards = boards
        self.starts = starts
        self.started = 0
        self._handles: dict[int, tuple[Any, Board]] = {}

    def nvmlInitWithFlags(self, flags: int) -> int:
        self.started += 1
        return self.starts

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = len(self.boards)
        return OK

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, handle: Any) -> int:
        if index.value >= len(self.boards):
            return pynvml.NVML_ERROR_INVALID_ARGUMENT
        board = self.boards[index.value]
        self._handles[id(handle._obj)] = handle._obj, board
        return board.there

    def nvmlDeviceGetMigMode(self, handle: Any, now: Any, pending: Any) -> int:
        split = self._board(handle).split
        if not isinstance(split, bool):
            return split
        now._obj.value = pending._obj.value = int(split)
        return OK

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any, found: Any) -> int:
        return self._read(handle, found, self._board(handle).joules())

    def nvmlDeviceGetPowerUsage(self, handle: Any, found: Any) -> int:
        return self._read(handle, found, self._board(handle).watts)

    def _board(self, handle: Any) -> Board:
        return self._handles[id(handle)][1]

    def _read(self, handle: Any, found: Any, value: float | int) -> int:
        self._board(handle).readings += 1
        if isinstance(value, int):
            return value
        found._obj.value = round(value * 1000)
        return OK


@contextmanager
def installed(library: Nvml | None) -> Generator[None]:
    """For a while this is the machine's NVML; `None`: it has none."""
    patch = pytest.MonkeyPatch()
    patch.setattr(pynvml, "nvmlLib", library)
    if library is None:
        patch.setattr(pynvml, "CDLL", _nothing)
    _forget()
    yield
    patch.undo()
    _forget()


def _nothing(name: str) -> Any:
    raise OSError(f"{name}: cannot open shared object file")


def _forget() -> None:
    pynvml._nvmlGetFunctionPointer_cache.clear()
    energy._nvml.cache_clear()
    energy._gpu.cache_clear()
