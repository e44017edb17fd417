"""`agentsys budget`, and `run` within budgets, with good, odd and hostile input."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agentsys import System
from agentsys.stores import open_store
from tests.budgets.models import Liar, talker
from tests.cli.conftest import Command
from tests.redis_server import RedisServer

SUM = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"
COST = "$0.00000258"
"""Of the sum on the shipped small model."""


@pytest.fixture(params=["sqlite", "redis"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path, here: Path) -> str:
    """The store that the project's `agentsys.toml` names."""
    url = f"sqlite:///{tmp_path}/budgets.db"
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")
    example = Path(__file__).parents[2] / "agentsys" / "default.toml"
    (here / "agentsys.toml").write_text(f'store = "{url}"\n' + example.read_text())
    return url


def on(url: str, work: Callable[[System], Awaitable[Any]]) -> Any:
    """What is done with a system on the store, whose calls take 10 tokens at 10 microdollars."""

    async def done() -> Any:
        async with System({"slm": Liar(10)}, store=open_store(url)) as system:
            return await work(system)

    return asyncio.run(done())


def spend(url: str, tenant: str = "") -> None:
    on(url, lambda system: system.run(talker(), "go", tenant=tenant))


def test_what_is_set_is_shown(agentsys: Command, store_url: str) -> None:
    """Each limit with what was spent of it, before it was set too, and what is left."""
    spend(store_url, "acme")
    said = agentsys("budget", "set", "--usd", "0.00002", "--calls", "5")
    assert (said.code, said.out) == (0, "Set for all runs: $0.00002, 5 calls; then stop.\n")
    agentsys("budget", "set", "--per", "tenant/day", "--tokens", "30", "--on-empty", "slm-only")
    rows = agentsys("budget", "show", "--json").json()
    today = f"tenant:acme/day:{datetime.now(UTC):%Y-%m-%d}"
    assert rows == [
        {
            "per": "tenant/day",
            "tenant": None,
            "account": today,
            "set_in": "store",
            "on_empty": "slm-only",
            "wait_s": None,
            "usd": None,
            "tokens": {"limit": 30, "spent": 10, "held": 0, "left": 20},
            "calls": None,
            "seconds": None,
        },
        {
            "per": "total",
            "tenant": None,
            "account": "total",
            "set_in": "store",
            "on_empty": "stop",
            "wait_s": None,
            "usd": {"limit": "0.00002", "spent": "0.00001", "held": "0", "left": "0.00001"},
            "tokens": None,
            "calls": {"limit": 5, "spent": 1, "held": 0, "left": 4},
            "seconds": None,
        },
    ]
    lines = agentsys("budget", "show").out.splitlines()
    cells = [[cell for cell in line.split("  ") if cell] for line in lines]
    assert [[cell.strip() for cell in row] for row in cells][2] == [
        "all runs", "$0.00002", "$0.00001", "$0", "$0.00001", "stop", "the store"
    ]  # fmt: skip


def test_a_budget_takes_the_place_of_the_one_before(agentsys: Command, store_url: str) -> None:
    """Setting it anew replaces all of its limits; taking it away leaves the others."""
    agentsys("budget", "set", "--usd", "5", "--calls", "7")
    agentsys("budget", "set", "--tenant", "acme", "--seconds", "1.5", "--on-empty", "queue")
    agentsys("budget", "set", "--per", "total", "--tokens", "9")
    rows = agentsys("budget", "show", "--json").json()
    kinds = [(r["per"], r["tenant"], r["usd"], r["calls"], r["wait_s"]) for r in rows]
    assert kinds == [("tenant", "acme", None, None, 60), ("total", None, None, None, None)]
    assert rows[0]["seconds"] == {"limit": 1.5, "spent": 0, "held": 0, "left": 1.5}
    said = agentsys("budget", "unset")
    assert (said.code, said.out) == (0, "There is no budget set for all runs any more.\n")
    assert [row["per"] for row in agentsys("budget", "show", "--json").json()] == ["tenant"]
    said = agentsys("budget", "unset")
    assert said.code == 2
    assert said.err == (
        "error: No budget is set for all runs. 'agentsys budget show' lists them; those of "
        "agentsys.toml are changed there.\n"
    )


