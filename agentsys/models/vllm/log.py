"""The log of a server: its end, and the line that says why it ended."""

import os
import re
import time
from collections.abc import Generator
from pathlib import Path

_LOOK_S = 0.2

_ERROR = re.compile(
    r"\b(?:[A-Z]\w*(?:Error|Exception)|error): .+|Worker proc \S+ died unexpectedly \(.+?\)"
)

_INVALID = re.compile(
    r"ValidationError: \d+ validation errors? for \w+\s+(?:Value error, )?(.+?) \[type="
)
"""What vLLM says of a configuration that cannot be; the reason is on the second line."""

_CALM = re.compile(r"(\(\w+ pid=\d+\) )?(DEBUG|INFO|WARNING) ")
"""Starts lines that speak of errors only to say what might happen."""


def last_line(log: Path, start: int = 0) -> str:
    """The last line of a log that says something; empty where there is none."""
    lines = [line.strip() for line in tail(log, start).splitlines()]
    return next((_bare(line) for line in reversed(lines) if line), "")


def reason(log: Path, start: int) -> str:
    """Of what was logged from there on, the first error: later ones follow from it."""
    grave = [
        each for each in tail(log, start, most=1_000_000).splitlines() if not _CALM.match(each)
    ]
    found = _ERROR.search("\n".join(grave))
    if found is None:
        return last_line(log, start)
    invalid = _INVALID.match("\n".join(grave), found.start())
    return invalid[1] if invalid else found[0].strip()


def last_lines(log: Path, count: int) -> tuple[str, int]:
    """The last lines of a log, and how many bytes it has."""
    text = tail(log, most=max(65_536, 400 * count))
    kept = text.splitlines(keepends=True)[-count:] if count else []
    try:
        return "".join(kept), log.stat().st_size
    except OSError:
        return "", 0


def followed(log: Path, start: int) -> Generator[str]:
    """What is added to a log from that byte on, for as long as it is asked for."""
    while True:
        try:
            with log.open("rb") as file:
                if os.fstat(file.fileno()).st_size < start:
                    start = 0  # it has been put aside, and this is a new one
                file.seek(start)
                more = file.read()
        except OSError:
            more = b""
        start += len(more)
        if more:
            yield more.decode(errors="replace")
        else:
            time.sleep(_LOOK_S)


def tail(log: Path, start: int = 0, most: int = 65_536) -> str:
    """The end of a log, from a byte of the file on."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - most))
            return file.read(most).decode(errors="replace")
    except OSError:
        return ""


def _bare(line: str) -> str:
    """Without what vLLM puts before each line: which process, how grave, when, where."""
    return re.sub(r"^(\(\w+ pid=\d+\) )?([A-Z]+ \d\d-\d\d [\d:]+ \[[^]]*\] )?", "", line).strip()
