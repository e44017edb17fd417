"""The part of a JSON Schema that Outlines compiles faithfully, and the names of the rest."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote

from agentsys.guide.kinds import VALUE, typed
from agentsys.guide.merge import merged
from agentsys.guide.refusals import Impossible, Refused, TooDeep
from agentsys.guide.words import ANNOTATIONS, ANYWHERE, ASSERTIONS, COMBINING, kinds
from agentsys.schema import JsonObject, compact, fits

MAX_PARTS = 2_000
"""Sub-schemas after `$ref` is written out; more make a mask that takes seconds to build."""
_MARK, _END = "\ue000", "\ue001"
"""Around the number of a regular expression of our own, which Outlines takes for text."""
_SIGNS = re.compile(r"[\\.+*?()|\[\]{}^$]")
_EXACT = 2**63
"""Outlines rounds whole numbers from here on."""


@dataclass(slots=True)
class Reader:
    """One pass over a schema; it collects what is enforced and what is not."""

    root: Any
    depth: int
    """How often a `$ref` may occur inside itself."""
    repeats: int
    """The largest number of characters or items that is counted."""
    seen: list[str] = field(default_factory=list[str])
    """Every keyword that can be violated, with its place."""
    dropped: list[str] = field(default_factory=list[str])
    """Those that are not compiled."""
    narrowed: list[str] = field(default_factory=list[str])
    """What would be valid and is not written."""
    own: list[str] = field(default_factory=list[str])
    """Regular expressions that Outlines has no words for."""
    searches: bool = False
    """Whether there is a pattern whose automaton may grow out of proportion."""
    _parts: int = 0

    def read(self, schema: Any, place: str = "$", refs: tuple[str, ...] = ()) -> JsonObject:
        """The part of a sub-schema that is compiled.

        Raises:
            Refused: dropping keywords is not enough.
            Impossible: no value fits, or none that is nested less deep.
        """
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Refused(f"it has more than {MAX_PARTS:,} parts once '$ref' is written out")
        if schema is False:
            raise Impossible(f"{place} allows no value")
        given = cast(JsonObject, {} if schema is True else schema)
        if not ASSERTIONS & given.keys():
            return self.anything(place)
        self.seen.extend(f"{place}.{keyword}" for keyword in given if keyword in ASSERTIONS)
        combining = next((keyword for keyword in COMBINING if keyword in given), None)
        match combining:
            case "$ref":
                return self._ref(given, place, refs)
            case "const" | "enum":
                return self._enum(given, place)
            case "anyOf" | "oneOf":
                return self._either(combining, given, place, refs)
            case "allOf":
                return self._all(given, place, refs)
            case _:
                return self._typed(given, place, refs)

    def anything(self, place: str) -> JsonObject:
        """A part for any value: its lists and objects hold plain values."""
        seen = len(self.seen)
        part = self.read(VALUE, place)
        del self.seen[seen:]
        self.narrowed.append(f"{place}: any value, whose lists and objects hold plain values")
        return part

    def drop(self, schema: Mapping[str, Any], place: str, keywords: Sequence[str]) -> None:
        """Name what is not compiled."""
        self.dropped.extend(f"{place}.{keyword}" for keyword in keywords if keyword in schema)

    def regex(self, pattern: str) -> JsonObject:
        """A part that stands for a regular expression of our own."""
        self.own.append(pattern)
        return {"enum": [f"{_MARK}{len(self.own) - 1}{_END}"]}

    def name(self, name: str) -> str:
        """A property's name for Outlines, which escapes neither quotes nor all signs of regexes."""
        if name.isidentifier() and name.isascii():
            return name
        self.own.append(_written(compact(name)))
        return f"{_MARK}{len(self.own) - 1}{_END}"

    def finished(self, regex: str) -> str:
        """What Outlines compiled, with our own expressions in their places."""
        pieces = regex.split(f'"{_MARK}')
        made = [pieces[0]]
        for piece in pieces[1:]:
            number, _, rest = piece.partition(f'{_END}"')
            made += [f"(?:{self.own[int(number)]})", rest]
        return "".join(made)

    def _drop_beside(self, keyword: str, schema: JsonObject, place: str) -> None:
        """Outlines looks at one of these keywords and passes over what stands beside it."""
        beside = [k for k in schema if k != keyword and k not in ANNOTATIONS and k in ASSERTIONS]
        self.drop(schema, place, beside)

    def _ref(self, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
        ref = str(schema["$ref"])
        if refs.count(ref) >= self.depth:
            self.narrowed.append(f"{ref}: at most {self.depth} inside each other")
            raise TooDeep(f"{place} is recursive, without an end in {self.depth} rounds")
        self._drop_beside("$ref", schema, place)
        return self.read(self._target(ref), place, (*refs, ref))

    def _target(self, ref: str) -> Any:
        found: Any = self.root
        if not (ref == "#" or ref.startswith("#/")):
            raise Refused(f"'$ref' leads out of the schema, to {ref!r}")
        for step in unquote(ref).removeprefix("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or key not in found:
                raise Refused(f"'$ref' leads nowhere, to {ref!r}")
            found = cast(JsonObject, found)[key]
        return found

    def _enum(self, schema: JsonObject, place: str) -> JsonObject:
        values = [schema["const"]] if "const" in schema else cast(list[Any], schema["enum"])
        if "$ref" in str(schema):
            self._drop_beside("const" if "const" in schema else "enum", schema, place)
        else:
            draft = {k: v for k, v in cast(JsonObject, self.root).items() if k == "$schema"}
            values = [value for value in values if fits(value, draft | schema)]
        if not values:
            raise Impossible(f"{place} allows no value")
        # Outlines rounds large numbers, and does not escape the names in a value.
        if all(map(_plain, values)):
            return {"enum": values}
        return {"anyOf": [self.regex(_written(compact(value))) for value in values]}

    def _either(
        self, keyword: str, schema: JsonObject, place: str, refs: tuple[str, ...]
    ) -> JsonObject:
        self._drop_beside(keyword, schema, place)
        if keyword == "oneOf" and "discriminator" not in schema:
            self.drop(schema, place, ("oneOf",))
        options: list[JsonObject] = []
        reason = Impossible(f"{place} allows no value")
        for part in schema[keyword]:
            try:
                options.append(self.read(part, place, refs))
            except Impossible as error:
                reason = error
        if not options:
            raise reason
        return {"anyOf": options}

    def _all(self, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
        made = {key: value for key, value in schema.items() if key != "allOf"}
        for part in cast(list[Any], schema["allOf"]):
            if part is False:
                raise Impossible(f"{place} allows no value")
            if part is True:
                continue
            given = cast(JsonObject, part)
            for _ in range(self.depth):
                if set(given) - ANNOTATIONS != {"$ref"} or given["$ref"] in refs:
                    break
                refs = (*refs, given["$ref"])
                given = cast(JsonObject, self._target(given["$ref"]))
            made = merged(made, given, place)
        return self.read(made, place, refs)

    def _typed(self, schema: JsonObject, place: str, refs: tuple[str, ...]) -> JsonObject:
        self.drop(schema, place, ANYWHERE)
        spoken_of = kinds(schema)
        if not spoken_of:
            return self.anything(place)
        options: list[JsonObject] = []
        reason = Impossible(f"{place} allows no value")
        for kind in spoken_of:
            try:
                options.append(typed(self, kind, schema, place, refs))
            except Impossible as error:
                reason = error
        if not options:
            raise reason
        return options[0] if len(options) == 1 else {"anyOf": options}


def _plain(value: Any) -> bool:
    return not isinstance(value, int | list | dict) or (
        isinstance(value, int) and -_EXACT <= value < _EXACT
    )


def _written(text: str) -> str:
    """A regular expression that matches the text alone."""
    return _SIGNS.sub(r"\\\g<0>", text)
