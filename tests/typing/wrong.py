"""Planted wiring mistakes. The checker must find each one, on its line, and no other.

Every mistake is marked with the rule that reports it. Nobody runs this file.
"""

from pydantic import BaseModel

from agentsys import (
    Agent,
    Attempted,
    Candidate,
    Judge,
    Node,
    Solved,
    SubTask,
    System,
    Verdict,
    agree,
    both,
    cascade,
    decompose,
    from_langgraph,
    judge_panel,
    step,
    tool,
)
from agentsys.patterns.judging import as_judge, judge_by_solving, pairwise


class Question(BaseModel):
    text: str


class Evidence(BaseModel):
    facts: list[str]


class Answer(BaseModel):
    value: str


@tool
def search(query: str, k: int = 3) -> list[str]:
    """Search the corpus."""
    return [query] * k


@step
async def tags(question: Question) -> list[str]:
    return question.text.split()


@step
async def first(answers: list[Answer]) -> Answer:
    return answers[0]


def about_evidence(question: Question, given: Evidence) -> bool:
    return question.text in given.facts


def same(mine: Answer, given: Answer) -> bool:
    return mine.value == given.value


find = Agent(Question, Evidence, "Find facts.")
answer = Agent(Evidence, Answer, "Answer from the facts.")
direct = Agent(Question, Answer, "Answer.")


def about_question(question: Question, given: Answer) -> bool | str:
    return question.text != given.value


find >> find  # error: reportOperatorIssue
find >> answer >> tags  # error: reportOperatorIssue
find.each() >> first  # error: reportOperatorIssue
both(find, answer)  # error: reportArgumentType
answer.check(about_question)  # error: reportArgumentType
answer.check(lambda e, a: e.nope == a.value)  # error: reportAttributeAccessIssue
direct.check(lambda q, a: a.value)  # right: a string is a reason
direct.check(lambda q, a: len(a.value))  # error: reportArgumentType
tags.vote(3)  # error: reportAttributeAccessIssue
search("rain", k="two")  # error: reportArgumentType
search(text="rain")  # error: reportCallIssue
Agent(Question, Answer, "Answer.", tools=[len])  # error: reportArgumentType
backwards: Node[Evidence, Question] = answer  # error: reportAssignmentType
from_langgraph(direct.graph(), Question, Answer) >> direct  # error: reportOperatorIssue


@step
async def parts(question: Question) -> list[Question]:
    return [question]


@step
async def parts_again(tried: Attempted[Question, Answer]) -> list[Question]:
    return [tried.problem]


@step
async def next_part(solved: Solved[Question, Question, int]) -> Question | None:
    return None


@step
async def count(part: SubTask[Question, Question, int]) -> int:
    return part.known[0].answer + part.known[0].question.nope  # error: reportAttributeAccessIssue


@step
async def measure(part: SubTask[Question, Question, float]) -> float:
    return 0.5


@step
async def sum_up(solved: Solved[Question, Question, int]) -> Answer:
    return Answer(value=solved.answers[0].answer)  # error: reportArgumentType


@step
async def value_of(answer: Answer) -> str:
    return answer.value


def needs(part: str) -> list[int]:
    return [len(part)]


def enough(solved: Solved[Question, Question, int]) -> Evidence | None:
    return None


def large(part: SubTask[Question, Question, int], number: str) -> bool | str:
    return number > ""


decompose(find, count, sum_up)  # error: reportArgumentType
decompose(parts, measure, sum_up)  # error: reportArgumentType
decompose(parts, direct, sum_up)  # error: reportArgumentType
decompose(parts, count, direct)  # error: reportArgumentType
decompose(parts, count.check(large), sum_up)  # error: reportArgumentType
decompose(parts, count, sum_up, attempt=find)  # right: it gives one or the other
decompose(parts, count, sum_up, attempt=find) >> value_of  # error: reportOperatorIssue
decompose(parts, count, sum_up, depends_on=needs)  # error: reportArgumentType
decompose(parts, count, sum_up, implied=enough) >> value_of  # error: reportOperatorIssue
decompose(parts_again, count, sum_up)  # error: reportArgumentType
decompose(next_part, count, sum_up)  # error: reportArgumentType
decompose(next_part, count, sum_up, max_questions=2, depends_on=len)  # error: reportArgumentType
decompose(parts, count, sum_up) >> find  # error: reportOperatorIssue


@step
async def by_rule(judged: Candidate[Question, Answer]) -> Verdict:
    return Verdict(label="correct")


@step
async def of_evidence(judged: Candidate[Question, Evidence]) -> Verdict:
    return Verdict(label="correct")


@step
async def no_verdict(judged: Candidate[Question, Answer]) -> bool:
    return True


@step
async def think_again(told: Question) -> Answer:
    return Answer(value=told.text)


def longer(mine: Answer, given: Evidence) -> bool:
    return len(given.facts) > 1


agree(direct, direct)  # right: both answer questions
agree(direct)  # error: reportCallIssue
agree(direct, answer)  # error: reportArgumentType
agree(direct, direct, by=lambda given: given.valu)  # error: reportAttributeAccessIssue
cascade(direct, direct) >> find  # error: reportOperatorIssue

judge = Judge(Question, Answer, "Is it right?")
direct.check(judge)  # right: it judges such answers
find.check(judge)  # error: reportArgumentType
answer.check(judge)  # error: reportArgumentType
direct.check(no_verdict)  # error: reportArgumentType
judge_panel(judge, by_rule)  # right: both judge the same
judge_panel(judge, of_evidence)  # error: reportArgumentType
judge_panel(judge, no_verdict)  # error: reportArgumentType
judge_panel(judge, by_rule, quick=of_evidence)  # error: reportArgumentType
judge_panel(judge, by_rule, larger=no_verdict)  # error: reportArgumentType
judge_panel(judge, by_rule, checks=[about_evidence])  # error: reportArgumentType
judge_panel(judge, by_rule, matches=about_evidence)  # error: reportArgumentType
judge_panel(judge, by_rule) >> find  # error: reportOperatorIssue
judge_by_solving(direct, longer)  # error: reportArgumentType
judge_by_solving(find, same)  # error: reportArgumentType
as_judge(by_rule, name="rule", revise=think_again)  # error: reportArgumentType
Judge(Question, Answer, "Is it right?", mode="slow")  # error: reportArgumentType
pairwise(Question, Answer, "Which?") >> judge  # error: reportOperatorIssue


@step  # error: reportArgumentType
def not_async(question: Question) -> Answer:
    return Answer(value=question.text)


async def use(system: System) -> int:
    run = await system.run(find >> answer, Evidence(facts=[]))  # error: reportArgumentType
    print(run.output.valu)  # error: reportAttributeAccessIssue
    direct_run = await system.run(direct, Question(text=""))
    number: int = direct_run.output.value  # error: reportAssignmentType
    async for event in system.stream(direct, Answer(value="")):  # error: reportArgumentType
        print(event)
    return number
