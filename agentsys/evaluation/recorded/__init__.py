"""Recorded outputs of real models on a set of tasks, in place of these models.

A folder holds `tasks.jsonl.gz`, `calls.jsonl.gz` and `models.json`. A request is answered by the
task that it is about and the model of its tier, so that graphs that no model has ever seen can be
evaluated on them.
"""

from agentsys.evaluation.recorded.models import RecordedModels
from agentsys.evaluation.recorded.routing import routed
from agentsys.evaluation.recorded.runs import RecordedRuns
from agentsys.evaluation.recorded.suite import recorded_suite, tasks_of

__all__ = ["RecordedModels", "RecordedRuns", "recorded_suite", "routed", "tasks_of"]
