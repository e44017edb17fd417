"""The tools that come with agentsys."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentsys.errors import InvalidOutput, ToolFailed
from agentsys.evaluation.facts import corpus
from agentsys.project import find
from agentsys.tools.tool import Tool

Tools = Callable[[str], Tool[..., Any]]


@pytest.fixture
def ready_made(tmp_path: Path) -> Tools:
    """The tools of the catalogue, as a project without its own sees them."""

    def tool(name: str) -> Tool[..., Any]:
        found = find("tool", name, start=tmp_path)
        assert isinstance(found.value, Tool), found.problem
        return found.value

    return tool


async def test_python_gives_the_value(ready_made: Tools) -> None:
    """As an agent uses it: JSON arguments in, text out."""
    assert await ready_made("python").use({"code": "4 * 12 - 7"}) == "41"
    assert await ready_made("python").use({"code": "print('hi')"}) == "hi"


async def test_python_says_what_went_wrong(ready_made: Tools) -> None:
    """The reason is for the model, which may try again."""
    with pytest.raises(ToolFailed, match="ZeroDivisionError"):
        await ready_made("python").use({"code": "1 / 0"})
    with pytest.raises(InvalidOutput):
        await ready_made("python").use({"code": 3})


async def test_search_finds_every_fact_by_its_own_query(ready_made: Tools) -> None:
    """For 95 of 100 facts the passage that states it is among the three that come back."""
    search = ready_made("search")
    facts = corpus()[:100]
    found = [fact.text in search(query=fact.query) for fact in facts]
    assert sum(found) >= 95
