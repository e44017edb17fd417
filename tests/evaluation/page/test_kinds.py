"""Pages of ledgers of every kind: few and many graphs, nothing right, nothing sure, long names."""

from pathlib import Path
from random import Random

import pytest

from agentsys.evaluation.page import Content
from agentsys.evaluation.page.plots import Plot
from tests.browser import DESKTOP, PHONE, look
from tests.evaluation.page.told import Told, call


def plot(content: Content, name: str) -> Plot:
    (found,) = (each for each in content.plots if each.name == name)
    return found


def fill(told: Told, graphs: list[str], *, tasks: int = 12, confidence: float | None = 0.8) -> None:
    """Tasks for graphs, the later ones dearer and better."""
    random = Random(0)
    for place, graph in enumerate(graphs):
        for number in range(tasks):
            right = random.random() < 0.4 + 0.5 * place / max(1, len(graphs) - 1)
            cost = round(10_000 * 1.7**place * (1 + random.random()))
            said = call(nano_usd=cost, confidence=confidence)
            told.task(graph, f"t{number}", right, said, seconds=0.1 + random.random())


def test_one_graph_without_confidences(told: Told) -> None:
    """What cannot be drawn says why; the rest is drawn."""
    fill(told, ["alone"], confidence=None)
    content = told.content()
    assert "log-probabilities" in plot(content, "thresholds").caption
    assert "No calibration curve" in plot(content, "reliability").caption
    with look(told.page()) as looked:
        assert looked.console == []
        assert looked.page.locator("[data-plot]").count() == 3


def test_nothing_succeeded(told: Told) -> None:
    """Without a success there is no cost per success, and the page says so."""
    for number in range(12):
        told.task("g", f"t{number}", False, call())
    content = told.content()
    assert plot(content, "tradeoff").panels == ()
    assert plot(content, "costs").caption == "Nothing succeeded, so there is no cost per success."
    assert [tile.title for tile in content.tiles] == ["Most successes", "Spent in all"]
    with look(told.page()) as looked:
        assert looked.console == []
        assert "nothing has a cost per success" in looked.page.locator("#tradeoff").inner_text()


def test_a_graph_without_a_success_is_named(told: Told) -> None:
    """It is not in the plot, so the caption names it."""
    fill(told, ["good", "better"])
    told.task("hopeless", "t0", False, call())
    assert "no cost per success: hopeless." in plot(told.content(), "tradeoff").caption


def test_latencies_of_a_replay(told: Told, tmp_path: Path) -> None:
    """Their caption says whose clock it is."""
    fill(told, ["g"])
    assert "clock" not in plot(told.content(), "latencies").caption.partition("wall clock")[2]
    (tmp_path / "replayed").mkdir()
    replayed = Told(tmp_path / "replayed", source={"instead": {"replay": "/d"}})
    fill(replayed, ["g"])
    assert "the clock of the replay" in plot(replayed.content(), "latencies").caption


def test_nothing_cost_anything(told: Told) -> None:
    """Models that are free are drawn at zero."""
    for number in range(12):
        told.task("free", f"t{number}", number > 3, call(nano_usd=0))
    with look(told.page()) as looked:
        assert looked.console == []
        assert looked.page.locator("[data-plot=tradeoff] .mark-symbol.role-mark path").count() == 1


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_twenty_graphs_with_long_names(told: Told, width: int) -> None:
    """Each is a row and a point, and nothing is wider than the screen."""
    graphs = [f"{'a_graph_with_a_very_long_name_' * 4}{number}" for number in range(20)]
    fill(told, graphs)
    with look(told.page(), width=width) as looked:
        looked.screenshot(told.folder, f"twenty-{width}")
        assert looked.console == []
        points = looked.page.locator("[data-plot=tradeoff] .mark-symbol.role-mark path")
        assert points.count() == 20
        assert looked.page.evaluate("document.documentElement.scrollWidth") <= width


def test_names_from_right_to_left(told: Told) -> None:
    """They are shown whole, and do not turn what stands beside them."""
    names = ["פותר בעיות", "حل المسائل", "解决问题"]
    fill(told, names)
    with look(told.page(), width=PHONE) as looked:
        looked.screenshot(told.folder, "right-to-left")
        rows = looked.page.locator("table.report tbody th bdi")
        assert rows.all_inner_texts() == names
        assert looked.console == []


def test_names_that_begin_alike_are_told_apart(told: Told) -> None:
    """A name that is cut is not that of another graph."""
    fill(told, [f"{'x' * 60}{number}" for number in range(3)])
    names = [row[0] for row in plot(told.content(), "tradeoff").rows]
    assert len(set(names)) == 3


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """A ledger of more tasks than are read call by call."""
    from agentsys.evaluation.page import reading

    monkeypatch.setattr(reading, "SAMPLE", 40)
    told = Told(tmp_path)
    fill(told, ["small", "large"], tasks=100)
    return told


def test_of_many_tasks_a_sample_is_read(large: Told) -> None:
    """The page says from how many the curves are drawn; the other figures are of all."""
    content = large.content()
    assert "from 40 of the 200 tasks" in content.notes[-1]
    assert [row[1][0][0] for row in content.table] == ["100", "100"]
