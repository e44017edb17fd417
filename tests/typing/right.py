"""Correct wiring: the checker has nothing to say about this file. Nobody runs it."""

from collections.abc import Sequence
from typing import Literal, assert_type

from pydantic import BaseModel

from agentsys import (
    Agent,
    Attempted,
    Candidate,
    Choice,
    Judge,
    Node,
    Run,
    Solved,
    SubTask,
    System,
    Verdict,
    agree,
    both,
    cascade,
    choose,
    decompose,
    from_langgraph,
    judge_panel,
    step,
    tool,
)
from agentsys.events import Event
from agentsys.patterns.judging import (
    Discussion,
    Pair,
    PanelVerdict,
    Preference,
    Revision,
    Scores,
    as_judge,
    judge_by_solving,
    maj,
    pairwise,
    poll,
    rubric,
)


class Question(BaseModel):
    text: str


class Evidence(BaseModel):
    facts: list[str]


class Answer(BaseModel):
    value: str


class ShortAnswer(Answer):
    words: int


@tool
def search(query: str, k: int = 3) -> list[str]:
    """Search the corpus."""
    return [query] * k


@step
async def unpack(evidence: Evidence) -> list[Question]:
    return [Question(text=fact) for fact in evidence.facts]


@step
async def merge(answers: list[Answer]) -> Answer:
    return answers[0]


@step
async def keep_first(pair: tuple[Evidence, Answer]) -> Answer:
    return pair[1]


def grounded(evidence: Evidence, answer: Answer) -> bool | str:
    return any(answer.value in fact for fact in evidence.facts) or "the value is in none of them."


find = Agent(Question, Evidence, "Find facts.", tools=[search])
answer = Agent(Evidence, Answer, "Answer from the facts.", escalate="llm")
shorten = Agent(Evidence, ShortAnswer, "Answer in few words.")
direct = Agent(Question, Answer, "Answer.")

verdict = choose(Question, Literal["yes", "no"], "Decide.")

assert_type(verdict, Node[Question, Choice[Literal["yes", "no"]]])
assert_type(find >> answer, Node[Question, Answer])
assert_type(unpack, Node[Evidence, list[Question]])
assert_type(direct.each(limit=4), Node[Sequence[Question], list[Answer]])
assert_type(find >> unpack >> direct.each() >> merge, Node[Question, Answer])
assert_type(both(find, direct), Node[Question, tuple[Evidence, Answer]])
assert_type(both(find, direct) >> keep_first, Node[Question, Answer])
assert_type(answer.check(grounded), Node[Evidence, Answer])
assert_type(answer.check(grounded).escalate("llm").vote(3), Node[Evidence, Answer])
assert_type(direct.at("llm"), Node[Question, Answer])

# A node that gives a subclass stands where the class is wanted, and one that takes more does too.
narrow: Node[Evidence, Answer] = shorten
passages: list[str] = search("rain", k=2)
foreign = from_langgraph(direct.graph(), Question, Answer)
assert_type(foreign, Node[Question, Answer])


@step
async def parts(question: Question) -> tuple[Question, ...]:
    return (question,)


@step
async def parts_again(tried: Attempted[Question, Answer]) -> list[Question]:
    return [tried.problem] if tried.attempt is None else []


@step
async def next_part(solved: Solved[Question, Question, int]) -> Question | None:
    return None if solved.answers else solved.problem


@step
async def count(part: SubTask[Question, Question, int]) -> int:
    return sum(known.answer for known in part.known) + len(part.question.text)


@step
async def sum_up(solved: Solved[Question, Question, int]) -> Answer:
    return Answer(value=str([known.question.text * known.answer for known in solved.answers]))


def needs(part: Question) -> list[int]:
    return [len(part.text)]


def enough(solved: Solved[Question, Question, int]) -> Answer | None:
    return Answer(value="") if solved.answers[-1].answer > 3 else None


def at_least(part: SubTask[Question, Question, int], number: int) -> bool | str:
    return number >= len(part.known) or "too few."


assert_type(decompose(parts, count, sum_up), Node[Question, Answer])
assert_type(
    decompose(parts, count.check(at_least), sum_up, attempt=direct, depends_on=needs, remember=60),
    Node[Question, Answer],
)
assert_type(decompose(parts_again, count, sum_up, attempt=direct), Node[Question, Answer])
assert_type(
    decompose(next_part, count, sum_up, max_questions=3, implied=enough), Node[Question, Answer]
)


gate = agree(direct, direct.at("llm"), at_least=2, by=lambda answer: answer.value)
assert_type(gate, Node[Question, Answer])
assert_type(cascade(gate, direct.at("llm"), direct.vote(3)), Node[Question, Answer])


Judged = Candidate[Question, Answer]


@step
async def by_rule(judged: Judged) -> Verdict:
    return Verdict(label="correct" if judged.answer.value else "incorrect")


@step
async def think_again(told: Discussion[Question, Answer]) -> Revision:
    return Revision(reasoning="", error="", quote="", verdict=told.own.verdict, confidence=None)


def same(mine: Answer, given: Answer) -> bool:
    return mine.value == given.value


judge = Judge(Question, Answer, "Is it right?", mode="reasoned", sure=0.8)
panel = judge_panel(
    judge,
    as_judge(by_rule, name="rule", revise=think_again),
    judge_by_solving(direct, same),
    checks=[lambda question, answer: answer.value != question.text or "it repeats the question."],
    matches=lambda _question, answer: answer.value == "42" or None,
    quick=by_rule,
    larger=judge.at("llm"),
    rounds=1,
)
assert_type(judge, Judge[Question, Answer])
judging: Node[Candidate[Question, Answer], Verdict] = judge
assert_type(panel, Node[Candidate[Question, Answer], PanelVerdict])
assert_type(judge_panel(panel, judge), Node[Candidate[Question, Answer], PanelVerdict])
assert_type(direct.check(panel).escalate("llm"), Node[Question, Answer])
assert_type(panel.each(), Node[Sequence[Candidate[Question, Answer]], list[PanelVerdict]])
assert_type(poll(Question, Answer, "", tiers="abc"), Node[Judged, PanelVerdict])
assert_type(maj(Question, Answer, ""), Node[Judged, PanelVerdict])
assert_type(pairwise(Question, Answer, ""), Node[Pair[Question, Answer], Preference])
assert_type(rubric(Question, Answer, "", {"clear": "Is it?"}), Node[Judged, Scores])


async def use(system: System) -> str:
    run = await system.run(find >> answer, Question(text="Who?"))
    assert_type(run, Run[Answer])
    async for event in system.stream(direct, Question(text="Who?")):
        assert_type(event, Event | Run[Answer])
    return run.output.value
