import asyncio
import gc
import json
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from agentsys import Agent, System, tool
from agentsys.errors import ModelError, RateLimited, Rejected, SettingsError, Truncated, Unreachable
from agentsys.guide import guide
from agentsys.messages import Message
from agentsys.models.base import Cancelled, Request
from agentsys.models.failures import BY_STATUS, KINDS, model_error
from agentsys.models.litellm import LiteLLMTier, router_models
from agentsys.money import Spend
from agentsys.retry import RetryPolicy
from agentsys.schema import json_schema
from agentsys.settings import Deployment
from tests.loopback import Answer, Held, Loopback, cut, fail, html, say, send, stall

HELLO = Request((Message("system", "Be brief."), Message("user", "Hello?")))

Build = Callable[..., LiteLLMTier]


class Answered(BaseModel):
    word: str
    count: int = 1


@tool
def double(n: int) -> int:
    """Twice the number."""
    return 2 * n


TYPED = Request(HELLO.messages, json_schema(Answered))


def deployment(name: str = "a", url: str = "", **changed: Any) -> Deployment:
    """A priced deployment of the tier `slm` behind a loopback server."""
    params = {"model": "hosted_vllm/small", "api_base": url, "api_key": "x"}
    params |= changed.pop("params", {})
    given: dict[str, Any] = {"usd_per_mtok_in": 1, "usd_per_mtok_out": 2} | changed
    return Deployment(name=name, tier="slm", litellm_params=params, **given)


@pytest.fixture
async def build(loopback: Loopback) -> AsyncIterator[Build]:
    """Builds the tier of one deployment on the loopback server, or of those given."""
    built: list[LiteLLMTier] = []

    def make(*deployments: Deployment, attempts: int = 1, **changed: Any) -> LiteLLMTier:
        given = deployments or (deployment(url=loopback.url, **changed),)
        # Where there is to be one try, no wait fits before another.
        policy = RetryPolicy(attempts=attempts, total_s=60 if attempts > 1 else 0)
        tier = router_models(given, policy=policy)["slm"]
        built.append(tier)
        return tier

    yield make
    for tier in built:
        await tier.close()


async def cancelled(tier: LiteLLMTier, server: Loopback) -> Cancelled:
    """What a request raises that is cancelled after it has arrived."""
    asking = asyncio.ensure_future(tier.ask(HELLO))
    await asyncio.to_thread(server.arrived.wait)
    asking.cancel()
    with pytest.raises(Cancelled) as raised:
        await asking
    return raised.value


