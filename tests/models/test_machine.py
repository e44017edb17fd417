"""How the time of a machine is divided among the requests that are under way."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentsys.models.machine import Machine, machines
from agentsys.models.meter import Gpu, Meter
from agentsys.settings import Deployment

MOVES = st.lists(st.tuples(st.sampled_from(["begin", "end", "others"]), st.integers(0, 5)))


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@given(MOVES)
def test_what_all_requests_are_given_is_the_time_in_which_there_was_one(
    moves: list[tuple[str, int]],
) -> None:
    """Whatever comes and goes when; where others are there as well, it is less."""
    clock = Clock()
    machine = Machine(clock)
    under_way: list[float] = []
    paid, busy, shared, others = 0.0, 0.0, False, 0
    for move, seconds in moves:
        clock.seconds += seconds
        if under_way:
            busy += seconds
            shared |= bool(others and seconds)
        if move == "begin":
            under_way.append(machine.begin())
        elif move == "others":
            others = seconds
            machine.has(len(under_way) + others)
        elif under_way:
            paid += machine.since(under_way.pop(0))
            machine.end()
    for mark in under_way:
        paid += machine.since(mark)
    assert paid <= busy + 1e-9
    assert shared or abs(paid - busy) < 1e-9


def test_each_moment_is_divided_evenly() -> None:
    """Alone for two seconds, then one of two for four: four seconds, and two for the other."""
    clock = Clock()
    machine = Machine(clock)
    first = machine.begin()
    clock.seconds = 2
    second = machine.begin()
    clock.seconds = 6
    assert (machine.since(first), machine.since(second)) == (4, 2)


def test_what_others_do_on_it_counts_too() -> None:
    """One request beside three of other processes is given a quarter."""
    clock = Clock()
    machine = Machine(clock)
    mark = machine.begin()
    machine.has(4)
    clock.seconds = 8
    assert machine.since(mark) == 2


def test_what_others_do_on_it_counts_for_its_gpus() -> None:
    """Their joules are divided among all requests, as its time is."""
    clock = Clock()
    machine = Machine(clock)
    machine.meter = Meter([Gpu(lambda: 100 * clock.seconds, now=clock)])
    machine.begin()
    marks = machine.meter.begin()
    machine.has(4)
    clock.seconds = 8
    assert machine.meter.end(marks) == 200


def deployment(name: str, **more: Any) -> Deployment:
    """One that is paid by the hour."""
    return Deployment.model_validate(
        {"name": name, "tier": "slm", "usd_per_hour": Decimal(1), **more}
    )


def test_what_is_behind_one_address_is_one_machine() -> None:
    """A server and its adapter share one; what runs in process has its own."""
    at = {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:8000/v1"}
    other = {"model": "hosted_vllm/a", "api_base": "http://127.0.0.1:8001/v1"}
    found = machines(
        [
            deployment("server", litellm_params=at),
            deployment("adapter", litellm_params=at),
            deployment("another", litellm_params=other),
            deployment("one", gguf="mini-slm"),
            deployment("two", gguf="mini-slm"),
        ]
    )
    assert found["server"] is found["adapter"]
    assert len({id(machine) for machine in found.values()}) == 4
