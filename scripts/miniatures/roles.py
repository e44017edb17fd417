"""What the models are trained to do: conversations, rendered as the agents render them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from agentsys.checks import UNCERTAIN
from agentsys.evaluation.facts import KINDS, Fact, fact
from agentsys.evaluation.word_problems import Problem, Split, problem
from agentsys.messages import Message
from agentsys.prompt import Objection, Observation, Reply, Turn

from .agents import render_for
from .corruption import corrupt
from .negatives import negative

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Conversation:
    """One training example: a whole conversation and which of its replies are learnt."""

    role: str
    messages: tuple[Message, ...]
    learnt: frozenset[int]
    """Positions of the assistant's messages that count in the loss."""


def compact(value: Any) -> str:
    """JSON without spaces, as the agents expect it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def conversation(role: str, value: Any, *turns: Turn, all_replies: bool = False) -> Conversation:
    """Render a conversation; the last reply is learnt, or every one."""
    messages = render_for(role, value, turns)
    replies = [at for at, message in enumerate(messages) if message.role == "assistant"]
    return Conversation(role, messages, frozenset(replies if all_replies else replies[-1:]))


def _expression(expression: str) -> Reply:
    return Reply(compact({"expression": expression}))


def solver(random: Random, p: Problem) -> Conversation:
    """A problem and its expression."""
    return conversation("solver", {"text": p.text}, _expression(p.expression))


def outside(random: Random, p: Problem) -> Conversation:
    """A text outside the language: the solver says so."""
    return conversation("solver", {"text": negative(random)}, _expression(UNKNOWN))


def _reason(random: Random, text: str, reply: str, right: str) -> str:
    """Why the graph's checks could have refused a reply, in their words."""
    if UNKNOWN in reply:
        return "the model gave no expression."
    if right in reply:
        return UNCERTAIN
    numbers = [word.strip(".?,") for word in text.split() if word.strip(".?,").isdigit()]
    missing = random.choice(numbers) if numbers else "2"
    wrong = str(random.randint(2, 9999))
    return random.choice(
        (
            "the expression is not arithmetic.",
            f"the expression uses a number that is not in the question: {wrong}.",
            f"the expression leaves out a number of the question: {missing}.",
            UNCERTAIN,
            UNCERTAIN,
            "the value is negative.",
            "the value is not a whole number.",
        )
    )


def repair(random: Random, p: Problem) -> Conversation:
    """One to three replies that did not pass, each with the reason, then the right one."""
    text, right = p.text, p.expression
    if random.random() < 0.35:
        text, right = negative(random), UNKNOWN
    turns: list[Turn] = []
    for _ in range(random.choice((1, 1, 1, 1, 1, 2, 3))):
        wrong = corrupt(random, p.expression)[0]
        before = turns[-2].text if turns and isinstance(turns[-2], Reply) else ""
        first = random.choices((UNKNOWN, p.expression, wrong), (5, 2, 3))[0]
        reply = Reply(before) if before and random.random() < 0.5 else _expression(first)
        turns += [reply, Objection(_reason(random, text, reply.text, right))]
    return conversation("solver", {"text": text}, *turns, _expression(right))


def coder(random: Random, p: Problem) -> Conversation:
    """The expression goes to the interpreter, its result is the answer."""
    call = Reply(compact({"tool": "python", "args": {"code": p.expression}}))
    result = Observation("python", str(p.value))
    final = Reply(compact({"final": {"value": p.value}}))
    return conversation("coder", {"text": p.text}, call, result, final, all_replies=True)


def reasoner(random: Random, p: Problem) -> Conversation:
    """Every step worked out, then the number."""
    reply = compact({"steps": [str(step) for step in p.steps], "value": p.value})
    return conversation("reasoner", {"text": p.text}, Reply(reply))


def guesser(random: Random, p: Problem) -> Conversation:
    """The number at once."""
    return conversation("guesser", {"text": p.text}, Reply(compact({"value": p.value})))


def judge(random: Random, p: Problem) -> Conversation:
    """A right or a wrong expression and what is to be said of it."""
    answer, failing = p.expression, None
    if random.random() < 0.55:
        answer, failing = corrupt(random, p.expression)
    ruling = {"verdict": "correct" if failing is None else "incorrect", "failing_step": failing}
    return conversation("judge", {"question": p.text, "answer": answer}, Reply(compact(ruling)))


def splitter(random: Random, p: Problem) -> Conversation:
    """The sub-questions of a problem."""
    reply = compact({"questions": [q.text for q in p.sub_questions]})
    return conversation("splitter", {"text": p.text}, Reply(reply))


def stepper(random: Random, p: Problem) -> Conversation:
    """One sub-question with the answers so far."""
    at = random.randrange(len(p.sub_questions))
    known = [q.value for q in p.sub_questions[:at]]
    asked = {"known": known, "question": p.sub_questions[at].text}
    return conversation("stepper", asked, _expression(p.sub_questions[at].expression))


def search_turns(random: Random, asked: Fact, distractors: list[Fact]) -> tuple[Turn, ...]:
    """A search, what it finds and the answer."""
    found = [asked.text, *(d.text for d in distractors if d.question != asked.question)][:3]
    random.shuffle(found)
    return (
        Reply(compact({"tool": "search", "args": {"query": asked.query}})),
        Observation("search", compact(found)),
        Reply(compact({"final": {"answer": asked.answer}})),
    )


def searcher(random: Random, p: Problem) -> Conversation:
    """A fact, looked up among passages of which one states it."""
    kind = random.randrange(KINDS)
    asked = fact(random, held_out=False, kind=kind)
    subject = asked.title.removeprefix("Prices in ")
    near = [
        fact(random, held_out=False, subject=subject)
        if random.random() < 0.4
        else fact(random, held_out=False, kind=random.choice((kind, kind, None)))
        for _ in range(random.choice((1, 2, 2, 2, 2)))
    ]
    turns = search_turns(random, asked, near)
    return conversation("searcher", {"text": asked.question}, *turns, all_replies=True)


Maker = Callable[[Random, Problem], Conversation]

MAKERS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        solver,
        outside,
        repair,
        judge,
        splitter,
        reasoner,
        coder,
        stepper,
        searcher,
        guesser,
    )
}
"""Every kind of training example by name."""

Mixture = Mapping[str, int]
"""How often each kind is drawn."""

EVEN: Mixture = {
    "solver": 22,
    "outside": 15,
    "repair": 7,
    "judge": 19,
    "splitter": 12,
    "reasoner": 8,
    "coder": 5,
    "stepper": 4,
    "searcher": 7,
    "guesser": 1,
}


def example(seed: int, index: int, split: Split = "train", mixture: Mixture = EVEN) -> Conversation:
    """Example number `index` of a seed, with a problem of the split."""
    random = Random(f"example {split} {seed} {index}")
    kind = random.choices(list(mixture), list(mixture.values()))[0]
    return MAKERS[kind](random, problem(split, seed, index))
