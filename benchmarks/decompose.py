"""Whether decomposing lifts a solver, what it costs, and whether the gate prevents harm.

Held-out problems, which no miniature was trained on, are put to solvers alone and to the ready-made
decomposition with a model of its own for each role. Everything is greedy, on the two miniatures in
process; prices are those of the shipped configuration, which stand in for real ones.
"""

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from page import write
from rich.console import Console
from rich.progress import Progress

from agentsys import Agent, Attempted, decompose
from agentsys.evaluation.statistics import paired_success, ratio_interval, wilson
from agentsys.evaluation.word_problems import free_problems, problems
from agentsys.models.tiers import Tiers
from agentsys.project import find, find_graph
from agentsys.settings import Settings
from agentsys.system import System

STEPS = (3, 4, 5)
SEED = 505
AT_ONCE = 8
NAMES = {"slm": "mini-slm", "llm": "mini-llm"}
PAIRS = (("slm", "llm"), ("llm", "slm"), ("slm", "slm"))
"""Solvers, each with the splitter it is given."""
KINDS = ("always", "gated", "gated, `unknown` left alone", "gated, split shown the attempt")
"""Without a gate; with the gate of checks and confidence; with that of `decompose_solve`, which
leaves alone what a solver does not understand; and conditioned, which no splitter was trained for.
"""
READY_MADE = ("slm_fallback", "decompose_solve", "decompose_always")


@dataclass(frozen=True)
class Trial:
    """One problem that was put to one graph."""

    right: bool
    passed: bool
    """Whether it ended as `ok`."""
    calls: int
    nano_usd: int


Trials = dict[str, list[Trial]]
"""By graph."""


def pair(solver: str, splitter: str, kind: str) -> Any:
    """The ready-made decomposition with a model for each role, and no other."""
    whole = find_graph("decompose_solve").inner
    way = whole.way
    gate: dict[str, Any] = {} if kind == "always" else {"attempt": whole.attempt.at(solver)}
    if "unknown" in kind:
        gate["worth"] = whole.worth
    split = shown_the_attempt(way.split) if "shown" in kind else way.split
    parts = split.at(splitter), way.solve.at(solver), way.join
    return decompose(*parts, depends_on=way.depends_on, key=way.key, **gate)


def shown_the_attempt(split: Any) -> Any:
    """A splitter that is given the attempt besides the problem, as JSON, with the same checks."""
    splitter, listed = split.parts
    takes = Attempted[splitter.takes, find("agent", "coder").value.gives]
    spec = splitter.spec
    asked = Agent(takes, spec.gives, spec.instructions, max_tokens=spec.max_tokens, name="splitter")
    check = spec.checks
    return asked.check(*(lambda t, s, c=c: c(t.problem, s) for c in check)) >> listed


def graphs() -> dict[str, Any]:
    """Everything that is compared, by name."""
    found = {
        f"{NAMES[solver]} by {NAMES[splitter]}: {kind}": pair(solver, splitter, kind)
        for solver, splitter in PAIRS
        for kind in KINDS
        if "shown" not in kind or solver != splitter
    }
    attempt = find_graph("decompose_solve").inner.attempt
    alone = {f"{name}: alone": attempt.at(tier) for tier, name in NAMES.items()}
    steps = {
        f"worked steps, {name}": find("agent", "reasoner").value.at(tier)
        for tier, name in NAMES.items()
    }
    return alone | found | {name: find_graph(name) for name in READY_MADE} | steps


