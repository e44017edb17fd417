"""What `--fail-if` takes, and what it lets pass."""

import pytest

from agentsys.errors import UserError
from agentsys.evaluation.comparing.condition import Condition
from agentsys.evaluation.comparing.side_by_side import METRICS, Change, Metric
from agentsys.evaluation.resampling import Measured


def cps(b: float | None, *, a: float | None = 1.0, low: float = 0.0, high: float = 0.0) -> Change:
    """A cost per success that was 1, with the interval of its change."""
    value = None if a is None or b is None else b - a
    interval = None if value is None else (low, high)
    return Change("cps", a, b, Measured(value, interval), Measured(value, interval))


def success(value: float, low: float, high: float) -> Change:
    return Change("success", 0.9, 0.9 + value, Measured(value, (low, high)), Measured(None, None))


@pytest.mark.parametrize(
    ("text", "b", "broken"),
    [
        ("cps +10%", 1.09, False),
        ("cps +10%", 1.1, False),
        ("cps +10%", 1.11, True),
        ("cps +0%", 1.0, False),
        ("cps +0.05", 1.06, True),
        ("cps +.5", 1.4, False),
        ("  cps   +10%  ", 2.0, True),
        ("cps +10%", 0.5, False),
    ],
)
def test_a_change_for_the_worse_is_too_much(text: str, b: float, broken: bool) -> None:
    """The estimate decides, and what is as much as allowed will do."""
    assert Condition.parse(text).broken(cps(b)) is broken


@pytest.mark.parametrize(("low", "broken"), [(0.05, False), (0.15, True)])
def test_sure_asks_for_the_whole_interval(low: float, broken: bool) -> None:
    """An estimate that may be chance is let pass."""
    assert Condition.parse("cps +10% sure").broken(cps(1.3, low=low, high=0.5)) is broken


@pytest.mark.parametrize(
    ("text", "value", "low", "high", "broken"),
    [
        ("success -2", -0.019, -0.1, 0.1, False),
        ("success -2", -0.021, -0.1, 0.1, True),
        ("success -2", 0.5, 0.4, 0.6, False),
        ("success -2 sure", -0.1, -0.2, -0.01, False),
        ("success -2 sure", -0.1, -0.2, -0.03, True),
    ],
)
def test_success_is_worse_downwards(
    text: str, value: float, low: float, high: float, broken: bool
) -> None:
    """Success is compared in points."""
    assert Condition.parse(text).broken(success(value, low, high)) is broken


def test_no_success_any_more_is_worse() -> None:
    """A cost per success that is gone breaks the condition; one that is new does not."""
    for text in ("cps +10%", "cps +10% sure", "cps +1"):
        condition = Condition.parse(text)
        assert condition.broken(cps(None))
        assert not condition.broken(cps(1.0, a=None))
        assert condition.broken(cps(None, a=None))


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_a_condition(metric: Metric) -> None:
    """The names are those of the table."""
    text = f"{metric} -1" if metric == "success" else f"{metric} +1"
    assert Condition.parse(text).metric == metric


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "is no condition"),
        ("cps", "is no condition"),
        ("cps 10%", "is no condition"),
        ("cps +10 %", "is no condition"),
        ("cps + 10%", "is no condition"),
        ("cps +10% maybe", "is no condition"),
        ("cps +1e3", "is no condition"),
        ("cost +10%", "metrics: success, cps, loaded-cps"),
        ("cps -10%", "Write 'cps +10%'."),
        ("success +2", "Write 'success -2'."),
        ("success -2%", "write 'success -2'"),
        ("cps +10%; rm", "is no condition"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, hint: str) -> None:
    """The message says what to write."""
    with pytest.raises(UserError) as refused:
        Condition.parse(text)
    assert hint in str(refused.value)
