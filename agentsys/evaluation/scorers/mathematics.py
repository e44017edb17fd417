"""Mathematical equality. The one importer of math_verify.

Its own time limits are signals, which do not work off the main thread, so it runs in a process
that is stopped when it takes too long.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from importlib.util import find_spec
from math import isfinite
from typing import TYPE_CHECKING, Any

from agentsys.errors import InvalidOutput, UserError
from agentsys.evaluation.scorers.base import PICK, Score, part
from agentsys.evaluation.scorers.guard import formula, guarded
from agentsys.evaluation.scorers.worker import START_S, worker
from agentsys.evaluation.task import Task
from agentsys.node import Node
from agentsys.tools.thread import in_thread

if TYPE_CHECKING:
    from agentsys.system import System

_LONGEST = 2_000
"""Characters of an answer."""
_MARKED = re.compile(r"\$|\\\(|\\\[|\\boxed")
"""Where LaTeX begins, within other text."""
_WORDS = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}\s")


@dataclass(frozen=True)
class Mathematical:
    """Right is what is mathematically equal to the reference, as `1/2` and `0.5` are."""

    field: str | None = PICK

    @property
    def name(self) -> str:
        """`math`."""
        return "math"

    @property
    def graphs(self) -> Sequence[Node[Any, Any]]:
        """None."""
        return ()

    def require(self, tasks: Sequence[Task]) -> None:
        """Make sure that math_verify works, and that the references are text or numbers.

        Raises:
            UserError: they are not.
        """
        if find_spec("math_verify") is None:
            raise UserError(
                "The scorer 'math' needs math-verify.", hint="pip install 'agentsys[math]'"
            )
        try:
            worker().ask({"kind": "math", "given": "1", "wanted": "1"}, seconds=START_S)
        except InvalidOutput as error:
            raise UserError(f"The scorer 'math' does not work: {error.message}") from error
        for task in tasks:
            if _written(task.reference) is None:
                raise UserError(f"The reference of task {task.id!r} is no mathematical text.")

    async def score(self, output: Any, task: Task, system: "System") -> Score:
        """Whether both are equal."""
        given, wanted = _written(part(output, self.field)), _written(task.reference)
        if given is None or len(given) > _LONGEST:
            return Score(False)
        question = {"kind": "math", "given": given, "wanted": wanted}
        return Score(await in_thread(partial(worker().ask, question)))


def equal(given: str, wanted: str) -> bool:
    """Whether two texts are mathematically equal; of text around a formula, the formula counts."""
    import math_verify

    library: Any = math_verify
    with guarded(formula):  # it is built on SymPy, which evaluates text that it is given
        gold, answer = (library.parse(_marked(t), parsing_timeout=None) for t in (wanted, given))
        return bool(gold) and bool(library.verify(gold, answer, timeout_seconds=None))


def _marked(text: str) -> str:
    """As LaTeX, where it is a formula without a mark that says so."""
    return text if _MARKED.search(text) or _WORDS.search(text) else f"${text}$"


def _written(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float):  # 1e-07 would be 1·e - 7
        return f"{Decimal(repr(value)):f}" if isfinite(value) else None
    text = str(value).strip()
    return text or None
