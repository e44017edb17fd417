"""Tests that are run: the reference is Python."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from agentsys.errors import InvalidTask, ToolFailed
from agentsys.evaluation.scorers.base import PICK, Score, part
from agentsys.evaluation.task import Task
from agentsys.node import Node
from agentsys.tools.sandbox import MAX_CODE, run
from agentsys.tools.thread import in_thread

if TYPE_CHECKING:
    from agentsys.system import System

SECONDS = 5.0
"""That output and tests may take."""
_ALONE_S = 1.0
_NEVER = ("SyntaxError:", "NotImplementedError: The monty", "ModuleNotFoundError:", "ImportError:")
"""How errors begin that no output can be the cause of."""


@dataclass(frozen=True)
class Executable:
    """Right is an output with which the reference's Python runs to its end.

    It runs in the sandbox of `agentsys.tools.sandbox` and nowhere else. What ends in an expression
    that is false has failed, as has what raises.
    """

    field: str | None = PICK
    code: bool = True
    """The output is Python, which runs first; else it is what the variable `output` holds."""

    @property
    def name(self) -> str:
        """`executable`, or `executable:data`."""
        return "executable" if self.code else "executable:data"

    @property
    def graphs(self) -> Sequence[Node[Any, Any]]:
        """None."""
        return ()

    def require(self, tasks: Sequence[Task]) -> None:
        """Make sure that the references are code that the sandbox takes.

        Each is run once. That it fails says nothing, as there is no output yet.

        Raises:
            InvalidTask: one is not.
        """
        for task in tasks:
            if not isinstance(task.reference, str):
                raise InvalidTask(f"The reference of task {task.id!r} is no Python code.")
            try:
                run(task.reference, seconds=_ALONE_S)
            except ToolFailed as error:
                if error.message.startswith(_NEVER) or len(task.reference) > MAX_CODE:
                    raise InvalidTask(
                        f"The reference of task {task.id!r} does not run, whatever the output is: "
                        f"{error.message}",
                        hint="Mend it, or leave the task out. It runs in the sandbox, which has "
                        "few modules.",
                    ) from error

    async def score(self, output: Any, task: Task, system: "System") -> Score:
        """Whether the tests pass."""
        given = part(output, self.field)
        if self.code:
            if not isinstance(given, str):
                return Score(False)
            first = given
        else:
            # JSON text inside a Python literal: nothing in it is ever code.
            first = f"import json\noutput = json.loads({json.dumps(json.dumps(given))})"
        try:
            ran = await in_thread(partial(run, first, task.reference, seconds=SECONDS))
        except ToolFailed:
            return Score(False)
        return Score(ran.value is not False)
