"""Whether confidences are still as they were when thresholds were fitted on them."""

import math
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from agentsys.evaluation.distributions import chi_squared
from agentsys.evaluation.thresholds.answers import accepted
from agentsys.evaluation.thresholds.fitting import groups
from agentsys.evaluation.thresholds.result import Calibrated
from agentsys.events import Call, RunStarted
from agentsys.ledger import Ledger

FEWEST = 50
"""Confidences below which nothing is said."""

MOVED = 0.2
"""The index above which confidences are others than those that were fitted on: the field's usual
mark (Siddiqi 2006, "Credit Risk Scorecards", chapter 9)."""


class Drift(BaseModel):
    """How far the confidences of one node on one model have moved."""

    model_config = ConfigDict(frozen=True)

    node: str
    tier: str
    deployment: str
    confidences: int
    """Since the thresholds were kept, in runs of the graph."""
    psi: float | None
    """Population stability index; `None`: there are too few."""
    chance: float
    """What the index of so many that have not moved is below, in 95 of 100 cases."""

    @property
    def moved(self) -> bool:
        """Whether new thresholds should be fitted: it is large, and larger than chance makes it."""
        return self.psi is not None and self.psi > max(MOVED, self.chance)


def drift(ledger: Ledger, fitted: Calibrated, since: datetime | None) -> list[Drift]:
    """How far the confidences of a graph's runs have moved, node by node and model by model.

    Args:
        ledger: Of the runs.
        fitted: What the thresholds were fitted on.
        since: When they were kept.
    """
    runs = {
        started.run_id
        for recorded in ledger.events(RunStarted, since=since)
        if isinstance(started := recorded.event, RunStarted) and started.graph == fitted.graph
    }
    places = {(fit.node, fit.tier, fit.deployment): fit for fit in fitted.fits}
    told: dict[tuple[str, str, str], list[float]] = {place: [] for place in places}
    for recorded in ledger.events(Call, since=since):
        call = recorded.event
        if isinstance(call, Call) and call.run_id in runs and accepted(call):
            found = told.get((call.node, call.tier, call.deployment))
            if found is not None and call.confidence is not None:
                found.append(call.confidence)
    return [
        Drift(
            node=fit.node,
            tier=fit.tier,
            deployment=fit.deployment,
            confidences=len(told[place]),
            psi=psi(fit.shares, groups(fit.edges, told[place]), len(told[place]))
            if len(told[place]) >= FEWEST
            else None,
            chance=chance(len(fit.shares), fit.labels, len(told[place])),
        )
        for place, fit in places.items()
    ]


def chance(groups: int, before: int, now: int) -> float:
    """What the index of two samples of one distribution is below, 95 times in 100.

    By its chi-squared limit (Yurdakul 2018, "Statistical Properties of Population Stability
    Index").
    """
    if not before or not now or groups < 2:
        return 0.0
    return (1 / before + 1 / now) * chi_squared(groups - 1)


def psi(before: Sequence[float], now: Sequence[float], count: int) -> float:
    """The population stability index of shares; an empty group is taken for half a one in it."""
    least = 0.5 / count
    return sum(
        (max(n, least) - max(b, least)) * math.log(max(n, least) / max(b, least))
        for b, n in zip(before, now, strict=True)
    )
