"""Types that people ask for, for every back end that holds replies to a mask."""

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field


class Colour(Enum):
    RED = "red"
    GREEN = "grün"


class Leaf(BaseModel):
    kind: Literal["leaf"]
    size: Annotated[float, Field(ge=0.5, lt=2.25)]


class Pair(BaseModel):
    kind: Literal["pair"]
    left: Leaf
    right: Leaf | None = None


class Tree(BaseModel):
    label: Literal["a", "b"]
    children: list["Tree"] = Field(default=[], max_length=1)


class Order(BaseModel):
    code: str = Field(pattern=r"^[A-Z]{2}-\d{2,3}$")
    count: int = Field(ge=-7, le=12_000)
    share: float = Field(gt=0, lt=1)
    colour: Colour
    words: list[Literal["x", "y"]] = Field(min_length=1, max_length=3)
    note: Annotated[str, Field(max_length=6)] | None = None


class Arguments(BaseModel):
    k: Annotated[int, Field(ge=1, le=20)]


class Call(BaseModel):
    tool: Literal["search"]
    args: Arguments


class Final(BaseModel):
    final: Literal["ja", "né", "日本"]


SHAPES: dict[str, Any] = {
    "literal": Literal["short", "longer one"],
    "enum with umlauts": Colour,
    "unicode": Literal["é", "ß", "日本", "😀"],
    "pattern": Annotated[str, Field(pattern=r"^\d{2}:\d{2}( Uhr)?$")],
    "whole numbers": Annotated[int, Field(ge=-250, le=1_000)],
    "whole numbers above": Annotated[int, Field(gt=41)],
    "decimals": Annotated[float, Field(gt=-0.75, le=3.5)],
    "tagged union": Annotated[Leaf | Pair, Field(discriminator="kind")],
    "tool or final": Call | Final,
    "nested and optional": Order,
    "list with bounds": Annotated[list[bool], Field(min_length=2, max_length=4)],
    "tuple": tuple[Literal[1], Literal["two"]],
    "recursive": Tree,
}
