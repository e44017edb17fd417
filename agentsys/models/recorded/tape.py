"""The file of a recording: lines are appended whole, and read as far as they are complete."""

import json
import logging
import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

from agentsys.errors import SettingsError, StoreError
from agentsys.models.recorded.line import READABLE, VERSION, Foreseen, Recorded, to_line

FILE_NAME = "calls.jsonl"

_OPENED: dict[str, Any] = {"recording": "agentsys", "version": VERSION}
"""The line that is written each time a recording is opened: what stands before it, and is no JSON,
was being written when its process was killed."""

_log = logging.getLogger(__name__)


class Tape:
    """A recording that is being written, by any number of processes."""

    def __init__(self, folder: Path) -> None:
        """Open it, or begin it.

        Raises:
            StoreError: the folder cannot be written.
        """
        self._file = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
            self._descriptor: int | None = os.open(self._file, flags, 0o644)
            size = os.fstat(self._descriptor).st_size
            torn = size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"
        except OSError as error:
            raise self._unwritable(error) from error
        self._append(b"\n" * torn + to_line(_OPENED))

    def write(self, call: Recorded | Foreseen) -> None:
        """Append a call, or a worst case.

        Raises:
            StoreError: it cannot be written.
        """
        self._append(to_line(call.to_json()))

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _append(self, line: bytes) -> None:
        """In one piece: what others append comes before it or after it."""
        if self._descriptor is None:
            raise StoreError(f"The recording {self._file} is closed.")
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            raise self._unwritable(error) from error
        if written < len(line):
            raise StoreError(
                f"The recording {self._file} took only a part of a call.",
                hint="Is the disk full? What was recorded before is kept.",
            )

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(f"The recording {self._file} cannot be written: {error.strerror}.")


def read(folder: Path) -> list[Recorded | Foreseen]:
    """All of a recording: calls in the order in which they ended, worst cases before their call.

    Raises:
        SettingsError: there is no recording, or it is none of this version, or a line is broken.
    """
    return list(_calls(_content(folder).split(b"\n"), folder / FILE_NAME))


def digest(folder: Path) -> str:
    """Of all that a recording has.

    Raises:
        SettingsError: there is no recording.
    """
    return blake2b(_content(folder), digest_size=16).hexdigest()


def _content(folder: Path) -> bytes:
    try:
        return (folder / FILE_NAME).read_bytes()
    except OSError as error:
        raise SettingsError(
            f"There is no recording in {folder}: {FILE_NAME} cannot be read ({error.strerror}).",
            hint="'agentsys run' and 'agentsys bench' write one with --record DIR.",
        ) from error


def _calls(lines: list[bytes], file: Path) -> Iterator[Recorded | Foreseen]:
    number, told = 0, [(index, line) for index, line in enumerate(lines, 1) if line.strip()]
    for place, (number, line) in enumerate(told):
        data = _json(line)
        after = told[place + 1][1] if place + 1 < len(told) else None
        if data is None and (after is None or "recording" in (_json(after) or {})):
            _log.warning("%s: line %d was cut off while it was written; left out.", file, number)
        elif data is None:
            raise _broken(file, number, "it is no JSON object")
        elif "recording" in data:
            _require_version(data, file, number)
        elif place == 0:
            raise _broken(file, number, "a recording begins with its version")
        else:
            yield _call(data, file, number)


def _call(data: dict[str, Any], file: Path, number: int) -> Recorded | Foreseen:
    try:
        return Foreseen.from_json(data) if "foreseen" in data else Recorded.from_json(data)
    except KeyError as error:
        raise _broken(file, number, f"{error} is missing") from error
    except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise _broken(file, number, "it is no recorded call") from error


def _require_version(data: dict[str, Any], file: Path, number: int) -> None:
    if data.get("version") not in READABLE:
        raise SettingsError(
            f"{file}, line {number}: the recording is of version {data.get('version')!r}, not"
            f" {VERSION}.",
            hint="Record it anew, or read it with the agentsys that wrote it.",
        )


def _json(line: bytes) -> dict[str, Any] | None:
    try:
        data: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", data) if isinstance(data, dict) else None


def _broken(file: Path, number: int, reason: str) -> SettingsError:
    return SettingsError(
        f"{file}, line {number}: {reason}.", hint="Take the line out, or record it anew."
    )
