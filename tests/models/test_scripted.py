"""The test double errs as often as it is told, and is the same for the same seed."""

import pytest

from agentsys.errors import Unreachable
from agentsys.messages import Message
from agentsys.models.base import Request
from agentsys.models.scripted import Scripted


def request(n: int = 0) -> Request:
    return Request((Message("system", "x"), Message("user", f"task {n}")), schema={})


async def right(model: Scripted, tasks: int) -> list[bool]:
    return [(await model.ask(request(n))).text == "right" for n in range(tasks)]


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
async def test_error_rate(rate: float) -> None:
    """Over many tasks the share of wrong answers is the error rate."""
    answers = await right(Scripted("right", wrong="wrong", error_rate=rate), 2_000)
    assert answers.count(False) / 2_000 == pytest.approx(rate, abs=0.04)


async def test_errors_depend_on_the_task_and_the_seed() -> None:
    """The same task is right or wrong again; another seed errs elsewhere."""
    first = await right(Scripted("right", wrong="wrong", error_rate=0.5, seed=1), 50)
    assert first == await right(Scripted("right", wrong="wrong", error_rate=0.5, seed=1), 50)
    assert first != await right(Scripted("right", wrong="wrong", error_rate=0.5, seed=2), 50)


async def test_answers_in_turn() -> None:
    """A list is given in turn, and its last answer repeats."""
    model = Scripted(["a", {"b": 1}])
    assert [(await model.ask(request())).text for _ in range(3)] == ["a", '{"b":1}', '{"b":1}']
    assert len(model.requests) == 3


async def test_scripted_error() -> None:
    """An error in the script is raised."""
    with pytest.raises(Unreachable, match="down"):
        await Scripted(Unreachable("down.")).ask(request())


async def test_tokens_spell_the_reply() -> None:
    """With a confidence, the tokens concatenate to the text."""
    reply = await Scripted({"a": "b c"}, confidence=0.5).ask(request())
    assert "".join(token.text for token in reply.tokens) == reply.text
    assert reply.usage.tokens_out == len(reply.tokens)
