"""The same JSON value."""

from dataclasses import dataclass
from typing import Any

from agentsys.evaluation.scorers.base import Comparison, part


@dataclass(frozen=True)
class Exact(Comparison):
    """Right is what equals the reference."""

    @property
    def name(self) -> str:
        """`exact`."""
        return "exact"

    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether both are the same JSON value; true is not 1."""
        given = part(output, self.field)
        return isinstance(given, bool) == isinstance(reference, bool) and given == reference