class TestReply:
    async def test_says_what_came_back(self, build: Build, loopback: Loopback) -> None:
        """Text, usage and deployment are the server's."""
        loopback.script(say("Hi."))
        reply = await build().ask(HELLO)
        assert (reply.text, reply.deployment, reply.guided) == ("Hi.", "a", "none")
        assert (reply.usage.tokens_in, reply.usage.tokens_out) == (11, 7)

    async def test_request_carries_what_was_asked(self, build: Build, loopback: Loopback) -> None:
        """Messages, bound, temperature and seed reach the server."""
        await build().ask(Request(HELLO.messages, max_tokens=33, temperature=0.7, seed=5))
        sent = loopback.requests[0]
        assert [m["role"] for m in sent["messages"]] == ["system", "user"]
        assert (sent["max_tokens"], sent["temperature"], sent["seed"]) == (33, 0.7, 5)

    async def test_tokens_have_logprobs(self, build: Build, loopback: Loopback) -> None:
        """The tokens with their log-probabilities make up the text."""
        loopback.script(say("Hello there", logprob=-0.25))
        reply = await build().ask(HELLO)
        assert "".join(token.text for token in reply.tokens) == "Hello there"
        assert {token.logprob for token in reply.tokens} == {-0.25}

    async def test_no_tokens_without_logprobs(self, build: Build, loopback: Loopback) -> None:
        """A server that gives no log-probabilities is no error."""
        loopback.script(say("Hi.", logprob=None))
        assert (await build().ask(HELLO)).tokens == ()

    async def test_price_per_token(self, build: Build) -> None:
        """Eleven tokens at $1 and seven at $2 a million are 25 micro-dollars."""
        assert (await build().ask(HELLO)).nano_usd == 25_000

    async def test_price_per_hour(self, build: Build) -> None:
        """A machine's price counts the seconds of the call."""
        tier = build(usd_per_mtok_in=None, usd_per_mtok_out=None, usd_per_hour=3_600_000)
        reply = await tier.ask(HELLO)
        assert reply.nano_usd == pytest.approx(reply.seconds * 1_000 * 10**9)

    async def test_usage_is_estimated_where_none_comes(
        self, build: Build, loopback: Loopback
    ) -> None:
        """A server that does not count tokens is not free."""
        loopback.script(say("Hello there", usage=None))
        reply = await build().ask(HELLO)
        assert reply.usage.tokens_in > 0
        assert reply.usage.tokens_out > 0
        assert reply.nano_usd > 0

    async def test_litellm_keys_pass_through(self, build: Build, loopback: Loopback) -> None:
        """What `litellm_params` says beyond the model reaches the server."""
        await build(params={"extra_body": {"top_k": 5}, "top_p": 0.5}).ask(HELLO)
        assert loopback.requests[0]["top_k"] == 5
        assert loopback.requests[0]["top_p"] == 0.5

    async def test_deployment_may_be_called_like_its_tier(self, build: Build) -> None:
        """A deployment of the tier's own name is asked and named."""
        assert (await build(name="slm").ask(HELLO)).deployment == "slm"

    # A loop that is gone leaves its connections to the garbage collector, which says so.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_one_tier_serves_several_event_loops(self, loopback: Loopback) -> None:
        """`run_sync` starts a loop for each run; the models are the same."""
        tier = router_models([deployment(url=loopback.url)])["slm"]
        assert asyncio.run(tier.ask(HELLO)).text == "ok"

        async def last() -> str:
            reply = await tier.ask(HELLO)
            await tier.close()
            return reply.text

        assert asyncio.run(last()) == "ok"
        gc.collect()

    @pytest.mark.parametrize("provider", ["hosted_vllm", "openai"])
    async def test_closing_one_router_leaves_others_open(
        self, build: Build, loopback: Loopback, provider: str
    ) -> None:
        """Two systems in a process do not close each other's connections, even in a request."""
        first, second = (build(params={"model": f"{provider}/small"}) for _ in range(2))
        answer = Held()
        loopback.script(answer)
        asking = asyncio.ensure_future(second.ask(HELLO))
        await asyncio.to_thread(loopback.arrived.wait)
        await first.close()
        await first.close()
        answer.release.set()
        assert (await asking).text == "ok"
        assert (await second.ask(HELLO)).text == "ok"


