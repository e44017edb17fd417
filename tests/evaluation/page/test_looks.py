"""The page of a real bench, looked at in a real browser."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser import DESKTOP, PHONE, Looked, Theme, browser, look

THEMES: tuple[Theme, ...] = ("light", "dark")
EVERY = list(product((DESKTOP, PHONE), THEMES))
PLOTS = ("tradeoff", "costs", "latencies", "right", "escalated", "reliability")
MARKS = ".mark-symbol.role-mark path, .mark-rule.role-mark line, .mark-line.role-mark path"
CUT_OFF = """() => [...document.querySelectorAll("[data-plot] svg")].flatMap((drawing) => {
  const room = drawing.getBoundingClientRect();
  return [...drawing.querySelectorAll("text")].filter((text) => {
    const box = text.getBoundingClientRect();
    const seen = text.textContent && getComputedStyle(text).opacity !== "0";
    const above = box.top < room.top - 2 || box.bottom > room.bottom + 2;
    return seen && (above || box.left < room.left - 2 || box.right > room.right + 2);
  }).map((text) => text.textContent);
})"""


@pytest.fixture(scope="module")
def chromium(benched: Path) -> Iterator[Browser]:
    """One for all of them; it is closed before other tests need an event loop."""
    del benched  # made first, in an event loop of its own
    with browser() as opened:
        yield opened


@pytest.fixture(params=EVERY, ids=[f"{width}-{theme}" for width, theme in EVERY], scope="module")
def opened(request: Any, benched: Path, chromium: Browser) -> Iterator[Looked]:
    width, theme = request.param
    with look(benched / "page.html", width=width, theme=theme, chromium=chromium) as page:
        page.screenshot(benched / "screenshots", f"report-{width}-{theme}")
        yield page


@pytest.fixture
def looked(opened: Looked) -> Looked:
    """The page with all details closed."""
    opened.page.evaluate("document.querySelectorAll('details').forEach((e) => (e.open = false))")
    return opened


def test_nothing_goes_wrong_and_nothing_is_fetched(looked: Looked) -> None:
    """The browser has nothing to complain of, and asks for no more than the file."""
    assert looked.console == []
    assert [url for url in looked.requests if not url.startswith("file:")] == []
    assert len(looked.requests) == 1


def test_the_page_is_as_wide_as_the_screen(looked: Looked) -> None:
    """Nothing has to be scrolled sideways, with all details open, too."""
    looked.page.evaluate("document.querySelectorAll('details').forEach((e) => (e.open = true))")
    wide, screen = looked.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= screen


@pytest.mark.parametrize("plot", PLOTS)
def test_every_plot_is_drawn(looked: Looked, plot: str) -> None:
    """A plot fills its card, has marks that can be seen, and says in words what it is."""
    card = looked.page.locator(f"[data-plot={plot}]")
    drawing = card.locator("svg")
    box, room = drawing.bounding_box(), card.bounding_box()
    assert box is not None
    assert room is not None
    assert box["height"] > 100
    assert room["width"] * 0.9 < box["width"] <= room["width"] + 1
    sizes: list[float] = drawing.locator(MARKS).evaluate_all(
        "(marks) => marks.map((m) => m.getBoundingClientRect()).map((b) => b.width + b.height)"
    )
    assert [size for size in sizes if size > 3] != []
    assert drawing.get_attribute("aria-label") or card.get_attribute("aria-label")


def test_no_text_of_a_plot_is_cut_off(looked: Looked) -> None:
    """Legends, labels and axes are inside of their drawing, however wide that is."""
    assert looked.page.evaluate(CUT_OFF) == []


def test_every_text_stands_out_from_its_ground(looked: Looked) -> None:
    """The contrast of each text is 4.5 or more (WCAG 2.2, 1.4.3), in the plots and everywhere."""
    looked.page.evaluate("document.querySelectorAll('details').forEach((e) => (e.open = true))")
    texts = looked.contrasts()
    assert len(texts) > 200
    assert [pair for pair in texts if pair[0] < 4.5] == []


def test_a_failure_shows_its_calls(looked: Looked) -> None:
    """A click opens what was asked, what came of it, what was right, and each call."""
    failure = looked.page.locator("details.failure").first
    steps = failure.locator(".steps li")
    assert not steps.first.is_visible()
    failure.locator("summary").click()
    assert steps.first.is_visible()
    text = failure.inner_text()
    assert "solve@" in text
    assert '{"value":' in text
    assert "tokens in" in text


def test_the_page_is_reached_with_the_keyboard(benched: Path, chromium: Browser) -> None:
    """Tab comes to every detail and to the table that scrolls; Enter opens a failure."""
    with look(benched / "page.html", chromium=chromium) as looked:
        page = looked.page
        stops = page.locator("summary, #report .scroll").count()
        seen: set[str] = set()
        for _ in range(stops):
            page.keyboard.press("Tab")
            seen.add(page.evaluate("document.activeElement.tagName"))
            if page.evaluate("document.activeElement.closest('.failure') !== null"):
                break
        assert seen == {"SUMMARY", "DIV"}
        page.keyboard.press("Enter")
        assert page.locator("details.failure").first.get_attribute("open") is not None


def test_a_plot_says_what_is_under_the_pointer(benched: Path, chromium: Browser) -> None:
    """A point shows its graph and figures."""
    with look(benched / "page.html", chromium=chromium) as looked:
        looked.page.locator("[data-plot=tradeoff] .mark-symbol.role-mark path").first.hover()
        tip = looked.page.locator("#vg-tooltip-element.visible")
        tip.wait_for()
        assert "cost per success" in tip.inner_text()


def test_the_plots_follow_the_reader(benched: Path, chromium: Browser) -> None:
    """Another width or another theme draws each plot anew, and once, however quickly it changes."""
    layout = "document.querySelector('[data-plot=tradeoff]').dataset.layout"
    ink = (
        "document.querySelector('[data-plot=tradeoff] .role-axis-label text').getAttribute('fill')"
    )
    drawn = "document.documentElement.dataset.drawn"
    with look(benched / "page.html", width=DESKTOP, theme="light", chromium=chromium) as looked:
        page, plots = looked.page, looked.page.locator("[data-plot]").count()
        assert page.evaluate(layout) == "900"
        light = page.evaluate(ink)
        page.set_viewport_size({"width": PHONE, "height": 800})
        page.wait_for_function(f"() => {layout} === '0' && {drawn}")
        for theme in THEMES * 3:
            page.emulate_media(color_scheme=theme)
        page.wait_for_function(f"() => {drawn} && {ink} !== '{light}'")
        drawings = page.locator("[data-plot] svg")
        boxes = [drawing.bounding_box() for drawing in drawings.all()]
        assert len(boxes) == plots
        assert [box for box in boxes if box and box["width"] >= PHONE] == []
        assert looked.console == []


def test_the_figures_are_those_of_the_report(benched: Path, chromium: Browser) -> None:
    """Every graph is a row of the report and a point of the plot."""
    with look(benched / "page.html", chromium=chromium) as looked:
        rows = looked.page.locator("table.report tbody th").all_inner_texts()
        assert rows == ["small", "fallback", "voted", "large"]
        points = looked.page.locator("[data-plot=tradeoff] .mark-symbol.role-mark path")
        assert points.count() == len(rows)


def test_the_picture_is_a_picture(benched: Path) -> None:
    """The SVG stands alone: names, marks, a ground of its own, and nothing of JavaScript."""
    text = (benched / "picture.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert "<script" not in text
    assert 'fill="#ffffff"' in text
    assert {name for name in ("small", "fallback", "voted", "large") if f">{name}<" in text} == {
        "small",
        "fallback",
        "voted",
        "large",
    }
