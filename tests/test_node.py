"""The algebra: every combinator gives a node that does what its type says."""

import asyncio

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from agentsys import Abstain, Agent, Node, System, both, from_langgraph, step
from agentsys.checks import UNCERTAIN
from agentsys.errors import DefinitionError, Unreachable
from agentsys.models.base import Reply, Request
from agentsys.models.scripted import Scripted
from agentsys.money import Worst
from tests.shapes import (
    ASK,
    Answer,
    Question,
    add,
    asked,
    decisions,
    double,
    length_of_question,
    over_five,
    solve,
    system,
    total,
    words,
)


async def test_pipe() -> None:
    """The output of one node is the input of the next."""
    run = await system({"value": 4}).run(solve >> double >> double, ASK)
    assert run.output.value == 16


async def test_both_gives_a_tuple_in_order() -> None:
    """Nodes side by side get the same input; the tuple has their order."""
    run = await system({"value": 4}).run(both(solve, solve >> double, solve), ASK)
    assert [answer.value for answer in run.output] == [4, 8, 4]


async def test_each_keeps_order() -> None:
    """A fan-out gives one output an item, in the order of the items."""
    run = await system(length_of_question).run(words >> solve.each(), Question(text="a ccc bb"))
    assert [answer.value for answer in run.output] == [1, 3, 2]


async def test_each_of_nothing_is_nothing() -> None:
    """A fan-out over an empty list gives an empty list and calls nobody."""
    run = await system({"value": 1}).run(words >> solve.each() >> total, Question(text=""))
    assert (run.output.value, run.cost.calls) == (0, 0)


@pytest.mark.parametrize("limit", [1, 3])
async def test_each_runs_at_most_limit_at_once(limit: int) -> None:
    """`limit` bounds how many items are under way, and is used up to the bound."""
    running, most = 0, 0

    @step
    async def busy(question: Question) -> Answer:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(20):
            await asyncio.sleep(0)
        running -= 1
        return Answer(value=0)

    run = await system().run(words >> busy.each(limit=limit), Question(text="a b c d e f g"))
    assert (len(run.output), most) == (7, limit)


async def test_nested_composites() -> None:
    """Composites nest: a fan-out of a pipe of a pair."""

    @step
    async def add_up(pair: tuple[Answer, Answer]) -> Answer:
        return Answer(value=pair[0].value + pair[1].value)

    inner = both(solve, solve >> double) >> add_up
    run = await system(length_of_question).run(
        words >> inner.each() >> total, Question(text="a bb")
    )
    assert run.output.value == (1 + 2) + (2 + 4)


async def test_vote_takes_the_most_frequent() -> None:
    """The answer most samples agree on wins."""
    run = await system([{"value": 1}, {"value": 2}, {"value": 2}]).run(solve.vote(3), ASK)
    assert (run.output.value, run.cost.calls) == (2, 3)


async def test_vote_tie_goes_to_the_greedy_sample() -> None:
    """Where all samples differ, the first one, drawn at temperature 0, is taken."""

    def by_sample(request: Request) -> dict[str, int]:
        return {"value": int(request.temperature * 10) + (request.seed or 0)}

    models = system(by_sample)
    run = await models.run(solve.vote(3), ASK)
    assert run.output.value == 0


async def test_vote_drops_failed_samples() -> None:
    """A sample without an answer has no vote."""
    script = [Unreachable("down."), {"value": 2}, Unreachable("down.")]
    run = await system(script).run(solve.vote(3), ASK)
    assert run.output.value == 2


async def test_vote_without_any_sample_fails() -> None:
    """Where every sample fails, the run fails with the first one's reason."""
    run = await system(Unreachable("down.")).run(solve.vote(3), ASK)
    assert (run.status, run.error) == ("failed", "down.")


class Wavering:
    """A model that doubts its greedy answer, and is sure of another when it is sampled."""

    def __init__(self) -> None:
        self.greedy = Scripted({"value": 1}, confidence=0.5)
        self.sampled = Scripted({"value": 2}, confidence=0.95)

    async def ask(self, request: Request) -> Reply:
        return await (self.sampled if request.temperature else self.greedy).ask(request)

    def worst(self, request: Request) -> Worst:
        return self.greedy.worst(request)

    async def close(self) -> None:
        return None


