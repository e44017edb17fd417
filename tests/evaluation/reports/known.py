"""Graphs on scripted models of which is known how tasks cost and succeed.

Only generated tokens are priced, and a token is a word or a sign, so every reply has its price. Who
errs is drawn from the task, independently for each model. So the joint distribution of a task's
cost and success is known, and with it success, cost and cost per success.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product
from math import comb
from typing import Any

from agentsys import Agent, Budget, Judge, Price, Solved, SubTask, decompose, step, tool
from agentsys.errors import Unreachable
from agentsys.evaluation.scorers import Numeric
from agentsys.evaluation.suites import Suite
from agentsys.evaluation.task import Task
from agentsys.models.base import Model, Request
from agentsys.models.scripted import Scripted
from agentsys.node import Node
from tests.shapes import Answer, Question

RIGHT, WRONG, SEEN = {"value": 1}, {"value": 0}, {"value": 9}
"""What is right, what is wrong, and what is wrong so that a check sees it: seven tokens each."""
SMALL, LARGE = Price(usd_per_mtok_out=Decimal(1)), Price(usd_per_mtok_out=Decimal(20))
C_S, C_L = 7_000, 140_000
"""Nano-dollars of such a reply of the small and of the large model."""
C_J = 3_000
"""Of a verdict: a word in quotes."""
P_S, P_L = 0.7, 0.9
"""How often the small and the large model are right."""

Outcomes = Mapping[tuple[int, bool], float]
"""How often a task costs so many nano-dollars and succeeds, or does not."""


@dataclass(frozen=True)
class Known:
    """A graph with what is known of it."""

    graph: Node[Any, Any]
    outcomes: Outcomes
    models: Mapping[str, Callable[[], Model]] = field(
        default_factory=lambda: {"slm": small, "llm": large}
    )
    budget: Budget | None = None
    """Of each run."""

    @property
    def success(self) -> float:
        """The success rate."""
        return sum(share for (_, won), share in self.outcomes.items() if won)

    @property
    def nano_usd(self) -> float:
        """What a task costs, on average."""
        return sum(cost * share for (cost, _), share in self.outcomes.items())

    @property
    def cps_usd(self) -> float:
        """Cost per success."""
        return self.nano_usd / self.success / 1e9


def together(ways: Iterable[tuple[float, int, bool]]) -> Outcomes:
    """The outcomes of ways that tasks go: how often, at what cost, with what success."""
    found: defaultdict[tuple[int, bool], float] = defaultdict(float)
    for share, cost, won in ways:
        found[cost, won] += share
    return dict(found)


def tried(share: float, cost: int, right: float) -> list[tuple[float, int, bool]]:
    """The ways of tasks that cost the same and are right so often."""
    return [(share * right, cost, True), (share * (1 - right), cost, False)]


def small(**more: Any) -> Scripted:
    """Right as often as `P_S`, and less sure where it is not."""
    given: dict[str, Any] = {
        "wrong": WRONG,
        "error_rate": 1 - P_S,
        "confidence": 0.9,
        "wrong_confidence": 0.4,
        "price": SMALL,
        "name": "small",
    }
    return Scripted(RIGHT, **{**given, **more})


def large() -> Scripted:
    """Right as often as `P_L`."""
    return Scripted(RIGHT, wrong=WRONG, error_rate=1 - P_L, price=LARGE, name="large", seed=1)


def drawn(request: Request, what: str) -> float:
    """A number from 0 to 1 that goes with what was asked."""
    asked = [message.content for message in request.messages[:2]]
    return random.Random(f"{what} {request.seed} {asked}").random()


def suite(seed: int, tasks: int) -> Suite:
    """Tasks that no other seed has; 1 is right."""
    every = tuple(Task(f"t{n}", {"text": f"{seed} {n}"}, 1) for n in range(tasks))
    return Suite("known", every, Numeric(), seed=seed)


def solver(**more: Any) -> Agent[Question, Answer]:
    """Asks once and for all."""
    given: dict[str, Any] = {"name": "solve", "repairs": 0, **more}
    return Agent(Question, Answer, "Answer.", **given)


def visible(question: Question, answer: Answer) -> bool | str:
    """A check that sees some of the errors."""
    return answer.value != 9 or "nine is never right."


# One model.

ALONE = Known(solver(), together(tried(1, C_S, P_S)))
ALONE_LARGE = Known(solver(tier="llm"), together(tried(1, C_L, P_L)))

WORDS = {1: 0.5, 4: 0.3, 20: 0.15, 100: 0.05}
"""How often a reply has how many words more."""


class Explained(Answer):
    """An answer with some words."""

    why: str


def talkative(request: Request) -> Any:
    """Replies of which a few are long."""
    [words] = random.Random(f"{request.seed}").choices([*WORDS], [*WORDS.values()])
    return {**(RIGHT if drawn(request, "right") < P_S else WRONG), "why": " ".join("a" * words)}


SKEWED = Known(
    Agent(Question, Explained, "Answer.", name="explain", repairs=0),
    together(
        way
        for words, share in WORDS.items()
        for way in tried(share, C_S + 1_000 * (7 + words), P_S)  # seven for the field itself
    ),
    {"slm": lambda: Scripted(talkative, price=SMALL, name="small")},
)


# The large model where the small one will not do.


def errs_visibly(request: Request) -> Any:
    """What the small model says where it errs: two of three such errors show."""
    return SEEN if drawn(request, "shows") < 2 / 3 else WRONG


SHOWS = (1 - P_S) * 2 / 3
BY_CHECK = Known(
    solver().check(visible).escalate("llm"),
    together([*tried(1 - SHOWS, C_S, P_S / (1 - SHOWS)), *tried(SHOWS, C_S + C_L, P_L)]),
    {"slm": lambda: small(wrong=errs_visibly), "llm": large},
)
BY_CONFIDENCE = Known(
    solver(min_confidence=0.6).escalate("llm"),
    together([*tried(P_S, C_S, 1), *tried(1 - P_S, C_S + C_L, P_L)]),
)

SENSITIVE, SPECIFIC = 0.9, 0.8
"""How often the judge accepts what is right, and refuses what is not."""


def judges(request: Request) -> str:
    """A judge that errs; of one answer to one task it always says the same."""
    right = '"answer":{"value":1}' in request.messages[-1].content
    accepts = SENSITIVE if right else 1 - SPECIFIC
    return '"correct"' if drawn(request, "verdict") < accepts else '"incorrect"'


def judged() -> Iterable[tuple[float, int, bool]]:
    """What a judge refuses is done and judged once more, with the same result."""
    for small_right, large_right, accepts_right, accepts_wrong in product((True, False), repeat=4):
        share = (P_S if small_right else 1 - P_S) * (P_L if large_right else 1 - P_L)
        share *= SENSITIVE if accepts_right else 1 - SENSITIVE
        share *= 1 - SPECIFIC if accepts_wrong else SPECIFIC
        cost = 0
        for right, price in ((small_right, C_S), (large_right, C_L)):
            accepted = accepts_right if right else accepts_wrong
            cost += (price + C_J) * (1 if accepted else 2)
            if accepted:
                yield share, cost, right
                break
        else:
            yield share, cost, False


BY_JUDGE = Known(
    solver().check(Judge(Question, Answer, "One is right.", tier="judge")).escalate("llm"),
    together(judged()),
    {"slm": small, "llm": large, "judge": lambda: Scripted(judges, price=SMALL, name="judge")},
)


# Several requests to one model.

VOTES = 5
MAJORITY = sum(comb(VOTES, k) * P_S**k * (1 - P_S) ** (VOTES - k) for k in (3, 4, 5))
VOTED = Known(solver().vote(VOTES), together(tried(1, VOTES * C_S, MAJORITY)))

MENDED = 0.6


def mends(request: Request) -> Any:
    """Wrong at first as often as the small model; told so, it mends most of that."""
    if drawn(request, "right") < P_S:
        return RIGHT
    return RIGHT if len(request.messages) > 2 and drawn(request, "mends") < MENDED else SEEN


REPAIRED = Known(
    solver(repairs=1).check(visible),
    together([*tried(P_S, C_S, 1), *tried(1 - P_S, 2 * C_S, MENDED)]),
    {"slm": lambda: Scripted(mends, price=SMALL, name="small")},
)

FOUND = 0.8
C_USE, C_FINAL = 23_000, 13_000


@tool
def look_up(word: str) -> int:
    """Look it up; some words are not there."""
    if word == "x":
        raise ValueError("it is not there.")
    return 1


def uses_tool(request: Request) -> Any:
    """Looks it up, and does not answer where it is not there."""
    if len(request.messages) <= 2:
        word = "a" if drawn(request, "word") < FOUND else "x"
        return {"tool": "look_up", "args": {"word": word}}
    there = "not there" not in request.messages[-1].content
    return {"final": RIGHT if there and drawn(request, "right") < P_S else WRONG}


WITH_TOOL = Known(
    solver(tools=[look_up]),
    together(tried(1, C_USE + C_FINAL, FOUND * P_S)),
    {"slm": lambda: Scripted(uses_tool, price=SMALL, name="small")},
)


# Problems in parts: one, two or three of them, alike often.

Part = SubTask[Question, str, Answer]
Whole = Solved[Question, str, Answer]


@step
async def listed(parts: Answer) -> tuple[str, ...]:
    return tuple(f"part {n}" for n in range(parts.value))


@step
async def posed(part: Part) -> Question:
    return Question(text=f"{part.problem.text} {part.question}")


@step
async def joined(solved: Whole) -> Answer:
    return Answer(value=int(all(known.answer.value == 1 for known in solved.answers)))


def splits(request: Request) -> Any:
    """Into one to three parts."""
    return {"value": 1 + int(3 * drawn(request, "parts"))}


SPLIT = Agent(Question, Answer, "Split.", name="split", tier="splitter", repairs=0)
DECOMPOSED = Known(
    decompose(SPLIT >> listed, posed >> solver(), joined, depends_on=lambda _: ()),
    together(way for n in (1, 2, 3) for way in tried(1 / 3, C_S + n * C_S, P_S**n)),
    {"slm": small, "splitter": lambda: Scripted(splits, price=SMALL, name="splitter")},
)


# Requests that fail, and budgets that end.

DOWN, C_LOST = 0.25, 2_000
"""How often the small model is not reached, and what that has cost."""


def unreliable(request: Request) -> Any:
    """Not reached at times, which costs what was generated by then."""
    if drawn(request, "down") < DOWN:
        return Unreachable("down", deployment="small", tokens_out=2, nano_usd=C_LOST)
    return RIGHT if drawn(request, "right") < P_S else WRONG


FAILING = Known(
    solver().escalate("llm"),
    together([*tried(1 - DOWN, C_S, P_S), *tried(DOWN, C_LOST + C_L, P_L)]),
    {"slm": lambda: Scripted(unreliable, price=SMALL, name="small"), "llm": large},
)
CUT = Known(BY_CONFIDENCE.graph, ALONE.outcomes, budget=Budget(calls=1))

EVERY = {
    "small model": ALONE,
    "large model": ALONE_LARGE,
    "replies of many lengths": SKEWED,
    "fallback by check": BY_CHECK,
    "fallback by confidence": BY_CONFIDENCE,
    "fallback by judge": BY_JUDGE,
    "vote of five": VOTED,
    "repairs": REPAIRED,
    "tool": WITH_TOOL,
    "parts": DECOMPOSED,
    "failing requests": FAILING,
    "cut by a budget": CUT,
}
