"""Joules of calls, on a mock of NVML: the machines that run the tests need no GPU."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any

import pynvml
import pytest

from agentsys import Agent, System
from agentsys.cli.figures import columns
from agentsys.evaluation.reports.report import report
from agentsys.events import Call
from agentsys.models.energy import EVERY_S, measure
from agentsys.models.machine import Machine, machines
from agentsys.models.tiers import Tiers
from agentsys.settings import Settings
from agentsys.stores import open_store
from tests.loopback import Held, Loopback, fail
from tests.nvml import Board, Nvml, installed

STEP_J = 7.0
TALKER = Agent(str, str, "", name="talker")

Events = list[Call]


def stepping() -> Callable[[], float]:
    """A counter that has gone on by `STEP_J` whenever it is read."""
    steps = count()
    return lambda: next(steps) * STEP_J


def showing(*readings: float | int) -> Callable[[], float | int]:
    """A counter that shows these or fails with these codes, and then the last."""
    left = list(readings)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def settings(url: str, model: str = "hosted_vllm/small", **more: Any) -> Settings:
    """One deployment at an address."""
    params = {"model": model, "api_base": url, "api_key": "x", "timeout": 5}
    deployment = {
        "name": "a",
        "tier": "slm",
        "litellm_params": params,
        "usd_per_mtok_in": 1,
        "usd_per_mtok_out": 2,
    }
    return Settings.model_validate({"deployments": [deployment], **more})


async def calls(given: Settings, *, runs: int = 1, at_once: int = 1) -> Events:
    """The calls of some runs, as the ledger has them."""
    places = asyncio.Semaphore(at_once)
    async with System(Tiers(given), store=open_store("sqlite:///:memory:")) as system:

        async def run() -> None:
            async with places:
                await system.run(TALKER, "Hello?")

        await asyncio.gather(*(run() for _ in range(runs)))
        assert system.ledger is not None
        found = [recorded.event for recorded in system.ledger.events(Call)]
        return [event for event in found if isinstance(event, Call)]


async def test_a_call_has_the_joules_that_the_counter_went_on_by(loopback: Loopback) -> None:
    """Read before and after; all GPUs of the machine count where nobody says which it runs on."""
    with installed(Nvml(Board(stepping()), Board(stepping()))):
        found = await calls(settings(loopback.url), runs=3)
    assert [call.energy_j for call in found] == [2 * STEP_J] * 3


async def test_a_report_has_joules_per_task(loopback: Loopback) -> None:
    """Of all calls of a task, failed ones too; in the table as people write them."""
    loopback.script(fail(400))
    store = open_store("sqlite:///:memory:")
    with installed(Nvml(Board(stepping()))):
        async with System(Tiers(settings(loopback.url)), store=store) as system:
            for _ in range(4):
                await system.run(TALKER, "Hello?")
            assert system.ledger is not None
            [row] = report(system.ledger).rows
    assert (row.tasks, row.energy_j) == (4, STEP_J)
    assert columns(Decimal(0))["energy per task"](row) == "7.00 J"


async def test_a_report_without_a_gpu_says_so(loopback: Loopback) -> None:
    """Not measured is not zero."""
    store = open_store("sqlite:///:memory:")
    with installed(None):
        async with System(Tiers(settings(loopback.url)), store=store) as system:
            await system.run(TALKER, "Hello?")
            assert system.ledger is not None
            [row] = report(system.ledger).rows
    assert row.energy_j is None
    assert columns(Decimal(0))["energy per task"](row) == "not measured"


async def test_what_all_calls_are_given_adds_up(loopback: Loopback) -> None:
    """Side by side, too, they have together what was read while there was one."""
    board, held = Board(stepping()), Held()
    loopback.script(held)
    with installed(Nvml(board)):
        work = asyncio.ensure_future(calls(settings(loopback.url), runs=20, at_once=5))
        while len(loopback.requests) < 20:  # noqa: ASYNC110  (a thread of the server's)
            await asyncio.sleep(0.001)
        held.release.set()
        found = await work
    joules = [call.energy_j for call in found if call.energy_j is not None]
    assert len(joules) == 20
    # The first reading showed that there is a counter, the second that the first call began.
    assert sum(joules) == pytest.approx((board.readings - 2) * STEP_J)


async def test_a_call_that_fails_has_taken_joules_too(loopback: Loopback) -> None:
    """In all of its tries."""
    loopback.script(*[fail(500)] * 10)
    with installed(Nvml(Board(stepping()))):
        [call] = await calls(settings(loopback.url))
    assert call.error == "Unreachable"
    tries = len(loopback.requests)
    assert tries > 1
    assert call.energy_j == tries * STEP_J


async def test_a_cancelled_call_has_taken_joules_too(loopback: Loopback) -> None:
    """Until it was cancelled."""
    held = Held()
    loopback.script(held)
    store = open_store("sqlite:///:memory:")
    with installed(Nvml(Board(stepping()))):
        async with System(Tiers(settings(loopback.url)), store=store) as system:
            run = asyncio.ensure_future(system.run(TALKER, "Hello?"))
            await asyncio.to_thread(loopback.arrived.wait)
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
            assert system.ledger is not None
            [recorded] = system.ledger.events(Call)
    assert isinstance(recorded.event, Call)
    assert recorded.event.decision == "cancel"
    assert recorded.event.energy_j == STEP_J


NOT_MEASURED = {
    "no library": None,
    "no driver": Nvml(Board(stepping()), starts=pynvml.NVML_ERROR_DRIVER_NOT_LOADED),
    "no permission to begin": Nvml(Board(stepping()), starts=pynvml.NVML_ERROR_NO_PERMISSION),
    "no GPU": Nvml(),
    "no permission for the GPU": Nvml(Board(stepping(), there=pynvml.NVML_ERROR_NO_PERMISSION)),
    "no permission to read": Nvml(
        Board(lambda: pynvml.NVML_ERROR_NO_PERMISSION, pynvml.NVML_ERROR_NO_PERMISSION)
    ),
    "neither counter nor power": Nvml(Board(lambda: pynvml.NVML_ERROR_NOT_SUPPORTED)),
    "split into instances": Nvml(Board(stepping(), split=True)),
    "one of two cannot be read": Nvml(
        Board(stepping()), Board(lambda: pynvml.NVML_ERROR_NOT_SUPPORTED)
    ),
    "the GPU goes at once": Nvml(
        Board(showing(1.0, pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_GPU_IS_LOST))
    ),
}


@pytest.mark.parametrize("library", NOT_MEASURED.values(), ids=list(NOT_MEASURED))
async def test_what_cannot_be_read_is_not_measured(
    loopback: Loopback, library: Nvml | None
) -> None:
    """No guess, no zero, and no harm to the call."""
    with installed(library):
        found = await calls(settings(loopback.url), runs=2)
    assert [(call.energy_j, call.error) for call in found] == [(None, "")] * 2


@pytest.mark.parametrize(
    ("api_base", "model"),
    [
        ("", "openai/small"),
        ("http://10.1.2.3:8000/v1", "hosted_vllm/small"),
        ("http://vllm.example:8000/v1", "hosted_vllm/small"),
    ],
    ids=["another provider", "another machine", "a name of another machine"],
)
async def test_only_servers_of_this_machine_are_measured(
    loopback: Loopback, api_base: str, model: str
) -> None:
    """Nobody here knows what happens elsewhere; nothing is even looked for."""
    given = settings(api_base or loopback.url, model)
    library = Nvml(Board(stepping()))
    with installed(library):
        measured = measured_by(given)
    assert not measured["a"].meter.gpus
    assert library.started == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8", "[::1]"])
async def test_names_of_this_machine(host: str) -> None:
    """However it is called, as long as it cannot be another one."""
    with installed(Nvml(Board(stepping()))):
        assert measured_by(settings(f"http://{host}:8000/v1"))["a"].meter.gpus


def measured_by(given: Settings) -> dict[str, Machine]:
    """The machines of a configuration, with their meters."""
    found = machines(given.deployments)
    measure(found, given.deployments, given.vllm)
    return found


def server(name: str, port: int, **more: Any) -> dict[str, Any]:
    """A server of `[[vllm]]`."""
    return {
        "name": name,
        "tier": name,
        "model": "a/b",
        "port": port,
        "usd_per_hour": 1,
        **more,
    }


async def test_a_server_has_the_gpus_of_its_device() -> None:
    """Two servers on one GPU share it; one on the processor has none."""
    boards = [Board(stepping()) for _ in range(3)]
    one, two = server("one", 8001, device=[0]), server("two", 8002, device=[0, 2])
    on_cpu = server("cpu", 8003, device="cpu")
    given = Settings.model_validate({"vllm": [one, two, on_cpu]})
    with installed(Nvml(*boards)):
        found = measured_by(given)
    gpus = {name: machine.meter.gpus for name, machine in found.items()}
    assert [len(gpus[name]) for name in ("one", "two", "cpu")] == [1, 2, 0]
    assert gpus["one"][0] is gpus["two"][0]
    assert [board.readings for board in boards] == [1, 0, 1]


async def test_a_server_on_a_gpu_that_is_not_there_is_not_measured() -> None:
    """Part of what it takes would be no figure."""
    given = Settings.model_validate({"vllm": [server("one", 8001, device=[0, 1])]})
    with installed(Nvml(Board(stepping()))):
        assert not measured_by(given)["one"].meter.gpus


@pytest.mark.parametrize(
    "readings",
    [
        pytest.param((0.0, 5.0, pynvml.NVML_ERROR_TIMEOUT, 6.0, 9.0), id="fails once"),
        pytest.param((0.0, 5.0, 1.0, 6.0, 9.0), id="begins anew"),
    ],
)
async def test_a_counter_that_fails_spoils_one_call(
    loopback: Loopback, readings: tuple[float | int, ...]
) -> None:
    """The call under way is not measured, the next one is."""
    with installed(Nvml(Board(showing(*readings)))):
        found = await calls(settings(loopback.url), runs=2)
    assert [call.energy_j for call in found] == [None, 3.0]


async def test_a_gpu_that_has_gone_is_not_asked_again(loopback: Loopback) -> None:
    """Its driver may take long to say so."""
    board = Board(showing(0.0, 5.0, pynvml.NVML_ERROR_GPU_IS_LOST))
    with installed(Nvml(board)):
        found = await calls(settings(loopback.url), runs=5)
    assert [call.energy_j for call in found] == [None] * 5
    assert board.readings == 3


async def test_without_a_counter_power_is_integrated(loopback: Loopback) -> None:
    """100 W for as long as the call was under way, read again and again."""
    board = Board(lambda: pynvml.NVML_ERROR_NOT_SUPPORTED, watts=100.0)
    held = Held()
    loopback.script(held)
    with installed(Nvml(board)):
        work = asyncio.ensure_future(calls(settings(loopback.url)))
        await asyncio.to_thread(loopback.arrived.wait)
        seen = board.readings
        while board.readings < seen + 3:  # noqa: ASYNC110  (a thread of the meter's)
            await asyncio.sleep(EVERY_S / 10)
        held.release.set()
        [call] = await work
    assert call.energy_j is not None
    assert 2 * EVERY_S * 100 <= call.energy_j <= call.seconds * 100 * 1.5


async def test_a_machine_without_nvml_is_asked_once() -> None:
    """One failed look, however many deployments and configurations there are."""
    library = Nvml(starts=pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
    with installed(library):
        for port in range(8000, 8005):
            measured_by(settings(f"http://127.0.0.1:{port}/v1"))
    assert library.started == 1


def test_nothing_is_loaded_where_nothing_can_be_measured() -> None:
    """Users of a local server alone pay for pynvml, which takes 20 ms."""
    code = (
        "import sys; from agentsys.settings import DEFAULT_FILE, Settings; "
        "from agentsys.models.energy import measure; from agentsys.models.machine import machines; "
        "d = Settings.load(DEFAULT_FILE).deployments; measure(machines(d), d, ()); "
        "print('pynvml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
