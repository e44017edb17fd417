"""Writing a model card from what training and measuring recorded."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_WHAT = {
    "mini-slm": "the small model of agentsys' default configuration, weak on purpose: routing "
    "needs something to decide",
    "mini-llm": "the large model of agentsys' default configuration, as large as the small one but "
    "trained for longer",
}


def write_card(path: Path, name: str, record: Mapping[str, Any]) -> None:
    """Write the card next to the model."""
    training, roles = record["training"], record["roles"]
    steps = ("1", "2", "3", "4", "5")
    rows = "\n".join(_row(name, figures, steps) for name, figures in roles.items())
    template = Path(__file__).with_name("card.md").read_text(encoding="utf-8")
    text = template.format(
        name=name,
        what=_WHAT[name],
        n=max(figures["n"] for figures in roles.values()),
        rows=rows,
        doubt=_doubt(record),
        step_heads=" | ".join(f"{step} steps" if step != "1" else "1 step" for step in steps),
        step_rule="---|" * len(steps),
        **training,
    )
    path.write_text(text, encoding="utf-8")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _row(asked: str, figures: Mapping[str, Any], steps: tuple[str, ...]) -> str:
    low, high = figures["interval"]
    by = figures["by_steps"]
    cells = [f"{100 * by[step]:.0f} %" if step in by else "" for step in steps]
    return (
        f"| {asked} | `{figures['agent']}` | {_percent(figures['rate'])} "
        f"| {_percent(low)} to {_percent(high)} | {' | '.join(cells)} |"
    )


def _doubt(record: Mapping[str, Any]) -> str:
    """What thresholds and checks catch, in sentences."""
    threshold = record["threshold"]
    caught = threshold["wrong_caught"]
    lines = [
        "Confidence is the probability of the least certain value token. The threshold "
        f"{threshold['threshold']:g} was chosen on {threshold['n']} problems of the validation "
        "split so that 94 % of the right answers reach it; with the agent's checks it catches "
        f"{_percent(caught['rate'])} of the {caught['n']} wrong ones there.",
    ]
    for abstention in record["abstention"]:
        lines += _abstention(abstention)
    return "\n".join(lines)


def _abstention(figures: Mapping[str, Any]) -> list[str]:
    """What a graph flags, as a table and a sentence."""
    flagged = figures["right_in_language_flagged"]
    lines = [
        "",
        f"Through the graph `{figures['graph']}`, with the checks and thresholds of "
        "`agents/solver.py`:",
        "",
        "| texts | wrong answers | of them abstained or `low_confidence` | interval |",
        "|---|---|---|---|",
    ]
    for key, label in (
        ("free", "`word-problems-free`, 100 problems"),
        ("prose", "100 kB of docstrings, cut like questions"),
    ):
        wrong = figures[key]["wrong_flagged"]
        lines.append(f"| {label} | {wrong['n']} | {_percent(wrong['rate'])} | {_interval(wrong)} |")
    return [
        *lines,
        "",
        f"Of the right answers in the language {_percent(flagged['rate'])} are flagged "
        f"({_interval(flagged)}).",
    ]


def _interval(figures: Mapping[str, Any]) -> str:
    low, high = figures["interval"]
    return f"{_percent(low)} to {_percent(high)}"


def read_record(path: Path) -> dict[str, Any]:
    """What was recorded about a model so far."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Keep what was recorded."""
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
