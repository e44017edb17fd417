"""The suite of all back ends, on the scripted model and on LiteLLM over HTTP."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from agentsys.errors import Truncated
from agentsys.models.base import Model, Request
from agentsys.models.litellm import router_models
from agentsys.models.scripted import Answer, Scripted
from agentsys.money import Price
from agentsys.settings import Deployment
from tests.loopback import Loopback, say
from tests.models.conformance import ModelConformance

VALUE = {"word": "six", "grade": "low", "counts": [1, 2]}
SHORT = 10
"""A `max_tokens` below this cuts the reply off."""


class TestScripted(ModelConformance):
    """The test double."""

    @pytest.fixture
    def model(self) -> Model:
        """A script that minds the request."""
        price = Price(usd_per_mtok_in=Decimal(1))
        return Scripted(self.script, confidence=0.9, price=price)

    @staticmethod
    def script(request: Request) -> Answer:
        """The value, or free text, or an error that says what was spent."""
        if request.max_tokens < SHORT:
            return Truncated("cut off.", tokens_in=5, tokens_out=3, nano_usd=7)
        return "some text" if request.schema is None else VALUE


class TestLiteLLM(ModelConformance):
    """The Router, before a server that counts words and heeds `max_tokens`."""

    @pytest.fixture
    async def model(self, loopback: Loopback) -> AsyncIterator[Model]:
        """One deployment behind one tier."""
        loopback.default = answer
        params = {"model": "hosted_vllm/tiny", "api_base": loopback.url}
        prices = {"usd_per_mtok_in": 1, "usd_per_mtok_out": 1}
        given = {"name": "tiny", "tier": "slm", "litellm_params": params, **prices}
        model = router_models([Deployment.model_validate(given)])["slm"]
        yield model
        await model.close()


async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """A reply with a usage that fits it: a token a byte, and what chat templates add."""
    told = [len(message["content"].encode("utf-8", "replace")) for message in body["messages"]]
    words = sum(told) + 6 * len(told) + 80
    finish = "length" if body["max_tokens"] < SHORT else "stop"
    usage = {"prompt_tokens": words, "completion_tokens": min(body["max_tokens"], 7)}
    return await say(finish=finish, usage=usage)(request, body)