def test_budgets_of_the_configuration_are_shown(agentsys: Command, here: Path) -> None:
    """They say that they are of the file, and cannot be taken away."""
    with (here / "agentsys.toml").open("a") as file:
        file.write('[[budgets]]\nper = "run"\nusd = 0.01\n')
        file.write((Path(__file__).parents[2] / "agentsys" / "default.toml").read_text())
    rows = agentsys("budget", "show", "--json").json()
    assert [(row["per"], row["account"], row["set_in"]) for row in rows] == [
        ("run", None, "configuration")
    ]
    assert (
        "each run  $0.01  $0     $0    $0.01  stop  agentsys.toml" in agentsys("budget", "show").out
    )
    assert agentsys("budget", "unset", "--per", "run").code == 2


def test_no_budgets(agentsys: Command, store_url: str) -> None:
    """Where there are none, it says how to set one."""
    assert agentsys("budget", "show").out == (
        "There are no budgets. Set one: 'agentsys budget set --usd 5', or in agentsys.toml.\n"
    )
    assert agentsys("budget", "show", "--json").json() == []
    assert "rebuild" in agentsys("budget").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a budget needs 'usd', 'tokens', 'calls' or 'seconds'."),
        (["--usd", "many"], "--usd: it should be a valid decimal."),
        (["--usd=-1"], "--usd: it should be greater than or equal to 0."),
        (["--usd", "NaN"], "--usd: it should be a finite number."),
        (["--usd", "Infinity"], "--usd: it should be a finite number."),
        (["--usd", "1e400"], "--usd: it should be less than or equal to 9000000."),
        (["--usd", "1e-12"], "a limit of less than a billionth of a dollar is none: say 0."),
        (["--tokens=-5"], "--tokens: it should be greater than or equal to 0."),
        (["--calls", "1.5"], "Invalid value for '--calls': it should be a valid integer"),
        (["--seconds", "nan"], "--seconds: it should be less than or equal to 1000000000."),
        (["--seconds", "inf"], "--seconds: it should be less than or equal to 1000000000."),
        (["--usd", "1", "--per", "year"], "Invalid value for '--per': 'year' is not one of"),
        (["--usd", "1", "--per", "total", "--tenant", "a"], "'tenant' does nothing with per ="),
        (["--usd", "1", "--tenant", ""], "--tenant: String should have at least 1 character."),
        (["--usd", "1", "--wait", "5"], "--wait does nothing without --on-empty queue."),
        (["--usd", "1", "--on-empty", "queue", "--wait", "0"], "--wait: it should be greater"),
        (["--usd", "1", "--on-empty", "hope"], "Invalid value for '--on-empty': 'hope' is not"),
        (["--usd", "1", "stray"], "Got unexpected extra argument(s) (stray)"),
        (["--calls", "9" * 30], "--calls: it should be less than 9007199254740991."),
    ],
)
def test_what_is_no_budget(agentsys: Command, here: Path, words: list[str], said: str) -> None:
    """One line says what is wrong, the exit code is 2, and nothing is set."""
    result = agentsys("budget", "set", *words)
    assert result.code == 2
    assert result.err.startswith(f"error: {said}")
    assert result.err.count("\n") == 1
    assert agentsys("budget", "show", "--json").json() == []


@pytest.mark.parametrize("name", ["a b", "é", "../../etc", "--", "\x1b[31m", "x" * 5_000, "total"])
def test_tenants_of_odd_names(agentsys: Command, store_url: str, name: str) -> None:
    """Whatever a tenant is called, its budget is its own."""
    assert agentsys("budget", "set", f"--tenant={name}", "--calls", "1").code == 0
    spend(store_url, name)
    spend(store_url, "other")
    shown = agentsys("budget", "show", "--json").json()
    assert [(row["tenant"], row["calls"]["left"]) for row in shown] == [(name, 0)]
    table = agentsys("budget", "show").out
    assert "\x1b" not in table
    assert on(store_url, lambda s: s.run(talker(), "go", tenant=name)).status == "budget_exceeded"
    assert agentsys("budget", "unset", f"--tenant={name}").code == 0


