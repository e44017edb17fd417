"""Voting, fan-out and a tool, on scripted models so that it runs anywhere."""

from pydantic import BaseModel

from agentsys import Agent, System, both, step, tool
from agentsys.models.scripted import Scripted

PRICES = {"tea": 3, "rice": 5}


class Order(BaseModel):
    items: list[str]


class Item(BaseModel):
    name: str


class Cost(BaseModel):
    usd: int


@tool
def price(item: str) -> int:
    """The price of an item in dollars."""
    return PRICES[item]


@step
async def items(order: Order) -> list[Item]:
    return [Item(name=name) for name in order.items]


@step
async def add_up(costs: list[Cost]) -> Cost:
    return Cost(usd=sum(cost.usd for cost in costs))


@step
async def larger(pair: tuple[Cost, Cost]) -> Cost:
    return max(pair, key=lambda cost: cost.usd)


look_up = Agent(Item, Cost, "What does it cost?", tools=[price], steps=3)
estimate = Agent(Order, Cost, "Roughly, what does it cost?")
flow = both(items >> look_up.vote(3).each(limit=4) >> add_up, estimate) >> larger

system = System(
    {
        "slm": Scripted(
            lambda request: (
                {"usd": 7}
                if "Roughly" in request.messages[0].content
                else {"final": {"usd": int(request.messages[-1].content.rsplit(" ", 1)[-1])}}
                if "Result" in request.messages[-1].content
                else {"tool": "price", "args": {"item": request.messages[1].content}}
            )
        )
    }
)

if __name__ == "__main__":
    run = system.run_sync(flow, Order(items=["tea", "rice"]))
    print(f"${run.output.usd}, {run.cost.calls} calls")
    print(flow.mermaid())
