"""Work that a resumed run does not do again: steps, and graphs that were written by hand."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from agentsys.context import Context, here
from agentsys.errors import InvalidOutput
from agentsys.events import StepFinished
from agentsys.plain import digest
from agentsys.schema import restored, stored, validate

X = TypeVar("X")
Y = TypeVar("Y")


async def once(
    work: Callable[[X], Awaitable[Y]],
    value: X,
    context: Context,
    *,
    name: str,
    takes: type[X],
    gives: type[Y],
) -> Y:
    """What `work` gives; where it gave something for this input before the run was cut off, that.

    An output that JSON cannot hold is not kept: such work is done again.
    """
    journal = context.journal
    asked = _digest(value, takes)
    step_id, before = journal.next_step(context.place, asked)
    if before is not None:
        with suppress(InvalidOutput):  # of a type that has changed since
            return restored(before.output, gives)
    with here(context, name):
        output = await work(value)
    if journal.keeps:
        with suppress(InvalidOutput):  # where it is not the output type, that is told later
            kept = stored(validate(output, gives), gives)
            await journal.write(StepFinished(context.run_id, name, step_id, kept, asked))
    return output


def _digest(value: object, kind: object) -> str:
    """Empty for what has none, which fits every other input without."""
    with suppress(ValueError, TypeError, RecursionError):
        return digest(value, kind)
    return ""
