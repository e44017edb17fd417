"""A server that crashes, hangs or loses its supervisor."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from agentsys.models.vllm.launch import launch
from agentsys.models.vllm.prepare import chosen, prepare
from agentsys.processes import is_alive, members
from agentsys.settings import Settings
from tests.vllm.conftest import Command, Project, kill, until


def started(project: Project, **changed: object) -> None:
    """Start the one server, with other waits than the usual."""
    settings = Settings.load()
    plan = prepare(settings, chosen(settings, ())[0]).plan
    assert launch(replace(plan, **changed))
    until(lambda: project.state().phase != "starting", "its start")


def test_a_server_that_is_killed_is_started_again(project: Project) -> None:
    """With all that it had started gone before; the state says why and how often."""
    project.add()
    started(project, delays_s=(0.2,))
    before = project.state()
    kill(before.pid)
    until(lambda: project.state().restarts == 1 and project.state().phase == "ready", "a restart")
    after = project.state()
    assert "killed by SIGKILL" in after.problem
    assert after.pid != before.pid
    assert members(before.group, before.session, before.since) == []
    assert (len(project.starts()), project.alive()) == (2, 3)


def test_the_waits_between_restarts_grow_and_end(agentsys: Command, project: Project) -> None:
    """After the last of them it is given up, and nothing is left of it."""
    project.add()
    started(project, delays_s=(0.01, 0.02))
    (project.folder / "one.breaks").touch()
    kill(project.state().pid)
    until(lambda: project.state().phase == "failed", "the end")
    assert (len(project.starts()), project.alive()) == (3, 0)
    until(lambda: not is_alive(project.state().supervisor), "the end of its supervisor")
    [row] = agentsys("vllm", "status", "--json").json()
    assert (row["state"], row["restarts"]) == ("failed", 2)
    assert "ValueError" in row["error"]


def test_a_crash_after_a_calm_time_is_the_first_again(project: Project) -> None:
    """A server that crashes now and then is not given up."""
    project.add()
    started(project, delays_s=(0.01,), calm_s=0)
    for restarts in (1, 2, 3):
        kill(project.state().pid)
        until(
            lambda n=restarts: (project.state().restarts, project.state().phase) == (n, "ready"),
            "a restart",
        )


def test_a_server_that_hangs_is_started_again(project: Project) -> None:
    """It is there but does not answer."""
    project.add()
    started(project, delays_s=(0.01,), hung_s=0.1)
    os.kill(project.state().pid or 0, signal.SIGSTOP)
    until(lambda: project.state().restarts == 1 and project.state().phase == "ready", "a restart")
    assert "did not answer" in project.state().problem


def test_a_server_whose_engine_hangs_is_started_again(project: Project) -> None:
    """It answers that it is healthy, and does nothing of what it was asked for."""
    project.add(env={"DOUBLE_LOAD": "1", "DOUBLE_HANGS": "1"})
    started(project, delays_s=(0.01,), hung_s=0.5)
    until(lambda: project.state().restarts == 1, "a restart")
    assert project.state().problem == "it did nothing for 0.5 s"


def test_a_server_that_only_counts_wrong_goes_on(project: Project) -> None:
    """It says that it has a request, and has none: before it is killed, it is asked for a token."""
    project.add(env={"DOUBLE_LOAD": "1"})
    started(project, delays_s=(0.01,), hung_s=2)
    until(lambda: len(project.asked()) == 3, "three tries")
    assert {each["max_tokens"] for each in project.asked()} == {1}
    assert (project.state().restarts, project.state().phase) == (0, "ready")


def test_a_server_whose_watch_is_killed_is_started_again(project: Project) -> None:
    """Nobody would end it with its supervisor."""
    project.add()
    started(project, delays_s=(0.01,))
    kill(project.state().group)
    until(lambda: project.state().restarts == 1 and project.state().phase == "ready", "a restart")
    assert project.alive() == 3


@pytest.mark.parametrize("too", ["", "server", "watch"])
def test_nothing_outlives_a_supervisor_that_is_killed(
    agentsys: Command, project: Project, too: str
) -> None:
    """Alone or with its server, at once; with its watch, as soon as `up` or `down` is called."""
    project.add()
    started(project)
    state = project.state()
    os.kill(state.supervisor.pid, signal.SIGSTOP)  # it has no time to do anything about it
    kill({"": None, "server": state.pid, "watch": state.group}[too], state.supervisor.pid)
    if too == "watch":
        assert project.alive() == 2
    else:
        until(lambda: project.alive() == 0, "their end")
    assert agentsys("vllm", "status", "--json").json()[0]["state"] == "killed"
    down = agentsys("vllm", "down")
    assert down.out == ("one is stopped.\n" if too == "watch" else "one was not running.\n")
    assert project.alive() == 0
    assert agentsys("vllm", "up").code == 0
    assert (project.state().phase, project.alive()) == ("ready", 3)


def test_up_ends_what_a_killed_supervisor_left(agentsys: Command, project: Project) -> None:
    """Its port is ours, but it is nobody's any more."""
    project.add()
    started(project)
    before = project.state()
    os.kill(before.supervisor.pid, signal.SIGSTOP)
    kill(before.group, before.supervisor.pid)
    assert agentsys("vllm", "up").code == 0
    assert members(before.group, before.session, before.since) == []
    assert project.alive() == 3


def test_down_while_it_waits_to_restart(agentsys: Command, project: Project) -> None:
    """The wait ends at once, and nothing is started."""
    project.add()
    started(project, delays_s=(3600,))
    kill(project.state().pid)
    until(lambda: project.state().phase == "restarting", "the wait")
    assert agentsys("vllm", "down").out == "one is stopped.\n"
    assert (project.state().phase, len(project.starts())) == ("stopped", 1)


def test_another_process_of_the_same_number_is_left_alone(
    agentsys: Command, project: Project
) -> None:
    """Numbers are used again: what began at another time is not the supervisor."""
    from agentsys.models.vllm.state import write_state
    from agentsys.processes import Process

    project.add()
    started(project)
    agentsys("vllm", "down")
    place = project.home / "vllm" / "one"
    recycled = replace(project.state(), supervisor=Process(os.getpid(), 1000.0), phase="ready")
    write_state(place, replace(recycled, group=os.getpgid(0), session=os.getsid(0), since=9e9))
    assert agentsys("vllm", "status", "--json").json()[0]["state"] == "killed"
    assert agentsys("vllm", "down").out == "one was not running.\n"


def test_of_many_who_start_a_server_one_does(project: Project) -> None:
    """The others are told that it is being started."""
    project.add(env={"DOUBLE_SLOW_S": "0.2"})
    settings = Settings.load()
    plan = prepare(settings, chosen(settings, ())[0]).plan
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(launch, [plan] * 8))
    assert sorted(results) == [False] * 7 + [True]
    until(lambda: project.state().phase == "ready", "its start")
    assert (len(project.starts()), project.alive()) == (1, 3)
