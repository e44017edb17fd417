"""Who a judge is, and when it is somebody else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentsys.evaluation.judging.identity import Identity, identity
from agentsys.project import find_graph
from agentsys.settings import Settings

ROOT = Path(__file__).parents[2]

GRAPH = '''"""A judge."""
import re
from agentsys import Agent, step
from agentsys.verdict import Candidate, Verdict
from pydantic import BaseModel

BOUND = 3
SIGNS = ("+", "-")
WORDS = re.compile("a|b")


count = 0


class Ruling(BaseModel):
    label: str


def helper(text):
    global count
    count += 1
    return len(WORDS.findall(text)) > BOUND


def unused():
    return 1


@step
async def shown(candidate: Candidate[str, str]) -> str:
    return candidate.answer if helper(candidate.task) else SIGNS[0]


@step
async def told(ruling: Ruling) -> Verdict:
    return Verdict(label="unknown", reason=ruling.label)


def plausible(text: str, ruling: Ruling) -> bool:
    return len(ruling.label) > 2


ask = Agent(str, Ruling, "Judge it.", name="ask").check(plausible)
mine = shown >> ask >> told
'''

CONFIG = """
[[deployments]]
name = "small"
tier = "slm"
litellm_params = { model = "openai/small", api_base = "http://127.0.0.1:9/v1", api_key = "k" }
usd_per_mtok_in = 1
usd_per_mtok_out = 1

[[deployments]]
name = "file"
tier = "llm"
gguf = "model.gguf"
usd_per_hour = 1
"""


class Project:
    """A folder with one judge, written anew at will."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.graph, self.config, self.model = GRAPH, CONFIG, b"GGUF" + bytes(100)
        self.times = 0

    def who(self) -> Identity:
        """The judge as the files have it now, each time in a project that is new to Python."""
        self.times += 1
        here = self.folder / str(self.times)
        (here / "graphs").mkdir(parents=True)
        (here / "graphs" / "mine.py").write_text(self.graph)
        (here / "agentsys.toml").write_text(self.config)
        (here / "model.gguf").write_bytes(self.model)
        node = find_graph("mine", start=here)
        return identity("mine", node, Settings.load(here / "agentsys.toml"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Judge it.", "Judge it well."),
        ("label: str", "label: int"),
        ("BOUND = 3", "BOUND = 4"),
        ('("+", "-")', '("-", "+")'),
        ('"a|b"', '"a|b|c"'),
        ("> BOUND", ">= BOUND"),
        ("candidate.answer if", "candidate.task if"),
        ("reason=ruling.label", "reason=''"),
        ("len(ruling.label) > 2", "len(ruling.label) > 3"),
        (".check(plausible)", ""),
        ('name="ask"', 'name="ask", max_tokens=7'),
    ],
)
def test_another_prompt_or_other_code_is_another_judge(project: Project, old: str, new: str):
    """Instructions, types, steps, checks, what those call, and constants count."""
    before = project.who()
    project.graph = GRAPH.replace(old, new)
    assert project.graph != GRAPH
    after = project.who()
    assert after.digest != before.digest
    assert after.models == before.models
    assert after.changed_from(before) == "its prompts or its code"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A judge."""', '"""The same judge."""'),
        ("count = 0", "count = 1"),
        ("    return 1", "    return 2"),
        ("import re\n", "import re\nimport json  # of no use\n"),
    ],
)
def test_what_is_not_used_does_not_count(project: Project, old: str, new: str):
    """A comment beside the functions, a function that nobody calls, and what is counted."""
    before = project.who()
    project.graph = GRAPH.replace(old, new)
    assert project.graph != GRAPH
    assert project.who() == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("openai/small", "openai/smaller"),
        ("127.0.0.1:9", "127.0.0.1:10"),
        ('api_key = "k"', 'api_key = "k", temperature = 0.5'),
        ('name = "small"', 'name = "other"'),
    ],
)
def test_another_model_is_another_judge(project: Project, old: str, new: str):
    """Name, address and parameters of a model behind an API count."""
    before = project.who()
    project.config = CONFIG.replace(old, new)
    after = project.who()
    assert after.digest != before.digest
    assert "its models (slm: " in after.changed_from(before)
    assert after.prompts == before.prompts


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('api_key = "k"', 'api_key = "another"'),
        ("usd_per_mtok_in = 1", "usd_per_mtok_in = 2"),
        ('api_key = "k"', 'api_key = "k", timeout = 5'),
        ("usd_per_hour = 1", "usd_per_hour = 2"),
    ],
)
def test_keys_and_prices_are_not_the_model(project: Project, old: str, new: str):
    """Who pays, how much, and how long one waits, does not change what is said."""
    before = project.who()
    project.config = CONFIG.replace(old, new)
    assert project.config != CONFIG
    assert project.who() == before


@pytest.mark.parametrize("size", [104, 70 << 20])
def test_the_content_of_a_file_is_the_model(project: Project, size: int):
    """A byte that changes in a file of the same name and size makes another model."""
    project.graph = GRAPH.replace('"Judge it."', '"Judge it.", tier="llm"')
    project.model = b"GGUF" + bytes(size - 4)
    before = project.who()
    assert project.who() == before
    project.model = b"GGUF" + bytes(size - 5) + b"x"
    assert project.who().models != before.models


def test_tiers_that_are_not_asked_do_not_count(project: Project):
    """Another file behind a tier that the judge never asks is nothing to it."""
    before = project.who()
    project.model = b"GGUF" + bytes(7)
    assert project.who() == before


VLLM = """
[[vllm]]
name = "small"
tier = "slm"
model = "MODEL"
device = "cpu"
usd_per_hour = 1
adapters = [{ name = "tuned", tier = "slm", path = "lora" }]
"""


def test_a_vllm_server_is_the_model_that_it_serves(project: Project, tmp_path: Path):
    """Not its name, but the folder's content, the adapter's, or the name on the Hub."""
    project.config = VLLM.replace("MODEL", "owner/model")
    hub = project.who()
    project.config = VLLM.replace("MODEL", "owner/other")
    assert project.who().models != hub.models
    weights, lora = tmp_path / "weights", tmp_path / "lora"
    for folder in (weights, lora):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"1")
    project.config = VLLM.replace("MODEL", str(weights)).replace('"lora"', f'"{lora}"')
    before = project.who()
    assert project.who() == before
    (lora / "model.safetensors").write_bytes(b"2")
    server, adapter = project.who().models
    assert (server == before.models[0], adapter == before.models[1]) == (True, False)
    (weights / "model.safetensors").write_bytes(b"2")
    assert project.who().models[0] != before.models[0]


def test_a_judge_is_the_same_in_every_process():
    """The digest does not depend on how Python orders sets in one process."""
    code = (
        "from agentsys.project import find_graph; from agentsys.settings import Settings;"
        "from agentsys.evaluation.judging.identity import identity;"
        "print(identity('slm_fallback', find_graph('slm_fallback'), Settings.load()).digest)"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
