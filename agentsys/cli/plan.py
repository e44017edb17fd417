"""`agentsys plan`: what a graph costs at most, and what it has cost, before it runs."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsys.cli.options import Config
from agentsys.errors import UserError

if TYPE_CHECKING:
    from agentsys.budgets import Standing
    from agentsys.evaluation.reports.expected import Expected
    from agentsys.node import Node
    from agentsys.planning import Plan
    from agentsys.planning.limits import Total
    from agentsys.system import System


@dataclass(frozen=True)
class _Planned:
    """A plan with all that belongs to it."""

    graph: str
    task: str
    """Which one it is for, in words."""
    plan: "Plan"
    total: "Total"
    """Under the budgets of a run that are in force."""
    standings: "list[Standing]"
    expected: "Expected | None"


def plan(
    graph: Annotated[
        str, typer.Argument(metavar="GRAPH", help="Name of a graph; 'agentsys graphs' lists them.")
    ],
    task: Annotated[
        str | None,
        typer.Argument(metavar="INPUT", help="The task: plain text or JSON; '-' reads it."),
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input-file", help="Read the task from this file.")
    ] = None,
    suite: Annotated[
        str | None, typer.Option("--suite", help="Plan for the dearest task of a suite.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="PATH", help="The suite's tasks.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    config: Config = None,
) -> None:
    """What a graph costs at most, and what it has cost so far; no model is asked.

    At most: every reply is as long as it may be and fails, at the price of the dearest deployment
    of its tier, as budgets hold it. Without INPUT and --suite, for the longest task that the input
    type allows. A graph that nothing bounds is refused.
    """
    from agentsys.project import find_graph

    node = find_graph(graph)
    if suite is not None and (task is not None or input_file is not None):
        raise UserError("There are two tasks.", hint="Give INPUT or --suite.")
    if suite is None and file is not None:
        raise UserError("--file does nothing without --suite.", hint="Give the suite's name.")
    tasks = dict(_tasks(node, task, input_file, suite, file))
    planned = asyncio.run(_planned(graph, node, tasks, config))
    if as_json:
        from agentsys.cli.output import print_json

        print_json(_as_json(planned))
    else:
        _print(planned)


def _tasks(
    node: "Node[Any, Any]",
    task: str | None,
    input_file: Path | None,
    suite: str | None,
    file: str | None,
) -> Iterator[tuple[str, Any]]:
    """What it is planned for, in words and as values."""
    from agentsys.cli.task import read_text, to_task
    from agentsys.planning.given import UNKNOWN

    if suite is not None:
        from agentsys.evaluation.suites import load_suite

        for one in load_suite(suite, file=file).tasks:
            yield f"the task {one.id!r} of {suite!r}, the dearest", one.fitted(node.takes)
    elif task is not None or input_file is not None:
        yield "this task", to_task(read_text(task, input_file), node.takes)
    else:
        yield "the longest task that its type allows", UNKNOWN


async def _planned(
    graph: str, node: "Node[Any, Any]", tasks: dict[str, Any], config: str | None
) -> _Planned:
    from agentsys.planning import plan as plan_of
    from agentsys.system import System

    async with System.load(config) as system:
        standings = await system.budgets.shown()
        budgets = [one.budget for one in standings if one.budget.per == "run"]
        smaller = any(one.budget.on_empty == "slm-only" for one in standings)
        found = [
            (words, plan_of(node, system.models, task=value, smaller=smaller))
            for words, value in tasks.items()
        ]
        words, dearest = max(found, key=lambda one: one[1].total.nano_usd)
        return _Planned(
            graph,
            words,
            dearest,
            dearest.under(budgets),
            standings,
            _expected(system, graph, dearest),
        )


def _expected(system: "System", graph: str, found: "Plan") -> "Expected | None":
    from agentsys.evaluation.reports.expected import expected

    if system.ledger is None:
        return None
    return expected(system.ledger, graph, {(line.node, line.tier) for line in found.lines})


def _print(planned: _Planned) -> None:
    from agentsys.cli.amounts import limited, whose
    from agentsys.cli.output import print_table, say
    from agentsys.evaluation.reports.numbers import money
    from agentsys.money import NANO_PER_USD, shown

    found, total = planned.plan, planned.total
    rows = [
        [
            line.node,
            line.tier,
            *map(_count, (line.most.calls, line.most.tokens_in, line.most.tokens_out)),
            _dollars(line.most.nano_usd),
        ]
        for line in found.lines
    ]
    columns = ["node", "tier", "requests", "tokens in", "tokens out", "cost"]
    if rows:
        print_table(columns, rows)
    say(
        f"At most: {_dollars(total.nano_usd)}, {_count(total.calls, ' request')}, "
        f"{_count(total.tokens, ' token')}, for {planned.task}."
    )
    if total.nano_usd < sum(line.most.nano_usd for line in found.lines):
        say("Budgets cut it: the rows come to more.")
    for standing in planned.standings:
        for name, limit, spent, held in limited(standing):
            left = shown(name, max(0, limit - spent - held))
            then = standing.budget.on_empty
            say(f"Budget: {shown(name, limit)} for {whose(standing)}, {left} left; then {then}.")
    likely = planned.expected
    if likely is None:
        say("Expected: no run yet.")
        return
    of = "of its nodes in other graphs" if likely.of_nodes else "of it"
    more = ""
    if likely.interval is not None:
        low, high = (money(end / NANO_PER_USD) for end in likely.interval)
        more += f" ({low} to {high})"
    if likely.p95_nano_usd is not None and likely.most_nano_usd is not None:
        p95, most = (money(n / NANO_PER_USD) for n in (likely.p95_nano_usd, likely.most_nano_usd))
        more += f", p95 {p95}, most {most}"
    runs = "run" if likely.runs == 1 else "runs"
    mean = money(likely.nano_usd / NANO_PER_USD)
    say(f"Expected: {mean}{more}, by {likely.runs:,} {runs} {of}.")


def _count(amount: float, what: str = "") -> str:
    many = "s" if what and amount != 1 else ""
    return f"{'no bound' if amount == inf else f'{amount:,}'}{what}{many}"


def _dollars(nano_usd: float) -> str:
    from agentsys.cli.output import dollars
    from agentsys.money import usd

    return "no bound" if nano_usd == inf else dollars(usd(int(nano_usd)))


def _as_json(planned: _Planned) -> dict[str, Any]:
    total, likely = planned.total, planned.expected
    return {
        "graph": planned.graph,
        "task": planned.task,
        "usd": _usd(total.nano_usd),
        "requests": _number(total.calls),
        "tokens": _number(total.tokens),
        "nodes": [
            {
                "node": line.node,
                "tier": line.tier,
                "requests": _number(line.most.calls),
                "tokens_in": _number(line.most.tokens_in),
                "tokens_out": _number(line.most.tokens_out),
                "usd": _usd(line.most.nano_usd),
            }
            for line in planned.plan.lines
        ],
        "budgets": [one.budget.model_dump(mode="json") for one in planned.standings],
        "expected": None
        if likely is None
        else {
            "runs": likely.runs,
            "of_nodes": likely.of_nodes,
            "usd": _usd(likely.nano_usd),
            "usd_ci": None if likely.interval is None else [_usd(end) for end in likely.interval],
            "p95_usd": _usd(likely.p95_nano_usd),
            "most_usd": _usd(likely.most_nano_usd),
        },
    }


def _number(amount: float) -> int | None:
    return None if amount == inf else int(amount)


def _usd(nano_usd: float | None) -> float | None:
    """As `report` prints it; `None` for what is not known and what nothing bounds."""
    from agentsys.money import NANO_PER_USD

    return None if nano_usd is None or nano_usd == inf else nano_usd / NANO_PER_USD
