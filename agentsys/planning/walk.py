"""From node to node of a graph: all requests that it may make, each at its largest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, cast

from agentsys.agent import SMALL, Agent
from agentsys.choosing import Chooser
from agentsys.guarded import REPAIRS
from agentsys.limits import Budget
from agentsys.models.base import Model, Request
from agentsys.node import Both, Each, Guarded, Leaf, Node, Pipe, Step, Vote, Within
from agentsys.pattern import Pattern
from agentsys.planning.given import TASK, Given, given_by, item_of, to_parts
from agentsys.planning.limits import Account, Most
from agentsys.planning.sizes import unbounded_in
from agentsys.prompt import (
    BYTES_PER_TOKEN,
    MOST_OBJECTED,
    MOST_OBSERVED,
    Objection,
    Observation,
    Reply,
    Turn,
)
from agentsys.schema import name_of
from agentsys.spec import AgentSpec

_SIGN = "."
"""Stands for text that is not there yet: no model counts more tokens of anything else."""


_BUDGET = "Limit it: .within(Budget(usd=…))."


@dataclass(frozen=True, slots=True)
class Asked:
    """What a node asks of a tier, in one place of the graph."""

    node: str
    tier: str
    most: Most
    account: Account


@dataclass(frozen=True, slots=True)
class Unbounded:
    """A node that nothing bounds."""

    node: str
    why: str
    hint: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """An attempt of an outer node."""

    tier: str | None
    """Which agents inside asked; `None`: their own."""
    objections: int = 1
    """That came after it: one from each node that checked it."""


@dataclass(frozen=True, slots=True)
class Place:
    """The surroundings of a node: how often it runs, after what, and on whose account."""

    tier: str | None = None
    """That an outer node asks instead of the agents' own."""
    earlier: tuple[Earlier, ...] = ()
    """What was said before, and not accepted."""
    times: float = 1
    path: str = ""
    account: Account = ()
    copies: int = 1
    """How many accounts of one budget there may be: one for each use in a pattern."""
    smaller: bool = False
    """Whether a budget lets agents go on with the small model where it has no room."""

    def at(self, part: str | int) -> "Place":
        """That of a part."""
        return replace(self, path=f"{self.path}/{part}")


