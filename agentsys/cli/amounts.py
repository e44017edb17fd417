"""Budgets on a command line, and as they are printed."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from agentsys.budgets import Standing, spoken
from agentsys.errors import UserError
from agentsys.limits import Budget
from agentsys.money import DIMENSIONS, UNLIMITED, shown

SMALL = 0.2
"""The part of a limit below which what is left of it is worth a line."""


def to_budget(options: Mapping[str, str], **fields: Any) -> Budget:
    """The budget of these fields.

    Args:
        options: How the command line calls fields.
        fields: Its fields; those that are `None` are left out.

    Raises:
        UserError: they make no budget.
    """
    try:
        return Budget(**{name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = str(problem["loc"][0]) if problem["loc"] else ""
        reason = problem["msg"].removeprefix("Value error, ").replace("Input should", "it should")
        place = f"{options.get(name, f'--{name}')}: " if name else ""
        raise UserError(f"{place}{reason}.", hint="See '--help'.") from error


def limited(standing: Standing) -> list[tuple[str, int, int, int]]:
    """Each dimension that a budget limits: its name, the limit, what was spent, what is held."""
    cap, balance = standing.budget.cap, standing.balance
    return [
        (name, getattr(cap, name), getattr(balance.spent, name), getattr(balance.held, name))
        for name in DIMENSIONS
        if getattr(cap, name) != UNLIMITED
    ]


def whose(standing: Standing) -> str:
    """What a budget is for, in words."""
    if standing.account:
        return spoken(standing.account)
    kind, _, period = standing.budget.per.partition("/")
    return f"each {kind}{f', each {period}' if period else ''}"


def scarce(standings: list[Standing]) -> list[str]:
    """Of each limit that is nearly used up: how much of it is left."""
    return [
        f"{shown(name, max(0, limit - spent))} of {shown(name, limit)} left for {whose(standing)}"
        for standing in standings
        for name, limit, spent, _ in limited(standing)
        if limit - spent < SMALL * limit or limit == 0
    ]
