"""Definitions are found, loaded, named when they fail, and kept apart from the rest of Python."""

import sys
from pathlib import Path

import pytest

from agentsys import project
from agentsys.errors import DefinitionError, UnknownName
from agentsys.node import Node
from agentsys.tools.tool import Tool

STEP = '''"""Count the letters of a word."""
from agentsys.node import step


@step
async def {name}(word: str) -> int:
    return len(word)
'''

TOOL = '''from agentsys.tools.tool import tool


@tool
def {name}(text: str) -> str:
    """Say it loud."""
    return text.upper()
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(root: Path, place: str, text: str) -> Path:
    file = root / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_finds_a_graph_of_the_current_directory(here: Path) -> None:
    """A file in `graphs/` is a graph with the types of its node and its module's first line."""
    write(here, "graphs/letters.py", STEP.format(name="letters"))
    found = project.find("graph", "letters")
    assert isinstance(found.value, Node)
    assert (found.takes, found.gives, found.doc) == ("str", "int", "Count the letters of a word.")


def test_finds_a_tool_of_the_current_directory(here: Path) -> None:
    """A file in `tools/` is a tool with its arguments and its own description."""
    write(here, "tools/shout.py", TOOL.format(name="shout"))
    found = project.find("tool", "shout")
    assert isinstance(found.value, Tool)
    assert (found.takes, found.gives, found.doc) == ("(text: str)", "str", "Say it loud.")


def test_finds_the_enclosing_project(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory below an `agentsys.toml` belongs to that project."""
    write(here, "agentsys.toml", "")
    write(here, "graphs/letters.py", STEP.format(name="letters"))
    (here / "notes" / "deep").mkdir(parents=True)
    monkeypatch.chdir(here / "notes" / "deep")
    assert project.project_root() == here.resolve()
    assert project.find("graph", "letters").file == here.resolve() / "graphs" / "letters.py"


def test_folder_names_above_are_no_project(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder called `tools` somewhere above is not taken for a project."""
    (here / "tools").mkdir()
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    assert project.project_root() is None


def test_definitions_import_each_other_relatively(here: Path) -> None:
    """A graph takes its parts from the sibling folders."""
    write(here, "agents/letters.py", STEP.format(name="letters"))
    write(
        here,
        "graphs/again.py",
        "from ..agents.letters import letters\nagain = letters.check(lambda word, n: n > 0)\n",
    )
    again = project.find("graph", "again").value
    assert isinstance(again, Node)
    assert again.name == "letters"


def test_own_definitions_come_before_ready_made_ones(
    here: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project's file hides the ready-made one of its name, and only that one."""
    ready_made = tmp_path_factory.mktemp("catalog")
    for name in ("letters", "other"):
        write(ready_made, f"graphs/{name}.py", STEP.format(name=name))
    monkeypatch.setattr(project, "catalog", lambda: ready_made)
    own = write(here, "graphs/letters.py", STEP.format(name="letters"))
    files = {d.name: d.file for d in project.definitions("graph")}
    assert files["letters"].samefile(own)
    assert files["other"].is_relative_to(ready_made.resolve())


def test_own_graph_uses_a_ready_made_part(
    here: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative imports reach the ready-made definitions where the project has none."""
    ready_made = tmp_path_factory.mktemp("catalog")
    write(ready_made, "agents/letters.py", STEP.format(name="letters"))
    monkeypatch.setattr(project, "catalog", lambda: ready_made)
    write(here, "graphs/mine.py", "from ..agents.letters import letters as mine\n")
    assert project.find("graph", "mine").gives == "int"


def test_ready_made_graph_keeps_its_own_parts(
    here: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project's agent does not slip into a ready-made graph that has one of the same name."""
    ready_made = tmp_path_factory.mktemp("catalog")
    write(ready_made, "agents/letters.py", STEP.format(name="letters"))
    write(ready_made, "graphs/counted.py", "from ..agents.letters import letters as counted\n")
    monkeypatch.setattr(project, "catalog", lambda: ready_made)
    write(here, "agents/letters.py", "letters = None\n")
    assert project.find("graph", "counted").gives == "int"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nosuchlibrary\nbroken = 1\n", "No module named 'nosuchlibrary' (line 1)"),
        ("broken = (\n", "SyntaxError"),
        ("x = 0\nbroken = 1 / x\n", "ZeroDivisionError: division by zero (line 2)"),
        ("broken = 7\n", "'broken' is of type int, not a Node."),
        ("other = 7\n", "The file defines no 'broken'."),
        ("import sys\nbroken = sys.exit('out')\n", "SystemExit: out (line 2)"),
        ("broken = 1\nraise BaseException('no')\n", "BaseException: no (line 2)"),
        ("from ..secret import broken\n", "No module named 'secret' (line 1)"),
        ("broken = '\udcff'\n", "UnicodeDecodeError"),
    ],
    ids=["import", "syntax", "exception", "type", "nothing", "exit", "base", "outside", "encoding"],
)
def test_a_broken_file_is_named_and_the_others_work(here: Path, text: str, reason: str) -> None:
    """What goes wrong in one file is that file's one-line problem and nobody else's."""
    write(here, "secret.py", "broken = 1\n")
    (here / "graphs").mkdir()
    (here / "graphs" / "broken.py").write_bytes(text.encode("utf-8", "surrogateescape"))
    write(here, "graphs/letters.py", STEP.format(name="letters"))
    found = {d.name: d for d in project.definitions("graph")}
    assert found["letters"].problem == ""
    assert reason in found["broken"].problem
    assert "\n" not in found["broken"].problem


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("tool", "def broken(x) -> str:", "The argument 'x' of 'broken' has no type."),
        ("tool", "def broken(*x: int) -> str:", "The tool 'broken' takes *x."),
        ("tool", "def broken(x: 'Nowhere') -> str:", "name 'Nowhere' is not defined."),
        ("tool", "def broken(x: Opaque) -> str:", "Opaque"),
        ("tool", "def broken(x: int) -> Opaque:", "The type Opaque cannot be validated"),
        ("graph", "async def broken(x: Opaque) -> str:", "The type Opaque cannot be validated"),
        ("graph", "async def broken(x: str) -> Opaque:", "The type Opaque cannot be validated"),
    ],
)
def test_types_that_cannot_be_used_are_found_at_once(
    here: Path, kind: project.Kind, text: str, reason: str
) -> None:
    """What is only worked out at first use is that definition's problem and nobody else's."""
    maker = "tool" if kind == "tool" else "step"
    head = f"from agentsys import {maker}\nclass Opaque: ...\n"
    write(here, f"{kind}s/broken.py", f"{head}@{maker}\n{text}\n    'Break.'\n    return ''\n")
    found = {d.name: d for d in project.definitions(kind)}
    broken = found.pop("broken")
    assert reason in broken.problem
    assert "\n" not in broken.problem
    assert (broken.takes, broken.gives) == ("", "")
    assert found
    assert {other.problem for other in found.values()} == {""}


def test_finding_a_broken_file_raises(here: Path) -> None:
    """Asking for a broken definition raises its reason, with the file to mend."""
    file = write(here, "graphs/broken.py", "broken = 1 / 0\n")
    with pytest.raises(DefinitionError, match="'broken' cannot be loaded: ZeroDivisionError") as e:
        project.find("graph", "broken")
    assert str(file) in e.value.hint


def test_a_script_is_not_run(here: Path) -> None:
    """A file that cannot be a definition is not executed, whatever its folder is called."""
    write(here, "tools/deploy.py", "open('ran', 'w').close()\n")
    found = {d.name: d for d in project.definitions("tool")}
    assert "defines no 'deploy'" in found["deploy"].problem
    assert not (here / "ran").exists()


@pytest.mark.parametrize("name", ["../secret", "graphs/secret", "secret.py", "", ".", "_private"])
def test_only_names_of_definitions_are_found(here: Path, name: str) -> None:
    """A path, a dotted name or a private file is not a definition; nothing is executed."""
    write(here, "secret.py", "open('ran', 'w').close()\n")
    write(here, "graphs/_private.py", "_private = open('ran', 'w').close()\n")
    with pytest.raises(UnknownName):
        project.find("graph", name)
    assert not (here / "ran").exists()


def test_an_unknown_name_gets_a_suggestion(here: Path) -> None:
    """A slip of the pen is answered with the names that come close."""
    write(here, "graphs/letters.py", STEP.format(name="letters"))
    with pytest.raises(UnknownName, match="Did you mean 'letters'"):
        project.find("graph", "leters")


def test_an_installed_agents_module_is_left_alone(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Definitions load beside a top-level `agents` package, and `sys.path` stays as it was."""
    write(here, "site/agents/__init__.py", "owner = 'somebody else'\n")
    monkeypatch.syspath_prepend(str(here / "site"))
    write(here, "agents/letters.py", STEP.format(name="letters"))
    before = list(sys.path)
    assert project.find("agent", "letters").gives == "int"
    assert sys.path == before
    import agents  # pyright: ignore[reportMissingImports]

    assert vars(agents)["owner"] == "somebody else"
    monkeypatch.delitem(sys.modules, "agents")


def test_two_projects_in_one_process_are_kept_apart(tmp_path: Path) -> None:
    """Definitions of the same name in two projects are two definitions."""
    for name, gives in (("one", "int"), ("two", "float")):
        text = STEP.format(name="letters").replace("-> int", f"-> {gives}")
        write(tmp_path / name, "graphs/letters.py", text)
    found = [project.find("graph", "letters", start=tmp_path / d).gives for d in ("one", "two")]
    assert found == ["int", "float"]


def test_every_ready_made_definition_loads() -> None:
    """Nothing that ships is broken."""
    shipped = [d for kind in project.FOLDERS for d in project.definitions(kind, start=Path("/"))]
    assert [(d.name, d.problem) for d in shipped if d.problem] == []
    assert shipped
