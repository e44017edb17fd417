"""Fitted thresholds: from which confidence on an answer is taken, in place of a definition's own.

They belong to a graph's name and shape. The store keeps every version of them, and says which one
is in use; a run takes that one, or none where the graph's definition has changed since.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agentsys.calibration import Isotonic, Platt
from agentsys.errors import StoreError, UnknownName
from agentsys.stores import Store
from agentsys.stores.base import Value
from agentsys.versions import InUse, Versions, digest_of

_log = logging.getLogger(__name__)

Calibration = Platt | Isotonic


@dataclass(frozen=True, slots=True)
class Gate:
    """From which confidence on the answers of a node on a tier are taken."""

    at_least: float
    """The least; one that is lower is doubtful. On the calibrated scale, where there is one."""
    calibration: Calibration | None = None
    """From confidence to the probability of being right; `None`: the confidence is compared."""
    models: Mapping[str, Calibration] = field(default_factory=dict[str, Calibration])
    """By deployment, where each was measured by itself: of no other this gate says anything."""

    def means(self, confidence: float, deployment: str) -> float | None:
        """What a confidence means here; `None` of a deployment that was not measured."""
        if not self.models:
            return confidence if self.calibration is None else self.calibration(confidence)
        found = self.models.get(deployment)
        return None if found is None else found(confidence)


@dataclass(frozen=True)
class Thresholds:
    """The gates of a graph's agents, with a name for reports."""

    version: str
    """Empty: the definitions' own."""
    gates: Mapping[tuple[str, str], Gate] = field(default_factory=dict[tuple[str, str], Gate])
    """By node and tier; where there is none, the agent's own `min_confidence` decides."""

    def doubts(self, node: str, tier: str, deployment: str, confidence: float, own: float) -> bool:
        """Whether a confidence is too low.

        Args:
            node: The agent's name.
            tier: The tier that was asked.
            deployment: The deployment that answered.
            confidence: As it was told.
            own: What the agent itself asks for.
        """
        gate = self.gates.get((node, tier))
        meant = None if gate is None else gate.means(confidence, deployment)
        return confidence < own if gate is None or meant is None else meant < gate.at_least


DEFINED = Thresholds("")
"""The definitions' own, whatever the store has."""


@dataclass(frozen=True)
class Kept:
    """Thresholds as the store has them."""

    thresholds: Thresholds
    graph: str
    shape: str
    """Digest of what the graph was made of."""
    about: dict[str, Any]
    """How they were fitted, and what came of it: JSON data."""
    written: datetime | None = None
    """When they were kept, UTC."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A gate on paper."""

    node: str
    tier: str
    gate: Gate


@dataclass(frozen=True, slots=True)
class _Page:
    """A version on paper."""

    shape: str
    gates: tuple[_Line, ...]
    about: dict[str, Any]


_PAGE: TypeAdapter[_Page] = TypeAdapter(_Page)


def kept_in(store: Store) -> Versions:
    """All versions that a store has."""
    return Versions(store, "thresholds", "version of thresholds")


async def keep(store: Store, kept: Kept) -> None:
    """Keep a version; what is in use stays in use."""
    lines = tuple(_Line(*place, gate) for place, gate in kept.thresholds.gates.items())
    page = _PAGE.dump_python(_Page(kept.shape, lines, kept.about), mode="json")
    await kept_in(store).keep(kept.graph, kept.thresholds.version, page)


async def versions(store: Store, graph: str) -> list[Kept]:
    """All versions of a graph, the oldest first."""
    values = await kept_in(store).of(graph)
    return [_kept(graph, version, value) for version, value in values.items()]


async def find(store: Store, graph: str, version: str) -> Thresholds:
    """A version of a graph.

    Raises:
        UnknownName: there is none of that name.
    """
    return _kept(graph, version, await kept_in(store).find(graph, version)).thresholds


async def named(store: Store, version: str) -> Kept:
    """A version of whichever graph has it; `last` is the newest.

    Raises:
        UnknownName: none has.
    """
    every = {
        kept.thresholds.version: kept
        for graph in await kept_in(store).graphs()
        for kept in await versions(store, graph)
    }
    name = max(every, default=version, key=lambda name: _order(every[name]))
    if version != "last":
        name = version
    if name not in every:
        raise UnknownName("version of thresholds", version, every)
    return every[name]


def _order(kept: Kept) -> tuple[float, str]:
    """By the time at which it was kept."""
    written = 0.0 if kept.written is None else kept.written.timestamp()
    return written, kept.thresholds.version


class InForce:
    """The thresholds that runs take."""

    def __init__(self, store: Store | None) -> None:
        self._in_use = InUse(None if store is None else kept_in(store), _kept)

    async def of(self, graph: str, node: Any) -> Thresholds:
        """Those of a graph's name; the definitions' own where its node is another one by now.

        Args:
            graph: Its name.
            node: The graph.
        """
        kept = await self._in_use.of(graph)
        if kept is None:
            return DEFINED
        if kept.shape != digest_of(node.shape):
            self._tell(kept)
            return DEFINED
        return kept.thresholds

    def _tell(self, kept: Kept) -> None:
        version = kept.thresholds.version
        if self._in_use.first_time(version):
            _log.warning(
                "the thresholds %s of %r are not used: its definition has changed since, and its "
                "own apply. 'agentsys calibrate' fits new ones.",
                version,
                kept.graph,
            )


def _kept(graph: str, version: str, value: Value) -> Kept:
    try:
        page = _PAGE.validate_python(value.data)
    except ValidationError as error:
        raise StoreError(
            f"The thresholds {version!r} of {graph!r} are of another agentsys.",
            hint=f"Fit new ones, or 'agentsys calibrate off --graph {graph}'.",
        ) from error
    gates = {(line.node, line.tier): line.gate for line in page.gates}
    return Kept(Thresholds(version, gates), graph, page.shape, page.about, value.written)
