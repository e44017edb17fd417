"""The two models: their sizes, what they see and for how long they are trained."""

from .model import Shape
from .roles import EVEN, Mixture
from .tokenizer import VOCABULARY
from .train import Plan

MORE_JUDGING: Mixture = {
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
"""For the small model, which is to be weak at solving and yet able to judge and to split."""

PLANS = (
    Plan("mini-slm", Shape(64, 4, 4, 192, VOCABULARY), minutes=60, mixture=MORE_JUDGING),
    Plan("mini-llm", Shape(128, 4, 4, 352, VOCABULARY), minutes=60, mixture=EVEN, reduced=True),
)
