"""What counts as right."""

import pytest

from agentsys.errors import InvalidOutput, UserError
from agentsys.evaluation.scorers import (
    F1,
    PICK,
    Choice,
    Exact,
    Executable,
    Json,
    Mathematical,
    Numeric,
    SetOf,
    Text,
    YesNo,
    scorer_named,
)
from agentsys.evaluation.scorers.base import part
from agentsys.evaluation.task import Task


@pytest.mark.parametrize(
    ("output", "right"),
    [
        ({"value": 42}, True),
        ({"value": 42.0, "expression": "6*7"}, True),
        ({"value": 42.00001}, True),
        ({"value": "42.0"}, True),
        (42, True),
        ({"value": 42.1}, False),
        ({"value": True}, False),
        ({"value": None}, False),
        ({"value": "many"}, False),
        ({"value": float("nan")}, False),
        ({"value": 10**400}, False),
        ({"number": 42}, False),
        ([42], False),
        (None, False),
    ],
)
def test_a_number_is_right_within_the_tolerance(output, right):
    """Only a finite number close to the reference is right; nothing else breaks the scorer."""
    assert Numeric(tolerance=1e-6)(output, 42) is right


def test_the_tolerance_is_relative_to_large_references():
    """A millionth of a million is one; near zero the tolerance is absolute."""
    assert Numeric(tolerance=1e-6)({"value": 1_000_000.9}, 1_000_000)
    assert Numeric(tolerance=1e-6)({"value": 1e-7}, 0)
    assert not Numeric(tolerance=1e-6)({"value": 1e-5}, 0)


def test_a_truth_value_is_not_a_reference():
    """True as a reference is a mistake in a suite, not the number 1."""
    assert not Numeric()({"value": 1}, True)


@pytest.mark.parametrize(
    ("output", "reference", "right"),
    [
        ({"a": [1, "x"]}, {"a": [1, "x"]}, True),
        ("Paris", "Paris", True),
        ("paris", "Paris", False),
        (1, True, False),
        (None, None, True),
        ([True], [1], False),
        ({"a": [0]}, {"a": [False]}, False),
        ({"a": [1]}, {"a": [1.0]}, True),
    ],
)
def test_exact_means_the_same_value(output, reference, right):
    """Equal JSON is right, and true is not 1."""
    assert Exact()(output, reference) is right


def test_exact_can_look_at_one_field():
    """The other fields do not matter then."""
    assert Exact("label")({"label": "spam", "why": "…"}, "spam")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234", 1234),
        ("$1,234.50", 1234.5),
        ("-$5", -5),
        ("$ -5", -5),
        ("18 €", 18),
        ("50%", 50),
        (" 42. ", 42),
        (".5", 0.5),
        ("1e3", 1000),
        ("+7", 7),
        ("４２", None),
        ("1,23", None),
        ("1 234", None),
        ("1_000", None),
        ("2:00", None),
        ("18 dollars", None),
        ("1/2", None),
        ("--5", None),
        ("inf", None),
        ("1e400", None),
        ("9" * 1_000, None),
        ("", None),
    ],
)
def test_numbers_are_read_from_text(text, number):
    """Thousands' commas and signs of currencies and percent do not matter; anything else does."""
    assert (Numeric()({"value": text}, number if number is not None else 0)) is (number is not None)


@pytest.mark.parametrize(
    ("output", "reference", "right"),
    [
        ("The Eiffel Tower!", "eiffel tower", True),
        ("Ａda  Lovelace", "ada lovelace", True),
        ("Ada", ["Grace", "ada."], True),
        ("Ada", "Grace", False),
        (4, "4", True),
        (4.0, "4", True),
        (True, "yes", True),
        ("A.", "a", True),
        ("a", "the", False),
        (None, "none", False),
        (["Ada"], "Ada", False),
    ],
)
def test_text_is_compared_normalised(output, reference, right):
    """Case, articles, punctuation, spaces and forms of characters do not matter."""
    assert Text()(output, reference) is right


@pytest.mark.parametrize(
    ("output", "reference", "right"),
    [
        (True, True, True),
        ("Yes, it did.", True, True),
        ("no", False, True),
        ("False", "no", True),
        ("It did, yes", True, False),
        ("nothing", False, False),
        (1, True, False),
        (None, False, False),
    ],
)
def test_yes_and_no_are_read(output, reference, right):
    """A truth value, or the first word."""
    assert YesNo()(output, reference) is right


@pytest.mark.parametrize(
    ("output", "letter"),
    [
        ("B", "B"),
        ("(b)", "B"),
        (" B. ", "B"),
        ("**B**", "B"),
        ("B. Paris", "B"),
        ("(B) Paris", "B"),
        ("B) A city", "B"),
        ("Answer: B", "B"),
        ("The answer is (C).", "C"),
        ("the correct option is **D**.", "D"),
        (r"So it is \boxed{A}", "A"),
        ("It must be (B), as I said: (B).", "B"),
        ("It is (A) or (B).", None),
        ("Answer: A. No, answer: B", None),
        ("A cat sat.", None),
        ("I think so", None),
        ("The answer is Berlin", None),
        ("The answer is a city", None),
        ("AB", None),
        ("", None),
        (2, None),
    ],
)
def test_a_letter_is_found(output, letter):
    """In the ways that models write it; several letters, or words, are none."""
    for each in "ABCD":
        assert Choice()(output, each) is (each == letter)
    assert Choice()({"answer": output}, "(B)") is False  # the whole output is no letter


