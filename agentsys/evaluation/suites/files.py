"""Files of tasks: JSON lines, a JSON array, CSV; each plain or as `.gz`."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, NoReturn, cast

from agentsys.errors import UserError
from agentsys.schema import why_no_json

MAX_BYTES = 256 << 20
"""Of a file, unpacked."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a file, and where it stands."""

    file: str
    place: str
    """`line 3`, or `item 3` of an array."""
    number: int
    """From 1: the line, or the item."""
    data: Mapping[str, Any]

    def text(self, *names: str) -> str:
        """The text under the first of these names that is there.

        Raises:
            UserError: there is none, or it is no text, or empty.
        """
        value = self.value(*names)
        if not isinstance(value, str) or not value.strip():
            self.refuse(f"{self._key(*names)!r} is not text: {str(value)[:60]!r}")
        return value

    def value(self, *names: str) -> Any:
        """What is under the first of these names that is there.

        Raises:
            UserError: there is none.
        """
        key = self._key(*names)
        if key is None:
            self.refuse(f"there is no {' or '.join(repr(name) for name in names)}")
        return self.data[key]

    def has(self, *names: str) -> bool:
        """Whether one of these names is there."""
        return self._key(*names) is not None

    def _key(self, *names: str) -> str | None:
        return next((name for name in names if self.data.get(name) is not None), None)

    def refuse(self, what: str) -> NoReturn:
        """Say what is wrong with it.

        Raises:
            UserError: always.
        """
        raise UserError(f"{self.file}, {self.place}: {what}.")


def read(file: str) -> tuple[str, str]:
    """The text of a file, and a digest of it.

    Raises:
        UserError: it cannot be read, is too large, or is not UTF-8.
    """
    path = Path(file)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        hint = "Give the path of a file that is there." if not path.exists() else ""
        raise UserError(f"{file} cannot be read: {reason}.", hint=hint) from error
    if len(content) > MAX_BYTES:
        raise UserError(f"{file} has more than {MAX_BYTES >> 20} MB.", hint="Split it.")
    try:
        return content.decode("utf-8-sig"), blake2b(content, digest_size=16).hexdigest()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{file}, line {line}: this is not UTF-8 text.") from error


def json_entries(file: str, text: str) -> Iterator[Entry]:
    """The objects of JSON lines, or of a JSON array.

    Raises:
        UserError: something is no JSON, or no object.
    """
    if text.lstrip()[:1] == "[":
        items = cast("list[Any]", _parsed(file, "", text))
        for number, item in enumerate(items, start=1):
            yield _entry(file, f"item {number}", number, item)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = f"line {number}"
            yield _entry(file, place, number, _parsed(file, place, line))


def csv_entries(file: str, text: str, needed: Sequence[Sequence[str]] = ()) -> Iterator[Entry]:
    """The rows of a CSV file whose first row names the columns; an empty cell is none.

    Names are read in lower case, without blanks around them.

    Args:
        file: Its path.
        text: What is in it.
        needed: Names of columns, of each of which one has to be there.

    Raises:
        UserError: a column is missing or there twice, or a row cannot be read, or has more cells
            than there are columns.
    """
    reader, line = csv.DictReader(io.StringIO(text, newline=""), strict=True), 2
    try:
        reader.fieldnames = _columns(file, reader.fieldnames or (), needed)
        for row in reader:
            if None in row:
                raise UserError(f"{file}, line {line}: there are more cells than columns.")
            cells = {name: cell for name, cell in row.items() if cell}
            yield Entry(file, f"line {line}", line, cells)
            line = reader.line_num + 1  # a row may have several
    except csv.Error as error:
        raise UserError(f"{file}, line {line}: {error}.") from error


def _columns(file: str, found: Sequence[str], needed: Sequence[Sequence[str]]) -> list[str]:
    names = [name.strip().lower() for name in found]
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{file}, line 1: the column {twice!r} is there twice.")
    for choice in needed:
        if names and not set(choice) & set(names):
            told = ", ".join(repr(name) for name in found)
            apart = len(names) == 1 and (";" in told or "\\t" in told)
            raise UserError(
                f"{file}, line 1: no column is called {' or '.join(map(repr, choice))};"
                f" the columns are {told[:300]}.",
                hint="Put commas between columns." if apart else "",
            )
    return names


def _entry(file: str, place: str, number: int, value: Any) -> Entry:
    if not isinstance(value, dict):
        raise UserError(f"{file}, {place}: this is not a JSON object.")
    return Entry(file, place, number, cast("dict[str, Any]", value))


def _parsed(file: str, place: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        place = place or f"line {error.lineno}"
        raise UserError(f"{file}, {place}: this is not JSON: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        reason = why_no_json(error)
        raise UserError(f"{file}, {place or 'in it'}: this is not JSON: {reason}.") from error


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")
