"""`agentsys graphs`, `agents` and `tools`: what there is."""

from typing import TYPE_CHECKING, Any

from agentsys.cli.options import AsJson

if TYPE_CHECKING:
    from agentsys.project import Definition, Kind


def graphs(as_json: AsJson = False) -> None:
    """List the graphs: those of the current project, then the ready-made ones."""
    _list("graph", as_json)


def agents(as_json: AsJson = False) -> None:
    """List the agents: those of the current project, then the ready-made ones."""
    _list("agent", as_json)


def tools(as_json: AsJson = False) -> None:
    """List the tools: those of the current project, then the ready-made ones."""
    _list("tool", as_json)


def _list(kind: "Kind", as_json: bool) -> None:
    from agentsys.cli.output import print_json, print_table, say
    from agentsys.project import definitions

    found = definitions(kind)
    if as_json:
        print_json([_row(definition) for definition in found])
        return
    good = [d for d in found if not d.problem]
    print_table(["name", "takes", "gives", ""], [[d.name, d.takes, d.gives, d.doc] for d in good])
    for broken in (d for d in found if d.problem):
        say(f"{broken.name} cannot be loaded: {broken.problem}", style="yellow", err=True)
        say(f"  Mend {broken.file}.", style="dim", err=True)


def _row(definition: "Definition") -> dict[str, Any]:
    return {
        "name": definition.name,
        "takes": definition.takes or None,
        "gives": definition.gives or None,
        "doc": definition.doc,
        "error": definition.problem or None,
    }
