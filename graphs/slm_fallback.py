"""Solves a word problem with the small model; the large one steps in when a check says so.

Deterministic checks and the small model's confidence decide. The large model gets the failed
attempt with the reason, and must pass the same checks.
"""

from ..agents.solver import solver
from .slm_only import calculate

slm_fallback = solver.escalate("llm") >> calculate
