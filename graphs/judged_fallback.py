"""Solves a word problem with the small model; a panel of judges decides whether the large one must.

Like `slm_fallback`, and what passes the checks is judged as well.
"""

from ..agents.solver import solver
from .judge_panel import judge_panel
from .slm_only import calculate

judged_fallback = solver.check(judge_panel).escalate("llm") >> calculate
