"""The tasks of recorded runs as a suite."""

from dataclasses import replace
from pathlib import Path

from agentsys.evaluation.recorded.runs import tasks_file
from agentsys.evaluation.scorers import Scorer
from agentsys.evaluation.suites import Split, Suite, load_suite

PREFIX = "recorded:"
"""What the name of such a suite begins with; the folder's name follows."""


def recorded_suite(
    folder: str | Path,
    *,
    limit: int | None = None,
    seed: int = 0,
    split: Split = "all",
    scorer: str | Scorer | None = None,
    field: str | None = None,
) -> Suite:
    """The tasks, with what suits their references as the scorer, unless another is given.

    Raises:
        UserError: there are none, or the file cannot be used.
    """
    file = tasks_file(Path(folder))
    suite = load_suite(str(file), limit=limit, seed=seed, split=split, scorer=scorer, field=field)
    return replace(suite, name=f"{PREFIX}{file.absolute().parent.name}")
