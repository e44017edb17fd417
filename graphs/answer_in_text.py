"""Answers a question with a number, which is read from whatever the model says."""

from agentsys import Abstain, step
from agentsys.tools.answers import answer_in

from ..agents.teller import teller
from .answer import Number


@step
async def read(text: str) -> Number:
    """The number that a text gives as its answer."""
    value = answer_in(text)
    if value is None:
        raise Abstain("there is no number in the answer.")
    return Number(value=value)


answer_in_text = teller >> read
