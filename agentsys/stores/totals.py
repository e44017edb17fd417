"""Adding lines up, for stores that cannot; and reading what totals list."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from agentsys.stores.columns import COLUMNS, Line


def listed(text: str, columns: Sequence[str]) -> list[Line]:
    """The lines of these columns that a total has."""
    truths = [n for n, name in enumerate(columns) if COLUMNS.get(name) is bool]
    lines: list[list[Any]] = json.loads(text)
    for line in lines:
        for n in truths:
            line[n] = None if line[n] is None else bool(line[n])
    return [tuple(line) for line in lines]


def add_up(lines: Iterable[Line], by: int, sums: int, counts: int) -> Iterator[Line]:
    """Totals of lines, each with so many values to group by, to add up and to count, then others.

    For stores that cannot add up by themselves.
    """
    groups: dict[Line, tuple[list[Any], list[int], list[Line]]] = {}
    for line in lines:
        if line[:by] not in groups:
            groups[line[:by]] = ([None] * sums, [0] * counts, [])
        added, counted, others = groups[line[:by]]
        for n, value in enumerate(line[by : by + sums]):
            if value is not None:
                added[n] = value + (added[n] or 0)
        for n, value in enumerate(line[by + sums : by + sums + counts]):
            counted[n] += value is not None
        others.append(line[by + sums + counts :])
    for group, (added, counted, others) in groups.items():
        texts = [json.dumps(others)] if any(others) else []
        yield (*group, len(others), *added, *counted, *texts)
