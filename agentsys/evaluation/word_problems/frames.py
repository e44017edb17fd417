"""The sentence frames: read from `frames.toml`, every alternative listed as a frame of its own."""

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import cast

_CHOICE = re.compile(r"\[([a-z|]+)\]|\(([^()]*)\)")
_IRREGULAR = {"have": "has", "carry": "carries"}


@dataclass(frozen=True)
class Frame:
    """One sentence frame: its text with slots, and what it does to the running quantity."""

    id: str
    """`kind/form/n`, for instance `plus/clause/3`; stable as long as the file keeps its order."""
    kind: str
    """What it does: `start.product`, `minus`, `question.left`, ..."""
    form: str
    """`clause` (a verb phrase that needs a subject) or `sentence`."""
    text: str

    def fill(self, words: Mapping[str, str], *, plural: bool) -> str:
        """The text with its slots filled and its verbs conjugated."""

        def verb(match: re.Match[str]) -> str:
            return match[1] if plural else third_person(match[1])

        return re.sub(r"\[([a-z]+)\]", verb, self.text).format_map(words)


def third_person(verb: str) -> str:
    """`buy` -> `buys`, `pass` -> `passes`, `have` -> `has`."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    return verb + ("es" if verb.endswith(("s", "sh", "ch", "x")) else "s")


def _alternatives(template: str) -> Iterator[str]:
    """Every way to read a template's choices; a chosen verb keeps its brackets."""
    parts: list[list[str]] = []
    position = 0
    for match in _CHOICE.finditer(template):
        parts.append([template[position : match.start()]])
        if match[1]:
            parts.append([f"[{verb}]" for verb in match[1].split("|")])
        else:
            parts.append(match[2].split("|"))
        position = match.end()
    parts.append([template[position:]])
    for choice in itertools.product(*parts):
        yield "".join(choice).replace(" ?", "?")


def _tables(data: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str, list[str]]]:
    for key, value in data.items():
        if isinstance(value, dict):
            table = cast("dict[str, object]", value)
            yield from _tables(table, f"{prefix}.{key}" if prefix else key)
        else:
            yield prefix, key, cast("list[str]", value)


@cache
def all_frames() -> tuple[Frame, ...]:
    """All frames of the language, in the order of the file."""
    file = resources.files("agentsys.evaluation.word_problems") / "frames.toml"
    text = file.read_text(encoding="utf-8")
    frames: list[Frame] = []
    for kind, form, templates in _tables(tomllib.loads(text)):
        texts = [text for template in templates for text in _alternatives(template)]
        frames += [Frame(f"{kind}/{form}/{n}", kind, form, text) for n, text in enumerate(texts)]
    return tuple(frames)


@cache
def frames_of(kind: str) -> tuple[Frame, ...]:
    """The frames that do one thing."""
    return tuple(frame for frame in all_frames() if frame.kind == kind)
