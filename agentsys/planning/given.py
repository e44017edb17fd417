"""What is known of a node's input before there is any."""

from dataclasses import dataclass, replace
from math import inf
from types import UnionType
from typing import Any, Union, get_args, get_origin

from agentsys.agent import Agent
from agentsys.choosing import Chooser
from agentsys.node import Both, Each, Node, Pipe
from agentsys.pattern import Pattern
from agentsys.planning.sizes import most_bytes, most_escaped, most_items, most_of_items, most_text
from agentsys.prompt import BYTES_PER_TOKEN, input_text
from agentsys.schema import compact, dump, validate

UNKNOWN: Any = object()
"""No value: `None` is one."""
TASK = "the task"
"""Who gives a graph its input."""


@dataclass(frozen=True)
class Given:
    """An input: a value that is there, or bounds on one that is not."""

    kind: Any
    """Its type, as whoever gives it declares it."""
    source: str
    """Who gives it, in words."""
    value: Any = UNKNOWN
    size: float = inf
    """Bytes of its JSON at most, besides what the type says."""
    text: float = inf
    """The same of what a model is shown of it."""
    items: float = inf
    """Of a list."""

    @property
    def known(self) -> bool:
        """Whether it is there."""
        return self.value is not UNKNOWN

    def json_bytes(self, takes: Any) -> float:
        """Bytes of its JSON at most, as what takes it declares it."""
        if self.known:
            return _length(compact(dump(validate(self.value, takes), takes)))
        return min(self.size, most_bytes(self.kind), most_bytes(takes))

    def text_bytes(self, takes: Any) -> float:
        """Bytes at most that an agent which takes it shows to its model."""
        if self.known:
            return _length(input_text(validate(self.value, takes), takes))
        return min(self.text, most_text(self.kind), most_text(takes), self.json_bytes(takes))

    @property
    def most_items(self) -> float:
        """Items at most, where it is a list."""
        return len(self.value) if self.known else min(self.items, most_items(self.kind))


def given_by(node: Node[Any, Any], given: Given) -> Given:
    """What a node gives for an input. The type of its output bounds it, or the replies in it.

    A reply has at most `BYTES_PER_TOKEN` for each token of `max_tokens`. A pattern gives what one
    of its parts that are of the same output type gives.
    """
    made = Given(node.gives, f"the node {node.name!r}")
    match node:
        case Agent():
            said = BYTES_PER_TOKEN * node.spec.max_tokens
            size = most_escaped(said) if node.gives is str else said
            return replace(made, size=size, text=said)
        case Chooser():
            return made
        case Pipe():
            for part in node.parts:
                given = given_by(part, given)
            return given
        case Both():
            sizes = [given_by(part, given).json_bytes(part.gives) for part in node.parts]
            return replace(made, size=2 + sum(size + 1 for size in sizes))
        case Each():
            item: Node[Any, Any] = node.parts[0]
            count, one = given.most_items, given_by(item, item_of(given, item))
            size = 2 + count * (one.json_bytes(item.gives) + 1) if count else 2
            return replace(made, size=size, items=count)
        case Pattern():
            return _of_parts(node, given, made)
        case _ if node.parts:  # a vote, a budget, checks: what is inside gives it
            return given_by(node.parts[0], given)
        case _:
            return made


def item_of(given: Given, item: Node[Any, Any]) -> Given:
    """One item of a list that is not there yet."""
    size, text = most_of_items(given.kind)
    whole = given.json_bytes(list[item.takes])
    return Given(item.takes, given.source, size=min(size, whole), text=text)


def to_parts(pattern: Pattern[Any, Any], given: Given) -> list[Given]:
    """What the parts of a pattern are given."""
    own = given.json_bytes(pattern.takes)
    found: list[Given] = []
    for part, size in zip(pattern.parts, pattern.largest(own), strict=True):
        if part.takes == pattern.takes and size <= own:
            found.append(given)
        else:
            found.append(Given(part.takes, f"the pattern {pattern.name!r}", size=size))
    return found


def _of_parts(pattern: Pattern[Any, Any], given: Given, made: Given) -> Given:
    parts = zip(pattern.parts, to_parts(pattern, given), strict=True)
    kinds = pattern.gives, *(get_args(pattern.gives) if _is_union(pattern.gives) else ())
    same = [given_by(part, own) for part, own in parts if part.gives in kinds]
    if not same:
        return made
    return replace(
        made,
        size=max(one.json_bytes(one.kind) for one in same),
        text=max(one.text_bytes(one.kind) for one in same),
        items=max(one.most_items for one in same),
    )


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