@dataclass
class Walk:
    """The requests that were found so far."""

    models: Mapping[str, Model]
    asked: list[Asked] = field(default_factory=list[Asked])
    unbounded: list[Unbounded] = field(default_factory=list[Unbounded])
    budgets: dict[Account, tuple[Budget, int]] = field(
        default_factory=dict[Account, tuple[Budget, int]]
    )

    def visit(self, node: Node[Any, Any], given: Given, place: Place) -> None:
        """Find what a node asks for an input."""
        match node:
            case Leaf():
                self._leaf(node, given, place)
            case Pattern():
                self._pattern(node, given, place)
            case Guarded():
                self._guarded(node, given, place)
            case Within():
                self._within(node, given, place)
            case Vote():
                self.visit(node.voter, given, replace(place, times=place.times * node.n))
            case Each():
                self._each(cast("Each[Any, Any]", node), given, place)
            case Both() | Pipe():
                for number, part in enumerate(node.parts):
                    self.visit(part, given, place.at(number))
                    given = given_by(part, given) if isinstance(node, Pipe) else given
            case _:
                self._refuse(node, "of a kind that has no plan", _BUDGET)

    def _leaf(self, node: Leaf[Any, Any], given: Given, place: Place) -> None:
        match node:
            case Agent():
                self._agent(node.spec, given, place)
            case Chooser():
                self._decision(cast("Chooser[Any, Any]", node), given, place)
            case Step():
                pass
            case _:
                self._add(node.name, "", Most(inf, inf, inf, inf), place)
                why = "a graph that was written by hand, whose loops nobody sees"
                self._refuse(node, why, _BUDGET)

    def _each(self, node: Each[Any, Any], given: Given, place: Place) -> None:
        if given.known:
            for item in given.value:
                self.visit(node.item, replace(given, kind=node.item.takes, value=item), place)
            return
        count = given.most_items
        if count == inf:
            why = f"run for each item of a list from {given.source}, as long as it likes"
            self._refuse(node, why, "Bound the list: Field(max_length=…).")
        self.visit(node.item, item_of(given, node.item), replace(place, times=place.times * count))

    def _within(self, node: Within[Any, Any], given: Given, place: Place) -> None:
        account = (*place.account, place.path)
        self.budgets[account] = (node.budget, place.copies)
        smaller = place.smaller or node.budget.on_empty == "slm-only"
        self.visit(node.inner, given, replace(place, account=account, smaller=smaller))

    def _pattern(self, node: Pattern[Any, Any], given: Given, place: Place) -> None:
        parts = zip(node.parts, node.uses, to_parts(node, given), strict=True)
        for number, (part, uses, own) in enumerate(parts):
            if uses is None:
                why = f"run by {node.name!r} as often as it likes"
                self._refuse(part, why, "Bound it: give the pattern a largest number of uses.")
            times = place.times * (inf if uses is None else uses) if uses != 0 else 0
            if times:
                inner = replace(place, times=times, copies=place.copies * max(uses or 1, 1))
                self.visit(part, own, inner.at(number))

    def _guarded(self, node: Guarded[Any, Any], given: Given, place: Place) -> None:
        tries = 1 + REPAIRS if node.checks else 1

        def attempts(outer: str | None, objections: int = 0) -> list[Earlier]:
            own = (outer,) if outer and not node.first else (node.first, *node.escalation)
            *before, last = [Earlier(tier) for tier in own for _ in range(tries)]
            return [*before, replace(last, objections=1 + objections)]

        before = [inner for one in place.earlier for inner in attempts(one.tier, one.objections)]
        now = attempts(place.tier)
        for number, attempt in enumerate(now):
            earlier = (*before, *now[:number])
            inner = replace(place, tier=attempt.tier, earlier=earlier)
            self.visit(node.inner, given, inner.at("inner"))
        for number, judge in enumerate(node.judges):
            task, answer = given.json_bytes(node.takes), given_by(node.inner, given)
            size = len('{"task":,"answer":}') + task + answer.json_bytes(node.gives)
            candidate = Given(judge.takes, f"the checks of {node.name!r}", size=size)
            times = place.times * len(now)
            self.visit(judge, candidate, replace(place, earlier=(), times=times).at(f"j{number}"))

    def _agent(self, spec: AgentSpec, given: Given, place: Place) -> None:
        value = self._shown(spec, given)
        most: dict[str, Most] = {}
        for tier, turns in _requests(spec, self._tiers_of(spec, place), place.earlier):
            one = self._request(spec, spec.schema, value, tier, turns)
            most[tier] = most.get(tier, Most()) + one
        for tier, found in most.items():
            self._add(spec.name, tier, found.times(place.times), place)

    def _tiers_of(self, spec: AgentSpec, place: Place) -> list[str]:
        tiers = [place.tier] if place.tier else [*spec.tiers]
        small = place.smaller and SMALL not in tiers and SMALL in self.models
        return [*tiers, SMALL] if small else tiers

    def _decision(self, node: "Chooser[Any, Any]", given: Given, place: Place) -> None:
        tier = place.tier or node.spec.tiers[0]
        value = self._shown(node.spec, given)
        one = self._request(node.spec, node.schema, value, tier, ())
        self._add(node.name, tier, one.times(place.times * node.most_requests), place)

    def _shown(self, spec: AgentSpec, given: Given) -> Any:
        """The input, or a text as long as its longest; `None` where nothing bounds it."""
        if given.known:
            return given.value
        size = given.text_bytes(spec.takes)
        if size < inf:
            return _SIGN * int(size)
        name = unbounded_in(spec.takes)
        what = f"the field {name!r} of {name_of(spec.takes)}" if name else name_of(spec.takes)
        why = f"given {what} by {given.source}, as long as it likes"
        hint = "Bound it: Field(max_length=…)"
        hint += ", or give the task." if given.source == TASK else "."
        self.unbounded.append(Unbounded(spec.name, why, hint))
        return None

    def _request(
        self, spec: AgentSpec, schema: Any, value: Any, tier: str, turns: tuple[Turn, ...]
    ) -> Most:
        if value is None:
            return Most(1, inf, inf, inf)
        request = Request(spec.messages(value, turns), schema, spec.max_tokens)
        worst = self.models[tier].worst(request)
        spend = worst.spend(spec.max_tokens)
        written = worst.tries * spec.max_tokens
        return Most(1, spend.tokens - written, written, spend.nano_usd)

    def _add(self, node: str, tier: str, most: Most, place: Place) -> None:
        self.asked.append(Asked(node, tier, most, place.account))

    def _refuse(self, node: Node[Any, Any], why: str, hint: str) -> None:
        self.unbounded.append(Unbounded(node.name, why, hint))


def _requests(
    spec: AgentSpec, tiers: list[str], earlier: tuple[Earlier, ...]
) -> Iterator[tuple[str, tuple[Turn, ...]]]:
    """The requests of an agent all of whose attempts fail, each with what was said before it."""
    reply = Reply(_SIGN * (BYTES_PER_TOKEN * spec.max_tokens))
    objection = Objection(_SIGN * MOST_OBJECTED)
    longest = max((tool.name for tool in spec.tools), key=len, default="")
    after: Turn = Observation(longest, _SIGN * MOST_OBSERVED) if spec.tools else objection
    asks = (1 + spec.repairs) * (spec.steps if spec.tools else 1)
    # With tools the last attempt on a tier may end with one, and then with its steps.
    end = (objection,) if spec.tools else ()
    turns: tuple[Turn, ...] = ()
    for one in earlier:
        times = 1 if one.tier else len(spec.tiers)
        turns += ((reply, after) * asks + end) * times + (objection,) * (one.objections - 1)
    for tier in tiers:
        for _ in range(asks):
            yield tier, turns
            turns += (reply, after)
        turns += end
