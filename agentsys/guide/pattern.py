"""A schema's `pattern` as a regular expression over JSON text.

The pattern speaks of the string, the mask of the string as JSON writes it: `.` must not match a
quote, and a quote is two characters. Patterns are searched for unless anchored. What has no
plain equivalent (lookaround, back-references, word boundaries, anchors inside) is refused.
"""

import re
from dataclasses import dataclass

Ranges = tuple[tuple[int, int], ...]

_ANYTHING: Ranges = ((0, 0xD7FF), (0xE000, 0x10FFFF))
_RAW: Ranges = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E), (0xA0, 0xD7FF), (0xE000, 0x10FFFF))
"""What Outlines lets stand in a string as it is."""
_DIGIT: Ranges = ((0x30, 0x39),)
_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: Ranges = ((0x09, 0x0D), (0x20, 0x20))
_SETS = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
"""What every dialect counts to a set: ECMAScript, Python, Rust."""
_WIDE: dict[str, Ranges] = {
    "d": (*_DIGIT, (0x660, 0x10FFFF)),
    "w": (*_WORD, (0xAA, 0x10FFFF)),
    "s": (
        *_SPACE,
        *((0x1C, 0x1F), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
        *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
    ),
}
"""What some dialect may count to it: letters and digits of other scripts among the rest."""
_LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x85, 0x85), (0x2028, 0x2029))
_CONTROLS = {"n": 0x0A, "t": 0x09, "r": 0x0D, "f": 0x0C, "v": 0x0B, "0": 0x00}
_ESCAPED = {0x22: '"', 0x5C: "\\\\", 0x0A: "n", 0x09: "t", 0x0D: "r", 0x0C: "f"}
"""What Outlines lets stand in a string behind a backslash."""
_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??")

ANY_CHARACTER = r"""(?:[^"\\\x00-\x1F\x7F-\x9F]|\\["\\/bfnrt])"""


class Unsupported(ValueError):
    """A pattern that has no equivalent over JSON text."""


@dataclass(frozen=True, slots=True)
class TextPattern:
    """A pattern over JSON text."""

    regex: str
    """Matches the whole inside of a JSON string."""
    bounded: bool
    """Whether the lengths asked for are part of the regex."""


def text_pattern(pattern: str, shortest: int = 0, longest: int | None = None) -> TextPattern:
    """Translate a pattern; lengths join it where it is one repeated character class.

    Raises:
        Unsupported: it uses what has no equivalent.
    """
    return _Translation(pattern).whole(shortest, longest)


