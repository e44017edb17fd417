"""Solves a word problem by way of sub-questions, always: `decompose_solve` without its gate."""

from agentsys import decompose

from .decompose_solve import last, needed, solve, spelled_out, split

decompose_always = decompose(split, solve, last, depends_on=needed, key=spelled_out).escalate("llm")
