"""How `agentsys vllm up` shows servers that come up."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from agentsys.cli.output import console
from agentsys.cli.readable import readable
from agentsys.models.vllm.up import Progress
from agentsys.money import usd
from agentsys.servers import VllmServer

if TYPE_CHECKING:
    from agentsys.warming import Warmed

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


def row(
    step: Progress, server: VllmServer, warmed: "Mapping[str, Sequence[Warmed]] | None"
) -> dict[str, Any]:
    """One server as JSON.

    Args:
        step: How far it is.
        server: As it is configured.
        warmed: The schemas that were warmed, by server; `None` where none were to be.
    """
    found = None if warmed is None else [_warmed(each) for each in warmed.get(step.name, ())]
    return {
        "name": step.name,
        "state": step.phase,
        "url": f"{server.url}/v1",
        "seconds": round(step.seconds, 3),
        "already": step.already,
        "warmed": found,
        "error": None if step.phase == "ready" else step.line,
    }


def _warmed(each: "Warmed") -> dict[str, Any]:
    return {
        "tier": each.tier,
        "agent": each.agent,
        "seconds": round(each.seconds, 6),
        "usd": f"{usd(each.nano_usd):f}",
        "error": each.problem or None,
    }


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
