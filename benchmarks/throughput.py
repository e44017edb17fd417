"""A batch of word problems through agentsys, and the same requests straight to a vLLM server.

Both send all problems at once, guided, from one process; they take turns. With `--vllm PYTHON` a
server of the small miniature is started on the CPU. With `--port` and `--model` it is one that runs
on this machine, such as on a GPU.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any, cast

import aiohttp
from page import write
from servers import ROOT, Server

sys.path.insert(0, str(ROOT / "scripts"))

from miniatures.evaluate import unchecked

from agentsys import Agent, System
from agentsys.evaluation.word_problems import problems
from agentsys.models.base import Request
from agentsys.models.chat import question
from agentsys.models.tiers import Tiers
from agentsys.project import find
from agentsys.schema import validate_json
from agentsys.settings import Settings
from agentsys.stores import open_store

ROUNDS = 5


def bodies(agent: Agent[Any, Any], values: Sequence[Any], model: str) -> list[dict[str, Any]]:
    """What agentsys sends for these."""
    spec = agent.spec
    made: list[dict[str, Any]] = []
    for value in values:
        request = Request(spec.messages(value, ()), spec.schema, spec.max_tokens)
        asked = question(request, "outlines")
        form = {**asked.form.pop("extra_body", {}), **asked.form}
        made.append(
            {
                "model": model,
                "messages": asked.messages,
                "max_tokens": spec.max_tokens,
                "temperature": 0.0,
                "seed": 0,
                "logprobs": True,
                **form,
            }
        )
    return made


async def straight(client: aiohttp.ClientSession, url: str, sent: list[dict[str, Any]]) -> int:
    """All of them at once; gives the tokens that were written."""

    async def one(body: dict[str, Any]) -> int:
        async with client.post(f"{url}/chat/completions", json=body) as answer:
            answer.raise_for_status()
            return (await answer.json())["usage"]["completion_tokens"]

    return sum(await asyncio.gather(*(one(body) for body in sent)))


async def through(system: System, agent: Agent[Any, Any], values: Sequence[Any]) -> int:
    """All of them at once, as runs; gives the tokens that were written."""
    runs = await asyncio.gather(*(system.run(agent, value) for value in values))
    return sum(run.cost.tokens_out for run in runs)


async def measured(port: int, model: str, name: str, number: int) -> list[tuple[float, float]]:
    """Seconds of each round, straight and through agentsys."""
    agent: Agent[Any, Any] = cast(Any, unchecked(find("agent", name).value, "slm"))
    drawn = problems("held_out", number, 0)
    values: list[Any] = [validate_json({"text": p.text}, agent.takes) for p in drawn]
    sent = bodies(agent, values, model)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = {"name": model, "tier": "slm", "model": "a", "port": port, "device": "cpu"}
        settings = Settings.model_validate(
            {"vllm": [server | {"usd_per_hour": 1, "timeout_s": 600}], "file": folder / "a.toml"}
        )
        store = open_store(f"sqlite:///{folder}/ledger.db")
        system = await stack.enter_async_context(System(Tiers(settings, store), store=store))
        # vLLM closes connections that are idle for five seconds.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2)
        timeout = aiohttp.ClientTimeout(total=600)
        client = await stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, timeout=timeout)
        )
        url = f"http://127.0.0.1:{port}/v1"
        found: list[tuple[float, float]] = []
        for turn in range(1 + ROUNDS):
            began = time.perf_counter()
            told = await straight(client, url, sent)
            middle = time.perf_counter()
            heard = await through(system, agent, values)
            end = time.perf_counter()
            print(f"round {turn}: {middle - began:.2f} s, {end - middle:.2f} s", file=sys.stderr)
            if told != heard:
                print(f"tokens differ: {told} and {heard}", file=sys.stderr)
            if turn:  # the first one warms up
                found.append((middle - began, end - middle))
        return found


def table(rounds: Sequence[tuple[float, float]], number: int, where: str) -> str:
    """For README.md."""
    ratios = sorted(one / other for one, other in rounds)
    seconds = [statistics.median(side) for side in zip(*rounds, strict=True)]
    return (
        f"{number} problems at once, {where}; median of {len(rounds)} rounds.\n\n"
        "| | seconds | problems a second |\n|---|---:|---:|\n"
        f"| straight to the server | {seconds[0]:.2f} | {number / seconds[0]:.0f} |\n"
        f"| through agentsys, with its ledger | {seconds[1]:.2f} | {number / seconds[1]:.0f} |\n"
        f"| throughput of agentsys | **{statistics.median(ratios):.0%}** "
        f"({ratios[0]:.0%} to {ratios[-1]:.0%}) | |"
    )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vllm", metavar="PYTHON", help="an interpreter with vLLM")
    parser.add_argument("--port", type=int, help="of a server that runs")
    parser.add_argument("--model", default="mini-slm", help="what the server serves")
    parser.add_argument("--where", default="the small miniature on the CPU", help="for the table")
    parser.add_argument("--agent", default="reasoner", help="who is asked (reasoner)")
    parser.add_argument("-n", type=int, default=500, help="problems (500)")
    parser.add_argument("--write", action="store_true", help="rewrite the table in README.md")
    given = parser.parse_args()
    with ExitStack() as stack:
        port = given.port
        if port is None:
            if given.vllm is None:
                parser.error("give --vllm or --port")
            port = stack.enter_context(Server(given.vllm, given.model)).port
        rounds = asyncio.run(measured(port, given.model, given.agent, given.n))
    text = table(rounds, given.n, given.where)
    print(text)
    if given.write:
        write("throughput", text)


if __name__ == "__main__":
    main()
