"""Whatever models and users write, a page shows it and does not do it."""

from dataclasses import replace
from pathlib import Path

from agentsys.events import ToolCall
from agentsys.ledger import Ledger
from tests.browser import look
from tests.evaluation.page.told import Told, call

OVERRIDE = "\u202e"


ELSEWHERE = "http://127.0.0.1:9/style.css"
HOSTILE = (
    '</script><script>window.taken = true</script></pre></title>"><img src=x onerror='
    f'"window.taken = true"><link rel=stylesheet href="{ELSEWHERE}">{{{{ 7 * 7 }}}}<!--{OVERRIDE}'
)


def everywhere(folder: Path, text: str) -> Told:
    """A bench in which every name and every text is this one."""
    told = Told(folder, suite=text, graphs=(text,))
    said = call(text, tier=text, deployment=text, decision="escalate", reason=text, text=text)
    used = ToolCall("", text, text, {text: text}, False, text, 0.1)
    told.task(text, text, False, said, used, error=text, thresholds=text, scorer=text)
    for number in range(30):
        told.task(text, f"{text}{number}", number % 3 > 0, replace(said, decision="accept"))
    return told


def test_hostile_text_is_shown_and_not_run(tmp_path: Path) -> None:
    """No script of it runs, no element of it is made, nothing is fetched, and it can be read."""
    file = everywhere(tmp_path, HOSTILE).page()
    with look(file) as looked:
        page = looked.page
        page.evaluate("document.querySelectorAll('details').forEach((e) => (e.open = true))")
        page.locator("[data-plot=tradeoff] .mark-symbol.role-mark path").first.hover()
        page.locator("#vg-tooltip-element.visible").wait_for()
        assert page.evaluate("window.taken") is None
        assert page.locator("img, link, iframe, object, embed").count() == 0
        assert page.locator("script").count() == 3
        assert looked.console == []
        assert len(looked.requests) == 1
        shown = page.locator("body").inner_text()
        assert "<script>window.taken = true</script>" in shown
        assert "{{ 7 * 7 }}" in shown
        assert "\\u202e" in shown
    assert OVERRIDE not in file.read_text(encoding="utf-8")


def test_the_page_may_fetch_nothing(told: Told) -> None:
    """Even a script on the page reaches no server, and makes no other script run."""
    told.task("g", "t", True, call())
    with look(told.page()) as looked:
        open_to_all = {"Access-Control-Allow-Origin": "*"}
        looked.page.route("http://**", lambda route: route.fulfill(body="", headers=open_to_all))
        fetched = f"fetch('{ELSEWHERE}').then(() => 'reached', () => 'refused')"
        assert looked.page.evaluate(fetched) == "refused"
        added = "const each = document.createElement('script'); each.text = 'window.taken = true';"
        looked.page.evaluate(f"{added} document.body.append(each)")
        assert looked.page.evaluate("window.taken") is None


def test_control_characters_are_written_out(told: Told) -> None:
    """A page holds no character that drives a terminal, turns the text or is none."""
    texts = ["\x1b[2J", "\x00", "\x9b", "\u2066", "\ufeff", "half \ud800"]
    for number, text in enumerate(texts):
        said = call(reason=text, text=text, decision="give-up")
        told.task("g", f"{number}{text}", False, said, error=text)
    page = told.page().read_text(encoding="utf-8")
    assert [text for text in ("\x1b", "\x00", "\x9b", "\u2066", "\ufeff") if text in page] == []
    assert "\\x1b[2J" in page


def test_huge_texts_are_cut(told: Told) -> None:
    """What is too long to read is cut, with a note of how much is left out."""
    for number in range(20):
        said = [call(text="x" * 1_000_000, decision="give-up") for _ in range(3)]
        told.task("g", f"t{number}", False, *said)
    page = told.page().read_text(encoding="utf-8")
    assert len(page) < 3_000_000
    assert "[998,000 more characters are not shown]" in page


def test_long_runs_are_cut(told: Told) -> None:
    """Of a run of very many calls the first are shown, and how many are not."""
    told.task("g", "t", False, *(call(text=f"call {number}") for number in range(70)))
    page = told.page().read_text(encoding="utf-8")
    assert "call 59" in page
    assert "call 60" not in page
    assert "10 more calls are not shown." in page


def test_a_ledger_is_left_as_it_was(told: Told) -> None:
    """Making a page writes nothing."""
    told.task("g", "t", False, call())
    before = len(list(Ledger.open(f"sqlite:///{told.folder}/told.db").events()))
    told.page()
    assert len(list(Ledger.open(f"sqlite:///{told.folder}/told.db").events())) == before
