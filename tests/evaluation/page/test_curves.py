"""The curves of a page against figures worked out by hand."""

from dataclasses import replace
from math import hypot

import pytest

from agentsys.evaluation.page.axes import amount_axis, labels, log_odds, odds_axis, thinned, ticks
from agentsys.evaluation.page.curves import (
    IN_BIN,
    KEPT,
    Answer,
    calibration,
    distribution,
    escalation,
    front,
)
from agentsys.evaluation.page.labels import CHARACTER, Label, placed
from agentsys.evaluation.page.visible import one_line, shortened, visible
from agentsys.evaluation.statistics import wilson

TAKEN = Answer("g", "n", "slm", "small", 0.9, "taken", True, True)


def taken(confidence: float, *rights: bool) -> list[Answer]:
    return [replace(TAKEN, confidence=confidence, right=right) for right in rights]


def test_a_bin_is_of_one_confidence() -> None:
    """Answers of the same confidence are in one bin, whatever its size."""
    answers = taken(0.9, *[True] * 30, *[False] * 10) + taken(0.5, *[True] * 5, *[False] * 15)
    low, high = calibration(answers)
    assert (low.confidence, low.right, low.answers) == (0.5, 0.25, 20)
    assert (high.confidence, high.right, high.answers) == (pytest.approx(0.9), 0.75, 40)
    assert high.interval == wilson(30, 40)


def test_every_answer_is_in_a_bin_and_no_bin_is_small() -> None:
    """However many there are; fewer than a bin's worth make one bin."""
    for count in (1, 9, 15, 25, 100, 1_003):
        answers = [replace(TAKEN, confidence=n / count, right=n % 3 > 0) for n in range(count)]
        bins = calibration(answers)
        assert sum(each.answers for each in bins) == count
        assert min(each.answers for each in bins) >= min(count, IN_BIN)
        assert len(bins) <= 11
    assert calibration([]) == []
    assert calibration([replace(TAKEN, right=None)]) == []


def test_what_a_threshold_would_escalate() -> None:
    """Those below it, and at any threshold those that were refused for another reason."""
    answers = [
        *taken(0.9, *[True] * 9, *[False] * 3),
        *taken(0.6, *[True] * 2, *[False] * 2),
        *[replace(TAKEN, confidence=0.99, decided="refused", right=None)] * 4,
    ]
    gates = {gate.threshold: gate for gate in escalation(answers)}
    assert list(gates) == [0.0, 0.6, 0.9]
    assert [gate.escalated for gate in gates.values()] == [4 / 20, 4 / 20, 8 / 20]
    assert [gate.right for gate in gates.values()] == [11 / 16, 11 / 16, 9 / 12]
    assert gates[0.9].interval == wilson(9, 12)


def test_what_nobody_has_seen_is_not_known() -> None:
    """Below the threshold in force, kept replies would be among those that were handed on."""
    unsure = replace(TAKEN, confidence=0.4, decided="unsure", right=None)
    answers = [*taken(0.8, *[True] * 12), *taken(0.9, *[True] * 12), unsure]
    known = {gate.threshold: gate.right for gate in escalation(answers)}
    assert known == {0.0: None, 0.4: None, 0.8: 1.0, 0.9: 1.0}


def test_too_few_kept_are_no_share() -> None:
    """A share of a handful of answers is not given."""
    answers = [*taken(0.5, *[True] * 20), *taken(0.9, *[False] * (KEPT - 1))]
    assert {gate.threshold: gate.right for gate in escalation(answers)}[0.9] is None


def test_many_confidences_make_few_thresholds() -> None:
    """The curve has few points, and its ends are there."""
    answers = [replace(TAKEN, confidence=n / 10_000, right=True) for n in range(1, 10_001)]
    found = [gate.threshold for gate in escalation(answers)]
    assert len(found) <= 61
    assert (found[1], found[-1]) == (0.0001, 1.0)


def test_the_distribution_has_both_ends() -> None:
    """From the least value to the largest, in few points."""
    points = distribution([float(n) for n in range(1, 10_001)])
    assert (points[0], points[-1]) == ((1.0, 0.0), (10_000.0, 1.0))
    assert len(points) <= 61
    assert distribution([3.0]) == [(3.0, 0.0), (3.0, 1.0)]


@pytest.mark.parametrize(
    ("points", "best"),
    [
        ({"a": (1, 0.5), "b": (2, 0.9), "c": (3, 0.8)}, ["a", "b"]),
        ({"a": (1, 0.5), "b": (2, 0.5)}, ["a"]),
        ({"a": (1, 0.5), "b": (1, 0.7)}, ["b"]),
        ({"a": (3, 0.9), "b": (2, 0.8), "c": (1, 0.7)}, ["c", "b", "a"]),
        ({}, []),
    ],
)
def test_the_front_is_what_nothing_beats(
    points: dict[str, tuple[float, float]], best: list[str]
) -> None:
    """By rising cost."""
    assert front(points) == best