class TestGuided:
    async def test_vllm_is_sent_what_outlines_compiled(
        self, build: Build, loopback: Loopback
    ) -> None:
        """VLLM enforces the same regular expression that llama.cpp does."""
        reply = await build().ask(TYPED)
        assert "response_format" not in loopback.requests[0]
        sent = loopback.requests[0]["structured_outputs"]
        assert sent == {"regex": guide(TYPED.schema).regex}
        assert reply.guided == "outlines"
        assert Answered.model_validate_json(reply.text)

    async def test_what_outlines_refuses_is_not_sent_to_vllm(
        self, build: Build, loopback: Loopback
    ) -> None:
        """Such a schema can bring the engine down: the prompt tells it, and the record says so."""
        tree = {"allOf": [{"anyOf": [{"type": "null"}]}, {"anyOf": [{"type": "array"}]}]}
        loopback.script(say("[[]]"))
        reply = await build().ask(Request(HELLO.messages, tree))
        assert "structured_outputs" not in loopback.requests[0]
        told = loopback.requests[0]["messages"][0]["content"].rsplit("\n", 1)[1]
        assert json.loads(told) == tree
        assert (reply.guided, reply.text) == ("prompt", "[[]]")

    async def test_equal_schemas_are_sent_as_equal_bytes(
        self, build: Build, loopback: Loopback
    ) -> None:
        """The server's cache of compiled schemas is asked for the same bytes each time."""
        assert TYPED.schema is not None
        turned = json.loads(json.dumps(TYPED.schema, sort_keys=True))
        turned["properties"] = TYPED.schema["properties"]
        tier = build()
        await tier.ask(TYPED)
        await tier.ask(Request(HELLO.messages, {"title": "Other", **turned}))
        first, second = (json.dumps(sent["structured_outputs"]) for sent in loopback.requests)
        assert first == second

    async def test_strict_mode_gets_a_strict_schema(self, build: Build, loopback: Loopback) -> None:
        """A provider's strict mode wants every property required and no others."""
        reply = await build(params={"model": "openai/gpt-4o-mini"}).ask(TYPED)
        form = loopback.requests[0]["response_format"]["json_schema"]
        assert form["strict"] is True
        assert form["schema"]["required"] == ["word", "count"]
        assert form["schema"]["additionalProperties"] is False
        assert reply.guided == "strict"

    async def test_strict_mode_unwraps_what_is_no_object(
        self, build: Build, loopback: Loopback
    ) -> None:
        """A root that strict mode does not take goes in an object and comes out of it again."""
        request = Request(HELLO.messages, json_schema(list[int]))
        loopback.script(say('{ "reply": [1, 23] }'))
        reply = await build(guided="strict").ask(request)
        assert loopback.requests[0]["response_format"]["json_schema"]["schema"]["required"]
        assert reply.text == "[1, 23]"
        assert "".join(token.text for token in reply.tokens) == reply.text

    async def test_open_map_has_no_strict_schema(self, build: Build, loopback: Loopback) -> None:
        """What strict mode cannot say goes into the prompt, and the record says so."""
        request = Request(HELLO.messages, json_schema(dict[str, int]))
        reply = await build(guided="strict").ask(request)
        assert "response_format" not in loopback.requests[0]
        assert reply.guided == "prompt"

    async def test_other_models_are_told_the_schema(self, build: Build, loopback: Loopback) -> None:
        """Without guided decoding the schema ends the system message."""
        loopback.script(say('{"word": "hi"}'))
        reply = await build(params={"model": "openai/some-server"}).ask(TYPED)
        system = loopback.requests[0]["messages"][0]["content"]
        assert system.startswith("Be brief.")
        assert json.loads(system.rsplit("\n", 1)[1]) == TYPED.schema
        assert "response_format" not in loopback.requests[0]
        assert reply.guided == "prompt"

    async def test_code_fence_is_taken_off(self, build: Build, loopback: Loopback) -> None:
        """Models that are only told a schema like to fence their JSON."""
        loopback.script(say('```json\n{"word": "hi"}\n```'))
        reply = await build(guided="prompt").ask(TYPED)
        assert reply.text == '{"word": "hi"}'
        assert "".join(token.text for token in reply.tokens) == reply.text

    async def test_configuration_overrides(self, build: Build, loopback: Loopback) -> None:
        """`guided` in the configuration counts more than what the provider is known for."""
        reply = await build(guided="prompt").ask(TYPED)
        assert "response_format" not in loopback.requests[0]
        assert reply.guided == "prompt"

    async def test_way_follows_the_deployment(self, build: Build, loopback: Loopback) -> None:
        """In one tier every deployment is asked in its own way."""
        tier = build(deployment("a", loopback.url), deployment("b", loopback.url, guided="prompt"))
        loopback.script(fail(500), say('{"word": "hi"}'))
        reply = await tier.ask(TYPED)
        ways = ["structured_outputs" in sent for sent in loopback.requests]
        assert sorted(ways) == [False, True]
        assert reply.guided == {"a": "outlines", "b": "prompt"}[reply.deployment]


REFUSED = "http://127.0.0.1:1/v1"
HOURLY: dict[str, Any] = {
    "usd_per_mtok_in": None,
    "usd_per_mtok_out": None,
    "usd_per_hour": 3600,
}