async def test_vote_keeps_only_the_winners_doubts() -> None:
    """The doubts and the confidence of the run are the winning sample's."""
    agent = Agent(Question, Answer, "x", min_confidence=0.9)
    run = await System({"slm": Wavering()}).run(agent.vote(3), ASK)
    assert (run.status, run.output.value) == ("ok", 2)
    assert run.confidence == pytest.approx(0.95)
    run = await System({"slm": Wavering()}).run(agent.vote(1), ASK)
    assert run.status == "low_confidence"


async def test_looping_sample_has_no_vote() -> None:
    """A sample that uses up its steps on tools does not end the vote."""

    def script(request: Request) -> dict[str, object]:
        if request.temperature:
            return {"final": {"value": 2}}
        return {"tool": "add", "args": {"a": 1, "b": 1}}

    agent = Agent(Question, Answer, "x", tools=[add], steps=2)
    run = await system(script).run(agent.vote(3), ASK)
    assert run.output.value == 2


async def test_nested_votes_draw_different_samples() -> None:
    """Every sample of a vote of votes has its own seed; only one of them is greedy."""
    models = system({"value": 1})
    await models.run(solve.vote(2).vote(2), ASK)
    requests = models.models["slm"].requests  # pyright: ignore[reportAttributeAccessIssue]
    assert len({request.seed for request in requests}) == 4
    assert sorted(request.temperature for request in requests) == [0.0, 0.7, 0.7, 0.7]


async def test_same_input_twice_is_asked_twice() -> None:
    """An agent that meets the same input again in a run starts afresh."""
    models = system({"value": 1})
    await models.run(words >> solve.each(limit=1), Question(text="a a a"))
    assert [len(conversation) for conversation in asked(models)] == [2, 2, 2]


async def test_objection_reaches_the_samples_of_a_vote() -> None:
    """A check on a vote is put to the sample that won, and to the next tier."""
    models = system({"value": 1}, {"value": 6})
    run = await models.run(solve.vote(2).check(over_five).escalate("llm"), ASK)
    assert run.output.value == 6
    reason = ("user", "That fails: it is not over five. Answer again.")
    assert reason in asked(models)[2]
    assert reason in asked(models, "llm")[0]


async def test_outer_objection_reaches_an_inner_guard() -> None:
    """A check around a checked composite is put to the agents inside."""
    models = system([{"value": 2}, {"value": 3}])

    def at_least_ten(question: Question, answer: Answer) -> bool | str:
        return answer.value >= 10 or "it is not ten."

    def positive(question: Question, answer: Answer) -> bool:
        return answer.value > 0

    inner = (solve >> double).check(positive)
    run = await models.run((inner >> double).check(at_least_ten), ASK)
    assert run.output.value == 12
    assert ("user", "That fails: it is not ten. Answer again.") in asked(models)[1]


async def test_dead_tier_is_not_put_to_the_next() -> None:
    """A transport error is nothing that a model said: the next tier hears nothing of it."""
    models = system(Unreachable("10.0.0.7 is down."), {"value": 3})
    run = await models.run((solve >> double).escalate("llm"), ASK)
    assert run.output.value == 6
    assert [role for role, _ in asked(models, "llm")[0]] == ["system", "user"]


async def test_composite_escalates_a_looping_agent() -> None:
    """An agent that uses up its steps inside a composite escalates like any failure."""

    def loop(request: Request) -> dict[str, object]:
        return {"tool": "add", "args": {"a": 1, "b": 1}}

    agent = Agent(Question, Answer, "x", tools=[add], steps=2)
    run = await system(loop, {"final": {"value": 3}}).run((agent >> double).escalate("llm"), ASK)
    assert run.output.value == 6


async def test_check_on_a_composite_reaches_the_agents_inside() -> None:
    """A check after a pipe objects to what the agents in it said, and they answer again."""
    models = system([{"value": 1}, {"value": 4}])
    run = await models.run((solve >> double).check(over_five), ASK)
    assert run.output.value == 8
    assert asked(models)[1][2:] == [
        ("assistant", '{"value":1}'),
        ("user", "That fails: it is not over five. Answer again."),
    ]


