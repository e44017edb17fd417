"""Shared memory, on every store."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agentsys import Agent, Request, System
from agentsys.errors import SettingsError, StoreError, ToolFailed, UserError
from agentsys.memory import ABSENT, Memory, SharedMemory, current, using
from agentsys.memory.entry import MAX_CONTENT, MAX_KEY, namespace
from agentsys.memory.search import MAX_QUERY, MAX_RESULTS
from agentsys.models.embedding import LiteLLMEmbedder, embedder
from agentsys.models.scripted import Scripted
from agentsys.project import find
from agentsys.settings import Settings
from agentsys.stores import Store
from agentsys.tools.tool import Tool
from tests.loopback import Loopback, embed, fail, send
from tests.stores.conftest import Later, later, store, url

__all__ = ["later", "store", "url"]

ODD = ["", "a", "b", "a/b", "a%2Fb", "b/a", "..", "a:b", "a\nb", "A", "а", "á", "a\u0301", "\ud800"]
"""Names that some encoding takes for one another: separators, escapes, look-alikes, surrogates."""


@pytest.fixture
def shared(store: Store) -> SharedMemory:
    return SharedMemory(store)


@pytest.fixture
async def meaning(store: Store, loopback: Loopback) -> AsyncIterator[SharedMemory]:
    """A memory that embeds by the loopback server, for which a dog is a hound."""
    loopback.embedding = embed(axes)
    kept = SharedMemory(store, model(loopback))
    yield kept
    await kept.close()


def model(loopback: Loopback, name: str = "one", **params: Any) -> LiteLLMEmbedder:
    return LiteLLMEmbedder(
        {"model": f"hosted_vllm/{name}", "api_base": loopback.url, "api_key": "k", **params}
    )


def axes(text: str) -> list[float]:
    """A vector that says which kinds of things a text names."""
    kinds = (["dog", "hound", "puppy"], ["car", "vehicle"], ["rain", "weather"])
    return [float(any(word in text for word in kind)) + 0.01 for kind in kinds]


def keys(entries) -> list[str]:
    return [entry.key for entry in entries]


async def test_an_entry_says_who_wrote_it(shared: SharedMemory) -> None:
    """What was set comes back with its author, run, time and version."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    memory = shared.of("acme", "sales", node="scout", run_id="r1")
    version = await memory.set("home", "Mia lives in Paris")
    entry = await memory.get("home")
    assert entry is not None
    assert (entry.key, entry.content, entry.version) == ("home", "Mia lives in Paris", version)
    assert (entry.tenant, entry.team, entry.node, entry.run_id) == ("acme", "sales", "scout", "r1")
    assert before < entry.written <= datetime.now(UTC) + timedelta(seconds=1)
    assert entry.expires is None


@pytest.mark.parametrize(
    "content", ["", "x\0\ud800\n", {"a": [1, None, 2.5]}, [], 0, None, "é" * 9]
)
async def test_any_json_comes_back(shared: SharedMemory, content: Any) -> None:
    """Text and other JSON are kept as they are."""
    await shared.of().set("key", content)
    entry = await shared.of().get("key")
    assert entry is not None
    assert entry.content == content


async def test_the_last_one_to_write_is_named(shared: SharedMemory) -> None:
    """An entry that is replaced has a higher version and a new author."""
    first = await shared.of(node="a").set("key", "1")
    second = await shared.of(node="b").set("key", "2")
    entry = await shared.of().get("key")
    assert first is not None
    assert second is not None
    assert second > first
    assert entry is not None
    assert (entry.content, entry.node, entry.version) == ("2", "b", second)


async def test_a_deleted_entry_is_gone(shared: SharedMemory) -> None:
    """It is neither got, listed nor found; deleting it again says that there was none."""
    memory = shared.of("t")
    await memory.set("key", "word")
    assert await memory.delete("key")
    assert await memory.get("key") is None
    assert await memory.entries() == []
    assert await memory.search("word") == []
    assert not await memory.delete("key")


