"""`agentsys vllm status` and `logs`."""

import json
import signal

from agentsys.models.vllm.metrics import Load, load
from tests.vllm.conftest import Command, Project
from tests.vllm.double.vllm.entrypoints.openai.api_server import METRICS

KEYS = {
    *("name", "tier", "state", "pid", "port", "device", "uptime_s", "restarts", "running"),
    *("waiting", "kv_usage", "kv_tokens", "free_tokens", "tokens_in", "tokens_out", "busy_s"),
    *("adapters", "usd_per_mtok_in", "usd_per_mtok_out", "usd_per_hour", "share", "error"),
}


def test_the_figures_are_those_of_the_server(agentsys: Command, project: Project) -> None:
    """Queue, KV cache and tokens from `/metrics`, the rest from its supervisor."""
    project.add(env={"DOUBLE_BUSY": "1"})
    [before] = agentsys("vllm", "status", "--json").json()
    assert (set(before), before["state"], before["running"]) == (KEYS, "stopped", None)
    assert agentsys("vllm", "up").code == 0
    [row] = agentsys("vllm", "status", "--json").json()
    assert set(row) == KEYS
    assert (row["state"], row["pid"]) == ("ready", project.state().pid)
    assert (row["port"], row["device"]) == (project.ports["one"], "cpu")
    assert (row["running"], row["waiting"], row["kv_usage"]) == (2, 3, 0.25)
    assert (row["kv_tokens"], row["free_tokens"]) == (160, 120)
    assert (row["tokens_in"], row["tokens_out"], row["busy_s"]) == (100, 20, 1.5)
    assert (row["usd_per_hour"], row["error"]) == ("1", None)
    shown = agentsys("vllm", "status").out
    assert "25% of 160 tokens" in shown
    assert "$1 an hour" in shown


def test_the_list_of_models_says_which_are_there(agentsys: Command, project: Project) -> None:
    """A server and its adapters are as `status` says; nothing is sent to them."""
    project.add()
    assert [row["health"] for row in agentsys("models", "--json").json()] == ["stopped"]
    assert agentsys("vllm", "up").code == 0
    assert [row["health"] for row in agentsys("models", "--json").json()] == ["ready"]


def test_metrics_of_something_else_are_none() -> None:
    """What is no sample of vLLM is passed over, and without any, nothing is known."""
    assert load("") is None
    assert load("<html>") is None
    assert load("go_threads 8\n") is None
    broken = METRICS + "vllm:num_requests_waiting{} NaN\nvllm:x 1.2.3\nvllm:kv_cache_usage_perc\n"
    assert load(broken) == Load(2, 3, 0.25, 160, 100, 20, 1.5)


def test_the_engines_of_a_server_are_added_up() -> None:
    """Each has a line of its own."""
    two = METRICS + METRICS.replace('engine="0"', 'engine="1"')
    known = load(two)
    assert known is not None
    assert (known.running, known.tokens_out) == (4, 40)


def test_without_servers_status_says_so(agentsys: Command, project: Project) -> None:
    """An empty list for programs."""
    assert agentsys("vllm", "status", "--json").json() == []
    assert "no [[vllm]]" in agentsys("vllm", "status").err


def test_logs_print_the_end(agentsys: Command, project: Project) -> None:
    """The last lines, with nothing that drives the terminal."""
    project.add()
    (project.folder / "one.breaks").touch()
    assert agentsys("vllm", "logs", "one").out == ""
    agentsys("vllm", "up")
    log = agentsys("vllm", "logs", "one").out.splitlines()
    assert log[0].startswith("agentsys: starting ")
    assert r"\x1b[31m" in log[-2]
    assert agentsys("vllm", "logs", "one", "-n", "1").out == log[-1] + "\n"
    assert agentsys("vllm", "logs", "one", "-n", "0").out == ""


def test_logs_follow_what_is_added(agentsys: Command, project: Project) -> None:
    """Until Ctrl-C."""
    project.add()
    following = project.start("vllm", "logs", "one", "-f")
    assert agentsys("vllm", "up").code == 0
    assert following.stdout is not None
    assert following.stdout.readline().startswith("agentsys: starting ")
    assert "Loading weights" in following.stdout.readline()
    following.send_signal(signal.SIGINT)
    following.communicate()
    assert following.returncode == 130


def test_what_is_kept_is_for_its_owner_alone(agentsys: Command, project: Project) -> None:
    """The environment of a server may hold secrets."""
    project.add(env={"SECRET": "s3cret"})
    assert agentsys("vllm", "up").code == 0
    place = project.home / "vllm" / "one"
    assert "s3cret" in json.loads((place / "plan.json").read_text())["env"].values()
    for path in (place, *place.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path
    assert "s3cret" not in agentsys("vllm", "status", "--json").out
