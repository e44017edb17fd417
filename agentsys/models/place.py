"""Where in a graph a model is being asked: the same in every run of it, whatever else goes on."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call is made."""

    graph: str = ""
    """As the ledger calls it."""
    call: str = ""
    """The place in the graph, and the how manyth call there: `/0.solve#0`."""


NOWHERE = Place()
"""Outside of a run."""

_here: ContextVar[Place] = ContextVar("agentsys_place", default=NOWHERE)


@contextmanager
def asked_at(place: Place) -> Generator[None]:
    """Models that are asked in this block are asked there."""
    token = _here.set(place)
    try:
        yield
    finally:
        _here.reset(token)


def here() -> Place:
    """Where a model is being asked now."""
    return _here.get()
