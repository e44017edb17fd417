"""One attempt of an agent on one tier: requests until there is a final answer, each recorded."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

from agentsys.call import Asked, Asking
from agentsys.checks import UNCERTAIN
from agentsys.confidence import confidence
from agentsys.context import Context
from agentsys.errors import Abstain, AgentSysError, InvalidOutput, ModelError, StepLimit
from agentsys.events import Decision
from agentsys.models import base
from agentsys.prompt import Objection, Observation, Reply, Turn, input_text
from agentsys.schema import conform, fits, parse, validate_json
from agentsys.spec import AgentSpec
from agentsys.tool_use import use

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

    @cached_property
    def _asking(self) -> Asking:
        return Asking(self.agent, self.context, self.tier, self.onward)

    async def answer(self, turns: tuple[Turn, ...]) -> Answer:
        """What came of asking on from these turns.

        Raises:
            BudgetExceeded: a budget had no room for a request.
        """
        least: float | None = None
        for _ in range(self.agent.steps if self.agent.tools else 1):
            try:
                asked = await self._request(turns)
            except ModelError as error:
                return Answer(turns, failure=error)
            turns = (*turns, Reply(asked.reply.text))
            try:
                step, asked = self._read(asked)
            except InvalidOutput as error:
                return await self._refused(_with(asked, schema_valid=False), error, turns)
            except Exception as error:  # the reply is paid for, whatever broke
                what = f"it could not be read: {type(error).__name__}: {error}"
                await self._decide(asked, "give-up", what)
                raise
            least = _least(least, asked.call.confidence)
            if isinstance(step, _Final):
                if least != asked.call.confidence:
                    asked = _with(asked, confidence=least)
                return await self._judged(step, asked, turns)
            await self._decide(asked, "tool")
            turns = (*turns, await self._used(step, asked.call.call_id))
        limit = f"{self.agent.name!r} gave no answer in {self.agent.steps} steps."
        return Answer((*turns, Objection(limit)), failure=StepLimit(limit))

    async def _request(self, turns: tuple[Turn, ...]) -> Asked:
        request = base.Request(
            self.agent.messages(self.value, turns),
            self.agent.schema,
            self.agent.max_tokens,
            SAMPLE_TEMPERATURE if self.context.sampling else 0.0,
            self.context.seed,
        )
        key = (id(self.agent), input_text(self.value, self.agent.takes), self.context.seed)
        return await self._asking.ask(request, self.context.number(key))

    def _read(self, asked: Asked) -> tuple[_Use | _Final, Asked]:
        """What the reply says; with the record of its validity and confidence."""
        schema, reply = self.agent.schema, asked.reply
        if schema is None:
            return _Final(reply.text), self._sure(asked, json=False)
        content = parse(reply.text)
        if self.agent.tools:
            step, valid = _step(content, self.agent), fits(content, schema)
        else:
            conform(content, schema)
            step, valid = _Final(content), True
        return step, self._sure(asked, valid, tool_call=isinstance(step, _Use))

    def _sure(
        self,
        asked: Asked,
        valid: bool | None = None,
        *,
        json: bool = True,
        tool_call: bool = False,
    ) -> Asked:
        if asked.replayed:
            return asked  # its log-probabilities are gone; their outcome is on record
        reply = asked.reply
        sure = reply.confidence
        if sure is None:
            sure = confidence(reply.text, reply.tokens, json=json, tool_call=tool_call)
        return _with(asked, confidence=sure, schema_valid=valid)

    async def _judged(self, step: _Final, asked: Asked, turns: tuple[Turn, ...]) -> Answer:
        try:
            output = validate_json(step.value, self.agent.gives)
            reason = self.agent.objection(self.value, output)
        except InvalidOutput as error:
            return await self._refused(asked, error, turns)
        except Exception as error:  # a check broke: the reply is paid for all the same
            await self._decide(asked, "give-up", f"a check raised {type(error).__name__}: {error}")
            raise
        if reason:
            return await self._refused(asked, Abstain(reason), turns)
        sure = asked.call.confidence
        if sure is not None and self._doubts(sure, asked.call.deployment):
            await self._decide(asked, self.onward, UNCERTAIN)
            turns = (*turns, Objection(UNCERTAIN))
            return Answer(turns, output=output, confidence=sure, doubtful=True)
        await self._decide(asked, "accept")
        return Answer(turns, output=output, confidence=sure)

    def _doubts(self, sure: float, deployment: str) -> bool:
        agent, tier = self.agent, self.tier
        own, thresholds = agent.threshold(tier), self.context.thresholds
        return thresholds.doubts(agent.name, tier, deployment, sure, own)

    async def _refused(self, asked: Asked, error: AgentSysError, turns: tuple[Turn, ...]) -> Answer:
        await self._decide(asked, self.retry, error.message)
        return Answer((*turns, Objection(error.message)), failure=error)

    async def _decide(self, asked: Asked, decision: Decision, reason: str = "") -> None:
        await self._asking.record(asked, replace(asked.call, decision=decision, reason=reason))

    async def _used(self, step: _Use, call_id: str) -> Observation:
        tool = next(tool for tool in self.agent.tools if tool.name == step.tool)
        return Observation(
            step.tool, await use(tool, step.args, self.context, self.agent.name, call_id)
        )


def _with(asked: Asked, **changes: Any) -> Asked:
    return replace(asked, call=replace(asked.call, **changes))


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
