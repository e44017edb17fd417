"""Pages of many graphs: each is named, and colours mean the same in every plot."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser

from agentsys.evaluation.page import picture, rendered, themes
from agentsys.evaluation.page.charts import NEUTRAL
from agentsys.evaluation.page.plots import Plot
from agentsys.evaluation.reports.report import report
from tests.browser import DESKTOP, PHONE, browser, look
from tests.evaluation.page.told import Told, call

GRAPHS = {
    "slm_only": (5_660, 10),
    "sampled": (12_700, 10),
    "voted": (34_500, 10),
    "decompose_solve": (46_900, 12),
    "slm_fallback": (89_900, 12),
    "judged_fallback": (208_000, 11),
    "decompose_always": (329_000, 11),
    "llm_only": (334_000, 11),
    "cot_pot": (340_000, 11),
}
"""Names, with what a call costs and how many of 12 tasks succeed; the last ones are close."""

COLUMNS = {
    "tasks": "1,319",
    "success": "98.3% (91.1% to 99.7%)",
    "cost per success": "$0.00000566 ($0.00000504 to $0.00000670)",
    "loaded, $0.01 a failure": "$0.0000469",
    "escalated": "100.0%",
    "valid at first": "100.0%",
    "executable calls": "100.0% (94.0% to 100.0%)",
    "p50": "0.118 s",
    "p95": "12.341 s",
    "tokens per success": "1,103",
    "energy per task": "1.234 J",
    "ended": "11 abstained, 1 low_confidence, 48 ok",
    "spent in all": "$0.00182753",
    "scorer": "numeric ±1e-06",
}

NAMES = """() => [...document.querySelectorAll("[data-plot=tradeoff] .mark-text.role-mark text")]
  .filter((text) => text.getAttribute("stroke"))
  .map((text) => [text.textContent, text.getBoundingClientRect()])
  .map(([name, box]) => [name, box.left, box.top, box.right, box.bottom])"""
"""The halos of names, with the room that they take."""


@pytest.fixture(scope="module")
def nine(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A bench of nine graphs, of which one goes on to another tier, with four models."""
    told = Told(tmp_path_factory.mktemp("nine"), graphs=tuple(GRAPHS))
    for graph, (cost, right) in GRAPHS.items():
        for number in range(12):
            model = f"model-{number % 4}"
            said = call(nano_usd=cost, confidence=0.8 + number / 100, deployment=model)
            calls = [said]
            if graph == "slm_fallback" and number < 3:
                calls = [replace(said, decision="escalate", reason="not sure"),
                         replace(said, tier="llm", deployment="large")]  # fmt: skip
            told.task(graph, f"t{number}", number < right, *calls, seconds=0.1 + number / 10)
    told.page()
    return told


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A bench of two graphs, which are both on the front."""
    told = Told(tmp_path_factory.mktemp("few"))
    for graph in ("a", "b"):
        told.task(graph, "t", True, call(nano_usd=1_000 if graph == "a" else 4_000))
        told.task(graph, "u", graph == "b", call())
    return told


@pytest.fixture(scope="module")
def chromium(nine: Told, few: Told) -> Iterator[Browser]:
    """Opened after the ledgers are written, which needs an event loop of its own."""
    del nine, few
    with browser() as opened:
        yield opened


def plot(told: Told, name: str) -> Plot:
    (found,) = (each for each in told.content().plots if each.name == name)
    return found


def specs(of: Plot) -> list[dict[str, Any]]:
    return [spec for panel in of.panels for _, spec in panel.layouts]


@pytest.mark.parametrize("width", [DESKTOP, 1000, 700, 480, PHONE])
def test_every_point_is_named(nine: Told, chromium: Browser, width: int) -> None:
    """Beside it, or by a number that the legend explains; as drawn, no name lies on another."""
    with look(nine.folder / "page.html", width=width, chromium=chromium) as looked:
        found = looked.page.evaluate(NAMES)
        texts = looked.page.locator("[data-plot=tradeoff] svg text").all_text_contents()
        assert looked.console == []
    names = {name for name, *_ in found}
    legend = {text.split()[0]: text.split()[1] for text in texts if re.match(r"\d+ +\w+$", text)}
    assert {legend.get(name, name) for name in names} == set(GRAPHS)
    for at, (name, left, top, right, bottom) in enumerate(found):
        for other, le, to, ri, bo in found[at + 1 :]:
            apart = left >= ri - 4 or right <= le + 4 or top >= bo - 4 or bottom <= to + 4
            assert apart, (name, other)


def test_every_point_of_the_picture_is_named(nine: Told) -> None:
    """The SVG names the graphs and the front."""
    svg = picture(report(nine.ledger, bench="b").rows)
    assert [name for name in (*GRAPHS, "Pareto front") if f">{name}<" not in svg] == []


def test_the_front_has_always_the_same_look(nine: Told, few: Told) -> None:
    """A neutral colour of no series, with few graphs and with many, and its name in a legend."""
    for told in (nine, few):
        for spec in specs(plot(told, "tradeoff")):
            (line,) = (layer for layer in spec["layer"] if layer["mark"]["type"] == "line")
            assert line["mark"]["color"] == NEUTRAL
            assert line["encoding"]["strokeDash"]["legend"]["orient"] == "bottom"
            assert {point["line"] for point in line["data"]["values"]} == {"Pareto front"}
    for theme in (themes.LIGHT, themes.DARK):
        assert NEUTRAL not in theme["range"]["category"]


def test_cost_is_not_in_the_colours_of_graphs(nine: Told) -> None:
    """Plain and loaded differ by tone and shape."""
    (spec,) = specs(plot(nine, "costs"))
    channels = {name for layer in spec["layer"] for name in layer["encoding"]}
    assert "color" not in channels
    assert {"fill", "shape"} <= channels
    assert NEUTRAL in json.dumps(spec)


def test_latency_has_a_curve_for_each_of_nine(nine: Told) -> None:
    """Those that have a colour of another one have a dash."""
    (spec,) = specs(plot(nine, "latencies"))
    encoding = spec["layer"][0]["encoding"]
    assert encoding["color"]["scale"]["domain"] == list(GRAPHS)
    assert encoding["strokeDash"]["scale"]["range"] == [[1, 0]] * 7 + [[6, 3]] * 2
    assert "Drawn" not in plot(nine, "latencies").caption


def test_who_has_no_next_tier_is_not_escalated(nine: Told) -> None:
    """Only the graph that went on is drawn, and the caption says so."""
    found = plot(nine, "thresholds")
    assert {row[0] for row in found.rows} == {"slm_fallback"}
    assert "never went on to another tier are left out" in found.caption


def test_calibration_shows_the_largest_three(nine: Told) -> None:
    """The table has all of them."""
    found = plot(nine, "reliability")
    (spec,) = specs(found)
    drawn = {v["name"] for layer in spec["layer"][1:] for v in layer["data"]["values"]}
    assert len(drawn) == 3
    assert len({row[0] for row in found.rows}) == 5
    assert "the 3 with the most answers; the table has all 5" in found.caption


@pytest.mark.parametrize("width", [1600, DESKTOP, 1000, 760, PHONE])
def test_no_column_of_the_report_is_cut_off(nine: Told, chromium: Browser, width: int) -> None:
    """With all columns there are: the table is as wide as its card or becomes a list."""
    cells = tuple((figure.partition(" (")[0], figure.partition(" (")[2].removesuffix(")"))
                  for figure in COLUMNS.values())  # fmt: skip
    rows = tuple((graph, cells) for graph in GRAPHS)
    content = replace(nine.content(), columns=tuple(COLUMNS), table=rows)
    file = nine.folder / "columns.html"
    file.write_text(rendered(content), encoding="utf-8")
    with look(file, width=width, chromium=chromium) as looked:
        sizes = "(e) => [e.scrollWidth, e.clientWidth]"
        wide, room = looked.page.locator("#report .scroll").evaluate(sizes)
        assert wide <= room
        last = looked.page.locator("table.report tbody tr").last.locator("td").last
        assert last.inner_text().split() == ["numeric", "±1e-06"]
        looked.page.set_viewport_size({"width": 2000, "height": 900})
        thead = looked.page.locator("table.report thead")
        thead.wait_for(state="visible")


def test_the_page_explains_what_it_shows(nine: Told) -> None:
    """The footer speaks of the cost per success as the plots do."""
    page = rendered(nine.content())
    assert "CPS" not in page[page.index("<footer>") : page.index("</footer>")]
