"""Solves a word problem with the large model alone; code evaluates its expression."""

from ..agents.solver import solver
from .slm_only import calculate

llm_only = solver.at("llm") >> calculate
