"""Calls of the ledger in place of models: a request that was made before has its reply."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from agentsys.call import MODEL_ERRORS, digest_of
from agentsys.errors import ModelError, NotRecorded
from agentsys.events import Call
from agentsys.messages import Usage
from agentsys.models.base import Guided, Model, Reply, Request
from agentsys.models.by_tier import ByTier
from agentsys.money import Price, Worst

_NEVER_ANSWERED = ("BudgetExceeded",)


class Missing(NotRecorded):
    """A request that nobody has made."""

    def __init__(self, tier: str, *, follows: bool, decides: bool) -> None:
        why = "the ledger has no such request"
        if decides:
            why = "the ledger keeps no probabilities of decisions"
        super().__init__(f"{NotRecorded.PREFIX}{why} to the tier {tier!r}.")
        self.follows = follows
        """Whether it has a conversation in it: what was said before decides what is asked."""


@dataclass
class Answers:
    """The calls on record of one task, in the order in which they were made."""

    calls: Iterable[Call]
    """Those of the graph's own run first: they are taken before those of others."""
    alone: bool = False
    """Whether a request with a conversation may be answered as if it had none."""

    def __post_init__(self) -> None:
        self._by_digest = defaultdict[str, list[Call]](list)
        for call in self.calls:
            if call.decision != "cancel" and call.error not in _NEVER_ANSWERED:
                self._by_digest[call.digest].append(call)
        self._turns = Counter[str]()

    def to(self, request: Request, tier: str) -> Call:
        """The call that was made for a request.

        Raises:
            Missing: there is none.
        """
        if request.alternatives:
            raise Missing(tier, follows=False, decides=True)
        follows = any(message.role == "assistant" for message in request.messages)
        found = self._found(digest_of(request, tier))
        if found is None and follows and self.alone:
            bare = replace(request, messages=request.messages[:2])
            found = self._found(digest_of(bare, tier))
        if found is None:
            raise Missing(tier, follows=follows, decides=False)
        return found

    def _found(self, digest: str) -> Call | None:
        calls = self._by_digest.get(digest)
        if not calls:
            return None
        turn = min(self._turns[digest], len(calls) - 1)
        self._turns[digest] += 1
        return calls[turn]


class FromLedger(ByTier):
    """The calls of one task in place of all models."""

    def __init__(self, families: Mapping[str, frozenset[str]]) -> None:
        self.answers = Answers(())
        """Of the task that is under way."""
        self._families = families

    def __getitem__(self, tier: str) -> Model:
        """Whatever was asked of a tier."""
        return _Tier(self, tier)

    def __contains__(self, tier: object) -> bool:
        return isinstance(tier, str)

    def __iter__(self) -> Iterator[str]:
        return iter(self._families)

    def __len__(self) -> int:
        return len(self._families)

    def families(self, tier: str) -> frozenset[str]:
        """As they are configured now."""
        return self._families.get(tier, frozenset())

    async def close(self) -> None:
        """Nothing to give back."""


@dataclass(frozen=True)
class _Tier:
    task: FromLedger
    tier: str

    async def ask(self, request: Request) -> Reply:
        """What was replied, and what it cost.

        Raises:
            ModelError: that is how it ended.
            NotRecorded: it was never asked.
        """
        call = self.task.answers.to(request, self.tier)
        if call.error:
            raise MODEL_ERRORS.get(call.error, ModelError)(
                call.reason,
                deployment=call.deployment,
                tokens_in=call.tokens_in,
                tokens_out=call.tokens_out,
                nano_usd=call.nano_usd,
                seconds=call.seconds,
            )
        return Reply(
            text=call.text,
            usage=Usage(call.tokens_in, call.tokens_out),
            deployment=call.deployment,
            guided=_guided(call.guided),
            tokens=(),
            seconds=call.seconds,
            nano_usd=call.nano_usd,
            confidence=call.confidence,
        )

    def worst(self, request: Request) -> Worst:
        """Nothing: there are no budgets where nothing is paid."""
        return Worst(0, 0.0, Price())

    async def close(self) -> None:
        """Nothing to give back."""


def _guided(word: str) -> Guided:
    known: dict[str, Guided] = {
        "outlines": "outlines",
        "grammar": "grammar",
        "strict": "strict",
        "prompt": "prompt",
    }
    return known.get(word, "none")
