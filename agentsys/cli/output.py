"""What commands print: JSON for programs, coloured text for people.

What people get goes through `readable`: a model's reply must not drive their terminal.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentsys.cli.readable import readable
from agentsys.money import Price

_GAP = 2
"""Between the columns of a table."""


def print_json(value: Any) -> None:
    """A JSON value on standard output, indented."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def print_json_line(value: Any) -> None:
    """A JSON value on one line, at once."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def console(*, err: bool = False) -> Console:
    """Text with colour where it goes to a terminal; long lines are never broken up."""
    return Console(stderr=err, highlight=False, markup=False, soft_wrap=True)


def say(text: str = "", *, style: str = "", err: bool = False) -> None:
    """Text on standard output, or on standard error."""
    console(err=err).print(readable(text), style=style or None)


def plain(value: Any) -> str:
    """JSON data to read: text as it is, anything else as JSON on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def dollars(usd: Decimal) -> str:
    """An amount to read: cents where it is large, all its digits where it is small."""
    return f"${usd:.2f}" if usd >= 1 else f"${usd:.9f}".rstrip("0").rstrip(".")


def rates(price: Price) -> str:
    """A price to read: `$0.05 in, $0.08 out per Mtok`, `$2.5 an hour x 0.5`, or both."""
    parts: list[str] = []
    if "token" in price.basis:
        parts.append(f"${price.usd_per_mtok_in:f} in, ${price.usd_per_mtok_out:f} out per Mtok")
    if "hour" in price.basis:
        share = "measured share" if price.share is None else f"{price.share:f}"
        parts.append(f"${price.usd_per_hour:f} an hour x {share}")
    return " + ".join(parts)


def print_pairs(pairs: Sequence[tuple[str, str]], *, style: str = "") -> None:
    """Names and values, one pair a line, the values below each other."""
    out = console()
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        lines = readable(value).splitlines() or [""]
        head = Text(f"{readable(name):<{width}}  ", style="bold")
        out.print(head + Text(lines[0], style=style))
        for line in lines[1:]:
            out.print(Text(" " * (width + 2)) + Text(line, style=style))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table that fits a terminal; in a pipe, as wide as it needs to be."""
    _print_table(console(), columns, rows, [0] * len(columns))


def _print_table(
    out: Console,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    least: Sequence[int],
) -> None:
    """A table whose columns are so wide at least, even where the terminal is not."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    for column, width in zip(columns, least, strict=True):
        table.add_column(Text(readable(column)), overflow="fold", min_width=width or None)
    for row in rows:
        table.add_row(*(Text(readable(cell)) for cell in row))
    out.width = max(out.width, sum(width + _GAP for width in least))
    if not out.is_terminal:
        out.width = 10_000
    out.print(table)


def print_blocks(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of many columns: below each other, as many as fit the terminal beside the first.

    Cells are broken between words alone: a number or a name stays whole, to be copied.
    """
    out = console()
    words = [
        max(Text(word).cell_len for cell in cells for word in [*readable(cell).split(), ""])
        for cells in zip(columns, *rows, strict=True)
    ]
    widths = [
        max(Text(readable(cell)).cell_len for cell in cells) + _GAP
        for cells in zip(columns, *rows, strict=True)
    ]
    blocks: list[list[int]] = []
    room = 0
    for place, width in enumerate(widths[1:], start=1):
        if not blocks or (out.is_terminal and width > room):
            blocks.append([0])
            room = out.width - widths[0]
        blocks[-1].append(place)
        room -= width
    for number, block in enumerate(blocks):
        if number:
            out.print()
        _print_table(
            console(),
            [columns[n] for n in block],
            [[row[n] for n in block] for row in rows],
            [words[n] for n in block],
        )