async def test_composite_escalates() -> None:
    """A composite whose check keeps failing is run on the next tier, told what failed."""
    models = system({"value": 1}, {"value": 3})
    run = await models.run((solve >> double).check(over_five).escalate("llm"), ASK)
    assert run.output.value == 6
    assert run.path == ("solve@slm", "solve@llm")
    assert len(asked(models, "llm")[0]) == 6


async def test_composite_hands_invalid_replies_on() -> None:
    """A composite whose agent gave nothing valid is escalated with what it said and why."""
    models = system("no json", {"value": 3})
    run = await models.run((solve >> double).escalate("llm"), ASK)
    assert run.output.value == 6
    assert [role for role, _ in asked(models, "llm")[0]] == ["system", "user"] + [
        "assistant",
        "user",
    ] * 2


async def test_composite_that_never_passes_abstains() -> None:
    """Where no tier's output passes the check, the run abstains with the reason."""
    run = await system({"value": 1}, {"value": 2}).run(
        (solve >> double).check(over_five).escalate("llm"), ASK
    )
    assert (run.status, run.error) == ("abstained", "it is not over five.")


async def test_composite_escalates_doubt() -> None:
    """A composite with a doubtful answer inside is run on the next tier, which is told so."""
    agent = Agent(Question, Answer, "x", min_confidence={"slm": 0.9})
    models = system({"value": 1}, {"value": 3}, confidence=0.5)
    run = await models.run((agent >> double).escalate("llm"), ASK)
    assert (run.status, run.output.value) == ("ok", 6)
    assert asked(models, "llm")[0][2:] == [
        ("assistant", '{"value":1}'),
        ("user", f"That fails: {UNCERTAIN} Answer again."),
    ]


async def test_at_moves_everything_inside() -> None:
    """`at` asks another tier, for agents and for composites."""
    run = await system({"value": 1}, {"value": 3}).run((solve >> double).at("llm"), ASK)
    assert (run.path, run.output.value) == (("solve@llm",), 6)
    run = await system({"value": 1}, {"value": 3}).run(solve.escalate("slm").at("llm"), ASK)
    assert run.path == ("solve@llm",)


@pytest.mark.parametrize("inner", [solve >> double, solve.vote(1)], ids=["pipe", "vote"])
async def test_at_leaves_no_escalation(inner: Node[Question, Answer]) -> None:
    """`at` asks the one tier alone, also where a composite inside has others to escalate to."""
    graph = inner.check(over_five).escalate("llm") >> double
    run = await system({"value": 1}, {"value": 9}).run(graph, ASK)
    assert run.path == ("solve@slm", "solve@llm")
    run = await system({"value": 1}, {"value": 9}).run(graph.at("slm"), ASK)
    assert (run.status, run.path) == ("abstained", ("solve@slm",))


async def test_step_may_abstain() -> None:
    """A step that raises `Abstain` ends the run without an answer, on purpose."""

    @step
    async def refuse(answer: Answer) -> Answer:
        raise Abstain("this is not for me.")

    run = await system({"value": 1}).run(solve >> refuse, ASK)
    assert (run.status, run.error) == ("abstained", "this is not for me.")


async def test_output_is_validated() -> None:
    """A step that breaks its own signature is caught at its end, and named."""

    @step
    async def liar(answer: Answer) -> Answer:
        return "forty-one"  # pyright: ignore[reportReturnType]

    run = await system({"value": 1}).run(solve >> liar, ASK)
    assert run.status == "failed"
    assert "'liar' gives Answer, not str" in run.error


async def test_input_is_validated() -> None:
    """A node that gets something it does not take is caught at its start, and named."""
    wrong = solve >> words  # pyright: ignore[reportOperatorIssue]
    run = await system({"value": 1}).run(wrong, ASK)
    assert run.status == "failed"
    assert "'words' takes Question, not Answer" in run.error


