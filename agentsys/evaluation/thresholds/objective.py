"""What a threshold is chosen for."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from agentsys.errors import UserError


@dataclass(frozen=True, slots=True)
class LoadedCps:
    """Least cost per success, a failed task counted with what it costs you.

    Cost per success alone is no objective: where the small model is nearly free, it always says
    never to escalate.
    """

    usd_per_failure: Decimal
    kind: Literal["loaded-cps"] = "loaded-cps"

    def __str__(self) -> str:
        return f"least cost per success, ${self.usd_per_failure:f} a failure"


@dataclass(frozen=True, slots=True)
class SuccessFloor:
    """Least cost at which so large a share of the tasks succeeds.

    The share on the calibration split, as it is: a goal, not a promise. Where the split is small,
    other tasks may well succeed less often; what was measured on the held-out split says how often.
    """

    least: float
    kind: Literal["success-floor"] = "success-floor"

    def __post_init__(self) -> None:
        _require_share("A success floor", self.least)

    def __str__(self) -> str:
        return f"least cost at {self.least:.1%} success or more"


@dataclass(frozen=True, slots=True)
class Certified:
    """Fewest escalations at which the share of errors among accepted answers is bounded.

    Over all calibrations, that share exceeds `alpha` in a share of `delta` at most.
    """

    alpha: float
    delta: float
    kind: Literal["certify"] = "certify"

    def __post_init__(self) -> None:
        _require_share("An alpha", self.alpha)
        _require_share("A delta", self.delta)

    def __str__(self) -> str:
        missed = f"{self.delta:.1%} of all calibrations may miss that"
        return f"at most {self.alpha:.1%} of accepted answers wrong ({missed})"


Objective = Annotated[LoadedCps | SuccessFloor | Certified, Field(discriminator="kind")]


def certified(text: str) -> Certified:
    """What `alpha=0.05,delta=0.05` asks for.

    Raises:
        UserError: it is not of that form.
    """
    given = dict(part.split("=", 1) for part in text.replace(" ", "").split(",") if "=" in part)
    try:
        alpha, delta = float(given.pop("alpha")), float(given.pop("delta"))
    except (KeyError, ValueError) as error:
        raise _unclear(text) from error
    if given or text.count(",") != 1:
        raise _unclear(text)
    return Certified(alpha, delta)


def _unclear(text: str) -> UserError:
    return UserError(
        f"{text!r} says no bound on errors and how sure it is to hold.",
        hint="Give --certify alpha=0.05,delta=0.05.",
    )


def _require_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise UserError(f"{name} of {value:g} is no share.", hint="Give one between 0 and 1.")
