"""What the confidences of a graph's answers mean, node by node and model by model."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from agentsys.calibration import Isotonic, Platt
from agentsys.evaluation.calibrating import fit_probability
from agentsys.evaluation.separation import auroc
from agentsys.evaluation.thresholds.answers import Said, Task
from agentsys.evaluation.thresholds.route import Route
from agentsys.thresholds import Calibration, Gate

FEWEST = 20
"""Labels below which nothing is fitted."""

_GROUPS = 10
"""Groups of equal size into which confidences are put, to see later whether they are as before."""

_STEPS = 50
"""Halvings in which a confidence is found: more than a double has digits."""

Place = tuple[str, str, str]
"""Node, tier and deployment."""

Fits = Mapping[Place, Calibration]


class Fit(BaseModel):
    """What was fitted of one node on one model."""

    model_config = ConfigDict(frozen=True)

    node: str
    tier: str
    deployment: str
    method: str
    """`isotonic` or `platt`."""
    labels: int
    """Answers that passed the checks of the node, and whose task was right or wrong."""
    right: float
    """The share that was right."""
    auroc: float | None
    """How often a right answer was surer than a wrong one: 0.5 tells nothing, 1 all."""
    auroc_ci: tuple[float, float] | None
    least_confidence: float | None
    """The confidence that reaches the threshold; `None`: none does."""
    edges: tuple[float, ...]
    """Where the groups of the confidences part."""
    shares: tuple[float, ...]
    """The share of the confidences in each group."""


def fitted(tasks: Sequence[Task], route: Route) -> dict[Place, Calibration]:
    """A calibration for every node and model that has labels enough."""
    found = _labels(tasks, route)
    return {
        place: fit_probability([told for told, _ in pairs], [right for _, right in pairs])
        for place, pairs in found.items()
        if len(pairs) >= FEWEST
    }


def described(tasks: Sequence[Task], route: Route, fits: Fits, threshold: float) -> tuple[Fit, ...]:
    """What was fitted, in figures, on the tasks it was fitted on."""
    labels = _labels(tasks, route)
    return tuple(_fit(place, labels[place], fits[place], threshold) for place in fits)


def gates(fits: Fits, threshold: float) -> dict[tuple[str, str], Gate]:
    """The gates of a threshold on what confidences mean."""
    models: dict[tuple[str, str], dict[str, Calibration]] = {}
    for (node, tier, deployment), calibration in fits.items():
        models.setdefault((node, tier), {})[deployment] = calibration
    return {place: Gate(threshold, models=measured) for place, measured in models.items()}


def score(said: Iterable[Said], fits: Fits) -> float:
    """How likely the least certain answer is right.

    Minus infinity where there is no answer that passed its checks, plus infinity where nobody told
    how sure any is.
    """
    there, least = False, math.inf
    for each in said:
        there = True
        calibration = fits.get((each.node, each.tier, each.deployment))
        if calibration is not None and each.confidence is not None:
            least = min(least, calibration(each.confidence))
    return least if there else -math.inf


def groups(edges: Sequence[float], confidences: Sequence[float]) -> tuple[float, ...]:
    """The share of confidences in each group."""
    counts = np.bincount(
        np.searchsorted(np.asarray(edges), np.asarray(confidences), side="right"),
        minlength=len(edges) + 1,
    )
    return tuple(float(count) / len(confidences) for count in counts)


def _labels(tasks: Sequence[Task], route: Route) -> dict[Place, list[tuple[float, bool]]]:
    found: dict[Place, list[tuple[float, bool]]] = {}
    for task in tasks:
        for tried in task.tried[: len(route.tiers) - 1]:
            for said in tried.said:
                if said.confidence is not None:
                    place = (said.node, said.tier, said.deployment)
                    found.setdefault(place, []).append((said.confidence, tried.success))
    return found


def _fit(
    place: Place, pairs: list[tuple[float, bool]], calibration: Calibration, threshold: float
) -> Fit:
    told, right = [p for p, _ in pairs], [so for _, so in pairs]
    apart = auroc(told, right)
    node, tier, deployment = place
    edges = np.unique(np.quantile(told, [i / _GROUPS for i in range(1, _GROUPS)]))
    ends = tuple(float(edge) for edge in edges)
    return Fit(
        node=node,
        tier=tier,
        deployment=deployment,
        method=_METHODS[type(calibration)],
        labels=len(pairs),
        right=sum(right) / len(right),
        auroc=None if apart is None else apart.value,
        auroc_ci=None if apart is None else (apart.low, apart.high),
        least_confidence=_reaching(calibration, threshold),
        edges=ends,
        shares=groups(ends, told),
    )


def _reaching(calibration: Calibration, threshold: float) -> float | None:
    """The least confidence that a calibration takes to the threshold; it never falls."""
    if calibration(0.0) >= threshold:
        return 0.0
    if calibration(1.0) < threshold:
        return None
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if calibration(middle) >= threshold else (middle, high)
    return high


_METHODS: dict[type, str] = {Isotonic: "isotonic", Platt: "platt"}
