"""Several judges that decide together, each asked only where those before it leave it open."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

from agentsys.errors import DefinitionError
from agentsys.node import Check, Node
from agentsys.pattern import Inside, Pattern
from agentsys.patterns.judging.deliberation import MOST_ROUNDS
from agentsys.patterns.judging.discussion import Revision, most_bytes
from agentsys.patterns.judging.judge import Judging
from agentsys.patterns.judging.panel_verdict import PanelVerdict
from agentsys.patterns.judging.sitting import Sitting
from agentsys.patterns.judging.voting import Weights
from agentsys.reliability import Reliability
from agentsys.verdict import Candidate, Verdict

X = TypeVar("X")
Y = TypeVar("Y")


def judge_panel(
    *judges: Node[Candidate[X, Y], Verdict],
    checks: Sequence[Check[X, Y]] = (),
    matches: Callable[[X, Y], bool | None] | None = None,
    quick: Node[Candidate[X, Y], Verdict] | None = None,
    rounds: int = 0,
    larger: Node[Candidate[X, Y], Verdict] | None = None,
    human: bool = False,
    reliability: Mapping[str, Reliability] | None = None,
    correlation: float | None = None,
    name: str = "judge-panel",
) -> "Node[Candidate[X, Y], PanelVerdict]":
    """Several judges that decide together.

    In this order, each only where those before it leave it open: checks, the reference, the quick
    judge, two judges of different families, further ones until no other could change the outcome
    (`Weights.decided`), deliberation, the larger model, a human. A tie that nobody breaks is
    `unknown`. A budget that ends leaves the votes there are, and the run ends as it says.

    Args:
        judges: Two or more nodes that judge, best of different model families: three is a good
            number. Each has a name of its own. `unknown` is no vote: so one with a bound
            (`Judge(…, sure=0.7)`) counts where it is sure.
        checks: What a correct answer has to pass: a reason against it outranks all judges.
        matches: Whether an answer is right, by a reference or tests that the caller has; `None`
            where that cannot be told. Nothing of it is ever shown to a model.
        quick: A judge that is asked alone first, and decides unless it says `unknown`: give it a
            bound (`Judge(…, sure=0.9)`) and a calibration.
        rounds: Of deliberation, where all judges were asked and do not agree; two at most. Off
            unless asked for: measure first whether it helps (`benchmarks/README.md`).
        larger: A judge that breaks ties.
        human: Whether a human is asked where a tie is left: the run is interrupted.
        reliability: What was measured of each judge, by its name; verdicts count accordingly.
            Without, each has one vote.
        correlation: Of the judges' errors, on average over pairs, as measured.
        name: How paths and the ledger call it.

    Raises:
        DefinitionError: there are not two judges, two have one name, one was not measured, or
            deliberation is asked for in vain.
    """
    weights = Weights(reliability or {}, correlation)
    return Panel(
        judges,
        weights,
        checks=checks,
        matches=matches,
        quick=quick,
        rounds=rounds,
        larger=larger,
        human=human,
        name=name,
    )


class Panel(Pattern[Candidate[X, Y], PanelVerdict], Generic[X, Y]):
    """Several judges. Made by `judge_panel` and by the presets."""

    def __init__(
        self,
        judges: Sequence[Node[Candidate[X, Y], Verdict]],
        weights: Weights,
        *,
        checks: Sequence[Check[X, Y]] = (),
        matches: Callable[[X, Y], bool | None] | None = None,
        quick: Node[Candidate[X, Y], Verdict] | None = None,
        rounds: int = 0,
        larger: Node[Candidate[X, Y], Verdict] | None = None,
        human: bool = False,
        name: str,
    ) -> None:
        _require(judges, weights, rounds)
        self.judges = tuple(judges)
        self.weights = weights
        self.checks = tuple(checks)
        self.matches = matches
        self.quick = quick
        self.rounds = rounds
        self.larger = larger
        self.human = human
        self.name = name
        self.takes, self.gives = judges[0].takes, PanelVerdict

    @property
    def revising(self) -> dict[str, Node[Any, Revision]]:
        """What the judges that can think again ask, by the judges' names."""
        return _revising(self.judges) if self.rounds else {}

    def bounded(self, verdict: Verdict) -> Verdict:
        """A judge's verdict after a discussion, by its own bound and what was measured of it."""
        found = next(each for each in self.judges if each.name == verdict.judge)
        own = cast("Judging[Any, Any]", found)  # no other can be asked again
        return self.weights.measured(own.bounded(verdict))

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """All that may be asked, in the order in which it may."""
        single = [node for node in (self.quick, *self.judges) if node is not None]
        return (*single, *self.revising.values(), *([self.larger] if self.larger else []))

    @property
    def uses(self) -> tuple[int | None, ...]:
        """Everybody once, and in every round those that can think again."""
        return (
            *(1 for node in (self.quick, *self.judges) if node is not None),
            *(self.rounds for _ in self.revising),
            *([1] if self.larger else []),
        )

    def largest(self, given: float) -> tuple[float, ...]:
        """The answer for all, and for those that think again what was said of it."""
        talk = most_bytes(given, len(self.judges))
        again = {id(node) for node in self.revising.values()}
        return tuple(talk if id(part) in again else given for part in self.parts)

    @property
    def shape(self) -> str:
        """With how it decides."""
        by = (len(self.checks), self.matches is None, self.rounds, self.human, self.weights)
        return f"{super().shape} {by}"

    async def conduct(self, value: Candidate[X, Y], inside: Inside) -> PanelVerdict:
        """The verdict of the first that has one."""
        return await Sitting(self, value, inside).verdict()


def _revising(judges: Sequence[Node[Any, Verdict]]) -> dict[str, Node[Any, Revision]]:
    found = [cast("Judging[Any, Any]", each) for each in judges if isinstance(each, Judging)]
    return {each.name: each.revise for each in found if each.revise is not None}


def _require(judges: Sequence[Node[Any, Verdict]], weights: Weights, rounds: int) -> None:
    names = [judge.name for judge in judges]
    if len(names) < 2:
        raise DefinitionError(
            f"A panel of {len(names)} is none.", hint="Give two judges or more, best three."
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DefinitionError(
            f"Two judges of a panel are called {twice!r}.",
            hint="Name them: Judge(…, name=…), or as_judge(node, name=…).",
        )
    unknown = next((name for name in names if name not in weights.reliability), None)
    if weights.reliability and unknown is not None:
        raise DefinitionError(
            f"The judge {unknown!r} was not measured, and others of its panel were.",
            hint="Measure all of them ('agentsys judge calibrate'), or give no 'reliability'.",
        )
    if not 0 <= rounds <= MOST_ROUNDS:
        raise DefinitionError(
            f"rounds={rounds}: a panel deliberates for {MOST_ROUNDS} rounds at most, or not (0)."
        )
    if rounds and not _revising(judges):
        raise DefinitionError(
            "No judge of this panel can think again.",
            hint="Give a Judge, or as_judge(node, name=…, revise=…); or leave 'rounds' out.",
        )
