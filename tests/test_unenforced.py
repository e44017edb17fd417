"""What Outlines does not hold replies to is told once, when a graph is first run."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from agentsys import Agent, System, step
from agentsys.project import find_graph
from tests.loopback import Loopback
from tests.shapes import Question

ROOT = Path(__file__).parents[1]
QUESTION = Question(text="Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?")


class Part(BaseModel):
    dozens: Annotated[int, Field(multiple_of=12)]
    tags: list[str] = Field(max_length=100_000)


class Endless(BaseModel):
    more: "Endless"


class Large(BaseModel):
    text: str = Field(pattern="^[a-z]{90}$")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A data directory of its own; every line of the log is kept."""
    monkeypatch.setenv("AGENTSYS_HOME", str(tmp_path / "home"))
    caplog.set_level(logging.INFO, "agentsys")


def configured(folder: Path, *deployments: dict[str, Any]) -> str:
    """A configuration with these deployments."""
    text = ""
    for number, given in enumerate(deployments):
        keys = {"name": f"d{number}", "tier": "slm", "usd_per_hour": 1, **given}
        lines = [f"{key} = {_toml(value)}\n" for key, value in keys.items()]
        text += "[[deployments]]\n" + "".join(lines)
    (folder / "agentsys.toml").write_text(text)
    return str(folder / "agentsys.toml")


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + " }"
    return json.dumps(value)


def behind(server: Loopback, **keys: Any) -> dict[str, Any]:
    """A deployment that LiteLLM reaches."""
    params = {"model": "hosted_vllm/m", "api_base": server.url, "api_key": "k"}
    return {"litellm_params": params, **keys}


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The lines, with their levels."""
    return [(r.levelname, r.getMessage()) for r in caplog.records if r.name.startswith("agentsys")]


def test_keywords_that_are_left_out_are_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for the agent and both of its tiers, not one a run, nor one a system."""
    agent = Agent(Question, Part, "Give it.", name="once", escalate="llm", max_tokens=8)
    flow = step_first >> agent
    config = configured(tmp_path, {"gguf": "mini-slm"}, {"gguf": "mini-llm", "tier": "llm"})
    for _ in range(2):
        with System.load(config) as system:
            system.run_sync(flow, QUESTION)
            system.run_sync(agent.escalate(), QUESTION)
    assert told(caplog) == [
        (
            "INFO",
            "once: the mask on 'slm' and 'llm' leaves out $.dozens.multipleOf, $.tags.maxItems: "
            "validated afterwards. 'agentsys schema check' says more.",
        )
    ]


@step
async def step_first(question: Question) -> Question:
    return question


def test_a_schema_without_a_mask_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, loopback: Loopback
) -> None:
    """The line says why there is none, and what there is instead, where."""
    agent = Agent(Question, Endless, "Go on.", name="endless", escalate="llm", max_tokens=8)
    config = configured(tmp_path, behind(loopback), {"gguf": "mini-llm", "tier": "llm"})
    with System.load(config) as system:
        system.run_sync(agent, QUESTION)
    [(level, line)] = told(caplog)
    assert level == "WARNING"
    assert "endless: no mask on 'slm', because $.more.more.more is recursive" in line
    assert "the schema is told in the prompt; no mask on 'llm'" in line
    assert "llama.cpp's own grammar is used." in line


def test_the_limits_are_those_of_the_deployment(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, loopback: Loopback
) -> None:
    """What is refused for its size on one is not on another; the line names the key to raise."""
    agent = Agent(Question, Large, "Give it.", name="large", escalate="llm", max_tokens=8)
    small = behind(loopback, guide_states=3)
    config = configured(tmp_path, small, behind(loopback, tier="llm"))
    with System.load(config) as system:
        system.run_sync(agent, QUESTION)
    [(level, line)] = told(caplog)
    assert (level, "'slm'" in line, "'llm'" in line) == ("WARNING", True, False)
    assert "and 3 are allowed ('guide_states' allows more)" in line


@pytest.mark.parametrize("guided", ["strict", "prompt"])
def test_other_ways_to_hold_a_reply_are_not_concerned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, loopback: Loopback, guided: str
) -> None:
    """Where Outlines is not used, it leaves nothing out."""
    agent = Agent(Question, Endless, "Go on.", name=f"endless {guided}", max_tokens=8)
    with System.load(configured(tmp_path, behind(loopback, guided=guided))) as system:
        system.run_sync(agent, QUESTION)
    assert (len(loopback.requests) > 0, told(caplog)) == (True, [])


def test_only_tiers_that_are_asked_are_concerned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, loopback: Loopback
) -> None:
    """An agent's own tier is not, where an outer node names another."""
    inner = Agent(Question, Endless, "Go on.", name="elsewhere", max_tokens=8)
    config = configured(
        tmp_path, {"gguf": "mini-slm"}, behind(loopback, tier="llm", guided="prompt")
    )
    with System.load(config) as system:
        system.run_sync((step_first >> inner).at("llm"), QUESTION)
    assert told(caplog) == []


def test_nothing_is_told_of_what_is_enforced_as_a_whole(caplog: pytest.LogCaptureFixture) -> None:
    """A ready-made graph, with the shipped models."""
    graph: Any = find_graph("slm_fallback", start=ROOT)
    with System.load() as system:
        assert system.run_sync(graph, graph.takes(text=QUESTION.text)).ok
    assert told(caplog) == []


def test_outlines_is_not_loaded_for_what_does_not_use_it(
    tmp_path: Path, loopback: Loopback
) -> None:
    """A run whose deployments hold replies otherwise has nothing of it in memory."""
    config = configured(tmp_path, behind(loopback, guided="prompt"))
    program = (
        "import sys; from agentsys import Agent, System\n"
        f"with System.load({config!r}) as system:\n"
        "    print(system.run_sync(Agent(str, int, 'Go.', max_tokens=8), 'hi').path)\n"
        "print('outlines_core' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["('int@slm',)", "False"], done.stderr
