"""What `docs/cli.md` says about JSON output is what the commands print."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from agentsys.cli.main import COMMANDS
from agentsys.cli.vllm_progress import row as row_of_up
from agentsys.cli.vllm_status import row
from agentsys.evaluation.judging.board import Against, Agreement, Board
from agentsys.evaluation.judging.calibration import Calibrated
from agentsys.evaluation.judging.standing import Standing
from agentsys.evaluation.reports.report import Row
from agentsys.evaluation.thresholds import result as thresholds
from agentsys.evaluation.thresholds.drift import Drift
from agentsys.memory import Entry
from agentsys.models.vllm.status import Status
from agentsys.models.vllm.up import Progress
from agentsys.servers import VllmServer
from agentsys.warming import Warmed
from tests.cli.conftest import Command, agentsys

__all__ = ["agentsys"]

TEXT = (Path(__file__).parents[1] / "docs" / "cli.md").read_text(encoding="utf-8")


def numbers_away(value: Any) -> Any:
    """The same JSON with what differs from run to run taken out."""
    if isinstance(value, dict):
        return {key: numbers_away(part) for key, part in value.items() if key != "run_id"}
    return value if isinstance(value, str | list) or value is None else type(value)


def test_the_run_is_the_one_that_is_shown(agentsys: Command) -> None:
    """The command of the first section prints the example, to the answer and the price."""
    question = re.search(r'agentsys run slm_fallback "(.+)"', TEXT)
    example = re.search(r"```json\n(\{.+?\n\})\n```", TEXT, re.DOTALL)
    assert question is not None
    assert example is not None
    printed, shown = (
        agentsys("run", "slm_fallback", question[1], "--json").json(),
        json.loads(example[1]),
    )
    assert numbers_away(printed) == numbers_away(shown)
    assert printed["output"] == shown["output"]


def test_every_key_of_a_row_is_named() -> None:
    """The rows of `bench` and `report` have these keys and no others."""
    paragraph = TEXT[TEXT.index("`agentsys bench` and `agentsys report` print a list") :]
    named = set(re.findall(r"`([a-z]\w+)`", paragraph))
    assert set(Row.model_fields) <= named


def test_every_key_of_an_entry_is_named() -> None:
    """`agentsys memory` prints these keys and no others."""
    shape = re.search(
        r"`agentsys memory list` and `search` print a list of `\{(.+?)\}`", TEXT, re.S
    )
    assert shape is not None
    assert re.findall(r'"(\w+)"', shape[1]) == [field.name for field in fields(Entry)]


def test_every_key_of_a_checked_schema_is_named(agentsys: Command) -> None:
    """`agentsys schema check` prints these keys and no others."""
    shape = re.search(r"`agentsys schema check` prints a list of `\{(.+?)\}`", TEXT, re.S)
    assert shape is not None
    (row,) = agentsys("schema", "check", "agents/solver", "--json").json()
    assert re.findall(r'"(\w+)"', shape[1]) == list(row)


def test_every_key_of_a_vllm_server_is_named() -> None:
    """`[[vllm]]` takes these keys, `agentsys vllm status` prints those, and no others."""
    table = TEXT[TEXT.index("`[[vllm]]` is a server") : TEXT.index("vLLM's pins want")]
    named = {
        key
        for row in re.findall(r"^\| (.+?) \|", table, re.M)
        for key in re.findall(r"`(\w+)`", row)
    }
    assert named == set(VllmServer.model_fields)
    shape = re.search(r"`agentsys vllm status` one of `\{(.+?)\}`", TEXT, re.S)
    assert shape is not None
    assert re.findall(r'"(\w+)"', shape[1]) == list(row(Status("a", "stopped", None, None)))


def test_every_key_of_a_server_that_comes_up_is_named() -> None:
    """`agentsys vllm up` prints these keys and no others, for servers and for warmed schemas."""
    given = {"name": "a", "tier": "slm", "model": "m", "usd_per_hour": 1}
    server = VllmServer.model_validate(given)
    step = Progress("a", "ready", 1.0, "", False)
    printed = row_of_up(step, server, {"a": [Warmed("slm", "solver", 1.0, 1)]})
    shape = re.search(r"`agentsys vllm up` prints a list of `\{(.+?)\}`", TEXT)
    assert shape is not None
    assert re.findall(r'"(\w+)"', shape[1]) == list(printed)
    schema = re.search(r"`warmed` is `null` without `--warm`, else\na list of `\{(.+?)\}`", TEXT)
    assert schema is not None
    assert re.findall(r'"(\w+)"', schema[1]) == list(printed["warmed"][0])
    assert printed["warmed"][0]["usd"] == "0.000000001"


def test_every_key_of_a_calibration_is_named() -> None:
    """`agentsys calibrate` prints these keys and no others, at every level."""
    start = TEXT.index("`agentsys calibrate` prints an object")
    text = TEXT[start : TEXT.index("`agentsys judge calibrate` prints", start)]
    shapes = re.findall(r"`\{(.+?)\}`", text, re.S)
    keys = [re.findall(r'"(\w+)"', shape) for shape in shapes]
    models = (
        thresholds.Calibrated,
        thresholds.Fit,
        thresholds.Point,
        thresholds.Tested,
        thresholds.Accepted,
        thresholds.Row,
        thresholds.Against,
    )
    assert keys[: len(models)] == [list(model.model_fields) for model in models]
    assert keys[len(models)] == list(Drift.model_fields)


def test_every_key_of_a_router_and_of_what_if_is_named(agentsys: Command) -> None:
    """`agentsys router` and `what-if` print these keys and no others, at every level."""
    graphs = [w for name in ("slm_only", "llm_only", "slm_fallback") for w in ("--graph", name)]
    agentsys("bench", "word-problems", "--limit", "60", *graphs, "--json")
    found = agentsys("router", "fit", "--graph", "slm_fallback", "--json").json()
    text = TEXT[TEXT.index("`agentsys router fit` and `evaluate` print an object") :]
    (listed,) = agentsys("router", "list", "--graph", "slm_fallback", "--json").json()
    high = ("what-if", "--graph", "slm_fallback", "--threshold", "0.999999", "--json")
    (row,) = agentsys(*high).json()
    printed = [found, found["router"], listed, row, row["unknown_tasks"][0]]
    shapes = re.findall(r"`\{(.+?)\}`", text, re.S)[: len(printed)]
    assert [re.findall(r'"(\w+)"', shape) for shape in shapes] == [list(part) for part in printed]
    figures = list(row)[list(row).index("tasks") : list(row).index("nano_usd") + 1]
    assert figures == list(row["was"]) == list(row["approximate"])


def test_every_key_of_a_plan_is_named(agentsys: Command) -> None:
    """`agentsys plan` prints these keys and no others, at every level."""
    text = TEXT[TEXT.index("`agentsys plan` prints an object") :]
    shapes = re.findall(r"`\{(.+?)\}`", text, re.S)[:3]
    agentsys("run", "slm_fallback", "What is 2 plus 2?")
    found = agentsys("plan", "slm_fallback", "What is 2 plus 2?", "--json").json()
    keys = [re.findall(r'"(\w+)"', shape) for shape in shapes]
    assert keys == [list(part) for part in (found, found["nodes"][0], found["expected"])]


def test_every_key_of_a_listed_run_is_named(agentsys: Command) -> None:
    """`agentsys runs` prints these keys and no others."""
    shape = re.search(r"`agentsys runs` prints a list of `\{(.+?)\}`", TEXT, re.S)
    assert shape is not None
    agentsys("run", "slm_fallback", "What is 2 plus 2?")
    (run,) = agentsys("runs", "--json").json()
    assert re.findall(r'"(\w+)"', shape[1]) == list(run)


def test_every_key_of_a_measured_judge_is_named() -> None:
    """`agentsys judge` prints these keys and no others, at every level."""
    fit = re.search(r"`agentsys judge calibrate` prints a list of `\{(.+?)\}`", TEXT, re.S)
    assert fit is not None
    assert re.findall(r'"(\w+)"', fit[1]) == list(Calibrated.model_fields)
    ranked = TEXT[TEXT.index("`agentsys judge leaderboard` prints an object") :]
    shapes = re.findall(r"`\{(.+?)\}`", ranked, re.S)[:4]
    keys = [re.findall(r'"(\w+)"', shape) for shape in shapes]
    assert keys == [list(kind.model_fields) for kind in (Board, Standing, Agreement, Against)]


def test_every_key_of_a_comparison_is_named(agentsys: Command) -> None:
    """`agentsys compare` prints these keys and no others, at every level."""
    told = TEXT[TEXT.index("`agentsys compare` prints a list of") :]
    pair, side, measures = re.findall(r"`\{(.+?)\}`", told, re.S)[:3]
    agentsys("bench", "word-problems", "--graph", "slm_only", "--graph", "llm_only", "--limit", "2")
    (found,) = agentsys("compare", "slm_only", "llm_only", "--json").json()
    assert re.findall(r'"(\w+)"', pair) == list(found)
    assert re.findall(r'"(\w+)"', side) == list(found["a"])
    assert re.findall(r'"(\w+)"', measures) == list(found["metrics"]["cps"])
    assert [name for name in found["metrics"] if f"`{name}`" not in told] == []


def test_every_command_is_in_the_table() -> None:
    """A new command gets a line."""
    table = re.findall(r"^\| `agentsys .+$", TEXT, re.MULTILINE)
    assert [name for name in COMMANDS if not any(name in line for line in table)] == []


def test_every_key_of_a_budget_is_named(agentsys: Command) -> None:
    """`agentsys budget show` prints these keys and no others."""
    shape = re.search(r"`agentsys budget show` prints a list of `\{(.+?)\}`", TEXT, re.S)
    assert shape is not None
    agentsys("budget", "set", "--calls", "5")
    (row,) = agentsys("budget", "show", "--json").json()
    assert re.findall(r'"(\w+)"', shape[1]) == list(row)
    limit = re.search(r"the last four\nare `\{(.+?)\}`", TEXT)
    assert limit is not None
    assert re.findall(r'"(\w+)"', limit[1]) == list(row["calls"])
