"""What the real server makes of our patterns, and of our questions."""

from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
from pydantic import TypeAdapter

from agentsys import System, choose
from agentsys.confidence import confidence
from agentsys.guide import guide
from agentsys.messages import Message
from agentsys.models.base import Model, Request
from agentsys.models.tiers import Tiers
from agentsys.project import find
from agentsys.schema import json_schema
from agentsys.settings import Settings
from tests.guided_shapes import SHAPES
from tests.vllm_server import VllmServer

pytestmark = pytest.mark.slow

ASK = (Message("system", "Answer with JSON."), Message("user", "How many pens are left?"))


@pytest.fixture
async def tiers(vllm_server: VllmServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tiers]:
    """The server, and the same model in this process."""
    monkeypatch.setenv("AGENTSYS_HOME", str(vllm_server.home))
    params = {"model": "hosted_vllm/mini", "api_base": vllm_server.url, "api_key": "none"}
    entries = [
        {"name": "v", "tier": "vllm", "litellm_params": params, "usd_per_hour": 1},
        {"name": "e", "tier": "embedded", "gguf": "mini-slm", "usd_per_hour": 1},
    ]
    tiers = Tiers(Settings.model_validate({"deployments": entries}))
    yield tiers
    await tiers.close()


@pytest.fixture
def model(tiers: Tiers) -> Model:
    """The server."""
    return tiers["vllm"]


@pytest.mark.parametrize("shape", SHAPES)
async def test_replies_are_instances_of_the_type(model: Model, shape: str) -> None:
    """Greedy or drawn, whatever comes back is valid, with nothing left to validate afterwards."""
    kind = SHAPES[shape]
    schema = json_schema(kind)
    assert guide(schema).unenforced == ()
    for temperature, seed in ((0.0, None), (1.0, 1), (1.5, 2)):
        reply = await model.ask(Request(ASK, schema, 200, temperature, seed))
        TypeAdapter(kind).validate_json(reply.text)
        assert reply.guided == "outlines"


async def test_log_probabilities_are_taken_after_the_mask(model: Model) -> None:
    """A forced token is certain, whatever the model thinks of it; a chosen one is not."""
    schema = {"type": "object", "properties": {"zq": {"enum": ["Kx", "Wy"]}}, "required": ["zq"]}
    reply = await model.ask(Request(ASK, schema, 50))
    chosen = confidence(reply.text, reply.tokens)
    assert chosen is not None
    assert 0.5 <= chosen < 1
    inside = reply.text.index("Kx" if "Kx" in reply.text else "Wy")
    at = 0
    for token in reply.tokens:
        if token.forced and at > inside:
            assert token.logprob == pytest.approx(0, abs=1e-6)
        at += len(token.text)


async def test_both_back_ends_decide_alike(tiers: Tiers) -> None:
    """The same weights and masks give the same probabilities, before the mask or after it."""
    takes: Any = getattr(find("agent", "judge").value, "takes", None)
    verdict: Any = choose(
        takes,
        Literal["correct", "incorrect"],
        "Judge the answer.",
        key="verdict",
        list_choices=False,
    )
    question = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"
    async with System(tiers) as system:
        for answer in ("4*12-7", "4+12-7", "4*12+7"):
            runs = [
                await system.run(verdict.at(tier), takes(question=question, answer=answer))
                for tier in ("vllm", "embedded")
            ]
            one, other = (run.output for run in runs)
            assert one.choice == other.choice
            assert one.probabilities == pytest.approx(other.probabilities, abs=0.02)
