"""Calls that are put on record, and replayed in place of their models."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentsys import (
    Agent,
    Budget,
    ModelError,
    Price,
    Run,
    System,
    cascade,
    sample_verify,
)
from agentsys.errors import NotRecorded, RateLimited, SettingsError, Truncated
from agentsys.messages import Alternative, Message, Token, Usage
from agentsys.models.base import Reply, Request
from agentsys.models.recorded.recorder import Recorder
from agentsys.models.recorded.replay import Replay
from agentsys.models.scripted import Script, Scripted
from agentsys.money import Worst
from tests.shapes import Answer, Question, double

PRICE = Price(Decimal("0.05"), Decimal("0.08"))


def asker(instructions: str = "Give the length.") -> Agent[Question, Answer]:
    return Agent(Question, Answer, instructions, escalate="llm", repairs=0, name="solve")


def small(script: Script) -> Scripted:
    return Scripted(script, price=PRICE, confidence=0.9, family="tiny", name="small-one")


async def recorded(folder: Path, *texts: str, slm: Script, llm: Script = "") -> list[Run[Answer]]:
    models = {"slm": small(slm), "llm": Scripted(llm, price=PRICE, name="large-one")}
    async with System(Recorder(models, folder)) as system:
        return [await system.run(asker(), Question(text=text)) for text in texts]


async def replayed(
    folder: Path, *texts: str, node: Any = None, budget: Budget | None = None
) -> list[Run[Answer]]:
    async with System(Replay(folder)) as system:
        node = node or asker()
        return [await system.run(node, Question(text=text), budget=budget) for text in texts]


def told(run: Run[Any]) -> Any:
    """All that is told of a run, save its id, who answered, and how long it took by the clock."""
    data = run.to_json()
    data["run_id"] = data["cost"]["seconds"] = None
    ours = {"run_id": "", "call_id": "", "accounts": (), "stand_in": False}
    return data, [replace(call, **ours) for call in run.attempts]


async def test_same_everything(tmp_path: Path) -> None:
    """A replay gives the same outputs, paths, confidences, tokens and nano-dollars."""
    slm = [{"value": 2}, "no JSON", {"value": 3}]
    before = await recorded(tmp_path, "ab", "abc", "abcd", slm=slm, llm={"value": 3})
    assert [run.path for run in before][1] == ("solve@slm", "solve@llm")
    after = await replayed(tmp_path, "ab", "abc", "abcd")
    assert [told(run) for run in after] == [told(run) for run in before]


@pytest.mark.parametrize(
    "error",
    [
        Truncated("cut off", deployment="small-one", tokens_out=9, nano_usd=70, seconds=0.2),
        RateLimited("too fast", hint="Wait.", status=429, retry_after=2.5),
        ModelError("something else"),
    ],
)
async def test_errors(tmp_path: Path, error: ModelError) -> None:
    """A call that failed fails in the replay as it did, and costs the same."""
    before = await recorded(tmp_path, "ab", slm=error, llm=error)
    [after] = await replayed(tmp_path, "ab")
    assert told(after) == told(before[0])
    again = after.cause
    assert isinstance(again, type(error))
    assert (again.status, again.retry_after, again.hint) == (
        error.status,
        error.retry_after,
        error.hint,
    )


async def test_in_turn(tmp_path: Path) -> None:
    """A request that was recorded several times has its replies in turn; the last one repeats."""
    slm = [{"value": n} for n in (1, 2, 3)]
    await recorded(tmp_path, "ab", "ab", "ab", slm=slm)
    runs = await replayed(tmp_path, *["ab"] * 5)
    assert [run.output.value for run in runs] == [1, 2, 3, 3, 3]


async def test_changed_prompt(tmp_path: Path) -> None:
    """A request that is not on record ends the run, which shows what has changed, readably."""
    await recorded(tmp_path, "ab", "a longer text", slm={"value": 2})
    changed = asker("Give the length. Count every letter.")
    [run] = await replayed(tmp_path, "a longer text", node=changed)
    assert run.status == "failed"
    assert isinstance(run.cause, NotRecorded)
    assert run.error.startswith(NotRecorded.PREFIX)
    assert "\n" not in run.cause.message
    assert "+  Count every letter." in run.error.splitlines()
    assert "a longer text" not in "".join(
        line for line in run.error.splitlines() if line.startswith(("+", "-"))
    )
    assert run.path == ()
    assert run.cost.calls == 0


async def test_no_escalation_hides_it(tmp_path: Path) -> None:
    """What is not on record goes to no other tier, not even where that one is on record."""
    async with System(Recorder({"llm": Scripted({"value": 2})}, tmp_path)) as system:
        await system.run(asker().at("llm"), Question(text="ab"))
    [large] = await replayed(tmp_path, "ab", node=asker().at("llm"))
    assert large.ok
    changed, large = asker("Something else."), asker().at("llm")
    piped = (changed.at("slm") >> double).escalate("llm")
    for node in (changed, piped, cascade(changed, large), sample_verify(changed), changed.vote(2)):
        [run] = await replayed(tmp_path, "ab", node=node)
        assert isinstance(run.cause, NotRecorded), node


async def test_whole_request(tmp_path: Path) -> None:
    """All of a request is on record, and what comes back: tokens, alternatives, families."""
    asked = Request(
        (Message("system", "s"), Message("user", "u")), {"type": "string"}, 7, 0.7, 11, 3
    )
    token = Token("x", -0.5, True, (Alternative("x", -0.5), Alternative("y", -1.5)))
    given = Reply("x", Usage(3, 1), "small-one", "outlines", (token,), 0.25, 42)

    class Exact(Scripted):
        """Says just that."""

        async def ask(self, request: Request) -> Reply:
            return given

    recorder = Recorder({"slm": Exact("", family="tiny")}, tmp_path)
    await recorder["slm"].ask(asked)
    await recorder.close()
    replay = Replay(tmp_path)
    assert await replay["slm"].ask(asked) == given
    assert replay.families("slm") == {"tiny"}
    for changes in (
        {"max_tokens": 8},
        {"temperature": 0.0},
        {"seed": 12},
        {"alternatives": 0},
        {"schema": None},
    ):
        with pytest.raises(NotRecorded):
            await replay["slm"].ask(replace(asked, **changes))


async def test_other_tier(tmp_path: Path) -> None:
    """A tier replays its own calls; the tier `recorded` those of any."""
    await recorded(tmp_path, "ab", slm={"value": 2})
    [other] = await replayed(tmp_path, "ab", node=asker().at("llm"))
    assert "-tier: slm" in other.error.splitlines()
    [any_tier] = await replayed(tmp_path, "ab", node=asker().at("recorded"))
    assert any_tier.output.value == 2


async def test_budgets_hold(tmp_path: Path) -> None:
    """A budget that is too small for what is on record refuses it, before it is replayed."""
    [before] = await recorded(tmp_path, "ab", slm={"value": 2})
    short = Budget(usd=before.cost.usd / 2)
    [run] = await replayed(tmp_path, "ab", budget=short)
    assert run.status == "budget_exceeded"
    assert run.cost.nano_usd <= before.cost.nano_usd // 2


async def test_time_is_up(tmp_path: Path) -> None:
    """A call that took longer than a budget has left is cut off, and nobody waits for it."""

    class Slow(Scripted):
        """Took half a minute."""

        async def ask(self, request: Request) -> Reply:
            return replace(await super().ask(request), seconds=30.0)

        def worst(self, request: Request) -> Worst:
            return replace(super().worst(request), seconds=60.0)

    async with System(Recorder({"slm": Slow({"value": 2}, price=PRICE)}, tmp_path)) as system:
        before = await system.run(asker().at("slm"), Question(text="ab"))
    node = asker().at("slm")
    [enough] = await replayed(tmp_path, "ab", node=node, budget=Budget(seconds=40))
    assert (enough.output, enough.attempts[0].seconds) == (before.output, 30.0)
    [short] = await replayed(tmp_path, "ab", node=node, budget=Budget(seconds=20))
    assert short.status == "budget_exceeded"
    assert short.cost.nano_usd == before.cost.nano_usd


@pytest.mark.parametrize("max_tokens", [1, 8, 512])
async def test_worst_is_no_less(tmp_path: Path, max_tokens: int) -> None:
    """The worst case that a budget is told is never less than what is on record."""

    class Dear(Scripted):
        """Costs more than it said."""

        async def ask(self, request: Request) -> Reply:
            reply = await super().ask(request)
            return Reply(reply.text, reply.usage, "dear", "none", (), 7.5, 123_456_789)

    request = Request((), max_tokens=max_tokens)
    recorder = Recorder({"slm": Dear("many words of a long reply")}, tmp_path)
    reply = await recorder["slm"].ask(request)
    await recorder.close()
    spend = Replay(tmp_path)["slm"].worst(request).spend(max_tokens)
    assert spend.nano_usd >= 123_456_789
    assert spend.microseconds >= 7_500_000
    assert spend.tokens >= reply.usage.tokens_in + reply.usage.tokens_out


async def test_two_at_once(tmp_path: Path) -> None:
    """Two systems that record into one folder at once lose nothing."""

    async def record(name: str) -> None:
        models = {"slm": Scripted(lambda request: {"value": len(request.messages[1].content)})}
        async with System(Recorder(models, tmp_path)) as system:
            texts = [f"{name} {n}" for n in range(25)]
            node = asker().at("slm")
            await asyncio.gather(*(system.run(node, Question(text=text)) for text in texts))

    await asyncio.gather(record("first"), record("second"))
    texts = [f"{name} {n}" for name in ("first", "second") for n in range(25)]
    runs = await replayed(tmp_path, *texts)
    assert [run.output.value for run in runs] == [len(text) for text in texts]


async def test_odd_text(tmp_path: Path) -> None:
    """Any text that Python can hold comes back as it was, lone surrogates among it."""
    text = 'ä "quoted"\u2028\n\\ \udc80'
    await recorded(tmp_path, text, slm={"value": 1})
    [run] = await replayed(tmp_path, text)
    assert run.output.value == 1


async def test_torn_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A line that was being written is left out with a notice, also where it was gone on after."""
    await recorded(tmp_path, "ab", "abc", slm={"value": 2})
    file = tmp_path / "calls.jsonl"
    file.write_bytes(file.read_bytes()[:-40])
    [ab, abc] = await replayed(tmp_path, "ab", "abc")
    assert ab.output.value == 2
    assert isinstance(abc.cause, NotRecorded)
    assert "line 3 was cut off" in caplog.text
    await recorded(tmp_path, "abc", slm={"value": 3})
    assert [run.output.value for run in await replayed(tmp_path, "ab", "abc")] == [2, 3]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{]", "line 3: it is no JSON object"),
        ('{"tier": "slm"}', "line 3: 'error' is missing"),
        ('{"recording": "agentsys", "version": 99}', "line 3: the recording is of version 99"),
    ],
)
async def test_broken_line(tmp_path: Path, line: str, reason: str) -> None:
    """A line that is broken is named, with its file, in one line."""
    await recorded(tmp_path, "ab", "abc", slm={"value": 2})
    file = tmp_path / "calls.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:2], line, *lines[2:], ""]))
    with pytest.raises(SettingsError, match=reason) as caught:
        Replay(tmp_path)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_recording(tmp_path: Path) -> None:
    """A folder without a recording is named, and how one is made."""
    with pytest.raises(SettingsError, match="--record DIR"):
        Replay(tmp_path / "nothing")


def test_nothing_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a deployment's parameters nothing is on record: no key and no header."""
    config = tmp_path / "agentsys.toml"
    config.write_text(
        '[[deployments]]\nname = "x"\ntier = "slm"\nusd_per_hour = 1\n'
        'litellm_params = { model = "hosted_vllm/x", api_base = "http://127.0.0.1:9/v1",'
        ' api_key = "sk-secret", extra_headers = { Authorization = "Bearer secret" } }\n'
    )
    monkeypatch.setenv("AGENTSYS_HOME", str(tmp_path / "home"))
    with System.load(str(config), record=tmp_path / "rec") as system:
        run = system.run_sync(asker().at("slm"), Question(text="ab"))
    assert run.status == "failed"
    content = (tmp_path / "rec" / "calls.jsonl").read_text()
    assert '"kind":"Unreachable"' in content
    assert "secret" not in content
