"""One attempt of an agent on one tier: requests until there is a final answer, each recorded."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, cast

from agentsys.checks import UNCERTAIN
from agentsys.confidence import confidence
from agentsys.context import Context
from agentsys.errors import (
    Abstain,
    AgentSysError,
    InvalidOutput,
    ModelError,
    StepLimit,
    ToolFailed,
    Truncated,
)
from agentsys.events import Call, Decision, ToolCall
from agentsys.models import base
from agentsys.prompt import Objection, Observation, Reply, Turn
from agentsys.schema import JsonObject, conform, json_schema, parse, validate_json
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


class Numbering:
    """Numbers the requests of one agent in one run."""

    def __init__(self) -> None:
        self.next = 0

    def take(self) -> int:
        """The next number, from 0."""
        self.next += 1
        return self.next - 1


@dataclass(frozen=True)
class Attempt:
    """One attempt on one tier."""

    agent: AgentSpec
    value: Any
    context: Context
    tier: str
    asked: Numbering
    retry: Decision
    """What follows a reply that will not do."""
    onward: Decision
    """What follows where this tier cannot answer, or is not sure."""

    async def answer(self, turns: tuple[Turn, ...]) -> Answer:
        """What came of asking on from these turns."""
        least = 1.0
        for _ in range(self.agent.steps if self.agent.tools else 1):
            try:
                reply = await self._request(turns)
            except ModelError as error:
                return Answer(turns, failure=error)
            turns = (*turns, Reply(reply.text))
            sure = confidence(reply.text, reply.tokens)
            least = least if sure is None else min(least, sure)
            try:
                content = self._content(reply.text)
            except InvalidOutput as error:
                self._record(reply, self.retry, error.message, valid=False, sure=sure)
                return Answer((*turns, Objection(error.message)), failure=error)
            if self.agent.tools and "tool" in content:
                self._record(reply, "tool", "", valid=True, sure=sure)
                turns = (*turns, await self._use(content["tool"], content["args"]))
                continue
            final = content["final"] if self.agent.tools else content
            return self._judged(reply, final, turns, None if sure is None else least)
        return Answer(
            turns,
            failure=StepLimit(f"{self.agent.name!r} gave no answer in {self.agent.steps} steps."),
        )

    def _judged(
        self, reply: base.Reply, final: Any, turns: tuple[Turn, ...], sure: float | None
    ) -> Answer:
        schema_valid = None if self.agent.schema is None else True
        try:
            output = validate_json(final, self.agent.gives)
        except InvalidOutput as error:
            self._record(reply, self.retry, error.message, valid=False, sure=sure)
            return Answer((*turns, Objection(error.message)), failure=error)
        reason = self._objection(output)
        if reason:
            self._record(reply, self.retry, reason, valid=schema_valid, sure=sure)
            return Answer((*turns, Objection(reason)), failure=Abstain(reason))
        if sure is not None and sure < self.agent.threshold(self.tier):
            self._record(reply, self.onward, UNCERTAIN, valid=schema_valid, sure=sure)
            turns = (*turns, Objection(UNCERTAIN))
            return Answer(turns, output=output, confidence=sure, doubtful=True)
        self._record(reply, "accept", "", valid=schema_valid, sure=sure)
        return Answer(turns, output=output, confidence=sure)

    def _objection(self, output: Any) -> str:
        try:
            return self.agent.objection(self.value, output)
        except Abstain as error:
            return error.message

    def _content(self, text: str) -> Any:
        schema = self.agent.schema
        if schema is None:
            return text
        content = parse(text)
        if self.agent.tools:
            return _step_content(content, self.agent)
        conform(content, schema)
        return content

    async def _request(self, turns: tuple[Turn, ...]) -> base.Reply:
        request = base.Request(
            self.agent.messages(self.value, turns),
            self.agent.schema,
            self.agent.max_tokens,
            SAMPLE_TEMPERATURE if self.context.sample else 0.0,
            self.context.seed + self.context.sample,
        )
        started = time.perf_counter()
        try:
            return await self.context.models[self.tier].ask(request)
        except ModelError as error:
            self._record_failure(error, self.onward, error.message)
            raise
        except asyncio.CancelledError:
            seconds = time.perf_counter() - started
            self._record_failure(
                ModelError("", seconds=seconds), "cancel", "the run was cancelled."
            )
            raise

    async def _use(self, name: str, args: Any) -> Observation:
        tool = next(tool for tool in self.agent.tools if tool.name == name)
        started = time.perf_counter()
        try:
            text, executable = await tool.use(args), True
        except (InvalidOutput, ToolFailed) as error:
            text, executable = f"error: {error.message}", False
        except Exception as error:  # whatever a tool raises goes back to the model
            text, executable = f"error: {type(error).__name__}: {error}", False
        seconds = time.perf_counter() - started
        run_id = self.context.run_id
        self.context.emit(ToolCall(run_id, self.agent.name, name, args, executable, text, seconds))
        return Observation(name, text)

    def _record(
        self,
        reply: base.Reply,
        decision: Decision,
        reason: str,
        *,
        valid: bool | None,
        sure: float | None,
    ) -> None:
        self.context.emit(
            Call(
                run_id=self.context.run_id,
                node=self.agent.name,
                tier=self.tier,
                deployment=reply.deployment,
                attempt=self.asked.take(),
                guided=reply.guided,
                tokens_in=reply.usage.tokens_in,
                tokens_out=reply.usage.tokens_out,
                nano_usd=reply.nano_usd,
                seconds=reply.seconds,
                schema_valid=valid,
                confidence=sure,
                decision=decision,
                reason=reason,
                text=reply.text,
            )
        )

    def _record_failure(self, error: ModelError, decision: Decision, reason: str) -> None:
        self.context.emit(
            Call(
                run_id=self.context.run_id,
                node=self.agent.name,
                tier=self.tier,
                deployment=error.deployment,
                attempt=self.asked.take(),
                guided="none",
                tokens_in=error.tokens_in,
                tokens_out=error.tokens_out,
                nano_usd=error.nano_usd,
                seconds=error.seconds,
                schema_valid=False if isinstance(error, Truncated) else None,
                confidence=None,
                decision=decision,
                reason=reason,
                text="",
            )
        )


def _step_content(content: Any, agent: AgentSpec) -> JsonObject:
    """A step of a tool loop, with plainer reasons than a mismatch of the whole union.

    The arguments of a tool are left to the tool, which tells the model what does not fit.
    """
    match content:
        case {"tool": str(name), "args": _}:
            known = [tool.name for tool in agent.tools]
            if name not in known:
                raise InvalidOutput(f"there is no tool {name!r}, only {', '.join(known)}.")
        case {"final": final}:
            conform(final, json_schema(agent.gives))
        case _:
            raise InvalidOutput('the reply must be {"tool": …, "args": …} or {"final": …}.')
    return cast(JsonObject, content)
