"""`agentsys`: finds the command, and turns what goes wrong into one line and an exit code.

0: done; 1: the task failed, or something broke; 2: the caller's mistake; 130: Ctrl-C.
"""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer

from agentsys.cli.readable import readable
from agentsys.errors import AgentSysError, UserError

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("agentsys.cli.run:run", "Run a graph on one task; print the answer and a receipt."),
    "resume": ("agentsys.cli.resume:resume", "Go on with a run that was stopped, or that asks."),
    "runs": ("agentsys.cli.runs:runs", "List the newest runs, and which can be resumed."),
    "bench": ("agentsys.cli.bench:bench", "Run graphs on a suite; print what a success cost."),
    "router": ("agentsys.cli.router:router", "Begin runs later, by the task: fit, use, off."),
    "what-if": ("agentsys.cli.what_if:what_if", "What other thresholds or tiers would have done."),
    "plan": ("agentsys.cli.plan:plan", "What a graph costs at most, before it runs."),
    "report": ("agentsys.cli.report:report", "The same table, from the ledger."),
    "calibrate": (
        "agentsys.cli.calibrate:calibrate",
        "Fit from which confidence on answers are taken.",
    ),
    "compare": ("agentsys.cli.compare:compare", "Two graphs or benches on the same tasks."),
    "judge": ("agentsys.cli.judge:judge", "What judges are worth: gold, calibrate, leaderboard."),
    "graphs": ("agentsys.cli.listing:graphs", "List the graphs: your own and the ready-made."),
    "agents": ("agentsys.cli.listing:agents", "List the agents."),
    "tools": ("agentsys.cli.listing:tools", "List the tools."),
    "show": ("agentsys.cli.show:show", "One definition: types, JSON Schemas, picture."),
    "models": ("agentsys.cli.models:models", "List tiers, deployments and prices, or check them."),
    "schema": ("agentsys.cli.schema:schema", "Check what a mask enforces of a type."),
    "vllm": ("agentsys.cli.vllm:vllm", "Local vLLM servers: up, status, logs, down, adapter."),
    "budget": ("agentsys.cli.budget:budget", "What may be spent: set, show, unset, rebuild."),
    "memory": ("agentsys.cli.memory:memory", "What agents remember: list, get, search, delete."),
    "init": ("agentsys.cli.init:init", "Start a project of your own in a new folder."),
}
"""Where each command is, and its line in the overview, for which nothing of it is loaded."""

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line and exit. `--debug`, anywhere in it, shows tracebacks."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = words[: words.index("--")] if "--" in words else words
    debug = "--debug" in options
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # pyright: ignore[reportUnnecessaryComparison]  (it may be closed)
            stream.reconfigure(errors="backslashreplace")  # pyright: ignore
    kept = [word for word in options if word != "--debug"] + words[len(options) :]
    sys.exit(_exit_code(kept, debug))


def build(words: Sequence[str]) -> typer.Typer:
    """The application, with only those commands loaded that occur in the words."""
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    for name, (place, summary) in COMMANDS.items():
        command = _load(place) if name in words else _not_loaded
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, short_help=summary)
        else:
            app.command(name, short_help=summary)(command)
    return app


def _root(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; works anywhere.")
    ] = False,
) -> None:
    """Typed agent graphs: small models first, large ones when a check says so.

    Start with: agentsys run slm_fallback "Mia has 4 boxes of 12 pens. How many pens is that?"
    """
    if show_version:
        from importlib.metadata import version  # a third of the time that --help takes

        typer.echo(f"agentsys {version('agentsys')}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _not_loaded() -> None:
    """Stands for a command that is not on this command line."""


def _load(place: str) -> Callable[..., Any] | typer.Typer:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def _exit_code(words: list[str], debug: bool) -> int:
    try:
        command = typer.main.get_command(build(words))
        code = command.main(args=words, prog_name="agentsys", standalone_mode=False, obj=debug)
        if code == INTERRUPTED:
            raise KeyboardInterrupt  # typer has turned it into an exit code
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted.", INTERRUPTED)
    except typer.TyperException as error:
        place = " ".join(["agentsys", *(word for word in words[:1] if word in COMMANDS)])
        told = _ended(_plain(error.format_message()))
        return _complain(f"{told} See '{place} --help'.", error.exit_code)
    except AgentSysError as error:
        _trace(error, debug)
        return _complain(str(error), 2 if isinstance(error, UserError) else 1)
    except Exception as error:
        _trace(error, debug)
        text = f"{type(error).__name__}: {error}"
        more = "" if debug else " Run it again with --debug to see where."
        return _complain(f"{_ended(text)}{more}", 1)


def _plain(message: str) -> str:
    """A message of the parser's without its own way of speaking."""
    return message.replace("Value error, ", "").replace("Input should", "it should")


def _ended(message: str) -> str:
    """With a full stop, if it ends with nothing of the kind."""
    message = message.rstrip()
    return message if message.endswith((".", "!", "?", "…")) else f"{message}."


def _complain(text: str, code: int) -> int:
    red = None if os.environ.get("NO_COLOR") else "red"
    typer.secho("error: ", fg=red, bold=red is not None, nl=False, err=True)
    typer.echo(readable(" ".join(text.split())), err=True)
    return code


def _trace(error: BaseException, debug: bool) -> None:
    if debug:
        typer.echo(readable("".join(traceback.format_exception(error))), nl=False, err=True)
