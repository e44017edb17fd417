"""Recorded runs as they are in a folder: tasks, models, and what each model gave for each task."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentsys.errors import UserError
from agentsys.evaluation.suites.files import Entry, json_entries, read
from agentsys.evaluation.suites.plain import plain
from agentsys.evaluation.task import Task
from agentsys.messages import Usage
from agentsys.money import Price, nano

_ENDINGS = (".jsonl.gz", ".jsonl")


class Recording(BaseModel):
    """A model that was recorded."""

    model_config = ConfigDict(frozen=True)

    tier: str
    """`slm` or `llm`: what it would serve."""
    family: str = ""
    params_b: float | None = None
    usd_per_mtok_in: Decimal | None = Field(default=None, ge=0)
    usd_per_mtok_out: Decimal | None = Field(default=None, ge=0)

    @property
    def price(self) -> Price:
        """Per token; nothing where it has no prices."""
        return Price(self.usd_per_mtok_in or Decimal(0), self.usd_per_mtok_out or Decimal(0))


class Sample(BaseModel):
    """One output of a model for a task."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    model: str
    sample: int = Field(default=0, ge=0)
    output: str
    correct: bool | None = None
    """As the source graded it."""
    tokens_in: int = Field(ge=0)
    tokens_out: int = Field(ge=0)
    usd: Decimal | None = Field(default=None, ge=0)
    latency_s: float | None = Field(default=None, ge=0)

    @property
    def usage(self) -> Usage:
        """Its tokens."""
        return Usage(self.tokens_in, self.tokens_out)

    def nano_usd(self, price: Price) -> int:
        """What it cost: what is on record, or by its tokens."""
        return price.of(self.usage) if self.usd is None else nano(self.usd)


@dataclass(frozen=True)
class RecordedRuns:
    """Recorded runs, validated."""

    folder: Path
    tasks: Mapping[str, Task]
    models: Mapping[str, Recording]
    samples: Mapping[tuple[str, str], tuple[Sample, ...]]
    """Of a model for a task, in the order of their numbers."""
    digest: str
    """Of the files."""

    @classmethod
    def load(cls, folder: str | Path) -> "RecordedRuns":
        """Read a folder.

        Raises:
            UserError: a file is missing or broken; the message names it, and the line.
        """
        place = Path(folder)
        models, digest = _models(place / "models.json")
        tasks_text, tasks_digest = read(str(tasks_file(place)))
        tasks = _tasks(_entries(place, "tasks", tasks_text))
        text, calls_digest = read(str(_file(place, "calls")))
        samples = _samples(_entries(place, "calls", text), tasks, models)
        return cls(place, tasks, models, samples, f"{digest}{tasks_digest}{calls_digest}")


def tasks_file(folder: Path) -> Path:
    """Where its tasks are.

    Raises:
        UserError: there are none.
    """
    return _file(folder, "tasks")


def _file(folder: Path, name: str) -> Path:
    for ending in _ENDINGS:
        if (file := folder / f"{name}{ending}").is_file():
            return file
    raise UserError(
        f"There are no recorded runs in {folder}: {name}.jsonl.gz is missing.",
        hint="A folder of recorded runs has tasks.jsonl.gz, calls.jsonl.gz and models.json.",
    )


def _entries(folder: Path, name: str, text: str) -> Iterator[Entry]:
    return json_entries(str(_file(folder, name)), text)


def _models(file: Path) -> tuple[Mapping[str, Recording], str]:
    if not file.is_file():
        raise UserError(
            f"There are no recorded runs in {file.parent}: {file.name} is missing.",
            hint="A folder of recorded runs has tasks.jsonl.gz, calls.jsonl.gz and models.json.",
        )
    text, digest = read(str(file))
    try:
        data: object = json.loads(text)
    except ValueError as error:
        raise UserError(f"{file} is not JSON: {error}.") from error
    if not isinstance(data, dict) or not data:
        raise UserError(f"{file} is not a JSON object with models.")
    found: dict[str, Recording] = {}
    for name, told in cast("dict[str, Any]", data).items():
        try:
            found[name] = Recording.model_validate(told)
        except ValidationError as error:
            raise UserError(f"{file}, model {name!r}: {_problem(error)}.") from error
    return found, digest


def _tasks(entries: Iterator[Entry]) -> Mapping[str, Task]:
    found: dict[str, Task] = {}
    inputs: dict[str, str] = {}
    for entry in entries:
        task = plain("", entry)
        if task.id in found:
            entry.refuse(f"there is a task {task.id!r} before")
        same = inputs.setdefault(json.dumps(task.data, sort_keys=True), task.id)
        if same != task.id:
            entry.refuse(f"its input is that of {same!r}: requests could not be told apart")
        found[task.id] = task
    return found


def _samples(
    entries: Iterator[Entry], tasks: Mapping[str, Task], models: Mapping[str, Recording]
) -> Mapping[tuple[str, str], tuple[Sample, ...]]:
    found: dict[tuple[str, str], dict[int, Sample]] = {}
    for entry in entries:
        sample = _sample(entry)
        if sample.task_id not in tasks:
            entry.refuse(f"there is no task {sample.task_id!r}")
        if sample.model not in models:
            entry.refuse(f"there is no model {sample.model!r}")
        price = models[sample.model]
        if sample.usd is None and None in (price.usd_per_mtok_in, price.usd_per_mtok_out):
            entry.refuse(f"it has no 'usd', and the model {sample.model!r} has no prices")
        numbered = found.setdefault((sample.task_id, sample.model), {})
        if sample.sample in numbered:
            entry.refuse(f"there is a sample {sample.sample} of this task and model before")
        numbered[sample.sample] = sample
    return {key: tuple(numbered[i] for i in sorted(numbered)) for key, numbered in found.items()}


def _sample(entry: Entry) -> Sample:
    try:
        return Sample.model_validate(entry.data)
    except ValidationError as error:
        entry.refuse(_problem(error))


def _problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    where = ".".join(map(str, problem["loc"]))
    return f"{where!r}: {problem['msg'].replace('Input should', 'it should')}"
