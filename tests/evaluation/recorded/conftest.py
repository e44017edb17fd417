"""A small folder of recorded runs, and changes to it."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MODELS = {
    "tiny": {"tier": "slm", "family": "t", "usd_per_mtok_in": 0.1, "usd_per_mtok_out": 0.2},
    "small": {"tier": "slm", "family": "s", "usd_per_mtok_in": 0.5, "usd_per_mtok_out": 1},
    "large": {"tier": "llm", "family": "l", "usd_per_mtok_in": 10, "usd_per_mtok_out": 40},
}

TASKS = [
    {"task_id": f"t{n}", "input": {"question": f"What is {n} and {n}?"}, "reference": str(2 * n)}
    for n in range(1, 6)
]

Write = Callable[..., Path]


def said(number: int, *, fenced: bool = False) -> str:
    """An output in the usual form."""
    text = json.dumps({"reasoning": "So it is.", "answer": str(number)})
    return f"```json\n{text}\n```" if fenced else text


def call(task: int, model: str, output: str, **more: Any) -> dict[str, Any]:
    """A recorded call."""
    about = {"task_id": f"t{task}", "model": model, "sample": 0, "output": output}
    return {**about, "correct": None, "tokens_in": 100, "tokens_out": 10, **more}


def usual() -> list[dict[str, Any]]:
    """`large` is always right; `small` says no JSON for t3; `tiny` is wrong on t2 and t3."""
    calls: list[dict[str, Any]] = []
    for n in range(1, 6):
        calls.append(call(n, "large", said(2 * n, fenced=True)))
        calls.append(call(n, "small", said(2 * n) if n != 3 else "The answer is 6."))
        calls.append(call(n, "tiny", said(2 * n) if n not in (2, 3) else said(99)))
    return calls


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a folder: of the usual, or of what is given."""

    def written(
        calls: list[Any] | None = None,
        tasks: list[Any] | None = None,
        models: Any = None,
    ) -> Path:
        folder = tmp_path / "runs"
        folder.mkdir(exist_ok=True)
        for name, lines in (("tasks", tasks or TASKS), ("calls", calls or usual())):
            texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
            with gzip.open(folder / f"{name}.jsonl.gz", "wt") as file:
                file.write("\n".join(texts))
        (folder / "models.json").write_text(json.dumps(models or MODELS))
        return folder

    return written
