"""Ready-made judges and panels, under the names that papers have given them."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from agentsys.node import Node
from agentsys.patterns.judging.deliberation import MOST_ROUNDS
from agentsys.patterns.judging.judge import Judge
from agentsys.patterns.judging.panel import Panel
from agentsys.patterns.judging.panel_verdict import PanelVerdict
from agentsys.patterns.judging.ruling import Calibration
from agentsys.patterns.judging.voting import Weights
from agentsys.verdict import Candidate, Verdict

X = TypeVar("X")
Y = TypeVar("Y")

PROFILES: Mapping[str, str] = {
    "deductive": (
        "You are a deductive reader. Derive from the task alone what must hold of a correct "
        "answer, then look whether each step of this one follows from those before it."
    ),
    "logical": (
        "You are a logical reader. Look for contradictions, unstated assumptions, and steps that "
        "use what was not given or leave out what was."
    ),
    "robust": (
        "You are a robust reader. Try to break the answer: other readings of the task, extreme "
        "values, units, and a computation by another way."
    ),
}
"""MAJ names its three reasoning profiles; their prompts were not to be had: these are our own."""


def quick(
    task: type[X],
    answer: type[Y],
    instructions: str,
    *,
    tier: str = "slm",
    calibration: Calibration | None = None,
    sure: float = 0.5,
) -> Node[Candidate[X, Y], Verdict]:
    """One decision of one judge: a few tokens, with probabilities."""
    return Judge(task, answer, instructions, tier=tier, calibration=calibration, sure=sure)


def poll(
    task: type[X],
    answer: type[Y],
    instructions: str,
    *,
    tiers: Sequence[str],
    name: str = "poll",
) -> Node[Candidate[X, Y], PanelVerdict]:
    """Small judges of different families, who decide independently; the majority wins.

    PoLL (Verga et al. 2024, arXiv 2404.18796). A third judge is asked only on a split, which does
    not change the majority.

    Args:
        task: Type of the task.
        answer: Type of the answer.
        instructions: What the task is, and what a correct answer has to be.
        tiers: One for each judge, three or more.
        name: How paths and the ledger call it.
    """
    judges = [Judge(task, answer, instructions, tier=tier) for tier in tiers]
    return Panel(judges, Weights(), name=name)


def maj(
    task: type[X],
    answer: type[Y],
    instructions: str,
    *,
    tier: str = "slm",
    rounds: int = MOST_ROUNDS,
    name: str = "maj",
) -> Node[Candidate[X, Y], PanelVerdict]:
    """Three reading profiles of one model, who deliberate where they do not agree: MAJ-style.

    It is no reproduction of MAJ (JudgeBoard, Bi et al. 2025): its prompts, rounds and tie rule were
    not to be had. The profiles are of one model, so they err alike, and the log warns.

    Args:
        task: Type of the task.
        answer: Type of the answer.
        instructions: What the task is, and what a correct answer has to be.
        tier: Of all three.
        rounds: Of deliberation.
        name: How paths and the ledger call it.
    """
    judges = [
        Judge(task, answer, f"{reads}\n\n{instructions}", mode="reasoned", tier=tier, name=profile)
        for profile, reads in PROFILES.items()
    ]
    return Panel(judges, Weights(), rounds=rounds, name=name)


def reconcile(
    task: type[X],
    answer: type[Y],
    instructions: str,
    *,
    tiers: Sequence[str],
    rounds: int = MOST_ROUNDS,
    name: str = "reconcile",
) -> Node[Candidate[X, Y], PanelVerdict]:
    """Different models at a round table, who vote by rescaled confidence.

    After ReConcile (Chen et al. 2023, arXiv 2309.13007): its weights, and its end at a consensus;
    a change of mind has to name an error here, and a third judge is asked only on a split.

    Args:
        task: Type of the task.
        answer: Type of the answer.
        instructions: What the task is, and what a correct answer has to be.
        tiers: One for each judge.
        rounds: Of discussion.
        name: How paths and the ledger call it.
    """
    judges = [Judge(task, answer, instructions, mode="reasoned", tier=tier) for tier in tiers]
    return Panel(judges, Weights(rescaled=True), rounds=rounds, name=name)
