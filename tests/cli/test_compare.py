"""`agentsys compare`, on a ledger of two benches."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from agentsys.evaluation.suites import Source
from agentsys.events import Assigned, BenchStarted, Call, Event, Outcome, RunFinished, RunStarted
from agentsys.ledger import Ledger
from agentsys.settings import Settings
from tests.cli.conftest import Command

TASKS = 40


def events(
    bench: str,
    graphs: dict[str, tuple[int, int]],
    seed: int = 0,
    *,
    source: dict[str, Any] | None = None,
    ids: str = "t",
) -> Iterator[Event]:
    """A bench in which each graph solves the first so many tasks, each for so many nano-dollars."""
    yield BenchStarted(bench, "s", tuple(graphs), None, seed, TASKS, source)
    for graph, (successes, nano_usd) in graphs.items():
        for n in range(TASKS):
            run, task, won = f"{bench}-{graph}-{n}", f"{ids}{n}", n < successes
            made = (run, "n", "slm", "d", 0, "none", 10, 5, nano_usd)
            yield RunStarted(run, graph, {})
            yield Assigned(run, graph, "s", bench, task)
            yield Call(*made, 0.1, True, None, "accept", "", "")
            yield RunFinished(run, graph, "ok", {}, "", (), 0.5, nano_usd, 1, 10, 5)
            yield Outcome(run, graph, "s", bench, task, won, "exact")


@pytest.fixture
def compare(agentsys: Command) -> Command:
    """The command, in a home with an older and a newer bench and one of a single graph."""

    async def write() -> None:
        ledger = Ledger.open(Settings.load(None).store_url)
        for event in (
            *events("old", {"cheap": (20, 1_000), "good": (36, 5_000)}),
            *events("other", {"alone": (30, 2_000)}, seed=1),
            *events("new", {"cheap": (20, 1_200), "good": (36, 5_000)}),
        ):
            await ledger.write(event)

    asyncio.run(write())
    return lambda *words, **options: agentsys("compare", *words, **options)


def test_two_graphs_of_the_last_bench(compare: Command) -> None:
    """Their names are enough; the table has both, what is between them, and the exact test."""
    done = compare("cheap", "good")
    assert done.code == 0
    assert done.out.splitlines()[:2] == ["A  new:cheap", "B  new:good"]
    assert "50.0%" in done.out
    assert "+40.0 (" in done.out
    assert "A alone solved 0, B alone 16 of the tasks; exact test" in done.out
    assert "p = 3.1e-05." in done.out


@pytest.mark.parametrize(
    ("words", "sides"),
    [
        (("cheap", "good", "--bench", "old"), [("old:cheap", "old:good")]),
        (("old:cheap", "last:cheap"), [("old:cheap", "new:cheap")]),
        (("old", "last"), [("old:cheap", "new:cheap"), ("old:good", "new:good")]),
        (("old:good", "new"), [("old:good", "new:good")]),
        (("other", "new:good"), [("other:alone", "new:good")]),
        (("old:cheap", "good"), [("old:cheap", "new:good")]),
    ],
)
def test_what_a_side_is(
    compare: Command, words: tuple[str, ...], sides: list[tuple[str, str]]
) -> None:
    """A graph, a bench, or both; of two benches, the graphs that both have."""
    found = compare(*words, "--json").json()
    named = [
        tuple(f"{each[side]['bench']}:{each[side]['graph']}" for side in "ab") for each in found
    ]
    assert named == sides


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("cheap", "nope"), "no graph or bench 'nope'. The last bench, new, has cheap, good."),
        (("old:nope", "cheap"), "There is no graph 'nope'."),
        (("nope:cheap", "cheap"), "There is no bench 'nope'."),
        (("new", "last"), "new and last are the same bench. Name two of its graphs: cheap, good."),
        (("other", "new"), "other has alone and new has cheap, good. Say which: BENCH:GRAPH."),
        (("cheap", "good", "--fail-if", "cps 10%"), "'cps 10%' is no condition."),
        (("cheap", "good", "--metric", "moon"), "There is no metric 'moon'."),
    ],
)  # fmt: skip
def test_what_cannot_be_compared(compare: Command, words: tuple[str, ...], message: str) -> None:
    """One line says what is wrong, and the exit code is the caller's mistake."""
    done = compare(*words)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("cps +10%", 1),
        ("cps +25%", 0),
        ("cps +5% sure", 1),
        ("cps +15% sure", 0),
        ("success -2", 0),
        ("loaded-cps +50%", 0),
    ],
)
def test_a_condition_makes_the_exit_code(compare: Command, condition: str, code: int) -> None:
    """What got worse by more than allowed is 1, for a CI to stop at."""
    done = compare("old:cheap", "new:cheap", "--fail-if", condition)
    assert done.code == code
    assert f"{'FAILED' if code else 'within'}: {condition}" in done.out


