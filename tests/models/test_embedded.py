"""llama.cpp in process, on a model with random weights."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from agentsys.errors import Rejected, SettingsError, Truncated, Unreachable
from agentsys.guide import guide
from agentsys.models.base import Cancelled, Model, Request
from agentsys.models.embedded import Embedded
from agentsys.schema import conform, json_schema
from agentsys.settings import Deployment
from tests.guided_shapes import SHAPES
from tests.models.conformance import SCHEMA, question
from tests.tiny_gguf import write_tiny_gguf

ENDLESS = {"type": "string", "pattern": "^a{2000}$"}


@pytest.fixture
def weights(gguf: Path) -> bytes:
    """What is in the file."""
    return gguf.read_bytes()


def deployment(gguf: Path | str, **changes: Any) -> Deployment:
    """A deployment of the file, with prices that are easy to compute with."""
    given = {"name": "tiny", "tier": "slm", "usd_per_mtok_in": 1, "usd_per_mtok_out": 2}
    return Deployment.model_validate(given | {"gguf": str(gguf)} | changes)


@pytest.fixture
async def model(gguf: Path) -> AsyncIterator[Embedded]:
    """The model, closed after the test."""
    model = Embedded(deployment(gguf))
    yield model
    await model.close()


async def test_outlines_holds_the_reply(model: Model) -> None:
    """A schema that Outlines compiles is enforced by its regular expression."""
    pattern = {"type": "string", "pattern": r"^\d{2}/\d{2}é\"$"}
    reply = await model.ask(question(schema=pattern, temperature=1.0, seed=1))
    conform(json.loads(reply.text), pattern)
    assert reply.guided == "outlines"


@pytest.mark.parametrize("shape", SHAPES)
async def test_replies_are_instances_of_the_type(model: Model, shape: str) -> None:
    """Greedy or drawn, whatever comes back is valid, with nothing left to validate afterwards."""
    kind = SHAPES[shape]
    schema = json_schema(kind)
    assert guide(schema).unenforced == ()
    for temperature, seed in ((0.0, None), (1.0, 1), (1.5, 2)):
        reply = await model.ask(question(schema=schema, temperature=temperature, seed=seed))
        TypeAdapter(kind).validate_json(reply.text)
        assert reply.guided == "outlines"


async def test_tokens_that_the_mask_forced_are_marked(model: Model) -> None:
    """The model had no choice about a constant; about a number it had one."""
    schema = {
        "type": "object",
        "properties": {"unit": {"const": "pens"}, "count": {"type": "integer"}},
        "required": ["unit", "count"],
    }
    reply = await model.ask(question(schema=schema))
    assert "pens" in "".join(token.text for token in reply.tokens if token.forced)
    digits = [token for token in reply.tokens if token.text.isdigit()]
    assert digits
    assert not any(token.forced for token in digits)


async def test_what_outlines_refuses_falls_back_to_the_engines_grammar(model: Model) -> None:
    """Alternatives that all hold are enforced by llama.cpp itself, and the record says so."""
    both = {"allOf": [{"anyOf": [{"const": c} for c in pair]} for pair in ("ab", "bc")]}
    reply = await model.ask(question(schema=both, temperature=1.0, seed=1))
    conform(json.loads(reply.text), both)
    assert reply.guided == "grammar"


async def test_a_schema_that_nothing_enforces_is_not_claimed_to_be(model: Model) -> None:
    """The engine drops such a grammar silently; the record does not."""
    impossible = {"$ref": "https://example.org/schema"}
    for seed in range(50):
        try:
            reply = await model.ask(
                question(schema=impossible, temperature=1.0, seed=seed, max_tokens=400)
            )
        except Truncated:
            continue
        assert reply.guided == "none"
        return
    pytest.fail("no reply came to an end")


async def test_log_probabilities_are_those_before_the_mask(model: Model) -> None:
    """A forced token shows how little the model expected it."""
    reply = await model.ask(question(schema={"const": "a"}))
    assert reply.text == '"a"'
    assert all(token.logprob < -0.5 for token in reply.tokens)


async def test_the_price_is_the_deployments(model: Model) -> None:
    """Tokens times the configured price, in nano-dollars."""
    reply = await model.ask(question())
    assert reply.nano_usd == reply.usage.tokens_in * 1000 + reply.usage.tokens_out * 2000


async def test_time_is_charged_by_the_hour(gguf: Path) -> None:
    """A price per hour is charged for the seconds that the call took."""
    hourly = {"usd_per_mtok_in": None, "usd_per_mtok_out": None, "usd_per_hour": Decimal(3600)}
    model = Embedded(deployment(gguf, **hourly))
    reply = await model.ask(question())
    assert reply.nano_usd == pytest.approx(reply.seconds * 1e9, rel=1e-6)
    await model.close()


async def test_a_prompt_longer_than_the_context_is_rejected(model: Model) -> None:
    """The error names the tokens of the prompt and of the context."""
    with pytest.raises(Rejected, match=r"5,\d\d\d tokens; 'tiny' takes 1,024"):
        await model.ask(question("x" * 5000))


async def test_a_context_beyond_the_models_own_is_not_asked_for() -> None:
    """Where the model ends before the deployment's `context` does, raising that is no help."""
    model = Embedded(deployment("mini-slm", context=4096))
    with pytest.raises(Rejected, match="'tiny' takes 1,024") as caught:
        await model.ask(question("word " * 1024))
    assert caught.value.hint == "Shorten the task."
    await model.close()


