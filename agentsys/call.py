"""One request of an agent to a model: held in the budget, asked, and recorded with what it cost.

A call that a resumed run has made before is answered from the run's journal.
"""

import asyncio
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, cast
from urllib.parse import quote

from agentsys.budgets import Grant, surely
from agentsys.context import Context
from agentsys.deadline import limiting
from agentsys.errors import (
    BudgetExceeded,
    ModelError,
    RateLimited,
    Rejected,
    Truncated,
    Unreachable,
)
from agentsys.events import Call, Decision
from agentsys.messages import Usage
from agentsys.models import base
from agentsys.models.place import Place, asked_at
from agentsys.models.stand_in import stands_in
from agentsys.schema import compact
from agentsys.spec import AgentSpec

MODEL_ERRORS = {kind.__name__: kind for kind in (RateLimited, Rejected, Truncated, Unreachable)}
"""By the names under which the ledger has them."""


@dataclass(frozen=True)
class Asked:
    """A reply, and the record of the call that gave it, which is not complete yet."""

    reply: base.Reply
    call: Call
    replayed: bool = False


@dataclass(frozen=True)
class Asking:
    """Requests of one agent to one tier."""

    agent: AgentSpec
    context: Context
    tier: str
    onward: Decision
    """What follows where this tier cannot answer."""

    async def ask(self, request: base.Request, number: int) -> Asked:
        """The model's reply.

        Args:
            request: What to ask.
            number: Of the request, for its record.

        Raises:
            ModelError: there is none; it is recorded.
            BudgetExceeded: a budget has no room for it; it was not made.
        """
        context, digest = self.context, digest_of(request, self.tier)
        call_id, before = context.journal.next_call(context.place, digest)
        if before is not None:
            return _again(before)
        call = self._blank(call_id, digest, number)
        try:
            grant = await self._grant(call_id, request)
        except ModelError as error:
            await self._book(_failed(call, error, self.onward))
            raise
        call = replace(call, accounts=grant.accounts)
        reply = await self._reply(replace(request, max_tokens=grant.max_tokens), call, grant)
        return Asked(
            reply,
            replace(
                call,
                deployment=reply.deployment,
                guided=reply.guided,
                tokens_in=reply.usage.tokens_in,
                tokens_out=reply.usage.tokens_out,
                nano_usd=reply.nano_usd,
                seconds=reply.seconds,
                text=reply.text,
                energy_j=reply.energy_j,
            ),
        )

    async def record(self, asked: Asked, call: Call) -> None:
        """Book the call as it turned out, also where the run is being cancelled."""
        if not asked.replayed:
            await self._book(call)

    async def _grant(self, call_id: str, request: base.Request) -> Grant:
        model = self.context.models[self.tier]
        purse = self.context.purse
        if stands_in(model):
            purse = purse.unpaid()
        return await purse.hold(call_id, lambda: model.worst(request), request.max_tokens)

    async def _reply(self, request: base.Request, call: Call, grant: Grant) -> base.Reply:
        """The reply; a call without one is booked here.

        Raises:
            BudgetExceeded: the model did not get by with what the budget had left.
        """
        spent: list[base.Cancelled] = []
        time = asyncio.timeout(grant.seconds)
        try:
            async with time:
                with limiting(time), asked_at(self._place(call)):
                    return await self._plainly(request, spent)
        except ModelError as error:
            failed = _failed(call, error, self.onward)
            if grant.short is not None and isinstance(error, Truncated):
                await self._book(replace(failed, error=BudgetExceeded.__name__))
                raise _cut(call, f"{grant.max_tokens} tokens", grant.short) from error
            await self._book(failed)
            raise
        except asyncio.CancelledError:
            reason = "the run was cancelled."
            await self._book(_spent(replace(call, decision="cancel", reason=reason), spent))
            raise
        except BaseException as error:
            if time.expired():
                exceeded = _cut(call, f"{grant.seconds:g} s", grant.short)
                cut = replace(call, decision=self.onward, error=BudgetExceeded.__name__)
                await self._book(_spent(replace(cut, reason=exceeded.message), spent))
                raise exceeded from error
            await surely(self.context.purse.release(call.call_id))
            raise

    def _place(self, call: Call) -> Place:
        run = quote(self.context.run_id, safe="")
        return Place(self.context.graph, call.call_id.removeprefix(run))

    async def _plainly(self, request: base.Request, spent: list[base.Cancelled]) -> base.Reply:
        """The reply; a cancellation is of the plain class, which alone `timeout` knows."""
        try:
            return await self.context.models[self.tier].ask(request)
        except base.Cancelled as error:
            spent.append(error)
            raise asyncio.CancelledError(*error.args) from error

    async def _book(self, call: Call) -> None:
        await self.context.journal.write(call)

    def _blank(self, call_id: str, digest: str, number: int) -> Call:
        return Call(
            run_id=self.context.run_id,
            node=self.agent.name,
            tier=self.tier,
            deployment="",
            attempt=number,
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
            call_id=call_id,
            digest=digest,
            stand_in=stands_in(self.context.models[self.tier]),
        )


def _again(call: Call) -> Asked:
    """A call that was recorded before.

    Raises:
        ModelError: that is how it ended.
    """
    if call.error:
        error = MODEL_ERRORS.get(call.error, ModelError)(call.reason, deployment=call.deployment)
        error.call_id = call.call_id
        raise error
    reply = base.Reply(
        text=call.text,
        usage=Usage(call.tokens_in, call.tokens_out),
        deployment=call.deployment,
        guided=cast(base.Guided, call.guided),
        tokens=(),
        seconds=call.seconds,
        nano_usd=call.nano_usd,
    )
    return Asked(reply, call, replayed=True)


def digest_of(request: base.Request, tier: str) -> str:
    """Of everything that the reply depends on."""
    asked: list[Any] = [
        tier,
        [(message.role, message.content) for message in request.messages],
        request.schema,
        request.max_tokens,
        request.temperature,
        request.seed,
    ]
    return blake2b(compact(asked).encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


def _cut(call: Call, given: str, short: BudgetExceeded | None) -> BudgetExceeded:
    """Why a call failed that a budget left less than it wanted."""
    if short is None:  # it has been raised meanwhile
        return BudgetExceeded(f"{call.node}: a reply did not get by with the {given} it was given.")
    return BudgetExceeded(
        f"{call.node}: a reply did not get by with the {given} that were left. {short.message}",
        hint=short.hint,
        account=short.account,
        dimension=short.dimension,
        degrade=short.degrade,
    )


def _failed(call: Call, error: ModelError, onward: Decision) -> Call:
    """The record of a call without a reply, with what it cost."""
    return replace(
        call,
        deployment=error.deployment,
        tokens_in=error.tokens_in,
        tokens_out=error.tokens_out,
        nano_usd=error.nano_usd,
        seconds=error.seconds,
        energy_j=error.energy_j,
        schema_valid=False if isinstance(error, Truncated) else None,
        decision=onward,
        reason=str(error),
        error=type(error).__name__,
    )


def _spent(call: Call, spent: list[base.Cancelled]) -> Call:
    """The record of a call that nobody waited for, with what it had cost by then."""
    if not spent:
        return call
    [cut] = spent
    return replace(
        call,
        deployment=cut.deployment,
        tokens_in=cut.tokens_in,
        tokens_out=cut.tokens_out,
        nano_usd=cut.nano_usd,
        seconds=cut.seconds,
        energy_j=cut.energy_j,
    )
