"""`agentsys vllm up` and `down`: what is started, what is refused, and what is left behind."""

import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.vllm.conftest import Command, Project, until
from tests.vllm.double.vllm.entrypoints.openai.api_server import Doors, Server

KEYS = {"name", "state", "url", "seconds", "already", "warmed", "error"}


def test_up_starts_and_down_ends(agentsys: Command, project: Project) -> None:
    """The server answers, in the background; after `down`, no process of it is left."""
    project.add()
    up = agentsys("vllm", "up", "--json")
    [row] = up.json()
    assert (up.code, set(row), row["state"], row["already"]) == (0, KEYS, "ready", False)
    assert row["url"] == f"http://127.0.0.1:{project.ports['one']}/v1"
    assert project.alive() == 3  # the server, its engine, its watch
    down = agentsys("vllm", "down")
    assert (down.code, down.out) == (0, "one is stopped.\n")
    assert (project.alive(), project.state().phase) == (0, "stopped")
    assert agentsys("vllm", "down").out == "one was not running.\n"


def test_a_key_for_servers_elsewhere_is_not_one_of_ours(
    agentsys: Command, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it, the server would refuse all who ask it, and never be ready."""
    monkeypatch.setenv("VLLM_API_KEY", "a-key")
    project.add()
    assert agentsys("vllm", "up", "--timeout", "20").code == 0


def test_a_server_may_have_any_name(agentsys: Command, project: Project) -> None:
    """Also that of a file that agentsys keeps beside the servers."""
    for name in ("lock", "log", "state.json"):
        project.add(name)
    assert agentsys("vllm", "up").code == 0
    assert agentsys("vllm", "down").out.count("is stopped.") == 3


def test_a_server_that_does_not_listen_is_made_to_stop(agentsys: Command, project: Project) -> None:
    """SIGTERM first; what is left after its grace is killed."""
    project.add(env={"DOUBLE_STUBBORN": "1"})
    assert agentsys("vllm", "up").code == 0
    plan = project.home / "vllm" / "one" / "plan.json"
    assert '"grace_s": 15' in plan.read_text()
    os.kill(project.state().supervisor.pid, signal.SIGTERM)
    until(lambda: project.state().phase == "stopping", "stopping")
    assert project.alive() == 3
    os.kill(project.state().pid or 0, signal.SIGKILL)
    until(lambda: project.state().phase == "stopped", "stopped")
    assert project.alive() == 0


def test_a_second_up_finds_it_running(agentsys: Command, project: Project) -> None:
    """It says so and succeeds; nothing is started."""
    project.add()
    assert agentsys("vllm", "up").code == 0
    again = agentsys("vllm", "up", "--json")
    assert (again.code, again.json()[0]["already"]) == (0, True)
    assert "one is running." in again.err
    assert len(project.starts()) == 1


def test_other_settings_of_a_running_server_are_refused(
    agentsys: Command, project: Project
) -> None:
    """Who asks would get another model than is configured; the line says what to do."""
    project.add()
    assert agentsys("vllm", "up").code == 0
    project.text += "max_model_len = 128\n"
    project.write()
    again = agentsys("vllm", "up")
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert "other settings" in again.err
    assert "agentsys vllm down one" in again.err


def test_two_at_once_start_one(project: Project) -> None:
    """Both succeed when it is ready."""
    project.add(env={"DOUBLE_SLOW_S": "0.5"})
    both = [project.start("vllm", "up") for _ in range(2)]
    said = [each.communicate()[1] for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert len(project.starts()) == 1


def test_servers_of_one_device_come_up_one_after_the_other(
    agentsys: Command, project: Project
) -> None:
    """Each measures the memory that is free; all are ready in the end."""
    project.add("one", env={"DOUBLE_SLOW_S": "0.5"}).add("two")
    assert agentsys("vllm", "up").code == 0
    assert project.state("two").since >= project.state("one").since + 0.5
    assert agentsys("vllm", "down", "two").out == "two is stopped.\n"
    assert project.alive("one") == 3


@contextmanager
def foreigner(port: int) -> Generator[None]:
    """Somebody else's server, which shares its port with whoever wants to."""

    class TheirDoors(Doors):
        models = ("one",)

    server: ThreadingHTTPServer = Server(("127.0.0.1", port), TheirDoors)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_taken_port_is_refused(agentsys: Command, project: Project) -> None:
    """Even by a healthy server of the same name: it is not ours. Who has it is named."""
    project.add()
    with foreigner(project.ports["one"]):
        up = agentsys("vllm", "up")
        status = agentsys("vllm", "status", "--json").json()
    assert (up.code, up.err.count("\n"), project.starts()) == (2, 1, [])
    assert f"port {project.ports['one']} is taken by process {os.getpid()}" in up.err
    assert (status[0]["state"], status[0]["pid"]) == ("stopped", None)
    assert f"is taken by process {os.getpid()}" in status[0]["error"]


def test_the_port_of_a_server_that_is_starting_is_refused(
    agentsys: Command, project: Project
) -> None:
    """Nobody listens there yet; whose it is and what to do is said."""
    project.add("slow", env={"DOUBLE_SLOW_S": "60"})
    first = project.start("vllm", "up")
    until(lambda: project.starts("slow"), "its start")
    port = project.ports["slow"]
    project.text = ""
    project.add("other", f"port = {port}")
    up = agentsys("vllm", "up")
    assert (up.code, up.err.count("\n"), project.starts("other")) == (2, 1, [])
    assert f"port {port} is that of 'slow', which is starting" in up.err
    first.send_signal(signal.SIGINT)
    first.communicate()


def test_a_foreign_server_that_comes_later_is_not_taken_for_ours(project: Project) -> None:
    """Ports are shared; as long as somebody else has it, too, it does not count as ready."""
    project.add(env={"DOUBLE_SLOW_S": "1"})
    up = project.start("vllm", "up")
    until(project.starts, "its start")
    with foreigner(project.ports["one"]):
        port = project.ports["one"]
        until(lambda: len(_listening(port)) == 2, "both")
        assert project.state().phase == "starting"
        with pytest.raises(subprocess.TimeoutExpired):
            up.wait(1)
    assert up.communicate()[1] is not None
    assert (up.returncode, project.state().phase) == (0, "ready")


def _listening(port: int) -> list[int | None]:
    from agentsys.processes import listeners

    return [pid for pid, _ in listeners(port)]


def test_the_first_error_of_a_server_that_does_not_come_up_is_shown(
    agentsys: Command, project: Project
) -> None:
    """At once, without another try, on one line that drives no terminal."""
    project.add()
    (project.folder / "one.breaks").touch()
    up = agentsys("vllm", "up")
    assert (up.code, len(project.starts())) == (1, 1)
    assert r"exit code 3: ValueError: the \x1b[31mfirst error" in up.err.splitlines()[-1]
    assert "agentsys vllm logs one" in up.err
    assert project.alive() == 0
    assert agentsys("vllm", "status", "--json").json()[0]["state"] == "failed"


def test_a_timeout_stops_what_has_not_come_up(agentsys: Command, project: Project) -> None:
    """The line has what it logged last; what was ready stays."""
    project.add("fast").add("slow", env={"DOUBLE_SLOW_S": "60"})
    up = agentsys("vllm", "up", "--timeout", "2")
    assert up.code == 1
    assert "'slow' was not ready after 2 s: Loading weights." in up.err
    assert (project.alive("slow"), project.alive("fast")) == (0, 3)


def test_ctrl_c_stops_what_has_not_come_up(project: Project) -> None:
    """Exit code 130; a server that another `up` has started goes on."""
    project.add("slow", env={"DOUBLE_SLOW_S": "60"})
    first = project.start("vllm", "up")
    until(lambda: project.starts("slow"), "its start")
    second = project.start("vllm", "up")
    assert second.stderr is not None
    assert second.stderr.readline() == "slow is starting.\n"
    second.send_signal(signal.SIGINT)
    second.communicate()
    assert (second.returncode, project.alive("slow")) == (130, 3)
    first.send_signal(signal.SIGINT)
    first.communicate()
    assert (first.returncode, project.alive("slow")) == (130, 0)
    assert project.state("slow").phase == "stopped"


def test_it_outlives_its_terminal(project: Project) -> None:
    """The terminal is closed, its shell and what runs in it are hung up; the server answers."""
    project.add()
    master, slave = pty.openpty()
    terminal = os.ttyname(slave)
    # Who leads a session and opens a terminal has it as its own.
    words = ["/bin/sh", "-c", f"exec <{terminal} >{terminal} 2>&1; agentsys vllm up; read line"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = subprocess.Popen(words, env={**os.environ, "PATH": path}, start_new_session=True)
    os.close(slave)
    until(lambda: (project.home / "vllm" / "one" / "state.json").exists(), "its start")
    until(lambda: project.state().phase == "ready", "the server")
    os.close(master)
    assert shell.wait() != 0
    assert project.alive() == 3
    with socket.create_connection(("127.0.0.1", project.ports["one"])):
        pass


def test_down_knows_servers_that_are_no_longer_configured(
    agentsys: Command, project: Project
) -> None:
    """By name alone: without names, only those of the configuration are stopped."""
    project.add()
    assert agentsys("vllm", "up").code == 0
    project.text = ""
    project.add("two")
    status = agentsys("vllm", "status", "--json").json()
    assert [(row["name"], row["state"]) for row in status] == [("two", "stopped"), ("one", "ready")]
    assert agentsys("vllm", "down").out == "two was not running.\n"
    assert agentsys("vllm", "down", "one").out == "one is stopped.\n"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (['python = "/nowhere/python"'], "there is no interpreter /nowhere/python"),
        (["env = { A = '1' }"], "has no vLLM. Install it in an environment of its own"),
        (['python = "/bin/cat"'], "/bin/cat is no working Python"),
        (['model = "./nothing"'], "nothing is not there"),
        (['model = "."'], "has no config.json"),
        (['chat_template = "chat.jinja"'], "chat.jinja is not there"),
        (
            ['adapters = [{ name = "a", tier = "a", path = "./a" }]'],
            "has no adapter_config.json",
        ),
    ],
)
def test_what_is_missing_is_one_line(
    agentsys: Command, project: Project, lines: list[str], said: str
) -> None:
    """It is said before anything is started."""
    project.add("one", *lines)
    up = agentsys("vllm", "up")
    assert (up.code, up.out, up.err.count("\n"), project.starts()) == (2, "", 1, [])
    assert said in up.err


def test_unknown_names_are_one_line(agentsys: Command, project: Project) -> None:
    """For every command that takes one."""
    project.add()
    commands = [["up"], ["down"], ["logs"], ["adapter", "load"], ["adapter", "unload"]]
    for words in commands:
        more = ["x"] if words[0] == "adapter" else []
        result = agentsys("vllm", *words, "two", *more)
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert "There is no vLLM server 'two'" in result.err


def test_without_servers_it_says_how_to_have_one(agentsys: Command, project: Project) -> None:
    """The shipped configuration has none."""
    up = agentsys("vllm", "up")
    assert (up.code, up.err.count("\n")) == (2, 1)
    assert "[[vllm]]" in up.err
