"""Answers a question with what two of three small models agree on; else the large one answers.

Like `unanimous`, but for the number. The third is asked only where the first two differ.
"""

from agentsys import agree, cascade

from .answer_in_text import answer_in_text
from .unanimous import large, second, third

majority = cascade(agree(answer_in_text, second, third, at_least=2), large)
