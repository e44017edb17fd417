"""What Outlines does not hold replies to, told when a graph is first run."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from agentsys.guide import Limits, guide
from agentsys.models.masks import limits_of
from agentsys.node import Node
from agentsys.schema import JsonObject
from agentsys.settings import Deployment, Settings
from agentsys.specs import asked_in
from agentsys.tools.thread import in_thread

_log = logging.getLogger(__name__)

_SHOWN = 4
"""Keywords that a line names; 'agentsys schema check' names them all."""

_told: set[str] = set()
"""By this process."""
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Way:
    """How some deployments of a tier have Outlines hold replies to a schema."""

    limits: Limits
    instead: str
    """What holds a reply to a schema that Outlines refuses."""


class Unenforced:
    """Tells, once in a process, which schemas of a graph the masks of a configuration leave out.

    That is one line of the log for each agent: a warning where there is no mask at all, and for
    information where there is one, and keywords of the schema are only validated afterwards.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: WeakSet[Node[Any, Any]] = WeakSet()

    async def tell(self, node: Node[Any, Any]) -> None:
        """Look at a graph, unless it has been looked at."""
        if node not in self._seen:
            await in_thread(lambda: self._look_at(node))  # compiling may take seconds

    def _look_at(self, node: Node[Any, Any]) -> None:
        with _lock:
            if node in self._seen:
                return
            for level, line in lines(node, self._ways):
                if line not in _told:
                    _told.add(line)
                    _log.log(level, "%s", line)
            self._seen.add(node)

    def _ways(self, tier: str) -> tuple[Way, ...]:
        found = (_way(each) for each in self._settings.deployments if each.tier == tier)
        return tuple(dict.fromkeys(way for way in found if way is not None))


@dataclass(frozen=True, slots=True)
class _Shortfall:
    """What a mask leaves out; or why there is none, and what there is instead."""

    left_out: tuple[str, ...] = ()
    refused: str = ""
    instead: str = ""

    def on(self, tiers: Iterable[str]) -> str:
        """In words."""
        named = " and ".join(map(repr, tiers))
        if self.refused:
            return f"no mask on {named}, because {self.refused}: {self.instead}"
        more = len(self.left_out) - _SHOWN
        places = ", ".join(self.left_out[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return f"the mask on {named} leaves out {places}: validated afterwards"


def lines(node: Node[Any, Any], ways: Callable[[str], Iterable[Way]]) -> Iterator[tuple[int, str]]:
    """A line for each agent whose schema is not enforced as a whole, with its level.

    Args:
        node: The graph.
        ways: How Outlines is used behind a tier; nothing where it is not.
    """
    for spec, tiers in asked_in(node):
        if spec.schema is None:
            continue
        found: dict[_Shortfall, list[str]] = {}
        for tier in tiers:
            for each in _shortfalls(spec.schema, ways(tier)):
                found.setdefault(each, []).append(tier)
        if found:
            level = logging.WARNING if any(each.refused for each in found) else logging.INFO
            said = "; ".join(each.on(tiers) for each, tiers in found.items())
            yield level, f"{spec.name}: {said}. 'agentsys schema check' says more."


def _shortfalls(schema: JsonObject, ways: Iterable[Way]) -> Iterator[_Shortfall]:
    for way in ways:
        compiled = guide(schema, way.limits)
        if compiled.refused:
            hint = " ('guide_states' allows more)" if compiled.too_large else ""
            yield _Shortfall(refused=compiled.refused + hint, instead=way.instead)
        elif compiled.unenforced:
            yield _Shortfall(compiled.unenforced)


def _way(deployment: Deployment) -> Way | None:
    """`None` where Outlines is not used. LiteLLM is loaded for what it serves: for a run, it is."""
    if deployment.gguf is not None:
        return Way(limits_of(deployment), "llama.cpp's own grammar is used")
    if deployment.recorded is not None:
        return None
    from agentsys.models.litellm import known_route

    if known_route(deployment).guided != "outlines":
        return None
    return Way(limits_of(deployment), "the schema is told in the prompt")