@pytest.mark.parametrize(
    ("output", "reference", "f1"),
    [
        ("the cat sat", "Cat sat.", 1.0),
        ("cat sat on a mat", "cat sat", 2 * 2 / (4 + 2)),
        ("cat cat", "cat", 2 / 3),
        ("dog", "cat", 0.0),
        ("yes it is", "yes", 0.0),
        ("no", "no", 1.0),
        ("", "", 1.0),
        ("", "cat", 0.0),
        (5, "5", 1.0),
    ],
)
def test_words_in_common_decide(output, reference, f1):
    """By their F1 as SQuAD and HotpotQA have it; yes and no are all or nothing."""
    for at_least in (0.1, 0.5, 0.66, 0.67, 0.7, 1.0):
        right = f1 >= at_least
        assert F1(at_least=at_least)(output, reference) is right
        assert F1(at_least=at_least)(output, ["zebra", reference]) is right


@pytest.mark.parametrize(
    ("output", "reference", "at_least", "right"),
    [
        (["b", "A"], ["a", "b"], 1, True),
        ("A, b", ["b", "a"], 1, True),
        ("a\nb\n", ["a", "b"], 1, True),
        (["a", "a", "b"], ["a", "b"], 1, True),
        (["a", "b", "c"], ["a", "b"], 1, False),
        (["a", "b", "c"], ["a", "b"], 0.8, True),
        (["a"], ["a", "b"], 0.7, False),
        ([], [], 1, True),
        ([["a"]], ["a"], 1, False),
        ({"a": 1}, ["a"], 1, False),
    ],
)
def test_sets_are_compared(output, reference, at_least, right):
    """Order and repetition do not matter; how much may be missing, the threshold says."""
    assert SetOf(at_least=at_least)(output, reference) is right


@pytest.mark.parametrize(
    ("output", "reference", "right"),
    [
        ({"a": 1, "b": [2.0]}, {"b": [2], "a": 1.0}, True),
        ('{"b": [2], "a": 1}', {"a": 1, "b": [2]}, True),
        ({"a": True}, {"a": 1}, False),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": float("nan")}, {"a": float("nan")}, False),
        ("[1]", "[1]", True),
        (10**400, 1e308, False),
        (None, None, True),
    ],
)
def test_json_is_compared(output, reference, right):
    """Its values, not how they are written; text is read where the reference is none."""
    assert Json()(output, reference) is right


@pytest.mark.parametrize(
    ("fields", "picked"),
    [
        ({"value": 1, "answer": 2}, 1),
        ({"reasoning": "…", "answer": 2}, 2),
        ({"label": 3}, 3),
        (4, 4),
        ([5], [5]),
    ],
)
def test_the_field_is_picked(fields, picked):
    """`value`, else `answer`, else the only one; what has no fields is taken as it is."""
    assert part(fields, PICK) == picked


def test_an_unclear_field_is_refused():
    """Neither name nor a single field: it is not guessed."""
    with pytest.raises(InvalidOutput, match="it is not said which one counts"):
        part({"a": 1, "b": 2}, PICK)


@pytest.mark.parametrize(
    ("name", "scorer"),
    [
        ("exact", Exact(PICK)),
        ("text", Text(PICK)),
        ("yes-no", YesNo(PICK)),
        ("numeric", Numeric(PICK)),
        ("numeric:0.01", Numeric(PICK, 0.01)),
        ("choice", Choice(PICK)),
        ("f1", F1(PICK, 0.5)),
        ("f1:0.8", F1(PICK, 0.8)),
        ("set", SetOf(PICK, 1)),
        ("set:0.8", SetOf(PICK, 0.8)),
        ("json", Json(None)),
        ("math", Mathematical(PICK)),
        ("executable", Executable(PICK)),
        ("executable:data", Executable(PICK, code=False)),
    ],
)
def test_scorers_have_names(name, scorer):
    """Each by name, with its argument; a field that is named is the one that counts."""
    assert scorer_named(name) == scorer
    assert scorer_named(name, "x").field == "x"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("numerc", "Did you mean 'numeric'"),
        ("numeric:", "a colon and nothing after it"),
        ("numeric:-1", "wants a number from 0 on after its colon"),
        ("numeric:nan", "wants a number"),
        ("f1:2", "wants a number from 0 to 1"),
        ("exact:1", "'exact' takes no argument"),
        ("executable:all", "'executable' and 'executable:data'"),
        ("judge:mine", r"give Judged\(name, graph\)"),
    ],
)
def test_a_wrong_name_is_one_line(name, says):
    """It says what there is."""
    with pytest.raises(UserError, match=says):
        scorer_named(name)


@pytest.mark.parametrize(
    ("scorer", "reference"),
    [
        (Numeric(), "many"),
        (Numeric(), True),
        (YesNo(), "maybe"),
        (Choice(), "Paris"),
        (Text(), {"a": 1}),
        (Text(), []),
        (SetOf(), 5),
        (Exact(), float("nan")),
    ],
)
def test_a_task_that_no_output_could_solve_is_refused(scorer, reference):
    """Where the reference itself is not right, nothing would be."""
    with pytest.raises(UserError, match="could find no output of task 't' right"):
        scorer.require([Task("t", "?", reference)])
