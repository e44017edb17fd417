"""What judging costs and is worth: single judges, a vote, panels, deliberation on the same items.

Half of the answers are what `mini-slm` gave to held-out problems, right or wrong; the other half
are solutions of other held-out problems with one error put into them. Neither the problems nor the
errors were in training. Weights and thresholds come from the validation split.
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from answers import Item, items, same
from deliberating import deliberating
from page import write
from rich.console import Console
from rich.progress import Progress

from agentsys import Agent, Node, judge_panel
from agentsys.evaluation.judging.ratings import error_correlations, mean_correlation
from agentsys.evaluation.statistics import paired_success, wilson
from agentsys.models.tiers import Tiers
from agentsys.patterns.judging import PanelVerdict, as_judge, judge_by_solving
from agentsys.project import find, find_graph
from agentsys.reliability import Reliability
from agentsys.settings import DEFAULT_FILE, Settings
from agentsys.system import System

SEED = 91
AT_ONCE = 8
SURE = 0.95
"""Of the quick judge; on the validation split, 98.7 % of what it is so sure of is right."""


@dataclass(frozen=True)
class Given:
    """What came of an item."""

    right: bool
    nano_usd: int
    calls: int
    verdict: Any


async def judged(system: System, node: Node[Any, Any], asked: Sequence[Item]) -> list[Given]:
    """Every item, some at once; in order."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(item: Item) -> Given:
        async with gate:
            run = await system.run(node, item.candidate)
        label = run.output.label if run.has_output else "unknown"
        right = label == ("correct" if item.correct else "incorrect")
        return Given(right, run.cost.nano_usd, run.cost.calls, run.value)

    return list(await asyncio.gather(*(one(item) for item in asked)))


def solving(tier: str) -> Node[Any, Any]:
    """A judge that solves the problem anew."""
    solver: Any = find("agent", "solver").value
    bare = Agent(
        solver.takes,
        solver.gives,
        solver.spec.instructions,
        tier=tier,
        repairs=0,
        max_tokens=solver.spec.max_tokens,
        name=solver.name,
    )
    return judge_by_solving(bare, same, name=f"solves@{tier}")


def judges() -> dict[str, Node[Any, Any]]:
    """The single judges."""
    decides: Any = find_graph("judge_slm"), find_graph("judge_llm")
    return {
        "`judge_slm`, one word": as_judge(decides[0], name="judge_slm"),
        "`mini-slm` solves anew": solving("slm"),
        "`judge_llm`, one word": as_judge(decides[1], name="judge_llm"),
        "`mini-llm` solves anew": solving("llm"),
    }


SMALL, ANEW, LARGE, LARGE_ANEW = judges()


def panels(weights: dict[str, Reliability], correlation: float | None) -> dict[str, Node[Any, Any]]:
    """The panels: the same three judges, and what more there is."""
    found = judges()
    three = [found[name] for name in (SMALL, ANEW, LARGE)]
    quick = as_judge(find_graph("judge_slm"), name="quick", sure=SURE)
    talking = [deliberating("slm", "slm"), solving("slm"), deliberating("llm", "llm")]
    return {
        "panel: two, the large judge on a split": judge_panel(*three),
        "panel, weighted as measured": judge_panel(
            *three, reliability=weights, correlation=correlation
        ),
        "panel after checks (`judge_panel`)": find_graph("judge_panel"),
        f"`judge_slm` if {SURE:.0%} sure, else large ones": judge_panel(
            found[LARGE], found[LARGE_ANEW], quick=quick
        ),
        TALKING: judge_panel(*talking),
        DELIBERATION: judge_panel(*talking, rounds=2),
    }


TALKING = "panel of judges that name the failing step"
DELIBERATION = "the same, with deliberation on a split"
LISTENING = "the same, had every change of mind counted, in one round"


def vote(singles: Sequence[Sequence[Given]], asked: Sequence[Item]) -> list[Given]:
    """The majority of judges that are all asked."""
    found: list[Given] = []
    for item, *given in zip(asked, *singles, strict=True):
        for_it = sum(each.verdict.label == "correct" for each in given)
        against = sum(each.verdict.label == "incorrect" for each in given)
        right = for_it > against if item.correct else against > for_it
        cost = sum(each.nano_usd for each in given)
        found.append(Given(right, cost, sum(each.calls for each in given), None))
    return found


def listening(deliberated: Sequence[Given], asked: Sequence[Item]) -> list[Given]:
    """What deliberation would have come to without the rule that an error must be named."""
    return [_obeyed(each, item) for each, item in zip(deliberated, asked, strict=True)]


