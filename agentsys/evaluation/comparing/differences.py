"""What, besides the graph, is not the same on both sides of a comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

from agentsys.evaluation.comparing.sides import Side
from agentsys.evaluation.suites import Source
from agentsys.events import BenchStarted


def differences(a: Side, b: Side, scorers: Sequence[set[str]]) -> list[str]:
    """A line for each thing, besides the graph, that differs between the sides, or is not known."""
    one, other = a.bench, b.bench
    lines = [*_tasks_differ(one, other), *_made_differently(one, other)]
    first, second = (", ".join(sorted(each)) for each in scorers)
    if first != second:
        lines.append(f"The scorers differ (A: {first}; B: {second}).")
    if one.repeat != other.repeat:
        lines.append(
            f"A solved each task {one.repeat} times, B {other.repeat} times; repeats are averaged."
        )
    if a.stood_in or b.stood_in:
        lines.append("p50 and p95 are not known: where records answer, no model takes time.")
    return lines


def _tasks_differ(a: BenchStarted, b: BenchStarted) -> list[str]:
    """Where the tasks come from; a file that was moved is the same one."""
    one, other = (Source.from_json(bench.source) for bench in (a, b))
    told = [(a.suite, b.suite), (f"seed {a.seed}", f"seed {b.seed}")]
    if one.split != other.split:
        told.append((f"split {one.split}", f"split {other.split}"))
    if one.digest != other.digest:
        told.append((_content(one.file, one.digest), _content(other.file, other.digest)))
    if all(mine == theirs for mine, theirs in told):
        return []
    mine, theirs = (", ".join(side) for side in zip(*told, strict=True))
    return [
        f"The suites differ (A: {mine}; B: {theirs}): what is compared are the tasks of the same"
        " id."
    ]


def _content(place: str, digest: str) -> str:
    return f"{place} of content {digest[:8]}" if digest else "no file"


def _made_differently(a: BenchStarted, b: BenchStarted) -> list[str]:
    """What answered in place of models, and which part of the answers was looked at."""
    one, other = (Source.from_json(bench.source) for bench in (a, b))
    lines: list[str] = []
    mine, theirs = _models(one.instead), _models(other.instead)
    if mine != theirs:
        lines.append(f"The models differ (A: {mine}; B: {theirs}).")
    runs = [
        _content(source.instead["recorded"], source.instead.get("digest", ""))
        for source in (one, other)
        if "recorded" in source.instead
    ]
    if one.instead.get("digest") != other.instead.get("digest") and len(runs) == 2:
        lines.append("The recorded runs differ (A: {}; B: {}).".format(*runs))
    if one.field != other.field:
        fields = (source.field or "the scorer's choice" for source in (one, other))
        lines.append("The fields differ that are scored (A: {}; B: {}).".format(*fields))
    return lines


def _models(instead: Mapping[str, Any]) -> str:
    """What stood in for the models, in words."""
    if folder := instead.get("replay"):
        return f"replayed from {folder}"
    if "recorded" not in instead:
        return "as configured"
    named = [("slm", name) for name in instead.get("slm", ())]
    named += [("llm", name)] if (name := instead.get("llm")) else []
    return f"recorded, {', '.join(map(' '.join, named)) or 'the only ones'}"
