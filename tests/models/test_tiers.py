"""The models of a configuration."""

import subprocess
import sys
from pathlib import Path

import pytest

from agentsys.errors import SettingsError, UnknownName
from agentsys.models.tiers import Tiers
from agentsys.settings import DEFAULT_FILE, Settings
from tests.models.conformance import question
from tests.tiny_gguf import write_tiny_gguf

EMBEDDED = """
[[deployments]]
name = "{name}"
tier = "{tier}"
gguf = "models/tiny.gguf"
usd_per_hour = 0.1
"""
SERVED = """
[[deployments]]
name = "{name}"
tier = "{tier}"
usd_per_hour = 1
litellm_params = {{ model = "hosted_vllm/slm", api_base = "http://127.0.0.1:9/v1" }}
"""

RECORDED = """
[[deployments]]
name = "{name}"
tier = "{tier}"
recorded = "calls"
"""


def tiers(folder: Path, *deployments: str) -> Tiers:
    """The tiers of a configuration file."""
    file = folder / "agentsys.toml"
    file.write_text("".join(deployments))
    return Tiers(Settings.load(file))


async def test_a_gguf_is_found_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path starts from the configuration file, not from the current directory."""
    (tmp_path / "models").mkdir()
    (tmp_path / "elsewhere").mkdir()
    write_tiny_gguf(tmp_path / "models" / "tiny.gguf")
    found = tiers(tmp_path, EMBEDDED.format(name="mine", tier="slm"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert (await found["slm"].ask(question())).deployment == "mine"
    await found.close()
    await found.close()


def test_a_tier_is_made_once_and_only_when_asked_for(tmp_path: Path) -> None:
    """A missing file of one tier does not disturb the others."""
    found = tiers(
        tmp_path, EMBEDDED.format(name="a", tier="slm"), SERVED.format(name="b", tier="llm")
    )
    assert list(found) == ["slm", "llm"]
    assert "slm" in found
    assert found["llm"] is found["llm"]
    with pytest.raises(SettingsError, match="'a'"):
        found["slm"]


def test_an_unknown_tier_is_named_with_those_there_are(tmp_path: Path) -> None:
    """Close names are suggested."""
    found = tiers(tmp_path, EMBEDDED.format(name="a", tier="slm"))
    assert "slim" not in found
    with pytest.raises(UnknownName, match=r"no tier 'slim'.*'slm'"):
        found["slim"]


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (EMBEDDED, SERVED, "'a', which runs in process, and 'b', which LiteLLM reaches"),
        (EMBEDDED, EMBEDDED, "two models in process: 'a' and 'b'"),
        (SERVED, RECORDED, "'a', which LiteLLM reaches, and 'b', which replays a recording"),
        (RECORDED, RECORDED, "two recordings: 'a' and 'b'"),
    ],
)
def test_a_tier_that_mixes_is_refused(tmp_path: Path, first: str, second: str, reason: str) -> None:
    """A tier is one file in process, one recording, or deployments behind the Router."""
    with pytest.raises(SettingsError, match=reason) as caught:
        tiers(tmp_path, first.format(name="a", tier="slm"), second.format(name="b", tier="slm"))
    assert caught.value.hint


def test_the_embedded_tiers_do_not_load_litellm(tmp_path: Path) -> None:
    """LiteLLM takes two seconds, which a configuration without it does not pay."""
    script = (
        "import sys; from agentsys.models.tiers import Tiers;"
        "from agentsys.settings import Settings; Tiers(Settings.load());"
        "assert not {'litellm', 'langgraph', 'xllamacpp'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_tier_has_the_families_of_its_deployments(tmp_path: Path) -> None:
    """What `family` says, else the model's own name; adapters are of their server's family."""
    (tmp_path / "models").mkdir()
    write_tiny_gguf(tmp_path / "models" / "tiny.gguf")
    told = SERVED.format(name="b", tier="llm") + 'family = "Llama-3.1"\n'
    server = """
[[vllm]]
name = "served"
tier = "own"
model = "Qwen/Qwen3-4B"
usd_per_hour = 1
adapters = [{ name = "sql", tier = "sql", path = "adapters/sql" }]
"""
    plain = EMBEDDED.format(name="a", tier="slm")
    found = tiers(tmp_path, plain, told, SERVED.format(name="c", tier="llm"), server)
    assert found.families("slm") == {"tiny"}
    assert found.families("llm") == {"llama-3.1", "slm"}
    assert found.families("own") == found.families("sql") == {"qwen3-4b"}
    assert found.families("none") == set()


def test_the_miniatures_are_one_family() -> None:
    """Both were trained on the same data, and their mistakes are not independent."""
    found = Tiers(Settings.load(DEFAULT_FILE))
    assert found.families("slm") == found.families("llm") == {"miniature"}
