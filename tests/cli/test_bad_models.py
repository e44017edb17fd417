"""`agentsys run` where the models are missing, damaged, out of reach or overwhelmed."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command

GGUF = """[[deployments]]
name = "mine"
tier = "slm"
gguf = "{file}"
usd_per_hour = 1
"""

SERVER = """[[deployments]]
name = "mine"
tier = "slm"
litellm_params = { model = "hosted_vllm/x", api_base = "http://127.0.0.1:9/v1" }
usd_per_hour = 1
"""

QUESTION = "Mia has 4 boxes of 12 pens. How many pens is that?"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "m.gguf cannot be read: No such file or directory."),
        (b"", "m.gguf is not a GGUF file."),
        (b"<html>not found</html>", "m.gguf is not a GGUF file."),
        (b"GGUF\x03\x00\x00\x00damaged", "llama.cpp cannot load"),
    ],
    ids=["missing", "empty", "html", "damaged"],
)
def test_a_gguf_file_that_cannot_be_used_is_a_mistake(
    agentsys: Command, here: Path, content: bytes | None, message: str
) -> None:
    """A missing or corrupt file is named on one line, with what to do; the exit code is 2."""
    (here / "agentsys.toml").write_text(GGUF.format(file="m.gguf"))
    if content is not None:
        (here / "m.gguf").write_bytes(content)
    result = agentsys("run", "slm_only", QUESTION)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "deployment 'mine'" in result.err
    assert message in result.err


def test_a_tier_without_a_deployment_is_a_mistake(agentsys: Command, here: Path) -> None:
    """A graph that escalates to a tier nobody serves is refused before anything is asked."""
    (here / "agentsys.toml").write_text(GGUF.format(file="mini-slm"))
    result = agentsys("run", "slm_fallback", QUESTION)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "There is no tier 'llm'." in result.err


def test_a_server_that_is_down_fails_the_task(agentsys: Command, here: Path) -> None:
    """The run is `failed`, which names the deployment on one line; the exit code is 1."""
    (here / "agentsys.toml").write_text(SERVER)
    result = agentsys("run", "slm_only", QUESTION)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert result.err.startswith("failed: The deployment 'mine' cannot be reached")
    assert "status  failed" in result.out


def test_a_task_too_long_for_the_model_fails(agentsys: Command, here: Path) -> None:
    """More tokens than its context has are refused by the model, not by a crash."""
    (here / "long.txt").write_text("4+4-" * 1_000)
    result = agentsys("run", "slm_fallback", "--input-file", "long.txt", "--json")
    assert (result.code, result.json()["status"], result.err) == (1, "failed", "")
    assert "tokens" in result.json()["error"]


def test_a_ledger_that_cannot_be_written_is_one_line(
    agentsys: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file where the user's data directory should be is named, as the caller's mistake."""
    (here / "taken").write_text("a file")
    monkeypatch.setenv("AGENTSYS_HOME", str(here / "taken"))
    result = agentsys("run", "letters", "seven")
    assert (result.code, result.err.count("\n"), result.out) == (2, 1, "")
    assert "taken" in result.err
