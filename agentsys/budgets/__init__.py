"""Budgets that nobody can overspend."""

from agentsys.budgets.books import Budgets, Grant, Standing
from agentsys.budgets.purse import Purse, surely

__all__ = ["Budgets", "Grant", "Purse", "Standing", "surely"]
