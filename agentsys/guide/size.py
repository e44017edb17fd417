"""How large the automaton of a regular expression is, without building it."""

import re

_ATOM = re.compile(
    r"\\(?:x..|u....|U........|.)|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?:)?|[|)]|[^\\\[(|)]", re.DOTALL
)
_REPEAT = re.compile(r"[*+?]|\{(\d+)(,)?(\d*)\}")
_MANY_BYTES = 10
"""States of a class of characters that take up to four bytes in UTF-8."""


def size(regex: str) -> int:
    """States over bytes, at most; alternatives that begin alike are counted apart."""
    return _Scan(regex).alternatives()


class _Scan:
    def __init__(self, regex: str) -> None:
        self._text = regex
        self._at = 0

    def alternatives(self) -> int:
        """Until the end, or behind the next `)` that closes."""
        total = 0
        while self._at < len(self._text):
            found = _ATOM.match(self._text, self._at)
            assert found is not None
            self._at = found.end()
            sign = found[0]
            if sign == ")":
                break
            if sign != "|":
                one = self.alternatives() if sign.startswith("(") else _states(sign)
                total += one * self._times()
        return total

    def _times(self) -> int:
        found = _REPEAT.match(self._text, self._at)
        if found is None:
            return 1
        self._at = found.end()
        if found[1] is None:
            return 1
        return max(1, int(found[3] or found[1]))


def _states(atom: str) -> int:
    if atom.startswith("["):
        plain = atom.isascii() and not re.search(r"^\[\^|\\[uU]", atom)
        return 1 if plain else _MANY_BYTES
    if atom.startswith("\\"):
        return {"u": 3, "U": 4}.get(atom[1], 1)
    return len(atom.encode())
