"""Judging without a reference: single judges, panels, pairs and rubrics.

A judge is any `Node[Candidate[X, Y], Verdict]`: what this package makes, and whatever else has that
type.
"""

from agentsys.patterns.judging.canary import canaries
from agentsys.patterns.judging.discussion import Discussion, Flip, Opinion, Revision
from agentsys.patterns.judging.judge import Judge, as_judge
from agentsys.patterns.judging.pair import Pair, Preference, pairwise
from agentsys.patterns.judging.panel import judge_panel
from agentsys.patterns.judging.panel_verdict import PanelVerdict
from agentsys.patterns.judging.presets import maj, poll, quick, reconcile
from agentsys.patterns.judging.ruling import of_choice
from agentsys.patterns.judging.scoring import Scores, rubric
from agentsys.patterns.judging.solving import judge_by_solving

__all__ = [
    "Discussion",
    "Flip",
    "Judge",
    "Opinion",
    "Pair",
    "PanelVerdict",
    "Preference",
    "Revision",
    "Scores",
    "as_judge",
    "canaries",
    "judge_by_solving",
    "judge_panel",
    "maj",
    "of_choice",
    "pairwise",
    "poll",
    "quick",
    "reconcile",
    "rubric",
]
