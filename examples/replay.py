"""Testing your own graph offline: recorded once with real models, it runs again without any.

`agentsys run` and `agentsys bench` record with `--record DIR` and replay with `--replay DIR`.
"""

from tempfile import TemporaryDirectory

from pydantic import BaseModel, Field

from agentsys import Agent, System


class Question(BaseModel):
    text: str


class Solution(BaseModel):
    expression: str = Field(pattern=r"^[0-9+*/()-]+$")


def solver(instructions: str) -> Agent[Question, Solution]:
    return Agent(Question, Solution, instructions, name="solver")


task = Question(text="Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?")

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        with System.load(record=folder) as system:  # asks the models
            before = system.run_sync(solver("Answer with one arithmetic expression."), task)
        with System.load(replay=folder) as system:  # asks nobody
            after = system.run_sync(solver("Answer with one arithmetic expression."), task)
            changed = system.run_sync(solver("Answer with an expression."), task)
    print(f"{after.output.expression} again, for ${after.cost.usd} on the books")
    assert after.output == before.output
    assert after.cost.usd == before.cost.usd
    print(changed.error)
