"""One contender of `overhead.py` in a process of its own: `contenders.py NAME URL`.

Each makes the same typed call: two sentences in, a pydantic model out, over HTTP. The process
reads `{"runs": n, "concurrency": c}` a line, and answers each with the seconds of every run.
"""

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypedDict

from pydantic import BaseModel

INSTRUCTIONS = "Answer with one arithmetic expression and its value."
TEXT = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"

Run = Callable[[], Awaitable[Any]]


class Question(BaseModel, frozen=True):
    text: str


class Answer(BaseModel, frozen=True):
    expression: str
    value: float


def agentsys(url: str, *, ledger: bool = True) -> Run:
    from agentsys import Agent, System
    from agentsys.models.litellm import router_models
    from agentsys.settings import Deployment
    from agentsys.stores import open_store

    deployment = Deployment(
        name="small",
        tier="slm",
        litellm_params={"model": "hosted_vllm/small", "api_base": url},
        usd_per_mtok_in=1,
        usd_per_mtok_out=1,
    )
    folder = tempfile.mkdtemp()
    kept = open_store(f"sqlite:///{folder}/ledger.db") if ledger else None
    system = System(router_models([deployment]), store=kept)
    solve = Agent(Question, Answer, INSTRUCTIONS)

    async def run() -> Answer:
        return (await system.run(solve, Question(text=TEXT))).output

    return run


def agentsys_without_ledger(url: str) -> Run:
    return agentsys(url, ledger=False)


def router_and_node(url: str) -> Run:
    """`litellm.Router` in a LangGraph node; model list and request are those of agentsys."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    from langgraph.graph import END, START, StateGraph
    from litellm import Router

    entry = {"model": "hosted_vllm/small", "api_base": url, "timeout": 60}
    rates = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}
    listed = {"model_name": "slm", "litellm_params": entry, "model_info": {"id": "small"} | rates}
    router = Router(model_list=[listed], num_retries=0)
    form = {"name": "reply", "schema": Answer.model_json_schema(), "strict": True}

    class State(TypedDict):
        value: Any

    async def solve(state: State) -> State:
        response = await router.acompletion(
            model="slm",
            messages=[
                {"role": "system", "content": INSTRUCTIONS},
                {"role": "user", "content": state["value"].text},
            ],
            response_format={"type": "json_schema", "json_schema": form},
            max_tokens=512,
            temperature=0.0,
            seed=0,
            logprobs=True,
        )
        return {"value": Answer.model_validate_json(response.choices[0].message.content)}

    builder = StateGraph(State)
    builder.add_node("solve", solve)
    builder.add_edge(START, "solve")
    builder.add_edge("solve", END)
    graph = builder.compile()

    async def run() -> Answer:
        return (await graph.ainvoke({"value": Question(text=TEXT)}))["value"]

    return run


def pydantic_ai(url: str) -> Run:
    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel("small", provider=OpenAIProvider(base_url=url, api_key="x"))
    agent = Agent(model, output_type=NativeOutput(Answer), instructions=INSTRUCTIONS)

    async def run() -> Answer:
        return (await agent.run(TEXT)).output

    return run


def openai_agents(url: str) -> Run:
    from openai import AsyncOpenAI

    import agents

    agents.set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=url, api_key="x")
    agent = agents.Agent(
        name="solve",
        instructions=INSTRUCTIONS,
        output_type=Answer,
        model=agents.OpenAIChatCompletionsModel("small", client),
    )

    async def run() -> Answer:
        return (await agents.Runner.run(agent, TEXT)).final_output

    return run


CONTENDERS: dict[str, Callable[[str], Run]] = {
    "agentsys": agentsys,
    "agentsys, no ledger": agentsys_without_ledger,
    "Router + node": router_and_node,
    "pydantic-ai": pydantic_ai,
    "OpenAI Agents SDK": openai_agents,
}


async def measure(run: Run, runs: int, concurrency: int) -> dict[str, Any]:
    """Seconds of each run, and CPU seconds of a run, with so many under way all the time."""
    seconds: list[float] = []
    left = runs

    async def lane() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            started = time.perf_counter()
            answer = await run()
            seconds.append(time.perf_counter() - started)
            assert isinstance(answer, Answer)

    cpu, started = time.process_time(), time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(concurrency)))
    wall = time.perf_counter() - started
    return {"seconds": seconds, "cpu": (time.process_time() - cpu) / runs, "wall": wall / runs}


async def serve(name: str, url: str) -> None:
    """Build the contender, warm it up, and measure what standard input asks for."""
    run = CONTENDERS[name](url)
    await measure(run, 20, 4)
    print(json.dumps({"ready": name}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        measured = await measure(run, asked["runs"], asked["concurrency"])
        measured["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    # The checkout's agentsys, whether or not one is installed. Not its root: LiteLLM and the
    # Agents SDK would find our `agents` and `tools` there.
    root = Path(__file__).parents[1]
    sys.path.append(str(root))
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
