"""How `agentsys vllm up` shows servers that come up."""

from collections.abc import Iterable
from contextlib import nullcontext

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from agentsys.cli.output import console
from agentsys.cli.readable import readable
from agentsys.models.vllm.up import Progress

_LINE = 70
"""Characters of what a server logged last."""


def shown(steps: Iterable[list[Progress]]) -> list[Progress]:
    """The last step, all of them shown on standard error."""
    terminal = console(err=True)
    live = Live(console=terminal, transient=True, refresh_per_second=5)
    last: list[Progress] = []
    told: set[tuple[str, str]] = set()
    with live if terminal.is_terminal else nullcontext():
        for last in steps:
            live.update(Group(*(_line(each) for each in last)))
            for each in last:
                if (each.name, each.phase) not in told and each.phase in ("ready", "failed"):
                    _tell(each, terminal)
                if (each.name, each.phase) not in told and not terminal.is_terminal:
                    _tell_start(each, terminal)
                told.add((each.name, each.phase))
    return last


def _line(step: Progress) -> Text:
    said = readable(" ".join(step.line.split()))[:_LINE]
    return Text.assemble(
        (step.name, "bold"), f"  {step.phase}  {step.seconds:.0f} s  ", (said, "dim")
    )


def _tell(step: Progress, terminal: Console) -> None:
    if step.phase == "failed":
        text, style = f"{step.name} failed after {step.seconds:.0f} s.", "red"
    elif step.already and step.seconds < 1:
        text, style = f"{step.name} is running.", ""
    else:
        text, style = f"{step.name} is ready after {step.seconds:.0f} s.", "green"
    # On the console that shows the progress: it keeps that below.
    terminal.print(Text(readable(text), style))


def _tell_start(step: Progress, terminal: Console) -> None:
    if step.phase in ("starting", "restarting"):
        terminal.print(Text(f"{step.name} is {step.phase}."))
