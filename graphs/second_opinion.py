"""Answers a question with the small model; another one judges that by solving it anew.

Where the judge, `slm-2`, comes to something else, the large model answers, and is not judged.
"""

from agentsys import cascade
from agentsys.patterns.judging import judge_by_solving

from .answer import Number
from .answer_in_text import answer_in_text
from .unanimous import large, second


def same(mine: Number, given: Number) -> bool:
    """Both are the same number."""
    return mine.value == given.value


second_opinion = cascade(answer_in_text.check(judge_by_solving(second, same)), large)
