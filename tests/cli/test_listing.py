"""`agentsys graphs`, `agents`, `tools` and `show`."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command

SHOUT = '''from agentsys import tool


@tool
def shout(text: str, times: int = 1) -> str:
    """Say it loud."""
    return text.upper() * times
'''


def test_json_lists_name_types_and_description(agentsys: Command, here: Path) -> None:
    """Programs get a list of rows with stable keys."""
    rows = {row["name"]: row for row in agentsys("graphs", "--json").json()}
    assert rows["letters"] == {
        "name": "letters",
        "takes": "Word",
        "gives": "Count",
        "doc": "Count the letters of a word.",
        "error": None,
    }


def test_people_get_a_line_for_each(agentsys: Command, here: Path) -> None:
    """A line has the name, both types and the description, whole even in a pipe."""
    lines = agentsys("graphs").out.splitlines()
    assert any(line.split()[:3] == ["letters", "Word", "Count"] for line in lines)
    assert any(line.rstrip().endswith("Count the letters of a word.") for line in lines)


def test_tools_show_their_arguments(agentsys: Command, here: Path) -> None:
    """A tool's row has its signature and what it does."""
    (here / "tools").mkdir()
    (here / "tools" / "shout.py").write_text(SHOUT)
    row = next(row for row in agentsys("tools", "--json").json() if row["name"] == "shout")
    assert (row["takes"], row["gives"]) == ("(text: str, times: int)", "str")
    assert row["doc"] == "Say it loud."


def test_a_broken_file_is_named_and_the_others_listed(agentsys: Command, here: Path) -> None:
    """The list goes on; the reason and the file to mend are on standard error."""
    (here / "graphs" / "broken.py").write_text("import nosuchlibrary\nbroken = 1\n")
    result = agentsys("graphs")
    assert result.code == 0
    assert "letters" in result.out
    assert "broken cannot be loaded: ModuleNotFoundError: No module named" in result.err
    assert str(here / "graphs" / "broken.py") in result.err


def test_a_broken_file_is_a_row_with_its_error(agentsys: Command, here: Path) -> None:
    """In JSON, a definition that cannot be loaded has a reason instead of types."""
    (here / "graphs" / "broken.py").write_text("broken = 1 / 0\n")
    row = next(row for row in agentsys("graphs", "--json").json() if row["name"] == "broken")
    assert (row["takes"], row["gives"]) == (None, None)
    assert row["error"] == "ZeroDivisionError: division by zero (line 1)."


def test_show_a_graph(agentsys: Command, here: Path) -> None:
    """A graph is shown with its schemas and its picture."""
    shown = agentsys("show", "letters", "--json").json()
    assert (shown["kind"], shown["takes"], shown["gives"]) == ("graph", "Word", "Count")
    assert shown["takes_schema"]["required"] == ["text"]
    assert set(shown["gives_schema"]["properties"]) == {"letters", "word"}
    assert "letters(letters)" in shown["mermaid"]


def test_show_names_what_is_not_enforced(agentsys: Command, here: Path) -> None:
    """Keywords that no mask can hold a reply to are named, for each agent inside a graph."""
    (here / "graphs" / "pick.py").write_text(
        "from pydantic import BaseModel, Field\n"
        "from agentsys import Agent\n"
        "class Word(BaseModel):\n    text: str\n"
        "class Pick(BaseModel):\n    share: float = Field(multiple_of=0.5)\n"
        "pick = Agent(Word, Pick, 'Pick.', name='picker').vote(3)\n"
    )
    shown = agentsys("show", "pick", "--json").json()
    assert shown["unenforced"] == {"picker": ["$.share.multipleOf"]}


def test_show_a_tool(agentsys: Command, here: Path) -> None:
    """A tool is shown with the schema of its arguments; it has no picture."""
    (here / "tools").mkdir()
    (here / "tools" / "shout.py").write_text(SHOUT)
    shown = agentsys("show", "shout", "--json").json()
    assert shown["kind"] == "tool"
    assert set(shown["takes_schema"]["properties"]) == {"text", "times"}
    assert shown["mermaid"] is None


def test_show_says_which_of_two(agentsys: Command, here: Path) -> None:
    """`agents/NAME` picks the agent where a graph has the same name."""
    (here / "agents").mkdir()
    (here / "agents" / "letters.py").write_text((here / "graphs" / "letters.py").read_text())
    assert agentsys("show", "letters", "--json").json()["kind"] == "graph"
    assert agentsys("show", "agents/letters", "--json").json()["kind"] == "agent"


def test_show_for_people(agentsys: Command, here: Path) -> None:
    """People get the same, a line or a block each."""
    out = agentsys("show", "letters").out
    assert "takes         Word" in out
    assert "graph TD" in out


@pytest.mark.parametrize("name", ["leters", "../graphs/letters", "tools/letters", ""])
def test_show_knows_only_definitions(agentsys: Command, here: Path, name: str) -> None:
    """Anything that is not the name of a definition is refused on one line."""
    result = agentsys("show", name)
    assert result.code == 2
    assert result.err.startswith("error: There is no definition ")
    assert result.err.count("\n") == 1
