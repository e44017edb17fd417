"""Gates of several nodes, and cascades of nodes: what is asked, what is given, and when it ends."""

from pathlib import Path

import pytest

from agentsys import Agent, Budget, System, agree, cascade, open_store, step
from agentsys.errors import BudgetExceeded, DefinitionError
from agentsys.events import Call
from agentsys.models.scripted import Answer, Scripted

NAMES = ("a", "b", "c", "d")


def asking(name: str, **options: float) -> Agent[str, str]:
    return Agent(str, str, "Say it.", tier=name, name=name, repairs=0, **options)  # pyright: ignore


a, b, c, d = (asking(name) for name in NAMES)


def saying(*answers: Answer, confidence: float | None = None) -> System:
    """One model a tier, each with one answer."""
    models = zip(NAMES, answers, strict=False)
    return System({name: Scripted([said], confidence=confidence) for name, said in models})


@pytest.mark.parametrize(
    ("answers", "at_least", "status", "asked"),
    [
        (("x", "x", "x"), 3, "ok", "abc"),
        (("x", "x", "y"), 3, "abstained", "abc"),
        (("x", "x", "y"), 2, "ok", "ab"),
        (("x", "y", "x"), 2, "ok", "abc"),
        (("y", "x", "x"), 2, "ok", "abc"),
        (("x", "y", "z"), 2, "abstained", "abc"),
    ],
)
def test_enough_agree(answers: tuple[str, ...], at_least: int, status: str, asked: str) -> None:
    """What enough nodes give alike passes, and nobody is asked once that is settled."""
    run = saying(*answers).run_sync(agree(a, b, c, at_least=at_least), "?")
    assert (run.status, "".join(step.split("@")[0] for step in run.path)) == (status, asked)
    if run.ok:
        assert run.output == "x"


def test_hopeless_gate_stops() -> None:
    """Once those that are left cannot make enough agree, they are not asked."""
    run = saying("w", "x", "y", "z").run_sync(agree(a, b, c, d, at_least=3), "?")
    assert (run.status, run.cost.calls) == ("abstained", 3)
    assert run.error == "no 3 of 4 give the same answer, but 1."


def test_compared_by_a_key() -> None:
    """The key says what is alike; the output is that of the first node that agrees."""
    run = saying("y", "X ", "x").run_sync(
        agree(a, b, c, at_least=2, by=lambda text: text.strip().lower()), "?"
    )
    assert run.output == "X "


def test_failures_agree_with_nobody() -> None:
    """Nodes without an answer do not agree on that."""
    none = asking("a").check(lambda _task, _text: "no.")
    other = asking("b").check(lambda _task, _text: "no.")
    run = saying("x", "x", "x").run_sync(agree(none, other, c, at_least=2), "?")
    assert run.status == "abstained"


def test_agreement_removes_doubts() -> None:
    """What nobody was sure of alone is accepted where they agree."""
    unsure = (asking(name, min_confidence=0.9) for name in NAMES[:2])
    run = saying("x", "x", confidence=0.5).run_sync(agree(*unsure), "?")
    assert run.status == "ok"


@pytest.mark.parametrize("at_least", [0, 1, 4])
def test_impossible_gates(at_least: int) -> None:
    """A gate that one node passes alone, or that none can, is refused when it is made."""
    with pytest.raises(DefinitionError, match="Use 2 to 3"):
        agree(a, b, c, at_least=at_least)


def test_gate_within_a_budget() -> None:
    """Where the budget has no room for all, the run says so and spends no more."""
    gate = agree(a, b, c, at_least=3)
    run = saying("x", "x", "x").run_sync(gate, "?", budget=Budget(calls=2))
    assert (run.status, run.cost.calls) == ("budget_exceeded", 2)


def test_cascade_settles() -> None:
    """The first node with an answer that nothing speaks against ends it."""
    refusing = asking("a").check(lambda _task, _text: "no.")
    run = saying("x", "y", "z").run_sync(cascade(refusing, b, c), "?")
    assert (run.status, run.output, run.path) == ("ok", "y", ("a@a", "b@b"))


def test_cascade_of_doubts() -> None:
    """Where none is sure, the last doubtful answer is given, doubtful as it is."""
    doubtful = asking("a", min_confidence=0.9)
    failing = asking("b").check(lambda _task, _text: "no.")
    run = saying("x", "y", confidence=0.5).run_sync(cascade(doubtful, failing), "?")
    assert (run.status, run.output, run.cost.calls) == ("low_confidence", "x", 2)


def test_cascade_without_an_answer() -> None:
    """It ends as its last node does."""
    last = asking("b").check(lambda _task, _text: "not that.")
    run = saying("x", "y").run_sync(cascade(asking("a").check(lambda *_: "no."), last), "?")
    assert (run.status, run.error) == ("abstained", "not that.")


def test_cascade_within_a_budget() -> None:
    """Where there is no room for the next node, a doubtful answer is handed back."""
    flow = cascade(asking("a", min_confidence=0.9), b)
    run = saying("x", "y", confidence=0.5).run_sync(flow, "?", budget=Budget(calls=1))
    assert (run.status, run.output) == ("budget_exceeded", "x")
    short = saying("x", "x").run_sync(agree(a, b), "?", budget=Budget(calls=1))
    assert isinstance(short.cause, BudgetExceeded)


def test_gate_in_a_cascade() -> None:
    """Small models that agree, else a large one: the escalation is on record."""
    flow = cascade(agree(a, b, c), d)
    agreed = saying("x", "x", "x", "y").run_sync(flow, "?")
    split = saying("x", "y", "x", "z").run_sync(flow, "?")
    assert (agreed.output, agreed.cost.calls) == ("x", 3)
    assert (split.output, split.path[-1]) == ("z", "d@d")
    assert flow.tiers == NAMES
    assert getattr(flow, "uses") == (1, 1)  # noqa: B009


def test_outputs_of_two_types() -> None:
    """A cascade gives what either node gives, each as its own type."""

    @step
    async def length(text: str) -> int:
        return len(text)

    flow = cascade(asking("a").check(lambda _task, _text: "no.") >> length, b)
    run = saying("x", "y").run_sync(flow, "?")
    assert run.output == "y"


async def test_resumed_cascade(tmp_path: Path) -> None:
    """A run that was cut short goes on where it stopped: nothing is asked or paid twice."""
    flow = cascade(agree(a, b), c)
    url = f"sqlite:///{tmp_path}/runs.db"
    models = {name: Scripted([said]) for name, said in zip(NAMES, "xyz", strict=False)}
    async with System(models, store=open_store(url)) as system:
        cut = await system.run(flow, "?", run_id="one", budget=Budget(calls=2))
        assert cut.status == "budget_exceeded"
        run = await system.run(flow, resume="one", budget=Budget(calls=3))
        assert (run.output, run.cost.calls) == ("z", 3)
        assert system.ledger is not None
        calls = [each.event for each in system.ledger.events(Call, run_ids=["one"])]
    assert [call.node for call in calls if isinstance(call, Call) and not call.error] == [*"abc"]
    assert len(models["a"].requests) == 1
