"""What is logged while a command works is a line on standard error."""

import logging
from pathlib import Path

import pytest

from tests.cli.conftest import Command

GRAPH = '''"""Guess."""
from typing import Annotated
from pydantic import BaseModel, Field
from agentsys import Agent


class Question(BaseModel):
    text: str


class Part(BaseModel):
    value: Annotated[int, Field(multiple_of=12)]


NAME = Agent(Question, Part, "Guess.", name="NAME's \\x1b[31m agent", max_tokens=8)
'''


@pytest.fixture
def graph(here: Path, request: pytest.FixtureRequest) -> str:
    """A graph whose schema is enforced in part; an agent of its name is nowhere else."""
    name = f"guess_{request.node.name.removeprefix('test_')}"
    (here / "graphs" / f"{name}.py").write_text(GRAPH.replace("NAME", name))
    return name


def test_run_says_what_is_not_enforced(agentsys: Command, graph: str) -> None:
    """One line, which drives no terminal; standard output is the run alone."""
    run = agentsys("run", graph, "How many?", "--json")
    assert run.json()["graph"] == graph
    assert run.err.splitlines() == [
        f"note: {graph}'s \\x1b[31m agent: the mask on 'slm' leaves out $.value.multipleOf: "
        "validated afterwards. 'agentsys schema check' says more."
    ]
    assert logging.getLogger("agentsys").handlers == []


def test_bench_says_it_once(agentsys: Command, graph: str) -> None:
    """Not for every task."""
    bench = agentsys("bench", "word-problems", "--graph", graph, "--limit", "3", "--json")
    assert bench.json()[0]["tasks"] == 3
    assert bench.err.count("note: ") == bench.err.count("$.value.multipleOf") == 1


def test_a_resumed_run_says_it(agentsys: Command, graph: str) -> None:
    """It is a run of the graph, too; once in a process is enough."""
    first = agentsys("run", graph, "How many?", "--run-id", "again")
    again = agentsys("resume", "again")
    assert ("note: " in first.err, "note: " in again.err) == (True, False)
