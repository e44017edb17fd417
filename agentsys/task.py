"""What a run is given by who begins it: checked before anything is asked."""

from typing import Any, TypeVar

from agentsys.errors import InvalidOutput, InvalidTask, UserError
from agentsys.events import RunStarted
from agentsys.ledger import Ledger
from agentsys.node import Node
from agentsys.schema import dump, name_of, stored, validate

X = TypeVar("X")


def fitting(node: Node[X, Any], task: X | None) -> X:
    """The task as the node's input type.

    Raises:
        InvalidTask: it does not fit.
    """
    try:
        return validate(task, node.takes)
    except InvalidOutput as error:
        raise InvalidTask(f"{node.name!r} takes {name_of(node.takes)}: {error.message}") from error


def as_json(task: Any, node: Node[Any, Any]) -> Any:
    """The task as a resumed run reads it; where it cannot, at least as people do."""
    try:
        return stored(task, node.takes)
    except InvalidOutput:
        return dump(task, node.takes)


def require_names(tenant: Any, team: Any) -> None:
    """Make sure that both are text.

    Raises:
        UserError: one is not.
    """
    for what, name in (("tenant", tenant), ("team", team)):
        if not isinstance(name, str):
            raise UserError(f"A {what} is a text, not {name!r}.")


def own_id(run_id: str) -> str:
    """An id that a user has chosen.

    Raises:
        UserError: it cannot be one.
    """
    if not 0 < len(run_id.strip()) <= 200 or not run_id.isprintable() or run_id[0] == "-":
        raise UserError(
            f"{run_id!r} is not an id of a run.",
            hint="Use 1 to 200 printable characters, the first of them no dash.",
        )
    return run_id


def require_new(ledger: Ledger | None, run_id: str) -> None:
    """Make sure that no run has an id yet.

    Raises:
        UserError: one has, or there is no ledger to tell.
    """
    if ledger is None:
        raise UserError("A run_id is of use only with a store: System(…, store=…).")
    if next(ledger.events(RunStarted, run_ids=[run_id]), None) is not None:
        raise UserError(
            f"There is a run {run_id!r} already.",
            hint="Go on with it ('agentsys resume', or run(…, resume=…)), or take another id.",
        )
