"""What decides whether an output is right, given its task: one scorer a file."""

from agentsys.evaluation.scorers.base import PICK, Comparison, Score, Scorer, scored
from agentsys.evaluation.scorers.exact import Exact
from agentsys.evaluation.scorers.naming import scorer_named
from agentsys.evaluation.scorers.numeric import Numeric
from agentsys.evaluation.scorers.text import Text, YesNo

__all__ = [
    "PICK",
    "Comparison",
    "Exact",
    "Numeric",
    "Score",
    "Scorer",
    "Text",
    "YesNo",
    "scored",
    "scorer_named",
]
