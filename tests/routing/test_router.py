"""Routers: by a text alone, the same numbers everywhere, and runs that begin where they say."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agentsys import Agent, System, cascade
from agentsys.errors import StoreError, Unreachable, UserError
from agentsys.evaluation.routing.fitting import fit
from agentsys.ledger import Ledger
from agentsys.memory import SharedMemory
from agentsys.models.scripted import Scripted
from agentsys.node import Node
from agentsys.routing import Grams, Kept, Router, keep, versions
from agentsys.routing.kept import kept_in
from agentsys.routing.vectors import vectors_of
from agentsys.stores import Store, open_store
from agentsys.thresholds import DEFINED
from agentsys.versions import digest_of


class Ask(BaseModel):
    text: str


SHORT, LONG = Ask(text="2 plus 2"), Ask(text="2 plus 2 " * 20)

solve = Agent(Ask, str, "Solve.", name="solve")
two_tiers = solve.escalate("llm")
GRAPHS: dict[str, Node[Ask, str]] = {
    "an agent": two_tiers,
    "a composite": (solve >> Agent(str, str, "Say.", name="say")).escalate("llm"),
    "a cascade": cascade(solve, solve.at("llm")),
    "inside": two_tiers >> Agent(str, str, "Say.", name="say"),
}


def router(version: str = "v1", *, of_length: float = -2.0) -> Router:
    """Long texts are for the large model."""
    grams = Grams.of([SHORT.text, LONG.text], most=10, least=1)
    return Router(version, "llm", 0.5, grams, of_length=of_length)


def system(store: Store | None = None) -> System:
    return System({"slm": Scripted("small"), "llm": Scripted("large")}, store=store)


async def kept_of(
    store: Store, graph: Node[Ask, str], given: Router, *, asked: bool = True
) -> None:
    await keep(store, "g", Kept(given, digest_of(graph.shape), {}))
    if asked:
        await kept_in(store).use("g", given.version)


@pytest.mark.parametrize("shape", GRAPHS)
async def test_a_run_begins_where_the_router_says(shape: str, tmp_path: Path) -> None:
    """At the next tier where the first is not likely enough; the ledger has it."""
    graph = GRAPHS[shape]
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    async with system(store) as here:
        await kept_of(store, graph, router())
        short = await here.run(graph, SHORT, name="g")
        long = await here.run(graph, LONG, name="g")
        started = next(r.event for r in Ledger(store).events())
    assert short.path[0] == "solve@slm"
    assert long.path[0] == "solve@llm"
    assert (long.begin.version, long.begin.tier, short.begin.tier) == ("v1", "llm", "")
    assert long.begin.p is not None
    assert short.begin.p is not None
    assert long.begin.p < 0.5 < short.begin.p
    assert (started.router, started.p_first, started.begin) == ("v1", short.begin.p, "")  # pyright: ignore


async def test_judges_and_graphs_that_have_changed_ask_no_router(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A router is for the graph that it was fitted on; it is told once that it is not asked."""
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    async with system(store) as here:
        await kept_of(store, two_tiers, router())
        changed = Agent(Ask, str, "Solve it.", name="solve").escalate("llm")
        for _ in range(2):
            assert (await here.run(changed, LONG, name="g")).path == ("solve@slm",)
        assert (await here.run(two_tiers, LONG, name="other")).path == ("solve@slm",)
    assert [record.message for record in caplog.records if "router v1" in record.message] == [
        "the router v1 of 'g' is not asked: its definition has changed since. "
        "'agentsys router fit' fits a new one."
    ]


async def test_a_run_asks_the_router_that_it_is_given(tmp_path: Path) -> None:
    """Before the one in use; beside given thresholds, it is the only one that is asked."""
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    async with system(store) as here:
        await kept_of(store, two_tiers, router("v1", of_length=2.0))
        own = router("own")
        asked = [
            await here.run(two_tiers, LONG, name="g"),
            await here.run(two_tiers, LONG, name="g", router=own),
            await here.run(two_tiers, LONG, name="g", router=own, thresholds=DEFINED),
            await here.run(two_tiers, LONG, name="g", thresholds=DEFINED),
        ]
        assert [run.begin.version for run in asked] == ["v1", "own", "own", ""]
        with pytest.raises(UserError, match="its own seed, name, team, router"):
            await here.run(two_tiers, resume="r", router=own)  # pyright: ignore[reportCallIssue, reportArgumentType]  (refused at run time, too)