async def test_a_reply_that_fills_the_context_is_truncated(model: Model) -> None:
    """The hint says that it was the context, not `max_tokens`."""
    with pytest.raises(Truncated, match="Shorten the task, or raise 'context'") as caught:
        await model.ask(question("x" * 900, schema=ENDLESS, max_tokens=5000))
    assert caught.value.tokens_in + caught.value.tokens_out == 1024


async def test_a_hundred_kilobytes_are_rejected_not_fatal(model: Model) -> None:
    """The next request is answered."""
    with pytest.raises(Rejected):
        await model.ask(question("word " * 20_000))
    await model.ask(question())


async def test_a_cancelled_request_returns_and_frees_its_place(gguf: Path) -> None:
    """With one place only, the next request would wait for a generation that goes on."""
    model = Embedded(deployment(gguf, parallel=1, context=100_000))
    await model.ask(question())
    long = {"type": "string", "pattern": "^a{90000}$"}
    endless = asyncio.create_task(model.ask(question(schema=long, max_tokens=99_000)))
    await asyncio.wait({endless}, timeout=0.2)
    assert endless.cancel()
    with pytest.raises(asyncio.CancelledError):
        await endless
    async with asyncio.timeout(10):
        conform(json.loads((await model.ask(question())).text), SCHEMA)
    await model.close()


async def cancelled(model: Embedded, request: Request) -> Cancelled:
    """What a request raises that is cancelled once it has generated something."""
    for wait_s in (0.1, 0.3, 1.0, 3.0, 9.0):
        asking = asyncio.create_task(model.ask(request))
        await asyncio.wait({asking}, timeout=wait_s)
        assert asking.cancel()
        with pytest.raises(Cancelled) as caught:
            await asking
        if caught.value.tokens_out:
            return caught.value
    pytest.fail("nothing was generated")


@pytest.mark.parametrize("hourly", [False, True])
async def test_a_cancelled_request_says_what_it_took(gguf: Path, hourly: bool) -> None:
    """The prompt, the tokens until then, and the time, at the deployment's price."""
    prices = {"usd_per_mtok_in": None, "usd_per_mtok_out": None, "usd_per_hour": 3600}
    model = Embedded(deployment(gguf, context=100_000, **(prices if hourly else {})))
    prompt = (await model.ask(question())).usage.tokens_in
    long = {"type": "string", "pattern": "^a{90000}$"}
    error = await cancelled(model, question(schema=long, max_tokens=99_000))
    assert (error.deployment, error.tokens_in) == ("tiny", prompt)
    assert 0 < error.tokens_out < 90_000
    by_token = error.tokens_in * 1000 + error.tokens_out * 2000
    assert error.nano_usd == (pytest.approx(error.seconds * 1e9, rel=1e-6) if hourly else by_token)
    assert isinstance(error.__cause__, asyncio.CancelledError)
    await model.close()


async def test_a_request_that_is_cancelled_in_the_queue_is_free(gguf: Path) -> None:
    """With one place only, the second request has not begun."""
    model = Embedded(deployment(gguf, parallel=1, context=100_000, usd_per_hour=3600))
    long = {"type": "string", "pattern": "^a{90000}$"}
    first, second = (
        asyncio.create_task(model.ask(question(schema=long, max_tokens=99_000))) for _ in range(2)
    )
    await asyncio.wait({second}, timeout=0.1)
    second.cancel()
    first.cancel()
    with pytest.raises(Cancelled) as caught:
        await second
    assert (caught.value.tokens_in, caught.value.nano_usd, caught.value.seconds) == (0, 0, 0)
    await asyncio.wait({first})
    await model.close()


