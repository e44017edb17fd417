"""Sets of tasks with references, built in and from files."""

from agentsys.evaluation.suites.loading import (
    CHOICES,
    MADE,
    SUITES,
    NoTasks,
    load_again,
    load_suite,
)
from agentsys.evaluation.suites.source import Source, Split
from agentsys.evaluation.suites.suite import Suite
from agentsys.evaluation.task import Task

__all__ = [
    "CHOICES",
    "MADE",
    "SUITES",
    "NoTasks",
    "Source",
    "Split",
    "Suite",
    "Task",
    "load_again",
    "load_suite",
]
