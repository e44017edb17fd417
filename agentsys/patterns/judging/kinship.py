"""Judges that descend from one model, or from the one they judge: told once, in the log.

Models of one family err alike, and like what sounds like them. Personas and temperatures do not
make them differ; other families do.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from agentsys.context import Context
from agentsys.models.families import families
from agentsys.node import Node

_log = logging.getLogger(__name__)

_told: set[str] = set()
"""By this process."""
_lock = threading.Lock()


def kin(tiers: Iterable[str], context: Context) -> frozenset[str]:
    """The families that a node asks here; empty where it asks no model, or nothing is known."""
    asked = (context.tier,) if context.tier else tuple(tiers)
    return frozenset[str]().union(*(families(context.models, tier) for tier in asked))


def strangers_first(judges: Sequence[Node[Any, Any]], context: Context) -> list[int]:
    """The places of judges, the second one moved up that has no family with the first in common."""
    places = list(range(len(judges)))
    first = kin(judges[0].tiers, context) if judges else frozenset[str]()
    for at in places[1:]:
        if not first & kin(judges[at].tiers, context):
            return [0, at, *(each for each in places[1:] if each != at)]
    return places


def tell_of_kin(panel: str, judges: Sequence[Node[Any, Any]], context: Context) -> None:
    """Warn where all judges of a panel that ask models are of one family."""
    found = [kin(judge.tiers, context) for judge in judges if judge.tiers]
    if len(found) > 1 and len(found[0]) == 1 and len(set(found)) == 1:
        [family] = found[0]
        _tell(
            f"all judges of {panel!r} are of the family {family!r} and err alike: their agreement "
            "says less than it seems. Take one of another family."
        )


def tell_of_authors(judge: str, tiers: Iterable[str], context: Context) -> None:
    """Warn where a judge is of the family that gave the answer, as far as that is known."""
    authors = frozenset[str]().union(*(families(context.models, t) for t in context.authors))
    for family in sorted(authors & kin(tiers, context)):
        _tell(
            f"the judge {judge!r} is of the family {family!r}, as is the model whose answers it "
            "judges: it may like them too well. Take one of another family."
        )


def _tell(line: str) -> None:
    with _lock:
        if line not in _told:
            _told.add(line)
            _log.warning("%s", line)