class _Translation:
    """One pass over a pattern."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    def whole(self, shortest: int, longest: int | None) -> TextPattern:
        options: list[str] = []
        repeated: tuple[str, int, int | None] | None = None
        while True:
            opened = self._take("^")
            body, single = self._sequence(top=True)
            closed = self._take("$")
            if closed and self._at < len(self._text) and self._text[self._at] != "|":
                raise Unsupported("an anchor inside the pattern")
            if opened and closed:
                repeated = single
            ends = ("" if opened else ANY_CHARACTER + "*", "" if closed else ANY_CHARACTER + "*")
            options.append(ends[0] + body + ends[1])
            if not self._take("|"):
                break
        if self._at < len(self._text):
            raise Unsupported(f"{self._text[self._at]!r} at position {self._at}")
        unlimited = shortest == 0 and longest is None
        if repeated is not None and len(options) == 1 and not unlimited:
            atom, least, most = repeated
            least = max(least, shortest)
            most = longest if most is None else most if longest is None else min(most, longest)
            if most is None or least <= most:
                return TextPattern(f"{atom}{{{least},{'' if most is None else most}}}", True)
        return TextPattern("(?:" + "|".join(options) + ")", unlimited)

    def _take(self, text: str) -> bool:
        found = self._text.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _sequence(self, *, top: bool) -> tuple[str, tuple[str, int, int | None] | None]:
        """Atoms up to `|`, `)` or the end; and the atom with its bounds if it is the only one."""
        parts: list[str] = []
        single: tuple[str, int, int | None] | None = None
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            if self._text[self._at] == "$" and top:
                break
            atom, character = self._atom()
            written, least, most = self._quantified(atom)
            single = (atom, least, most) if character and not parts else None
            parts.append(written)
        return "".join(parts), single

    def _quantified(self, atom: str) -> tuple[str, int, int | None]:
        found = _QUANTIFIER.match(self._text, self._at)
        if found is None:
            return atom, 1, 1
        self._at = found.end()
        sign = found[0][0]
        if sign == "{":
            least = int(found[1])
            most = least if found[2] is None else int(found[3]) if found[3] else None
        else:
            least = int(sign == "+")
            most = 1 if sign == "?" else None
        limits = f"{{{least},{'' if most is None else most}}}"
        return atom + (limits if sign == "{" else sign), least, most

    def _atom(self) -> tuple[str, bool]:
        """One atom as a closed regex, and whether it stands for one character."""
        sign = self._text[self._at]
        if sign == "(":
            return self._group(), False
        if sign == "[":
            return _written(self._class()), True
        if sign == ".":
            self._at += 1
            return _written(_without(_ANYTHING, _LINE_ENDS)), True
        if sign == "\\":
            return _written(self._escape()), True
        if sign in "^$*+?{}]":
            raise Unsupported(f"{sign!r} at position {self._at}")
        self._at += 1
        return _written(((ord(sign), ord(sign)),)), True

    def _group(self) -> str:
        opening = re.compile(r"\((?:\?:|\?P?<[A-Za-z_]\w*>|(?!\?))").match(self._text, self._at)
        if opening is None:
            raise Unsupported(f"{self._text[self._at : self._at + 3]!r}")
        self._at = opening.end()
        options = [self._sequence(top=False)[0]]
        while self._take("|"):
            options.append(self._sequence(top=False)[0])
        if not self._take(")"):
            raise Unsupported("a group without an end")
        return "(?:" + "|".join(options) + ")"

    def _class(self) -> Ranges:
        self._at += 1
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            first = self._member(negated)
            if len(first) == 1 and first[0][0] == first[0][1] and self._ranged():
                self._at += 1
                last = self._member(negated)
                if len(last) != 1 or last[0][0] != last[0][1] or last[0][0] < first[0][0]:
                    raise Unsupported("a range without an end")
                first = ((first[0][0], last[0][0]),)
            ranges.extend(first)
        return _without(_ANYTHING, tuple(ranges)) if negated else tuple(ranges)

    def _ranged(self) -> bool:
        rest = self._text[self._at : self._at + 2]
        return len(rest) == 2 and rest[0] == "-" and rest[1] != "]"

    def _member(self, negated: bool) -> Ranges:
        if self._at >= len(self._text):
            raise Unsupported("a class without an end")
        sign = self._text[self._at]
        # `[[`, `&&`, `--` and `~~` are set operations in the engine's dialect and in some others.
        if sign == "[" or self._text[self._at : self._at + 2] in ("&&", "--", "~~"):
            raise Unsupported("a set operation")
        if sign == "\\":
            return self._escape(negated)
        self._at += 1
        return ((ord(sign), ord(sign)),)

    def _escape(self, negated: bool = False) -> Ranges:
        """What an escape stands for in every dialect; negated, what it may stand for in one."""
        sign = self._text[self._at + 1 : self._at + 2]
        self._at += 2
        if sign.lower() in _SETS and sign:
            if sign.islower():
                return (_WIDE if negated else _SETS)[sign]
            return _without(_ANYTHING, (_SETS if negated else _WIDE)[sign.lower()])
        if sign in _CONTROLS:
            return ((_CONTROLS[sign], _CONTROLS[sign]),)
        digits = {"x": 2, "u": 4}.get(sign, 0)
        if digits and re.fullmatch(
            f"[0-9a-fA-F]{{{digits}}}", self._text[self._at : self._at + digits]
        ):
            point = int(self._text[self._at : self._at + digits], 16)
            self._at += digits
            return ((point, point),)
        if not sign or sign.isalnum():
            raise Unsupported(f"'\\{sign}'")
        return ((ord(sign), ord(sign)),)


def _without(ranges: Ranges, holes: Ranges) -> Ranges:
    for low, high in holes:
        ranges = tuple(
            piece
            for a, b in ranges
            for piece in ((a, min(b, low - 1)), (max(a, high + 1), b))
            if piece[0] <= piece[1]
        )
    return ranges


def _written(ranges: Ranges) -> str:
    """A character of `ranges` as it stands in JSON text."""
    raw = _without(ranges, _without(_ANYTHING, _RAW))
    options = [rf"\\{text}" for c, text in _ESCAPED.items() if any(a <= c <= b for a, b in ranges)]
    if raw:
        inside = "".join(_point(a) if a == b else f"{_point(a)}-{_point(b)}" for a, b in raw)
        options.insert(0, inside if len(inside) == 1 else f"[{inside}]")
    if not options:
        raise Unsupported("a character that JSON text cannot hold")
    return options[0] if len(options) == 1 and raw else f"(?:{'|'.join(options)})"


def _point(point: int) -> str:
    if point < 0x80 and chr(point).isalnum():
        return chr(point)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
