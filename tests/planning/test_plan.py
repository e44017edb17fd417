"""What a graph costs at most is never less than what its runs cost."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from agentsys import (
    Agent,
    Budget,
    Judge,
    Run,
    Solved,
    SubTask,
    System,
    both,
    choose,
    cot_pot_cascade,
    decompose,
    from_langgraph,
    judge_panel,
    sample_verify,
    step,
    tool,
    vote_until,
)
from agentsys.errors import DefinitionError
from agentsys.models.base import Model, Request
from agentsys.models.scripted import Scripted
from agentsys.money import usd
from agentsys.node import Node
from agentsys.patterns.judging import Pair, maj, pairwise
from agentsys.planning import plan
from agentsys.planning.given import UNKNOWN
from agentsys.prompt import MOST_OBJECTED, MOST_OBSERVED
from agentsys.verdict import Candidate
from tests.planning.longest import Longest

Words = Annotated[list[Annotated[str, Field(max_length=5)]], Field(max_length=3)]
Short = Annotated[str, Field(max_length=50)]

TASK = "one two three"


def never(_task: Any, _output: Any) -> str:
    """A check that nothing passes, for the longest reason that is told."""
    return "b" * (2 * MOST_OBJECTED)


def models() -> dict[str, Model]:
    return {"slm": Longest(), "llm": Longest(usd_per_mtok=20)}


def agent(name: str = "say", **more: Any) -> Agent[str, str]:
    """One that is asked once where nothing speaks against its answer."""
    given: dict[str, Any] = {"max_tokens": 20, "repairs": 0, **more}
    return Agent(str, str, "Say it.", name=name, **given)


@step
async def words(text: str) -> Words:
    """Three of them."""
    return [text[:5]] * 3


@step
async def joined(texts: list[str]) -> Short:
    """As one."""
    return "".join(texts)[:50]


@step
async def first(pair: tuple[str, str]) -> Short:
    """Of two."""
    return pair[0][:50]


def spent(run: Run[Any]) -> tuple[int, int, int]:
    tokens = sum(call.tokens_in + call.tokens_out for call in run.attempts)
    return run.cost.calls, tokens, run.cost.nano_usd


def most(node: Node[Any, Any], task: Any, known: Mapping[str, Model] | None = None) -> Any:
    total = plan(node, known or models(), task=task).under(())
    return total.calls, total.tokens, total.nano_usd


SIMPLE: dict[str, Node[Any, Any]] = {
    "an agent": agent(),
    "an agent whose answers fail": agent(repairs=3).check(never),
    "an agent that escalates": agent(repairs=1, escalate="llm").check(never),
    "a pipe": agent("a") >> agent("b") >> agent("c"),
    "two side by side": both(agent("a"), agent("b", tier="llm")),
    "a check on a pipe": (agent("a") >> agent("b")).check(never),
    "a pipe that escalates": (agent("a") >> agent("b")).check(never).escalate("llm"),
    "checks in checks": (
        (agent("a") >> agent("b")).check(never).within(Budget(calls=99)).check(never)
    ),
    "a vote": agent().vote(5),
    "on another tier": (agent("a") >> agent("b")).at("llm"),
    "draws": vote_until(agent(), most=4, sure=0.9999),
    "draws that fail": sample_verify(agent().check(never), most=5),
    "a list": agent().each().check(never),
}


@pytest.mark.parametrize("shape", SIMPLE)
async def test_a_plan_is_what_the_worst_run_of_a_simple_graph_costs(shape: str) -> None:
    """Calls, tokens and nano-dollars, where every reply is as long as it may be and fails."""
    task = [TASK, "four"] if shape == "a list" else TASK
    run = await System(models()).run(SIMPLE[shape], task)
    assert spent(run) == most(SIMPLE[shape], task)


@pytest.mark.parametrize("shape", SIMPLE)
async def test_a_plan_is_what_budgets_hold(shape: str) -> None:
    """A budget of as much has room for every call, and one of a nano-dollar less has not."""
    task = [TASK, "four"] if shape == "a list" else TASK
    calls, tokens, nano_usd = most(SIMPLE[shape], task)
    enough = Budget(calls=calls, tokens=tokens, usd=usd(nano_usd))
    run = await System(models()).run(SIMPLE[shape], task, budget=enough)
    assert spent(run) == (calls, tokens, nano_usd)
    short = Budget(usd=usd(nano_usd - 1))
    run = await System(models()).run(SIMPLE[shape], task, budget=short)
    assert spent(run)[2] < nano_usd


def agents() -> st.SearchStrategy[Node[str, str]]:
    return st.builds(
        lambda name, repairs, tier, up, size, fails: (
            agent(name, repairs=repairs, tier=tier, escalate=up, max_tokens=size).check(never)
            if fails
            else agent(name, repairs=repairs, tier=tier, escalate=up, max_tokens=size)
        ),
        st.sampled_from("abc"),
        st.integers(0, 2),
        st.sampled_from(["slm", "llm"]),
        st.sampled_from([(), ("llm",)]),
        st.sampled_from([1, 10, 40]),
        st.booleans(),
    )


def larger(parts: st.SearchStrategy[Node[str, str]]) -> st.SearchStrategy[Node[str, str]]:
    return st.one_of(
        st.builds(lambda a, b: a >> b, parts, parts),
        st.builds(lambda a, b: both(a, b) >> first, parts, parts),
        st.builds(lambda a: words >> a.each() >> joined, parts),
        st.builds(lambda a: a.check(never), parts),
        st.builds(lambda a: a.check(never).escalate("llm"), parts),
        st.builds(lambda a: a.escalate("llm"), parts),
        st.builds(lambda a, n: a.vote(n), parts, st.integers(1, 3)),
        st.builds(lambda a, n: sample_verify(a, most=n), parts, st.integers(1, 3)),
        st.builds(
            lambda a, b, c: cot_pot_cascade(a, b, c, value=lambda x: x, rounds=2),
            parts,
            parts,
            parts,
        ),
        st.builds(lambda a, n: a.within(Budget(calls=n)), parts, st.integers(1, 5)),
        st.builds(lambda a: a.within(Budget(calls=2, on_empty="slm-only")), parts),
        st.builds(lambda a, n: a.within(Budget(usd=n)), parts, st.sampled_from(["0.001", "0.01"])),
    )


@settings(max_examples=100, deadline=None)
@given(st.recursive(agents(), larger, max_leaves=5))
def test_no_run_costs_more_than_its_plan(node: Node[str, str]) -> None:
    """Whatever a graph is made of."""
    with System(models()) as system:
        run = system.run_sync(node, TASK)
    assert all(real <= bound for real, bound in zip(spent(run), most(node, TASK), strict=True))


async def test_tools_are_in_it() -> None:
    """Each step of a loop asks once more, with the longest result that a model is shown."""

    @tool
    def read(name: str) -> str:
        """Read a file."""
        return "c" * (2 * MOST_OBSERVED)

    asks = agent(tools=[read], steps=3, repairs=1, escalate="llm")
    known = {
        "slm": Longest('{"tool":"read","args":{"name":"', '"}}'),
        "llm": Longest('{"tool":"read","args":{"name":"', '"}}', usd_per_mtok=20),
    }
    run = await System(known).run(asks, TASK)
    assert run.cost.calls == 6  # a loop without an end is not begun again
    bound = most(asks, TASK, known)
    assert bound[0] == 12
    assert all(real <= planned for real, planned in zip(spent(run), bound, strict=True))


@step
async def unknown(text: str) -> list[str]:
    """As many as it likes."""
    return [text]


@step
async def endless(text: str) -> str:
    """As long as it likes."""
    return text


class _Loop(BaseModel):
    text: str


def foreign() -> Node[Any, Any]:
    """A graph that was written by hand."""
    from langgraph.graph import END, START, StateGraph

    graph: Any = StateGraph(_Loop)
    graph.add_node("go", lambda state: {"text": state.text})
    graph.add_edge(START, "go")
    graph.add_edge("go", END)
    return from_langgraph(graph.compile(), _Loop, _Loop, name="by-hand")


@pytest.mark.parametrize(
    ("node", "told"),
    [
        (agent(), "'say' has no bound: it is given str by the task"),
        (
            unknown >> agent().each(),
            "'each-say' has no bound: it is run for each item of a list",
        ),
        (endless >> agent("b"), "'b' has no bound: it is given str by the node 'endless'"),
        (foreign(), "'by-hand' has no bound: it is a graph that was written by hand"),
    ],
)
def test_what_nothing_bounds_is_refused(node: Node[Any, Any], told: str) -> None:
    """With the node's name and what to bound; a budget will do."""
    task = UNKNOWN if node.name in ("say", "by-hand") else TASK
    with pytest.raises(DefinitionError) as refused:
        plan(node, models(), task=task).under(())
    assert str(refused.value).startswith(told)
    limited = plan(node.within(Budget(usd="0.01", calls=9)), models(), task=task).under(())
    assert (limited.nano_usd, limited.calls) == (10_000_000, min(9, limited.calls))
    of_the_run = plan(node, models(), task=task).under([Budget(usd="0.02")])
    assert of_the_run.nano_usd == 20_000_000


