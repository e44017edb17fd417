"""Scores from 1 to 5, one a criterion."""

from collections.abc import Mapping
from typing import Annotated, Any, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, create_model
from typing_extensions import TypedDict

from agentsys.agent import Agent
from agentsys.errors import DefinitionError
from agentsys.node import Node
from agentsys.pattern import Inside, Pattern
from agentsys.patterns.judging.data import RULE, OnData, Shown
from agentsys.verdict import Candidate

X = TypeVar("X")
Y = TypeVar("Y")

Score = Annotated[int, Field(ge=1, le=5)]

_ASKED = """\
Score the answer on each criterion from 1 (worst) to 5 (best). Think before you score, and look at \
each criterion by itself."""


class Scores(BaseModel):
    """How good an answer is."""

    model_config = ConfigDict(frozen=True)

    by_criterion: dict[str, Score]
    reason: str = ""
    judge: str = ""

    @property
    def mean(self) -> float:
        """Over the criteria."""
        return sum(self.by_criterion.values()) / len(self.by_criterion)


def rubric(
    task: type[X],
    answer: type[Y],
    instructions: str,
    criteria: Mapping[str, str],
    *,
    tier: str = "slm",
    name: str = "rubric",
) -> Node[Candidate[X, Y], Scores]:
    """A judge that scores answers.

    Args:
        task: Type of the task.
        answer: Type of the answer.
        instructions: What the task is.
        criteria: What each criterion asks, and, best, what a 1, a 3 and a 5 look like.
        tier: The class of model it asks.
        name: How paths and the ledger call it.

    Raises:
        DefinitionError: there is no criterion.
    """
    if not criteria:
        raise DefinitionError(
            "A rubric without criteria scores nothing.",
            hint="Give a dictionary such as {'clarity': 'Is it easy to follow?'}.",
        )
    listed = "\n".join(f"- {criterion}: {asks}" for criterion, asks in criteria.items())
    said = f"{instructions}\n\n{RULE}\n\n{_ASKED}\n{listed}"
    scores = cast(Any, TypedDict)("ByCriterion", dict.fromkeys(criteria, Score))
    gives = create_model("Scored", reasoning=(str, ...), scores=(scores, ...))
    agent: Node[Shown, Any] = Agent(Shown, gives, said, tier=tier, max_tokens=1024, name=name)
    takes = cast(Any, Candidate)[task, answer]
    return _Rubric[X, Y](takes, OnData(takes, agent))


class _Rubric(Pattern[Candidate[X, Y], Scores], Generic[X, Y]):
    """One agent. Made by `rubric`."""

    def __init__(self, takes: Any, asked: Node[Candidate[X, Y], Any]) -> None:
        self._asked = asked
        self.name = asked.name
        self.takes, self.gives = takes, Scores

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The agent."""
        return (self._asked,)

    @property
    def uses(self) -> tuple[int | None, ...]:
        """Once."""
        return (1,)

    async def conduct(self, value: Candidate[X, Y], inside: Inside) -> Scores:
        """What it scores."""
        tried = await inside.run(self._asked, value, "score")
        inside.accept(tried)
        said = tried.output
        return Scores(by_criterion=said.scores, reason=said.reasoning, judge=self.name)
