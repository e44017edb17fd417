"""What a router that sees the task alone is worth on real models' outcomes, by cross-validation.

RouteLLM's answers of Mixtral-8x7B and GPT-4-1106 to the test questions of GSM8K, as it graded them
and graded again by the number on the last line, without the questions that its training data had;
and the answers of Llama-3.1-8B and GPT-4o from ZeroEval.
"""

import argparse
import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from page import write
from rich.console import Console
from rich.progress import track

from agentsys.evaluation.routing.fitting import FOLDS, cross_validated
from agentsys.evaluation.routing.measures import Worth, worth

DATA = Path(__file__).parents[1] / ".." / "shared" / "data" / "recorded"
SEEDS = 5
RESAMPLES = 1_000


@dataclass(frozen=True)
class Questions:
    """Tasks with the outcomes of two models."""

    name: str
    texts: list[str]
    small: list[bool]
    large: list[bool]

    def worth(self, scores: Sequence[float]) -> Worth:
        """What an order is worth."""
        found = worth(scores, self.small, self.large)
        assert found is not None
        return found

    def drawn(self, numbers: Sequence[int], scores: Sequence[float]) -> float:
        """APGR on a resample."""
        small, large = ([which[n] for n in numbers] for which in (self.small, self.large))
        found = worth([scores[n] for n in numbers], small, large)
        assert found is not None
        return found.apgr


def lines(file: Path) -> Iterator[dict[str, Any]]:
    """The objects in a file of JSON lines."""
    with gzip.open(file, "rt", encoding="utf-8") as opened:
        yield from (json.loads(line) for line in opened)


def questions(name: str, folder: Path, small: str, large: str, grade: str) -> Questions:
    """The tasks of a folder."""
    tasks = {
        task["task_id"]: task["input"]["question"]
        for task in lines(folder / "tasks.jsonl.gz")
        if not task.get("contaminated")
    }
    graded = {
        (call["task_id"], call["model"]): bool(call[grade])
        for call in lines(folder / "calls.jsonl.gz")
        if call["model"] in (small, large) and call["sample"] == 0
    }
    ids = [one for one in tasks if (one, small) in graded and (one, large) in graded]
    return Questions(
        name,
        [tasks[one] for one in ids],
        [graded[one, small] for one in ids],
        [graded[one, large] for one in ids],
    )


def measured(asked: Questions) -> list[str]:
    """The lines of a table for one set of questions."""
    console = Console(stderr=True)
    length = [float(len(text)) for text in asked.texts]
    orders: list[list[float]] = []
    for seed in track(range(SEEDS), asked.name, console=console):
        likely = cross_validated(asked.texts, asked.small, seed)
        orders.append([1 - p for p in likely])
    routed, by_length = [asked.worth(order) for order in orders], asked.worth(length)
    apgr = [one.apgr for one in routed]
    random = np.random.default_rng(0)
    gains: list[float] = []
    for _ in range(RESAMPLES):
        numbers = random.integers(len(length), size=len(length)).tolist()
        mine = np.mean([asked.drawn(numbers, order) for order in orders])
        gains.append(float(mine) - asked.drawn(numbers, length))
    low, high = np.quantile(gains, [0.025, 0.975])
    gain = float(np.mean(apgr)) - by_length.apgr
    chance = [asked.worth(random.random(len(length)).tolist()).apgr for _ in range(200)]
    perfect = asked.worth([b - a for a, b in zip(asked.small, asked.large, strict=True)]).apgr
    half, most = (float(np.mean([getattr(r, n) for r in routed])) for n in ("cpt_50", "cpt_80"))
    mean, least, best = np.mean(apgr), min(apgr), max(apgr)
    return [
        f"| **{asked.name}**, {len(length):,} tasks | | | | |",
        f"| router | {mean:.3f} ({least:.3f} to {best:.3f}) | {half:.1%} | {most:.1%} "
        f"| {gain:+.3f} ({low:+.3f} to {high:+.3f}) |",
        f"| prompt length | {by_length.apgr:.3f} | {by_length.cpt_50:.1%} "
        f"| {by_length.cpt_80:.1%} | |",
        f"| chance, of 200 | {np.mean(chance):.3f} (sd {np.std(chance):.3f}) | | | |",
        f"| who knows both outcomes | {perfect:.3f} | | | |",
    ]


def main() -> None:
    """Measure, print, and write the table with `--write`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of recorded runs")
    parser.add_argument("--write", action="store_true", help="write the table to README.md")
    given = parser.parse_args()
    mixtral, llama = given.data / "routellm_gsm8k", given.data / "gsm8k"
    pair = ("mixtral-8x7b-instruct", "gpt-4-1106-preview")
    sets = [
        questions("Mixtral, GPT-4: RouteLLM's grades", mixtral, *pair, "correct"),
        questions("Mixtral, GPT-4: graded again", mixtral, *pair, "correct_regraded"),
        questions(
            "Llama-3.1-8B, GPT-4o",
            llama,
            "Meta-Llama-3.1-8B-Instruct",
            "gpt-4o-2024-08-06",
            "correct",
        ),
    ]
    table = [
        f"{FOLDS}-fold cross-validation; mean (least to most) of {SEEDS} seeds. The last column is "
        "router less prompt length, with its 95 % interval over tasks.",
        "",
        "| | APGR | CPT(50 %) | CPT(80 %) | gain in APGR |",
        "|---|---|---:|---:|---|",
        *(line for one in sets for line in measured(one)),
        "| **published by RouteLLM**, GSM8K | | | | |",
        "| its best router; chance | .622; .497 | | | |",
    ]
    print("\n".join(table))
    if given.write:
        write("routing", "\n".join(table))


if __name__ == "__main__":
    main()
