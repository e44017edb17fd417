"""Schemas are asked for before anybody waits."""

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel

from agentsys import Agent, System, choose
from agentsys.errors import Unreachable
from agentsys.models.litellm import router_models
from agentsys.models.scripted import Scripted
from agentsys.settings import Deployment
from agentsys.warming import warm
from tests.loopback import Loopback
from tests.shapes import Answer, Question, double


class Endless(BaseModel):
    more: "Endless"


def deployment(url: str) -> Deployment:
    """A vLLM server."""
    params: dict[str, Any] = {"model": "hosted_vllm/m", "api_base": url, "api_key": "k"}
    return Deployment(name="a", tier="slm", litellm_params=params, usd_per_hour=Decimal(1))


async def test_each_schema_is_sent_once_as_it_will_be(loopback: Loopback) -> None:
    """The bytes that warm the server up are those of the requests that follow."""
    solve = Agent(Question, Answer, "Give the number.", escalate="llm")
    again = Agent(Question, Answer, "Give it another way.", name="again")
    decide = choose(Question, Literal["yes", "no"], "Decide.")
    models = router_models([deployment(loopback.url)])
    found = await warm([solve >> double, again, decide], models)
    assert [(w.tier, w.agent, w.problem) for w in found] == [
        ("slm", "answer", ""),
        ("slm", "choose", ""),
    ]
    warmed = [sent["structured_outputs"] for sent in loopback.requests]
    async with System(models) as system:
        await system.run(solve.at("slm"), Question(text="How many?"))
    assert loopback.requests[-1]["structured_outputs"] in warmed
    assert all(sent["max_tokens"] == 1 for sent in loopback.requests[:2])


async def test_a_model_that_is_not_there_is_a_row() -> None:
    """The others are warmed all the same."""
    models = {"slm": Scripted(Unreachable("It is not there.")), "llm": Scripted({"value": 1})}
    solve = Agent(Question, Answer, "Give the number.", escalate="llm")
    first, second = await warm([solve], models)
    assert first.problem == "It is not there."
    assert (second.tier, second.problem) == ("llm", "")


async def test_tiers_that_an_outer_node_asks_are_warmed() -> None:
    """Those that are really asked: not an agent's own where an outer node names another."""
    solve = Agent(Question, Answer, "Give the number.")
    found = {}
    for name, node in {
        "at": (solve >> double).at("llm"),
        "escalated": (solve >> double).escalate("llm"),
        "inner first": (solve >> double).at("llm").escalate("big"),
        "inner wins": ((solve >> double).at("llm") >> double).escalate("big"),
    }.items():
        models = {tier: Scripted({"value": 1}) for tier in ("slm", "llm", "big")}
        found[name] = [each.tier for each in await warm([node], models)]
    assert found == {
        "at": ["llm"],
        "escalated": ["slm", "llm"],
        "inner first": ["llm", "big"],
        "inner wins": ["llm"],
    }


async def test_a_schema_that_outlines_refuses_is_a_row() -> None:
    """Nobody is asked for it: it would be told in the prompt, and there is nothing to compile."""
    model = Scripted({"value": 1})
    (row,) = await warm([Agent(Question, Endless, "Go on.")], {"slm": model})
    assert row.problem.startswith("Outlines does not compile it: ")
    assert model.requests == []


async def test_free_text_needs_no_warming() -> None:
    """There is nothing to compile."""
    assert await warm([Agent(Question, str, "Talk.")], {"slm": Scripted("hi")}) == []
