"""Writing problems: frames are chosen, numbers are drawn, sentences are joined."""

from random import Random

from .frames import Frame
from .plan import choose_frames
from .quantities import LIMIT, NoNumberError, Numbers
from .solution import Op, Problem, Solution
from .words import Person, Split, containers, person, thing

_OPENERS = ("Then ", "Next, ", "Later ", "After that, ", "The next day ", "On Monday ")
_OPERATIONS: dict[str, Op] = {"plus": "+", "minus": "-", "times": "*", "share": "/"}
_SIGNS: dict[str, Op] = {"plus_product": "+", "minus_product": "-", "sum": "+", "difference": "-"}


def problems(split: Split, n: int, seed: int, steps: int | None = None) -> list[Problem]:
    """`n` problems of a split; the same seed gives the same. `steps`: the number of operations."""
    return [problem(split, seed, index, steps) for index in range(n)]


def problem(split: Split, seed: int, index: int, steps: int | None = None) -> Problem:
    """The problem number `index` of a seed."""
    random = Random(f"{split} {seed} {index}")
    wanted = steps if steps is not None else random.randint(1, 5)
    while True:
        frames = choose_frames(random, split, wanted)
        try:
            text, solution = _Writer(random, split).write(frames)
        except NoNumberError:
            continue
        return Problem(
            id=f"{split}-{seed}-{index}",
            text=text,
            steps=tuple(solution.steps),
            expression=solution.expression,
            value=solution.value,
            sub_questions=tuple(solution.sub_questions),
            frames=tuple(frame.id for frame in frames),
        )


class _Writer:
    """Writes one problem sentence by sentence and keeps its solution in step."""

    def __init__(self, random: Random, split: Split) -> None:
        self._random = random
        self._split: Split = split
        self._numbers = Numbers(random, split)
        self._person = person(random, split)
        self._thing = thing(random, split)
        self._solution = Solution(self._thing.plural)
        self._sentences: list[str] = []
        self._joined = 0
        """How many clauses the last sentence has; 0 when nothing can be joined to it."""
        self._last_by_pronoun = False

    def write(self, frames: tuple[Frame, ...]) -> tuple[str, Solution]:
        for position, frame in enumerate(frames):
            words = self._words()
            words["a"], words["b"] = self._calculate(frame, words)
            if frame.form == "sentence":
                self._sentence(frame, words)
            elif position == 0:
                self._clause(frame, words, self._person.name, by_pronoun=False)
            else:
                self._follow(frame, words)
        return " ".join(self._sentences), self._solution

    def _words(self) -> dict[str, str]:
        who, box = self._person, self._random.choice(containers())
        other: Person = person(self._random, self._split)
        while other.name == who.name:
            other = person(self._random, self._split)
        return {
            "N": who.name,
            "M": other.name,
            "p": who.she,
            "O": who.her,
            "H": who.hers.capitalize(),
            "do": "do" if who.plural else "does",
            "t": self._thing.plural,
            "t1": self._thing.singular,
            "x": box.singular,
            "xs": box.plural,
        }

    def _sentence(self, frame: Frame, words: dict[str, str]) -> None:
        pronoun = "{S}" not in frame.text or self._random.random() < 0.7
        words["S"] = self._person.she.capitalize() if pronoun else self._person.name
        self._sentences.append(frame.fill(words, plural=self._person.plural and pronoun))
        self._joined = 0

    def _follow(self, frame: Frame, words: dict[str, str]) -> None:
        """A clause after the first sentence: joined to the one before it, or on its own."""
        roll = self._random.random()
        if 0 < self._joined < 3 and roll < 0.45:
            plural = self._person.plural and self._last_by_pronoun
            joint = " but " if frame.kind.startswith("minus") and roll < 0.08 else " and "
            joint = " and then " if roll > 0.32 else joint
            clause = frame.fill(words, plural=plural)
            self._sentences[-1] = f"{self._sentences[-1][:-1]}{joint}{clause}."
            self._joined += 1
            return
        by_pronoun = self._random.random() < 0.7
        opener = self._random.choice(_OPENERS) if self._random.random() < 0.5 else ""
        subject = self._person.she if by_pronoun else self._person.name
        subject = opener + subject if opener else subject[0].upper() + subject[1:]
        self._clause(frame, words, subject, by_pronoun=by_pronoun)

    def _clause(
        self, frame: Frame, words: dict[str, str], subject: str, *, by_pronoun: bool
    ) -> None:
        clause = frame.fill(words, plural=self._person.plural and by_pronoun)
        self._sentences.append(f"{subject} {clause}.")
        self._joined, self._last_by_pronoun = 1, by_pronoun

    def _calculate(self, frame: Frame, words: dict[str, str]) -> tuple[str, str]:
        """Draw the frame's numbers, apply its operation, and return the numbers in text order."""
        topic, _, kind = frame.kind.rpartition(".")
        solution = self._solution
        if topic == "start":
            return self._start(frame, kind, words)
        if kind in ("now", "left", "question"):
            return "", ""
        if kind in ("plus_product", "minus_product"):
            room = LIMIT - solution.value if kind == "plus_product" else solution.value
            left, right = self._numbers.pair(room)
            solution.apply_product(_SIGNS[kind], left, right)
            return str(left), str(right)
        op, number, question = self._operand(kind)
        solution.apply(op, number, question.format_map(words | {"a": str(number)}))
        return str(number), ""

    def _operand(self, kind: str) -> tuple[Op, int, str]:
        """The operation, number and special sub-question of a frame with one number."""
        value, numbers = self._solution.value, self._numbers
        if kind == "price":
            cost = "How many dollars do # {t} cost at {a} dollars each?"
            return "*", self._multiplier(), cost
        if kind == "weight":
            return "*", self._multiplier(), "How many grams do # {t} weigh at {a} grams each?"
        op = _OPERATIONS[kind]
        if op == "*":
            return op, self._multiplier(), ""
        if op == "/":
            return op, numbers.divisor(value), ""
        return op, numbers.upto(LIMIT - value if op == "+" else value), ""

    def _multiplier(self) -> int:
        return self._numbers.factor(LIMIT // max(self._solution.value, 1))

    def _start(self, frame: Frame, kind: str, words: dict[str, str]) -> tuple[str, str]:
        numbers, solution = self._numbers, self._solution
        if kind in ("product", "pay"):
            left, right = numbers.pair(LIMIT)
            question = ""
            if kind == "pay":
                solution.unit = "dollars"
                count, price = (right, left) if frame.text.startswith("A ") else (left, right)
                question = f"How many dollars do {count} {words['t']} cost at {price} dollars each?"
            solution.product(left, right, question)
            return str(left), str(right)
        if kind == "share":
            right = numbers.factor(99)
            left = right * self._random.randint(2, 10 ** self._random.randint(1, 3))
            if left > LIMIT or not numbers.allowed(left):
                raise NoNumberError
            solution.start(left)
            solution.apply("/", right)
            return str(left), str(right)
        solution.start(numbers.upto(LIMIT))
        first = solution.value
        if kind == "plain":
            return str(first), ""
        op = _SIGNS[kind]
        right = numbers.upto(LIMIT - first if op == "+" else first)
        solution.apply(op, right)
        return str(first), str(right)