async def test_an_expired_entry_is_gone(shared: SharedMemory, later: Later) -> None:
    """After its time to live it is neither got, listed nor found."""
    memory = shared.of("t")
    await memory.set("short", "word", ttl=60)
    await memory.set("long", "word", ttl=3600)
    entry = await memory.get("long")
    assert entry is not None
    assert entry.expires is not None
    assert entry.expires - entry.written == timedelta(hours=1)
    assert keys(await memory.search("word")) == ["long", "short"]
    later(61)
    assert await memory.get("short") is None
    assert keys(await memory.entries()) == keys(await memory.search("word")) == ["long"]


async def test_only_one_of_many_sets_what_nobody_had(shared: SharedMemory) -> None:
    """With compare-and-set exactly one of 20 at once wins, and the others learn that they lost."""
    tried = [shared.of(node=f"{n}").set("key", n, expected=ABSENT) for n in range(20)]
    versions = await asyncio.gather(*tried)
    assert sum(version is not None for version in versions) == 1


async def test_a_counter_loses_nothing(shared: SharedMemory) -> None:
    """Setting what was read, and trying again after a loss, adds up."""
    memory = shared.of("t")
    await memory.set("count", 0)

    async def add() -> None:
        while True:
            entry = await memory.get("count")
            assert entry is not None
            if await memory.set("count", entry.content + 1, expected=entry.version) is not None:
                return

    await asyncio.gather(*(add() for _ in range(10)))
    entry = await memory.get("count")
    assert entry is not None
    assert entry.content == 10
    assert not await memory.delete("count", expected=entry.version - 1)


@pytest.mark.parametrize(
    "key", ["", " ", "x" * (MAX_KEY + 1), "a\nb", "a\0b", "a\x1b[1m", "\ud800"]
)
async def test_bad_keys_are_refused(shared: SharedMemory, key: str) -> None:
    """A key is one short line that can be printed."""
    memory = shared.of()
    for work in (memory.set(key, "x"), memory.get(key), memory.delete(key)):
        with pytest.raises(UserError, match="key"):
            await work


@pytest.mark.parametrize(
    "content", ["x" * (MAX_CONTENT + 1), ["x" * MAX_CONTENT], float("nan"), {1, 2}, b"x"]
)
async def test_bad_contents_are_refused(shared: SharedMemory, content: Any) -> None:
    """A content is JSON of bounded length; nothing is written."""
    with pytest.raises(UserError, match="content"):
        await shared.of().set("key", content)
    assert await shared.of().entries() == []


@pytest.mark.parametrize("ttl", [0, -1, float("nan")])
async def test_a_time_to_live_is_positive(shared: SharedMemory, ttl: float) -> None:
    """An entry that would never be there is a mistake."""
    with pytest.raises(UserError, match="ttl"):
        await shared.of().set("key", "x", ttl=ttl)


async def test_longest_key_and_content_fit(shared: SharedMemory) -> None:
    """The bounds themselves are allowed, and keys may have any printable characters."""
    await shared.of().set("ü/:{}*%" + "x" * (MAX_KEY - 7), "x" * MAX_CONTENT)
    assert len(await shared.of().entries()) == 1


async def test_entries_are_sorted_by_key(shared: SharedMemory) -> None:
    """The order does not depend on when they were set."""
    for key in ("b", "c", "a"):
        await shared.of("t").set(key, key)
    assert keys(await shared.of("t").entries()) == ["a", "b", "c"]


async def test_search_ranks_by_words(shared: SharedMemory) -> None:
    """Rare words count for more, the key counts too, and what has no word of it is not found."""
    memory = shared.of("t")
    await memory.set("home", "the customer lives in Paris")
    await memory.set("delivery_address", "the customer wants it at the office")
    await memory.set("likes", {"colour": "green"})
    assert keys(await memory.search("Where does the customer live: Paris?")) == [
        "home",
        "delivery_address",
    ]
    assert keys(await memory.search("address")) == ["delivery_address"]
    assert keys(await memory.search("green")) == ["likes"]
    assert await memory.search("unknown") == await memory.search("  ") == []


