"""Judges: nodes that say whether an answer is correct, without a reference."""

from typing import Any, Generic, Literal, TypeVar, assert_never, cast

from agentsys.agent import Agent
from agentsys.choosing import choose
from agentsys.errors import DefinitionError
from agentsys.node import Node
from agentsys.pattern import Inside, Pattern
from agentsys.patterns.judging.data import RULE, OnData, Shown
from agentsys.patterns.judging.discussion import Discussion, Revision
from agentsys.patterns.judging.kinship import tell_of_authors
from agentsys.patterns.judging.ruling import (
    Calibration,
    Ruling,
    agrees_with_itself,
    calibrated,
    of_choice,
    of_ruling,
)
from agentsys.verdict import Candidate, Label, Verdict

X = TypeVar("X")
Y = TypeVar("Y")

Mode = Literal["quick", "reasoned"]

_QUICK = "Is the answer correct? Say unknown only where that cannot be told."
_REASONED = """\
Go through the answer step by step, and think before you judge. Then say which words of the answer \
show what is wrong (evidence, copied exactly; none where nothing is), the number of the first step \
that is wrong (counted from 1; null where none is), the verdict (correct, incorrect, or unknown \
where it cannot be told), and how sure you are of it (0 to 1)."""
_REVISE = """\
You have judged the answer before (own, for your reasons), and so have others (others). Look at \
your reasons again, then at what they say, each against the answer itself. That many say something \
is no reason. If you change your verdict, name the error: what is wrong in the answer, or what you \
took for wrong and is right; and copy the words of the answer in which it stands (quote). Else \
leave both empty."""


class Judging(Pattern[Candidate[X, Y], Verdict], Generic[X, Y]):
    """A judge that has a name of its own and may be asked to think again."""

    revise: Node[Discussion[X, Y], Revision] | None
    """What it says when it has seen the opinions of others; `None`: it keeps to what it said."""

    def __init__(
        self,
        inner: Node[Candidate[X, Y], Verdict],
        revise: Node[Discussion[X, Y], Revision] | None,
        calibration: Calibration | None,
        sure: float,
        name: str,
    ) -> None:
        if not 0.5 <= sure < 1:
            raise DefinitionError(
                f"sure={sure} is no bound.",
                hint="Give 0.5 (every verdict stands) or more, below 1.",
            )
        self._inner = inner
        self._calibration = calibration
        self._sure = sure
        self.revise = revise
        self.name = name
        self.takes, self.gives = inner.takes, Verdict

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """What judges."""
        return (self._inner,)

    @property
    def uses(self) -> tuple[int | None, ...]:
        """Once."""
        return (1,)

    @property
    def shape(self) -> str:
        """With what is made of its verdicts."""
        return f"{super().shape} {self._calibration} {self._sure}"

    def bounded(self, verdict: Verdict) -> Verdict:
        """A verdict of its own, calibrated; `unknown` where it is not sure enough."""
        return calibrated(verdict, self._calibration, self._sure)

    async def conduct(self, value: Candidate[X, Y], inside: Inside) -> Verdict:
        """The verdict, calibrated; one that says nothing is doubtful, so that `.escalate` works."""
        tell_of_authors(self.name, self.tiers, inside.context)
        tried = await inside.run(self._inner, value, "judge")
        verdict = self.bounded(tried.output)
        inside.accept(tried)
        if verdict.label == "unknown":
            inside.doubt(verdict.reason or f"{self.name} could not tell.")
        return verdict.model_copy(update={"judge": self.name})


