"""`agentsys schema check`: how replies of a type will be held to its JSON Schema."""

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from agentsys.errors import DefinitionError, UnknownName, UserError
from agentsys.guide.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from agentsys.guide.check import Checked

schema = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@schema.callback()
def described() -> None:
    """JSON Schemas, and what Outlines makes of them."""


@schema.command()
def check(
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="MODULE:TYPE, or a graph, agent or tool by name."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
    states: Annotated[
        int, typer.Option("--states", min=1, help="Most states of an automaton.")
    ] = DEFAULT.states,
    depth: Annotated[
        int, typer.Option("--depth", min=1, help="Most rounds of a recursive type.")
    ] = DEFAULT.depth,
) -> None:
    """Say which keywords the mask enforces, which are validated afterwards, and what that takes.

    The exit code is 1 where a schema is refused: a local model's replies are then not held to it
    by Outlines.
    """
    from agentsys.cli.output import print_json
    from agentsys.guide.check import check as checked

    limits = Limits(states, depth)
    found = [(name, checked(given, limits)) for name, given in _schemas(target)]
    if as_json:
        print_json([_row(name, each) for name, each in found])
    else:
        for name, each in found:
            _show(name, each)
    if any(each.guide.refused for _, each in found):
        raise typer.Exit(1)


def _schemas(target: str) -> list[tuple[str, Any]]:
    """Every schema that is asked of a model, with the agent that asks for it."""
    from agentsys.cli.show import find_definition
    from agentsys.node import Node
    from agentsys.specs import specs_in
    from agentsys.tools.tool import Tool

    value = _imported(target) if ":" in target else find_definition(target).value
    if isinstance(value, Node):
        node = cast("Node[Any, Any]", value)
        found: list[tuple[str, Any]] = []
        for spec in specs_in(node):
            if spec.schema is not None and (spec.name, spec.schema) not in found:
                found.append((spec.name, spec.schema))
        if not found:
            raise UserError(f"{target} asks no model for JSON, so it has no schema to check.")
        return found
    if isinstance(value, Tool):
        return [(value.name, value.schema)]
    return [(target, value if isinstance(value, dict) else _schema_of(value))]


def _schema_of(kind: Any) -> Any:
    from agentsys.schema import json_schema

    return json_schema(kind)


def _imported(target: str) -> Any:
    """What `MODULE:NAME` names; modules of the current directory come first."""
    module, _, name = target.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        value: Any = import_module(module)
    except Exception as error:  # whatever the module does when it is imported
        raise DefinitionError(
            f"The module {module!r} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    finally:
        sys.path.pop(0)
    for part in name.split("."):
        if not hasattr(value, part):
            raise UnknownName(f"name in {module}", part, dir(value))
        value = getattr(value, part)
    return value


def _row(name: str, each: "Checked") -> dict[str, Any]:
    found = each.guide
    return {
        "name": name,
        "enforced": list(found.enforced),
        "validated_afterwards": list(found.unenforced),
        "narrowed": list(found.narrowed),
        "refused": found.refused or None,
        "characters": each.characters or None,
        "states": each.states or None,
        "compile_s": round(each.compile_s, 6),
        "build_s": round(each.build_s, 6) if each.states else None,
    }


def _show(name: str, each: "Checked") -> None:
    from agentsys.cli.output import print_pairs

    found = each.guide
    pairs = [("name", name)]
    if found.refused:
        hint = "; --states allows more." if found.too_large else "."
        pairs.append(("refused", found.refused + hint))
    for label, lines in (
        ("enforced", found.enforced),
        ("validated afterwards", found.unenforced),
        ("cannot be written", found.narrowed),
    ):
        if lines:
            pairs.append((label, "\n".join(lines)))
    if not found.refused:
        size = f"{each.characters:,} characters, {each.states:,} states"
        times = f"compiled in {each.compile_s:.3f} s, built in {each.build_s:.3f} s"
        pairs.append(("automaton", f"{size}; {times}"))
    print_pairs(pairs)
