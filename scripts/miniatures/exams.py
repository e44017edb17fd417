"""What each role is asked on the held-out split, and when its answer is right."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from agentsys.evaluation.facts import corpus
from agentsys.evaluation.word_problems import Problem, Split, problems

from .arithmetic import value_of
from .corruption import corrupt

SEED = 500
"""Of the held-out problems in the model cards."""


@dataclass(frozen=True)
class Question:
    """One question of an exam; the output comes as JSON data."""

    input: dict[str, Any]
    steps: int
    """Operations of the problem; 0 where that means nothing."""
    right: Callable[[Any], bool]


Exam = Callable[[Split, int, int], list[Question]]


def _same(expected: int) -> Callable[[Any], bool]:
    return lambda output: output["value"] == expected


def _evaluates(expected: int) -> Callable[[Any], bool]:
    return lambda output: value_of(output["expression"]) == expected


def expressions(split: Split, n: int, seed: int = SEED) -> list[Question]:
    """Problems for the solver: its expression must come to the value."""
    drawn = problems(split, n, seed)
    return [Question({"text": p.text}, len(p.steps), _evaluates(p.value)) for p in drawn]


def numbers(split: Split, n: int, seed: int = SEED) -> list[Question]:
    """Problems for whoever gives a number."""
    return [
        Question({"text": p.text}, len(p.steps), _same(p.value)) for p in problems(split, n, seed)
    ]


def verdicts(split: Split, n: int, seed: int = SEED) -> list[Question]:
    """Expressions to judge, as many right as wrong: the verdict must be."""
    return [_judged(p, index, whole=False) for index, p in enumerate(problems(split, n, seed))]


def rulings(split: Split, n: int, seed: int = SEED) -> list[Question]:
    """The same, but the failing step must be right, too."""
    return [_judged(p, index, whole=True) for index, p in enumerate(problems(split, n, seed))]


def _judged(p: Problem, index: int, *, whole: bool) -> Question:
    answer, failing = p.expression, None
    if index % 2:
        answer, failing = corrupt(Random(f"exam {p.id}"), p.expression)
    verdict = "correct" if failing is None else "incorrect"

    def right(output: Any) -> bool:
        same = output["verdict"] == verdict
        return same and (not whole or output["failing_step"] == failing)

    return Question({"question": p.text, "answer": answer}, len(p.steps), right)


def splits(split: Split, n: int, seed: int = SEED) -> list[Question]:
    """Problems to split: every sub-question must be as the language has it."""

    def right(p: Problem) -> Callable[[Any], bool]:
        return lambda output: list(output["questions"]) == [q.text for q in p.sub_questions]

    return [Question({"text": p.text}, len(p.steps), right(p)) for p in problems(split, n, seed)]


def sub_questions(split: Split, n: int, seed: int = SEED) -> list[Question]:
    """One sub-question of each problem, with the answers to those before it."""
    questions: list[Question] = []
    for index, p in enumerate(problems(split, n, seed)):
        at = index % len(p.sub_questions)
        known = [q.value for q in p.sub_questions[:at]]
        asked = p.sub_questions[at]
        task = {"known": known, "question": asked.text}
        questions.append(Question(task, at + 1, _evaluates(asked.value)))
    return questions


def searches(split: Split, n: int, seed: int = SEED) -> list[Question]:
    """Facts of the corpus that the search tool looks in; none of them is in training."""

    def right(answer: str) -> Callable[[Any], bool]:
        return lambda output: output["answer"] == answer

    return [Question({"text": f.question}, 0, right(f.answer)) for f in corpus()[:n]]


EXAMS: dict[str, tuple[str, Exam]] = {
    "expression": ("solver", expressions),
    "code tool": ("coder", numbers),
    "worked steps": ("reasoner", numbers),
    "number at once": ("guesser", numbers),
    "verdict": ("judge", verdicts),
    "verdict and step": ("judge", rulings),
    "split": ("splitter", splits),
    "one sub-question": ("stepper", sub_questions),
    "search": ("searcher", searches),
}
"""What is measured: the agent asked, and the questions."""
