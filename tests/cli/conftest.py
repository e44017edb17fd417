"""A command line to call in this process, and projects to call it in."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentsys.cli.main import main

LETTERS = '''"""Count the letters of a word."""
from pydantic import BaseModel
from agentsys import Abstain, step


class Word(BaseModel):
    text: str


class Count(BaseModel):
    letters: int
    word: str


@step
async def letters(word: Word) -> Count:
    if word.text == "nothing":
        raise Abstain("there is nothing to count.")
    if word.text == "break":
        raise RuntimeError("the step broke.")
    return Count(letters=len(word.text), word=word.text)
'''

ADD = """from pydantic import BaseModel
from agentsys import step


class Pair(BaseModel):
    a: int
    b: int


@step
async def add(pair: Pair) -> int:
    return pair.a + pair.b
"""


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


Command = Callable[..., Result]


@pytest.fixture
def agentsys(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    """Call `agentsys` with words and standard input; the ledger is a fresh one."""
    monkeypatch.setenv("AGENTSYS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AGENTSYS_CONFIG", raising=False)

    def call(*words: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capsys.readouterr()
        return Result(int(left.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two graphs that need no model; the current directory."""
    folder = tmp_path / "project"
    (folder / "graphs").mkdir(parents=True)
    (folder / "graphs" / "letters.py").write_text(LETTERS)
    (folder / "graphs" / "add.py").write_text(ADD)
    monkeypatch.chdir(folder)
    return folder
