"""What the code says that a node runs: its own functions, and those that they use."""

import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from dis import get_instructions
from functools import partial
from hashlib import blake2b
from types import CodeType, FunctionType
from typing import Any, cast

from agentsys.node import Node

_PLAIN = (str, bytes, int, float, complex, type(None))

_NOT_CODE = ("compiled", "shared")
"""What a node keeps for runs."""

_DEFINITIONS = "agentsys_definitions_"
"""How the modules begin that definitions are loaded as; ready-made ones are among packages."""

Seen = dict[int, Any]
"""What was looked at, by identity; kept, so that none of it is another thing later."""


def code_digest(node: Node[Any, Any]) -> str:
    """Of the source of all functions of a definition that a node, or a part of it, may call.

    Steps, checks and tools; what those use of their own module; and constants. Code of agentsys, of
    the standard library and of installed packages is taken to be what it was.
    """
    return blake2b("\n".join(_told(node, {})).encode(), digest_size=8).hexdigest()


def _told(value: Any, seen: Seen) -> Iterator[str]:
    if isinstance(value, _PLAIN):
        yield repr(value)
        return
    if id(value) in seen or isinstance(value, type):
        return
    seen[id(value)] = value
    match value:
        case FunctionType():
            if not _is_foreign(value):
                yield from _of_function(value, seen)
        case set() | frozenset():
            yield from sorted(_each(cast("Iterable[Any]", value), seen))
        case _:
            yield from _each(_held(value), seen)


def _held(value: Any) -> Iterable[Any]:
    """What a value is made of, as far as there may be code in it."""
    match value:
        case Node():
            held = vars(cast("Node[Any, Any]", value))
            return [held[name] for name in sorted(held) if name not in _NOT_CODE]
        case re.Pattern():
            pattern = cast("re.Pattern[str]", value)
            return (pattern.pattern, pattern.flags)
        case Mapping():
            return cast("Mapping[Any, Any]", value).values()
        case tuple() | list():
            return cast("Iterable[Any]", value)
        case partial():
            return (value.func, *value.args, *value.keywords.values())
        case _ if is_dataclass(value):
            return [getattr(value, field.name) for field in fields(value)]
        case _:  # a bound method, or a tool
            return (getattr(value, "__func__", None), getattr(value, "__wrapped__", None))


def _each(values: Iterable[Any], seen: Seen) -> Iterator[str]:
    for value in values:
        yield from _told(value, seen)


def _of_function(function: FunctionType, seen: Seen) -> Iterator[str]:
    yield _text(function)
    known = function.__globals__
    yield from _each((known[name] for name in _names(function.__code__) if name in known), seen)
    yield from _each(_closed_over(function), seen)
    yield from _each(function.__defaults__ or (), seen)


def _text(function: FunctionType) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):  # its file is gone, or there was none
        return repr(function.__code__.co_code)


def _names(code: CodeType) -> list[str]:
    """The globals that code reads, in it and in the functions inside, but for those it sets."""
    return sorted(_globals(code, "LOAD_GLOBAL") - _globals(code, "STORE_GLOBAL"))


def _globals(code: CodeType, how: str) -> set[str]:
    found = {str(each.argval) for each in get_instructions(code) if each.opname == how}
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    return found.union(*(_globals(each, how) for each in inner))


def _closed_over(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # it is empty yet
            continue


def _is_foreign(function: FunctionType) -> bool:
    module = function.__module__ or ""
    if module.startswith(_DEFINITIONS):
        return False
    if module.split(".")[0] in ("agentsys", *sys.stdlib_module_names):
        return True
    return "site-packages" in function.__code__.co_filename
