"""Where LangGraph's state is kept: as text that makes no objects, on savers that may fail."""

import asyncio
import pickle
import sqlite3
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pydantic import ConfigDict

from agentsys import Run, System, checkpoints, interrupt, open_store, step
from agentsys.errors import SettingsError, StoreError
from agentsys.events import Event, RunStarted
from agentsys.models.scripted import Scripted
from tests import postgres_server
from tests.postgres_server import PostgresServer
from tests.redis_server import RedisServer, free_port
from tests.shapes import ASK, Answer, Question, length_of_question, solve, total, words

checked: list[int] = []
"""The answers that a check has seen."""


@pytest.fixture(autouse=True)
def fresh() -> None:
    checked.clear()


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    if find_spec("psycopg") is None or find_spec("langgraph.checkpoint.postgres") is None:
        pytest.skip("the extra 'postgres' is not installed")
    if postgres_server.missing():
        pytest.skip(postgres_server.missing())
    server = PostgresServer().start()
    yield server.url
    server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return request.getfixturevalue("postgres")
    return f"sqlite:///{tmp_path / 'deep' / 'checkpoints.db'}"


def system_with(url: str, folder: Path) -> System:
    model = Scripted(length_of_question)
    return System({"slm": model}, store=open_store(f"sqlite:///{folder / 's.db'}"), checkpoints=url)


def looks(question: Question, answer: Answer) -> bool:
    checked.append(answer.value)
    return True


@step
async def approve(answers: list[Answer]) -> Answer:
    return Answer(value=len(answers) + int(interrupt("How many more?\0")))


flow = words >> solve.check(looks).each() >> approve


async def test_a_run_goes_on_from_its_checkpoint(url: str, tmp_path: Path) -> None:
    """A resumed run does not come by what LangGraph's state says is behind it."""
    task = Question(text="a bc \0 \ud800 ä")
    async with system_with(url, tmp_path) as system:
        run = await system.run(flow, task, run_id="goes on")
        assert [question.question for question in run.questions] == ["How many more?\0"]
    assert len(checked) == 5
    async with system_with(url, tmp_path) as system:
        run = await system.run(flow, resume="goes on", answer=2)
        assert run.output == Answer(value=7)
        assert run.cost.calls == 5
    assert len(checked) == 5


async def test_runs_side_by_side_share_a_saver(url: str, tmp_path: Path) -> None:
    """Many runs at once get by with one connection, also where one of them is cancelled."""
    async with system_with(url, tmp_path) as system:
        begun = asyncio.Event()

        def watch(event: Event) -> None:
            if isinstance(event, RunStarted) and event.run_id == "run-3":
                begun.set()

        runs = [
            asyncio.ensure_future(system.run(flow, ASK, run_id=f"run-{number}", on_event=watch))
            for number in range(20)
        ]
        await begun.wait()
        runs[3].cancel()
        ended = await asyncio.gather(*runs, return_exceptions=True)
        assert isinstance(ended.pop(3), asyncio.CancelledError)
        assert {run.status for run in ended if isinstance(run, Run)} == {"interrupted"}
        again = await system.run(flow, resume="run-3")
        assert again.status == "interrupted"
        works = (system.run(flow, resume=f"run-{number}", answer=2) for number in range(20))
        assert {run.status for run in await asyncio.gather(*works)} == {"ok"}


async def test_a_plain_run_comes_by_everything_again(tmp_path: Path) -> None:
    """Without an id of its own, a run has no checkpoints, and its journal answers alone."""
    url = f"sqlite:///{tmp_path / 'c.db'}"
    async with system_with(url, tmp_path) as system:
        run = await system.run(flow, ASK)
        assert not (tmp_path / "c.db").exists()
        before = len(checked)
        run = await system.run(flow, resume=run.run_id, answer=2)
        assert run.cost.calls == before
    assert len(checked) == 2 * before


async def test_finished_runs_leave_no_state(tmp_path: Path) -> None:
    """What LangGraph keeps of a run is gone once the run has its result."""
    file = tmp_path / "c.db"
    async with system_with(f"sqlite:///{file}", tmp_path) as system:
        await system.run(flow, ASK, run_id="x")
        assert rows(file, "checkpoints")
        assert (await system.run(flow, resume="x", answer=1)).ok
    assert rows(file, "checkpoints") == rows(file, "writes") == []


async def test_the_state_is_text(tmp_path: Path) -> None:
    """A checkpoint has JSON in it and no word of a class that could be made."""
    file = tmp_path / "c.db"
    async with system_with(f"sqlite:///{file}", tmp_path) as system:
        await system.run(flow, ASK, run_id="x")
    blobs = [row for table in ("checkpoints", "writes") for row in rows(file, table)]
    assert {row["type"] for row in blobs} == {"json"}
    text = b"".join(row["checkpoint" if "checkpoint" in row else "value"] for row in blobs)
    assert ASK.text.split()[0].encode() in text
    for name in (b"tests", b"shapes", b"pydantic", b"langgraph", b"Answer"):
        assert name not in text