def test_a_type_bounds_the_task() -> None:
    """Without a task, the longest that the input type allows is counted."""

    class Note(BaseModel):
        text: str = Field(max_length=100)

    node = Agent(Note, str, "Say it.", max_tokens=20)
    short = plan(node, models(), task=Note(text="a")).under(())
    long = plan(node, models(), task=Note(text="é" * 100)).under(())
    unknown = plan(node, models()).under(())
    assert short.nano_usd < long.nano_usd < unknown.nano_usd
    assert unknown.tokens == long.tokens + 2 * 2 * 100  # four bytes a sign, twice


def test_one_budget_holds_for_all_items_of_a_list() -> None:
    """A node's budget is for all that it does in a run, not for each item."""
    node = agent().within(Budget(calls=2)).each()
    with System(models()) as system:
        run = system.run_sync(node, [TASK] * 5)
    total = plan(node, models(), task=[TASK] * 5).under(())
    assert run.cost.calls == total.calls == 2


def test_decisions_are_in_it() -> None:
    """Choices that begin alike may take more requests, one fewer than there are choices."""
    node = choose(str, Literal["a", "b", "c"], "Say.")
    assert plan(node, models(), task=TASK).under(()).calls == 2


@step
async def third(solved: Solved[str, str, str]) -> str | None:
    """The next of three questions; whoever is asked a fourth time says that there are enough."""
    return None if len(solved.answers) == 3 else f"{solved.problem} {len(solved.answers)}"


