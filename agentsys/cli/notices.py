"""What agentsys logs while a command works, as lines on standard error."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

from agentsys.cli.output import say

_PACKAGE = logging.getLogger("agentsys")


class _Lines(logging.Handler):
    """A line for each record, above a progress bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print it."""
        is_warning = record.levelno >= logging.WARNING
        try:
            text = " ".join(record.getMessage().split())
            head, style = ("warning", "yellow") if is_warning else ("note", "dim")
            say(f"{head}: {text}", style=style, err=True)
        except Exception:
            self.handleError(record)


@contextmanager
def notices() -> Generator[None]:
    """Show notes and warnings inside this block."""
    before, lines = _PACKAGE.level, _Lines(logging.INFO)
    _PACKAGE.addHandler(lines)
    _PACKAGE.setLevel(logging.INFO)
    try:
        yield
    finally:
        _PACKAGE.setLevel(before)
        _PACKAGE.removeHandler(lines)
