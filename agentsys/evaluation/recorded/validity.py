"""How often recorded models, which nothing held to a schema, gave what an agent asks for."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agentsys.errors import InvalidOutput
from agentsys.evaluation.recorded.runs import RecordedRuns, Sample
from agentsys.evaluation.statistics import Interval, wilson
from agentsys.models.chat import unfenced
from agentsys.money import usd
from agentsys.schema import conform, json_schema, parse, validate_json


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with its Wilson 95 % interval."""

    count: int
    of: int

    @property
    def rate(self) -> float:
        """Between 0 and 1."""
        return self.count / self.of

    @property
    def ci(self) -> Interval | None:
        """95 %."""
        return wilson(self.count, self.of)


@dataclass(frozen=True, slots=True)
class Validity:
    """What the first outputs of one model were."""

    model: str
    tier: str
    params_b: float | None
    outputs: int
    fits: Share
    """Is JSON as it stands, of the type that is asked for."""
    fits_unfenced: Share
    """Is that once a code fence around all of it is taken off, as agents do."""
    right: Share | None
    """Was graded as right by the source, whatever its form; `None`: nothing was graded."""
    fits_and_right: Share | None
    """Both: fits without a fence, and was graded as right."""
    cps_usd: Decimal | None
    """Of all outputs, for each that was right."""
    cps_fits_usd: Decimal | None
    """Of all outputs, for each that was right and fits."""


def validity(runs: RecordedRuns, kind: Any) -> list[Validity]:
    """A line for each model, in their order.

    Args:
        runs: What is on record.
        kind: The output type that is asked for.
    """
    return [_of(name, runs, kind) for name in runs.models if any(_first(runs, name))]


def _of(name: str, runs: RecordedRuns, kind: Any) -> Validity:
    about, samples = runs.models[name], [*_first(runs, name)]
    number = len(samples)
    graded = all(sample.correct is not None for sample in samples)
    fitting = [_fits(unfenced(sample.output), kind) for sample in samples]
    right = sum(bool(sample.correct) for sample in samples)
    both = sum(fit and bool(s.correct) for fit, s in zip(fitting, samples, strict=True))
    cost = sum(sample.nano_usd(about.price) for sample in samples)
    return Validity(
        model=name,
        tier=about.tier,
        params_b=about.params_b,
        outputs=number,
        fits=Share(sum(_fits(sample.output, kind) for sample in samples), number),
        fits_unfenced=Share(sum(fitting), number),
        right=Share(right, number) if graded else None,
        fits_and_right=Share(both, number) if graded else None,
        cps_usd=usd(cost) / right if graded and right else None,
        cps_fits_usd=usd(cost) / both if graded and both else None,
    )


def _first(runs: RecordedRuns, model: str) -> Iterator[Sample]:
    """Of every task."""
    return (every[0] for (_, name), every in runs.samples.items() if name == model)


def _fits(text: str, kind: Any) -> bool:
    try:
        content = parse(text)
        conform(content, json_schema(kind))
        validate_json(content, kind)
    except InvalidOutput:
        return False
    return True
