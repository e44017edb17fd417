"""What every model back end must do where something is in the way."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agentsys.errors import Rejected, Unreachable
from agentsys.models.base import Cancelled, Request
from agentsys.money import Spend
from tests.models.backends import BackEnd
from tests.models.conformance import conforms, question

SOON_S = 15.0
"""What is cancelled ends long before this, and would else go on for longer."""


class TroubleConformance:
    """The suite. Subclass it and give a `backend` fixture."""

    async def test_cancelled_calls_end_and_say_what_they_took(self, backend: BackEnd) -> None:
        """No more than was held; the server leaves them, and the next request is answered."""
        request, model = endless(backend), backend.models["long"]
        await model.ask(question())
        for error in await cancelled(backend, lambda: model.ask(request), lambda e: e.tokens_in):
            assert isinstance(error, Cancelled)
            assert error.deployment
            tokens = error.tokens_in + error.tokens_out
            took = Spend(error.nano_usd, tokens, 1, round(error.seconds * 1e6))
            assert took.nano_usd > 0
            assert took.beyond(model.worst(request).spend(request.max_tokens)) == ""
            assert isinstance(error.__cause__, asyncio.CancelledError)
        async with asyncio.timeout(SOON_S):
            conforms(await model.ask(question()))

    async def test_cancelled_calls_leave_others_alone(self, backend: BackEnd) -> None:
        """Those side by side with them get their replies."""
        request, model = endless(backend), backend.models["slm"]
        asking = [asyncio.ensure_future(model.ask(question(seed=seed))) for seed in range(8)]
        long = backend.models["long"]
        await cancelled(backend, lambda: long.ask(request), lambda e: e.tokens_in, beside=8)
        for reply in await asyncio.gather(*asking):
            conforms(reply)

    async def test_a_prompt_that_is_too_long_is_rejected(self, backend: BackEnd) -> None:
        """Once and at no cost but time; the next request is answered."""
        if not backend.context:
            pytest.skip("it takes prompts of any length")
        model = backend.models["slm"]
        with pytest.raises(Rejected) as caught:
            await model.ask(question("word " * backend.context))
        assert "\n" not in str(caught.value)
        assert str(backend.context) in str(caught.value).replace(",", "")
        assert not caught.value.retryable
        assert caught.value.tokens_out == 0
        conforms(await model.ask(question()))

    async def test_nobody_there_is_unreachable(self, backend: BackEnd) -> None:
        """The deployment is named, and nothing is paid."""
        if "gone" not in backend.models:
            pytest.skip("it runs in this process")
        with pytest.raises(Unreachable, match="'the gone' cannot be reached") as caught:
            await backend.models["gone"].ask(question())
        assert caught.value.retryable
        assert caught.value.nano_usd == 0


def endless(backend: BackEnd) -> Request:
    """What the tier `long` will not have written soon."""
    if not backend.endless:
        pytest.skip("it answers at once")
    letters = {"type": "string", "pattern": f"^a{{{backend.endless}}}$"}
    return question(schema=letters, max_tokens=backend.longest)


async def cancelled(
    backend: BackEnd,
    ask: Callable[[], Coroutine[Any, Any, Any]],
    had_begun: Callable[[Any], object],
    *,
    beside: int = 0,
) -> list[Any]:
    """What calls raise that are cancelled at work; the server leaves them, not those `beside`."""
    for wait_s in (0.1, 0.3, 1.0, 3.0, 3.0, 3.0):
        before = backend.server and backend.server.counted().finished
        asking = [asyncio.ensure_future(ask()) for _ in range(backend.places)]
        if not await backend.begun(asking, wait_s):
            await asyncio.gather(*asking, return_exceptions=True)
            continue
        errors: list[Any] = []
        async with asyncio.timeout(SOON_S):
            for one in asking:
                assert one.cancel()
            for one in asking:
                with pytest.raises(asyncio.CancelledError) as caught:
                    await one
                errors.append(caught.value)
            if backend.server is not None:
                await backend.server.idle()
                finished = backend.server.counted().finished - (before or 0) - beside
                assert finished < backend.places / 2  # some may have been about to
        if all(map(had_begun, errors)):
            return errors
    pytest.fail("they did not begin")
