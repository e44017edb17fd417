"""The real server dies, hangs, is stopped or slow: what becomes of the tasks and the budgets."""

import asyncio
import os
import resource
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from agentsys import Agent, Budget, Run, System
from agentsys.budgets.accounts import run_scope
from agentsys.errors import Unreachable
from agentsys.models.vllm.room import OLD_S
from agentsys.money import Spend
from agentsys.node import Node
from tests.cli.conftest import Command
from tests.redis_server import free_port
from tests.vllm.conftest import agentsys
from tests.vllm.patient import Patient, eventually
from tests.vllm_server import MODEL, VllmServer, interpreter

__all__ = ["agentsys"]

pytestmark = pytest.mark.slow

MANY, SOME = 50, 20

LARGE = """
[[deployments]]
name = "large"
tier = "llm"
gguf = "mini-llm"
usd_per_mtok_in = 2.5
usd_per_mtok_out = 10
"""


class Question(BaseModel):
    text: str


class Solution(BaseModel):
    expression: str = Field(max_length=120, pattern=r"^[0-9+*/()-]+$")


TOKENS = 64
solve = Agent(Question, Solution, "Answer with one arithmetic expression.", max_tokens=TOKENS)
onward = solve.escalate("llm")

Load = Callable[..., System]
Tasks = list[asyncio.Task[Run[Solution]]]


def numbers_of(n: int) -> tuple[int, int, int]:
    """Those of a question; the first two are no other's, for a hundred."""
    return n % 10 + 2, n // 10 + 12, n % 7 + 1


def question(n: int) -> Question:
    """One that no other number has."""
    boxes, pens, gone = numbers_of(n)
    text = f"Mia has {boxes} boxes of {pens} pens and gives {gone} away. How many pens are left?"
    return Question(text=text)


def answer(n: int) -> str:
    """What both miniatures say to it."""
    boxes, pens, gone = numbers_of(n)
    return f"{boxes}*{pens}-{gone}"


@pytest.fixture
def patient(vllm_server: VllmServer) -> Iterator[Patient]:
    """The server for all tests, which goes on and is up afterwards."""
    made = Patient(vllm_server)
    yield made
    made.go_on()
    vllm_server.up()


@pytest.fixture
async def load(
    patient: Patient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Load]:
    """Gives a system on the server, with a store of its own and a budget for all runs."""
    monkeypatch.setenv("AGENTSYS_HOME", str(patient.server.home))
    opened: list[System] = []

    def loaded(timeout_s: float = 60) -> System:
        servers = patient.server.config.read_text()
        servers = servers.replace("adapters =", f"timeout_s = {timeout_s}\nadapters =")
        file = tmp_path / "agentsys.toml"
        file.write_text(
            'store = "sqlite:///faults.db"\n[[budgets]]\nusd = 10\nper = "total"\n'
            + servers
            + LARGE
        )
        opened.append(System.load(str(file)))
        return opened[-1]

    yield loaded
    for each in opened:
        await each.close()


def start(system: System, numbers: range, node: Node[Question, Solution] = solve) -> Tasks:
    """A run with a budget of its own for each question."""
    budget = Budget(usd="0.05")
    running = [system.run(node, question(n), budget=budget) for n in numbers]
    return [asyncio.create_task(each) for each in running]


async def in_flight(patient: Patient, system: System, numbers: range) -> Tasks:
    """Runs whose requests the server has, and does not answer, for its engine stands still."""
    [warm] = await asyncio.gather(*start(system, range(1)))
    assert warm.ok, warm.error
    patient.send(signal.SIGSTOP, "engine")
    tasks = start(system, numbers)
    await patient.has(len(numbers))
    return tasks


def right(runs: list[Run[Solution]], numbers: range) -> list[bool]:
    """Whether each ended well, with the answer to its own question."""
    pairs = zip(runs, numbers, strict=True)
    return [run.ok and run.output.expression == answer(n) for run, n in pairs]


