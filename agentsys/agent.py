"""An agent: a node that asks a model for typed output, checks it, and escalates.

One request a step. Tools and final answer are one grammar, `{"tool": …, "args": …}` or
`{"final": …}`, because guided decoding suppresses tool calls that are asked for separately.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, TypeVar, cast

from agentsys.attempt import Answer, Attempt
from agentsys.checks import UNCERTAIN
from agentsys.context import Context
from agentsys.errors import Abstain, AgentSysError, BudgetExceeded, ModelError, StepLimit
from agentsys.events import Decision
from agentsys.messages import Message
from agentsys.node import AnyCheck, Leaf, Node, snake_case
from agentsys.prompt import Objection, Turn, input_text
from agentsys.schema import name_of
from agentsys.spec import AgentSpec
from agentsys.tools.tool import Tool

SMALL = "slm"
"""The tier that a budget of `slm-only` falls back to."""

X = TypeVar("X")
Y = TypeVar("Y")


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
                all tiers, or one for each tier that has one. A deployment that gives no
                log-probabilities has no confidence to compare: its answers stand on the checks.
            name: How paths and the ledger call it; default: the output type's name.
        """
        self.takes, self.gives = takes, gives
        self.name = name or snake_case(name_of(gives))
        self.spec = AgentSpec(
            name=self.name,
            takes=takes,
            gives=gives,
            instructions=instructions,
            tools=tuple(tools),
            tiers=(tier, *((escalate,) if isinstance(escalate, str) else escalate)),
            repairs=repairs,
            steps=steps,
            max_tokens=max_tokens,
            min_confidence=min_confidence,
        )

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tiers it asks, in order."""
        return self.spec.tiers

    @property
    def shape(self) -> str:
        """With all that a reply of it depends on."""
        spec = self.spec
        parts = (spec.instructions, spec.schema, spec.max_tokens, spec.repairs, spec.steps)
        return f"{super().shape} {parts} {spec.min_confidence} {len(spec.checks)}"

    def at(self: "Agent[X, Y]", tier: str) -> Node[X, Y]:
        """The same agent on another tier, without escalation."""
        return self._with(replace(self.spec, tiers=(tier,)))

    def messages(self, value: X, turns: Sequence[Turn] = ()) -> tuple[Message, ...]:
        """What is sent to the model for an input, after the given turns."""
        return self.spec.messages(value, turns)

    async def execute(self, value: X, context: Context) -> Y:
        """The first answer that passes; else the last doubtful one; else an exception says why."""
        key = (id(self.spec), input_text(value, self.takes))
        last, doubtful = await self._attempts(value, context, context.said.turns(key))
        best = last if last.failure is None else doubtful
        context.said.keep(key, _without_objection((best or last).turns))
        if best is None:
            raise cast(AgentSysError, last.failure)
        if isinstance(last.failure, BudgetExceeded):
            context.findings.shorten(last.failure)
        if best.doubtful:
            context.findings.doubts.append(f"{self.name}: {UNCERTAIN}")
        if best.confidence is not None:
            context.findings.confidences.append(best.confidence)
        return best.output

    async def _attempts(
        self, value: X, context: Context, turns: tuple[Turn, ...]
    ) -> tuple[Answer, Answer | None]:
        """The last attempt, and the last one that was only doubtful."""
        spec = self.spec
        begin = context.begin.tier
        first = spec.tiers.index(begin) if begin in spec.tiers else 0
        tiers = [context.tier] if context.tier else [*spec.tiers[first:]]
        last, doubtful = Answer(turns, failure=Abstain("no model was asked.")), None
        for place, tier in enumerate(tiers):
            onward: Decision = "escalate" if place + 1 < len(tiers) else "give-up"
            try:
                last = await self._on(tier, value, context, last.turns, onward)
            except BudgetExceeded as error:
                last = Answer(last.turns, failure=error)
                if not error.degrade or SMALL in tiers[: place + 1] or SMALL not in context.models:
                    break
                tiers[place + 1 :] = [SMALL]  # the iteration goes on with it
                continue
            if last.doubtful:
                doubtful = last
            elif last.failure is None:
                break
        return last, doubtful

    async def _on(
        self, tier: str, value: X, context: Context, turns: tuple[Turn, ...], onward: Decision
    ) -> Answer:
        """The attempts on one tier, until there is an answer or nothing left to object to."""
        last = Answer(turns)
        for repair in range(1 + self.spec.repairs):
            retry: Decision = "repair" if repair < self.spec.repairs else onward
            attempt = Attempt(self.spec, value, context, tier, retry, onward)
            last = await attempt.answer(last.turns)
            if last.failure is None or isinstance(last.failure, ModelError | StepLimit):
                break
        return last

    def _guarded(
        self, *, checks: Sequence[AnyCheck] = (), tiers: Sequence[str] = ()
    ) -> Node[Any, Any]:
        plain = [check for check in checks if not isinstance(check, Node)]
        if len(plain) < len(checks):
            return super()._guarded(checks=checks, tiers=tiers)
        spec = self.spec
        return self._with(replace(spec, tiers=(*spec.tiers, *tiers), checks=(*spec.checks, *plain)))

    def _with(self, spec: AgentSpec) -> "Agent[X, Y]":
        changed = copy(self)
        changed.compiled = changed.shared = None
        changed.spec = spec
        return changed


def _without_objection(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    return turns[:-1] if turns and isinstance(turns[-1], Objection) else turns
