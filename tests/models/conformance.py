"""What every model back end must do. Subclass `ModelConformance` and give a `backend` fixture.

The model behind its tier `slm` must be able to hold replies to a schema; it need not be sensible.
"""

import asyncio
import json
from typing import Any

import pytest

from agentsys.errors import ModelError, Truncated
from agentsys.messages import Message
from agentsys.models.base import Model, Reply, Request
from agentsys.money import Spend
from agentsys.schema import closed_object, conform, tagged_union
from tests.models.backends import BackEnd, Counted

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "word": {"type": "string", "maxLength": 6},
        "grade": {"enum": ["low", "high"]},
        "counts": {"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 1, "maxItems": 2},
    },
    "required": ["word", "grade", "counts"],
    "additionalProperties": False,
}


def question(text: str = "How many pens are left?", **changes: Any) -> Request:
    """A request with a schema, unless it is changed."""
    messages = (Message("system", "Answer."), Message("user", text))
    given: dict[str, Any] = {"schema": SCHEMA, "max_tokens": 200}
    return Request(messages, **(given | changes))


def conforms(reply: Reply) -> None:
    """Check that a reply to a `question` fits its schema."""
    conform(json.loads(reply.text), SCHEMA)


ODD = {
    "plain": question(),
    "without a schema": question(schema=None),
    "empty": question("", schema=None),
    "long": question("word " * 120),
    "a token a byte": question("\x00\x1b\x7f" * 100),
    "emoji": question("👩‍👩‍👧‍👦" * 20),
    "ligatures that normalise to many": question("ﷺ" * 40),
    "half surrogates": question("\ud800" * 40),
    "delimiters": question("<|im_start|>system\n<s>[INST]<|end|>" * 8),
    "tools": question(schema=tagged_union({"search": SCHEMA, "calculate": SCHEMA}, SCHEMA)),
    "recursive": question(schema={"type": "array", "items": {"$ref": "#"}, "maxItems": 1}),
    "cut off": question(max_tokens=1),
    "sampled": question(temperature=1.0, seed=7),
    "many turns": Request((Message("user", "a"), Message("assistant", "b")) * 12, SCHEMA),
}
"""Requests whose tokens are easily underestimated."""


class ModelConformance:
    """The suite."""

    @pytest.fixture
    def model(self, backend: BackEnd) -> Model:
        """What most tests ask."""
        return backend.models["slm"]

    async def test_a_reply_fits_its_schema(self, backend: BackEnd, model: Model) -> None:
        """What comes back is JSON of the schema that was asked for, held to it as is said."""
        reply = await model.ask(question())
        conforms(reply)
        assert reply.guided == backend.guided

    async def test_usage_cost_and_time_are_counted(self, model: Model) -> None:
        """Every reply says which deployment gave it and what that took."""
        reply = await model.ask(question())
        longer = await model.ask(question("How many pens are left? " * 4))
        assert reply.deployment
        assert 0 < reply.usage.tokens_in < longer.usage.tokens_in
        assert reply.usage.tokens_out > 0
        assert reply.seconds >= 0
        assert reply.nano_usd > 0

    async def test_usage_is_what_the_server_counted(self, backend: BackEnd, model: Model) -> None:
        """Tokens of prompts and replies, also of one that was cut off."""
        if backend.server is None:
            pytest.skip("nobody else counts")
        before = backend.server.counted()
        reply = await model.ask(question())
        with pytest.raises(Truncated) as cut:
            await model.ask(question(max_tokens=3))
        await backend.server.idle()
        assert backend.server.counted() == Counted(
            before.tokens_in + reply.usage.tokens_in + cut.value.tokens_in,
            before.tokens_out + reply.usage.tokens_out + cut.value.tokens_out,
            before.finished + 2,
        )

    @pytest.mark.parametrize("odd", ODD)
    async def test_nothing_takes_more_than_its_worst(self, model: Model, odd: str) -> None:
        """Tokens, cost and time stay within what budgets hold before a call, also in errors."""
        request = ODD[odd]
        worst = model.worst(request).spend(request.max_tokens)
        took: Reply | ModelError
        try:
            took = await model.ask(request)
            tokens = took.usage.tokens_in + took.usage.tokens_out
            assert took.usage.tokens_out <= request.max_tokens
        except ModelError as error:
            took, tokens = error, error.tokens_in + error.tokens_out
        assert Spend(took.nano_usd, tokens, 1, round(took.seconds * 1e6)).beyond(worst) == ""

    async def test_tokens_spell_the_reply(self, backend: BackEnd, model: Model) -> None:
        """The log-probabilities belong to tokens that together are the text."""
        reply = await model.ask(question(temperature=1.0, seed=3))
        if not backend.gives_tokens:
            assert reply.tokens == ()
            return
        assert "".join(token.text for token in reply.tokens) == reply.text
        assert all(token.logprob <= 0 for token in reply.tokens)

    async def test_the_same_seed_gives_the_same_reply(self, model: Model) -> None:
        """A sampled reply can be had again, and another seed gives another one."""
        seeds = [*range(5), *range(5)]
        replies = [await model.ask(question(temperature=1.0, seed=seed)) for seed in seeds]
        texts = [reply.text for reply in replies]
        assert texts[:5] == texts[5:]
        assert len(set(texts)) > 1

    async def test_requests_run_side_by_side(self, model: Model) -> None:
        """Twenty at once all get the reply to what they asked."""
        only = [closed_object({"only": {"type": "integer", "enum": [n]}}) for n in range(100, 120)]
        asked = [question(f"Question {n}?", schema=schema) for n, schema in enumerate(only)]
        replies: list[Reply] = await asyncio.gather(*(model.ask(request) for request in asked))
        assert [json.loads(r.text) for r in replies] == [{"only": n} for n in range(100, 120)]

    async def test_a_reply_that_is_cut_off_is_typed(self, model: Model) -> None:
        """Reaching `max_tokens` is its own error, and what was spent is on it."""
        with pytest.raises(Truncated) as caught:
            await model.ask(question(max_tokens=3))
        assert caught.value.tokens_in > 0
        assert caught.value.tokens_out == 3
        assert caught.value.nano_usd > 0
        assert not caught.value.retryable

    async def test_a_reply_ends_where_its_json_does(self, model: Model) -> None:
        """By itself: with as many tokens as it takes it is whole, with one less it is cut off."""
        reply = await model.ask(question())
        took = reply.usage.tokens_out
        assert reply.text == reply.text.strip()
        assert (await model.ask(question(max_tokens=took))).text == reply.text
        with pytest.raises(Truncated):
            await model.ask(question(max_tokens=took - 1))

    async def test_free_text_needs_no_schema(self, model: Model) -> None:
        """Without a schema nothing is enforced, and the record says so."""
        try:
            reply = await model.ask(question(schema=None, max_tokens=400, seed=1))
        except Truncated:
            return  # A model with random weights may not find an end.
        assert reply.guided == "none"

    async def test_text_in_any_language_is_taken(self, model: Model) -> None:
        """Emoji, right-to-left marks, control characters and half surrogates never crash."""
        reply = await model.ask(question("Wie viele ‮pens‬ 😀 é \x00\x1b \ud800 bleiben?"))
        conform(json.loads(reply.text), SCHEMA)

    async def test_closing_twice_does_nothing(self, model: Model) -> None:
        """A second close is harmless."""
        await model.ask(question())
        await model.close()
        await model.close()
