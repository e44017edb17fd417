"""What a word problem is: its text, its solution step by step, its split into sub-questions."""

from dataclasses import dataclass
from typing import Literal

Op = Literal["+", "-", "*", "/"]


@dataclass(frozen=True)
class Step:
    """One operation, with its numbers worked out."""

    op: Op
    left: int
    right: int
    result: int

    def __str__(self) -> str:
        return f"{self.left}{self.op}{self.right}={self.result}"


@dataclass(frozen=True)
class SubQuestion:
    """One question on the way to the answer; `#2` in it is the answer to the second one."""

    text: str
    expression: str
    """With the earlier answers written out: `48-7`."""
    value: int


@dataclass(frozen=True)
class Problem:
    """A word problem of the controlled English."""

    id: str
    text: str
    steps: tuple[Step, ...]
    expression: str
    """The whole solution in the order of the text, without spaces: `(20+5)/5`."""
    value: int
    sub_questions: tuple[SubQuestion, ...]
    frames: tuple[str, ...]
    """The ids of its frames, in order."""


class Solution:
    """Grows the solution of a problem as its sentences are written."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        """What is counted, in the plural: `pens`, later perhaps `dollars`."""
        self.value = 0
        self.expression = ""
        self.steps: list[Step] = []
        self.sub_questions: list[SubQuestion] = []
        self._loose = False
        """Whether the expression needs parentheses before `*` or `/`."""
        self._answer = ""
        """How a sub-question names the running quantity: its number, or `#k`."""

    def start(self, value: int) -> None:
        """Begin with a number of the text."""
        self.value, self.expression, self._answer = value, str(value), str(value)

    def product(self, left: int, right: int, question: str = "") -> None:
        """Begin with `left` groups of `right`."""
        self.value = left * right
        self.expression = f"{left}*{right}"
        self._answer = self._groups(left, right, question)

    def apply(self, op: Op, number: int, question: str = "") -> None:
        """One operation on the running quantity with a number of the text."""
        if op in "*/" and self._loose:
            self.expression = f"({self.expression})"
        self.expression += f"{op}{number}"
        self._loose = op in "+-"
        self._operate(op, number, str(number), question)

    def apply_product(self, op: Op, left: int, right: int) -> None:
        """Add or take `left` groups of `right`: two operations."""
        self.expression += f"{op}{left}*{right}"
        self._loose = True
        groups = self._groups(left, right)
        self._operate(op, left * right, groups, "")

    def _groups(self, left: int, right: int, question: str = "") -> str:
        text = question or f"How many {self.unit} are {left} groups of {right}?"
        return self._ask(text, Step("*", left, right, left * right))

    def _operate(self, op: Op, number: int, named: str, question: str) -> None:
        unit, running = self.unit, self._answer
        texts: dict[Op, str] = {
            "+": f"How many {unit} are there when {named} are added to {running}?",
            "-": f"How many {unit} are left when {named} are taken from {running}?",
            "*": f"How many {unit} are {named} times {running}?",
            "/": f"How many {unit} are in each of {named} equal parts of {running}?",
        }
        results = {"+": self.value + number, "-": self.value - number, "*": self.value * number}
        result = results[op] if op in results else self.value // number
        step = Step(op, self.value, number, result)
        self._answer = self._ask(question.replace("#", running) or texts[op], step)
        self.value = result

    def _ask(self, text: str, step: Step) -> str:
        self.steps.append(step)
        expression = f"{step.left}{step.op}{step.right}"
        self.sub_questions.append(SubQuestion(text, expression, step.result))
        return f"#{len(self.steps)}"