async def leaves_nothing(patient: Patient, system: System, runs: list[Run[Solution]]) -> None:
    """Nothing is held, what was spent is what the runs and the ledger say, the server is idle."""
    accounts = {name for run in runs for call in run.attempts for name in call.accounts}
    assert len(accounts) > len(runs)
    balances = await system.budgets.accounts(sorted(accounts))
    assert {each.held for each in balances.values()} == {Spend()}
    spent = {run_scope(run.run_id): run.cost.nano_usd for run in runs}
    assert {name: balances[name].spent.nano_usd for name in spent} == spent
    assert await system.budgets.rebuild() == {}
    await eventually(lambda: patient.idle)


class TestDeath:
    """The server or a part of it ends in mid-request, and its supervisor starts it again."""

    @pytest.mark.parametrize("part", ["server", "engine"])
    async def test_all_succeed_after_the_restart(
        self, patient: Patient, load: Load, part: str
    ) -> None:
        """What it had been sent is sent again, what came meanwhile was not sent in vain."""
        system, before = load(), patient.state
        patient.be_impatient()
        tasks = await in_flight(patient, system, range(MANY))
        patient.send(signal.SIGKILL, part)
        await eventually(lambda: patient.state.phase == "restarting")
        later = range(MANY, MANY + SOME)
        tasks += start(system, later)
        runs = await asyncio.gather(*tasks)
        assert right(runs, range(MANY + SOME)) == [True] * (MANY + SOME)
        assert {len(run.attempts) for run in runs} == {1}
        assert patient.state.restarts == before.restarts + 1
        assert patient.server.status()["adapters"] == ["mini-odd"]
        await leaves_nothing(patient, system, runs)

    async def test_without_memory(self, patient: Patient, load: Load) -> None:
        """Its worker cannot have another byte, and dies of it."""
        system, before = load(), patient.state
        tasks = await in_flight(patient, system, range(MANY))
        resource.prlimit(patient.pid("worker"), resource.RLIMIT_AS, (2**20, 2**20))
        patient.send(signal.SIGCONT, "engine")
        runs = await asyncio.gather(*tasks)
        assert right(runs, range(MANY)) == [True] * MANY
        assert patient.state.restarts == before.restarts + 1
        assert patient.state.problem.startswith("exit code 0: ")
        await leaves_nothing(patient, system, runs)


async def test_an_engine_that_hangs_is_noticed(patient: Patient, load: Load) -> None:
    """Its server says that all is well; its supervisor kills it, and all succeed afterwards."""
    system, before = load(), patient.state
    tasks = await in_flight(patient, system, range(MANY))
    await patient.restarted(before)
    runs = await asyncio.gather(*tasks)
    assert right(runs, range(MANY)) == [True] * MANY
    assert patient.state.problem.startswith("it did nothing for ")
    await leaves_nothing(patient, system, runs)


async def test_a_restart_on_purpose_loses_nothing(patient: Patient, load: Load) -> None:
    """`down` lets it finish what it has; what comes then waits for `up`."""
    system = load()
    first = await in_flight(patient, system, range(MANY))
    down = asyncio.create_task(asyncio.to_thread(patient.server.command, "down"))
    await eventually(lambda: patient.state.phase == "stopping")
    await asyncio.sleep(OLD_S)  # so long it may be taken for ready
    second = start(system, range(MANY, 2 * MANY))
    assert not (await asyncio.wait(second, timeout=0.5))[0]
    assert patient.inside == MANY
    patient.send(signal.SIGCONT, "engine")
    assert (await down).stdout == "mini is stopped.\n"
    assert [task.done() for task in first] == [True] * MANY
    assert not (await asyncio.wait(second, timeout=4))[0]
    await asyncio.to_thread(patient.server.up)
    runs = await asyncio.gather(*first, *second)
    assert right(runs, range(2 * MANY)) == [True] * (2 * MANY)
    await leaves_nothing(patient, system, runs)


