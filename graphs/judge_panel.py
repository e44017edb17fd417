"""Judges an expression by checks, by two cheap judges, and by the large one where they differ.

The checks hold it against the numbers of the question. One judge says how likely it is; the other
solves the problem anew and compares the values. All models here are of one family, so their
agreement says less than that of models which were trained apart, and the log says so.
"""

from agentsys import Agent
from agentsys import judge_panel as panel
from agentsys.errors import ToolFailed
from agentsys.patterns.judging import as_judge, judge_by_solving
from agentsys.tools.arithmetic import evaluate

from ..agents.solver import Question, Solution, answered, arithmetic, own_numbers
from .judge_llm import judge_llm
from .judge_slm import judge_slm

CHECKS = (answered, arithmetic, own_numbers)


def same_value(mine: Solution, given: Solution) -> bool:
    """Both expressions come to the same."""
    try:
        return evaluate(mine.expression) == evaluate(given.expression)
    except ToolFailed:
        return False


# Without the solver's threshold: what it is not sure of is compared with what is given, too.
solve_anew = Agent(
    Question,
    Solution,
    "Answer with one arithmetic expression.",
    repairs=0,
    max_tokens=160,
    name="solve-anew",
).check(*CHECKS)

judge_panel = panel(
    as_judge(judge_slm, name="judge_slm"),
    judge_by_solving(solve_anew, same_value),
    as_judge(judge_llm, name="judge_llm"),
    checks=CHECKS,
    name="judge_panel",
)
