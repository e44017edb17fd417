"""The task on a command line: where it comes from, and what type it should have."""

import json
import sys
from pathlib import Path
from typing import Any

from agentsys.errors import InvalidOutput, InvalidTask, UserError
from agentsys.schema import compact, is_text_model, json_schema, name_of, validate_json, why_no_json

LARGEST = 10_000_000
"""Bytes of input that are read; more is a mistake, such as a device or a data set."""

_EXAMPLES: dict[str, Any] = {
    "string": "…",
    "integer": 0,
    "number": 0.5,
    "boolean": True,
    "array": [],
}


def read_text(argument: str | None, file: Path | None) -> str:
    """The text of the task: the argument, standard input for `-`, or a file.

    Raises:
        UserError: there is none or more than one, or it is not text.
    """
    if (argument is None) == (file is None):
        raise UserError(
            "There is no task." if argument is None else "There are two tasks.",
            hint="Give INPUT, '-' to read standard input, or --input-file FILE.",
        )
    if file is not None:
        return _decoded(_file_content(file), str(file))
    if argument == "-":
        return _decoded(sys.stdin.buffer.read(LARGEST + 1), "Standard input")
    return _decoded(str(argument).encode("utf-8", "surrogateescape"), "INPUT")


def to_task(text: str, kind: Any) -> Any:
    """The text as a value of a node's input type.

    A type with one text field takes plain text; any other takes JSON.

    Raises:
        InvalidTask: it is empty, or it does not fit.
    """
    if not text.strip():
        raise InvalidTask("The task is empty.", hint=f"It should be {_wanted(kind)}.")
    if kind is str:
        return text.strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if not is_text_model(kind):
            raise InvalidTask(
                f"The task is not JSON: {why_no_json(error)}.",
                hint=f"It should be {_wanted(kind)}.",
            ) from error
        value = None
    if is_text_model(kind) and not isinstance(value, dict):
        value = {next(iter(kind.model_fields)): text.strip()}
    try:
        return validate_json(value, kind)
    except InvalidOutput as error:
        raise InvalidTask(
            f"The task is not {name_of(kind)}: {error.message}",
            hint=f"It should be {_wanted(kind)}.",
        ) from error


def _file_content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST + 1)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error


def _decoded(content: bytes, source: str) -> str:
    if len(content) > LARGEST:
        raise UserError(f"{source} is longer than {LARGEST // 1_000_000} MB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{source} is not text: byte {error.start} is not UTF-8.",
            hint="Give plain text or JSON, in UTF-8.",
        ) from error
    if "\0" in text:
        raise UserError(f"{source} is not text: it has zero bytes.", hint="Is it a binary file?")
    return text


def _wanted(kind: Any) -> str:
    if kind is str or is_text_model(kind):
        return "plain text"
    schema = json_schema(kind)
    fields = schema.get("properties")
    if not fields:
        return f"JSON of type {name_of(kind)}"
    return f"JSON like {compact({name: _example(part) for name, part in fields.items()})}"


def _example(part: dict[str, Any]) -> Any:
    """A stand-in that shows what belongs into a field."""
    return _EXAMPLES.get(part.get("type", ""), {})
