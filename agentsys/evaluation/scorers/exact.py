"""The same JSON value."""

from dataclasses import dataclass
from typing import Any

from agentsys.evaluation.scorers.base import Comparison, part
from agentsys.evaluation.scorers.structure import same


@dataclass(frozen=True)
class Exact(Comparison):
    """Right is what equals the reference."""

    @property
    def name(self) -> str:
        """`exact`."""
        return "exact"

    def __call__(self, output: Any, reference: Any) -> bool:
        """Whether both are the same JSON value; true is not 1, at any depth."""
        return same(part(output, self.field), reference)
