"""One attempt of an agent on one tier: requests until there is a final answer, each recorded."""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any, cast

from agentsys.checks import UNCERTAIN
from agentsys.confidence import confidence
from agentsys.context import Context
from agentsys.errors import Abstain, AgentSysError, InvalidOutput, ModelError, StepLimit, Truncated
from agentsys.events import Call, Decision, ToolCall
from agentsys.models import base
from agentsys.prompt import Objection, Observation, Reply, Turn, input_text
from agentsys.schema import conform, fits, parse, validate_json
from agentsys.spec import AgentSpec

SAMPLE_TEMPERATURE = 0.7
"""Temperature of the samples of a vote after the first (Wang et al. 2022, section 3.1)."""


@dataclass(frozen=True)
class Answer:
    """What came of one attempt."""

    turns: tuple[Turn, ...]
    """The conversation so far; after a failure its last turn is the objection."""
    output: Any = None
    confidence: float | None = None
    failure: AgentSysError | None = None
    doubtful: bool = False
    """The output passes its checks, but the model was not sure enough of it."""


@dataclass(frozen=True)
class _Use:
    """A step that asks for a tool."""

    tool: str
    args: Any


@dataclass(frozen=True)
class _Final:
    """A step that answers."""

    value: Any


@dataclass(frozen=True)
class Attempt:
    """One attempt on one tier."""

    agent: AgentSpec
    value: Any
    context: Context
    tier: str
    retry: Decision
    """What follows a reply that will not do."""
    onward: Decision
    """What follows where this tier cannot answer, or is not sure."""

    async def answer(self, turns: tuple[Turn, ...]) -> Answer:
        """What came of asking on from these turns."""
        least: float | None = None
        for _ in range(self.agent.steps if self.agent.tools else 1):
            try:
                reply, call = await self._request(turns)
            except ModelError as error:
                return Answer(turns, failure=error)
            turns = (*turns, Reply(reply.text))
            try:
                step, call = self._read(reply, call)
            except InvalidOutput as error:
                return self._refused(replace(call, schema_valid=False), error, turns)
            least = _least(least, call.confidence)
            if isinstance(step, _Final):
                return self._judged(step, replace(call, confidence=least), turns)
            self.context.emit(replace(call, decision="tool"))
            turns = (*turns, await self._used(step))
        limit = f"{self.agent.name!r} gave no answer in {self.agent.steps} steps."
        return Answer((*turns, Objection(limit)), failure=StepLimit(limit))

    async def _request(self, turns: tuple[Turn, ...]) -> tuple[base.Reply, Call]:
        """The reply, and the record of the call, which is not complete yet."""
        request = base.Request(
            self.agent.messages(self.value, turns),
            self.agent.schema,
            self.agent.max_tokens,
            SAMPLE_TEMPERATURE if self.context.sampling else 0.0,
            self.context.seed,
        )
        call = self._call()
        try:
            reply = await self.context.models[self.tier].ask(request)
        except ModelError as error:
            self.context.emit(_failed(call, error, self.onward))
            raise
        except base.Cancelled as error:
            self.context.emit(_failed(call, error, self.onward))
            # The plain class: Python 3.11's `timeout` and `TaskGroup` do not know a subclass.
            raise asyncio.CancelledError(*error.args) from error
        except asyncio.CancelledError:
            self.context.emit(replace(call, decision="cancel", reason="the run was cancelled."))
            raise
        return reply, replace(
            call,
            deployment=reply.deployment,
            guided=reply.guided,
            tokens_in=reply.usage.tokens_in,
            tokens_out=reply.usage.tokens_out,
            nano_usd=reply.nano_usd,
            seconds=reply.seconds,
            text=reply.text,
        )

    def _call(self) -> Call:
        key = (id(self.agent), input_text(self.value, self.agent.takes), self.context.seed)
        return Call(
            run_id=self.context.run_id,
            node=self.agent.name,
            tier=self.tier,
            deployment="",
            attempt=self.context.number(key),
            guided="none",
            tokens_in=0,
            tokens_out=0,
            nano_usd=0,
            seconds=0.0,
            schema_valid=None,
            confidence=None,
            decision="accept",
            reason="",
            text="",
        )

    def _read(self, reply: base.Reply, call: Call) -> tuple[_Use | _Final, Call]:
        """What the reply says; the record, with its validity and confidence."""
        schema = self.agent.schema
        if schema is None:
            sure = confidence(reply.text, reply.tokens, json=False)
            return _Final(reply.text), replace(call, confidence=sure)
        content = parse(reply.text)
        if self.agent.tools:
            step, valid = _step(content, self.agent), fits(content, schema)
        else:
            conform(content, schema)
            step, valid = _Final(content), True
        sure = confidence(reply.text, reply.tokens, tool_call=isinstance(step, _Use))
        return step, replace(call, confidence=sure, schema_valid=valid)

    def _judged(self, step: _Final, call: Call, turns: tuple[Turn, ...]) -> Answer:
        try:
            output = validate_json(step.value, self.agent.gives)
            reason = self.agent.objection(self.value, output)
        except InvalidOutput as error:
            return self._refused(call, error, turns)
        except Exception as error:  # a check broke: the reply is paid for all the same
            what = f"a check raised {type(error).__name__}: {error}"
            self.context.emit(replace(call, decision="give-up", reason=what))
            raise
        if reason:
            return self._refused(call, Abstain(reason), turns)
        sure = call.confidence
        if sure is not None and sure < self.agent.threshold(self.tier):
            self.context.emit(replace(call, decision=self.onward, reason=UNCERTAIN))
            turns = (*turns, Objection(UNCERTAIN))
            return Answer(turns, output=output, confidence=sure, doubtful=True)
        self.context.emit(replace(call, decision="accept"))
        return Answer(turns, output=output, confidence=sure)

    def _refused(self, call: Call, error: AgentSysError, turns: tuple[Turn, ...]) -> Answer:
        self.context.emit(replace(call, decision=self.retry, reason=error.message))
        return Answer((*turns, Objection(error.message)), failure=error)

    async def _used(self, step: _Use) -> Observation:
        tool = next(tool for tool in self.agent.tools if tool.name == step.tool)
        started = time.perf_counter()
        try:
            text, executable = await tool.use(step.args), True
        except AgentSysError as error:
            text, executable = f"error: {error.message}", False
        except Exception as error:  # whatever a tool raises goes back to the model
            text, executable = f"error: {type(error).__name__}: {error}", False
        self.context.emit(
            ToolCall(
                run_id=self.context.run_id,
                node=self.agent.name,
                tool=step.tool,
                args=step.args,
                executable=executable,
                observation=text,
                seconds=time.perf_counter() - started,
            )
        )
        return Observation(step.tool, text)


