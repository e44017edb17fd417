"""What plots draw, worked out from plain values: nothing here reads a ledger or draws."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentsys.evaluation.statistics import Interval, percentile, wilson

BINS = 10
"""Most points of a calibration curve."""

IN_BIN = 10
"""Fewest answers of such a point, where there are that many."""

KEPT = 10
"""Of fewer kept answers the share of right ones is not given."""

STEPS = 60
"""Most thresholds of an escalation curve, and most points of a distribution."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply that was to be taken or handed on."""

    graph: str
    node: str
    tier: str
    deployment: str
    confidence: float
    decided: str
    """`taken`; `unsure`: handed on because of its confidence; `refused`: for another reason."""
    first: bool
    """It is of the tier that the node asked first in that run."""
    right: bool | None
    """Whether the task succeeded, where the answer was handed back and a scorer judged it."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Accepted answers of about one confidence."""

    confidence: float
    """Their mean."""
    right: float
    interval: Interval
    answers: int


@dataclass(frozen=True, slots=True)
class Gate:
    """What a threshold would do."""

    threshold: float
    escalated: float
    """Share of the replies that would go on to the next tier."""
    right: float | None
    """Share of the kept ones that are right; `None` where the ledger cannot know."""
    interval: Interval | None
    kept: int


def calibration(answers: Iterable[Answer]) -> list[Bin]:
    """Accepted answers with a verdict, by rising confidence, in bins of about equally many.

    Answers of the same confidence are in the same bin.
    """
    known = sorted(((a.confidence, a.right) for a in answers if a.right is not None), key=_first)
    enough = max(IN_BIN, len(known) / BINS)
    bins: list[list[tuple[float, bool]]] = []
    for pair in known:
        if not bins or (len(bins[-1]) >= enough and bins[-1][-1][0] < pair[0]):
            bins.append([])
        bins[-1].append(pair)
    if len(bins) > 1 and len(bins[-1]) < IN_BIN:
        bins[-2:] = [bins[-2] + bins[-1]]
    return [_bin(each) for each in bins]


def _first(pair: tuple[float, bool]) -> float:
    return pair[0]


def _bin(known: Sequence[tuple[float, bool]]) -> Bin:
    right = sum(won for _, won in known)
    mean = sum(confidence for confidence, _ in known) / len(known)
    interval = wilson(right, len(known)) or (0.0, 1.0)
    return Bin(mean, right / len(known), interval, len(known))


def escalation(answers: Iterable[Answer]) -> list[Gate]:
    """What thresholds would have done with the first replies of a node.

    A reply goes on where its confidence is below the threshold, and at any threshold where it was
    refused for another reason. Whether one that was handed on was right, nobody has seen: the
    share of right ones is known only for thresholds above all of those. It is given where enough
    are kept to speak of a share.
    """
    replies = list(answers)
    free = sorted((a for a in replies if a.decided != "refused"), key=lambda a: a.confidence)
    confidences = [a.confidence for a in free]
    rights, unknown = [0], [0]
    for answer in free:
        rights.append(rights[-1] + bool(answer.right))
        unknown.append(unknown[-1] + (answer.right is None))
    gates: list[Gate] = []
    for threshold in _thresholds(confidences):
        below = bisect_left(confidences, threshold)
        kept = len(free) - below
        right = rights[-1] - rights[below]
        known = kept >= KEPT and unknown[-1] == unknown[below]
        gates.append(
            Gate(
                threshold,
                (len(replies) - kept) / len(replies),
                right / kept if known else None,
                wilson(right, kept) if known else None,
                kept,
            )
        )
    return gates


def _thresholds(confidences: Sequence[float]) -> list[float]:
    """Zero, then confidences that occur, evenly by how many replies lie between them."""
    distinct = sorted(set(confidences))
    if len(distinct) > STEPS:
        count = len(confidences)
        places = {round(step * (count - 1) / (STEPS - 1)) for step in range(STEPS)}
        distinct = sorted({confidences[place] for place in places})
    return [0.0, *(value for value in distinct if value > 0)]


def distribution(values: Sequence[float]) -> list[tuple[float, float]]:
    """Values with the share of all that is not larger: few points of the empirical distribution."""
    steps = min(STEPS, max(1, len(values) - 1))
    points: list[tuple[float, float]] = []
    for step in range(steps + 1):
        value = percentile(values, 100 * step / steps)
        if value is not None:
            points.append((value, step / steps))
    return points


def front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Those that no other one beats: none costs as little or less and succeeds as often or more."""
    best, kept = float("-inf"), list[str]()
    for name, (_, success) in sorted(points.items(), key=lambda item: (item[1][0], -item[1][1])):
        if success > best:
            kept.append(name)
            best = success
    return kept
