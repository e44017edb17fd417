"""What was measured of judges, kept in the store with who they were."""

import logging
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from agentsys.evaluation.judging.identity import Identity, identity
from agentsys.node import Node
from agentsys.reliability import Reliability
from agentsys.settings import Settings
from agentsys.stores import Store

_log = logging.getLogger(__name__)

_SPACE = "judge:"


@dataclass(frozen=True)
class Kept:
    """What was measured of one judge."""

    identity: Identity
    reliability: Reliability
    gold: str
    """The name of the gold set."""
    fitted_on: tuple[str, ...]
    """The digests of its items that were used: on these, the calibration flatters itself."""


_KEPT: TypeAdapter[Kept] = TypeAdapter(Kept)


async def keep(store: Store, kept: Kept) -> None:
    """Keep it in place of what was measured of the same judge before."""
    data = _KEPT.dump_python(kept, mode="json")
    await store.put(f"{_SPACE}{kept.identity.graph}", kept.identity.digest, data)


async def find(store: Store, who: Identity) -> Kept | None:
    """What was measured of a judge.

    What was measured of a judge of that name which was another one (it had other prompts, other
    code or other models) is not taken: a warning in the log says so.
    """
    values = await store.values(f"{_SPACE}{who.graph}")
    if who.digest in values:
        return _KEPT.validate_python(values[who.digest].data)
    if values:
        newest = max(values.values(), key=lambda value: value.written)
        before = _KEPT.validate_python(newest.data)
        _log.warning(
            "the calibration of %r is not used: since %s, %s changed. 'agentsys judge calibrate' "
            "makes a new one.",
            who.graph,
            f"{newest.written:%Y-%m-%d %H:%M} UTC",
            f"{who.changed_from(before.identity)} have",
        )
    return None


async def reliability_of(
    store: Store, name: str, node: Node[Any, Any], settings: Settings
) -> Reliability | None:
    """How far a judge can be trusted, as `agentsys judge calibrate` has measured it.

    `None`, with a warning in the log where it was measured before something changed, if nothing is
    known of it.

    Args:
        store: Where it is kept.
        name: Of the judge's graph.
        node: The graph.
        settings: Which models it asks.
    """
    kept = await find(store, identity(name, node, settings))
    return None if kept is None else kept.reliability
