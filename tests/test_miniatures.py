"""The models that come with agentsys, and the script that trains them."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agentsys import Agent, Run, System
from agentsys.evaluation.word_problems import free_problems, problems
from agentsys.models.embedded import Embedded
from agentsys.models.gguf import MINIATURES
from agentsys.project import find, find_graph
from agentsys.settings import Deployment

ROOT = Path(__file__).parents[1]
NAMES = {"slm": "mini-slm", "llm": "mini-llm"}


@pytest.fixture
async def system() -> AsyncIterator[System]:
    """Both models, as the shipped configuration has them."""
    models = {
        tier: Embedded(Deployment(name=name, tier=tier, gguf=name, usd_per_hour=Decimal(0)))
        for tier, name in NAMES.items()
    }
    async with System(models) as running:
        yield running


def agent(name: str) -> Agent[Any, Any]:
    found = find("agent", name).value
    assert isinstance(found, Agent)
    return found


async def ask(system: System, node: Any, tasks: list[dict[str, Any]]) -> list[Run[Any]]:
    takes: type[BaseModel] = node.takes
    return list(await asyncio.gather(*(system.run(node, takes(**task)) for task in tasks)))


def test_they_take_at_most_20_megabytes() -> None:
    """Everything in the folder together, so that the wheel stays small."""
    assert sum(f.stat().st_size for f in MINIATURES.rglob("*") if f.is_file()) <= 20_000_000


@pytest.mark.parametrize("name", NAMES.values())
def test_each_has_its_files_and_a_card_with_its_figures(name: str) -> None:
    """GGUF, a folder for vLLM, and a card whose figures are those that were recorded."""
    assert (MINIATURES / f"{name}.gguf").exists()
    assert (MINIATURES / name / "model.safetensors").exists()
    record = json.loads((MINIATURES / f"{name}.json").read_text())
    card = (MINIATURES / f"{name}.md").read_text()
    assert f"{record['training']['parameters']:,}" in card
    for figures in record["roles"].values():
        assert f"{100 * figures['rate']:.1f} %" in card


async def test_the_large_one_solves_held_out_problems_with_code(system: System) -> None:
    """At least 93 of 100 (the card has 500 and an interval)."""
    held_out = problems("held_out", 100, seed=71)
    runs = await ask(system, agent("coder").at("llm"), [{"text": p.text} for p in held_out])
    right = [
        r.has_output and r.output.value == p.value for r, p in zip(runs, held_out, strict=True)
    ]
    assert sum(right) >= 93


async def test_the_small_one_solves_some(system: System) -> None:
    """Weak on purpose: routing has something to decide."""
    held_out = problems("held_out", 100, seed=72)
    runs = await ask(system, find_graph("slm_only"), [{"text": p.text} for p in held_out])
    right = [
        r.has_output and r.output.value == p.value for r, p in zip(runs, held_out, strict=True)
    ]
    assert 35 <= sum(right) <= 92


async def test_outside_the_language_wrong_answers_are_flagged(system: System) -> None:
    """Hardly a wrong answer to free English comes back as `ok`."""
    free = free_problems()
    runs = await ask(system, find_graph("slm_fallback"), [{"text": p.text} for p in free])
    wrong = [
        r for r, p in zip(runs, free, strict=True) if not r.has_output or r.output.value != p.value
    ]
    assert sum(r.ok for r in wrong) <= 0.15 * len(wrong)


@pytest.mark.parametrize(
    "text",
    ["?", "Mai hsa 4 boxse of 12 pnes.", "\u00e9\U0001f58a\ufe0f 漢字", "a" * 200, "7", "\x00\x01"],
)
async def test_odd_texts_never_crash(system: System, text: str) -> None:
    """Typos, other scripts and noise end in a status, not in an exception."""
    run = await system.run(find_graph("slm_fallback"), find_graph("slm_fallback").takes(text=text))
    assert run.status in ("ok", "low_confidence", "abstained")


@pytest.mark.slow
def test_the_training_script_runs_from_end_to_end(tmp_path: Path) -> None:
    """`--smoke` trains, ships, measures and writes the card of a model, in under a minute."""
    pytest.importorskip("torch")
    pytest.importorskip("gguf")
    command = [sys.executable, "scripts/train_miniatures", "--smoke", "--model", "mini-slm"]
    folders = ["--out", str(tmp_path / "out"), "--ship", str(tmp_path / "ship")]
    environment = os.environ | {"AGENTSYS_HOME": str(tmp_path)}
    done = subprocess.run(
        [*command, *folders], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ship" / "mini-slm.gguf").exists()
    assert "mini-slm" in (tmp_path / "ship" / "mini-slm.md").read_text()
