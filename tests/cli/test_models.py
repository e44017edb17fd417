"""`agentsys models` and `agentsys models check`."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.loopback import Loopback

CONFIG = """
[[deployments]]
name = "here"
tier = "slm"
litellm_params = {{ model = "hosted_vllm/x", api_base = "{base}", api_key = "k" }}
usd_per_hour = 2.5
share = 0.5

[[deployments]]
name = "file"
tier = "own"
gguf = "no.gguf"
usd_per_mtok_in = 1
usd_per_mtok_out = 2

[[deployments]]
name = "far"
tier = "llm"
litellm_params = {{ model = "openai/gpt-4o", api_key = "os.environ/NO_SUCH_KEY" }}

[[deployments]]
name = "listed"
tier = "llm"
litellm_params = {{ model = "openai/gpt-4o", api_key = "k" }}

[limits.here]
requests_per_minute = 6000
concurrency = 4
"""

KEYS = {
    "tier",
    "deployment",
    "model",
    "usd_per_mtok_in",
    "usd_per_mtok_out",
    "usd_per_hour",
    "share",
    "price_basis",
    "limits",
    "guided",
    "health",
    "error",
}


@pytest.fixture
def config(here: Path) -> Path:
    """A configuration with one deployment of each kind."""
    file = here / "agentsys.toml"
    file.write_text(CONFIG.format(base="http://127.0.0.1:9/v1"))
    return file


def test_lists_price_basis_guidance_and_health(agentsys: Command, config: Path) -> None:
    """Every deployment is a row that says what it costs, how it is guided and if it is there."""
    rows = {row["deployment"]: row for row in agentsys("models", "--json").json()}
    assert all(set(row) == KEYS for row in rows.values())
    here = rows["here"]
    assert (here["usd_per_hour"], here["share"], here["price_basis"]) == ("2.5", "0.5", "per hour")
    assert (here["guided"], here["health"], here["error"]) == ("outlines", "not asked", None)
    limits = {"requests_per_minute": 6000, "tokens_per_minute": None, "concurrency": 4}
    assert (here["limits"], rows["listed"]["limits"]) == (limits, None)
    assert rows["listed"]["price_basis"] == "per token"
    assert rows["listed"]["guided"] == "strict"


def test_what_is_missing_is_said_before_anything_is_asked(agentsys: Command, config: Path) -> None:
    """A file that is not there and a key that is not set make a deployment unusable."""
    rows = {row["deployment"]: row for row in agentsys("models", "--json").json()}
    assert rows["file"]["health"] == rows["far"]["health"] == "unusable"
    assert "no.gguf" in rows["file"]["error"]
    assert "NO_SUCH_KEY, which is not set" in rows["far"]["error"]


def test_people_get_a_table(agentsys: Command, config: Path) -> None:
    """Each deployment is a line, and the configuration file is named."""
    out = agentsys("models").out
    assert "$2.5 an hour x 0.5" in out
    assert "$1 in, $2 out per Mtok" in out
    assert "6,000 requests/min, 4 at once" in out
    assert f"Configured in {config}" in out


def test_check_passes_where_the_reply_fits(
    agentsys: Command, here: Path, loopback: Loopback, tmp_path: Path
) -> None:
    """A tier whose reply satisfies the schema is valid; the exit code is 0."""
    file = tmp_path / "one.toml"
    file.write_text(CONFIG.format(base=loopback.url).split('[[deployments]]\nname = "file"')[0])
    result = agentsys("models", "check", "--json", "--config", str(file))
    [row] = result.json()
    assert (row["tier"], row["deployment"], row["schema_valid"]) == ("slm", "here", True)
    assert (row["guided"], row["error"], result.code) == ("outlines", None, 0)


def test_check_fails_where_one_tier_fails(agentsys: Command, config: Path) -> None:
    """Every tier is tried, the broken ones are named, and the exit code is 1."""
    config.write_text(config.read_text().split('[[deployments]]\nname = "far"')[0])
    result = agentsys("models", "check")
    assert result.code == 1
    assert "'here'" in result.out
    assert "no.gguf" in result.out


def test_options_before_check_count(agentsys: Command, here: Path) -> None:
    """`models --config FILE check` asks what that file says, like `models check --config FILE`."""
    result = agentsys("models", "--config", "nowhere.toml", "check")
    assert (result.code, result.out) == (2, "")
    assert "nowhere.toml" in result.err


def test_a_broken_configuration_is_one_line(agentsys: Command, here: Path) -> None:
    """File, key and what is allowed, for the listing as for the check."""
    (here / "agentsys.toml").write_text('[[deployments]]\nnme = "x"\ntier = "slm"\n')
    for words in (["models"], ["models", "check"]):
        result = agentsys(*words)
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert "agentsys.toml: deployments[0]" in result.err
