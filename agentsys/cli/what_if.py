"""`agentsys what-if`: what another tier, threshold or number of votes would have done."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsys.cli.options import Config
from agentsys.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentsys.evaluation.what_if import Weighed, WhatIf
    from agentsys.evaluation.what_if.weighing import Found, Key
    from agentsys.events import BenchStarted
    from agentsys.ledger import Ledger
    from agentsys.settings import Settings

NAMED = 10
"""Tasks of which nothing is known that are named in the table; JSON has all."""


def what_if(
    graph: Annotated[str, typer.Option("--graph", help="The graph.")],
    bench: Annotated[
        str, typer.Option("--bench", help="The bench whose tasks and calls are taken.")
    ] = "last",
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIER", help="Every agent asks this tier alone.")
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            "--threshold",
            metavar="X,Y,…",
            help="Answers of the first tier are taken from this confidence on; a row for each.",
        ),
    ] = None,
    votes: Annotated[
        int | None, typer.Option("--votes", metavar="N", help="The most frequent of N samples.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: Config = None,
) -> None:
    """What a graph would have cost and achieved on a bench's tasks; no model is asked.

    Every request is answered by the calls that the ledger has of the bench, with what they cost
    then. A task for which one is missing is not known: it is counted, and named. Nothing is
    written.
    """
    from agentsys.cli.planned import graphs_of
    from agentsys.evaluation.bench import find_bench
    from agentsys.ledger import Ledger
    from agentsys.settings import Settings

    settings = Settings.load(config)
    ledger = Ledger.open(settings.store_url)
    begun = find_bench(ledger, bench)
    [node] = graphs_of(begun, [graph]).values()
    if at is not None:
        _require_tier(at, ledger, begun, settings)
    asked = _asked(ledger, begun, graph, settings)
    found = asyncio.run(_found(asked, node, at, _numbers(threshold), votes))
    if as_json:
        from agentsys.cli.output import print_json

        print_json([_row(asked.was(), one) for one in found])
        return
    _print(asked, found)


def _require_tier(at: str, ledger: "Ledger", begun: "BenchStarted", settings: "Settings") -> None:
    """Refuse a tier that neither is configured nor was asked in the bench."""
    from agentsys.errors import UnknownName
    from agentsys.events import Assigned, Call

    known = set(settings.tier_names())
    if at in known:
        return
    assigned = (recorded.event for recorded in ledger.events(Assigned, bench=begun.bench))
    runs = {event.run_id for event in assigned if isinstance(event, Assigned)}
    calls = (recorded.event for recorded in ledger.events(Call, run_ids=runs))
    known |= {event.tier for event in calls if isinstance(event, Call)}
    if at not in known:
        raise UnknownName("tier", at, known)


def _asked(ledger: "Ledger", begun: "BenchStarted", graph: str, settings: "Settings") -> "WhatIf":
    from agentsys.cli.planned import suite_of
    from agentsys.evaluation.what_if import WhatIf
    from agentsys.models.tiers import Tiers

    tiers = Tiers(settings)
    return WhatIf(
        ledger,
        begun.bench,
        graph,
        suite_of(begun),
        begun.repeat,
        {tier: tiers.families(tier) for tier in tiers},
    )


def _numbers(threshold: str | None) -> list[float]:
    if threshold is None:
        return []
    try:
        return [float(word) for word in threshold.split(",")]
    except ValueError as error:
        raise UserError(
            f"--threshold {threshold!r} is no number.", hint="Give one, or several: 0.2,0.4,0.6."
        ) from error


async def _found(
    asked: "WhatIf", node: Any, at: str | None, thresholds: list[float], votes: int | None
) -> "list[Found]":
    from agentsys.cli.bars import progress
    from agentsys.evaluation.what_if import variants

    with progress() as bars:
        total = len(asked.suite.tasks) * asked.repeat
        bar = bars.add_task(asked.graph, total=total, won=0)
        return await asked.of(
            variants(
                node,
                at=at,
                thresholds=thresholds,
                votes=votes,
                in_force=await asked.thresholds(),
                name=asked.graph,
            ),
            on_progress=lambda: bars.advance(bar),
        )


def _row(was: "Mapping[Key, Weighed]", found: "Found") -> dict[str, Any]:
    """One variant, and what was, on the tasks that are known of both."""
    from agentsys.evaluation.statistics import paired_success

    common = [key for key in found.known if key in was]
    mine, theirs = ([float(which[key].success) for key in common] for which in (found.known, was))
    difference = paired_success(mine, theirs)
    together = {**found.known, **found.approximated}
    return {
        "variant": found.variant.name,
        **_figures(found.known),
        "unknown": len(found.unknown),
        "unknown_for_conversation": found.followed,
        "unknown_for_scorer": found.unscored,
        "was": _figures({key: was[key] for key in common}) if common else None,
        "success_difference": difference.value,
        "success_difference_ci": difference.interval,
        "approximate": _figures(together) if found.approximated else None,
        "unknown_tasks": [
            {"task_id": task, "repeat": repeat, "reason": reason}
            for (task, repeat), reason in found.unknown.items()
        ],
    }


def _figures(tasks: "Mapping[Key, Weighed]") -> dict[str, Any]:
    from agentsys.evaluation.statistics import ratio_interval, wilson
    from agentsys.money import NANO_PER_USD

    every = list(tasks.values())
    won = sum(one.success for one in every)
    cost = sum(one.nano_usd for one in every)
    costs = [one.nano_usd / NANO_PER_USD for one in every]
    return {
        "tasks": len(every),
        "success_rate": won / len(every) if every else None,
        "success_ci": wilson(won, len(every)),
        "cps_usd": cost / won / NANO_PER_USD if won else None,
        "cps_ci": ratio_interval(costs, [float(one.success) for one in every]),
        "escalation_rate": sum(one.escalated for one in every) / len(every) if every else None,
        "nano_usd": cost,
    }


def _print(asked: "WhatIf", found: "list[Found]") -> None:
    from agentsys.cli.output import print_blocks, say
    from agentsys.evaluation.reports.numbers import several

    was = asked.was()
    rows = [_row(was, one) for one in found]
    columns = ["", "tasks", "success", "cost per success", "escalated", "success less what was"]
    lines = [["as it was", *_cells(_figures(was)), ""]] if was else []
    for row in rows:
        lines.append([row["variant"], *_cells(row), _difference(row)])
        if row["approximate"]:
            lines.append([f"~ {row['variant']}", *_cells(row["approximate"]), ""])
    print_blocks(columns, lines)
    for row in rows:
        if row["unknown"]:
            names = [task["task_id"] for task in row["unknown_tasks"][:NAMED]]
            more = ", …" if row["unknown"] > NAMED else ""
            say(
                f"{row['variant']}: {several(row['unknown'], 'task')}"
                f" {'is' if row['unknown'] == 1 else 'are'} not known, {_why(row)}:"
                f" {', '.join(names)}{more}."
            )
    if any(row["approximate"] for row in rows):
        say("~ with such tasks, as if the tier had given the answer that it gives without it.")


def _why(row: "Mapping[str, Any]") -> str:
    reasons = {
        "a tier was never shown what was said before": row["unknown_for_conversation"],
        "the scorer could not tell": row["unknown_for_scorer"],
    }
    told = [f"{number} of them because {why}" for why, number in reasons.items() if number]
    return " and ".join(told) or "because a request was never made"


def _cells(figures: "Mapping[str, Any]") -> list[str]:
    from agentsys.evaluation.reports.numbers import money, percent, span

    return [
        f"{figures['tasks']:,}",
        percent(figures["success_rate"]) + span(figures["success_ci"], percent),
        money(figures["cps_usd"]) + span(figures["cps_ci"], money),
        percent(figures["escalation_rate"]),
    ]


def _difference(row: "Mapping[str, Any]") -> str:
    from agentsys.evaluation.reports.numbers import percent, span

    if row["success_difference"] is None:
        return "-"
    return percent(row["success_difference"]) + span(row["success_difference_ci"], percent)
