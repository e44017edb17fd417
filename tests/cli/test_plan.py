"""`agentsys plan`."""

from pathlib import Path

import pytest

from agentsys.node import Node
from agentsys.project import definitions
from tests.cli.conftest import Command, agentsys

__all__ = ["agentsys"]

QUESTION = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"
GRAPHS = [
    found.name
    for found in definitions("graph")
    if isinstance(found.value, Node)
    and found.takes == "Question"
    and {"slm", "llm"} >= {*found.value.tiers}
]

SHOUT = """from pydantic import BaseModel, Field
from agentsys import Agent, step


class Note(BaseModel):
    text: str = Field(max_length=100)


@step
async def split(note: Note) -> list[str]:
    return note.text.split()


class Text(BaseModel):
    text: str


free = Agent(Text, str, "Shout.", name="free")
shout = Agent(Note, str, "Shout.", name="shout")
each_word = split >> Agent(str, str, "Shout.", name="shout").each()
"""


@pytest.mark.parametrize("graph", GRAPHS)
def test_no_ready_made_graph_costs_more_than_its_plan(agentsys: Command, graph: str) -> None:
    """Each has one, for a task; what its run costs is expected of the next."""
    plan = agentsys("plan", graph, QUESTION, "--json")
    assert plan.code == 0, plan.err
    run = agentsys("run", graph, QUESTION, "--json").json()
    spent = float(run["cost"]["usd"])
    assert 0 < spent <= plan.json()["usd"]
    assert run["cost"]["calls"] <= plan.json()["requests"]
    again = agentsys("plan", graph, QUESTION, "--json").json()["expected"]
    assert (again["runs"], again["of_nodes"]) == (1, False)
    assert again["usd"] == again["most_usd"] == pytest.approx(spent)


def test_what_its_nodes_have_cost_is_expected_of_a_new_graph(agentsys: Command) -> None:
    """On the tiers that it may ask: what the same agent cost on a dearer one says nothing."""
    agentsys("run", "llm_only", QUESTION)
    assert agentsys("plan", "slm_only", QUESTION, "--json").json()["expected"] is None
    spent = float(agentsys("run", "slm_only", QUESTION, "--json").json()["cost"]["usd"])
    found = agentsys("plan", "voted", QUESTION, "--json").json()["expected"]
    assert (found["runs"], found["of_nodes"], found["usd"]) == (1, True, pytest.approx(spent))


def test_a_graph_that_nothing_bounds_is_refused(agentsys: Command, here: Path) -> None:
    """In one line with the node and what to bound; a budget of each run will do."""
    (here / "graphs" / "each_word.py").write_text(SHOUT)
    refused = agentsys("plan", "each_word", "a b")
    assert refused.code == 2
    assert refused.err.startswith("error: 'each-shout' has no bound: it is run for each item of")
    assert "Field(max_length=…)" in refused.err
    agentsys("budget", "set", "--per", "run", "--usd", "0.01")
    limited = agentsys("plan", "each_word", "a b", "--json").json()
    assert (limited["usd"], limited["requests"]) == (0.01, None)
    assert "no bound" in agentsys("plan", "each_word", "a b").out


def test_a_plan_without_a_task_is_that_of_the_longest(agentsys: Command, here: Path) -> None:
    """Where its type has a bound; else it is refused, and a task will do."""
    (here / "graphs" / "shout.py").write_text(SHOUT)
    short = agentsys("plan", "shout", "a", "--json").json()
    assert agentsys("plan", "shout", "--json").json()["usd"] > short["usd"]
    (here / "graphs" / "free.py").write_text(SHOUT)
    refused = agentsys("plan", "free")
    assert refused.code == 2
    assert "'text' of Text" in refused.err
    assert "or give the task" in refused.err


def test_a_plan_of_a_suite_is_that_of_its_dearest_task(agentsys: Command, here: Path) -> None:
    """And says which task that is."""
    tasks = [f'{{"id": "t{n}", "text": "{"a" * n}", "answer": {n}}}' for n in (1, 30, 2)]
    (here / "tasks.jsonl").write_text("\n".join(tasks))
    found = agentsys("plan", "slm_fallback", "--suite", "tasks.jsonl", "--json").json()
    assert "'t30'" in found["task"]
    one = agentsys("plan", "slm_fallback", "a" * 30, "--json").json()
    assert found["usd"] == one["usd"]
    both = agentsys("plan", "slm_fallback", "a", "--suite", "tasks.jsonl")
    assert (both.code, "two tasks" in both.err) == (2, True)


def test_budgets_in_force_are_told(agentsys: Command) -> None:
    """With what is left of them, and that they cut the plan."""
    agentsys("budget", "set", "--per", "run", "--usd", "0.001")
    agentsys("budget", "set", "--usd", "5")
    agentsys("run", "slm_fallback", QUESTION)
    told = agentsys("plan", "slm_fallback", QUESTION).out
    assert "At most: $0.001," in told
    assert "Budgets cut it" in told
    assert "Budget: $5 for" in told
    assert "by 1 run of it" in told