async def test_search_sees_every_change(shared: SharedMemory, store: Store) -> None:
    """Also those that another process made: an index is never older than the entries."""
    here, there = shared.of("t"), SharedMemory(store).of("t")
    assert await here.search("word") == []
    await there.set("one", "word")
    assert keys(await here.search("word")) == ["one"]
    await there.set("one", "other")
    assert await here.search("word") == []
    await there.set("two", "word")
    await there.delete("one")
    assert keys(await here.search("word")) == ["two"]


async def test_search_gives_no_more_than_the_limit(shared: SharedMemory) -> None:
    """The limit bounds the result, and is bounded itself; so is the query."""
    memory = shared.of("t")
    for n in range(60):
        await memory.set(f"k{n}", "word")
    assert len(await memory.search("word")) == 5
    assert len(await memory.search("word", MAX_RESULTS)) == MAX_RESULTS
    for limit in (0, -1, MAX_RESULTS + 1):
        with pytest.raises(UserError, match=f"1 to {MAX_RESULTS}"):
            await memory.search("word", limit)
    with pytest.raises(UserError, match="query"):
        await memory.search("x" * (MAX_QUERY + 1))


async def test_a_team_finds_what_its_tenant_knows(shared: SharedMemory) -> None:
    """A search in a team's memory covers its tenant's; never the other way, nor another team's."""
    await shared.of("acme").set("units", "the unit is metric")
    await shared.of("acme", "sales").set("price", "the unit price is 5")
    await shared.of("acme", "legal").set("secret", "the unit is closed")
    found = await shared.of("acme", "sales").search("unit")
    assert {(entry.team, entry.key) for entry in found} == {("", "units"), ("sales", "price")}
    assert keys(await shared.of("acme").search("unit")) == ["units"]


async def test_only_a_search_goes_up_to_the_tenant(shared: SharedMemory) -> None:
    """Getting, listing, setting and deleting concern the team's own memory alone."""
    tenant, team = shared.of("acme"), shared.of("acme", "sales")
    await tenant.set("key", "tenant's")
    assert await team.get("key") is None
    assert await team.entries() == []
    assert not await team.delete("key")
    await team.set("key", "team's")
    entry = await tenant.get("key")
    assert entry is not None
    assert entry.content == "tenant's"


async def test_no_two_memories_are_one(shared: SharedMemory) -> None:
    """Whatever characters their names have, each tenant and team sees its own entries alone."""
    pairs = list(product(ODD, ODD))
    for at, (tenant, team) in enumerate(pairs):
        await shared.of(tenant, team).set("key", at)
    for at, (tenant, team) in enumerate(pairs):
        entries = await shared.of(tenant, team).entries()
        assert [(e.tenant, e.team, e.content) for e in entries] == [(tenant, team, at)]


@given(st.lists(st.tuples(st.text(), st.text()), unique=True, min_size=2, max_size=2))
def test_namespaces_do_not_collide(pairs: list[tuple[str, str]]) -> None:
    """Different tenants or teams have different namespaces, of characters that no store minds."""
    names = {namespace("memory", *pair) for pair in pairs}
    assert len(names) == 2
    assert all(name.isascii() and name.isprintable() and name.count("/") == 2 for name in names)


async def test_foreign_data_is_no_entry(shared: SharedMemory, store: Store) -> None:
    """What something else put there is named, not misread; it can be deleted."""
    await store.put(namespace("memory", "t", ""), "key", ["not", "an", "entry"])
    with pytest.raises(StoreError, match="'key'"):
        await shared.of("t").get("key")
    assert await shared.of("t").delete("key")


