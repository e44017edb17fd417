"""Solves a word problem; what the solver cannot, or doubts, by way of sub-questions.

The small model splits the problem and answers the sub-questions with expressions, for code to
evaluate; the last answer is the problem's. `#1` in a sub-question stands for the answer to the
first. Where this fails, too, the large model does the same from the beginning. What a solver does
not understand at all is not decomposed: splitters never say that they do not understand.
"""

import re
from collections import Counter

from agentsys import Attempted, Solved, SubTask, decompose, step

from ..agents.coder import Number
from ..agents.solver import (
    NO_EXPRESSION,
    Question,
    Solution,
    answered,
    arithmetic,
    own_numbers,
    solver,
)
from ..agents.splitter import SubQuestions, splitter
from ..agents.stepper import SubQuestion, stepper
from .slm_only import Answer, calculate

Part = SubTask[Question, str, Number]
"""A sub-question with the answers that it needs."""

_EARLIER = re.compile(r"#(\d+)")


def each_number_once(question: Question, split: SubQuestions) -> bool | str:
    """The sub-questions have the numbers of the problem, each as often as it stands there."""
    given = Counter(re.findall(r"\d+", question.text))
    used = Counter(re.findall(r"\d+", _EARLIER.sub("", " ".join(split.questions))))
    odd = min((used - given) or (given - used), default=None)
    return odd is None or f"the number {odd} is not there as often as in the problem."


def each_asks(question: Question, split: SubQuestions) -> bool | str:
    """No sub-question is empty."""
    return all(text.strip() for text in split.questions) or "a sub-question is empty."


def none_in_vain(question: Question, split: SubQuestions) -> bool | str:
    """Every answer but the last is needed by another sub-question."""
    asked = {place for text in split.questions for place in needed(text)}
    vain = next((n for n in range(len(split.questions) - 1) if n not in asked), None)
    return vain is None or f"nothing needs the answer #{vain + 1}."


def sound(part: SubQuestion, solution: Solution) -> bool | str:
    """The expression has a value that counts something, and the sub-question's own numbers."""
    question = Question(text=part.question)
    for check in (answered, arithmetic, own_numbers):
        reason = check(question, solution)
        if reason is not True:
            return reason
    return True


def understood(tried: Attempted[Question, Number]) -> bool:
    """The solver did not say that it does not understand the problem."""
    return tried.objection != NO_EXPRESSION


def needed(question: str) -> list[int]:
    """The sub-questions whose answers this one needs."""
    return [int(number) - 1 for number in _EARLIER.findall(question)]


def spelled_out(part: Part) -> str:
    """The sub-question with earlier answers in their places: it says all that there is to know."""
    answers = {known.number + 1: known.answer.value for known in part.known}
    return _EARLIER.sub(lambda found: f"{answers[int(found[1])]}", part.question)


@step
async def listed(split: SubQuestions) -> tuple[str, ...]:
    """The sub-questions alone."""
    return split.questions


@step
async def posed(part: Part) -> SubQuestion:
    """The sub-question as the stepper takes it."""
    return SubQuestion(known=(), question=spelled_out(part))


@step
async def number(answer: Answer) -> Number:
    """The number alone."""
    return Number(value=answer.value)


@step
async def last(solved: Solved[Question, str, Number]) -> Number:
    """The answer to the last sub-question."""
    return solved.answers[-1].answer


split = splitter.check(each_asks, each_number_once, none_in_vain) >> listed
solve = posed >> stepper.check(sound) >> calculate >> number

decompose_solve = decompose(
    split,
    solve,
    last,
    attempt=solver >> calculate >> number,
    worth=understood,
    depends_on=needed,
    key=spelled_out,
).escalate("llm")
