"""What was measured of judges is kept with who they were."""

import logging
from pathlib import Path

import pytest

from agentsys import Settings, open_store
from agentsys.calibration import Isotonic, Platt
from agentsys.evaluation.judging.identity import Identity, identity
from agentsys.evaluation.judging.kept import Kept, find, keep, reliability_of
from agentsys.project import find_graph
from agentsys.reliability import Reliability
from agentsys.stores import Store

WHO = Identity("j", "prompts", ("slm: small 1", "llm: large 1"))


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    redis = request.param == "redis"
    url = request.getfixturevalue("redis_url") if redis else f"sqlite:///{tmp_path / 'store.db'}"
    return open_store(url)


@pytest.mark.parametrize(
    "calibration", [None, Platt(0.5, -1.0), Platt(), Isotonic((0.1, 0.5, 0.9), (0.2, 0.2, 0.7))]
)
async def test_what_is_kept_comes_back(
    store: Store, calibration: Platt | Isotonic | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The same values, whichever calibration it is, and nothing is said."""
    kept = Kept(WHO, Reliability(0.9, 120, calibration, WHO.digest), "gold.jsonl", ("a", "b"))
    await keep(store, kept)
    assert await find(store, WHO) == kept
    assert not caplog.records
    await store.close()


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (Identity("j", "others", WHO.models), "its prompts or its code have changed"),
        (
            Identity("j", "prompts", ("slm: small 2", "llm: large 1")),
            "its models (slm: small 2; now slm: small 1) have changed",
        ),
        (
            Identity("j", "others", ("llm: large 1",)),
            "its prompts or its code and its models (none; now slm: small 1) have changed",
        ),
    ],
)
async def test_of_another_judge_nothing_is_taken(
    store: Store, before: Identity, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says what has changed since; of a judge of another name nothing is said."""
    await keep(store, Kept(before, Reliability(0.9, 120), "gold.jsonl", ()))
    with caplog.at_level(logging.WARNING, logger="agentsys"):
        assert await find(store, WHO) is None
        assert await find(store, Identity("k", "prompts", ())) is None
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("the calibration of 'j' is not used: since ")
    assert said in line
    await store.close()


async def test_two_judges_of_one_name_are_both_kept(store: Store) -> None:
    """Who goes back to other models finds what was measured with them."""
    other = Identity("j", "prompts", ("slm: small 2",))
    await keep(store, Kept(WHO, Reliability(0.9, 1), "g", ()))
    await keep(store, Kept(other, Reliability(0.5, 2), "g", ()))
    for who, accuracy in ((WHO, 0.9), (other, 0.5)):
        kept = await find(store, who)
        assert kept is not None
        assert kept.reliability.accuracy == accuracy
    await store.close()


async def test_a_panel_gets_what_was_measured(store: Store) -> None:
    """By the name of the graph and the models that it asks; of what was not measured, nothing."""
    settings, graph = Settings.load(), find_graph("judge_slm")
    assert await reliability_of(store, "judge_slm", graph, settings) is None
    measured = Reliability(0.93, 100, Platt(0.8))
    who = identity("judge_slm", graph, settings)
    await keep(store, Kept(who, measured, "gold.jsonl", ()))
    assert await reliability_of(store, "judge_slm", graph, settings) == measured
    await store.close()