async def test_meaning_finds_other_words(meaning: SharedMemory) -> None:
    """With an embedder an entry is found that has no word of the query."""
    memory = meaning.of("t")
    await memory.set("pet", "she has a hound")
    await memory.set("garage", "she has a vehicle")
    assert keys(await memory.search("puppy", 1)) == ["pet"]
    assert keys(await memory.search("car", 1)) == ["garage"]


async def test_words_and_meaning_are_weighed(meaning: SharedMemory) -> None:
    """Second by words and first by meaning comes before first by words and third by meaning."""
    memory = meaning.of("t")
    await memory.set("p", "kennel kennel")
    await memory.set("q", "in the kennel, which is at the end of the garden, there is a hound")
    await memory.set("r", "a hound in a vehicle")
    assert keys(await memory.search("kennel puppy")) == ["q", "p", "r"]


async def test_what_was_embedded_is_not_embedded_again(
    meaning: SharedMemory, store: Store, loopback: Loopback
) -> None:
    """Each search embeds its query; an entry is embedded once, whichever process searches first."""
    memory = meaning.of("t")
    await memory.set("pet", "a hound")
    await memory.set("garage", "a vehicle")
    await memory.search("puppy")
    assert [body["input"] for body in loopback.requests] == [
        ["puppy"],
        ["garage\na vehicle", "pet\na hound"],
    ]
    loopback.requests.clear()
    await memory.search("dog")
    other = SharedMemory(store, model(loopback))
    await other.of("t").search("dog")
    assert [body["input"] for body in loopback.requests] == [["dog"], ["dog"]]
    loopback.requests.clear()
    await other.of("t").set("pet", "a car")
    await memory.search("dog")
    assert [body["input"] for body in loopback.requests] == [["dog"], ["pet\na car"]]
    await other.close()


@pytest.mark.parametrize("params", [{"name": "two"}, {"dimensions": 2}])
async def test_vectors_of_two_models_are_never_mixed(
    meaning: SharedMemory, store: Store, loopback: Loopback, params: dict[str, Any]
) -> None:
    """Under another model, or another length of its vectors, every entry is embedded anew."""
    await meaning.of("t").set("pet", "a hound")
    await meaning.of("t").search("dog")
    loopback.embedding = embed(lambda text: axes(text)[::-1])
    loopback.requests.clear()
    other = SharedMemory(store, model(loopback, **params))
    await other.of("t").set("garage", "a vehicle")
    assert keys(await other.of("t").search("puppy", 1)) == ["pet"]
    assert [body["input"] for body in loopback.requests] == [
        ["puppy"],
        ["garage\na vehicle", "pet\na hound"],
    ]
    await other.close()


async def test_vectors_of_another_length_are_made_anew(
    meaning: SharedMemory, loopback: Loopback
) -> None:
    """A server that changed its model behind the same name is not compared with what it was."""
    memory = meaning.of("t")
    await memory.set("pet", "a hound")
    await memory.set("garage", "a vehicle")
    await memory.search("dog")
    loopback.embedding = embed(lambda text: [*axes(text), 0.0])
    assert keys(await memory.search("car", 1)) == ["garage"]


