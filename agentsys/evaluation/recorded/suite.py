"""The tasks of recorded runs as a suite."""

from pathlib import Path

from agentsys.evaluation.recorded.runs import tasks_file
from agentsys.evaluation.scorers import Scorer
from agentsys.evaluation.suites import Split, Suite, load_suite
from agentsys.evaluation.suites.loading import RECORDED


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
    name, file = tasks_of(folder)
    return load_suite(
        name,
        file=file,
        limit=limit,
        seed=seed,
        split=split,
        scorer=scorer,
        field=field,
    )


def tasks_of(folder: str | Path) -> tuple[str, str]:
    """The name of the suite, and the file with its tasks.

    Raises:
        UserError: there is none.
    """
    file = tasks_file(Path(folder)).absolute()
    return f"{RECORDED}{file.parent.name}", str(file)