class Evil:
    """What a pickle may do to whoever reads it."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("evil"),)


def _msgpack() -> bytes:
    import ormsgpack

    call = ormsgpack.packb(("pathlib", "Path.touch", "evil"))
    return ormsgpack.packb(ormsgpack.Ext(0, call))


@pytest.mark.parametrize(
    ("tag", "content"), [("pickle", pickle.dumps(Evil())), ("msgpack", _msgpack())]
)
async def test_nothing_that_is_read_is_made(
    tag: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint in which somebody wrote objects is refused, and none of them is made."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "c.db"
    async with system_with(f"sqlite:///{file}", tmp_path) as system:
        await system.run(flow, ASK, run_id="x")
        with sqlite3.connect(file) as database:
            database.execute("UPDATE checkpoints SET type = ?, checkpoint = ?", (tag, content))
        database.close()
        with pytest.raises(StoreError, match="written by another program"):
            await system.run(flow, resume="x", answer=1)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("locked", "locked"),
        ("garbage", "not a database"),
        ("foreign", "another program"),
        ("folder", "Is a directory"),
        ("damaged", "malformed|disk image|not a database"),
    ],
)
async def test_a_file_that_cannot_be_used(
    trouble: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in the way is one line, and a run that was not begun leaves its id free."""
    monkeypatch.setattr(checkpoints, "WAIT_S", 0.05)
    file, blocked = tmp_path / "c.db", sqlite3.connect(tmp_path / "c.db")
    match trouble:
        case "locked":
            blocked.execute("BEGIN EXCLUSIVE")
        case "foreign":
            blocked.execute("CREATE TABLE mine (a)")
            blocked.commit()
        case "damaged":
            async with system_with(f"sqlite:///{file}", tmp_path) as system:
                await system.run(flow, ASK, run_id="other")
            with file.open("r+b") as opened:
                opened.seek(100)
                opened.write(b"\xff" * 8000)
            file.with_name("c.db-wal").unlink(missing_ok=True)
        case "folder":
            blocked.close()
            file.unlink()
            file.mkdir()
        case _:
            file.write_bytes(b"garbage" * 1000)
    async with system_with(f"sqlite:///{file}", tmp_path) as system:
        with pytest.raises(StoreError, match=reason) as raised:
            await system.run(flow, ASK, run_id="x")
        assert "\n" not in str(raised.value)
        assert system.ledger is not None
        assert not [*system.ledger.events(RunStarted, run_ids=["x"])]
    blocked.close()


class Handle:
    """Something that JSON has no word for."""


async def test_state_that_json_cannot_hold(tmp_path: Path) -> None:
    """The type is named, with what to do; a run without an id of its own is not concerned."""

    class Held(Question):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        handle: Any = None

    @step
    async def hold(question: Question) -> Held:
        return Held(text=question.text, handle=Handle())

    @step
    async def let_go(held: Held) -> Answer:
        return Answer(value=len(held.text))

    node = hold >> let_go
    async with system_with(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as system:
        with pytest.raises(StoreError, match=r"type Held cannot be kept .* without a run id"):
            await system.run(node, ASK, run_id="x")
        assert (await system.run(node, ASK)).ok


async def test_graphs_inside_steps_keep_nothing(tmp_path: Path) -> None:
    """A LangGraph that a step runs is its own business: its state is not put into checkpoints."""
    inner = (words >> solve.each() >> total).graph()
    system = system_with(f"sqlite:///{tmp_path / 'c.db'}", tmp_path)

    @step
    async def runs(question: Question) -> Answer:
        state = await inner.ainvoke({"value": question}, context=system.context())
        return state["value"]

    async with system:
        run = await system.run(runs >> step(_asks), ASK, run_id="x")
        assert run.status == "interrupted"
        spaces = {row["checkpoint_ns"] for row in rows(tmp_path / "c.db", "checkpoints")}
        assert spaces == {""}
        assert (await system.run(runs >> step(_asks), resume="x", answer=3)).output.value == 3


async def _asks(answer: Answer) -> Answer:
    return Answer(value=int(interrupt("How many?")))


async def test_redis_without_its_modules(tmp_path: Path) -> None:
    """A plain Redis server cannot keep checkpoints; the line says what can."""
    pytest.importorskip("langgraph.checkpoint.redis")
    port = free_port()
    server = RedisServer("--port", str(port)).start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the saver's own libraries
            async with system_with(f"redis://127.0.0.1:{port}/0", tmp_path) as system:
                with pytest.raises(StoreError, match="needs RediSearch and RedisJSON") as raised:
                    await system.run(solve, ASK, run_id="x")
        assert "\n" not in str(raised.value)
    finally:
        server.remove()


@pytest.mark.parametrize(
    ("url", "reason"),
    [("mysql://user:secret@host/x", "mysql://host/x"), ("c.db", "Allowed are 'sqlite:///PATH'")],
)
async def test_other_urls_are_refused(url: str, reason: str, tmp_path: Path) -> None:
    """The line says which URLs there are, and has no password in it."""
    async with system_with(url, tmp_path) as system:
        with pytest.raises(SettingsError, match=reason) as raised:
            await system.run(solve, ASK, run_id="x")
        assert "secret" not in str(raised.value)


async def test_a_server_that_is_down(tmp_path: Path) -> None:
    """A Postgres server that is not there is named without the password."""
    pytest.importorskip("psycopg")
    url = f"postgresql://user:secret@127.0.0.1:{free_port()}/x?password=secret"
    async with system_with(url, tmp_path) as system:
        with pytest.raises(StoreError, match="refused") as raised:
            await system.run(solve, ASK, run_id="x")
        assert "secret" not in str(raised.value)


def rows(file: Path, table: str) -> list[dict[str, Any]]:
    """All that a table has."""
    database = sqlite3.connect(file)
    database.row_factory = sqlite3.Row
    found = [dict(row) for row in database.execute(f"SELECT * FROM {table}")]
    database.close()
    return found
