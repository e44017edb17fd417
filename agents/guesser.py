"""Gives the number of a word problem at once: what a model can do without steps or code."""

from agentsys import Agent

from .coder import Number
from .solver import Question

guesser = Agent(Question, Number, "Give the number.", max_tokens=32, name="guesser")