@pytest.mark.parametrize("part", ["server", "engine"])
async def test_what_hangs_is_given_up_and_sent_nothing_new(
    patient: Patient, load: Load, part: str
) -> None:
    """Requests that it has end after `timeout_s`, typed and booked at the most they may have taken.

    With another tier to go to, their tasks succeed there. What comes later waits until it works,
    but for one request at a time that shows whether it does.
    """
    await asyncio.gather(*start(load(), range(1)))  # what comes first takes longer
    system = load(timeout_s=2)
    patient.send(signal.SIGSTOP, "engine")
    alone, escalating = start(system, range(SOME)), start(system, range(SOME), onward)
    await patient.has(2 * SOME)
    patient.send(signal.SIGSTOP, part)
    failed, saved = await asyncio.gather(*alone), await asyncio.gather(*escalating)
    assert {run.status for run in failed} == {"failed"}
    assert all(isinstance(run.cause, Unreachable) for run in failed)
    assert right(saved, range(SOME)) == [True] * SOME
    for run in (*failed, *saved):
        lost = run.attempts[0]
        assert (lost.tier, lost.error, lost.tokens_out) == ("slm", "Unreachable", TOKENS)
        assert lost.nano_usd > 0
    later = start(system, range(SOME), onward)
    ended, waiting = await asyncio.wait(later, timeout=5)
    assert len(ended) <= 3
    patient.go_on()
    runs = await asyncio.gather(*later)
    assert right(runs, range(SOME)) == [True] * SOME
    assert len([run for run in runs if len(run.attempts) == 1]) > len(waiting) / 2
    await leaves_nothing(patient, system, [*failed, *saved, *runs])


async def test_a_slow_server_is_waited_for(patient: Patient, load: Load) -> None:
    """Most of the time it stands still, but no request takes longer than `timeout_s`."""
    system = load()
    tasks = await in_flight(patient, system, range(MANY))
    while not all(task.done() for task in tasks):
        for number, seconds in ((signal.SIGCONT, 0.1), (signal.SIGSTOP, 0.4)):
            patient.send(number, "engine")
            await asyncio.wait(tasks, timeout=seconds)
    runs = await asyncio.gather(*tasks)
    assert right(runs, range(MANY)) == [True] * MANY
    assert {len(run.attempts) for run in runs} == {1}
    patient.send(signal.SIGCONT, "engine")
    await leaves_nothing(patient, system, runs)


def broken(folder: Path, kept: float) -> Path:
    """A project in that folder, with a server whose model has only a part of its weights."""
    model = folder / "model"
    if kept:
        shutil.copytree(MODEL, model)
        weights = model / "model.safetensors"
        os.truncate(weights, int(weights.stat().st_size * kept))
    (folder / "agentsys.toml").write_text(
        f'[[vllm]]\nname = "broken"\ntier = "slm"\nmodel = "{model}"\ndevice = "cpu"\n'
        f'kv_cache_gib = 1\ndtype = "float32"\npython = "{interpreter()}"\n'
        f"port = {free_port()}\nusd_per_hour = 1\n"
    )
    return model


@pytest.mark.parametrize(
    ("kept", "code", "said"),
    [(0.0, 2, "the model {model} is not there"), (0.5, 1, "SafetensorError: ")],
    ids=["missing", "truncated"],
)
async def test_a_model_that_cannot_be_loaded(
    agentsys: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept: float,
    code: int,
    said: str,
) -> None:
    """`up` says why on its last line; tasks fail at once, typed, and say what to do."""
    model = broken(tmp_path, kept)
    monkeypatch.setenv("AGENTSYS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    up = await asyncio.to_thread(agentsys, "vllm", "up")
    assert up.code == code
    assert said.format(model=model) in up.err.splitlines()[-1]
    async with System.load() as system:
        runs = await asyncio.gather(*start(system, range(SOME)))
        assert {run.status for run in runs} == {"failed"}
        assert all(isinstance(run.cause, Unreachable) for run in runs)
        assert all("agentsys vllm up" in run.error for run in runs)