def test_a_corrupted_counter_is_mended(
    agentsys: Command, store_url: str, redis_server: RedisServer
) -> None:
    """`rebuild` says what was wrong and computes it from the ledger."""
    spend(store_url, "acme")
    assert agentsys("budget", "rebuild").out == "All counters agree with the ledger.\n"
    if store_url.startswith("sqlite"):
        with sqlite3.connect(store_url.removeprefix("sqlite:///")) as file:
            file.execute("UPDATE account SET nano_usd = 7 WHERE name = 'tenant:acme'")
        file.close()
    else:
        redis_server.command("HSET", "agentsys:{state}:spent", "tenant:acme", "7,10,1,0")
    assert agentsys("budget", "rebuild", "--json").json() == [
        {
            "account": "tenant:acme",
            "was": {"usd": "0.000000007", "tokens": 10, "calls": 1, "seconds": 0},
            "is": {"usd": "0.00001", "tokens": 10, "calls": 1, "seconds": 0},
        }
    ]
    assert agentsys("budget", "rebuild").out == "All counters agree with the ledger.\n"


def test_a_run_within_its_budget(agentsys: Command, store_url: str) -> None:
    """What is nearly used up is on the receipt; what is not, is not."""
    receipt = agentsys("run", "slm_fallback", SUM, "--budget", "0.01").out
    assert "budget" not in receipt
    agentsys("budget", "set", "--calls", "3", "--tenant", "acme")
    receipt = agentsys("run", "slm_fallback", SUM, "--tenant", "acme").out
    assert "budget" not in receipt
    agentsys("run", "slm_fallback", SUM, "--tenant", "acme")
    receipt = agentsys("run", "slm_fallback", SUM, "--tenant", "acme")
    assert receipt.code == 0
    assert "\nbudget  0 calls of 3 calls left for tenant 'acme'\n" in receipt.out


def test_a_run_that_a_budget_stops(agentsys: Command, store_url: str) -> None:
    """It exits with 1 and says which budget was in the way and what to do."""
    stopped = agentsys("run", "slm_fallback", SUM, "--budget", "0.000001", "--tenant", "acme")
    assert stopped.code == 1
    assert "status  budget_exceeded" in stopped.out
    assert stopped.err.startswith("budget_exceeded: The budget of run '")
    assert "has no room for a call: $0 of $0.000001 are spent, and it may take $" in stopped.err
    assert stopped.err.endswith(
        "Raise it (give the run more), or let the agent ask for fewer tokens.\n"
    )
    found = agentsys("run", "slm_fallback", SUM, "--budget", "0", "--json")
    assert (found.code, found.json()["status"]) == (1, "budget_exceeded")
    assert [row["nano_usd"] for row in agentsys("report", "--by", "tenant", "--json").json()] == [
        0,
        0,
    ]


@pytest.mark.parametrize("usd", ["", "much", "-1", "nan", "1e99"])
def test_a_budget_that_is_none(agentsys: Command, here: Path, usd: str) -> None:
    """A run is not begun with a budget that cannot be read."""
    result = agentsys("run", "letters", "seven", f"--budget={usd}")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: --budget: it should be ")


def test_reports_by_tenant_and_run(agentsys: Command, store_url: str) -> None:
    """Every run is in the row of its tenant, and has one of its own."""
    for tenant in ("acme", "acme", ""):
        spend(store_url, tenant)
    rows = agentsys("report", "--by", "tenant", "--json").json()
    assert [(row["graph"], row["tasks"], row["nano_usd"]) for row in rows] == [
        ("(no tenant)", 1, 10_000),
        ("acme", 2, 20_000),
    ]
    rows = agentsys("report", "--by", "run", "--json").json()
    assert [(row["tasks"], row["nano_usd"]) for row in rows] == [(1, 10_000)] * 3


def test_a_limit_is_kept_by_other_processes(agentsys: Command, store_url: str) -> None:
    """What is set on the command line stops a system that uses the same store."""
    agentsys("budget", "set", "--calls", "0", "--per", "total/month")
    run = on(store_url, lambda system: system.run(talker(), "go"))
    assert run.status == "budget_exceeded"
    assert "all runs in 20" in run.error
