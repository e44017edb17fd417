"""What must not get worse: `cps +10%`, `success -2`, `p95 +0.5 sure`."""

import re
from dataclasses import dataclass

from agentsys.errors import UserError
from agentsys.evaluation.comparing.side_by_side import METRICS, Change, Metric

_GRAMMAR = re.compile(r"(\S+)\s+([+-])(\d+(?:\.\d+)?|\.\d+)(%?)(\s+sure)?")


@dataclass(frozen=True, slots=True)
class Condition:
    """A change for the worse that is too much.

    Grammar: `METRIC CHANGE [sure]`. The change has the sign of what is worse: `-` for success, `+`
    for anything else. With `%` it is relative to A; without, it is in points of success
    (hundredths), dollars, seconds or tokens. `sure`: the whole 95 % interval is beyond it, not the
    estimate alone.
    """

    text: str
    metric: Metric
    most: float
    """The largest change for the worse that will do, as a share or in the metric's unit."""
    relative: bool
    sure: bool

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """The condition of a text.

        Raises:
            UserError: it is none.
        """
        found = _GRAMMAR.fullmatch(text.strip())
        word = found[1] if found else ""
        metric: Metric | None = next((name for name in METRICS if name == word), None)
        if found is None or metric is None:
            raise UserError(
                f"{text!r} is no condition.",
                hint="Write 'METRIC CHANGE', as in 'cps +10%', 'success -2' or 'p95 +0.5 sure';"
                f" metrics: {', '.join(METRICS)}.",
            )
        _, sign, number, percent, sure = found.groups()
        worse = "-" if metric == "success" else "+"
        if sign != worse:
            raise UserError(
                f"{text!r} is no change for the worse.",
                hint=f"Write '{metric} {worse}{number}{percent}'.",
            )
        if metric == "success" and percent:
            raise UserError(
                f"{text!r} is ambiguous.",
                hint=f"Success is compared in points (hundredths): write 'success -{number}'.",
            )
        scale = 100 if percent or metric == "success" else 1
        return cls(text.strip(), metric, float(number) / scale, bool(percent), bool(sure))

    def broken(self, change: Change) -> bool:
        """Whether it has got worse by more. What cannot be told is broken, too."""
        if change.b is None:
            return True
        if change.a is None:
            return self.metric not in ("cps", "loaded-cps", "tokens")
        found = change.relative if self.relative else change.difference
        if found.value is None:
            return change.b > change.a
        worse = found.value
        if self.sure:
            if found.interval is None:
                return False
            worse = found.interval[1 if self.metric == "success" else 0]
        return (-worse if self.metric == "success" else worse) > self.most + 1e-12
