"""Prediction before the answer: at which tier a run begins, by the text of its task."""

from agentsys.routing.grams import Grams
from agentsys.routing.kept import Kept, Routers, keep, versions
from agentsys.routing.router import FIRST, Begin, Router

__all__ = [
    "FIRST",
    "Begin",
    "Grams",
    "Kept",
    "Router",
    "Routers",
    "keep",
    "versions",
]
