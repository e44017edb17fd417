"""An agent: a node that asks a model for typed output, checks it, and escalates.

One request a step. Tools and final answer are one grammar, `{"tool": …, "args": …}` or
`{"final": …}`, because guided decoding suppresses tool calls that are asked for separately.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast

from agentsys.checks import UNCERTAIN, first_objection
from agentsys.confidence import confidence
from agentsys.context import Context
from agentsys.errors import (
    Abstain,
    AgentSysError,
    DefinitionError,
    InvalidOutput,
    ModelError,
    StepLimit,
    ToolFailed,
    Truncated,
)
from agentsys.events import Call, Decision, ToolCall
from agentsys.messages import Message
from agentsys.models import base
from agentsys.node import Check, Leaf, Node, snake_case
from agentsys.prompt import Objection, Observation, Reply, Turn, input_text, render
from agentsys.schema import (
    JsonObject,
    conform,
    json_schema,
    name_of,
    parse,
    tagged_union,
    validate_json,
)
from agentsys.tools.tool import Tool

X = TypeVar("X")
Y = TypeVar("Y")

SAMPLE_TEMPERATURE = 0.7
"""Temperature of the samples of a vote after the first (Wang et al. 2022, section 3.1)."""


@dataclass(frozen=True)
class _Answer:
    """What came of one attempt."""

    turns: tuple[Turn, ...]
    output: Any = None
    confidence: float | None = None
    failure: AgentSysError | None = None
    doubtful: bool = False


class Agent(Leaf[X, Y]):
    """A node that asks a model: input type, output type, instructions, tools, tier.

    An agent is a value: it holds no state and may be shared between runs and threads.
    """

    def __init__(
        self,
        takes: type[X],
        gives: type[Y],
        instructions: str,
        *,
        tools: Sequence[Tool[..., Any]] = (),
        tier: str = "slm",
        escalate: str | Sequence[str] = (),
        repairs: int = 1,
        steps: int = 6,
        max_tokens: int = 512,
        min_confidence: float | Mapping[str, float] = 0.0,
        name: str | None = None,
    ) -> None:
        """Define an agent.

        Args:
            takes: Type of the input.
            gives: Type of the output; `str` for free text.
            instructions: The system message.
            tools: What the model may call before it answers.
            tier: The class of model it asks first.
            escalate: The tiers it asks after that, in order.
            repairs: How often a tier may answer again after a failed check, told the reason.
            steps: Requests a tool loop may make before it must have answered.
            max_tokens: Most tokens of one reply.
            min_confidence: Probability of the least certain value token below which an answer is
                doubtful: it goes to the next tier, or ends the run as `low_confidence`. One for
                all tiers, or one for each.
            name: How paths and the ledger call it; default: the output type's name.
        """
        if repairs < 0 or steps < 1 or max_tokens < 1:
            raise DefinitionError("An agent needs repairs >= 0, steps >= 1 and max_tokens >= 1.")
        names = [tool.name for tool in tools]
        if len(set(names)) < len(names):
            raise DefinitionError(f"Two tools of an agent have the same name: {', '.join(names)}.")
        self.takes, self.gives = takes, gives
        self.instructions = instructions
        self.tools = tuple(tools)
        self.repairs, self.steps, self.max_tokens = repairs, steps, max_tokens
        self.name = name or snake_case(name_of(gives))
        self._tiers = (tier, *((escalate,) if isinstance(escalate, str) else escalate))
        self._checks: tuple[Check[Any, Any], ...] = ()
        self._min_confidence = min_confidence

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tiers it asks, in order."""
        return self._tiers

    def at(self: "Agent[X, Y]", tier: str) -> Node[X, Y]:
        """The same agent on another tier, without escalation."""
        return self._changed(tiers=(tier,))

    def _guarded(
        self, *, checks: Sequence[Check[Any, Any]] = (), tiers: Sequence[str] = ()
    ) -> Node[Any, Any]:
        return self._changed(tiers=(*self._tiers, *tiers), checks=checks)

    def _changed(
        self, *, tiers: Sequence[str], checks: Sequence[Check[Any, Any]] = ()
    ) -> "Agent[X, Y]":
        changed = copy(self)
        changed.compiled = None
        changed._tiers = tuple(tiers)
        changed._checks = (*self._checks, *checks)
        return changed

    @cached_property
    def schema(self) -> JsonObject | None:
        """JSON Schema of one reply; `None` for free text."""
        if not self.tools:
            return None if self.gives is str else json_schema(self.gives)
        return tagged_union({t.name: t.schema for t in self.tools}, json_schema(self.gives))

    def messages(self, value: X, turns: Sequence[Turn] = ()) -> tuple[Message, ...]:
        """What is sent to the model for an input, after the given turns."""
        return render(self.instructions, self.tools, value, self.takes, turns)

    async def execute(self, value: X, context: Context) -> Y:
        """The first answer that passes; else the last doubtful one; else an exception says why."""
        key = (id(self), input_text(value, self.takes))
        turns = context.memory.turns(key)
        doubtful: _Answer | None = None
        answer = _Answer(turns, failure=Abstain("no model was asked."))
        tiers = (context.tier,) if context.tier else self._tiers
        asked = _Counter()
        for place, tier in enumerate(tiers):
            onward: Decision = "escalate" if place + 1 < len(tiers) else "give-up"
            for repair in range(1 + self.repairs):
                retry: Decision = "repair" if repair < self.repairs else onward
                ask = _Ask(self, value, context, tier, asked, retry, onward)
                answer = await ask.answer(answer.turns)
                if answer.failure is None or isinstance(answer.failure, ModelError | StepLimit):
                    break
            if answer.doubtful:
                doubtful = answer
            elif answer.failure is None:
                break
        best = answer if answer.failure is None else doubtful
        if best is None:
            raise cast(AgentSysError, answer.failure)
        context.memory.keep(key, _without_objection(best.turns))
        if best.doubtful:
            context.doubts.append(f"{self.name}: {UNCERTAIN}")
        if best.confidence is not None:
            context.confidences.append(best.confidence)
        return best.output

    def threshold(self, tier: str) -> float:
        """The least confidence at which a tier's answer is taken."""
        if isinstance(self._min_confidence, Mapping):
            return self._min_confidence.get(tier, 0.0)
        return self._min_confidence

    def objection(self, value: X, output: Y) -> str:
        """The first reason against an output; empty where every check passes."""
        return first_objection(self._checks, value, output)


