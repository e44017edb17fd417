"""Solves a word problem with the small model: the value that most of its expressions have."""

from agentsys import step, vote_until

from ..agents.coder import Number
from .slm_only import Answer, slm_only


@step
async def value_of(answer: Answer) -> Number:
    """What is voted for: expressions that differ may have one value."""
    return Number(value=answer.value)


voted = vote_until(slm_only >> value_of)
