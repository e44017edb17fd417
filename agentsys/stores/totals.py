"""Adding lines up, for stores that cannot; and reading what totals list."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from agentsys.stores.columns import COLUMNS, Line


def listed(text: str, columns: Sequence[str]) -> list[Line]:
    """The lines of these columns that a total has."""
    truths = [n for n, name in enumerate(columns) if COLUMNS.get(name) in (bool, float)]
    lines: list[list[Any]] = json.loads(text)
    for line in lines:
        for n in truths:
            line[n] = None if line[n] is None else bool(line[n])
    return [tuple(line) for line in lines]


def add_up(lines: Iterable[Line], by: int, sums: int, columns: Sequence[str]) -> Iterator[Line]:
    """Totals of lines, for stores that cannot add up by themselves.

    Args:
        lines: Each with values to group by, to add up and to list.
        by: How many there are to group by.
        sums: How many there are to add up.
        columns: Those that are to be listed.
    """
    fractions = [by + sums + n for n, name in enumerate(columns) if COLUMNS.get(name) is float]
    groups: dict[Line, tuple[list[Any], list[list[Any]]]] = {}
    for line in lines:
        if line[:by] not in groups:
            groups[line[:by]] = ([None] * sums, [])
        added, others = groups[line[:by]]
        for n, value in enumerate(line[by : by + sums]):
            if value is not None:
                added[n] = value + (added[n] or 0)
        told = [line[n] is not None if n in fractions else line[n] for n in range(len(line))]
        others.append(told[by + sums :])
    for group, (added, others) in groups.items():
        texts = [json.dumps(others)] if columns else []
        yield (*group, len(others), *added, *texts)
