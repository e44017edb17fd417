"""`agentsys memory list`, `get`, `search` and `delete`."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agentsys.memory import SharedMemory
from agentsys.stores import open_store
from tests.cli.conftest import Command
from tests.loopback import Loopback, embed

CONFIG = """
store = "sqlite:///memory.db"

[[deployments]]
name = "mini"
tier = "slm"
gguf = "mini-slm"
usd_per_hour = 1
"""

KEYS = {
    "tenant",
    "team",
    "key",
    "content",
    "version",
    "node",
    "run_id",
    "written",
    "expires",
}


@pytest.fixture
def project(here: Path) -> Path:
    """A project in whose memory three tenants have left something."""
    (here / "agentsys.toml").write_text(CONFIG)

    async def fill() -> None:
        store = open_store(f"sqlite:///{here / 'memory.db'}")
        shared = SharedMemory(store)
        scout = shared.of("acme", "sales", node="scout", run_id="r1")
        await scout.set("home", "Mia lives in\nParis\x1b[31m")
        await scout.set("offer", {"price": 5}, ttl=3600)
        await shared.of("acme").set("units", "metric, also in Paris")
        await shared.of("other", "sales").set("secret", "Mia lives in Rome")
        await shared.of().set("plain", "nobody's")
        await store.close()

    asyncio.run(fill())
    return here


def test_list_prints_one_memory(agentsys: Command, project: Path) -> None:
    """Every entry of this tenant and team, with its author, as an object of the documented keys."""
    rows = agentsys("memory", "list", "--tenant", "acme", "--team", "sales", "--json").json()
    assert [row["key"] for row in rows] == ["home", "offer"]
    assert all(set(row) == KEYS for row in rows)
    assert (rows[0]["tenant"], rows[0]["team"]) == ("acme", "sales")
    assert (rows[0]["node"], rows[0]["run_id"], rows[0]["expires"]) == ("scout", "r1", None)
    assert rows[1]["content"] == {"price": 5}
    assert rows[1]["expires"] > rows[1]["written"]


def test_list_without_names_is_that_of_no_tenant(agentsys: Command, project: Path) -> None:
    """No tenant is a memory like any other: it shows nothing of the others."""
    assert [row["key"] for row in agentsys("memory", "list", "--json").json()] == ["plain"]


def test_people_get_a_table(agentsys: Command, project: Path) -> None:
    """One line an entry, and what was remembered does not drive the terminal."""
    out = agentsys("memory", "list", "--tenant", "acme", "--team", "sales").out
    assert r"Mia lives in Paris\x1b[31m" in out
    assert "\x1b" not in out
    assert len(out.splitlines()) == 3


def test_get_prints_one_entry(agentsys: Command, project: Path) -> None:
    """For people its text and where it comes from, for programs one object."""
    words = ("memory", "get", "home", "--tenant", "acme", "--team", "sales")
    shown = agentsys(*words).out
    assert "by scout" in shown
    assert r"Paris\x1b[31m" in shown
    assert set(agentsys(*words, "--json").json()) == KEYS
    assert agentsys(*words, "--json").json()["content"] == "Mia lives in\nParis\x1b[31m"


def test_search_prints_what_fits(agentsys: Command, project: Path) -> None:
    """As agents recall it: of the team and of its tenant, best first, at most so many."""
    words = ("memory", "search", "Mia Paris", "--tenant", "acme", "--team", "sales", "--json")
    assert [row["key"] for row in agentsys(*words).json()] == ["home", "units"]
    assert [row["key"] for row in agentsys(*words, "--limit", "1").json()] == ["home"]


def test_search_goes_by_meaning_where_that_is_configured(
    agentsys: Command, project: Path, loopback: Loopback
) -> None:
    """The configured deployment embeds query and entries."""
    loopback.embedding = embed(lambda text: [float("France" in text or "Mia" in text), 0.1])
    with (project / "agentsys.toml").open("a") as file:
        file.write(f'[memory.embedding]\nmodel = "hosted_vllm/e"\napi_base = "{loopback.url}"\n')
    result = agentsys("memory", "search", "France", "--tenant", "acme", "--team", "sales", "--json")
    assert result.json()[0]["key"] == "home"
    assert len(loopback.requests) == 3


def test_delete_forgets(agentsys: Command, project: Path) -> None:
    """The entry is gone, that of the same name elsewhere is not."""
    assert agentsys("memory", "delete", "secret", "--tenant", "other").code == 2
    result = agentsys("memory", "delete", "secret", "--tenant", "other", "--team", "sales")
    assert (result.code, result.out) == (0, "Deleted 'secret'.\n")
    gone = agentsys("memory", "list", "--tenant", "other", "--team", "sales", "--json")
    assert gone.json() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("get", "nothing"), "There is no entry 'nothing'."),
        (("delete", "nothing"), "There is no entry 'nothing'."),
        (("delete", ""), "A key has 1 to 200 characters"),
        (("search", "x", "--limit", "0"), "1 to 50 entries"),
        (("search", "x" * 1001), "1,000 are allowed"),
        (("list", "--config", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_mistakes_are_one_line(
    agentsys: Command, project: Path, words: tuple[str, ...], said: str
) -> None:
    """What is wrong, on one line, with exit code 2."""
    result = agentsys("memory", *words)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert said in result.err


@pytest.mark.parametrize(
    "words", [("list",), ("get", "hom"), ("search", "Mia Paris home"), ("delete", "home")]
)
@pytest.mark.parametrize("tenant", ["", "acme/sales", "acme%2Fsales", "ACME", "*", "%", "acme\n"])
def test_nothing_leaks_to_another_tenant(
    agentsys: Command, project: Path, words: tuple[str, ...], tenant: str
) -> None:
    """Neither what is printed nor an error has a key or a word of a tenant that was not named."""
    before = _all(agentsys)
    result = agentsys("memory", *words, "--tenant", tenant)
    said = result.out + result.err
    assert not any(word in said for word in ("Paris", "metric", "Rome", "secret", "offer"))
    assert _all(agentsys) == before


def _all(agentsys: Command) -> list[Any]:
    places = [("acme", "sales"), ("acme", ""), ("other", "sales")]
    return [
        agentsys("memory", "list", "--tenant", tenant, "--team", team, "--json").json()
        for tenant, team in places
    ]


def test_an_empty_memory_says_so(agentsys: Command, here: Path) -> None:
    """Nothing on standard output; where else to look, beside it."""
    result = agentsys("memory", "list")
    assert (result.code, result.out) == (0, "")
    assert "--tenant" in result.err


def test_alone_it_shows_its_commands(agentsys: Command, here: Path) -> None:
    """`agentsys memory` is its help."""
    result = agentsys("memory")
    assert result.code == 0
    assert all(name in result.out for name in ("list", "get", "search", "delete"))
