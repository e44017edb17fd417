"""`agentsys run`: answers, receipts, JSON, exit codes and bad input."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command


def test_prints_the_answer_and_a_receipt(agentsys: Command, here: Path) -> None:
    """People get the fields of the answer, then what the run took."""
    result = agentsys("run", "letters", "seven")
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in result.out.splitlines() if line}
    assert result.code == 0
    assert (lines["letters"], lines["word"]) == ("5", "seven")
    assert (lines["status"], lines["calls"], lines["cost"]) == ("ok", "0", "$0")
    assert lines["path"] == "no model was asked"


def test_json_is_the_documented_record(agentsys: Command, here: Path) -> None:
    """Programs get one object with stable keys."""
    run = agentsys("run", "letters", "seven", "--json").json()
    assert {"run_id", "graph", "status", "output", "cost", "path", "error"} <= set(run)
    assert set(run["cost"]) == {"usd", "calls", "tokens_in", "tokens_out", "seconds"}
    assert (run["graph"], run["status"]) == ("letters", "ok")
    assert run["output"] == {"letters": 5, "word": "seven"}
    assert run["error"] is None


@pytest.mark.parametrize("words", [("-",), ("--input-file", "task.txt")])
def test_reads_the_task_from_elsewhere(
    agentsys: Command, here: Path, words: tuple[str, ...]
) -> None:
    """`-` reads standard input, `--input-file` a file."""
    (here / "task.txt").write_bytes("été\n".encode())
    result = agentsys("run", "letters", *words, "--json", stdin="été\n".encode())
    assert result.json()["output"] == {"letters": 3, "word": "été"}


def test_a_type_with_several_fields_takes_json(agentsys: Command, here: Path) -> None:
    """A task of more than one field is given as JSON."""
    assert agentsys("run", "add", '{"a": 1, "b": 2}', "--json").json()["output"] == 3


def test_a_text_type_takes_json_too(agentsys: Command, here: Path) -> None:
    """A type with one text field may also be given as the object that it is."""
    assert agentsys("run", "letters", '{"text": "abc"}', "--json").json()["output"]["letters"] == 3


def test_stream_prints_events_then_the_run(agentsys: Command, here: Path) -> None:
    """With `--stream --json`, each line is an event, and the last one is the run."""
    lines = agentsys("run", "letters", "seven", "--stream", "--json").out.splitlines()
    records = [json.loads(line) for line in lines]
    assert [r.get("kind") for r in records] == ["RunStarted", "StepFinished", "RunFinished", None]
    assert records[-1]["output"]["letters"] == 5


@pytest.mark.parametrize(("word", "status"), [("nothing", "abstained"), ("break", "failed")])
def test_a_run_that_is_not_ok_leaves_with_1(
    agentsys: Command, here: Path, word: str, status: str
) -> None:
    """The receipt is printed, the reason is one line, and the exit code is 1."""
    result = agentsys("run", "letters", word)
    assert result.code == 1
    assert f"status  {status}" in result.out
    assert result.err.startswith(f"{status}: ")
    assert result.err.count("\n") == 1


def test_debug_shows_where_a_step_broke(agentsys: Command, here: Path) -> None:
    """`--debug` adds the traceback of what ended the run."""
    result = agentsys("run", "letters", "break", "--debug")
    assert "Traceback" in result.err
    assert "RuntimeError: the step broke." in result.err


BAD = [
    (["letters", ""], "The task is empty."),
    (["letters", "  \n"], "The task is empty."),
    (["letters"], "There is no task."),
    (["letters", "a", "--input-file", "b"], "There are two tasks."),
    (["letters", "--input-file", "missing.txt"], "missing.txt cannot be read: No such file"),
    (["letters", "--input-file", "graphs"], "graphs cannot be read: Is a directory"),
    (["letters", "--input-file", "latin.txt"], "latin.txt is not text: byte 0 is not UTF-8."),
    (["letters", "--input-file", "binary"], "binary is not text: it has zero bytes."),
    (["letters", "--input-file", "/dev/zero"], "/dev/zero is longer than 10 MB."),
    (["letters", "a\udcff"], "INPUT is not text"),
    (["letters", '{"text": 7}'], "The task is not Word: text: "),
    (["add", "seven"], "The task is not JSON"),
    (["add", "7"], "The task is not Pair"),
    (["add", '{"a": 1}'], 'The task is not Pair: b: Field required. It should be JSON like {"a":0'),
    (["leters", "a"], "There is no graph 'leters'. Did you mean 'letters'?"),
    (["../graphs/letters", "a"], "There is no graph '../graphs/letters'."),
    (["broken", "a"], "The graph 'broken' cannot be loaded: ZeroDivisionError"),
    (["letters", "a", "--config", "missing.toml"], "missing.toml cannot be read"),
    (["letters", "a", "--config", "wrong.toml"], "wrong.toml: deployments: "),
    (["letters", "a", "--seed", "x"], "Invalid value for '--seed'"),
    (["letters", "a", "--sed", "1"], "No such option"),
]


@pytest.mark.parametrize(("words", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_a_mistake_is_one_line_and_exit_code_2(
    agentsys: Command, here: Path, words: list[str], message: str
) -> None:
    """What the caller can mend is named on one line, without a traceback."""
    (here / "latin.txt").write_bytes(b"\xe9t\xe9")
    (here / "binary").write_bytes(b"GGUF\0\0")
    (here / "wrong.toml").write_text("deployments = 7\n")
    (here / "graphs" / "broken.py").write_text("broken = 1 / 0\n")
    result = agentsys("run", *words)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert message in result.err
    assert result.err.count("\n") == 1
    assert result.out == ""


def test_100_kb_of_text_is_a_task(agentsys: Command, here: Path) -> None:
    """A long task is passed on whole."""
    (here / "long.txt").write_text("a" * 100_000)
    run = agentsys("run", "letters", "--input-file", "long.txt", "--json").json()
    assert run["output"]["letters"] == 100_000


def test_a_broken_file_does_not_stop_the_others(agentsys: Command, here: Path) -> None:
    """A graph runs whatever stands in the file beside it."""
    (here / "graphs" / "broken.py").write_text("broken = 1 / 0\n")
    assert agentsys("run", "letters", "seven").code == 0


def test_what_a_definition_prints_stays_out_of_the_json(agentsys: Command, here: Path) -> None:
    """Standard output is only what the command prints."""
    chatty = "print('hello')\n" + LETTERS_AS.format(name="chatty")
    (here / "graphs" / "chatty.py").write_text(chatty)
    result = agentsys("run", "chatty", "seven", "--json")
    assert result.json()["output"] == 5
    assert "hello" in result.err


LETTERS_AS = """from agentsys import step

@step
async def {name}(word: str) -> int:
    return len(word)
"""
