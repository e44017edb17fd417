"""Calls on record in place of models: nothing is loaded, asked or paid, and everything is booked.

What a call took is what it took when it was recorded, so a replay costs on the books what the
recorded run did, and its budgets hold alike.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from os import PathLike
from pathlib import Path

from agentsys.deadline import lasting
from agentsys.errors import ModelError, NotRecorded
from agentsys.models.base import Cancelled, Model, Reply, Request
from agentsys.models.by_tier import ByTier
from agentsys.models.place import Place, here
from agentsys.models.recorded.difference import Nearest
from agentsys.models.recorded.line import CutOff, Foreseen, Recorded, key_of
from agentsys.models.recorded.tape import read
from agentsys.money import NANO_PER_USD, Price, Worst
from agentsys.settings import Deployment, Settings

ANY_TIER = "recorded"
"""The tier under which calls are replayed whatever tier they were recorded of."""

_SLACK_S = 0.1
"""A limit on time that is so much longer than the one on record is taken for the same."""


class Replayed:
    """Recorded calls as a model: a request that was recorded has its reply, byte for byte.

    One that was recorded several times has the replies that it had there, at that place of that
    graph, or where it was never asked there, all of them; in turn, and the last one repeats.
    """

    def __init__(
        self,
        calls: Sequence[Recorded],
        foreseen: Mapping[bytes, Worst],
        *,
        tier: str,
        source: str,
        nearest: Nearest,
    ) -> None:
        """Take calls.

        Args:
            calls: What is replayed.
            foreseen: What budgets were told of requests.
            tier: Of the requests.
            source: Says in errors where the calls come from.
            nearest: Of what a request that was not recorded is compared with.
        """
        self._calls = defaultdict[bytes, list[Recorded]](list)
        for call in calls:
            self._calls[call.key].append(call)
        for key, same in self._calls.items():
            ended = [call for call in same if not isinstance(call.outcome, CutOff)]
            self._calls[key] = ended or same
        self._placed = defaultdict[tuple[bytes, Place], list[Recorded]](list)
        for key, same in self._calls.items():
            for call in same:
                self._placed[key, call.place].append(call)
        self._foreseen = foreseen
        self._turns = Counter[tuple[bytes, Place | None]]()
        self._tier = tier
        self._source = source
        self._nearest = nearest

    @property
    def stands_in(self) -> bool:
        """Nothing is paid."""
        return True

    async def ask(self, request: Request) -> Reply:
        """What was replied.

        Raises:
            ModelError: that is how it ended.
            NotRecorded: it was never asked; the detail says what comes near.
            Cancelled: there is not as much time as it took.
        """
        key, place = key_of(request), here()
        found = self._placed.get((key, place))
        turns = (key, place if found else None)
        found = found or self._calls.get(key)
        if found is None:
            raise self._missing(request, f"has no such request to the tier {self._tier!r}")
        outcome = found[min(self._turns[turns], len(found) - 1)].outcome
        self._turns[turns] += 1
        if isinstance(outcome, CutOff):
            await _cut_off(outcome)
            raise self._missing(
                request, f"has of the tier {self._tier!r} only a call that was cut off"
            )
        await lasted(outcome)
        if isinstance(outcome, ModelError):
            raise copy(outcome)  # each raising writes its own traceback on it
        return outcome

    def worst(self, request: Request) -> Worst:
        """What was told when it was recorded, or what it took, where that was more.

        Nothing for what is not on record: it is not asked.
        """
        key = key_of(request)
        found = self._calls.get(key, ())
        told = [self._foreseen[key]] if key in self._foreseen else [call.worst for call in found]
        worst = told[0] if told else Worst(0, 0.0, Price())
        for call in found:
            if not isinstance(call.outcome, CutOff):
                worst = covering(worst, call.outcome, request.max_tokens)
        return worst

    async def close(self) -> None:
        """Nothing to give back."""

    def _missing(self, request: Request, what: str) -> NotRecorded:
        return NotRecorded(
            f"{NotRecorded.PREFIX}{self._source} {what}.",
            hint="Record it anew with --record, or undo what has changed.",
            detail=self._nearest.difference(self._tier, request),
        )


class Replay(ByTier):
    """A recording in place of all models: every tier replays what was recorded of it."""

    def __init__(self, folder: str | PathLike[str]) -> None:
        """Read the recording.

        Raises:
            SettingsError: there is none, or it cannot be read.
        """
        self._source = f"the recording {str(Path(folder))!r}"
        lines = read(Path(folder))
        self._calls = [line for line in lines if isinstance(line, Recorded)]
        self._foreseen = [line for line in lines if isinstance(line, Foreseen)]
        self._nearest = Nearest([(call.tier, call.request) for call in self._calls])
        self._made: dict[str, Replayed] = {}

    def __getitem__(self, tier: str) -> Model:
        """The calls of a tier; a tier that was never asked has none."""
        if tier not in self._made:
            self._made[tier] = Replayed(
                self.calls(tier),
                {line.key: line.worst for line in self._foreseen if tier in (line.tier, ANY_TIER)},
                tier=tier,
                source=self._source,
                nearest=self._nearest,
            )
        return self._made[tier]

    def __contains__(self, tier: object) -> bool:
        return isinstance(tier, str)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(call.tier for call in self._calls))

    def __len__(self) -> int:
        return len(set(self))

    def families(self, tier: str) -> frozenset[str]:
        """Those on record."""
        return frozenset[str]().union(*(call.families for call in self.calls(tier)))

    def calls(self, tier: str) -> list[Recorded]:
        """Those that a tier replays, in the order in which they ended."""
        return [call for call in self._calls if tier in (call.tier, ANY_TIER)]

    async def close(self) -> None:
        """Begin every request's replies anew."""
        self._made.clear()