async def test_only_the_version_in_use_is_asked(tmp_path: Path) -> None:
    """What is kept is kept; off is off."""
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    async with system(store) as here:
        await kept_of(store, two_tiers, router("v1"), asked=False)
        assert (await here.run(two_tiers, LONG, name="g")).path == ("solve@slm",)
    async with system(store := open_store(f"sqlite:///{tmp_path}/s.db")) as here:
        await kept_of(store, two_tiers, router("v2"))
        assert (await here.run(two_tiers, LONG, name="g")).path == ("solve@llm",)
        assert [*(await versions(store, "g"))] == ["v1", "v2"]
    async with system(store := open_store(f"sqlite:///{tmp_path}/s.db")) as here:
        await kept_in(store).use("g", "")
        assert await kept_in(store).in_use("g") == ""
        assert (await here.run(two_tiers, LONG, name="g")).path == ("solve@slm",)


async def test_a_resumed_run_begins_where_it_began(tmp_path: Path) -> None:
    """Whatever router is in use by then."""
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    models = {"slm": Scripted("small"), "llm": Scripted(RuntimeError("down"))}  # pyright: ignore
    async with System(models, store=store) as here:
        await kept_of(store, two_tiers, router())
        run = await here.run(two_tiers, LONG, name="g", run_id="r")
        assert run.status == "failed"
    async with system(store := open_store(f"sqlite:///{tmp_path}/s.db")) as here:
        await kept_in(store).use("g", "")
        run = await here.run(two_tiers, resume="r")
    assert (run.path, run.begin.tier) == (("solve@llm",), "llm")


class Meaning:
    """An embedder that knows what is hard, which no letter of a text says."""

    name = "meaning"

    def __init__(self, *, down: bool = False) -> None:
        self._down = down

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self._down:
            raise Unreachable("it is down.", deployment=self.name)
        return [[3.0, 4.0] if len(text) % 2 else [4.0, -3.0] for text in texts]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("embedder", "path", "told"),
    [
        (Meaning(), "solve@llm", ""),
        (Meaning(down=True), "solve@slm", "it is down"),
        (None, "solve@slm", "needs the embeddings of 'meaning'"),
    ],
)
async def test_a_router_may_know_what_a_text_means(
    embedder: Meaning | None,
    path: str,
    told: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By the embedder that it was fitted on; without that one, runs begin at the first tier."""
    texts = [f"task {'a' * (n % 7)}{'b' * (n % 3)}" for n in range(60)]
    labels = [len(text) % 2 == 0 for text in texts]
    vectors = await vectors_of(texts, Meaning())
    fitted = fit(texts, labels, version="v", begin="llm", embedder="meaning", vectors=vectors)
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    models = {"slm": Scripted("small"), "llm": Scripted("large")}
    async with System(models, store=store, memory=SharedMemory(store, embedder)) as here:
        await kept_of(store, two_tiers, fitted)
        assert (await here.run(two_tiers, Ask(text="odd"), name="g")).path == (path,)
        assert (await here.run(two_tiers, Ask(text="even"), name="g")).path == ("solve@slm",)
    assert told in caplog.text


async def test_what_another_agentsys_has_kept_is_refused(tmp_path: Path) -> None:
    """In one line that says what to do."""
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    await store.put("routers:g", "v0", {"weights": [1]})
    with pytest.raises(StoreError, match="router off --graph g"):
        await versions(store, "g")
    await store.close()


@given(st.text(max_size=200))
def test_what_is_stored_says_the_same(text: str) -> None:
    """As JSON and back: to the last bit."""
    grams = Grams.of([SHORT.text, LONG.text, "other words"], most=50, least=1)
    weights = {run: (-1) ** n * 0.3 for n, run in enumerate(grams.rarity)}
    before = Router("v", "llm", 0.5, grams, 0.1, -0.7, weights)
    from agentsys.routing.kept import _KEPT  # pyright: ignore[reportPrivateUsage]

    data = json.loads(json.dumps(_KEPT.dump_python(Kept(before, "", {}), mode="json")))
    assert _KEPT.validate_python(data).router.p(text) == before.p(text)
    assert 0 <= before.p(text) <= 1
