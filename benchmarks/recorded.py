"""Routing on recorded outputs of real models: what gates of small models save, and what they cost.

Takes a folder of recorded runs (GSM8K from WildEval/ZeroEval, see README.md); calls no model.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from page import write

from agentsys import Agent, agree, cascade
from agentsys.cli.bars import progress
from agentsys.evaluation.bench import Bench, Progress
from agentsys.evaluation.recorded import RecordedModels, RecordedRuns, recorded_suite
from agentsys.evaluation.recorded.validity import validity
from agentsys.evaluation.reports.numbers import money, percent, span
from agentsys.evaluation.reports.report import Row, report
from agentsys.evaluation.statistics import wilson
from agentsys.node import Node
from agentsys.project import catalog, find, find_graph
from agentsys.stores import open_store
from agentsys.system import System
from agentsys.tools.answers import answer_in

SMALL = ("Qwen2-7B-Instruct", "gemma-2-9b-it", "Meta-Llama-3.1-8B-Instruct")
LARGE = "gpt-4o-2024-08-06"
TIERS = ("slm", "slm-2", "slm-3")
JUDGED = (("Qwen2-7B-Instruct", "gemma-2-9b-it"), ("gemma-2-2b-it", "Qwen2-7B-Instruct"))
"""A small model, and another one of another family that judges it by solving anew."""

Graph = Node[Any, Any]


def found(name: str) -> Graph:
    """A ready-made graph."""
    return find_graph(name, start=catalog())


def named(answering: Graph, name: str, tier: str) -> Graph:
    """The same with an agent of another name, on another tier."""
    agent, step = answering.parts
    assert isinstance(agent, Agent)
    spec = agent.spec
    other: Agent[Any, Any] = Agent(
        spec.takes,
        spec.gives,
        spec.instructions,
        tier=tier,
        repairs=0,
        max_tokens=spec.max_tokens,
        name=name,
    )
    return other.check(*spec.checks) >> step if spec.checks else other >> step


def gates(answering: Graph) -> dict[str, Graph]:
    """The large model alone, and what stands before it."""
    first, second, third = (named(answering, tier, tier) for tier in TIERS)
    large = named(answering, "slm", "llm")  # of the first's name: so it counts as escalated
    return {
        "GPT-4o alone": large,
        **{f"{model} alone": answering.at(model) for model in SMALL},
        "three unanimous, else GPT-4o": cascade(agree(first, second, third), large),
        "two of three, else GPT-4o": cascade(agree(first, second, third, at_least=2), large),
        "first two agree, else GPT-4o": cascade(agree(first, second), large),
        "the first one fits, else GPT-4o": cascade(first, large),
    }


async def measured(runs: RecordedRuns, graphs: dict[str, Graph], limit: int | None) -> list[Row]:
    """A row for each graph."""
    models = RecordedModels(runs, slm=SMALL, llm=LARGE)
    suite = recorded_suite(runs.folder, limit=limit)
    with tempfile.TemporaryDirectory() as folder, progress() as bars:
        ids = {name: bars.add_task(name, total=len(suite.tasks), won=0) for name in graphs}

        def show(step: Progress) -> None:
            bars.update(ids[step.graph], completed=step.finished, won=step.successes)

        async with System(models, store=open_store(f"sqlite:///{folder}/runs.db")) as system:
            await Bench("recorded", suite, graphs).run(system, on_progress=show)
            assert system.ledger is not None
            return list(report(system.ledger, bench="recorded").rows)


def table(rows: Sequence[Row]) -> str:
    """Success, cost per success, that of the first row's, and what was escalated."""
    lines = ["| | success | cost per success | of GPT-4o's | escalated |", "|---|---|---|---|---|"]
    base = rows[0].cps_usd
    for row in rows:
        share = None if row.cps_usd is None or not base else row.cps_usd / base
        lines.append(
            f"| {row.graph} | {percent(row.success_rate)}{span(row.success_ci, percent)} "
            f"| {money(row.cps_usd)}{span(row.cps_ci, money)} | {percent(share)} "
            f"| {percent(row.escalation_rate)} |"
        )
    return "\n".join(lines)


def fitting(runs: RecordedRuns) -> str:
    """How often each model fits the type of `answerer` without guided decoding."""
    agent = find("agent", "answerer", start=catalog()).value
    assert agent is not None
    lines = [
        "| model | fits as it is | fits, fence off | right | fits and right |",
        "|---|---|---|---|---|",
    ]
    for each in validity(runs, agent.gives):
        shares = (each.fits, each.fits_unfenced, each.right, each.fits_and_right)
        cells = ["-" if s is None else percent(s.rate) + span(s.ci, percent) for s in shares]
        lines.append(f"| {each.model} | {' | '.join(cells)} |")
    return "\n".join(lines)


def judging(runs: RecordedRuns) -> str:
    """What it is worth, as a verdict, that another small model comes to the same answer."""
    lines = [
        "| answers of | judged by | right verdicts | errors found | right answers refused |",
        "|---|---|---|---|---|",
    ]
    for model, judge in JUDGED:
        verdicts: list[tuple[bool, bool]] = []
        for task_id in runs.tasks:
            [answer, second] = [runs.samples[task_id, name][0] for name in (model, judge)]
            given = answer_in(answer.output)
            agrees = given is not None and given == answer_in(second.output)
            verdicts.append((bool(answer.correct), agrees))
        wrong = [agrees for correct, agrees in verdicts if not correct]
        right = [agrees for correct, agrees in verdicts if correct]
        cells = (
            (sum(correct == agrees for correct, agrees in verdicts), len(verdicts)),
            (wrong.count(False), len(wrong)),
            (right.count(False), len(right)),
        )
        texts = [percent(n / of) + span(wilson(n, of), percent) for n, of in cells]
        lines.append(f"| {model} | {judge} | {' | '.join(texts)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="../shared/data/recorded/gsm8k")
    parser.add_argument("--limit", type=int, help="so many tasks instead of all")
    parser.add_argument("--write", action="store_true", help="write the tables into README.md")
    given = parser.parse_args()
    runs = RecordedRuns.load(given.folder)
    tables = {"fitting": fitting(runs), "verdicts": judging(runs)}
    for name, answering in (("lenient", "answer_in_text"), ("strict", "answer")):
        rows = asyncio.run(measured(runs, gates(found(answering)), given.limit))
        tables[name] = table(rows)
    for name, text in tables.items():
        print(f"{name}\n\n{text}\n")
        if given.write:
            write(f"recorded {name}", text)


if __name__ == "__main__":
    main()