def _failed(call: Call, error: "ModelError | base.Cancelled", onward: Decision) -> Call:
    """The record of a call without a reply, with what it cost."""
    cancelled = isinstance(error, base.Cancelled)
    return replace(
        call,
        deployment=error.deployment,
        tokens_in=error.tokens_in,
        tokens_out=error.tokens_out,
        nano_usd=error.nano_usd,
        seconds=error.seconds,
        schema_valid=False if isinstance(error, Truncated) else None,
        decision="cancel" if cancelled else onward,
        reason="the run was cancelled." if cancelled else str(error),
    )


def _least(first: float | None, second: float | None) -> float | None:
    return min((sure for sure in (first, second) if sure is not None), default=None)


def _step(content: Any, agent: AgentSpec) -> _Use | _Final:
    """A step of a tool loop, with plainer reasons than a mismatch of the whole union.

    The arguments of a tool are left to the tool, which tells the model what does not fit.
    """
    fields = cast(dict[str, Any], content) if isinstance(content, dict) else {}
    match fields:
        case {"tool": str(name), "args": args}:
            known = [tool.name for tool in agent.tools]
            if name not in known:
                raise InvalidOutput(f"there is no tool {name!r}, only {', '.join(known)}.")
            return _Use(name, args)
        case {"final": final}:
            conform(final, agent.final_schema)
            return _Final(final)
        case _:
            raise InvalidOutput('the reply must be {"tool": …, "args": …} or {"final": …}.')
