"""The attempts of a guarded composite: run, check, object, run again, escalate."""

from collections.abc import Callable, Coroutine
from typing import Any

from agentsys.checks import UNCERTAIN, first_objection
from agentsys.context import Context, Memory
from agentsys.errors import NO_ANSWER, Abstain, AgentSysError, ModelError, StepLimit
from agentsys.node import Guarded

Work = Callable[[Any, Context], Coroutine[Any, Any, Any]]

REPAIRS = 1
"""How often a node is run again on the same tier after a failed check."""


def guard(node: Guarded[Any, Any], work: Work) -> Work:
    """`work`, accepted only if the node's checks pass; else again, then on the next tiers."""

    async def guarded(value: Any, context: Context) -> Any:
        memory = Memory(context.memory)
        doubtful: tuple[Context, Any] | None = None
        failure: AgentSysError = Abstain("nothing was tried.")
        for tier in (node.first, *node.escalation):
            for _ in range(1 + REPAIRS if node.checks else 1):
                attempt = context.attempt(tier=tier, memory=memory)
                try:
                    output = await _checked(node, work, value, attempt)
                except NO_ANSWER as error:
                    failure = error
                    if isinstance(error, ModelError):
                        break  # nothing was said that one could object to
                    memory.objection(error.message)
                    if isinstance(error, StepLimit):
                        break
                    continue
                if not attempt.doubts:
                    context.adopt(attempt)
                    return output
                doubtful = (attempt, output)
                memory.objection(UNCERTAIN)
                break
        if doubtful is None:
            context.memory.take_over(memory)
            raise failure
        context.adopt(doubtful[0])
        return doubtful[1]

    return guarded


async def _checked(node: Guarded[Any, Any], work: Work, value: Any, attempt: Context) -> Any:
    output = await work(value, attempt)
    reason = first_objection(node.checks, value, output)
    if reason:
        raise Abstain(reason)
    return output
