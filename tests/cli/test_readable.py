"""What models, servers and files say reaches people's terminals without its control characters."""

from pathlib import Path

import pytest

from agentsys.cli.readable import readable
from tests.cli.conftest import Command
from tests.loopback import Loopback, fail, say

STEP = """from agentsys import Abstain, step
from agentsys.errors import SettingsError

@step
async def wild(word: str) -> dict[str, str]:
    if word == "abstain":
        raise Abstain("\\x1b]0;mine\\x07 no.")
    if word == "crash":
        raise RuntimeError("\\x1b[2J boom")
    if word == "refuse":
        raise SettingsError("\\x1b[2J \\x9b31m refused")
    if word == "turn":
        return {"\\u202ename": "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))}
    return {"\\x1b[1mname": "a\\x1b[31mb\\x9b0mc\\x08\\r\\n\\td"}
"""

AGENT = "from agentsys import Agent\n\nwild = Agent(str, str, 'Say a word.')\n"

CONFIG = """[[deployments]]
name = "here"
tier = "slm"
litellm_params = {{ model = "hosted_vllm/x", api_base = "{url}", api_key = "k" }}
usd_per_hour = 1
"""


def controls(text: str) -> set[str]:
    """The control characters in a text, but for line ends and tabs."""
    return {sign for sign in text if ord(sign) < 32 or 127 <= ord(sign) < 160} - {"\n", "\t"}


@pytest.fixture
def wild(here: Path) -> Path:
    """A graph that says what nobody's terminal should get."""
    (here / "graphs" / "wild.py").write_text(STEP)
    return here


def test_an_answer_cannot_drive_the_terminal(agentsys: Command, wild: Path) -> None:
    """Escape sequences are written out; line ends and tabs stay."""
    result = agentsys("run", "wild", "go")
    assert controls(result.out) == set()
    assert "a\\x1b[31mb\\x9b0mc\\x08\\x0d\n" in result.out
    assert "d" in result.out.splitlines()[1].strip()


def test_an_answer_cannot_turn_the_text(agentsys: Command, wild: Path) -> None:
    """Characters that change the direction of text are written out, letters of any script stay."""
    told = agentsys("run", "wild", "turn").out
    assert told.isascii()
    turns = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
    assert "\\u202ename" in told
    assert "".join(f"\\u{code:04x}" for code in turns) in told
    assert readable("פותר, حل, 解决, ö") == "פותר, حل, 解决, ö"


@pytest.mark.parametrize("word", ["abstain", "crash", "refuse"])
@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_nor_can_an_error(agentsys: Command, wild: Path, word: str, debug: tuple[str, ...]) -> None:
    """A reason, an error line and a traceback are cleaned like an answer."""
    result = agentsys("run", "wild", word, *debug)
    assert controls(result.out + result.err) == set()
    assert "\\x1b" in result.err


def test_json_has_the_answer_as_it_is(agentsys: Command, wild: Path) -> None:
    """Programs get every character, escaped by JSON."""
    result = agentsys("run", "wild", "go", "--json")
    assert controls(result.out) <= {"\x9b"}
    assert result.json()["output"] == {"\x1b[1mname": "a\x1b[31mb\x9b0mc\x08\r\n\td"}


def test_nor_can_what_a_model_or_its_server_says(
    agentsys: Command, wild: Path, loopback: Loopback
) -> None:
    """Replies in a stream of events, and a server's error in a table, are cleaned."""
    (wild / "graphs" / "wild.py").write_text(AGENT)
    (wild / "agentsys.toml").write_text(CONFIG.format(url=loopback.url))
    loopback.script(say("\x1b[31mred"), fail(400, "\x1b[2J bad"))
    streamed = agentsys("run", "wild", "go", "--stream")
    assert streamed.out.count("\\x1b[31mred") == 2
    checked = agentsys("models", "check")
    assert "\\x1b[2J bad" in checked.out
    assert controls(streamed.out + streamed.err + checked.out + checked.err) == set()
