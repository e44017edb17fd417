"""What every store makes of records: their text, what is found by, their cells and charges."""

import json
import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from agentsys.money import DIMENSIONS, Spend
from agentsys.stores.base import SEARCHABLE
from agentsys.stores.columns import COLUMNS

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST = 2**63

Cells = tuple[str, str, list[Any]]
"""The kind, the run and the values of all `COLUMNS` of a record."""


def to_text(data: Any) -> str:
    """JSON that UTF-8 can hold."""
    return _encodable(_encoder.encode(data))


def _encodable(text: str) -> str:
    """Text with lone surrogates, which models and users may send, as JSON's escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def findable(text: str) -> str:
    """Text as an index can hold it: SQLite's JSON functions end it at a null character."""
    return _encodable(text).replace("\0", "\\u0000")


def searchable(record: Mapping[str, Any]) -> list[str | None]:
    """The values of the `SEARCHABLE` fields as an index has them; `None` where there is no text."""
    values = (record.get(name) for name in SEARCHABLE)
    return [findable(value) if isinstance(value, str) else None for value in values]


def wanted(where: Mapping[str, Collection[str]] | None) -> dict[str, set[str]]:
    """What is wanted of which field, as an index has it.

    Raises:
        ValueError: a field is not searchable.
    """
    for name in where or {}:
        if name not in SEARCHABLE:
            raise ValueError(f"{name!r} is none of the fields {SEARCHABLE}")
    return {name: {findable(value) for value in each} for name, each in (where or {}).items()}


def cells(record: Mapping[str, Any]) -> Cells | None:
    """What a record is in a table; `None` where it is no line of one."""
    kind, run_id = record.get("kind"), record.get("run_id")
    if not isinstance(kind, str) or not isinstance(run_id, str):
        return None
    found = [_value(record[name], of) if name in record else None for name, of in COLUMNS.items()]
    return findable(kind), findable(run_id), found


def charge(record: Mapping[str, Any]) -> tuple[list[str], Spend] | None:
    """The accounts that a record was booked on, and how much; `None` where it is no charge."""
    accounts = record.get("accounts")
    if not _is_list(accounts):
        return None
    names = [name for name in accounts if isinstance(name, str)]
    spend = Spend(
        nano_usd=_whole(record.get("nano_usd")),
        tokens=_whole(record.get("tokens_in")) + _whole(record.get("tokens_out")),
        calls=1,
        microseconds=_whole(record.get("microseconds")),
    )
    return list(dict.fromkeys(names)), spend


def amounts(spend: Spend) -> list[int]:
    """Its fields in the order of `DIMENSIONS`."""
    return [getattr(spend, name) for name in DIMENSIONS]


def to_microseconds(moment: datetime) -> int:
    """Since 1970; a moment without a time zone is local time."""
    return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND


def to_moment(microseconds: int) -> datetime:
    """The moment so many microseconds after 1970, in UTC."""
    return _EPOCH + microseconds * _MICROSECOND


def _is_list(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    return isinstance(value, list | tuple)


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _value(value: Any, of: type) -> Any:
    if of is float:
        return _real(value)
    if type(value) is not of:
        return None
    if of is str:
        return findable(value)
    return None if of is int and not -_LARGEST <= value < _LARGEST else value


def _real(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return None if math.isnan(number) else number
