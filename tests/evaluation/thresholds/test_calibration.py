"""Thresholds are fitted on one half of the tasks, measured on the other, and kept."""

import asyncio
import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agentsys import Agent, Node, Price, System, UserError, step
from agentsys.errors import StoreError
from agentsys.evaluation.bench import Bench, OnProgress, Progress
from agentsys.evaluation.reports.accounts import accounts
from agentsys.evaluation.scorers import Judged
from agentsys.evaluation.thresholds.calibration import Calibration
from agentsys.evaluation.thresholds.drift import chance, drift, psi
from agentsys.evaluation.thresholds.fitting import groups
from agentsys.evaluation.thresholds.objective import (
    Certified,
    LoadedCps,
    Objective,
    SuccessFloor,
    certified,
)
from agentsys.evaluation.thresholds.plan import Plan, find
from agentsys.evaluation.thresholds.result import Calibrated
from agentsys.events import Outcome
from agentsys.models.scripted import Scripted
from agentsys.money import usd
from agentsys.thresholds import DEFINED, Thresholds, kept_in, named, versions
from agentsys.verdict import Candidate, Verdict
from tests.evaluation.thresholds.unsure import SOLVE, Unsure, file, system, tasks
from tests.shapes import Answer, Question

LOADED = LoadedCps(Decimal("0.01"))
PLAIN = Agent(Question, Answer, "Give the number.", min_confidence=0.5, name="plain")


@step
async def keep(answer: Answer) -> Answer:
    return answer


def right(question: Question, answer: Answer) -> bool | str:
    """What is surely wrong: a tenth of the tasks, of those that the small model gets wrong."""
    hopeless = "sure 0.2" in question.text and answer.value == 0
    return not hopeless or "it is wrong."


GRAPHS: dict[str, Node[Question, Answer]] = {
    "agent": SOLVE,
    "checked": SOLVE.check(right) >> keep,
    "three tiers": Agent(
        Question, Answer, "Give the number.", escalate=("mid", "llm"), name="three"
    ),
    "composite": (PLAIN >> keep).check(right).escalate("llm"),
}


def plan(file: str, objective: Objective = LOADED, **more: Any) -> Plan:
    return Plan("v1", "g", file, objective, Decimal("0.01"), **more)


def quiet(_: Bench) -> Any:
    return lambda progress: None


async def calibrated(
    system: System, plan: Plan, node: Node[Any, Any] = SOLVE, on_bench: Any = quiet
) -> Calibrated:
    return await Calibration.of(plan, node).run(system, on_bench)


async def interrupted(system: System, plan: Plan, most: int) -> None:
    """Cancel it after so many tasks."""
    told = 0

    def on_bench(_: Bench) -> OnProgress:
        def show(_: Progress) -> None:
            nonlocal told
            told += 1
            if told == most:
                going.cancel()

        return show

    going = asyncio.ensure_future(calibrated(system, plan, on_bench=on_bench))
    with pytest.raises(asyncio.CancelledError):
        await going