async def _cut_off(outcome: CutOff) -> None:
    """Be under way for as long as a call was that was cut off, to be cut off again.

    Raises:
        Cancelled: it was, at the cost on record.
    """
    try:
        if outcome.limit_s is None:
            await asyncio.sleep(outcome.after_s)
        else:
            await lasting(outcome.limit_s + _SLACK_S)
    except asyncio.CancelledError as error:
        raise outcome.cancelled() from error


async def lasted(outcome: Reply | ModelError) -> None:
    """Let a limit on time run out that is shorter than a call on record.

    Raises:
        Cancelled: it has; all that the call cost is spent.
    """
    usage = outcome.usage if isinstance(outcome, Reply) else outcome
    try:
        await lasting(outcome.seconds)
    except asyncio.CancelledError as error:
        raise Cancelled(
            deployment=outcome.deployment,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            nano_usd=outcome.nano_usd,
        ) from error


def folder_of(deployment: Deployment, settings: Settings) -> Path:
    """Where the recording of a deployment is that has one."""
    return settings.file.parent / Path(deployment.recorded or "").expanduser()


def covering(worst: Worst, outcome: Reply | ModelError, max_tokens: int) -> Worst:
    """A worst case that is no less than what a call took."""
    usage = outcome.usage if isinstance(outcome, Reply) else outcome
    beyond = max(0, usage.tokens_out - worst.tries * max_tokens)
    worst = replace(
        worst,
        tokens_in=max(worst.tokens_in, -(-(usage.tokens_in + beyond) // worst.tries)),
        seconds=max(worst.seconds, outcome.seconds),
    )
    missing = outcome.nano_usd - worst.spend(max_tokens).nano_usd
    if missing <= 0:
        return worst
    tokens = worst.tries * max(1, worst.tokens_in)
    more = Decimal(missing) * 1_000_000 / NANO_PER_USD / tokens
    more = more.quantize(Decimal("1e-9"), rounding=ROUND_CEILING)
    price = replace(worst.price, usd_per_mtok_in=worst.price.usd_per_mtok_in + more)
    return replace(worst, tokens_in=max(1, worst.tokens_in), price=price)
