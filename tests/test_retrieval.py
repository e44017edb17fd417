"""Search in passages."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from agentsys.retrieval import Retrieval

PASSAGES = [
    "The capital of Zind is Senat.",
    "The river that flows through Zind is the Klalt.",
    "The capital of Brool is Ümra.",
    "The height of Mount Quishig is 2171 meters.",
]


@pytest.fixture(scope="module")
def retrieval() -> Retrieval:
    """An index of the passages."""
    return Retrieval(PASSAGES)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("capital Zind", PASSAGES[0]),
        ("What is the CAPITAL of Brool?", PASSAGES[2]),
        ("river", PASSAGES[1]),
        ("2171", PASSAGES[3]),
        ("ümra", PASSAGES[2]),
    ],
)
def test_the_passage_that_fits_best_is_first(retrieval: Retrieval, query: str, first: str) -> None:
    """Rare words count for more than common ones, case for nothing."""
    assert retrieval.top(query)[0] == first


@pytest.mark.parametrize(
    "query", ["", "   ", "?!", "the of is", "nothing known", "\x00\ud800", "😀"]
)
def test_a_query_without_a_known_word_finds_nothing(retrieval: Retrieval, query: str) -> None:
    """Nothing is better than any three passages."""
    assert retrieval.top(query) == []


def test_no_more_than_the_limit(retrieval: Retrieval) -> None:
    """The limit bounds the answer, and so does the corpus."""
    assert len(retrieval.top("capital Zind", 1)) == 1
    assert len(retrieval.top("capital Zind", 99)) == 3


def test_threads_share_an_index(retrieval: Retrieval) -> None:
    """Searches from several threads do not disturb each other."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: retrieval.top("capital Zind")[0], range(40)))
    assert set(found) == {PASSAGES[0]}


@pytest.mark.parametrize("passages", [[], ["?!"], ["the", ""]])
def test_passages_without_a_word_are_never_found(passages: list[str]) -> None:
    """Nothing to index is no error."""
    assert Retrieval(passages).top("the capital") == []
