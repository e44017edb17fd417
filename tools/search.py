"""Searches the facts that come with agentsys; copy it to search passages of your own."""

from functools import cache

from agentsys import tool
from agentsys.evaluation.facts import passages
from agentsys.retrieval import Retrieval


@cache
def _corpus() -> Retrieval:
    return Retrieval(passages())


@tool
def search(query: str) -> list[str]:
    """Find passages in the local corpus."""
    return _corpus().top(query, 3)
