"""What a graph costs at most, before it runs."""

from agentsys.planning.given import Given
from agentsys.planning.plan import Line, Plan, plan

__all__ = ["Given", "Line", "Plan", "plan"]
