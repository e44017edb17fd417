"""`[[vllm]]`: what may be said of a server, and which deployments it is."""

from decimal import Decimal
from pathlib import Path

import pytest

from agentsys.errors import SettingsError
from agentsys.settings import Deployment, Settings

SERVER = """
[[vllm]]
name = "qwen"
tier = "slm"
model = "Qwen/Qwen3-4B"
port = 8123
usd_per_hour = 2.5
share = 0.05
"""

ADAPTER = """
[[vllm.adapters]]
name = "qwen-sql"
tier = "sql"
path = "adapters/sql"
"""


def load(folder: Path, text: str) -> Settings:
    file = folder / "agentsys.toml"
    file.write_text(text)
    return Settings.load(file)


def test_a_server_is_a_deployment_of_its_tier(tmp_path: Path) -> None:
    """Nothing has to be written twice: name, tier, address, guidance and price."""
    [deployment] = load(tmp_path, SERVER).deployments
    assert (deployment.name, deployment.tier, deployment.guided) == ("qwen", "slm", "outlines")
    assert deployment.litellm_params == {
        "model": "hosted_vllm/qwen",
        "api_base": "http://127.0.0.1:8123/v1",
    }
    assert deployment.price is not None
    assert (deployment.price.usd_per_hour, deployment.price.share) == (
        Decimal("2.5"),
        Decimal("0.05"),
    )


def test_its_masks_may_be_larger(tmp_path: Path) -> None:
    """The limits hold for the server and its adapters, and are a deployment's unless given."""
    plain, *_ = load(tmp_path, SERVER).deployments
    own = Deployment.model_fields
    assert (plain.guide_states, plain.guide_depth) == (
        own["guide_states"].default,
        own["guide_depth"].default,
    )
    raised = load(tmp_path, SERVER + "guide_states = 9000\nguide_depth = 5\n" + ADAPTER)
    assert [(d.guide_states, d.guide_depth) for d in raised.deployments] == [(9000, 5)] * 2


def test_an_adapter_is_a_deployment_of_its_own(tmp_path: Path) -> None:
    """It has its own tier and its own price, or the server's where it has none."""
    settings = load(
        tmp_path, SERVER + ADAPTER + "usd_per_hour = 4\n" + ADAPTER.replace("sql", "law")
    )
    server, own, same = settings.deployments
    assert settings.tier_names() == ("slm", "sql", "law")
    assert (own.litellm_params or {})["model"] == "hosted_vllm/qwen-sql"
    assert (own.litellm_params or {})["api_base"] == (server.litellm_params or {})["api_base"]
    assert own.price is not None
    assert own.price.usd_per_hour == 4
    assert same.price == server.price


def test_servers_stand_beside_other_deployments(tmp_path: Path) -> None:
    """Both are in the list, and limits may name a server."""
    other = '[[deployments]]\nname = "m"\ntier = "llm"\ngguf = "mini-llm"\nusd_per_hour = 1\n'
    settings = load(tmp_path, other + SERVER + "[limits.qwen]\nconcurrency = 4\n")
    assert [d.name for d in settings.deployments] == ["m", "qwen"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("gpus = [0]", r"vllm\[0\].gpus is not a key. Allowed are: .*device"),
        ('device = "gpu"', r'vllm\[0\].device: should be "cpu" or a list of GPUs'),
        ("device = []", r"vllm\[0\].device: should be"),
        ("device = [0, 0]", r"vllm\[0\].device: should be"),
        ("device = [true]", r"vllm\[0\].device: should be"),
        ("device = [0, 1]\ntensor_parallel = 3", "'tensor_parallel' is 3, and 'device' names 2"),
        ('device = "cpu"\ngpu_memory = 0.5', "'gpu_memory' does nothing with device = \"cpu\""),
        ("kv_cache_gib = 2", r"'kv_cache_gib' does nothing with device = \[0\]"),
        ("gpu_memory = 1.5", r"vllm\[0\].gpu_memory: "),
        ('flags = ["--port=1"]', "--port is set by agentsys: use the key 'port'"),
        ('flags = ["--max_model_len", "9"]', "use the key 'max_model_len'"),
        ('flags = ["--host", "0.0.0.0"]', "--host is set by agentsys: leave it out"),
        ('flags = ["--hos=0.0.0.0"]', "--hos is set by agentsys: leave it out"),
        ('flags = ["--disable-log-stats"]', "--disable-log-stats is set by agentsys: leave it out"),
        ('flags = ["--max-model", "9"]', "use the key 'max_model_len'"),
        ('flags = ["--structured-outputs-config.backend=xgrammar"]', "config.backend is set by"),
        ('env = { VLLM_CPU_KVCACHE_SPACE = "9" }', "use the key 'kv_cache_gib'"),
        ('env = { VLLM_API_KEY = "k" }', r"vllm\[0\].env: VLLM_API_KEY .*: leave it out"),
        (ADAPTER + "rank = 3", r"vllm\[0\].adapters\[0\].rank is not a key. Allowed .*path"),
        (ADAPTER + "share = 0.5", "'share' does nothing without 'usd_per_hour'"),
        (ADAPTER.replace("qwen-sql", "qwen"), "two deployments are called 'qwen'"),
        (SERVER, "'qwen' and 'qwen' have the same port, 8123: give one of them another 'port'"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, lines: str, said: str) -> None:
    """A key or a value that cannot be is refused with its place and what to do."""
    with pytest.raises(SettingsError, match=said):
        load(tmp_path, f"{SERVER}{lines}\n")


def test_flags_and_variables_that_are_free_are_kept(tmp_path: Path) -> None:
    """Also those that begin like one that agentsys sets, and their values."""
    flags = ["--chat-template-content-format", "string", "--enable-lora-bias", "--", "-1"]
    lines = f"flags = {flags}\nenv = {{ OMP_NUM_THREADS = '2' }}\n"
    [server] = load(tmp_path, SERVER + lines).vllm
    assert (server.flags, server.env) == (tuple(flags), {"OMP_NUM_THREADS": "2"})


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b", "x" * 65])
def test_a_name_is_one_of_a_folder(tmp_path: Path, name: str) -> None:
    """It becomes a path and a model's name in requests."""
    with pytest.raises(SettingsError, match=r"vllm\[0\].name: "):
        load(tmp_path, SERVER.replace('"qwen"', f'"{name}"'))


def test_a_server_needs_a_price(tmp_path: Path) -> None:
    """Without one, a budget in dollars would do nothing."""
    text = SERVER.replace("usd_per_hour = 2.5", "").replace("share = 0.05", "")
    with pytest.raises(SettingsError, match="a local server needs 'usd_per_hour'"):
        load(tmp_path, text)


def test_a_configuration_without_any_model_is_refused(tmp_path: Path) -> None:
    """Neither kind: the line says what may be given; a broken server is named, not that."""
    with pytest.raises(SettingsError, match=r"give a \[\[deployments\]\] or a \[\[vllm\]\]"):
        load(tmp_path, "")
    with pytest.raises(SettingsError, match=r"vllm\[0\]"):
        load(tmp_path, "[[vllm]]\n")


def test_the_example_is_valid() -> None:
    """The README starts it: its model is there, and both tiers have a deployment."""
    settings = Settings.load(Path(__file__).parents[1] / "examples" / "vllm.toml")
    assert settings.tier_names() == ("llm", "slm")
    assert (settings.file.parent / settings.vllm[0].model / "config.json").is_file()