@step
async def three(text: str) -> list[str]:
    """Three questions at once."""
    return [f"{text} {number}" for number in range(3)]


@step
async def last(solved: Solved[str, str, str]) -> str:
    """The last answer."""
    return solved.answers[-1].answer


@step
async def question(part: SubTask[str, str, str]) -> Short:
    """What is asked."""
    return part.question[:50]


@step
async def told(solved: Solved[str, str, str]) -> Short:
    """What is known."""
    return solved.problem[:50]


def patterns() -> dict[str, tuple[Node[Any, Any], Any]]:
    """Each as it asks most often, with a task."""
    solve, join = question >> agent("solve"), told >> agent("join")
    judges = [Judge(str, str, "Judge.", tier=tier) for tier in ("slm", "llm")]
    return {
        "all at once": (decompose(three, solve, join, max_questions=3), TASK),
        "one by one": (decompose(third, solve, join, max_questions=3), TASK),
        "with an attempt": (
            decompose(three, solve, join, max_questions=3, attempt=agent().check(never)),
            TASK,
        ),
        "a pair": (pairwise(str, str, "Judge."), Pair[str, str](task="a", a="b", b="c")),
        "a panel": (
            judge_panel(*judges, larger=Judge(str, str, "Judge.", tier="large")),
            Candidate[str, str](task="a", answer="b"),
        ),
    }


@pytest.mark.parametrize("name", patterns())
async def test_a_pattern_asks_no_more_than_it_says(name: str) -> None:
    """And as often, where it does all that it may."""
    node, task = patterns()[name]
    says = {"slm": "said"}
    if name == "a panel":
        says = {"slm": '"correct"', "llm": '"incorrect"', "large": '"unknown"'}
    elif name == "a pair":
        says = {"slm": '"first"'}
    known = {tier: Scripted(said) for tier, said in says.items()}
    run = await System(known).run(node, task)
    choices = {"a panel": 2}.get(name, 1)  # three labels may take two requests
    assert run.cost.calls * choices == plan(node, known).total.calls


async def test_what_judges_tell_each_other_has_a_bound() -> None:
    """However long their reasons and quotes are."""
    ruling = {
        "reasoning": "r" * 5_000,
        "evidence": ["b" * 900] * 4,
        "failing_step": 3,
        "verdict": "incorrect",
        "confidence": 0.9,
    }
    revision = {"reasoning": "r" * 4_000, "error": "e", "quote": "b", "confidence": 0.9}

    def said(request: Request) -> Any:
        texts = [message.content for message in request.messages]
        sent.append(len(texts[-1].encode()))
        first = "You have judged" not in texts[0]
        label = "correct" if "deductive" in texts[0] else "incorrect"
        found = {**(ruling if first else revision), "verdict": label}
        return {**found, "failing_step": None} if first and label == "correct" else found

    sent: list[int] = []
    task = Candidate[str, str](task="a", answer="b" * 1_000)
    panel = maj(str, str, "Judge.")
    known = {"slm": Scripted(said)}
    run = await System(known).run(panel, task)
    bound = plan(panel, {"slm": Longest()}, task=task).under(())
    assert run.output.rounds_used > 0
    assert sum(sent) < bound.tokens < 10_000_000
    assert run.cost.calls <= bound.calls
