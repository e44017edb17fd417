"""`agentsys show`: one definition."""

import json
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from agentsys.errors import UnknownName

if TYPE_CHECKING:
    from agentsys.node import Node
    from agentsys.project import Definition


def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A graph, agent or tool; or agents/NAME.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show one definition: its types, its JSON Schemas and its picture (Mermaid)."""
    from agentsys.cli.output import print_json, print_pairs

    shown = _described(find_definition(name))
    if as_json:
        print_json(shown)
        return
    print_pairs([(key, _text(value)) for key, value in shown.items() if value])


def find_definition(name: str) -> "Definition":
    """The first of that name among graphs, agents and tools; `agents/NAME` says which."""
    from agentsys.project import FOLDERS, find

    folder, _, plain = name.rpartition("/")
    known: list[str] = []
    for kind in ("graph", "agent", "tool"):
        if folder in ("", FOLDERS[kind]):
            try:
                return find(kind, plain)
            except UnknownName as error:
                known += error.known
    raise UnknownName("definition", name, known)


def _described(definition: "Definition") -> dict[str, Any]:
    from agentsys.schema import json_schema
    from agentsys.tools.tool import Tool

    value = definition.value
    if isinstance(value, Tool):
        takes, tiers, picture, unenforced = value.schema, None, None, None
    elif value is not None:
        takes, tiers, picture = json_schema(value.takes), value.tiers, value.mermaid()
        unenforced = _unenforced(value)
    else:
        raise AssertionError("find gives only what was loaded")
    return {
        "name": definition.name,
        "kind": definition.kind,
        "doc": definition.doc,
        "file": str(definition.file),
        "takes": definition.takes,
        "gives": definition.gives,
        "tiers": tiers,
        "takes_schema": takes,
        "gives_schema": json_schema(value.gives),
        "unenforced": unenforced,
        "mermaid": picture,
    }


def _unenforced(node: "Node[Any, Any]") -> dict[str, list[str]]:
    """By agent, what Outlines does not hold replies to; it is only validated afterwards."""
    from agentsys.guide import guide
    from agentsys.specs import specs_in

    found: dict[str, list[str]] = {}
    for spec in specs_in(node):
        schema = spec.schema
        compiled = guide(schema) if schema else None
        if compiled and (compiled.refused or compiled.unenforced):
            all_of_it = f"the whole schema: {compiled.refused}"
            found[spec.name] = [all_of_it] if compiled.refused else list(compiled.unenforced)
    return found


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(cast("tuple[str, ...]", value))
    return value.rstrip() if isinstance(value, str) else json.dumps(value, indent=2)