HEIGHT = 300


def boxes(
    points: list[tuple[float, float]], found: list[Label | None], names: list[str], width: float
) -> list[tuple[float, float, float, float]]:
    """Where the names are that found a place."""
    made: list[tuple[float, float, float, float]] = []
    for (x, y), label, name in zip(points, found, names, strict=True):
        if label is not None:
            long = CHARACTER * len(name)
            left = x * width + label.dx
            left -= {"left": 0.0, "center": long / 2, "right": long}[label.align]
            made.append((left, y + label.dy - 7, left + long, y + label.dy + 7))
    return made


def test_names_hide_nothing() -> None:
    """On no width does a name lie on a point or on another name, and none is left out."""
    points = [(0.2 + 0.05 * n, 100.0 + 5 * (n % 4)) for n in range(12)]
    names = [f"graph number {n}" for n in range(12)]
    spans = [(x - 0.01, x + 0.01, y - 20, y + 20) for x, y in points]
    widths = (600, 700, 800)
    found = placed(points, spans, names, widths, HEIGHT)
    assert None not in found
    for width in widths:
        made = boxes(points, found, names, width)
        for at, (left, top, right, bottom) in enumerate(made):
            assert not any(left < x * width < right and top < y < bottom for x, y in points)
            for le, to, ri, bo in made[at + 1 :]:
                assert left >= ri or right <= le or top >= bo or bottom <= to
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= HEIGHT


def test_a_name_far_from_its_point_has_a_line_to_it() -> None:
    """Even points in the same place are named; the lines end at the names."""
    points = [(0.5, 150.0)] * 5
    names = list("abcde")
    found = placed(points, [(0.5, 0.5, 150.0, 150.0)] * 5, names, (400,), HEIGHT)
    for label in found:
        assert label is not None
        assert label.leader is not None
        assert hypot(label.leader[0] - label.dx, label.leader[1] - label.dy) <= 7
    assert len(set(boxes(points, found, names, 400))) == 5


def test_a_name_without_room_is_left_out() -> None:
    """Better none than one that covers something; who asks for none gets none."""
    assert placed([(0.5, 50)], [(0.5, 0.5, 50, 50)], ["x" * 100], (100,), 100) == [None]
    assert placed([(0.5, 50)], [(0.5, 0.5, 50, 50)], [""], (100,), 100) == [None]


@pytest.mark.parametrize(
    ("values", "logarithmic"), [([1, 2], False), ([1, 100], True), ([0, 5], False), ([0], False)]
)
def test_wide_spreads_are_logarithmic(values: list[float], logarithmic: bool) -> None:
    """And hold all the values; zero has no logarithm."""
    found, (low, high) = amount_axis(values)
    assert found is logarithmic
    assert low <= min(values)
    assert max(values) < high
    assert low > 0 if logarithmic else low == 0


def test_ticks_are_round_and_few() -> None:
    """Over any number of decades."""
    assert ticks([0.9, 11]) == [1, 2, 5, 10]
    assert ticks([0.9, 110]) == [1, 3, 10, 30, 100]
    assert ticks([1e-7, 0.9]) == [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1]


def test_log_odds_have_ends() -> None:
    """Certainty is drawn, too; an axis goes from tick to tick."""
    assert log_odds(0.5) == 0
    assert log_odds(0.9) == pytest.approx(-log_odds(0.1))
    assert -3.1 < log_odds(0.0) < log_odds(1.0) < 6.1
    assert odds_axis([log_odds(0.8)]) == [log_odds(0.5), log_odds(0.9)]


def test_cut_names_are_told_apart() -> None:
    """The end of a name says more than its middle; what is the same after all is numbered."""
    assert one_line("a_very_long_name_of_a_graph_1", 12) == "a_very_…ph_1"
    assert len(set(labels([f"{'x' * 50}{n}{'y' * 50}" for n in range(5)], 20))) == 5
    assert labels(["short"], 20) == ["short"]


def test_texts_are_made_visible() -> None:
    """Line ends and tabs stay; letters of all languages do."""
    assert visible("a\x1b[0m\u202eb\n\tö漢") == "a\\x1b[0m\\u202eb\n\tö漢"
    assert shortened({"a": "ö"}, 100) == '{"a": "ö"}'
    assert shortened("x" * 12, 10) == "x" * 10 + "\n[2 more characters are not shown]"


def test_thinning_keeps_the_ends() -> None:
    """Places are in order, and no more than asked for."""
    assert thinned(3, 5) == [0, 1, 2]
    assert thinned(100, 4) == [0, 33, 66, 99]
