"""Repeated sampling: what is drawn, what is given, and when it stops."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from agentsys import Agent, Budget, System, cot_pot_cascade, sample_verify, vote_until
from agentsys.errors import DefinitionError
from agentsys.evaluation.statistics import pass_at_k
from agentsys.models.base import Request
from agentsys.models.scripted import Scripted
from agentsys.posterior import leads, next_chance

draw = Agent(str, str, "Draw.", name="draw", repairs=0)
good = draw.check(lambda _task, text: text == "good" or "it is not good.")


def saying(*texts: str, confidence: float | None = None) -> System:
    """A model that says these, one after the other."""
    left: Iterator[str] = iter(texts)
    return System({"slm": Scripted(lambda _r: next(left), confidence=confidence)})


def test_it_draws_until_one_passes() -> None:
    """No more than that; the first draw is greedy, the others are not, each with its own seed."""
    asked: list[Request] = []

    def model(request: Request) -> str:
        asked.append(request)
        return "good" if len(asked) == 3 else "bad"

    run = System({"slm": Scripted(model)}).run_sync(sample_verify(good), "x")
    assert (run.status, run.output, run.cost.calls) == ("ok", "good", 3)
    assert [request.temperature for request in asked] == [0, 0.7, 0.7]
    assert len({request.seed for request in asked}) == 3


def test_none_that_passes_is_an_abstention() -> None:
    """With the last reason, after as many draws as were allowed."""
    run = saying(*["bad"] * 9).run_sync(sample_verify(good, most=5), "x")
    assert (run.status, run.cost.calls, str(run.error)) == ("abstained", 5, "it is not good.")


def test_a_doubtful_draw_is_better_than_none() -> None:
    """What passes its checks and is not sure is given where nothing surer comes."""
    unsure = Agent(str, str, "Draw.", name="draw", repairs=0, min_confidence=0.9).check(
        lambda _task, text: text == "good" or "it is not good."
    )
    run = saying("bad", "good", "bad", confidence=0.5).run_sync(sample_verify(unsure, most=3), "x")
    assert (run.status, run.output, run.cost.calls) == ("low_confidence", "good", 3)


def test_it_stops_where_the_next_draw_has_no_chance() -> None:
    """After nine that failed, the next one passes with a chance of one in eleven."""
    run = saying(*["bad"] * 99).run_sync(sample_verify(good, most=99, least_chance=0.1), "x")
    assert run.cost.calls == 9
    assert next_chance(0, 9) == 1 / 11


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_it_makes_no_more_calls_than_the_budget_has(calls: int) -> None:
    """What was drawn by then is given where something was."""
    budget = Budget(calls=calls)
    run = saying("bad", "bad", "bad", "good").run_sync(sample_verify(good), "x", budget=budget)
    assert (run.status, run.cost.calls) == ("budget_exceeded", calls)
    voted = saying("a", "b", "b", "b").run_sync(vote_until(draw), "x", budget=budget)
    assert (voted.status, voted.cost.calls) == ("budget_exceeded", calls)
    assert voted.output == ("b" if calls == 3 else "a")


@pytest.mark.parametrize("second", range(6))
def test_a_vote_ends_where_the_lead_is_sure(second: int) -> None:
    """Against 0 to 5 votes for another, 4, 6, 8, 9, 11 and 12 are enough for 0.95."""
    needed = (4, 6, 8, 9, 11, 12)[second]
    said = ["a", "b"] * second + ["a"] * 20
    run = saying(*said).run_sync(vote_until(draw, most=40), "x")
    assert (run.output, run.cost.calls) == ("a", second + needed)


def test_the_first_of_those_that_tie_wins() -> None:
    """As in a vote of a fixed number."""
    run = saying("b", "a", "a", "b").run_sync(vote_until(draw, most=4), "x")
    assert run.output == "b"


def test_draws_without_an_answer_have_no_vote() -> None:
    """They count as draws only."""
    run = saying("bad", "good", "bad", "good", "good", "good").run_sync(vote_until(good), "x")
    assert (run.output, run.cost.calls) == ("good", 6)


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_lead_is_that_of_the_beta_posterior(first: int, second: int) -> None:
    """SciPy says the same."""
    assert leads(first, second) == pytest.approx(beta.sf(0.5, first + 1, second + 1), abs=1e-9)


@given(st.integers(1, 60), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_one_that_passed(draws: int, data: Any) -> None:
    """With one draw it is the share that passed; it grows with k, and is 1 where none can miss."""
    passed = data.draw(st.integers(0, draws))
    found = [pass_at_k(draws, passed, k) for k in range(1, draws + 1)]
    assert found[0] == pytest.approx(passed / draws)
    assert found == sorted(found)
    assert (found[-1] == 1) is (passed > 0)


@pytest.mark.parametrize(
    "make", [lambda: sample_verify(good, most=0), lambda: vote_until(good, most=0)]
)
def test_nothing_to_draw_is_refused(make: Any) -> None:
    """When it is defined, not when it is run."""
    with pytest.raises(DefinitionError):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: vote_until(good, sure=95),
        lambda: vote_until(good, sure=0),
        lambda: vote_until(good, sure=float("nan")),
        lambda: sample_verify(good, least_chance=5),
        lambda: sample_verify(good, least_chance=-0.1),
    ],
)
def test_what_is_no_probability_is_refused(make: Any) -> None:
    """A percentage would silently draw always, or never again."""
    with pytest.raises(DefinitionError):
        make()


worked = Agent(str, str, "Work it out.", name="worked")
program = Agent(str, str, "Write a program.", name="program")
large = Agent(str, str, "Say it.", name="large", tier="llm")
cascade = cot_pot_cascade(worked, program, large, value=str.lower, rounds=3)


def ways(worked: str, program: str) -> System:
    """Models that say these letters one after the other."""
    left = {"Work it out.": iter(worked), "Write a program.": iter(program)}
    small = Scripted(lambda request: next(left[request.messages[0].content]))
    return System({"slm": small, "llm": Scripted(lambda _r: "L")})


def test_what_both_ways_agree_on_is_accepted() -> None:
    """Two calls; the program's output is given."""
    run = ways("a", "A").run_sync(cascade, "x")
    assert (run.output, run.cost.calls) == ("A", 2)


def test_what_they_do_not_agree_on_is_drawn_again() -> None:
    """Until the most frequent of both is the same."""
    run = ways("abb", "bcb").run_sync(cascade, "x")
    assert (run.output, run.cost.calls) == ("b", 6)


def test_what_stays_split_is_asked_of_the_last() -> None:
    """After as many rounds as are allowed."""
    run = ways("aaa", "bbb").run_sync(cascade, "x")
    assert (run.output, run.cost.calls, run.path[-1]) == ("L", 7, "large@llm")


def test_agreement_removes_the_doubts_of_the_ways() -> None:
    """Neither was sure alone; together they are."""
    unsure = Agent(str, str, "Write a program.", name="program", min_confidence=0.9)
    node = cot_pot_cascade(worked, unsure, large, value=str)
    model = Scripted(lambda _r: "a", confidence=0.5)
    run = System({"slm": model, "llm": model}).run_sync(node, "x")
    assert (run.status, run.output) == ("ok", "a")


def test_without_means_for_more_the_program_counts() -> None:
    """The run says which budget it was."""
    run = ways("abc", "def").run_sync(cascade, "x", budget=Budget(calls=6))
    assert (run.status, run.output, run.cost.calls) == ("budget_exceeded", "d", 6)