@pytest.mark.parametrize(
    "answer",
    [
        fail(503),
        fail(401),
        fail(429),
        send("<html>", "text/html"),
        embed(lambda text: []),
        embed(lambda text: [float("nan")]),
        send('{"object": "list", "data": [], "model": "one"}'),
    ],
)
async def test_without_the_server_words_decide(
    meaning: SharedMemory, loopback: Loopback, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    """A search survives a server that fails or talks nonsense, and the log says so."""
    memory = meaning.of("t")
    await memory.set("pet", "a hound")
    loopback.embedding = answer
    with caplog.at_level(logging.WARNING, "agentsys"):
        assert keys(await memory.search("hound")) == ["pet"]
        assert await memory.search("dog") == []
    assert "by words alone" in caplog.text


async def test_a_text_that_is_refused_hides_no_other(
    meaning: SharedMemory, loopback: Loopback
) -> None:
    """It is found by its words, the others by their meaning too; it is not asked for again."""
    memory = meaning.of("t")
    await memory.set("long", "a hound that the model does not take")
    await memory.set("pet", "a hound")

    async def answer(request: Any, body: Any) -> Any:
        refused = any("does not take" in text for text in body["input"])
        return await (fail(400, "too long") if refused else embed(axes))(request, body)

    loopback.embedding = answer
    assert keys(await memory.search("puppy")) == ["pet"]
    loopback.requests.clear()
    assert keys(await memory.search("take")) == ["long", "pet"]
    assert [body["input"] for body in loopback.requests] == [["take"]]


async def test_many_entries_are_embedded_in_batches(
    meaning: SharedMemory, loopback: Loopback
) -> None:
    """No request has more texts than servers take, and no text more than a small model does."""
    memory = meaning.of("t")
    for n in range(70):
        await memory.set(f"k{n}", f"{n} " * 4_000 if n == 7 else f"{n}")
    await memory.search("dog")
    sizes = [len(body["input"]) for body in loopback.requests]
    assert sizes == [1, 32, 32, 6]
    assert max(len(text) for body in loopback.requests for text in body["input"]) <= 2_000


async def test_nothing_of_a_deleted_entry_stays(meaning: SharedMemory, store: Store) -> None:
    """With the entry its vector goes, which says what it was about; also when it is replaced."""
    memory = meaning.of("t")
    for key in ("one", "two", "three"):
        await memory.set(key, "a hound")
    await memory.search("dog")
    space = namespace("vectors", "t", "")
    assert set(await store.values(space)) == {"one", "two", "three"}
    await memory.delete("one")
    await memory.set("two", "other")
    assert set(await store.values(space)) == {"three"}


async def test_a_vector_lives_no_longer_than_its_entry(meaning: SharedMemory, store: Store) -> None:
    """It expires with the entry."""
    await meaning.of("t").set("key", "a hound", ttl=60)
    await meaning.of("t").search("dog")
    entry = await meaning.of("t").get("key")
    value = await store.get(namespace("vectors", "t", ""), "key")
    assert entry is not None
    assert value is not None
    assert entry.expires is not None
    assert value.expires is not None
    assert value.expires - entry.expires < timedelta(seconds=1)


async def test_meaning_keeps_tenants_apart(meaning: SharedMemory) -> None:
    """The nearest entry of all is not found where it belongs to another tenant or team."""
    await meaning.of("a").set("pet", "a hound")
    await meaning.of("b", "x").set("pet", "a hound")
    await meaning.of("b").set("garage", "a vehicle")
    for memory, found in (
        (meaning.of("a"), [("a", "", "pet")]),
        (meaning.of("b"), [("b", "", "garage")]),
        (meaning.of("b", "x"), [("b", "x", "pet"), ("b", "", "garage")]),
        (meaning.of("c"), []),
    ):
        assert [(e.tenant, e.team, e.key) for e in await memory.search("dog")] == found


DEPLOYMENT = '[[deployments]]\nname = "a"\ntier = "slm"\ngguf = "mini-slm"\nusd_per_hour = 1\n'


def test_the_embedder_is_configured(tmp_path: Path) -> None:
    """`[memory] embedding` has LiteLLM's keys; without it there is none."""
    file = tmp_path / "agentsys.toml"
    file.write_text(DEPLOYMENT)
    assert embedder(Settings.load(file)) is None
    file.write_text(
        f'[memory]\nembedding = {{ model = "hosted_vllm/e", dimensions = 8 }}\n{DEPLOYMENT}'
    )
    made = embedder(Settings.load(file))
    assert made is not None
    assert made.name == "hosted_vllm/e (8)"


async def test_a_loaded_system_searches_by_meaning(tmp_path: Path, loopback: Loopback) -> None:
    """`System.load` gives agents and application code the configured embedder."""
    loopback.embedding = embed(axes)
    file = tmp_path / "agentsys.toml"
    line = f'embedding = {{ model = "hosted_vllm/e", api_base = "{loopback.url}" }}'
    file.write_text(f'store = "sqlite:///m.db"\n[memory]\n{line}\n{DEPLOYMENT}')
    async with System.load(str(file)) as system:
        await system.memory("acme").set("pet", "she has a hound")
        await system.memory("acme").set("garage", "she has a vehicle")
        assert keys(await system.memory("acme").search("puppy", 1)) == ["pet"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("embedding = {}", "needs a 'model'"),
        ('embedding = { model = "m", timeout = "soon" }', "number of seconds"),
        ('embeding = { model = "m" }', "Allowed are: embedding"),
    ],
)
def test_a_bad_embedder_is_named(tmp_path: Path, line: str, words: str) -> None:
    """The line names the key and what is wrong with it."""
    file = tmp_path / "agentsys.toml"
    file.write_text(f"[memory]\n{line}\n{DEPLOYMENT}")
    with pytest.raises(SettingsError, match=words):
        Settings.load(file)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"model": "no-such-provider/x"}, "knows no provider"),
        ({"model": "hosted_vllm/x", "api_key": "os.environ/NO_SUCH_KEY"}, "NO_SUCH_KEY"),
    ],
)
async def test_an_embedder_that_cannot_work_is_a_mistake(
    store: Store, params: dict[str, Any], words: str
) -> None:
    """It is not passed over like a server that is down."""
    memory = SharedMemory(store, LiteLLMEmbedder(params)).of("t")
    await memory.set("key", "word")
    with pytest.raises(SettingsError, match=words):
        await memory.search("word")


