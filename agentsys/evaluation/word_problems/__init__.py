"""Word problems in a controlled English, made by rule, and a hundred written by hand.

`LANGUAGE.md` beside this file describes the language and what is held out of training.
"""

from .free import FreeProblem, free_problems
from .generator import problem, problems
from .solution import Op, Problem, Step, SubQuestion
from .words import Split

__all__ = [
    "FreeProblem",
    "Op",
    "Problem",
    "Split",
    "Step",
    "SubQuestion",
    "free_problems",
    "problem",
    "problems",
]
