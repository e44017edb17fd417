"""`agentsys schema check`."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command

SHAPES = """from typing import Annotated
from pydantic import BaseModel, Field


class Line(BaseModel):
    code: str = Field(pattern="^[A-Z]{2}$")
    price: float = Field(ge=0, le=9.5)
    tags: list[str] = Field(max_length=100_000)
    odd: Annotated[int, Field(multiple_of=7)] = 7


class Tree(BaseModel):
    children: list["Tree"]


Refused = {"allOf": [{"anyOf": [{"type": "null"}]}, {"anyOf": [{"type": "array"}]}]}
broken = object()
"""


@pytest.fixture
def shapes(here: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A module of types in the current directory."""
    name = f"shapes_{abs(hash(request.node.name))}"
    (here / f"{name}.py").write_text(SHAPES)
    monkeypatch.syspath_prepend(str(here))  # puts the modules back, too
    return name


def test_keywords_are_told_apart(agentsys: Command, shapes: str) -> None:
    """What the mask enforces, and what is only validated, are named by place, with the size."""
    (row,) = agentsys("schema", "check", f"{shapes}:Line", "--json").json()
    assert row["validated_afterwards"] == ["$.tags.maxItems", "$.odd.multipleOf"]
    assert {"$.code.pattern", "$.price.minimum", "$.price.maximum"} <= set(row["enforced"])
    assert row["refused"] is None
    assert row["characters"] > 50
    assert row["states"] > 20
    assert row["build_s"] > 0


def test_people_read_the_same(agentsys: Command, shapes: str) -> None:
    """The same in words."""
    out = agentsys("schema", "check", f"{shapes}:Line").out
    assert "validated afterwards  $.tags.maxItems" in out
    assert "states; compiled in" in out


def test_a_refused_schema_fails_with_its_reason(agentsys: Command, shapes: str) -> None:
    """The exit code is 1, and the row says why."""
    result = agentsys("schema", "check", f"{shapes}:Refused", "--json")
    assert result.code == 1
    assert "have 'anyOf' in common" in result.json()[0]["refused"]


def test_limits_can_be_raised_and_lowered(agentsys: Command, shapes: str) -> None:
    """A tree goes as deep as is asked for; with too few states it is refused."""
    target = f"{shapes}:Tree"
    (row,) = agentsys("schema", "check", target, "--depth", "5", "--json").json()
    assert row["narrowed"] == ["#/$defs/Tree: at most 5 inside each other"]
    result = agentsys("schema", "check", target, "--states", "3")
    assert result.code == 1
    assert "and 3 are allowed" in result.out


def test_a_graph_is_checked_agent_by_agent(agentsys: Command, here: Path) -> None:
    """Every schema of a ready-made graph is compiled."""
    rows = agentsys("schema", "check", "slm_fallback", "--json").json()
    assert [row["name"] for row in rows] == ["solver"]


GRAPHS = sorted((Path(__file__).parents[2] / "graphs").glob("*.py"))


@pytest.mark.parametrize("graph", [file.stem for file in GRAPHS])
def test_the_ready_made_graphs_are_enforced_as_a_whole(
    agentsys: Command, here: Path, graph: str
) -> None:
    """So running them tells of nothing that is not. Some ask for text alone."""
    checked = agentsys("schema", "check", f"graphs/{graph}", "--json")
    if checked.code == 2:
        assert "asks no model for JSON" in checked.err
        return
    for row in checked.json():
        assert (row["refused"], row["validated_afterwards"]) == (None, [])


TWO = """from pydantic import BaseModel, Field
from agentsys import Agent


class A(BaseModel):
    a: int


class B(BaseModel):
    b: int


first = Agent(A, B, "Go.", name="same")
two = first >> Agent(B, A, "Go.", name="same") >> first
"""


def test_agents_of_one_name_are_told_apart(agentsys: Command, here: Path) -> None:
    """One row for each schema, and for each only once."""
    (here / "graphs" / "two.py").write_text(TWO)
    rows = agentsys("schema", "check", "two", "--json").json()
    assert [row["name"] for row in rows] == ["same", "same"]
    assert [set(row["enforced"]) & {"$.a.type", "$.b.type"} for row in rows] == [
        {"$.b.type"},
        {"$.a.type"},
    ]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("letters", "asks no model"),
        ("nosuch", "There is no definition 'nosuch'"),
        ("nosuchmodule:X", "cannot be imported"),
        ("json:nosuch", "There is no name in json"),
    ],
)
def test_what_has_no_schema_is_the_callers_mistake(
    agentsys: Command, here: Path, target: str, says: str
) -> None:
    """One line, exit code 2."""
    result = agentsys("schema", "check", target)
    assert result.code == 2
    assert says in result.err