@pytest.fixture
def tools(tmp_path: Path) -> tuple[Tool[..., Any], Tool[..., Any]]:
    """`remember` and `recall` of the catalogue."""
    values = [find("tool", name, start=tmp_path).value for name in ("remember", "recall")]
    assert all(isinstance(value, Tool) for value in values)
    return values[0], values[1]  # pyright: ignore[reportReturnType]


async def test_tools_use_the_memory_of_the_run(shared: SharedMemory, tools) -> None:
    """What one agent remembers another one of its team recalls, under its author's name."""
    remember, recall = tools
    with using(shared.of("acme", "sales", node="scout", run_id="r1")):
        said = await remember.use({"key": "home", "text": "Mia lives in Paris"})
    with using(shared.of("acme", "sales", node="writer", run_id="r2")):
        assert await recall.use({"query": "Mia"}) == '["home: Mia lives in Paris"]'
    entry = await shared.of("acme", "sales").get("home")
    assert said == "remembered as 'home'."
    assert entry is not None
    assert (entry.node, entry.run_id) == ("scout", "r1")


async def test_tools_keep_tenants_apart(shared: SharedMemory, tools) -> None:
    """What another tenant or team remembered is neither recalled nor replaced."""
    remember, recall = tools
    await shared.of("acme", "sales").set("home", "Paris")
    for tenant, team in (("acme", "legal"), ("other", "sales"), ("", ""), ("acme/sales", "")):
        with using(shared.of(tenant, team)):
            assert await recall.use({"query": "home Paris"}) == "[]"
            await remember.use({"key": "home", "text": "Rome"})
    entry = await shared.of("acme", "sales").get("home")
    assert entry is not None
    assert entry.content == "Paris"


async def test_tools_say_what_is_wrong(shared: SharedMemory, tools) -> None:
    """Bounds are told to the model."""
    remember, recall = tools
    with using(shared.of()):
        with pytest.raises(ToolFailed, match="A key has 1 to 200 characters"):
            await remember.use({"key": "x" * 201, "text": ""})
        with pytest.raises(ToolFailed, match="10,000 are allowed"):
            await remember.use({"key": "x", "text": "x" * 10_001})
        with pytest.raises(ToolFailed, match="1,000 are allowed"):
            await recall.use({"query": "x" * 1_001})


