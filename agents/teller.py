"""Answers a question as `answerer` does, in free text: whatever comes is read for its answer.

For models that nothing holds to a schema, and that often miss it although their answer is right.
"""

from agentsys import Agent

from .answerer import INSTRUCTIONS, MAX_TOKENS
from .solver import Question


def opinion(name: str, tier: str) -> Agent[Question, str]:
    """A teller of another name, which asks another model.

    Names of their own keep several opinions apart in the ledger from one that is escalated.
    """
    return Agent(
        Question, str, INSTRUCTIONS, repairs=0, max_tokens=MAX_TOKENS, tier=tier, name=name
    )


teller = opinion("teller", "slm")