def _without_objection(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    return turns[:-1] if turns and isinstance(turns[-1], Objection) else turns


class _Counter:
    """Numbers the requests of one agent in one run."""

    def __init__(self) -> None:
        self.next = 0

    def take(self) -> int:
        self.next += 1
        return self.next - 1


@dataclass(frozen=True)
class _Ask:
    """One attempt on one tier: requests until there is a final answer."""

    agent: Agent[Any, Any]
    value: Any
    context: Context
    tier: str
    asked: _Counter
    retry: Decision
    """What follows a reply that will not do."""
    onward: Decision
    """What follows where this tier cannot answer, or is not sure."""

    async def answer(self, turns: tuple[Turn, ...]) -> _Answer:
        least = 1.0
        for _ in range(self.agent.steps if self.agent.tools else 1):
            try:
                reply = await self._request(turns)
            except ModelError as error:
                return _Answer(turns, failure=error)
            turns = (*turns, Reply(reply.text))
            sure = confidence(reply.text, reply.tokens)
            least = least if sure is None else min(least, sure)
            try:
                content = self._content(reply.text)
            except InvalidOutput as error:
                self._record(reply, self.retry, error.message, valid=False, sure=sure)
                return _Answer((*turns, Objection(error.message)), failure=error)
            if self.agent.tools and "tool" in content:
                self._record(reply, "tool", "", valid=True, sure=sure)
                turns = (*turns, await self._use(content["tool"], content["args"]))
                continue
            final = content["final"] if self.agent.tools else content
            return self._judged(reply, final, turns, None if sure is None else least)
        return _Answer(
            turns,
            failure=StepLimit(f"{self.agent.name!r} gave no answer in {self.agent.steps} steps."),
        )

    def _judged(
        self, reply: base.Reply, final: Any, turns: tuple[Turn, ...], sure: float | None
    ) -> _Answer:
        schema_valid = None if self.agent.schema is None else True
        try:
            output = validate_json(final, self.agent.gives)
        except InvalidOutput as error:
            self._record(reply, self.retry, error.message, valid=False, sure=sure)
            return _Answer((*turns, Objection(error.message)), failure=error)
        reason = self._objection(output)
        if reason:
            self._record(reply, self.retry, reason, valid=schema_valid, sure=sure)
            return _Answer((*turns, Objection(reason)), failure=Abstain(reason))
        if sure is not None and sure < self.agent.threshold(self.tier):
            self._record(reply, self.onward, UNCERTAIN, valid=schema_valid, sure=sure)
            turns = (*turns, Objection(UNCERTAIN))
            return _Answer(turns, output=output, confidence=sure, doubtful=True)
        self._record(reply, "accept", "", valid=schema_valid, sure=sure)
        return _Answer(turns, output=output, confidence=sure)

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


def _step_content(content: Any, agent: Agent[Any, Any]) -> JsonObject:
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
