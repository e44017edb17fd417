"""Solves a word problem where worked steps and an expression agree; else asks the large model."""

from agentsys import cot_pot_cascade, step

from ..agents.reasoner import Worked, reasoner
from .llm_only import llm_only
from .slm_only import Answer, slm_only


@step
async def answer_of(worked: Worked) -> Answer:
    """The number that the steps lead to."""
    return Answer(expression="; ".join(worked.steps), value=worked.value)


cot_pot = cot_pot_cascade(
    reasoner >> answer_of, slm_only, llm_only, value=lambda answer: answer.value, rounds=2
)