FAILURES = [
    pytest.param(fail(500, "boom"), Unreachable, "boom", id="500"),
    pytest.param(fail(502, "no one"), Unreachable, "no one", id="502"),
    pytest.param(fail(503, "busy"), Unreachable, "busy", id="503"),
    pytest.param(cut(), Unreachable, "", id="cut"),
    pytest.param(send("{nope"), Unreachable, "", id="invalid JSON"),
    pytest.param(send("[]"), Unreachable, "", id="JSON of another shape"),
    pytest.param(send('{"choices": []}'), Unreachable, "", id="no choices"),
    pytest.param(html(), Unreachable, "", id="HTML"),
    pytest.param(fail(429, "slow down"), RateLimited, "slow down", id="429"),
    pytest.param(fail(400, "bad thing"), Rejected, "bad thing", id="400"),
    pytest.param(fail(401, "who?"), Rejected, "api_key", id="401"),
    pytest.param(fail(403, "no entry"), Rejected, "no entry", id="403"),
    pytest.param(fail(404, "no such model"), Rejected, "'model'", id="404"),
    pytest.param(fail(418, "teapot"), Rejected, "teapot", id="418"),
    pytest.param(
        fail(
            400,
            "This model's maximum context length is 128 tokens.",
            code="context_length_exceeded",
        ),
        Rejected,
        "Shorten",
        id="too long",
    ),
    pytest.param(say("", finish="content_filter"), Rejected, "refused", id="content filter"),
    pytest.param(say("half a", finish="abort"), Unreachable, "broke off", id="stopped"),
    pytest.param(say("half a", finish="error"), Unreachable, "broke off", id="failed"),
]