def _obeyed(given: Given, item: Item) -> Given:
    verdict: PanelVerdict = given.verdict
    if not verdict.flips:
        return given
    said = {each.judge: each.label for each in verdict.first_round}
    said |= {flip.judge: flip.after for flip in verdict.flips if flip.round == 1}
    labels = list(said.values())
    lead = labels.count("correct") - labels.count("incorrect")
    return Given((lead > 0) if item.correct else (lead < 0), given.nano_usd, given.calls, None)


def measured(
    given: dict[str, list[Given]], nodes: dict[str, Node[Any, Any]]
) -> tuple[dict[str, Reliability], float | None]:
    """How far the three judges can be trusted, and how far they err together."""
    three = [SMALL, ANEW, LARGE]
    weights = {
        nodes[name].name: Reliability(
            sum(g.right for g in given[name]) / len(given[name]), len(given[name])
        )
        for name in three
    }
    right = list(zip(*([g.right for g in given[name]] for name in three), strict=True))
    return weights, mean_correlation([*error_correlations(right).values()])


async def run(number: int, bar: Progress) -> tuple[list[Item], dict[str, list[Given]], Any]:
    """All rows on the same held-out items."""
    task = bar.add_task("judging", total=None)
    async with System(Tiers(Settings.load(DEFAULT_FILE))) as system:
        nodes = judges()
        known = await items(system, "validation", number, SEED)
        fitted = {name: await judged(system, nodes[name], known) for name in (SMALL, ANEW, LARGE)}
        weights, correlation = measured(fitted, nodes)
        asked = await items(system, "held_out", number, SEED)
        found = {name: await judged(system, node, asked) for name, node in nodes.items()}
        found["vote of the first three, all asked"] = vote(
            [found[name] for name in (SMALL, ANEW, LARGE)], asked
        )
        for name, node in panels(weights, correlation).items():
            found[name] = await judged(system, node, asked)
            bar.advance(task)
    found[LISTENING] = listening(found[DELIBERATION], asked)
    return asked, found, (weights, correlation)


def table(asked: Sequence[Item], found: dict[str, list[Given]]) -> str:
    """The figures in Markdown."""
    correct = sum(item.correct for item in asked)
    lines = [
        f"{len(asked)} answers, {correct} of them correct.",
        "",
        "| judged by | right (95 % interval) | against `judge_llm`, points | calls "
        "| $ a verdict | $ a right verdict |",
        "|---|---|---|---:|---:|---:|",
    ]
    base = [each.right for each in found[LARGE]]
    for name, given in found.items():
        right = [each.right for each in given]
        low, high = wilson(sum(right), len(right)) or (0, 1)
        gap = paired_success(right, base)
        ends = gap.interval or (0.0, 0.0)
        shown = f"{100 * (gap.value or 0):+.1f} ({100 * ends[0]:+.1f} to {100 * ends[1]:+.1f})"
        cost = sum(each.nano_usd for each in given) / 1e9
        lines.append(
            f"| {name} | {sum(right) / len(right):.1%} ({low:.1%} to {high:.1%}) "
            f"| {'' if name == LARGE else shown} "
            f"| {sum(each.calls for each in given) / len(given):.2f} "
            f"| {cost / len(given):.2e} | {cost / max(sum(right), 1):.2e} |"
        )
    return "\n".join(lines)


def said(found: dict[str, list[Given]], known: Any) -> str:
    """What the table does not have."""
    weights, correlation = known
    told = [each.verdict for each in found[DELIBERATION]]
    flips = [flip for verdict in told for flip in verdict.flips]
    pairs = list(zip(found[TALKING], found[DELIBERATION], strict=True))
    worth = "not measured" if correlation is None else f"{3 / (1 + 2 * max(correlation, 0)):.2f}"
    listed = ", ".join(f"{name} {each.accuracy:.3f}" for name, each in weights.items())
    return (
        f"Measured on the validation split: {listed}; their errors are correlated by "
        f"{correlation or 0:.2f} on average, so that three are worth {worth}.\n\n"
        f"Deliberated on: {sum(v.rounds_used > 0 for v in told)} of {len(told)} answers. "
        f"{len(flips)} judges wanted to change their verdict, {sum(f.counted for f in flips)} of "
        f"them named an error, {sum(f.joined for f in flips)} joined another judge. It turned "
        f"{sum(a.right and not b.right for a, b in pairs)} right verdicts into wrong ones and "
        f"{sum(b.right and not a.right for a, b in pairs)} wrong ones into right ones."
    )


def main() -> None:
    """Ask, count, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=300, help="answers to judge")
    parser.add_argument("--write", action="store_true", help="put the table in README.md")
    given = parser.parse_args()
    with Progress(console=Console(stderr=True)) as bar:
        asked, found, known = asyncio.run(run(given.n, bar))
    text = f"{table(asked, found)}\n\n{said(found, known)}"
    print(text)
    if given.write:
        write("judging", text)


if __name__ == "__main__":
    main()