def test_conditions_are_of_every_pair(compare: Command) -> None:
    """One graph that got worse is enough, and it is told which."""
    done = compare("old", "new", "--fail-if", "cps +10%", "--fail-if", "success -2", "--json")
    assert done.code == 1
    assert [each["failed"] for each in done.json()] == [["cps +10%"], []]


def test_only_the_metrics_that_are_asked_for(compare: Command) -> None:
    """The other rows are not printed; their conditions hold all the same."""
    done = compare(
        "old:cheap", "new:cheap", "--metric", "success", "--metric", "p95", "--fail-if", "cps +1%"
    )
    assert done.code == 1
    assert "success" in done.out
    assert "p95" in done.out
    assert "loaded-cps" not in done.out


def test_sides_that_differ_in_more_than_the_graph(compare: Command) -> None:
    """Suites of another seed are said to be others."""
    (found,) = compare("other", "new:good", "--json").json()
    assert found["notes"] == [
        "The suites differ (A: s, seed 1; B: s, seed 0): what is compared are the tasks of the"
        " same id."
    ]


def written(**sources: dict[str, Any] | None) -> None:
    """Benches of one graph, each on tasks of its own source."""

    async def write() -> None:
        ledger = Ledger.open(Settings.load(None).store_url)
        for bench, source in sources.items():
            ids = "u" if source and source.get("split") == "held-out" else "t"
            for event in events(bench, {"g": (20, 1_000)}, source=source, ids=ids):
                await ledger.write(event)

    asyncio.run(write())


RECORDED = Source("/d/tasks.jsonl", "aaaa", instead={"recorded": "/d", "digest": "1", "llm": "big"})


UNTIMED = "p50 and p95 are not known: where records answer, no model takes time."


@pytest.mark.parametrize(
    ("other", "notes"),
    [
        (replace(RECORDED, file="/moved/tasks.jsonl"), []),
        (
            replace(RECORDED, instead={**RECORDED.instead, "slm": ["tiny"], "llm": "huge"}),
            ["The models differ (A: recorded, llm big; B: recorded, slm tiny, llm huge)."],
        ),
        (
            replace(RECORDED, instead={}),
            ["The models differ (A: recorded, llm big; B: as configured)."],
        ),
        (
            replace(RECORDED, instead={**RECORDED.instead, "recorded": "/e"}),
            [],
        ),
        (
            replace(RECORDED, instead={**RECORDED.instead, "digest": "2"}),
            ["The recorded runs differ (A: /d of content 1; B: /d of content 2)."],
        ),
        (
            replace(RECORDED, field="answer"),
            ["The fields differ that are scored (A: the scorer's choice; B: answer)."],
        ),
        (
            replace(RECORDED, digest="bbbb"),
            [
                "The suites differ (A: s, seed 0, /d/tasks.jsonl of content aaaa; B: s, seed 0,"
                " /d/tasks.jsonl of content bbbb): what is compared are the tasks of the same id."
            ],
        ),
    ],
)
def test_what_differs_is_named(agentsys: Command, other: Source, notes: list[str]) -> None:
    """That, and nothing else: the same tasks with other models are the same tasks."""
    written(one=RECORDED.to_json(), other=other.to_json())
    (found,) = agentsys("compare", "one", "other", "--json").json()
    assert (found["tasks"], found["notes"]) == (TASKS, [*notes, UNTIMED])


def test_records_have_no_latency(agentsys: Command) -> None:
    """The clock of a replay is none of a model's: neither better nor worse is said of it."""
    written(one=Source().to_json(), other=RECORDED.to_json())
    done = agentsys("compare", "one", "other", "--fail-if", "p95 +1000", "--json")
    (found,) = done.json()
    for metric in ("p50", "p95"):
        assert set(found["metrics"][metric].values()) == {None, "not known"}
    assert (done.code, found["failed"]) == (1, ["p95 +1000"])
    assert found["metrics"]["cps"]["verdict"] == "not clear"


def test_benches_from_before_there_were_sources(agentsys: Command) -> None:
    """Their tasks are those of the name alone."""
    written(one=None, other=Source().to_json())
    (found,) = agentsys("compare", "one", "other", "--json").json()
    assert found["notes"] == []


def test_nothing_in_common_is_explained(agentsys: Command) -> None:
    """Where no task is on both sides, what differs is named with it."""
    written(one=Source(split="calibration").to_json(), other=Source(split="held-out").to_json())
    done = agentsys("compare", "one", "other")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "A: s, seed 0, split calibration; B: s, seed 0, split held-out" in done.err


def test_an_empty_ledger(agentsys: Command) -> None:
    """There is nothing to compare, and that is said."""
    done = agentsys("compare", "a", "b")
    assert done.code == 2
    assert "There is no bench 'last'" in done.err
