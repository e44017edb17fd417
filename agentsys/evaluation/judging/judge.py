"""Judges that are measured, what they are shown, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentsys.errors import InvalidOutput, InvalidTask, UserError
from agentsys.evaluation.judging.gold import Gold, Item
from agentsys.evaluation.judging.identity import Identity
from agentsys.evaluation.judging.matchups import Matchup, matchups
from agentsys.node import Node
from agentsys.patterns.judging import Pair, Preference
from agentsys.schema import name_of, validate_json
from agentsys.verdict import Candidate, Label, Verdict

Shown = Item | Matchup
"""What a judge judges: an answer, or two of them."""


@dataclass(frozen=True)
class Judge:
    """A judge that is to be measured."""

    node: Node[Any, Verdict] | Node[Any, Preference]
    identity: Identity

    @property
    def name(self) -> str:
        """Of its graph."""
        return self.identity.graph

    @property
    def of_pairs(self) -> bool:
        """Whether it compares two answers instead of judging one."""
        return is_judge_of_pairs(self.node)

    def shown(self, gold: Gold) -> Sequence[Shown]:
        """What it judges of a gold set."""
        return matchups(gold) if self.of_pairs else gold.items


@dataclass(frozen=True, slots=True)
class Given:
    """What came of showing an item to a judge."""

    said: Verdict | Preference | None
    """`None` where the run failed: that is not right, and will be tried again."""
    nano_usd: int
    """What all its calls cost, whatever came of them."""
    tokens: int
    seconds: float
    error: str = ""
    """Why nothing came of it."""

    @property
    def verdict(self) -> Verdict | None:
        """Of one answer."""
        return self.said if isinstance(self.said, Verdict) else None

    @property
    def preference(self) -> Preference | None:
        """Of two answers."""
        return self.said if isinstance(self.said, Preference) else None

    @property
    def decided(self) -> bool:
        """Whether it says correct or incorrect, or which is better."""
        said = self.said
        if isinstance(said, Preference):
            return said.winner != "tie"
        return said is not None and said.label != "unknown"

    def says(self, label: Label) -> bool:
        """Whether there is a verdict of this label."""
        return self.verdict is not None and self.verdict.label == label

    def right(self, shown: Shown) -> bool:
        """Whether it decided, and as the label has it."""
        if isinstance(shown, Matchup):
            winner = "a" if shown.correct_first else "b"
            return self.preference is not None and self.preference.winner == winner
        return self.says("correct" if shown.correct else "incorrect")


def is_judge_of_pairs(node: Node[Any, Any]) -> bool:
    """Whether a node takes two answers and gives a preference."""
    return _is(node.takes, Pair) and _is(node.gives, Preference)


def require_judge(judge: Judge, gold: Gold) -> None:
    """Make sure that a graph judges what there is.

    Raises:
        UserError: it does not.
    """
    node, name = judge.node, judge.name
    if not judge.of_pairs and not (_is(node.takes, Candidate) and _is(node.gives, Verdict)):
        raise UserError(
            f"The graph {name!r} is no judge: it takes {name_of(node.takes)} and gives "
            f"{name_of(node.gives)}.",
            hint="A judge takes a Candidate[Task, Answer] and gives a Verdict.",
        )
    shown = judge.shown(gold)
    if not shown:
        raise UserError(
            f"{gold.name} has no task with a correct and an incorrect answer, which the judge of "
            f"pairs {name!r} could compare.",
            hint="'agentsys judge gold SUITE --pairs' makes such.",
        )
    for each in shown:
        fitted(each, node, gold)


def fitted(shown: Shown, node: Node[Any, Any], gold: Gold) -> Any:
    """What a judge is shown, as its input type."""
    try:
        return validate_json(shown.shown, node.takes)
    except InvalidOutput as error:
        raise InvalidTask(
            f"{gold.name}: {shown.place} no {name_of(node.takes)}: {error.message}",
            hint="Are these answers of the kind that the graph judges?",
        ) from error


def _is(kind: Any, wanted: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, wanted)