async def test_langgraph_becomes_a_node() -> None:
    """An existing graph takes the input's fields and gives its final state."""
    from langgraph.graph import END, START, StateGraph

    class State(BaseModel):
        text: str
        value: int = 0

    def count(state: State) -> dict[str, int]:
        return {"value": len(state.text)}

    graph = StateGraph(State)
    graph.add_node("count", count)
    graph.add_edge(START, "count")
    graph.add_edge("count", END)
    node = from_langgraph(graph.compile(), Question, Answer, name="count")
    run = await system().run(node >> double, ASK)
    assert run.output.value == 18


async def test_langgraph_output_is_validated() -> None:
    """A foreign graph whose final state is not the output type is caught."""
    node = from_langgraph((solve >> double).graph(), Question, Answer, name="foreign")
    run = await system().run(node, ASK)
    assert run.status == "failed"


async def test_langgraph_with_a_mapping_state() -> None:
    """A graph whose state is a plain mapping takes a mapping."""
    from langgraph.graph import END, START, StateGraph

    class State(TypedDict, total=False):
        text: str
        value: int

    def count(state: State) -> State:
        return {"value": len(state.get("text", ""))}

    graph = StateGraph(State)
    graph.add_node("count", count)
    graph.add_edge(START, "count")
    graph.add_edge("count", END)
    run = await system().run(from_langgraph(graph.compile(), State, Answer), State(text="abc"))
    assert run.output.value == 3


def test_uncompiled_langgraph_is_refused() -> None:
    """Only compiled graphs are nodes."""
    with pytest.raises(DefinitionError, match="compile"):
        from_langgraph(object(), Question, Answer)


def test_graph_is_a_compiled_langgraph() -> None:
    """`graph()` gives LangGraph's own compiled graph, the same one each time."""
    from langgraph.graph.state import CompiledStateGraph

    node = solve >> double
    assert isinstance(node.graph(), CompiledStateGraph)
    assert node.graph() is node.graph()


async def test_graph_streams_under_langgraph() -> None:
    """LangGraph runs a compiled node by itself, given the system's context."""
    models = system({"value": 4})
    updates = [
        update
        async for update in (solve >> double)
        .graph()
        .astream({"value": ASK}, context=models.context(), stream_mode="updates")
    ]
    assert updates == [
        {"solve": {"value": Answer(value=4)}},
        {"double": {"value": Answer(value=8)}},
    ]


async def test_graph_without_context_says_what_to_pass() -> None:
    """Invoking a compiled node without models names the argument that is missing."""
    with pytest.raises(DefinitionError, match="context="):
        await solve.graph().ainvoke({"value": ASK})


def test_mermaid_shows_the_nodes() -> None:
    """The picture names every node inside, fan-outs included."""
    picture = (words >> solve.check(over_five).each() >> total).mermaid()
    assert "graph TD" in picture
    assert all(name in picture for name in ("words", "solve", "gather", "total"))


def test_tiers_of_a_composite() -> None:
    """A node knows every tier that may be asked inside."""
    assert (words >> solve.escalate("llm").each() >> total).tiers == ("slm", "llm")
    assert (solve >> double).at("big").escalate("huge").tiers == ("big", "huge")


@pytest.mark.parametrize("build", [lambda: solve.vote(0), lambda: solve.each(limit=0)])
def test_empty_fan_outs_are_refused(build: object) -> None:
    """A vote without voters and a fan-out without room are mistakes."""
    with pytest.raises(DefinitionError):
        build()  # pyright: ignore[reportCallIssue]


def test_step_must_be_async_and_typed() -> None:
    """A step says what it takes and gives, and is async."""

    async def untyped(question):  # pyright: ignore
        return question

    def plain(question: Question) -> Question:
        return question

    for function in (untyped, plain):
        with pytest.raises(DefinitionError, match=function.__name__):
            step(function)  # pyright: ignore[reportArgumentType]


async def test_decisions_name_every_attempt() -> None:
    """Samples of a vote are recorded like any other call."""
    run = await system({"value": 1}).run(solve.vote(2), ASK)
    assert decisions(run) == [("slm", "accept", "")] * 2
