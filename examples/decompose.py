"""A problem by way of its sub-questions: the small model answers what the large one has split."""

import re

from pydantic import BaseModel, Field

from agentsys import Agent, Solved, SubTask, System, decompose, step
from agentsys.tools.arithmetic import evaluate


class Question(BaseModel):
    text: str


class Split(BaseModel):
    questions: tuple[str, ...] = Field(max_length=8)


class Posed(BaseModel):
    known: tuple[float, ...] = ()
    question: str


class Expression(BaseModel):
    expression: str = Field(pattern=r"^[0-9+*/().-]{1,40}$")


Part = SubTask[Question, str, float]


@step
async def listed(split: Split) -> tuple[str, ...]:
    return split.questions


@step
async def posed(part: Part) -> Posed:
    """The question, with the answers it needs in the places of `#1`, `#2` and so on."""
    known = {f"#{k.number + 1}": f"{k.answer:g}" for k in part.known}
    return Posed(question=re.sub(r"#\d+", lambda found: known[found[0]], part.question))


@step
async def value(solution: Expression) -> float:
    return evaluate(solution.expression)


@step
async def last(solved: Solved[Question, str, float]) -> float:
    for known in solved.answers:
        print(f"{known.question}  {known.answer:g}")
    return solved.answers[-1].answer


def needs(question: str) -> list[int]:
    return [int(number) - 1 for number in re.findall(r"#(\d+)", question)]


split = Agent(Question, Split, "Split into sub-questions.", tier="llm") >> listed
solve = posed >> Agent(Posed, Expression, "Answer the question with the known numbers.") >> value
flow = decompose(split, solve, last, depends_on=needs)  # Node[Question, float]

if __name__ == "__main__":
    task = Question(
        text="Mia has 4 boxes of 12 pens. She buys 3 packs of 5 pens and gives 7 away."
        " How many pens does she have now?"
    )
    with System.load() as system:
        run = system.run_sync(flow, task)
    print(f"{run.output:g}, {run.cost.calls} calls: {' -> '.join(run.path)}")
