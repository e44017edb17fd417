"""Whether confidence separates right answers from wrong ones, and the back ends agree on it.

Held-out problems, which no miniature was trained on, are put to the ready-made agents, without
their checks, on both miniatures through llama.cpp and through vLLM. Every answer is one
greedy call.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from page import write
from rich.console import Console
from rich.progress import Progress
from servers import ROOT, Server, deployment

sys.path.insert(0, str(ROOT / "scripts"))

from miniatures.evaluate import unchecked
from miniatures.exams import EXAMS, Question

from agentsys import Temperature, choose, fit_temperature
from agentsys.evaluation.separation import auroc, calibration_error
from agentsys.models.tiers import Tiers
from agentsys.project import find
from agentsys.schema import validate_json
from agentsys.settings import Settings
from agentsys.system import System

MODELS = ("mini-slm", "mini-llm")
ROLES = ("expression", "worked steps", "verdict")
SEED = 77
AT_ONCE = 8

VERDICT = Literal["correct", "incorrect"]
CHOSEN = "verdict, by `choose`"

Picked = tuple[dict[str, float], str]
"""Probabilities, and the right choice."""
Answer = tuple[float | None, bool, str]
"""Confidence, whether it is right, and the answer itself."""


async def answers(system: System, role: str, questions: Sequence[Question]) -> list[Answer]:
    """Every question, some at once; in order."""
    node = unchecked(find("agent", EXAMS[role][0]).value, "m")
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(question: Question) -> Answer:
        async with gate:
            run = await system.run(node, validate_json(question.input, node.takes))
        if not run.has_output:
            return None, False, ""
        output = run.output_json()
        return run.confidence, question.right(output), json.dumps(output)

    return list(await asyncio.gather(*(one(question) for question in questions)))


async def choices(system: System, split: Any, number: int, seed: int) -> list[Picked]:
    """The verdict alone, as a decision: its probabilities, and what would have been right."""
    takes = find("agent", "judge").value.takes
    node = choose(takes, VERDICT, "Judge the answer.", key="verdict", list_choices=False, tier="m")
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(question: Question) -> Picked:
        async with gate:
            run = await system.run(node, validate_json(question.input, takes))
        right = "correct" if question.right({"verdict": "correct"}) else "incorrect"
        return run.output.probabilities or {}, right

    questions = EXAMS["verdict"][1](split, number, seed)
    return list(await asyncio.gather(*(one(question) for question in questions)))


async def through(entry: dict[str, Any], number: int, bar: Progress, name: str) -> dict[str, Any]:
    """What a deployment answers to each role's questions."""
    task = bar.add_task(name, total=len(ROLES) + 1)
    found: dict[str, Any] = {}
    tiers = Tiers(Settings.model_validate({"deployments": [entry]}))
    async with System(tiers) as system:
        for role in ROLES:
            found[role] = await answers(system, role, EXAMS[role][1]("held_out", number, SEED))
            bar.advance(task)
        fitted = await choices(system, "validation", number, SEED + 1)
        found[CHOSEN] = (fitted, await choices(system, "held_out", number, SEED))
        bar.advance(task)
    return found


def measured(number: int, python: str, bar: Progress) -> dict[str, Any]:
    """Answers by model, back end and role."""
    found: dict[str, Any] = {}
    for model in MODELS:
        entry = {"name": model, "tier": "m", "gguf": model, "usd_per_hour": 1}
        found[model] = {
            "llama.cpp": asyncio.run(through(entry, number, bar, f"{model}, llama.cpp"))
        }
        if python:
            with Server(python, model) as server:
                entry = deployment(server, "m")
                found[model]["vLLM"] = asyncio.run(through(entry, number, bar, f"{model}, vLLM"))
    return found


def table(found: dict[str, Any]) -> str:
    """The figures in Markdown."""
    lines = [
        "| asked for | model | back end | answers | right | AUROC | calibration error |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for role in ROLES:
        for model, ends in found.items():
            for end, roles in ends.items():
                given = [(sure, right) for sure, right, _ in roles[role] if sure is not None]
                sure, right = [s for s, _ in given], [r for _, r in given]
                lines.append(
                    f"| {role} | {model} | {end} | {len(given)} | {sum(right) / len(right):.1%} |"
                    f" {_shown(auroc(sure, right))} | {_shown(calibration_error(sure, right))} |"
                )
    lines += _decisions(found)
    lines += ["", "| asked for | model | same answer | mean difference of confidence | largest |"]
    lines += ["|---|---|---:|---:|---:|"]
    for role in ROLES:
        for model, ends in found.items():
            if len(ends) == 2:
                lines.append(
                    f"| {role} | {model} | {_agreement(*(e[role] for e in ends.values()))} |"
                )
    return "\n".join(lines)


def _decisions(found: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for model, ends in found.items():
        for end, roles in ends.items():
            fitted, held_out = roles[CHOSEN]
            temperature = fit_temperature([p for p, _ in fitted], [label for _, label in fitted])
            for name, scale in (
                (CHOSEN, Temperature()),
                (f"{CHOSEN}, temperature {temperature.value:.2f}", temperature),
            ):
                picked = [(max(p, key=lambda c: p[c]), scale(p), label) for p, label in held_out]
                sure = [scaled[choice] for choice, scaled, _ in picked]
                right = [choice == label for choice, _, label in picked]
                lines.append(
                    f"| {name} | {model} | {end} | {len(right)} | {sum(right) / len(right):.1%} |"
                    f" {_shown(auroc(sure, right))} | {_shown(calibration_error(sure, right))} |"
                )
    return lines


def _agreement(first: list[Answer], second: list[Answer]) -> str:
    pairs = list(zip(first, second, strict=True))
    gaps = [
        abs(a[0] - b[0]) for a, b in pairs if a[2] == b[2] and a[0] is not None and b[0] is not None
    ]
    return f"{len(gaps) / len(pairs):.1%} | {sum(gaps) / len(gaps):.4f} | {max(gaps):.3f}"


def _shown(estimate: Any) -> str:
    if estimate is None:
        return "—"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def main() -> None:
    """Ask, count, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vllm", default="", metavar="PYTHON", help="where vLLM is installed")
    parser.add_argument("-n", type=int, default=500, help="questions of each kind")
    parser.add_argument("--keep", type=Path, help="put all answers in this file, as JSON")
    parser.add_argument("--write", action="store_true", help="put the tables in README.md")
    given = parser.parse_args()
    with Progress(console=Console(stderr=True)) as bar:
        found = measured(given.n, given.vllm, bar)
    if given.keep:
        given.keep.write_text(json.dumps(found), encoding="utf-8")
    text = table(found)
    print(text)
    if given.write:
        write("confidence", text)


if __name__ == "__main__":
    main()