async def tried(system: System, tasks: Mapping[str, Sequence[Any]]) -> dict[str, Trials]:
    """Every graph on every set of problems."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(graph: Any, problem: Any) -> Trial:
        async with gate:
            run = await system.run(graph, graph.takes(text=problem.text))
        right = run.has_output and run.output.value == problem.value
        return Trial(right, run.ok, run.cost.calls, run.cost.nano_usd)

    found: dict[str, Trials] = {name: {} for name in tasks}
    with Progress(console=Console(stderr=True)) as bar:
        progress = bar.add_task("decompose", total=len(tasks) * len(graphs()))
        for name, drawn in tasks.items():
            for graph, node in graphs().items():
                found[name][graph] = await asyncio.gather(*(one(node, p) for p in drawn))
                bar.advance(progress)
    return found


def lifted(found: dict[str, Trials]) -> list[str]:
    """Success by number of steps, with calls and cost over all of them."""
    heads = " | ".join(f"{steps} steps" for steps in STEPS)
    lines = [f"| | {heads} | calls a problem | cost per success |", "|---|---|---|---|---:|---|"]
    for graph in found["1"]:
        cells = [_share([t.right for t in found[str(steps)][graph]]) for steps in STEPS]
        every = [trial for steps in STEPS for trial in found[str(steps)][graph]]
        calls = sum(trial.calls for trial in every) / len(every)
        lines.append(f"| {graph} | {' | '.join(cells)} | {calls:.2f} | {_cost(every)} |")
    return lines


def harmed(found: dict[str, Trials]) -> list[str]:
    """One-step problems, and texts outside the language: what passes there and is wrong."""
    lines = ["| | 1 step, right | outside the language: wrong and `ok` |", "|---|---|---|"]
    for graph, trials in found["1"].items():
        if graph.startswith("worked"):
            continue
        outside = [t.passed for t in found["free"][graph] if not t.right]
        lines.append(f"| {graph} | {_share([t.right for t in trials])} | {_share(outside)} |")
    return lines


def compared(found: dict[str, Trials]) -> list[str]:
    """Differences in success on the same problems, of three to five steps and of one."""
    lines = ["| on the same problems | 3 to 5 steps | 1 step |", "|---|---|---|"]
    for solver, splitter in PAIRS:
        name, alone = f"{NAMES[solver]} by {NAMES[splitter]}", f"{NAMES[solver]}: alone"
        always, gated = f"{name}: {KINDS[0]}", f"{name}: {KINDS[1]}"
        for what, first, second in (
            ("always, less alone", always, alone),
            ("gated, less alone", gated, alone),
            ("gated, less always", gated, always),
        ):
            cells = [_difference(found, sets, first, second) for sets in (STEPS, (1,))]
            lines.append(f"| {name}: {what} | {' | '.join(cells)} |")
    first, second = "decompose_solve", "slm_fallback"
    cells = [_difference(found, sets, first, second) for sets in (STEPS, (1,))]
    return [*lines, f"| {first}, less {second} | {' | '.join(cells)} |"]


def _difference(found: dict[str, Trials], sets: Sequence[int], first: str, second: str) -> str:
    one, other = (
        [trial.right for steps in sets for trial in found[str(steps)][graph]]
        for graph in (first, second)
    )
    difference = paired_success(one, other)
    if difference.value is None or difference.interval is None:
        return "—"
    low, high = difference.interval
    return f"{100 * difference.value:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"


def _share(hits: Sequence[bool]) -> str:
    low, high = wilson(sum(hits), len(hits)) or (0.0, 1.0)
    return f"{sum(hits) / max(len(hits), 1):.1%} ({low:.1%} to {high:.1%})"


def _cost(trials: Sequence[Trial]) -> str:
    costs, right = [t.nano_usd / 1e9 for t in trials], [t.right for t in trials]
    if not any(right):
        return "—"
    low, high = ratio_interval(costs, right) or (None, None)
    ends = "" if low is None else f" ({low:.3g} to {'∞' if high is None else f'{high:.3g}'})"
    return f"${sum(costs) / sum(right):.3g}{ends}"


async def measured(number: int, split: Any, seed: int) -> dict[str, Trials]:
    """Every graph on problems of each number of steps, and on ordinary English."""
    tasks: dict[str, Sequence[Any]] = {
        str(steps): problems(split, number, seed, steps) for steps in (1, *STEPS)
    }
    async with System(Tiers(Settings.load())) as system:
        return await tried(system, tasks | {"free": free_problems()})


def main() -> None:
    """Ask, count, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=200, help="problems of each number of steps")
    parser.add_argument("--split", default="held_out", choices=["held_out", "validation"])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", action="store_true", help="put the tables in README.md")
    given = parser.parse_args()
    found = asyncio.run(measured(given.n, given.split, given.seed))
    text = "\n".join([*lifted(found), "", *compared(found), "", *harmed(found)])
    print(text)
    if given.write:
        write("decompose", text)


if __name__ == "__main__":
    main()
