"""When a server that gives no sign of life is waited for, and when it is not."""

from dataclasses import dataclass, replace

import pytest

from agentsys.models.vllm.metrics import Load
from agentsys.models.vllm.presence import RESTART_S, STILL_S, Look, Presence
from agentsys.models.vllm.state import Phase

LOAD = Load(running=1, waiting=0, kv_usage=0.0, kv_tokens=100, tokens_in=1, tokens_out=1, busy_s=0)


@dataclass
class Clock:
    """Shows what it is set to."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def presence(clock: Clock) -> Presence:
    """What is known of a server at which nobody has looked yet."""
    return Presence(clock)


@pytest.mark.parametrize("phase", ["starting", "restarting", "stopping"])
def test_what_comes_up_or_goes_down_is_waited_for(presence: Presence, phase: Phase) -> None:
    """Whatever was before."""
    assert presence.trouble(Look(phase, None), busy=False) == f"is {phase}"


def test_a_server_that_does_not_answer_is_waited_for(presence: Presence) -> None:
    """Its supervisor sees to it."""
    assert presence.trouble(Look("ready", None), busy=False) == "does not answer"


@pytest.mark.parametrize("phase", ["stopped", "failed", "killed"])
def test_what_was_never_there_is_not_waited_for(presence: Presence, phase: Phase) -> None:
    """Nobody is about to start it."""
    assert presence.trouble(Look(phase, None), busy=False) == ""


@pytest.mark.parametrize(
    "before", [Look("ready", LOAD), Look("ready", None), Look("stopped", LOAD)]
)
def test_a_server_that_is_stopped_is_waited_for_a_while(
    presence: Presence, clock: Clock, before: Look
) -> None:
    """By those who knew it running, whoever had started it: it may be started again."""
    presence.trouble(before, busy=False)
    clock.now += RESTART_S - 1
    assert presence.trouble(Look("stopped", None), busy=False) == "was stopped"
    clock.now += 2
    assert presence.trouble(Look("stopped", None), busy=False) == ""


@pytest.mark.parametrize("phase", ["failed", "killed"])
def test_a_server_that_is_given_up_is_not_waited_for(presence: Presence, phase: Phase) -> None:
    """Not even by those who knew it."""
    presence.trouble(Look("ready", LOAD), busy=False)
    assert presence.trouble(Look(phase, None), busy=False) == ""


def test_a_server_that_stands_still_is_given_time(presence: Presence, clock: Clock) -> None:
    """As long as its figures move, it is sent more; once they have not for long, it is not."""
    for tokens in range(5):
        clock.now += STILL_S + 1
        moved = Look("ready", replace(LOAD, tokens_out=tokens))
        assert presence.trouble(moved, busy=True) == ""
    still = Look("ready", replace(LOAD, tokens_out=4))
    clock.now += STILL_S
    assert presence.trouble(still, busy=True) == ""
    clock.now += 1
    assert presence.trouble(still, busy=True) == "makes no progress"
    assert presence.trouble(Look("ready", LOAD), busy=True) == ""


def test_a_server_with_nothing_to_do_may_stand_still(presence: Presence, clock: Clock) -> None:
    """The time counts from its next request on."""
    for _ in range(3):
        clock.now += 10 * STILL_S
        assert presence.trouble(Look("ready", LOAD), busy=False) == ""
    clock.now += STILL_S - 1
    assert presence.trouble(Look("ready", LOAD), busy=True) == ""


def test_a_server_that_loses_a_request_must_do_something(presence: Presence) -> None:
    """Where it has done nothing since, it is sent no more at once."""
    presence.trouble(Look("ready", LOAD), busy=True)
    presence.lost()
    assert presence.trouble(Look("ready", LOAD), busy=False) == "makes no progress"
    assert presence.trouble(Look("ready", replace(LOAD, tokens_in=2)), busy=False) == ""
    assert presence.trouble(Look("ready", replace(LOAD, tokens_in=2)), busy=False) == ""


def test_a_server_that_has_nothing_to_do_stands_not_still(presence: Presence, clock: Clock) -> None:
    """What was sent to it may take long on its way from a client that has much to do."""
    idle = Look("ready", replace(LOAD, running=0), idle=True)
    for _ in range(3):
        assert presence.trouble(idle, busy=True) == ""
        clock.now += STILL_S + 1
    assert presence.trouble(replace(idle, idle=False), busy=True) != ""
