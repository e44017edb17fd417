"""One task of a suite."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

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

    @property
    def text(self) -> str | None:
        """The input where it is text, or has one field, which is text."""
        data = self.data
        if isinstance(data, Mapping) and len(fields := cast("Mapping[str, Any]", data)) == 1:
            [data] = fields.values()
        return data if isinstance(data, str) else None

    def fitted(self, kind: type[Any]) -> Any:
        """The input as a graph's input type.

        An input that is one text fits a type with one required text field, whatever its name.

        Raises:
            InvalidTask: it does not fit.
        """
        try:
            return validate_json(self.data, kind)
        except InvalidOutput as error:
            if self.text is not None and (renamed := _of_text(self.text, kind)) is not None:
                return renamed
            raise InvalidTask(
                f"Task {self.id!r} is not a {name_of(kind)}: {error.message}",
                hint=f"The suite's tasks look like {self.data!r}."[:300],
            ) from error


def _of_text(text: str, kind: type[Any]) -> Any:
    """A text as a type with one required text field, or as text; `None` where it does not fit."""
    schema = json_schema(kind)
    required = schema.get("required", [])
    if schema.get("type") == "object" and len(required) == 1:
        field: Any = schema.get("properties", {}).get(required[0], {})
        data: Any = {required[0]: text} if field.get("type") == "string" else None
    else:
        data = text if schema.get("type") == "string" else None
    try:
        return None if data is None else validate_json(data, kind)
    except InvalidOutput:
        return None
