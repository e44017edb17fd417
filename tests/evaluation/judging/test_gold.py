"""Gold files, ordinary, odd and hostile."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsys import UserError, step
from agentsys.errors import InvalidTask
from agentsys.evaluation.judging.gold import Gold, Item, read_gold
from agentsys.evaluation.judging.judge import fitted
from agentsys.evaluation.judging.matchups import matchups
from agentsys.verdict import Candidate, Verdict
from tests.shapes import Answer, Question


@step
async def words_judge(candidate: Candidate[Question, Answer]) -> Verdict:
    return Verdict(label="unknown")


def line(number: int = 1, **changed: Any) -> dict[str, Any]:
    given = {
        "id": f"i{number}",
        "task": {"text": f"{number}+1"},
        "answer": {"value": number + 1},
        "label": "correct",
    }
    return {**given, **changed}


def written(tmp_path: Path, *lines: Any) -> Path:
    file = tmp_path / "gold.jsonl"
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    file.write_text("\n".join(texts), encoding="utf-8")
    return file


def test_items_are_read_with_their_lines(tmp_path: Path):
    """What may be left out may; blank lines count as lines and are nothing else."""
    wrong = line(2, label="incorrect", failing_step=3, error="unit")
    gold = read_gold(written(tmp_path, line(), "", wrong, " "))
    assert gold.labels == [True, False]
    assert [item.line for item in gold.items] == [1, 3]
    assert (gold.items[1].failing_step, gold.items[1].error) == (3, "unit")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data + b"\n\n",
        lambda data: data.replace(b"1+1", "1\u2028+1".encode()),
    ],
    ids=["BOM", "CRLF", "blank end", "line separator in a text"],
)
def test_odd_files_are_read(tmp_path: Path, spoil: Any):
    """A mark of the byte order, other ends of lines: they are what they seem."""
    file = written(tmp_path, line(1), line(2))
    file.write_bytes(spoil(file.read_bytes().replace(b"\\u2028", "\u2028".encode())))
    assert len(read_gold(file).items) == 2


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{", "it is not JSON"),
        ("[]", "it is not a JSON object"),
        ("null", "it is not a JSON object"),
        ('{"id": NaN}', "NaN is no number"),
        ('{"id": 1e999}', "1e999 is no number"),
        ("[" * 100_000, "it is not JSON"),
        ('{"id": ' + "9" * 5_000 + "}", "it is not JSON"),
        ('{"id": "\\ud800"}', "half of a character"),
        ({}, "'id' is missing"),
        (line(id=""), "id: String should have at least 1 character"),
        (line(id="x" * 201), "id: String should have at most 200"),
        (line(label="unknown"), "label: it should be 'correct' or 'incorrect'"),
        (line(label=True), "label: it should be"),
        (line(lable="correct"), "'lable' is no key of it"),
        (line(label="incorrect", failing_step=0), "failing_step: it should be greater than"),
        (line(label="incorrect", failing_step="last"), "failing_step: it should be a valid int"),
        (line(failing_step=1), "a correct answer has no failing step"),
        (line(error="unit"), "a correct answer has no failing step"),
        ({"id": "x", "answer": 1, "label": "correct"}, "'task' is missing"),
        (line(5), "it has the id of line 1"),
        (line(5, id="other"), "it has the task and answer of line 1"),
        (line(5, id="other", label="incorrect"), "it has the task and answer of line 1"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: Any, said: str):
    """One line that says which line, what is wrong with it and what a line is."""
    with pytest.raises(UserError) as raised:
        read_gold(written(tmp_path, line(5), line(6), bad, line(7)))
    message = str(raised.value)
    assert "gold.jsonl, line 3: " in message
    assert said in message
    assert 'A line is {"id"' in message
    assert "\n" not in message
    assert len(message) < 500


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no items"),
        (b"\n \n", "has no items"),
        (b'{"id": "\xff"}', "line 1: byte 9 is not UTF-8"),
        (b"\0" * 64_000_001, "is longer than 64 MB"),
        (b"\x1f\x8b\x08" + b"\0" * 100, "line 1: byte 2 is not UTF-8"),
    ],
)
def test_what_is_no_gold_file_is_said(tmp_path: Path, content: bytes, said: str):
    """Empty, binary, endless: one line."""
    file = tmp_path / "gold.jsonl"
    file.write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_gold(file)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path):
    """A folder, or nothing at all."""
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read_gold(tmp_path)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_gold(tmp_path / "none")


def test_a_judge_is_shown_the_answer_and_not_the_label():
    """The candidate has the task and the answer as types, and nothing else of the item."""
    wrong = Item("i", {"text": "1+1"}, {"value": 3}, False, 1, "unit", 4)
    shown = fitted(wrong, words_judge, Gold("g", (wrong,)))
    assert shown == Candidate[Question, Answer](task=Question(text="1+1"), answer=Answer(value=3))
    said = r"g: Line 4 is no Candidate\[Question, Answer\]: answer.value"
    with pytest.raises(InvalidTask, match=said):
        fitted(Item("i", {"text": "1+1"}, {}, True, line=4), words_judge, Gold("g", ()))


def pairs(n: int, wrong: int = 1) -> Gold:
    """Tasks with a correct answer and so many incorrect ones."""
    found: list[Item] = []
    for at in range(n):
        found.append(Item(f"{at}", {"text": f"{at}"}, {"value": at}, True))
        found += [
            Item(f"{at}.{w}", {"text": f"{at}"}, {"value": at + 1 + w}, False) for w in range(wrong)
        ]
    return Gold("g", tuple(found))


def test_pairs_are_of_one_task():
    """Each incorrect answer meets a correct one; tasks without both meet nobody."""
    found = matchups(pairs(3, wrong=2))
    assert [(m.correct.id, m.incorrect.id) for m in found] == [
        (f"{at}", f"{at}.{w}") for at in range(3) for w in range(2)
    ]
    several = [Item(f"{n}", 1, n, n < 2) for n in range(5)]
    turns = [(m.correct.id, m.incorrect.id) for m in matchups(Gold("g", tuple(several)))]
    assert turns == [("0", "2"), ("1", "3"), ("0", "4")]
    assert matchups(Gold("g", (Item("a", 1, 1, True), Item("b", 2, 1, False)))) == ()


def test_the_correct_one_of_a_pair_comes_first_in_half_of_them():
    """Which it is follows from the answers; what a judge is shown does not tell."""
    found = matchups(pairs(200))
    assert 80 <= sum(m.correct_first for m in found) <= 120
    for each in found:
        assert set(each.shown) == {"task", "a", "b"}
        assert each.shown["a" if each.correct_first else "b"] == each.correct.answer
    assert [m.correct_first for m in matchups(pairs(200))] == [m.correct_first for m in found]


def test_answers_to_one_task_stay_together():
    """What is known of a task in one half tells nothing of the other."""
    fit, held_out = pairs(21, wrong=2).halves(0)
    assert not {i.task_digest for i in fit.items} & {i.task_digest for i in held_out.items}
    assert abs(len(fit.items) - len(held_out.items)) <= 3


def test_digests_are_of_what_is_shown():
    """The order of keys and the label do not matter, what is asked and answered does."""
    first = Item("a", {"x": 1, "y": 2}, 3, True)
    assert first.digest == Item("b", {"y": 2, "x": 1}, 3, False).digest
    assert first.digest != Item("a", {"x": 1, "y": 3}, 3, True).digest
    assert Item("a", 1, 23, True).digest != Item("a", 12, 3, True).digest


golds = st.lists(st.booleans(), min_size=1, max_size=60).map(
    lambda labels: Gold("g", tuple(Item(f"{n}", n, n, label) for n, label in enumerate(labels)))
)


@settings(max_examples=60, deadline=None)
@given(golds, st.integers(0, 5))
def test_halves_share_nothing_and_lack_nothing(gold: Gold, seed: int):
    """Every item is in one of them, and each has its share of both labels."""
    fit, held_out = gold.halves(seed)
    ids = [item.id for part in (fit, held_out) for item in part.items]
    assert sorted(ids) == sorted(item.id for item in gold.items)
    assert abs(len(fit.items) - len(held_out.items)) <= 1
    for correct in (True, False):
        assert abs(fit.labels.count(correct) - held_out.labels.count(correct)) <= 1
    assert gold.halves(seed) == (fit, held_out)


def test_halves_depend_on_the_seed_and_not_on_the_order():
    """The same items in another file are divided the same way."""
    items = tuple(Item(f"{n}", n, n, n % 2 == 0) for n in range(40))
    gold, turned = Gold("g", items), Gold("g", items[::-1])

    def ids(part: Gold) -> set[str]:
        return {item.id for item in part.items}

    assert ids(gold.halves(0)[0]) == ids(turned.halves(0)[0])
    assert ids(gold.halves(0)[0]) != ids(gold.halves(1)[0])


def test_a_limit_draws():
    """So many at random, in the order of the file; all of them where there are no more."""
    gold = Gold("g", tuple(Item(f"{n}", n, n, True) for n in range(50)))
    drawn = gold.limited(10, 0)
    places = [int(item.id) for item in drawn.items]
    assert places == sorted(places)
    assert len(places) == 10
    assert gold.limited(10, 1) != drawn
    assert gold.limited(99, 0) == gold.limited(None, 0) == gold
    with pytest.raises(UserError, match="leaves no item"):
        gold.limited(0, 0)
