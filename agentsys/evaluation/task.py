"""One task of a suite."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from zlib import crc32

from pydantic import BaseModel

from agentsys.errors import InvalidOutput, InvalidTask
from agentsys.schema import json_schema, name_of, validate_json


@dataclass(frozen=True, slots=True)
class Task:
    """One task: what goes into the graph, and what is right."""

    id: str
    input: Any
    """JSON data, or a pydantic model; any graph whose input type takes it will do."""
    reference: Any
    solution: str = ""
    """An arithmetic expression that comes to the reference; empty where there is none. Graphs get
    to see it as little as the reference: gold sets for judges are made of it."""

    @property
    def data(self) -> Any:
        """The input as JSON data."""
        return (
            self.input.model_dump(mode="json") if isinstance(self.input, BaseModel) else self.input
        )

    def fitted(self, kind: type[Any]) -> Any:
        """The input as a graph's input type.

        An input that is one text fits a type with one required text field, whatever its name.

        Raises:
            InvalidTask: it does not fit.
        """
        try:
            return fitted(self.data, kind)
        except InvalidOutput as error:
            raise InvalidTask(
                f"Task {self.id!r} is not a {name_of(kind)}: {error.message}",
                hint=f"The suite's tasks look like {self.data!r}."[:300],
            ) from error


def fitted(data: Any, kind: type[Any]) -> Any:
    """JSON data as a type; one text fits a type with one required text field, whatever its name.

    Raises:
        InvalidOutput: it does not fit.
    """
    try:
        return validate_json(data, kind)
    except InvalidOutput:
        if (text := _text(data)) is None or (other := _of_text(text, kind)) is None:
            raise
        return validate_json(other, kind)


def _text(data: Any) -> str | None:
    """Data that is text, or has one field, which is text."""
    if isinstance(data, Mapping) and len(fields := cast("Mapping[str, Any]", data)) == 1:
        [data] = fields.values()
    return data if isinstance(data, str) else None


def _of_text(text: str, kind: type[Any]) -> Any:
    """A text as the type has it; `None` of a type that is more than a text."""
    schema = json_schema(kind)
    required = schema.get("required", [])
    if schema.get("type") == "object" and len(required) == 1:
        field: Any = schema.get("properties", {}).get(required[0], {})
        return {required[0]: text} if field.get("type") == "string" else None
    return text if schema.get("type") == "string" else None


def seed_of(seed: int, task_id: str, repeat: int) -> int:
    """The seed of a run on a task; the first time has the one that it had without repeats."""
    again = f" {repeat}" if repeat else ""
    return crc32(f"{seed} {task_id}{again}".encode())