@pytest.mark.parametrize("name", GRAPHS)
async def test_the_curve_is_what_runs_come_to(tmp_path: Path, name: str) -> None:
    """Every point of the curve is what the graph does with that threshold, to the nano-dollar."""
    node, suite = GRAPHS[name], file(tmp_path, tasks(60, apart=0.8, large=0.9))
    async with system(tmp_path) as models:
        planned = plan(suite)
        found = await calibrated(models, planned, node)
        kept = (await named(_store(models), "v1")).thresholds
        for at, point in enumerate(found.curve[:: len(found.curve) // 6]):
            gates = {
                place: type(gate)(point.threshold, models=gate.models)
                for place, gate in kept.gates.items()
            }
            bench = Bench(f"b{at}", planned.suites()[0], {"x": node}, {"x": Thresholds("v", gates)})
            await bench.run(models)
            assert models.ledger is not None
            every = accounts(models.ledger, bench=bench.id)
            assert sum(a.nano_usd for a in every) == point.nano_usd
            assert sum(a.success for a in every) / len(every) == point.success_rate
            assert sum(a.escalated for a in every) / len(every) == point.escalation_rate


async def test_the_best_threshold_is_found(tmp_path: Path) -> None:
    """Where what is surer than 0.6 is right and nothing else, 0.6 is found, measured and used."""
    async with system(tmp_path) as models:
        found = await calibrated(models, plan(file(tmp_path, tasks(240))))
        [fit] = found.fits
        assert fit.least_confidence == pytest.approx(0.6, abs=0.02)
        assert (fit.node, fit.tier, fit.deployment, fit.method) == (
            "solve",
            "slm",
            "small",
            "isotonic" if fit.labels >= 200 else "platt",
        )
        mine, defined, small, large = found.rows
        assert [row.graph for row in found.rows] == [
            "g calibrated",
            "g as defined",
            "g at slm",
            "g at llm",
        ]
        assert mine.success_rate > 0.97 > defined.success_rate > small.success_rate
        assert large.success_rate == 1.0
        assert mine.escalation_rate == pytest.approx(0.5, abs=0.1)
        assert (mine.loaded_cps_usd or 1) < (defined.loaded_cps_usd or 0)
        run = await models.run(SOLVE, Question(text="sure 0.580000 0 1"), name="g")
        assert (run.path, run.thresholds) == (("solve@slm", "solve@llm"), "v1")


async def test_each_model_has_its_own_calibration(tmp_path: Path) -> None:
    """Of two deployments of a tier, the one that boasts must be surer for the same threshold."""
    async with system(tmp_path, boasts=True) as models:
        found = await calibrated(models, plan(file(tmp_path, tasks(360))))
        least = {fit.deployment: fit.least_confidence for fit in found.fits}
        assert least["small"] == pytest.approx(0.6, abs=0.05)
        assert least["boastful"] == pytest.approx(0.6**0.2, abs=0.03)
        assert found.rows[0].success_rate > 0.95


async def test_gain_over_the_straight_line(tmp_path: Path) -> None:
    """AutoMix's figure follows its formula; where the large model is no better, there is none."""
    async with system(tmp_path) as models:
        found = await calibrated(models, plan(file(tmp_path, tasks(120))))
        mine, _, small, large = found.rows

        def per_dollar(row: Any) -> float:
            better = row.success_rate - small.success_rate
            return better / (row.nano_usd - small.nano_usd)

        line = per_dollar(large)
        assert mine.delta_ibc == pytest.approx(100 * (per_dollar(mine) - line) / line)
        assert mine.delta_ibc_ci is not None
        low, high = mine.delta_ibc_ci
        assert low < (mine.delta_ibc or 0) < high
        worse = await calibrated(
            models, replace(plan(file(tmp_path, tasks(120, large=0.1), "bad.jsonl")), id="v2")
        )
        assert worse.rows[0].delta_ibc is None
        assert "succeeds no more often" in worse.no_delta_ibc


async def test_a_floor_is_met_at_the_least_cost(tmp_path: Path) -> None:
    """Of the thresholds that come to the floor, the cheapest is chosen."""
    async with system(tmp_path) as models:
        found = await calibrated(models, plan(file(tmp_path, tasks(300)), SuccessFloor(0.8)))
        assert found.expected is not None
        assert found.expected.success_rate >= 0.8
        for point in found.curve:
            cheaper = point.nano_usd < found.expected.nano_usd
            assert not cheaper or point.success_rate < 0.8


@pytest.mark.parametrize(
    ("objective", "why"),
    [
        (SuccessFloor(0.99), "no threshold comes to 99.0% success"),
        (Certified(0.1, 0.05), "at least 29 answers must reach one"),
    ],
)
async def test_what_cannot_be_had_is_not_kept(
    tmp_path: Path, objective: Objective, why: str
) -> None:
    """Where no threshold will do, it says why, keeps nothing, and pays for no measurement."""
    async with system(tmp_path) as models:
        found = await calibrated(
            models, plan(file(tmp_path, tasks(200, apart=0, large=0.7)), objective)
        )
        assert why in found.why_not
        assert (found.threshold, found.rows) == (None, ())
        assert await versions(_store(models), "g") == []
        assert await kept_in(_store(models)).in_use("g") == ""


async def test_what_is_certified_holds(tmp_path: Path) -> None:
    """A certified threshold is tested on answers that nothing was fitted on, and says its bound."""
    async with system(tmp_path) as models:
        objective = Certified(0.1, 0.05)
        found = await calibrated(models, plan(file(tmp_path, tasks(300)), objective))
        told = "at most 10.0% of accepted answers wrong (5.0% of all calibrations may miss that)"
        assert found.objective == told
        assert found.certificate is not None
        assert found.accepted is not None
        assert found.certificate.bound <= 0.1
        assert found.certificate.accepted >= 29
        [fit] = found.fits
        assert fit.labels == pytest.approx(found.tasks / 3, abs=1)
        assert found.expected is not None
        accepted = (1 - found.expected.escalation_rate) * found.tasks
        assert found.certificate.accepted < 0.8 * accepted  # only two thirds of the tasks test
        assert found.accepted.answers > 0.3 * found.rows[0].tasks
        assert found.accepted.errors / found.accepted.answers <= 0.1


async def test_what_is_clearly_worse_is_not_used(tmp_path: Path) -> None:
    """A threshold that was fitted on tasks unlike the others is kept, but not put in use."""
    texts = tasks(240, large=1.0)
    planned = plan(file(tmp_path, texts))
    held_out = {task.data["text"] for task in planned.suites()[1].tasks}
    # What is right in the half that is fitted on is wrong in the other, where 0.5 is best.
    texts = [_answered(text, 1) if text not in held_out else text for text in texts]
    async with system(tmp_path) as models:
        found = await calibrated(models, plan(file(tmp_path, texts)))
        assert found.worse
        assert [kept.thresholds.version for kept in await versions(_store(models), "g")] == ["v1"]
        assert await kept_in(_store(models)).in_use("g") == ""


@pytest.mark.parametrize("objective", [LOADED, SuccessFloor(0.999)])
async def test_what_is_clearly_dearer_for_nothing_is_not_used(
    tmp_path: Path, objective: Objective
) -> None:
    """Few wrong answers let it escalate more, and it would: by loaded cost, and for a floor.

    On the other half nothing is wrong, so no failure is avoided by it, and without it the floor
    is reached as well.
    """
    texts = [f"sure {0.55 + 0.44 * at / 120:.6f} 1 1" for at in range(120)]
    fit = {task.data["text"] for task in plan(file(tmp_path, texts)).suites()[0].tasks}
    wrong = [text for text in texts if text in fit][:5]
    texts = [_answered(text, 0) if text in wrong else text for text in texts]
    async with system(tmp_path) as models:
        found = await calibrated(models, plan(file(tmp_path, texts), objective))
        used = await kept_in(_store(models)).in_use("g")
    assert found.against is not None
    assert not found.worse
    assert found.against.cps_ci is not None
    assert found.against.cps_ci[0] > 0
    assert (found.dearer, used) == (True, "")


async def test_an_interrupted_calibration_goes_on(tmp_path: Path) -> None:
    """What was finished is not run again, and the result is that of a calibration in one go."""
    suite = file(tmp_path, tasks(120))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    async with system(whole) as models:
        straight = await calibrated(models, plan(suite))
        once = len(_asked(models))
    async with system(parts) as models:
        for most in (30, 250):
            await interrupted(models, plan(suite), most)
        resumed = await calibrated(models, plan(suite))
        assert len(_asked(models)) <= once + 2 * 2 * 8  # those that were under way, twice
    assert (resumed.threshold, resumed.fits) == (straight.threshold, straight.fits)
    assert [row.success_rate for row in resumed.rows] == [r.success_rate for r in straight.rows]


async def test_a_plan_is_found_again(tmp_path: Path) -> None:
    """What a calibration is to do is in the store; a file that has changed since is refused."""
    suite = file(tmp_path, tasks(80))
    planned = plan(suite, SuccessFloor(0.5), limit=50, seed=3)
    async with system(tmp_path) as models:
        await calibrated(models, planned)
        found = await find(_store(models), "last")
    assert found.objective == planned.objective
    assert [len(each.tasks) for each in found.suites()] == [25, 25]
    file(tmp_path, tasks(80, apart=0))
    with pytest.raises(UserError, match="has changed since"):
        found.suites()


async def test_another_definition_is_another_calibration(tmp_path: Path) -> None:
    """What was begun with one graph does not go on with another: labels of two would be mixed."""
    changed = Agent(Question, Answer, "Say it.", escalate="llm", min_confidence=0.5, name="solve")
    async with system(tmp_path) as models:
        await interrupted(models, plan(file(tmp_path, tasks(80))), 30)
        found = await find(_store(models), "v1")
        asked = len(_asked(models))
        with pytest.raises(UserError, match="definition of 'g' has changed since"):
            await calibrated(models, found, changed)
        assert len(_asked(models)) == asked
        assert (await calibrated(models, found)).threshold is not None
        older = replace(found, id="v2", shape="")
        assert (await calibrated(models, older, changed)).threshold is not None


@pytest.mark.parametrize("before", ["", "v0"])
async def test_what_was_kept_before_a_kill_is_put_in_use(tmp_path: Path, before: str) -> None:
    """Where it ended between the two, it goes on from there; what was decided since then holds."""
    async with system(tmp_path) as models:
        planned, uses = plan(file(tmp_path, tasks(80))), kept_in(_store(models))
        if before:
            await uses.use("g", before)
        refuse(tmp_path, "NEW.space = 'thresholds'")  # as a full disk does
        with pytest.raises(StoreError):
            await calibrated(models, planned)
        refuse(tmp_path, "0")
        assert [each.thresholds.version for each in await versions(_store(models), "g")] == ["v1"]
        assert await uses.in_use("g") == before
        asked = len(_asked(models))
        await calibrated(models, planned)
        assert await uses.in_use("g") == "v1"
        for since in ("", "v2"):
            await uses.use("g", since)
            await calibrated(models, planned)
            assert await uses.in_use("g") == since
        assert len(_asked(models)) == asked


def refuse(folder: Path, condition: str) -> None:
    """Let SQLite itself refuse some values; `0`: none."""
    connection = sqlite3.connect(folder / "store.db")
    connection.execute("DROP TRIGGER IF EXISTS refuse")
    connection.execute(
        f"CREATE TRIGGER refuse BEFORE INSERT ON value WHEN {condition}"
        " BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
    )
    connection.close()


def test_no_input_is_in_both_halves(tmp_path: Path) -> None:
    """A task that is there twice is not measured on after it was fitted on."""
    fit, held_out = plan(file(tmp_path, [*tasks(90), *tasks(90)])).suites()
    seen = [{task.data["text"] for task in suite.tasks} for suite in (fit, held_out)]
    assert not seen[0] & seen[1]
    assert len(seen[0] | seen[1]) == 90


SECOND = Agent(Answer, Answer, "x", escalate="other", name="second")
THREE = Agent(Question, Answer, "x", escalate=("mid", "llm"), name="three")


@pytest.mark.parametrize(
    ("node", "objective", "message"),
    [
        (PLAIN, LOADED, "No agent of 'g' has a tier to escalate to"),
        (SOLVE.at("llm"), LOADED, "No agent of 'g' has a tier to escalate to"),
        (THREE, Certified(0.2, 0.5), "Only escalation from one tier to another"),
        (SOLVE, Certified(0.05, 0.05), "Give 178 or more in all"),
        (SOLVE >> SECOND, LOADED, "escalate along different tiers"),
    ],
)
def test_what_has_no_threshold_is_refused(
    tmp_path: Path, node: Node[Any, Any], objective: Objective, message: str
) -> None:
    """A graph without escalation, or with several, is refused before anything is asked."""
    with pytest.raises(UserError, match=message):
        Calibration.of(plan(file(tmp_path, tasks(80)), objective), node)


async def test_a_model_that_tells_nothing_cannot_be_calibrated(tmp_path: Path) -> None:
    """Without log-probabilities there is no confidence, and it says so."""
    async with system(tmp_path, tells=False) as models:
        with pytest.raises(UserError, match="gives no log-probabilities"):
            await calibrated(models, plan(file(tmp_path, tasks(80))))


@step
async def shown(candidate: Candidate[Question, Answer]) -> Question:
    return Question(text=str(candidate.answer.value))


async def test_what_judges_cost_is_told(tmp_path: Path) -> None:
    """Where a judge scores, each half's figures are followed by what that took, to the nano."""
    says = Agent(Question, Verdict, "Judge it.", name="judge", tier="judge")
    models = system(tmp_path)
    price = Price(Decimal(1), Decimal(1))
    scripted = Scripted(
        lambda asked: {"label": "correct" if asked.messages[-1].content == "1" else "incorrect"},
        price=price,
    )
    judged = System({**models.models, "judge": scripted}, store=models.store)
    planned = plan(file(tmp_path, tasks(80)), scorer="judge:j")
    async with judged:
        calibration = Calibration.of(planned, SOLVE, judge=Judged("j", shown >> says))
        found = await calibration.run(judged, quiet)
        assert judged.ledger is not None
        for half, bench in (("First", planned.fit_bench), ("Other", planned.held_out_bench)):
            costs = [
                recorded.event.nano_usd
                for recorded in judged.ledger.events(Outcome, bench=bench)
                if isinstance(recorded.event, Outcome)
            ]
            told = f"{half} half: Scoring by judge:j cost ${usd(sum(costs)):f} more"
            assert [line.startswith(told) for line in found.scoring].count(True) == 1
            assert all(costs)


def test_too_few_tasks_are_refused(tmp_path: Path) -> None:
    """Where a half has too few tasks, it says how many are needed."""
    with pytest.raises(UserError, match="Give 40 or more"):
        plan(file(tmp_path, tasks(30))).suites()


@pytest.mark.parametrize(
    "text", ["", "0.05", "alpha=0.05", "alpha=0.05,delta=2", "alpha=x,delta=0.1", "alpha=1,beta=2"]
)
def test_an_unclear_promise_is_refused(text: str) -> None:
    """`--certify` takes two shares by name."""
    with pytest.raises(UserError):
        certified(text)


async def test_confidences_that_have_moved_are_told(tmp_path: Path) -> None:
    """The index is small for tasks like those that were fitted on, and large for others."""
    async with system(tmp_path) as models:
        found = await calibrated(models, plan(file(tmp_path, tasks(200))))
        since = (await named(_store(models), "v1")).written
        assert models.ledger is not None
        [none] = drift(models.ledger, found, since)
        assert (none.confidences, none.psi) == (0, None)
        for text in tasks(200, seed=5):
            await models.run(SOLVE, Question(text=text), name="g")
        [same] = drift(models.ledger, found, since)
        assert same.confidences == 200
        assert not same.moved
        for _ in range(200):
            await models.run(SOLVE, Question(text="sure 0.3 1 1"), name="g", thresholds=DEFINED)
        [other] = drift(models.ledger, found, since)
        assert other.moved


def test_few_confidences_seem_to_move_by_chance() -> None:
    """The index alone cries wolf every second time; beside what chance does it is one in twenty."""
    draw = Random(0)
    edges = [at / 10 for at in range(1, 10)]
    indices = [
        psi(
            groups(edges, [draw.random() for _ in range(60)]),
            groups(edges, [draw.random() for _ in range(120)]),
            120,
        )
        for _ in range(500)
    ]
    assert sum(index > 0.2 for index in indices) > 150
    assert 5 < sum(index > chance(10, 60, 120) for index in indices) < 60


def _asked(models: System) -> list[str]:
    found: list[str] = []
    for model in models.models.values():
        assert isinstance(model, Unsure)
        found += model.asked
    return found


def _store(models: System) -> Any:
    assert models.store is not None
    return models.store


def _answered(text: str, small: int) -> str:
    word, sure, _, large = text.split()
    return f"{word} {sure} {small} {large}"
