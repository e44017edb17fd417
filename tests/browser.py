"""A real browser that looks at pages: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = 1280, 390
Theme = Literal["light", "dark"]

DRAWN = "() => document.documentElement.dataset.drawn"
"""A function, because a page that forbids to evaluate text cannot wait for an expression."""

CONTRAST = """() => {
  const channels = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((each) => {
      const part = each / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = channels(getComputedStyle(at).backgroundColor);
      if (r !== undefined && alpha > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const style = getComputedStyle(element);
    const drawn = element instanceof SVGElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    if (drawn && style.stroke !== "none") continue; // the halo behind a name
    const ink = light(channels(drawn ? style.fill : style.color));
    const back = light(ground(element));
    const ratio = (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05);
    found.push({ text: walker.currentNode.data.trim().slice(0, 60), ratio });
  }
  return found;
}"""
"""Every text that is seen, with the contrast to its ground as WCAG 2.2 defines it."""


@dataclass
class Looked:
    """A page that is open, and what happened in it."""

    page: Page
    console: list[str] = field(default_factory=list[str])
    """What the browser wrote on its console, and scripts' errors."""
    requests: list[str] = field(default_factory=list[str])

    def contrasts(self) -> list[tuple[float, str]]:
        """The contrast of every text that is seen, the least first."""
        found: list[dict[str, Any]] = self.page.evaluate(CONTRAST)
        return sorted((each["ratio"], each["text"]) for each in found)

    def screenshot(self, folder: Path, name: str) -> Path:
        """The whole page as a PNG, in the folder or that of `AGENTSYS_SCREENSHOTS`."""
        place = Path(os.environ.get("AGENTSYS_SCREENSHOTS") or folder)
        place.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=place / f"{name}.png", full_page=True)
        return place / f"{name}.png"


@contextmanager
def browser() -> Generator[Browser]:
    """A Chromium; the test is skipped where there is none.

    While it is open, its thread has a running event loop, in which no other one can run.
    """
    if CHROMIUM is None:
        pytest.skip("there is no chromium to look at the page with (apt-get install chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield opened
        opened.close()


@contextmanager
def look(
    file: Path, *, width: int = DESKTOP, theme: Theme = "light", chromium: Browser | None = None
) -> Generator[Looked]:
    """Open a page and wait until its plots are drawn; without a Chromium, in one of its own."""
    with ExitStack() as stack:
        opened = chromium or stack.enter_context(browser())
        context = opened.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
        )
        looked = Looked(context.new_page())
        looked.page.on("console", lambda message: looked.console.append(message.text))
        looked.page.on("pageerror", lambda error: looked.console.append(str(error)))
        looked.page.on("request", lambda request: looked.requests.append(request.url))
        looked.page.goto(file.as_uri())
        looked.page.wait_for_function(DRAWN)
        yield looked
        context.close()