async def test_recall_cuts_long_texts(shared: SharedMemory, tools) -> None:
    """An agent's context is small: of each of at most five texts it gets the beginning."""
    _, recall = tools
    memory = shared.of("t")
    for n in range(9):
        await memory.set(f"k{n}", "word " * 1_000)
    with using(memory):
        found = await recall(query="word")
    assert len(found) == 5
    assert all(len(text) < 1_100 and text.endswith("… (cut off)") for text in found)


async def test_without_a_memory_tools_fail_clearly(tools) -> None:
    """Outside of a run with a shared memory there is nothing to use."""
    remember, recall = tools
    for work in (remember.use({"key": "a", "text": "b"}), recall.use({"query": "a"})):
        with pytest.raises(ToolFailed, match="no shared memory"):
            await work
    with using(None), pytest.raises(ToolFailed):
        current()


def scripted(*uses: tuple[str, dict[str, str]]) -> Scripted:
    """A model that uses the tools one after the other, then answers with what it was told last."""

    def answer(request: Request) -> dict[str, Any]:
        at = sum(message.role == "assistant" for message in request.messages)
        if at < len(uses):
            return {"tool": uses[at][0], "args": uses[at][1]}
        return {"final": {"text": request.messages[-1].content}}

    return Scripted(answer)


class Said(BaseModel):
    text: str


async def test_agents_share_what_they_remember(store: Store, tools) -> None:
    """A run recalls what a run before it remembered: of its tenant and team, and of no other."""
    writes = scripted(("remember", {"key": "home", "text": "Mia lives in Paris"}))
    writer = Agent(Said, Said, "x", name="scout", tools=list(tools))
    async with System({"slm": writes}, store=store) as system:
        run = await system.run(writer, Said(text="go"), tenant="acme", team="sales")
        assert run.output.text == "Result of remember: remembered as 'home'."
        entry = await system.memory("acme", "sales").get("home")
        assert entry is not None
        assert (entry.content, entry.node, entry.run_id) == (
            "Mia lives in Paris",
            "scout",
            run.run_id,
        )
    reads = scripted(("recall", {"query": "Where does Mia live: home?"}))
    async with System({"slm": reads}, store=store) as system:
        told: dict[tuple[str, str], str] = {}
        for tenant, team in (
            ("acme", "sales"),
            ("acme", "legal"),
            ("acme", ""),
            ("other", "sales"),
        ):
            run = await system.run(writer, Said(text="go"), tenant=tenant, team=team)
            told[tenant, team] = run.output.text
    assert told.pop(("acme", "sales")) == 'Result of recall: ["home: Mia lives in Paris"]'
    assert set(told.values()) == {"Result of recall: []"}


async def test_a_system_without_a_store_has_no_memory(tools) -> None:
    """Its agents are told so, and application code gets a mistake to mend."""
    model = scripted(("recall", {"query": "home"}))
    system = System({"slm": model})
    run = await system.run(Agent(Said, Said, "x", tools=list(tools)), Said(text="go"))
    assert run.output.text.startswith("Result of recall: error: there is no shared memory here")
    with pytest.raises(UserError, match="no shared memory"):
        system.memory("acme")


async def test_each_task_has_its_own_current_memory(shared: SharedMemory) -> None:
    """Runs side by side do not see each other's memory, and afterwards there is none."""
    met = asyncio.Barrier(2)

    async def run(tenant: str) -> Memory:
        with using(shared.of(tenant)):
            await met.wait()
            return await asyncio.to_thread(current)

    one, two = await asyncio.gather(run("one"), run("two"))
    assert (one.tenant, two.tenant) == ("one", "two")
    with pytest.raises(ToolFailed):
        current()
