"""A first graph: ask, check, escalate, compute. Runs on the models that ship with agentsys."""

import re

from pydantic import BaseModel, Field

from agentsys import Agent, System, step


class Question(BaseModel):
    text: str


class Solution(BaseModel):
    expression: str = Field(pattern=r"^[0-9+*/()-]{1,120}$")


class Numbers(BaseModel):
    used: list[int]


def own_numbers(question: Question, solution: Solution) -> bool | str:
    """A check: True, or the reason, which the model is told and which escalation hands on."""
    given = set(re.findall(r"\d+", question.text))
    foreign = [n for n in re.findall(r"\d+", solution.expression) if n not in given]
    return not foreign or f"the expression uses a number that is not in the question: {foreign[0]}."


@step
async def list_numbers(solution: Solution) -> Numbers:
    return Numbers(used=[int(n) for n in re.findall(r"\d+", solution.expression)])


solve = Agent(Question, Solution, "Answer with one arithmetic expression.", min_confidence=0.6)
flow = solve.check(own_numbers).escalate("llm") >> list_numbers

if __name__ == "__main__":
    system = System.load()  # agentsys.toml, or the two small models that come with agentsys
    run = system.run_sync(flow, Question(text="Mia has 4 boxes of 12 pens. How many pens is that?"))
    print(run.status, run.output.used if run.has_output else run.error)
    print(f"{run.cost.calls} calls, ${run.cost.usd}, by way of {' and '.join(run.path)}")
