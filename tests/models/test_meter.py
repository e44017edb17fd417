"""How the joules of a GPU are divided among the requests that are under way."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsys.models.meter import RESOLUTION_S, Gpu, Mark, Meter

MOVES = st.lists(st.tuples(st.sampled_from(["begin", "end"]), st.sampled_from([0.0, 0.03, 1.0])))


class Board:
    """A clock that is set, and a counter that goes by it: 100 W."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.readings = 0

    def joules(self) -> float:
        self.readings += 1
        return 100 * self.seconds

    def now(self) -> float:
        return self.seconds

    def gpu(self) -> Gpu:
        return Gpu(self.joules, now=self.now)


def saying(*readings: float | None) -> Callable[[], float | None]:
    """A counter that shows these, one after the other."""
    left: Iterator[float | None] = iter(readings)
    return lambda: next(left)


def ticking() -> Callable[[], float]:
    """A clock by which everything is long ago."""
    ticks = count()
    return lambda: float(next(ticks))


@given(MOVES)
def test_what_all_requests_are_given_is_what_was_taken_while_there_was_one(
    moves: list[tuple[str, float]],
) -> None:
    """Whatever comes and goes when, and however short it is."""
    board = Board()
    gpu = board.gpu()
    under_way: list[Mark] = []
    given_out, taken = 0.0, 0.0
    for move, seconds in moves:
        board.seconds += seconds
        taken += 100 * seconds if under_way else 0.0
        if move == "begin":
            under_way.append(gpu.begin())
        elif under_way:
            given_out += gpu.end(under_way.pop(0)) or 0.0
    for mark in under_way:
        given_out += gpu.end(mark) or 0.0
    assert given_out == pytest.approx(taken)


def test_each_moment_is_divided_evenly() -> None:
    """Alone for two seconds, then one of two for four: 400 J, and 200 J for the other."""
    board = Board()
    gpu = board.gpu()
    first = gpu.begin()
    board.seconds = 2
    second = gpu.begin()
    board.seconds = 6
    assert (gpu.end(first), gpu.end(second)) == (400, 200)


def test_what_others_do_on_it_counts_too() -> None:
    """One request beside three of other processes is given a quarter."""
    board = Board()
    meter = Meter([board.gpu()])
    marks = meter.begin()
    meter.has_others(3)
    board.seconds = 8
    assert meter.end(marks) == 200


def test_two_servers_share_one_gpu() -> None:
    """What it takes is divided among the requests to both."""
    board = Board()
    gpu = board.gpu()
    one, other = Meter([gpu]), Meter([gpu])
    first, second = one.begin(), other.begin()
    board.seconds = 3
    assert (one.end(first), other.end(second)) == (150, 150)


def test_a_server_on_two_gpus_takes_what_both_take() -> None:
    """The joules of a request are the sum; what one does not tell, nobody knows."""
    board = Board()
    both = Meter([board.gpu(), board.gpu()])
    marks = both.begin()
    board.seconds = 1
    assert both.end(marks) == 200
    half = Meter([board.gpu(), Gpu(lambda: None, now=board.now)])
    marks = half.begin()
    board.seconds = 2
    assert half.end(marks) is None


def test_without_a_gpu_nothing_is_measured() -> None:
    """Not zero: nobody knows."""
    meter = Meter()
    assert meter.end(meter.begin()) is None


def test_a_gpu_is_not_read_more_often_than_it_has_news() -> None:
    """A thousand requests beside a long one cost no reading each."""
    board = Board()
    gpu = board.gpu()
    long = gpu.begin()
    for _ in range(1_000):
        gpu.end(gpu.begin())
    assert board.readings == 1
    board.seconds += RESOLUTION_S
    gpu.end(gpu.begin())
    assert board.readings == 2
    gpu.end(long)
    assert board.readings == 3


@pytest.mark.parametrize(
    "readings",
    [
        pytest.param((10.0, None), id="it fails"),
        pytest.param((10.0, None, 50.0), id="it fails in between"),
        pytest.param((10.0, 3.0), id="it begins anew"),
        pytest.param((10.0, 3.0, 50.0), id="it begins anew in between"),
        pytest.param((None, 10.0), id="it is there too late"),
    ],
)
def test_a_gap_leaves_those_under_way_unmeasured(readings: tuple[float | None, ...]) -> None:
    """What a counter did while it could not be read, or before it was reset, is not guessed."""
    gpu = Gpu(saying(*readings), now=ticking())
    mark = gpu.begin()
    for _ in readings[2:]:
        gpu.has_others("", 0)
    assert gpu.end(mark) is None


def test_after_a_gap_it_is_measured_again() -> None:
    """Only those that were under way in it are not."""
    gpu = Gpu(saying(10.0, None, 40.0, 45.0, 1.0, 2.0, 5.0), now=ticking())
    assert gpu.end(gpu.begin()) is None
    assert gpu.end(gpu.begin()) == 5.0
    assert gpu.end(gpu.begin()) == 1.0
