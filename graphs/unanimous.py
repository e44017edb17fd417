"""Answers a question with what three small models agree on; else the large one answers.

Their tiers are `slm`, `slm-2` and `slm-3`: models of different families, or they err alike.
"""

from agentsys import agree, cascade

from ..agents.teller import opinion
from .answer_in_text import answer_in_text, read

second = opinion("second", "slm-2") >> read
third = opinion("third", "slm-3") >> read
large = answer_in_text.at("llm")

unanimous = cascade(agree(answer_in_text, second, third), large)
