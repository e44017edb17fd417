"""A human approves a step: the run stops with a question, and goes on with the answer."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel

from agentsys import Abstain, Agent, System, interrupt, open_store, step
from agentsys.models.scripted import Scripted


class Order(BaseModel):
    text: str


class Letter(BaseModel):
    text: str


@step
async def send(letter: Letter) -> Letter:
    if interrupt({"send": letter.text}) != "yes":
        raise Abstain("it was not approved.")
    return letter  # what must be done once is done after the question, not before it


write = Agent(Order, Letter, "Write to the customer.")
flow = write >> send


def new_system(folder: Path) -> System:
    return System(
        {"slm": Scripted({"text": "Your tea is on its way."})},
        store=open_store(f"sqlite:///{folder / 'runs.db'}"),
        checkpoints=f"sqlite:///{folder / 'checkpoints.db'}",
    )


async def main(folder: Path) -> None:
    async with new_system(folder) as system:
        run = await system.run(flow, Order(text="tea"), run_id="order-7")
        print(run.status, run.questions[0].question)

    async with new_system(folder) as system:  # later, in another process
        run = await system.run(flow, resume="order-7", answer="yes")
        print(f"{run.status}: {run.output.text} {run.cost.calls} call")  # it is not paid again


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder)))
