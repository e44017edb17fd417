"""What a calibration of thresholds came to."""

from pydantic import BaseModel, ConfigDict

from agentsys.evaluation.thresholds.curve import Point
from agentsys.evaluation.thresholds.fitting import Fit
from agentsys.evaluation.thresholds.measuring import Accepted, Against, Row
from agentsys.schema import JsonObject


class Tested(BaseModel):
    """How the threshold passed that is certified."""

    model_config = ConfigDict(frozen=True)

    accepted: int
    errors: int
    bound: float


class Calibrated(BaseModel):
    """What a calibration came to."""

    model_config = ConfigDict(frozen=True)

    version: str
    graph: str
    plan: JsonObject
    objective: str
    tiers: tuple[str, ...]
    own: tuple[float, ...]
    """What the definitions themselves ask for on the first tier."""
    threshold: float | None
    """On the calibrated scale, the same for all nodes; `None`: there is none, nothing is kept."""
    why_not: str
    fits: tuple[Fit, ...]
    curve: tuple[Point, ...]
    """On the tasks of the calibration."""
    expected: Point | None
    """The chosen point of it."""
    certificate: Tested | None
    rows: tuple[Row, ...]
    """On the held-out tasks: with the thresholds, as defined, and each tier alone."""
    against: Against | None
    """The first row beside the second."""
    accepted: Accepted | None
    worse: bool
    """Whether least cost per success was asked for, and the definitions' own threshold came to
    clearly less: the version is kept, and not put in use."""
    dearer: bool = False
    """Whether least cost per success was asked for, and a success costs clearly more than with the
    definitions' own threshold without a clear gain: it is kept, and not put in use, either."""
    no_delta_ibc: str
    """Why ΔIBC is not defined."""
    tasks: int
    """That the calibration had."""
    usd_per_failure: float
    fit_nano_usd: int
    """What the calibration's half cost; the rows say what the other did."""
    scoring: tuple[str, ...] = ()
    """What judges that scored cost beyond all that, and how often there was no verdict."""

    def to_json(self) -> JsonObject:
        """Stable JSON data."""
        return self.model_dump(mode="json")
