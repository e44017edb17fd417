"""What would have been, from the calls of a bench alone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

from agentsys import Agent, Price, System, choose, step, tool
from agentsys.choosing import Choice
from agentsys.errors import Unreachable, UserError
from agentsys.evaluation.bench import Bench
from agentsys.evaluation.scorers import Judged, Numeric, Score
from agentsys.evaluation.suites import Suite, Task
from agentsys.evaluation.what_if import WhatIf, variants
from agentsys.evaluation.what_if.weighing import Found
from agentsys.ledger import Ledger
from agentsys.models.scripted import Scripted
from agentsys.node import Guarded, Node
from agentsys.verdict import Candidate, Verdict
from tests.shapes import Answer, Question, length_of_question

SUITE = Suite(
    "lengths", tuple(Task(f"t{n}", {"text": "x" * n}, n) for n in range(1, 41)), Numeric()
)
SOLVE = Agent(Question, Answer, "Give the length.", name="solve", min_confidence=0.6)


def checked(question: Question, answer: Answer) -> bool | str:
    """A check that one of the wrong answers fails."""
    return answer.value >= 0 or "it is negative."


FALLBACK = SOLVE.check(checked).escalate("llm")
GRAPHS: dict[str, Node[Question, Answer]] = {
    "small": FALLBACK.at("slm"),
    "large": FALLBACK.at("llm"),
    "fallback": FALLBACK,
}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path}/runs.db")


@pytest.fixture
async def system(ledger: Ledger) -> AsyncIterator[System]:
    """The small model errs on four of ten tasks, and is less sure of that."""
    small = Scripted(
        length_of_question,
        wrong={"value": 77},
        error_rate=0.4,
        confidence=0.95,
        wrong_confidence=0.7,
        price=Price(Decimal("0.05"), Decimal("0.08")),
    )
    large = Scripted(
        length_of_question, confidence=0.99, price=Price(Decimal("2.5"), Decimal(10)), name="large"
    )
    async with System({"slm": small, "llm": large}, store=ledger.store) as opened:
        yield opened


async def benched(system: System, ledger: Ledger, repeat: int = 1, **graphs: Any) -> WhatIf:
    bench = Bench("b1", SUITE, graphs or GRAPHS, repeat=repeat)
    await bench.run(system)
    return WhatIf(ledger, "b1", "fallback", SUITE, repeat, {})


async def one(asked: WhatIf, graph: Node[Any, Any] = FALLBACK, **how: Any) -> Found:
    [found] = await asked.of(variants(graph, **how))
    return found


async def test_at_the_real_threshold_it_is_what_was(system: System, ledger: Ledger) -> None:
    """To the nano-dollar, task by task; and nothing is asked or written."""
    asked = await benched(system, ledger, repeat=2)
    events, requests = [*ledger.events()], len(_requests(system))
    for thresholds in ([], [0.6]):
        found = await one(asked, thresholds=thresholds)
        assert dict(found.known) == asked.was()
        assert not found.unknown
    assert len(asked.was()) == 80
    assert [*ledger.events()] == events
    assert len(_requests(system)) == requests


async def test_a_lower_threshold_is_known_of_all(system: System, ledger: Ledger) -> None:
    """What was not escalated needs nothing new; what was begun is on record."""
    graph = Agent(Question, Answer, "Give it.", name="solve", min_confidence=0.8).escalate("llm")
    asked = await benched(system, ledger, fallback=graph)
    was = asked.was()
    assert 0 < sum(task.escalated for task in was.values()) < 40
    found = await one(asked, graph, thresholds=[0.5])
    assert not found.unknown
    assert not any(task.escalated for task in found.known.values())
    assert all(
        task.nano_usd < was[key].nano_usd if was[key].escalated else task == was[key]
        for key, task in found.known.items()
    )


async def test_a_request_that_was_never_made_is_not_made_up(system: System, ledger: Ledger) -> None:
    """The larger model was never shown these attempts; its own answer stands in, marked."""
    asked = await benched(system, ledger)
    found = await one(asked, thresholds=[0.8])
    assert len(found.known) + len(found.unknown) == 40
    assert found.unknown
    assert found.followed == len(found.unknown)
    assert {*found.approximated} == {*found.unknown}
    assert all(task.success and task.escalated for task in found.approximated.values())
    alone = await benched_without_large(ledger)
    assert not (await one(alone, thresholds=[0.8])).approximated


async def benched_without_large(ledger: Ledger) -> WhatIf:
    """Another bench, in which nobody asked the large model by itself."""
    small = Scripted(length_of_question, wrong={"value": 77}, error_rate=0.4, confidence=0.7)
    system = System({"slm": small, "llm": Scripted(length_of_question)}, store=ledger.store)
    await Bench("b2", SUITE, {"fallback": FALLBACK}).run(system)
    return WhatIf(ledger, "b2", "fallback", SUITE, 1, {})


async def test_another_tier_is_known_where_it_was_asked(system: System, ledger: Ledger) -> None:
    """`--at llm` is what the graph that asks it alone has done."""
    asked = await benched(system, ledger)
    found = await one(asked, at="llm")
    large = WhatIf(ledger, "b1", "large", SUITE, 1, {})
    assert dict(found.known) == large.was()


async def test_fewer_votes_are_known_from_more(system: System, ledger: Ledger) -> None:
    """The samples of a vote are on record one by one; more than there were are not."""
    voted = SOLVE.vote(5)
    asked = await benched(system, ledger, fallback=voted)
    fewer = await one(asked, voted, votes=3)
    assert not fewer.unknown
    assert sum(t.nano_usd for t in fewer.known.values()) < sum(
        t.nano_usd for t in asked.was().values()
    )
    more = await one(asked, voted, votes=6)
    assert len(more.unknown) == 40
    assert not more.followed


async def test_failed_calls_fail_again_and_cost_what_they_cost(ledger: Ledger) -> None:
    """Of a server that was not there, too."""
    down = Unreachable("it is down.", nano_usd=500, tokens_in=3)
    models = {"slm": Scripted(down), "llm": Scripted(length_of_question, confidence=0.9)}
    system = System(models, store=ledger.store)
    asked = await benched(system, ledger, fallback=FALLBACK)
    found = await one(asked)
    assert dict(found.known) == asked.was()
    assert {task.nano_usd for task in found.known.values()} == {500}


async def test_the_probabilities_of_decisions_are_not_on_record(
    system: System, ledger: Ledger
) -> None:
    """A decision is not known again, and it is said why."""

    @step
    async def counted(choice: Choice[Literal["1", "2"]]) -> Answer:
        return Answer(value=int(choice.choice))

    graph = choose(Question, Literal["1", "2"], "How long?") >> counted
    asked = await benched(
        System({"slm": Scripted('"1"'), "llm": Scripted('"1"')}, store=ledger.store),
        ledger,
        fallback=graph,
    )
    found = await one(asked, graph)
    assert len(found.unknown) == 40
    assert "no probabilities of decisions" in next(iter(found.unknown.values()))


async def test_tools_that_may_not_be_used_twice_are_refused(system: System, ledger: Ledger) -> None:
    """And thresholds of a graph that has nowhere to go."""

    @tool
    def pay(amount: int) -> str:
        """Pay."""
        return "paid"

    asked = await benched(system, ledger)
    graph = Agent(Question, Answer, "Pay.", tools=[pay])
    with pytest.raises(UserError, match="'pay', which would be used again"):
        await one(asked, graph)
    with pytest.raises(UserError, match="goes on to another tier"):
        variants(FALLBACK, at="llm", thresholds=[0.5])
    with pytest.raises(UserError, match="each of its parts asks a tier of its own"):
        variants(FALLBACK.at("slm"), at="slm")
    for graph in (Guarded(SOLVE, first="slm", tiers=["llm"]), FALLBACK):
        assert variants(graph, at="llm")[0].node.tiers == ("llm",)
    with pytest.raises(UserError, match="is no probability"):
        variants(FALLBACK, thresholds=[2])


@dataclass(frozen=True)
class Brittle(Numeric):
    """Says nothing of large numbers."""

    async def score(self, output: Any, task: Task, system: System) -> Score:
        if output["value"] == 77:
            raise ValueError("that is too much.")
        return await super().score(output, task, system)


async def test_what_no_scorer_could_tell_is_not_known(system: System, ledger: Ledger) -> None:
    """A score that is no verdict is neither a failure nor a request that is missing."""
    asked = await benched(system, ledger)
    found = await one(replace(asked, suite=replace(SUITE, scorer=Brittle())), GRAPHS["small"])
    assert len(found.known) + len(found.unknown) == 40
    assert all(task.success for task in found.known.values())
    assert found.unscored == len(found.unknown) > 0
    assert {*found.unknown.values()} == {"not scored: ValueError: that is too much."}
    assert not found.followed


async def test_what_judges_decide_is_refused(system: System, ledger: Ledger) -> None:
    """Judges are models: what they would say of other answers is not on record."""
    judge = Agent(Candidate[Question, Answer], Verdict, "Judge it.", name="judge", tier="llm")
    asked = await benched(system, ledger)
    judged = replace(SUITE, scorer=Judged("my_judge", judge))
    with pytest.raises(UserError, match="judge:my_judge decides by models"):
        await one(replace(asked, suite=judged))


def _requests(system: System) -> list[Any]:
    scripted = [model for model in system.models.values() if isinstance(model, Scripted)]
    return [request for model in scripted for request in model.requests]
