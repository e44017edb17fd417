"""Agreement beyond chance, against published examples, other libraries and what must hold."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsys.evaluation.judging.agreement import (
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
)

OF_TABLES = (fleiss_kappa, gwet_ac1, krippendorff_alpha)

FLEISS = """
0000e 02642 00356 03920 22811 77000 32630 25322 65210 02237
"""
"""Fleiss 1971, as retold: ten items, fourteen raters, five categories, in hexadecimal digits."""

GWET = "11.1 2232 3333 3333 2222 1234 4444 1121 2222 .555 ..11 ..3.".split()
"""`raw_4raters` of irrCAC, from Gwet 2014; and Krippendorff 2011, section C. Dots are missing."""

RANDOM = "icii ccc. ii.c iiii ccci c.cc c.ii ccc. c.cc iiic icci cc..".split()


def table(rows):
    """A row for each word, a rating for each letter."""
    return [[None if sign == "." else sign for sign in row] for row in rows]


def test_cohen_of_the_textbook():
    """Of fifty proposals, 20 twice accepted, 15 twice refused: kappa is 0.4."""
    first = "y" * 25 + "n" * 25
    second = "y" * 20 + "n" * 5 + "y" * 10 + "n" * 15
    found = cohen_kappa(first, second)
    assert found.value == pytest.approx(0.4)
    assert found.interval is not None
    assert found.interval[0] < 0.4 < found.interval[1]


def test_fleiss_of_the_textbook():
    """Ten items, fourteen raters, five categories: 0.210."""
    rows = [[k for k in range(5) for _ in range(int(w[k], 16))] for w in FLEISS.split()]
    assert fleiss_kappa(rows).value == pytest.approx(0.210, abs=5e-4)


@pytest.mark.parametrize(
    ("coefficient", "published"),
    [*zip(OF_TABLES, (0.76117, 0.77544, 0.74342), strict=True)],
)
def test_the_example_of_the_handbook(coefficient, published):
    """Four raters, five categories, missing ratings, and an item that one alone has rated."""
    assert coefficient(table(GWET)).value == pytest.approx(published, abs=5e-6)


@pytest.mark.parametrize(
    ("coefficient", "theirs"),
    [*zip(OF_TABLES, (0.382226762002, 0.447469395213, 0.3682864450127876), strict=True)],
)
def test_other_libraries_find_the_same(coefficient, theirs):
    """As irrCAC 0.4.4 and krippendorff 0.9.0 compute it of a random table."""
    assert coefficient(table(RANDOM)).value == pytest.approx(theirs, abs=1e-11)


tables = st.integers(2, 5).flatmap(
    lambda raters: st.lists(
        st.lists(st.sampled_from(["a", "b", "c", None]), min_size=raters, max_size=raters),
        min_size=2,
        max_size=15,
    )
)
complete = st.integers(2, 5).flatmap(
    lambda raters: st.lists(
        st.lists(st.sampled_from("abc"), min_size=raters, max_size=raters), min_size=2, max_size=15
    )
)


def near(found, other):
    if found.value is None:
        return other.value is None
    return found.value == pytest.approx(other.value, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(tables, st.randoms(use_true_random=False))
@pytest.mark.parametrize("coefficient", OF_TABLES)
def test_names_and_order_do_not_matter(coefficient, rated, draw):
    """Other names of the categories, raters or items in another order: the same agreement."""
    names = dict(zip("abc", draw.sample(["x", "y", "z"], 3), strict=True))
    order = draw.sample(range(len(rated[0])), len(rated[0]))
    other = [[names.get(row[at]) for at in order] for row in rated]
    draw.shuffle(other)
    assert near(coefficient(rated), coefficient(other))


@settings(max_examples=40, deadline=None)
@given(tables)
@pytest.mark.parametrize("coefficient", OF_TABLES)
def test_an_item_without_opinions_does_not_matter(coefficient, rated):
    """What nobody rated tells nothing of agreement; the interval is that of the same seed."""
    assert near(coefficient(rated), coefficient([*rated, [None] * len(rated[0])]))


@settings(max_examples=40, deadline=None)
@given(complete)
@pytest.mark.parametrize("coefficient", [fleiss_kappa, gwet_ac1])
def test_the_same_items_twice_do_not_matter(coefficient, rated):
    """Kappa and AC1 are of shares: twice the items are no more agreement."""
    assert near(coefficient(rated), coefficient(rated * 2))


@settings(max_examples=40, deadline=None)
@given(complete)
def test_alpha_is_kappa_for_many_items(rated):
    """With nothing missing, alpha exceeds kappa by what drawing without replacement makes."""
    kappa, alpha = fleiss_kappa(rated).value, krippendorff_alpha(rated).value
    if kappa is None:
        assert alpha is None
        return
    ratings = len(rated) * len(rated[0])
    assert alpha == pytest.approx(kappa + (1 - kappa) / ratings)


@settings(max_examples=40, deadline=None)
@given(tables)
def test_agreement_has_a_top(rated):
    """None exceeds 1, and an interval has its ends in order, below it."""
    for coefficient in OF_TABLES:
        found = coefficient(rated)
        assert found.value is None or found.value <= 1 + 1e-9
        if found.interval is not None:
            assert found.interval[0] <= found.interval[1] <= 1 + 1e-9


@pytest.mark.parametrize("coefficient", OF_TABLES)
def test_full_agreement_is_one(coefficient):
    """Raters who always agree, on items of both kinds, agree fully."""
    assert coefficient(table(["aaa", "bbb"] * 10)).value == pytest.approx(1)


def test_kappa_collapses_where_ac1_does_not():
    """Where 95 of 100 items are of one kind, 98 % agreement is hardly any by kappa."""
    rated = table(["cc"] * 95 + ["ci"] * 2 + ["ii"] * 3)
    kappa, certain = fleiss_kappa(rated).value, gwet_ac1(rated).value
    assert kappa == pytest.approx(0.739, abs=1e-3)
    assert certain == pytest.approx(0.978, abs=1e-3)
    lone = table(["cc"] * 20)
    assert (fleiss_kappa(lone).value, krippendorff_alpha(lone).value) == (None, None)
    assert gwet_ac1(lone, categories=2).value == 1


@pytest.mark.parametrize("coefficient", OF_TABLES)
@pytest.mark.parametrize("rated", [[], [[]], [["a"]], [["a", None], [None, "b"]], [[None, None]]])
def test_nothing_to_compare_is_no_number(coefficient, rated):
    """Without an item that two have rated there is no agreement, not 0 and no crash."""
    assert coefficient(rated).value is None
    assert coefficient(rated).interval is None


def test_cohen_needs_the_same_items():
    """Two raters of different items are a mistake of the caller."""
    with pytest.raises(ValueError, match="same items"):
        cohen_kappa(["a"], [])


def test_two_who_have_nothing_in_common():
    """Where they rated no item both, there is no number."""
    assert cohen_kappa(["a", None], [None, "a"]).value is None


@pytest.mark.parametrize("coefficient", OF_TABLES)
def test_intervals_cover_as_often_as_they_say(coefficient):
    """Two judges, each right in nine of ten cases: 0.64 is inside about 95 of 100 intervals."""
    draw, inside = random.Random(11), 0
    for _ in range(100):
        truth = [draw.random() < 0.5 for _ in range(120)]
        rated = [[t ^ (draw.random() < 0.1) for _ in range(2)] for t in truth]
        interval = coefficient(rated).interval
        assert interval is not None
        inside += interval[0] <= 0.64 <= interval[1]
    assert 88 <= inside <= 100