async def test_a_request_beyond_its_time_is_unreachable(gguf: Path) -> None:
    """`timeout_s` bounds a generation, and what it took is on the error."""
    model = Embedded(deployment(gguf, timeout_s=1e-6))
    with pytest.raises(Unreachable, match="within 1e-06 seconds") as caught:
        await model.ask(question(schema=ENDLESS, max_tokens=900))
    assert caught.value.tokens_in > 0
    assert caught.value.nano_usd >= caught.value.tokens_in * 1000
    assert caught.value.seconds <= 1e-6  # no more was held for it
    await model.close()


async def test_the_worst_prompt_fills_the_context_as_llama_cpp_rounds_it(gguf: Path) -> None:
    """A context of 300 takes prompts of up to 512 tokens."""
    model = Embedded(deployment(gguf, context=300))
    asked = question("x" * 440, schema={"const": 1})
    reply = await model.ask(asked)
    assert 300 < reply.usage.tokens_in <= model.worst(asked).tokens_in == 512
    await model.close()


async def test_the_worst_includes_a_mask_that_may_be_dropped(model: Embedded) -> None:
    """Until the engine has been seen to heed a mask, the request may be made twice."""
    asked = question()
    assert model.worst(asked).tries == 2
    await model.ask(asked)
    assert model.worst(asked).tries == 1
    assert model.worst(question(schema=None)).tries == 1


def test_event_loops_and_threads_share_a_model(gguf: Path) -> None:
    """The model outlives the loop of its first request and serves several threads."""
    model = Embedded(deployment(gguf))
    texts: list[str] = []

    def ask() -> None:
        for _ in range(3):
            texts.append(asyncio.run(model.ask(question())).text)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(model.close())
    assert len(texts) == 9
    assert set(texts) == {texts[0]}


async def test_a_closed_model_is_loaded_anew(model: Model) -> None:
    """Closing gives memory back; it does not end the model."""
    first = await model.ask(question())
    await model.close()
    assert (await model.ask(question())).text == first.text


async def test_two_models_live_side_by_side(gguf: Path, tmp_path: Path) -> None:
    """Closing one leaves the other at work."""
    other = Embedded(deployment(write_tiny_gguf(tmp_path / "other.gguf", seed=1), name="other"))
    model = Embedded(deployment(gguf))
    await asyncio.gather(model.ask(question()), other.ask(question()))
    await other.close()
    assert (await model.ask(question())).deployment == "tiny"
    await model.close()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "not a GGUF file"), (b"hello" * 99, "not a GGUF file"), (None, "cannot be read")],
    ids=["empty", "text", "missing"],
)
def test_a_file_that_is_no_model_is_named(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """The deployment, the path and the reason, before anything is loaded."""
    file = tmp_path / "model.gguf"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        Embedded(deployment("model.gguf"), folder=tmp_path)
    assert "'tiny'" in caught.value.message
    assert str(file) in caught.value.message
    assert reason in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("kept", [4, 9_000, 100_000])
async def test_a_damaged_model_is_named_when_it_is_loaded(
    weights: bytes, tmp_path: Path, kept: int
) -> None:
    """A file cut short, in its header or in its weights."""
    file = tmp_path / "cut.gguf"
    file.write_bytes(weights[:kept])
    model = Embedded(deployment(file))
    for _ in range(2):
        with pytest.raises(SettingsError, match=r"cannot load .*cut\.gguf"):
            await model.ask(question())
    await model.close()


def test_an_unknown_miniature_is_named_with_those_there_are() -> None:
    """A name that is no path is the name of a model that comes with agentsys."""
    with pytest.raises(SettingsError, match="no model 'mini-xl' comes with agentsys"):
        Embedded(deployment("mini-xl"))


def test_nothing_reaches_the_terminal(gguf: Path) -> None:
    """llama.cpp writes to the process's own stderr: only another process can see that."""
    script = f"""
import asyncio
from agentsys.models.embedded import Embedded
from agentsys.settings import Deployment
from tests.guided_shapes import SHAPES
from tests.models.conformance import question
given = dict(name="tiny", tier="slm", gguf={str(gguf)!r}, usd_per_hour=1)
print(asyncio.run(Embedded(Deployment(**given)).ask(question())).guided)
import sys
assert "litellm" not in sys.modules and "langgraph" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout == "outlines\n"
    assert done.returncode == 0
