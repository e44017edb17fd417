"""`agentsys report --html` and `--svg`: files that are whole or not there."""

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Command


@pytest.fixture
def report(agentsys: Command, here: Path) -> Command:
    """The command, in a project with some runs."""
    assert here.is_dir()
    agentsys("run", "letters", "word")
    agentsys("run", "letters", "nothing")
    return lambda *words: agentsys("report", *words)


def test_a_page_and_a_picture(report: Command, here: Path) -> None:
    """Both are written, with a line each, and no table is printed."""
    done = report("--html", "page.html", "--svg", "plot.svg")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines()[0].startswith("page.html: a page of")
    assert (here / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (here / "plot.svg").read_text(encoding="utf-8").startswith("<svg")
    assert sorted(os.listdir(here)) == ["graphs", "page.html", "plot.svg"]


def test_json_is_printed_besides(report: Command) -> None:
    """With --json, the rows are on standard output and nothing else."""
    (row,) = report("--html", "page.html", "--json").json()
    assert row["graph"] == "letters"


def test_a_page_takes_the_place_of_one_that_was_there(report: Command, here: Path) -> None:
    """As compilers do; what another program still reads stays whole."""
    (here / "page.html").write_text("old")
    with (here / "page.html").open() as reader:
        assert report("--html", "page.html").code == 0
        assert reader.read() == "old"
    assert (here / "page.html").read_text(encoding="utf-8") != "old"


def test_a_link_is_followed(report: Command, here: Path) -> None:
    """The file that it leads to is replaced, not the link."""
    (here / "real.html").write_text("old")
    (here / "page.html").symlink_to("real.html")
    assert report("--html", "page.html").code == 0
    assert (here / "page.html").is_symlink()
    assert (here / "real.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--html", "graphs"), "graphs is a folder."),
        (("--html", ""), "The file to write has no name."),
        (("--svg", ""), "The file to write has no name."),
        (("--html", "-"), "--html writes a file, not standard output."),
        (("--svg", "-", "--json"), "--svg writes a file, not standard output."),
        (("--html", "x", "--svg", "./x"), "--html and --svg would both write ./x."),
        (("--svg", "x", "--csv", "x"), "--svg and --csv would both write x."),
        (("--html", "nowhere/page.html"), "nowhere/page.html cannot be written: No such file"),
        (("--html", "page.html", "--since", "2999-01-01"), "The ledger has no runs for this."),
        (("--svg", "plot.svg", "--since", "2999-01-01"), "The ledger has no runs for this."),
        (("--html", "page.html", "--bench", "nope"), "There is no bench 'nope'."),
    ],
)
def test_what_cannot_be_written(
    report: Command, here: Path, words: tuple[str, ...], message: str
) -> None:
    """One line says why, and no file is left behind."""
    done = report(*words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert os.listdir(here) == ["graphs"]


def test_nothing_succeeded(agentsys: Command, here: Path) -> None:
    """There is no cost per success to draw, and that is said."""
    agentsys("run", "letters", "nothing")
    done = agentsys("report", "--svg", "plot.svg")
    assert done.code == 2
    assert "Nothing succeeded" in done.err
    assert os.listdir(here) == ["graphs"]
