"""A run on the screen: its events, its answer, what it took, and how it can go on."""

import shlex
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from agentsys.events import Event
    from agentsys.routing import Begin
    from agentsys.run import Run


def print_event(event: "Event", *, as_json: bool) -> None:
    """One line for an event; some are for programs alone."""
    from agentsys.cli.output import print_json_line, say
    from agentsys.events import to_record

    if as_json:
        print_json_line(to_record(event))
        return
    line = _line(event)
    if line:
        say(line, style="dim")


def _line(event: "Event") -> str:
    from agentsys.cli.output import plain
    from agentsys.events import (
        Call,
        RunFinished,
        RunInterrupted,
        RunResumed,
        RunStarted,
        StepFinished,
        ToolCall,
    )

    match event:
        case RunStarted():
            return f"started   {event.graph}  {event.run_id}"
        case RunResumed():
            answered = f"  with the answer {plain(event.answer)}" if event.ask_id else ""
            return f"resumed   {event.run_id}{answered}"
        case Call():
            why = f" ({event.reason})" if event.reason else ""
            return f"call      {event.node}@{event.tier}  {event.text}  -> {event.decision}{why}"
        case ToolCall():
            return f"tool      {event.tool}  {event.observation}"
        case StepFinished():
            return f"step      {event.node}"
        case RunInterrupted():
            return f"asks      {plain(event.question)}"
        case RunFinished():
            return f"finished  {event.status}\n"
        case _:
            return ""


def print_run(
    run: "Run[Any]", scarce: list[str], config: str | None, *, as_json: bool, one_line: bool
) -> None:
    """The answer and a receipt, or one JSON object.

    Args:
        run: What is printed.
        scarce: Of each limit that is nearly used up: how much of it is left.
        config: The configuration that the command line names, for the command that goes on.
        as_json: Whether it is for a program.
        one_line: Whether the JSON is one line.
    """
    from agentsys.cli.output import print_json, print_json_line, say

    if as_json:
        (print_json_line if one_line else print_json)(run.to_json())
        return
    if run.has_output:
        _print_answer(run.output_json())
        say()
    _print_receipt(run, scarce)
    if run.error:
        _print_error(run)
    if run.questions:
        _print_question(run, config)


def say_how_to_go_on(run_id: str, config: str | None) -> None:
    """How a run that was stopped from outside goes on, on standard error."""
    from agentsys.cli.output import say

    say(f"What has finished is kept. Go on: {command(run_id, config)}", err=True)


def command(run_id: str, config: str | None, *options: str) -> str:
    """The command line that goes on with a run."""
    place = ("--config", shlex.quote(config)) if config else ()
    return " ".join(["agentsys resume", shlex.quote(run_id), *options, *place])


def _print_error(run: "Run[Any]") -> None:
    """Why it is not ok, in one line; what a recording lacks, with how it differs."""
    from agentsys.cli.output import say
    from agentsys.errors import NotRecorded

    reason, detail = run.error, ""
    if isinstance(run.cause, NotRecorded):
        reason, _, detail = run.error.partition("\n")
    say(f"{run.status}: {' '.join(reason.split())}", style="yellow", err=True)
    if detail:
        say(detail, err=True)


def _print_question(run: "Run[Any]", config: str | None) -> None:
    from agentsys.cli.output import plain, say

    first, *others = run.questions
    more = f" ({len(others)} more after it)" if others else ""
    say(f"It asks{more}: {plain(first.question)}", err=True)
    say(f"Answer: {command(run.run_id, config, '--answer', 'TEXT_OR_JSON')}", err=True)


def _print_answer(output: Any) -> None:
    from agentsys.cli.output import plain, print_pairs, say

    match output:
        case dict() if output:
            fields = cast("dict[str, Any]", output)
            print_pairs([(name, plain(value)) for name, value in fields.items()], style="green")
        case _:
            say(plain(output), style="green")


def _routed(begin: "Begin") -> str:
    """What a router said."""
    where = f"begun at {begin.tier}" if begin.tier else "begun at the first tier"
    return f"{where}; chance of the first {begin.p:.2f}, by {begin.version}"


def _print_receipt(run: "Run[Any]", scarce: list[str]) -> None:
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
            *([("thresholds", run.thresholds)] if run.thresholds else []),
            *([("router", _routed(run.begin))] if run.begin.version else []),
            *(("budget", line) for line in scarce),
        ],
        style="dim",
    )
