"""What records answer in place of models is not paid, and the books know it."""

from decimal import Decimal
from pathlib import Path

from agentsys import Agent, Budget, Run, System
from agentsys.budgets.accounts import run_scope, standing_accounts
from agentsys.evaluation.recorded import RecordedModels, RecordedRuns
from agentsys.evaluation.reports.expected import expected
from agentsys.evaluation.reports.report import report
from agentsys.ledger import Ledger
from agentsys.models.recorded.recorder import Recorder
from agentsys.models.recorded.replay import Replay
from agentsys.models.scripted import Scripted
from agentsys.money import Price
from agentsys.stores import open_store
from tests.evaluation.recorded.conftest import Write, write
from tests.shapes import Answer, Question

__all__ = ["write"]

solve = Agent(Question, Answer, "Give the length.", repairs=0, name="solve")
NOTHING_LEFT = (Budget(usd=0, per="total"), Budget(usd=0, per="tenant/day"))


def model() -> Scripted:
    return Scripted({"value": 2}, price=Price(Decimal(5), Decimal(8)), name="real")


async def paid(folder: Path, url: str) -> Run[Answer]:
    """A run that is paid, and recorded."""
    async with System(Recorder({"slm": model()}, folder), store=open_store(url)) as system:
        return await system.run(solve, Question(text="ab"), tenant="acme")


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder}/runs.db"


async def test_not_on_lasting_accounts(tmp_path: Path) -> None:
    """A replay counts on its run and nodes alone; no account that outlives it, whatever is left."""
    before = await paid(tmp_path / "rec", url_of(tmp_path))
    store = open_store(url_of(tmp_path))
    async with System(Replay(tmp_path / "rec"), store=store, budgets=NOTHING_LEFT) as system:
        day = Ledger(store).events().__next__().time.date()
        lasting = standing_accounts("acme", day)
        spent = await system.budgets.accounts(lasting)
        assert all(each.spent.nano_usd == before.cost.nano_usd > 0 for each in spent.values())
        node, limit = solve.within(Budget(calls=5)), Budget(usd=1)
        after = await system.run(node, Question(text="ab"), tenant="acme", budget=limit)
        assert after.ok
        assert after.cost.nano_usd == before.cost.nano_usd
        assert await system.budgets.accounts(lasting) == spent
        own = [run_scope(after.run_id), run_scope(after.run_id, "/solve")]
        assert set(after.attempts[0].accounts) == set(own)
        balances = await system.budgets.accounts(own)
        assert {each.spent.nano_usd for each in balances.values()} == {after.cost.nano_usd}
        assert await system.budgets.rebuild() == {}


async def test_recorded_models_are_not_paid(write: Write) -> None:
    """Recorded models of others, also while they are put on record, are not paid either."""
    folder = write()
    models = Recorder(RecordedModels(RecordedRuns.load(folder), slm=["small"]), folder / "rec")
    store = open_store(url_of(folder))
    async with System(models, store=store, budgets=NOTHING_LEFT) as system:
        run = await system.run(solve, Question(text="What is 1 and 1?"))
    assert run.cost.nano_usd == 60_000
    assert run.attempts[0].accounts == ()


async def test_own_budgets_hold(tmp_path: Path) -> None:
    """Budgets of each run and of nodes hold in a replay as they would."""
    before = await paid(tmp_path / "rec", url_of(tmp_path))
    each_run = Budget(usd=before.cost.usd / 2, per="run")
    async with System(Replay(tmp_path / "rec"), budgets=(each_run,)) as system:
        assert (await system.run(solve, Question(text="ab"))).status == "budget_exceeded"
    async with System(Replay(tmp_path / "rec")) as system:
        node = solve.within(Budget(calls=0))
        assert (await system.run(node, Question(text="ab"))).status == "budget_exceeded"


async def test_reports_tell(tmp_path: Path) -> None:
    """A report over all runs says what of the cost was not paid; a plan expects by paid runs."""
    before = await paid(tmp_path / "rec", url_of(tmp_path))
    ledger = Ledger(open_store(url_of(tmp_path)))
    asked = {("solve", "slm")}
    assert not any("not paid" in note for note in report(ledger).notes)
    likely = expected(ledger, "solve", asked), expected(ledger, "other", asked)
    assert [each and each.runs for each in likely] == [1, 1]
    async with System(Replay(tmp_path / "rec"), store=open_store(url_of(tmp_path))) as system:
        for _ in range(2):
            await system.run(solve, Question(text="ab"))
    told = f"Of ${3 * before.cost.usd:f}, ${2 * before.cost.usd:f} is on record and was not paid"
    for by in ("graph", "model"):
        assert any(note.startswith(told) for note in report(ledger, by=by).notes)
    assert (expected(ledger, "solve", asked), expected(ledger, "other", asked)) == likely


async def test_replays_alone_are_no_expectation(tmp_path: Path) -> None:
    """Where a graph was only replayed, nothing is expected of it."""
    await paid(tmp_path / "rec", url_of(tmp_path))
    async with System(
        Replay(tmp_path / "rec"), store=open_store(f"sqlite:///{tmp_path}/other.db")
    ) as system:
        await system.run(solve, Question(text="ab"))
        assert system.ledger is not None
        assert expected(system.ledger, "solve", {("solve", "slm")}) is None
