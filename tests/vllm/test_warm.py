"""`agentsys vllm up --warm`: schemas are compiled before anybody waits for them."""

import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentsys import System
from agentsys.project import find_graph
from tests.loopback import Loopback
from tests.vllm.conftest import Command, Project, until
from tests.vllm_server import VllmServer, adapter

SHAPES = '''"""{doc}"""
from pydantic import BaseModel, Field
from agentsys import Agent


class Question(BaseModel):
    text: str


class {kind}(BaseModel):
    {field}: int = Field(ge=0, le=9)


{name} = Agent(Question, {kind}, "Give the number.", tier="{tier}", name="{name}_agent")
'''


def graph(folder: Path, name: str, tier: str = "slm", field: str = "value") -> None:
    """A graph of one agent."""
    (folder / "graphs").mkdir(exist_ok=True)
    text = SHAPES.format(doc=name, kind=name.title(), name=name, tier=tier, field=field)
    (folder / "graphs" / f"{name}.py").write_text(text)


def patterns(asked: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Which model was asked for what."""
    return [(each["model"], each["structured_outputs"]["regex"]) for each in asked]


def test_each_schema_is_asked_for_once(agentsys: Command, project: Project) -> None:
    """The project's graphs and the ready-made ones, of the server and of its adapter."""
    graph(project.folder, "first", field="one_field")
    graph(project.folder, "second", field="one_field")
    graph(project.folder, "third", tier="odd", field="odd_field")
    graph(project.folder, "fourth", tier="elsewhere", field="foreign_field")
    adapter(project.folder / "odd")
    project.add("one", 'adapters = [{ name = "other", tier = "odd", path = "odd" }]')
    up = agentsys("vllm", "up", "--warm", "--json")
    [server] = up.json()
    assert (up.code, server["state"]) == (0, "ready")
    asked = patterns(project.asked())
    assert len(set(asked)) == len(asked)
    assert [model for model, regex in asked if "one_field" in regex] == ["one"]
    assert [model for model, regex in asked if "odd_field" in regex] == ["other"]
    assert [model for model, regex in asked if "foreign_field" in regex] == []
    assert {model for model, regex in asked if '"expression"' in regex} == {"one"}
    rows = server["warmed"]
    assert [row["error"] for row in rows] == [None] * len(asked)
    told = {(row["tier"], row["agent"]) for row in rows}
    assert {("slm", "first_agent"), ("odd", "third_agent"), ("slm", "solver")} <= told
    assert set(rows[0]) == {"tier", "agent", "seconds", "usd", "error"}
    assert "one is warm for solver@slm after " in up.err
    assert len(up.err.splitlines()) == 2 + len(rows)  # two of its start


@pytest.mark.parametrize("besides", [None, "", "elsewhere.example"])
def test_no_proxy_stands_before_a_server(
    project: Project, monkeypatch: pytest.MonkeyPatch, besides: str | None
) -> None:
    """What is for this machine stays on it, whatever else the environment leaves out."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    if besides is not None:
        monkeypatch.setenv("NO_PROXY", besides)
    project.add()
    up = project.start("vllm", "up", "--warm", "--json")
    [server] = json.loads(up.communicate()[0])
    assert {row["error"] for row in server["warmed"]} == {None}


def test_a_run_sends_what_was_warmed(agentsys: Command, project: Project) -> None:
    """To the byte: the server knows it again."""
    project.add()
    assert agentsys("vllm", "up", "--warm").code == 0
    warmed = [each["structured_outputs"] for each in project.asked()]
    run = find_graph("slm_only")
    with System.load() as system:
        system.run_sync(run, run.takes(text="How many?"))
    sent = project.asked()[len(warmed) :]
    assert [each["structured_outputs"] in warmed for each in sent] == [True]
    lengths = [each["max_tokens"] for each in project.asked()]
    assert lengths == [1] * len(warmed) + [160]


def test_nobody_else_of_the_tier_is_asked(
    agentsys: Command, project: Project, loopback: Loopback
) -> None:
    """Neither another deployment, nor a server that was not named."""
    project.add("one").add("two")
    project.text += f"""
[[deployments]]
name = "elsewhere"
tier = "slm"
litellm_params = {{ model = "hosted_vllm/m", api_base = "{loopback.url}", api_key = "k" }}
usd_per_hour = 1
"""
    project.write()
    assert agentsys("vllm", "up", "two").code == 0
    assert agentsys("vllm", "up", "one", "--warm").code == 0
    once = len(project.asked("one"))
    assert (once > 0, project.asked("two"), loopback.requests) == (True, [], [])
    assert agentsys("vllm", "up", "--warm").code == 0
    assert (len(project.asked("one")), len(project.asked("two"))) == (2 * once, once)
    assert loopback.requests == []


def test_what_cannot_be_warmed_is_a_warning(agentsys: Command, project: Project) -> None:
    """A graph that cannot be loaded, and a schema that the server refuses: the rest is warmed."""
    graph(project.folder, "first", field="bad_field")
    (project.folder / "graphs" / "broken.py").write_text("broken = nothing\n")
    project.add(env={"DOUBLE_REFUSES": "bad_field"})
    up = agentsys("vllm", "up", "--warm", "--json")
    assert up.code == 0
    errors = {each["agent"]: each["error"] for each in up.json()[0]["warmed"]}
    assert "no grammar" in errors.pop("first_agent")
    assert set(errors.values()) == {None}
    warnings = [line for line in up.err.splitlines() if line.startswith("warning: ")]
    assert [line.split(":")[1] for line in warnings] == [
        " The graph 'broken' is not warmed, it cannot be loaded",
        " one could not be warmed for first_agent@slm",
    ]
    assert "NameError" in warnings[0]


def test_a_schema_that_outlines_refuses_is_not_sent(agentsys: Command, project: Project) -> None:
    """It is a warning with the reason; no request is made for it."""
    (project.folder / "graphs").mkdir()
    (project.folder / "graphs" / "deep.py").write_text(
        "from pydantic import BaseModel, Field\nfrom agentsys import Agent\n"
        "class Node(BaseModel):\n    inner: 'Node'\n"
        "deep = Agent(str, Node, 'Go on.', name='deep')\n"
    )
    project.add()
    up = agentsys("vllm", "up", "--warm")
    assert (up.code, '"inner"' in str(project.asked())) == (0, False)
    assert "warning: one could not be warmed for deep@slm: Outlines does not compile it" in up.err


def test_the_limits_are_those_of_the_server(agentsys: Command, project: Project) -> None:
    """What it is sent is what its runs send; with too few states, nothing is."""
    graph(project.folder, "first", field="one_field")
    project.add("one", "guide_states = 12")
    rows = agentsys("vllm", "up", "--warm", "--json").json()[0]["warmed"]
    [error] = [row["error"] for row in rows if row["agent"] == "first_agent"]
    assert ("one_field" in str(project.asked()), "and 12 are allowed" in error) == (False, True)


def test_without_it_nothing_is_asked(agentsys: Command, project: Project) -> None:
    """`warmed` is null then, and empty where no graph asks the server for JSON."""
    project.add("one", 'tier = "mine"')
    assert agentsys("vllm", "up", "--json").json()[0]["warmed"] is None
    up = agentsys("vllm", "up", "--warm", "--json")
    assert (up.json()[0]["warmed"], project.asked()) == ([], [])
    assert "There is nothing to warm" in up.err


def test_a_server_that_fails_is_not_warmed(agentsys: Command, project: Project) -> None:
    """The other one is, and the command fails as it does without."""
    project.add("bad").add("good")
    (project.folder / "bad.breaks").touch()
    up = agentsys("vllm", "up", "--warm", "--json")
    once = len(project.asked("good"))
    assert (up.code, project.asked("bad"), once > 0) == (1, [], True)
    assert [(each["state"], len(each["warmed"])) for each in up.json()] == [
        ("failed", 0),
        ("ready", once),
    ]


def test_ctrl_c_while_warming_leaves_servers_up(project: Project) -> None:
    """Exit code 130; what is ready stays ready."""
    project.add(env={"DOUBLE_HANGS": "1"})
    up = project.start("vllm", "up", "--warm")
    until(project.asked, "a request")
    up.send_signal(signal.SIGINT)
    said = up.communicate()[1]
    assert (up.returncode, project.state().phase, project.alive()) == (130, "ready", 3)
    assert said.splitlines()[-2:] == ["The servers stay up.", "error: interrupted."]


@pytest.mark.slow
async def test_the_real_server_does_not_compile_again(
    vllm_server: VllmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has compiled is a row of its cache; a run after warming adds and changes none."""
    graph(vllm_server.folder, "compiled_once", field="only_here")
    monkeypatch.chdir(vllm_server.folder)
    monkeypatch.setenv("AGENTSYS_HOME", str(vllm_server.home))
    up = vllm_server.command("up", "--warm")
    assert (up.returncode, "compiled_once_agent@slm" in up.stderr) == (0, True), up.stderr
    before = compiled(vllm_server)
    assert len([row for row in before if "only_here" in row[1]]) == 1
    run = find_graph("compiled_once")
    async with System.load(str(vllm_server.config)) as system:
        assert (await system.run(run, run.takes(text="How many?"))).ok
    assert compiled(vllm_server) == before


def compiled(server: VllmServer) -> list[tuple[int, str]]:
    """The automata that vLLM has built, in the order in which it wrote them."""
    with closing(sqlite3.connect(server.compiled)) as cache:
        return cache.execute("SELECT rowid, key FROM cache ORDER BY rowid").fetchall()
