"""Adding lines up, for stores that cannot; and lists of lines from text, for those that can."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from agentsys.stores.columns import COLUMNS, Line, Total


def add_up(lines: Iterable[Line], by: int, sums: int, counts: int) -> Iterator[Total]:
    """Totals of lines, each with so many values to group by, to add up and to count, then others.

    For stores that cannot add up by themselves.
    """
    groups: dict[Line, tuple[list[Any], list[int], list[Line]]] = {}
    for line in lines:
        if line[:by] not in groups:
            groups[line[:by]] = ([None] * sums, [0] * counts, [])
        added, counted, listed = groups[line[:by]]
        for n, value in enumerate(line[by : by + sums]):
            if value is not None:
                added[n] = value + (added[n] or 0)
        for n, value in enumerate(line[by + sums : by + sums + counts]):
            counted[n] += value is not None
        listed.append(line[by + sums + counts :])
    for group, (added, counted, listed) in groups.items():
        lines = tuple(listed) if any(listed) else ()
        yield Total(group, len(listed), tuple(added), tuple(counted), lines)


class Lists:
    """Lists of lines from their JSON; the same object for the same text, of which there are few."""

    _MOST = 10_000

    def __init__(self, columns: Sequence[str]) -> None:
        self._truths = [n for n, name in enumerate(columns) if COLUMNS.get(name) is bool]
        self._found: dict[str, tuple[Line, ...]] = {}

    def __call__(self, text: str) -> tuple[Line, ...]:
        """The lines that a text holds."""
        found = self._found.get(text)
        if found is None:
            if len(self._found) >= self._MOST:
                self._found.clear()
            found = self._found[text] = tuple(map(self._line, json.loads(text)))
        return found

    def _line(self, line: list[Any]) -> Line:
        for n in self._truths:
            line[n] = None if line[n] is None else bool(line[n])
        return tuple(line)
