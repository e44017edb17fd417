"""What decides whether an output is right, given its task: one scorer a file."""

from agentsys.evaluation.scorers.base import PICK, Comparison, Score, Scorer, scored
from agentsys.evaluation.scorers.choice import Choice
from agentsys.evaluation.scorers.exact import Exact
from agentsys.evaluation.scorers.executable import Executable
from agentsys.evaluation.scorers.judged import Judged
from agentsys.evaluation.scorers.mathematics import Mathematical
from agentsys.evaluation.scorers.naming import SCORERS, scorer_named
from agentsys.evaluation.scorers.numeric import Numeric
from agentsys.evaluation.scorers.overlap import F1, SetOf
from agentsys.evaluation.scorers.structure import Json
from agentsys.evaluation.scorers.text import Text, YesNo

__all__ = [
    "F1",
    "PICK",
    "SCORERS",
    "Choice",
    "Comparison",
    "Exact",
    "Executable",
    "Json",
    "Judged",
    "Mathematical",
    "Numeric",
    "Score",
    "Scorer",
    "SetOf",
    "Text",
    "YesNo",
    "scored",
    "scorer_named",
]
