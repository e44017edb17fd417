"""`agentsys run`: one task."""

import asyncio
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from agentsys.cli.options import Config
from agentsys.cli.readable import readable

if TYPE_CHECKING:
    from agentsys.events import Event
    from agentsys.node import Node
    from agentsys.run import Run
    from agentsys.system import System


def run(
    context: typer.Context,
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
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole run as JSON.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of every sampled reply.")] = 0,
    config: Config = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print events as they happen.")] = False,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="USD", help="Most that this run may spend.")
    ] = None,
    tenant: Annotated[
        str, typer.Option("--tenant", help="On whose account, and in whose memory it runs.")
    ] = "",
) -> None:
    """Run a graph on one task; print the typed answer and a receipt.

    The exit code is 0 if the run is ok and 1 if it is not: low confidence, an abstention, a
    budget that is used up, a failure. The answer is printed wherever there is one.
    """
    from agentsys.cli.amounts import to_budget
    from agentsys.cli.task import read_text, to_task
    from agentsys.project import find_graph

    text = read_text(task, input_file)
    node = find_graph(graph)
    options: dict[str, Any] = {
        "seed": seed,
        "name": graph,
        "tenant": tenant,
        "budget": None if budget is None else to_budget({"usd": "--budget"}, usd=budget),
    }
    work = _run(node, to_task(text, node.takes), options, config, stream, as_json)
    finished, scarce = asyncio.run(work)
    _show(finished, scarce, as_json=as_json, one_line=stream)
    if context.obj and finished.cause is not None:
        trace = "".join(traceback.format_exception(finished.cause))
        typer.echo(readable(trace), nl=False, err=True)
    if not finished.ok:
        raise typer.Exit(1)


async def _run(
    node: "Node[Any, Any]",
    task: Any,
    options: dict[str, Any],
    config: str | None,
    stream: bool,
    as_json: bool,
) -> "tuple[Run[Any], list[str]]":
    """The run, and which limits it has left nearly used up."""
    from agentsys.budgets import Purse
    from agentsys.cli.amounts import scarce
    from agentsys.system import System

    async with System.load(config) as system:
        if stream:
            finished = await _streamed(system, node, task, options, as_json)
        else:
            finished = await system.run(node, task, **options)
        purse = Purse(system.budgets, finished.run_id, options["tenant"])
        if options["budget"] is not None:
            purse = purse.within("", options["budget"])
        return finished, scarce(await purse.standing())


async def _streamed(
    system: "System", node: "Node[Any, Any]", task: Any, options: dict[str, Any], as_json: bool
) -> "Run[Any]":
    from agentsys.run import Run

    async for event in system.stream(node, task, **options):
        if isinstance(event, Run):
            return event
        _show_event(event, as_json)
    raise AssertionError("a stream ends with its run")


def _show_event(event: "Event", as_json: bool) -> None:
    from agentsys.cli.output import print_json_line, say
    from agentsys.events import Call, RunFinished, RunStarted, ToolCall, to_record

    if as_json:
        print_json_line(to_record(event))
        return
    match event:
        case RunStarted():
            line = f"started   {event.graph}  {event.run_id}"
        case Call():
            why = f" ({event.reason})" if event.reason else ""
            line = f"call      {event.node}@{event.tier}  {event.text}  -> {event.decision}{why}"
        case ToolCall():
            line = f"tool      {event.tool}  {event.observation}"
        case RunFinished():
            line = f"finished  {event.status}\n"
        case _:
            return
    say(line, style="dim")


def _show(run: "Run[Any]", scarce: list[str], *, as_json: bool, one_line: bool) -> None:
    from agentsys.cli.output import print_json, print_json_line, say

    if as_json:
        (print_json_line if one_line else print_json)(run.to_json())
        return
    if run.has_output:
        _show_answer(run.output_json())
        say()
    _show_receipt(run, scarce)
    if run.error:
        say(f"{run.status}: {' '.join(run.error.split())}", style="yellow", err=True)


def _show_answer(output: Any) -> None:
    from agentsys.cli.output import plain, print_pairs, say

    match output:
        case dict() if output:
            fields = cast("dict[str, Any]", output)
            print_pairs([(name, plain(value)) for name, value in fields.items()], style="green")
        case _:
            say(plain(output), style="green")


def _show_receipt(run: "Run[Any]", scarce: list[str]) -> None:
    from agentsys.cli.output import dollars, print_pairs

    cost = run.cost
    sure = "" if run.confidence is None else f", confidence {run.confidence:.3f}"
    print_pairs(
        [
            ("status", f"{run.status}{sure}"),
            ("path", " -> ".join(run.path) or "no model was asked"),
            ("calls", f"{cost.calls:,}"),
            ("tokens", f"{cost.tokens_in:,} in, {cost.tokens_out:,} out"),
            ("cost", dollars(cost.usd)),
            ("time", f"{cost.seconds:.2f} s"),
            *(("budget", line) for line in scarce),
        ],
        style="dim",
    )
