"""Votes: samples side by side, and the most frequent of their outputs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypedDict

from langgraph.graph import END, START
from langgraph.runtime import Runtime
from langgraph.types import Send

from agentsys.context import Context, Findings
from agentsys.errors import NO_ANSWER, AgentSysError, BudgetExceeded
from agentsys.graph.state import (
    Compiled,
    Part,
    Parts,
    Value,
    WorkOf,
    closed,
    distinct,
    fan_out,
    found,
    in_order,
    name_in,
    surroundings,
)
from agentsys.node import Vote
from agentsys.plain import typed
from agentsys.schema import compact, dump


class _Sample(TypedDict):
    """One sample of a vote, as a checkpoint keeps it."""

    output: Any
    findings: dict[str, Any]
    failure: dict[str, Any] | None
    """Why there is no output."""


def vote(node: Vote[Any, Any], work_of: WorkOf) -> Compiled:
    """A Send for every sample."""
    graph = fan_out()
    work = work_of(node.voter)
    name = distinct(["tally", name_in(node.voter)])[1]

    async def sample(state: Part, runtime: Runtime[Context]) -> dict[str, Any]:
        context = surroundings(runtime)
        drawn = context.sampled(state["index"])
        context.drawn[drawn.place] = drawn
        output, failure = None, None
        try:
            output = await work(state["value"], drawn)
        except (*NO_ANSWER, BudgetExceeded) as error:
            context.failures[drawn.place] = error
            failure = _as_json(error)
        kept = _Sample(output=output, findings=asdict(drawn.findings), failure=failure)
        return {"parts": [Part(index=state["index"], value=kept)]}

    def draw(state: Value) -> list[Send]:
        return [Send(name, Part(index=i, value=state["value"])) for i in range(node.n)]

    def tally(state: Parts, runtime: Runtime[Context]) -> dict[str, Any]:
        return _tallied(node, in_order(state), surroundings(runtime))

    graph.add_node(name, sample)
    graph.add_node("tally", tally)
    graph.add_conditional_edges(START, draw, [name])
    graph.add_edge(name, "tally")
    graph.add_edge("tally", END)
    return closed(graph, node)


def _tallied(node: Vote[Any, Any], samples: list[_Sample], context: Context) -> dict[str, Any]:
    """The winner of a vote, with its findings and what was said in it."""
    places = [context.at(index).place for index in range(len(samples))]
    drawn = [context.drawn.pop(place, None) for place in places]
    failures = [
        _failure(sample, context.failures.pop(place, None))
        for place, sample in zip(places, samples, strict=True)
    ]
    if failures[0] is not None and all(failures):
        raise failures[0]
    winner = _most_frequent(samples, node.gives)
    surroundings = drawn[winner]
    if surroundings is not None:
        context.said.take_over(surroundings.said)
    findings = Findings(**samples[winner]["findings"])
    short = next((f for f in failures if isinstance(f, BudgetExceeded)), None)
    if short is not None:
        findings.shorten(short)
    return {"value": samples[winner]["output"], **found(findings)}


def _most_frequent(samples: Sequence[_Sample], gives: Any) -> int:
    """The index of the first sample with the most frequent output."""
    texts = [
        None if sample["failure"] else compact(dump(typed(sample["output"], gives), gives))
        for sample in samples
    ]
    counts = Counter(text for text in texts if text is not None)
    top = max(counts.values())
    return next(index for index, text in enumerate(texts) if text and counts[text] == top)


def _as_json(error: AgentSysError) -> dict[str, Any]:
    if isinstance(error, BudgetExceeded):
        return {"budget": error.as_json()}
    kind = next(kind.__name__ for kind in NO_ANSWER if isinstance(error, kind))
    return {"kind": kind, "message": error.message, "hint": error.hint}


def _failure(sample: _Sample, alive: AgentSysError | None) -> AgentSysError | None:
    """Why a sample has no output; one that was drawn before the run was resumed has only data."""
    failure = sample["failure"]
    if failure is None or alive is not None:
        return alive
    if "budget" in failure:
        return BudgetExceeded(**failure["budget"])
    kind = next(kind for kind in NO_ANSWER if kind.__name__ == failure["kind"])
    return kind(failure["message"], hint=failure["hint"])
