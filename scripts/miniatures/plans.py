"""The two models: their sizes, what they see and for how long they are trained."""

from .model import Shape
from .roles import EVEN, Mixture
from .tokenizer import VOCABULARY
from .train import Plan

MORE_RULINGS: Mixture = {
    "solver": 8,
    "outside": 10,
    "repair": 4,
    "judge": 32,
    "splitter": 17,
    "reasoner": 9,
    "coder": 4,
    "stepper": 4,
    "searcher": 10,
    "guesser": 2,
}
"""Judging is learnt late: once problems are mostly solved, it takes a while of mostly this."""
MORE_SEARCH: Mixture = {
    "solver": 27,
    "outside": 10,
    "repair": 16,
    "judge": 9,
    "splitter": 10,
    "reasoner": 5,
    "coder": 3,
    "stepper": 2,
    "searcher": 17,
    "guesser": 1,
}
"""What is learnt last: finding an answer in passages, and answering after a failed attempt."""

SHAPE = Shape(hidden=64, layers=4, heads=4, inner=192, vocabulary=VOCABULARY)
"""Of both: at this size the number of updates counts for more than the number of weights. Three
times as many weights, after as many minutes, solved as well but judged hardly better than chance.
"""

PLANS = (
    Plan("mini-slm", SHAPE, minutes=24, mixtures=((0, EVEN), (14, MORE_RULINGS))),
    Plan(
        "mini-llm",
        SHAPE,
        minutes=76,
        mixtures=((0, EVEN), (14, MORE_RULINGS), (26, EVEN), (46, MORE_SEARCH)),
    ),
)