class Judge(Judging[X, Y]):
    """A judge of any model: says whether an answer is `correct`, `incorrect` or `unknown`.

    It sees the task and the answer, as data, and nothing else: no reference, and not who gave it.
    A judge is a node: give it to `node.check`, to `judge_panel`, or run it.
    """

    def __init__(
        self,
        task: type[X],
        answer: type[Y],
        instructions: str,
        *,
        mode: Mode = "quick",
        tier: str = "slm",
        calibration: Calibration | None = None,
        sure: float = 0.5,
        name: str | None = None,
    ) -> None:
        """Define a judge.

        Args:
            task: Type of the task.
            answer: Type of the answer.
            instructions: What the task is, and what a correct answer has to be.
            mode: `quick` decides in one token, with the probability of each label: right for models
                of about four billion parameters or more. `reasoned` thinks first, and gives the
                failing step and quoted evidence: right for weaker ones, and where reasons are
                wanted. `agentsys judge calibrate` measures which is better.
            tier: The class of model it asks.
            calibration: From the probability that it tells to what that has meant.
            sure: Least probability of the label; what is below is `unknown`.
            name: How paths, panels and the ledger call it; default: `judge-` and the tier.

        Raises:
            DefinitionError: `sure` is not from 0.5 to 1.
        """
        name = name or f"judge-{tier}"
        takes = cast(Any, Candidate)[task, answer]
        match mode:
            case "quick":
                said = f"{instructions}\n\n{RULE}\n\n{_QUICK}"
                decide: Node[Candidate[X, Y], Verdict] = _Quick[X, Y](
                    takes, choose(Shown, Label, said, tier=tier, name=name)
                )
            case "reasoned":
                said = f"{instructions}\n\n{RULE}\n\n{_REASONED}"
                agent = Agent(Shown, Ruling, said, tier=tier, max_tokens=1024, name=name)
                decide = _Reasoned[X, Y](takes, agent.check(agrees_with_itself), answer)
            case _:
                assert_never(mode)
        said = f"{instructions}\n\n{RULE}\n\n{_REVISE}"
        again = Agent(Shown, Revision, said, tier=tier, max_tokens=1024, name=f"{name}-revises")
        discussed = cast(Any, Discussion)[task, answer]
        super().__init__(decide, OnData(discussed, again), calibration, sure, name)


def as_judge(
    node: Node[Candidate[X, Y], Verdict],
    *,
    name: str,
    revise: Node[Discussion[X, Y], Revision] | None = None,
    calibration: Calibration | None = None,
    sure: float = 0.5,
) -> Judging[X, Y]:
    """Any node that judges, with a name: for models that were trained to judge in their own words.

    Args:
        node: What judges, such as `shown >> choose(…) >> ruled`.
        name: How a panel, the ledger and reports call it.
        revise: What it says when it has seen the opinions of others.
        calibration: From the probability that it tells to what that has meant.
        sure: Least probability of the label; what is below is `unknown`.

    Raises:
        DefinitionError: `sure` is not from 0.5 to 1.
    """
    return Judging(node, revise, calibration, sure, name)


class _Quick(Pattern[Candidate[X, Y], Verdict], Generic[X, Y]):
    """One decision."""

    def __init__(self, takes: Any, decide: Node[Shown, Any]) -> None:
        self._asked: Node[Candidate[X, Y], Any] = OnData(takes, decide)
        self.name = decide.name
        self.takes, self.gives = takes, Verdict

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The decision."""
        return (self._asked,)

    @property
    def uses(self) -> tuple[int | None, ...]:
        """Once."""
        return (1,)

    async def conduct(self, value: Candidate[X, Y], inside: Inside) -> Verdict:
        """What was decided."""
        tried = await inside.run(self._asked, value, "decide")
        inside.accept(tried)
        return of_choice(tried.output)


class _Reasoned(Pattern[Candidate[X, Y], Verdict], Generic[X, Y]):
    """One agent, which thinks first."""

    def __init__(self, takes: Any, agent: Node[Shown, Ruling], answer: Any) -> None:
        self._asked: Node[Candidate[X, Y], Ruling] = OnData(takes, agent)
        self._answer = answer
        self.name = agent.name
        self.takes, self.gives = takes, Verdict

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The agent."""
        return (self._asked,)

    @property
    def uses(self) -> tuple[int | None, ...]:
        """Once."""
        return (1,)

    async def conduct(self, value: Candidate[X, Y], inside: Inside) -> Verdict:
        """What it rules, with the evidence that stands in the answer."""
        tried = await inside.run(self._asked, value, "rule")
        inside.accept(tried)
        return of_ruling(tried.output, value, self._answer)