class TestFailure:
    @pytest.mark.parametrize("provider", ["hosted_vllm", "openai"])
    @pytest.mark.parametrize(("answer", "kind", "words"), FAILURES)
    async def test_is_typed(
        self,
        build: Build,
        loopback: Loopback,
        answer: Answer,
        kind: type[ModelError],
        words: str,
        provider: str,
    ) -> None:
        """What a server does wrong is one line of the right class, and names the deployment."""
        loopback.script(answer)
        with pytest.raises(kind) as raised:
            await build(params={"model": f"{provider}/small"}).ask(HELLO)
        assert raised.value.deployment == "a"
        assert "'a'" in str(raised.value)
        assert words in str(raised.value)
        assert "\n" not in str(raised.value)
        assert "litellm" not in str(raised.value).lower()

    @pytest.mark.parametrize("provider", ["hosted_vllm", "openai"])
    async def test_refused_connection(self, build: Build, provider: str) -> None:
        """A server that is not there is unreachable."""
        with pytest.raises(Unreachable, match=r"cannot be reached.*'api_base'"):
            await build(
                params={"model": f"{provider}/small", "api_base": REFUSED, "api_key": "x"}
            ).ask(HELLO)

    @pytest.mark.parametrize("provider", ["hosted_vllm", "openai"])
    async def test_server_that_is_not_there_costs_nothing(
        self, build: Build, provider: str
    ) -> None:
        """No machine has worked on the request, however long it took to find out."""
        tier = build(params={"model": f"{provider}/small", "api_base": REFUSED}, **HOURLY)
        with pytest.raises(Unreachable) as raised:
            await tier.ask(HELLO)
        assert (raised.value.seconds, raised.value.nano_usd) == (0, 0)

    async def test_connection_that_breaks_costs_its_time(
        self, build: Build, loopback: Loopback
    ) -> None:
        """There was a server, which has worked until then."""
        loopback.script(cut())
        with pytest.raises(Unreachable) as raised:
            await build(params={"model": "openai/small"}, **HOURLY).ask(HELLO)
        assert raised.value.nano_usd > 0

    async def test_missing_key(self, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
        """A deployment without a key is refused once, not tried again."""
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        with pytest.raises(Rejected, match="'api_key'"):
            await build(params={"model": "openai/small", "api_key": None}).ask(HELLO)

    @pytest.mark.parametrize("provider", ["hosted_vllm", "openai"])
    async def test_stall(self, build: Build, loopback: Loopback, provider: str) -> None:
        """A server that does not answer in `timeout_s` is unreachable; its time is paid for."""
        loopback.script(stall())
        tier = build(params={"model": f"{provider}/small"}, timeout_s=0.05, usd_per_hour=3600)
        with pytest.raises(Unreachable, match="took too long") as raised:
            await tier.ask(HELLO)
        assert raised.value.seconds > 0
        assert raised.value.nano_usd > 0

    async def test_truncated_reply_is_paid_for(self, build: Build, loopback: Loopback) -> None:
        """A reply cut off by `max_tokens` is an error that says what it cost."""
        loopback.script(say('{"word": "he', finish="length"))
        with pytest.raises(Truncated) as raised:
            await build().ask(TYPED)
        assert (raised.value.tokens_in, raised.value.tokens_out) == (11, 7)
        assert raised.value.nano_usd == 25_000

    @pytest.mark.parametrize(
        ("max_tokens", "hint"), [(7, "'max_tokens' is 7"), (8, "filled the model's context: 18")]
    )
    async def test_what_cut_a_reply_off_is_said(
        self, build: Build, loopback: Loopback, max_tokens: int, hint: str
    ) -> None:
        """The agent's own limit, or the model's context where the reply is shorter than that."""
        loopback.script(say("he", finish="length"))
        with pytest.raises(Truncated, match=hint):
            await build().ask(replace(HELLO, max_tokens=max_tokens))

    async def test_cancelled_request_stays_cancelled(
        self, build: Build, loopback: Loopback
    ) -> None:
        """Cancelling a run is not taken for a failure of the deployment."""
        loopback.script(stall())
        asking = asyncio.ensure_future(build().ask(HELLO))
        await asyncio.to_thread(loopback.arrived.wait)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    async def test_cancelled_request_has_cost_its_prompt(
        self, build: Build, loopback: Loopback
    ) -> None:
        """What was sent has been paid for, whoever waits for the reply."""
        loopback.script(stall())
        error = await cancelled(build(), loopback)
        assert error.deployment == "a"
        assert 0 < error.tokens_in < 50
        assert error.tokens_out == 0
        assert error.nano_usd == error.tokens_in * 1000
        assert isinstance(error.__cause__, asyncio.CancelledError)

    async def test_cancelled_request_has_cost_its_time(
        self, build: Build, loopback: Loopback
    ) -> None:
        """A machine that is paid by the hour has worked until then."""
        loopback.script(stall())
        error = await cancelled(build(**HOURLY), loopback)
        assert error.seconds > 0
        assert error.nano_usd == pytest.approx(error.seconds * 10**9, rel=0.01)


class TestRetry:
    async def test_transport_error_is_tried_again(self, build: Build, loopback: Loopback) -> None:
        """A 500 is asked again, once: neither LiteLLM nor its clients retry on their own."""
        loopback.script(fail(500), say("Hi."))
        assert (await build(attempts=2).ask(HELLO)).text == "Hi."
        assert len(loopback.requests) == 2

    @pytest.mark.parametrize("provider", ["hosted_vllm", "openai"])
    async def test_attempts_are_not_multiplied(
        self, build: Build, loopback: Loopback, provider: str
    ) -> None:
        """Three attempts are three requests."""
        loopback.default = fail(500)
        with pytest.raises(Unreachable):
            await build(attempts=3, params={"model": f"{provider}/small"}).ask(HELLO)
        assert len(loopback.requests) == 3

    @pytest.mark.parametrize("provider", ["hosted_vllm", "openai"])
    async def test_retry_after_is_honoured(
        self, build: Build, loopback: Loopback, waits: list[float], provider: str
    ) -> None:
        """The server's Retry-After is what is waited."""
        loopback.script(fail(429, Retry_After="0.1"))
        started = time.perf_counter()
        await build(attempts=2, params={"model": f"{provider}/small"}).ask(HELLO)
        assert time.perf_counter() - started >= 0.1
        assert waits[0] >= 0.1

    async def test_waits_are_not_paid_for(
        self, build: Build, loopback: Loopback, waits: list[float]
    ) -> None:
        """A machine that is paid by the hour has not worked in them."""
        loopback.script(fail(500), fail(429))
        reply = await build(attempts=3, **HOURLY).ask(HELLO)
        assert len(waits) == 2
        assert reply.seconds < sum(waits)
        assert reply.nano_usd == pytest.approx(reply.seconds * 1e9, rel=0.01)

    async def test_refusal_is_not_tried_again(self, build: Build, loopback: Loopback) -> None:
        """A bad request stays bad."""
        loopback.script(fail(400))
        with pytest.raises(Rejected):
            await build(attempts=3).ask(HELLO)
        assert len(loopback.requests) == 1

    async def test_refusal_does_not_hide_behind_a_cooldown(
        self, build: Build, loopback: Loopback
    ) -> None:
        """A wrong key is named every time, not once and then 'no deployments available'."""
        loopback.script(fail(401), fail(401))
        tier = build()
        for _ in range(2):
            with pytest.raises(Rejected, match="refused the key"):
                await tier.ask(HELLO)


class TestSeveralDeployments:
    @pytest.fixture
    def second(self) -> Any:
        server = Loopback().start()
        yield server
        server.stop()

    async def test_other_deployment_takes_over_at_once(
        self, build: Build, loopback: Loopback, second: Loopback, waits: list[float]
    ) -> None:
        """When one is down the other answers, without a wait, and is named."""
        loopback.default = fail(500)
        tier = build(deployment("a", loopback.url), deployment("b", second.url))
        replies = [await tier.ask(HELLO) for _ in range(8)]
        assert {reply.deployment for reply in replies} == {"b"}
        assert waits == []

    async def test_limited_deployment_cools_down(
        self, build: Build, loopback: Loopback, second: Loopback
    ) -> None:
        """After a 429 the deployment is left alone for as long as it asked."""
        loopback.default = fail(429, Retry_After="60")
        tier = build(deployment("a", loopback.url), deployment("b", second.url))
        for _ in range(20):
            await tier.ask(HELLO)
        assert len(loopback.requests) <= 1

    async def test_all_are_tried_before_waiting(
        self, build: Build, loopback: Loopback, second: Loopback, waits: list[float]
    ) -> None:
        """A round asks each once; then comes a wait and another round, cooling down or not."""
        loopback.default = second.default = fail(500)
        tier = build(deployment("a", loopback.url), deployment("b", second.url), attempts=2)
        with pytest.raises(Unreachable):
            await tier.ask(HELLO)
        assert (len(loopback.requests), len(second.requests)) == (2, 2)
        assert len(waits) == 1

    async def test_what_a_stalled_server_took_is_booked(
        self, build: Build, loopback: Loopback, second: Loopback
    ) -> None:
        """Nobody tells its usage: prompt and `max_tokens` count, once for each deployment."""
        loopback.default = second.default = stall()
        priced = {"usd_per_mtok_in": 10, "usd_per_mtok_out": 100, "timeout_s": 0.1}
        tier = build(
            deployment("a", loopback.url, **priced),
            deployment("b", second.url, **priced),
            attempts=3,
        )
        worst = tier.worst(HELLO).spend(HELLO.max_tokens)
        with pytest.raises(Unreachable) as raised:
            await tier.ask(HELLO)
        replies = 2 * HELLO.max_tokens * 100_000
        assert replies < raised.value.nano_usd <= worst.nano_usd
        assert raised.value.tokens_out == HELLO.max_tokens

    async def test_all_tries_together_stay_below_the_worst(
        self, build: Build, loopback: Loopback, second: Loopback
    ) -> None:
        """Time and cost of every deployment that stalls count, and are held beforehand."""
        loopback.default = second.default = stall()
        hourly = HOURLY | {"timeout_s": 0.1}
        tier = build(
            deployment("a", loopback.url, **hourly),
            deployment("b", second.url, **hourly | {"usd_per_hour": 7200}),
            attempts=3,
        )
        worst = tier.worst(HELLO)
        with pytest.raises(Unreachable) as raised:
            await tier.ask(HELLO)
        assert raised.value.seconds > 0.2
        took = Spend(raised.value.nano_usd, 0, 1, round(raised.value.seconds * 1e6))
        assert took.beyond(worst.spend(HELLO.max_tokens)) == ""

    async def test_weight_decides(self, build: Build, loopback: Loopback, second: Loopback) -> None:
        """LiteLLM's `weight` shares out the requests."""
        tier = build(
            deployment("a", loopback.url, params={"weight": 0}),
            deployment("b", second.url, params={"weight": 1}),
        )
        assert {(await tier.ask(HELLO)).deployment for _ in range(8)} == {"b"}

    async def test_cancelled_request_has_cost_its_earlier_tries(
        self, build: Build, loopback: Loopback, second: Loopback
    ) -> None:
        """A deployment that failed before the one that was cancelled is paid for, too."""
        loopback.script(fail(500))
        second.script(stall())
        tier = build(
            deployment("a", loopback.url, params={"weight": 1}, **HOURLY),
            deployment("b", second.url, params={"weight": 0}),
        )
        error = await cancelled(tier, second)
        assert error.deployment == "b"
        assert error.nano_usd > error.tokens_in * 1000 > 0

    async def test_tiers_are_kept_apart(self, loopback: Loopback, second: Loopback) -> None:
        """One Router serves all tiers; each asks its own deployments."""
        large = Deployment(
            name="b",
            tier="llm",
            litellm_params={"model": "openai/large", "api_base": second.url, "api_key": "x"},
            usd_per_hour=Decimal(1),
        )
        models = router_models([deployment("a", loopback.url), large])
        assert (await models["slm"].ask(HELLO)).deployment == "a"
        assert (await models["llm"].ask(HELLO)).deployment == "b"
        for model in models.values():
            await model.close()


class TestAgent:
    async def test_runs_over_http(self, build: Build) -> None:
        """A typed agent on a real server: the answer, its route and its price."""
        system = System({"slm": build()})
        run = await system.run(Agent(str, Answered, "Say a word."), "Which?")
        assert isinstance(run.output, Answered)
        assert run.path == ("answered@slm",)
        assert run.cost.nano_usd == 25_000
        assert run.attempts[0].guided == "outlines"
        assert run.confidence == pytest.approx(0.905, abs=0.001)

    async def test_tool_step_goes_through_strict_mode(
        self, build: Build, loopback: Loopback
    ) -> None:
        """A provider without root unions still gets tools and answer as one grammar."""
        loopback.script(
            say('{"reply": {"tool": "double", "args": {"n": 21}}}'),
            say('{"reply": {"final": {"word": "x", "count": 42}}}'),
        )
        agent = Agent(str, Answered, "Count.", tools=[double])
        run = await System({"slm": build(guided="strict")}).run(agent, "How many?")
        assert run.output.count == 42
        assert loopback.requests[1]["messages"][-1]["content"] == "Result of double: 42"

    async def test_server_that_is_down_fails_the_run(
        self, build: Build, loopback: Loopback
    ) -> None:
        """A run whose only model is unreachable is returned as failed, with the reason."""
        loopback.default = fail(500, "out of memory")
        run = await System({"slm": build()}).run(Agent(str, Answered, "Say a word."), "Which?")
        assert run.status == "failed"
        assert "out of memory" in run.error

    async def test_next_tier_takes_over_when_one_is_down(self, loopback: Loopback) -> None:
        """An agent that may escalate does so when its tier cannot be reached."""
        down = deployment("small", REFUSED)
        up = deployment("large", loopback.url).model_copy(update={"tier": "llm"})
        models = router_models([down, up], policy=RetryPolicy(attempts=1))
        async with System(models) as system:
            run = await system.run(Agent(str, Answered, "Say a word.", escalate="llm"), "Which?")
        assert run.ok
        assert run.attempts[-1].deployment == "large"


class TestConfiguration:
    def test_unpriced_deployment_is_refused(self) -> None:
        """A local model without a price would make every budget meaningless."""
        with pytest.raises(SettingsError, match="'a' has no price: give usd_per_hour or usd_per"):
            router_models([deployment(usd_per_mtok_in=None, usd_per_mtok_out=None)])

    @pytest.mark.parametrize(
        "params",
        [{"n": 3}, {"max_completion_tokens": 9}, {"extra_body": {"max_tokens": 9}}],
        ids=str,
    )
    def test_what_gets_round_max_tokens_is_refused(self, params: dict[str, Any]) -> None:
        """No budget could be kept: a request could cost more than its `max_tokens`."""
        with pytest.raises(SettingsError, match="'max_tokens'"):
            router_models([deployment(params=params)])

    def test_provider_without_max_tokens_is_refused(self) -> None:
        """LiteLLM would leave the bound out without a word."""
        with pytest.raises(SettingsError, match="'a': its provider takes no 'max_tokens'"):
            router_models([deployment(params={"model": "morph/small"})])

    async def test_long_template_is_counted_once_it_is_known(
        self, build: Build, loopback: Loopback
    ) -> None:
        """A server that adds more to a prompt than others is found out by its first reply."""
        loopback.default = say(usage={"prompt_tokens": 5000, "completion_tokens": 1})
        tier = build()
        assert tier.worst(HELLO).tokens_in < 5000
        await tier.ask(HELLO)
        assert tier.worst(HELLO).tokens_in == 5000

    async def test_known_model_has_its_list_price(self, build: Build, loopback: Loopback) -> None:
        """LiteLLM's own list prices API models that the configuration does not."""
        tier = build(
            params={"model": "openai/gpt-4o-mini"}, usd_per_mtok_in=None, usd_per_mtok_out=None
        )
        assert (await tier.ask(HELLO)).nano_usd == 11 * 150 + 7 * 600

    def test_unknown_provider_is_named(self) -> None:
        """A model of no provider is an error of the configuration, with an example."""
        with pytest.raises(SettingsError, match=r"'nonsense'.*hosted_vllm/"):
            router_models([deployment(params={"model": "nonsense"})])

    async def test_nothing_is_printed(
        self, build: Build, loopback: Loopback, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """LiteLLM writes on neither stream, whatever goes wrong."""
        loopback.script(fail(500), fail(401), html(), cut())
        tier = build()
        for _ in range(4):
            with pytest.raises(ModelError):
                await tier.ask(HELLO)
        logging.getLogger("LiteLLM").error("to be seen by the application alone")
        assert capfd.readouterr() == ("", "")

    def test_module_does_not_import_litellm(self) -> None:
        """LiteLLM costs seconds; it is imported when a router is built."""
        code = "import sys, agentsys.models.litellm; sys.exit('litellm' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

    def test_import_opens_no_connection(self) -> None:
        """Building a router reaches nobody: prices come from the list that LiteLLM ships."""
        code = """
import socket, sys
from agentsys.settings import Deployment
from agentsys.models.litellm import router_models
def refuse(*args): sys.exit(f"reached {args}")
socket.socket.connect = socket.getaddrinfo = refuse
params = {"model": "openai/gpt-4o-mini", "api_key": "x"}
router_models([Deployment(name="a", tier="slm", litellm_params=params)])
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


class TestMapping:
    def test_every_exception_of_litellm_is_mapped(self) -> None:
        """Each has a place in the table, its own or that of a class it comes from."""
        import litellm.exceptions

        theirs = [
            kind
            for kind in vars(litellm.exceptions).values()
            if isinstance(kind, type) and issubclass(kind, Exception)
        ]
        assert len(theirs) > 20
        known = {*KINDS, *BY_STATUS}
        assert [k for k in theirs if not known & {a.__name__ for a in k.__mro__}] == []

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (200, Unreachable),
            (402, Rejected),
            (429, RateLimited),
            (529, Unreachable),
            (None, Rejected),
        ],
    )
    def test_nameless_errors_go_by_status(self, status: int | None, kind: type[ModelError]) -> None:
        """LiteLLM's `APIError` and other people's exceptions are sorted by their HTTP status."""
        error = RuntimeError("odd")
        error.status_code = status  # type: ignore[attr-defined]  # what HTTP clients' errors have
        assert type(model_error(error, "a")) is kind

    def test_retry_after_may_be_a_date(self) -> None:
        """RFC 9110 allows a date as well as seconds."""
        error = RuntimeError("odd")
        headers = {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}
        error.litellm_response_headers = headers  # type: ignore[attr-defined]  # as LiteLLM does
        assert model_error(error, "a").retry_after == 0
