"""Budgets that nobody can overspend."""

from agentsys.budgets.accounts import spoken
from agentsys.budgets.books import Budgets, Grant, Standing
from agentsys.budgets.purse import Purse
from agentsys.budgets.surely import surely

__all__ = ["Budgets", "Grant", "Purse", "Standing", "spoken", "surely"]
