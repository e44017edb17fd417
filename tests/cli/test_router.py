"""`agentsys router`."""

import json

import pytest

from tests.cli.conftest import Command, agentsys

__all__ = ["agentsys"]

QUESTION = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"


@pytest.fixture
def benched(agentsys: Command) -> Command:
    """With outcomes of both tiers and of the graph that goes from one to the other."""
    graphs = [word for name in ("slm_only", "llm_only") for word in ("--graph", name)]
    assert agentsys("bench", "word-problems", "--limit", "60", *graphs, "--json").code == 0
    return agentsys


def fitted(agentsys: Command, *more: str) -> dict[str, object]:
    found = agentsys("router", "fit", "--graph", "slm_fallback", "--json", *more)
    assert found.code == 0, found.err
    return found.json()


def test_a_router_is_fitted_used_and_taken_off(benched: Command) -> None:
    """Runs ask it in between; the receipt and the ledger have what it said."""
    router = fitted(benched)
    assert router["tasks"] == router["both_known"] == 60
    assert 0 < router["succeeded"] < 60  # pyright: ignore[reportOperatorIssue]
    version = str(router["version"])
    assert "router" not in benched("run", "slm_fallback", QUESTION).out
    assert benched("router", "use", version, "--graph", "slm_fallback").code == 0
    (row,) = benched("router", "list", "--graph", "slm_fallback", "--json").json()
    assert benched("router", "list", "--json").json() == [{**row, "graph": "slm_fallback"}]
    refused = benched("router", "use", version, "--graph", "slm_only")
    assert (refused.code, f"{version!r} is one of 'slm_fallback'" in refused.err) == (2, True)
    assert (row["version"], row["in_use"], row["begin"]) == (version, True, "llm")
    assert f"by {version}" in benched("run", "slm_fallback", QUESTION).out
    assert benched("router", "off", "--graph", "slm_fallback").code == 0
    assert "router" not in benched("run", "slm_fallback", QUESTION).out


def test_where_a_run_begins_is_what_was_asked_for(benched: Command) -> None:
    """With a bound that nothing reaches, every run begins at the next tier."""
    version = str(fitted(benched, "--below", "0.999999")["version"])
    benched("router", "use", version, "--graph", "slm_fallback")
    run = benched("run", "slm_fallback", QUESTION, "--json").json()
    assert run["path"] == ["solver@llm"]


def test_a_router_is_evaluated_on_tasks_that_it_was_not_fitted_on(benched: Command) -> None:
    """There have to be some."""
    version = str(fitted(benched)["version"])
    words = ("router", "evaluate", version, "--graph", "slm_fallback")
    refused = benched(*words)
    assert (refused.code, "fitted on all 60 tasks" in refused.err) == (2, True)
    graphs = [word for name in ("slm_only", "llm_only") for word in ("--graph", name)]
    benched("bench", "word-problems", "--limit", "40", "--seed", "5", *graphs, "--json")
    found = benched(*words, "--json").json()
    assert found["tasks"] == 40
    assert "APGR" in benched(*words).out


def test_a_run_that_went_on_says_that_the_first_tier_did_not_do(agentsys: Command) -> None:
    """Outcomes of the graph itself are labels, too."""
    agentsys("bench", "word-problems", "--limit", "60", "--graph", "slm_fallback", "--json")
    found = fitted(agentsys)
    assert (found["tasks"], found["both_known"], found["router"]) == (60, 0, None)


def test_mistakes_are_told(agentsys: Command) -> None:
    """In one line each, with the next step."""
    told = {
        ("fit", "--graph", "slm_fallback"): "There are 0 tasks",
        ("fit", "--graph", "slm_only"): "goes on to no other tier",
        ("fit", "--graph", "slm_fallback", "--below", "2"): "is no probability",
        ("use", "v", "--graph", "slm_fallback"): "no router 'v'",
        ("fit", "--graph", "slm_fallback", "--min-labels", "0"): "--min-labels 0 is no number",
        ("evaluate", "--graph", "slm_fallback"): "No router of 'slm_fallback' is in use",
        ("off", "--graph", "nope"): "no graph 'nope'",
        ("list", "--graph", "nope"): "no graph 'nope'",
    }
    for words, reason in told.items():
        found = agentsys("router", *words)
        assert found.code == 2
        assert reason in found.err
    assert json.loads(agentsys("router", "list", "--json").out) == []
    none = agentsys("router", "list", "--graph", "slm_only")
    assert "There is no router of 'slm_only'." in none.out
