"""Tasks in files of one's own."""

import gzip
from pathlib import Path

import pytest

from agentsys.errors import UnknownName, UserError
from agentsys.evaluation.suites import Task, files, load_suite


def file(folder: Path, text: str | bytes, name: str = "tasks.jsonl") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.parametrize(
    ("line", "task"),
    [
        ('{"id": "a", "input": {"x": [1]}, "reference": 2}', Task("a", {"x": [1]}, 2)),
        ('{"id": 7, "input": "Why?", "answer": "so"}', Task("7", "Why?", "so")),
        (
            '{"task_id": "a", "question": "Why?", "target": [1]}',
            Task("a", {"question": "Why?"}, [1]),
        ),
        ('{"_id": "a", "text": "Why?", "answer": false}', Task("a", {"question": "Why?"}, False)),
        ('{"problem": "Why?", "answer": 0}', Task("line-1", {"question": "Why?"}, 0)),
        ('{"prompt": "Why?", "reference": 0}', Task("line-1", {"question": "Why?"}, 0)),
    ],
)
def test_a_line_is_a_task(tmp_path, line, task):
    """Inputs, references and ids have a few usual names; without an id, the line is it."""
    assert load_suite(file(tmp_path, line)).tasks == (task,)


def test_a_csv_file_has_columns(tmp_path):
    """The first row names them; texts may have line ends, and an empty cell is none."""
    text = 'id,question,answer\r\na,"Why,\nso?",4\r\n,How?,5\r\n'
    tasks = (Task("a", {"question": "Why,\nso?"}, "4"), Task("line-4", {"question": "How?"}, "5"))
    suite = load_suite(file(tmp_path, text, "tasks.csv"))
    assert suite.tasks == tasks
    assert (suite.name, suite.scorer.name) == ("tasks.csv", "numeric ±1e-06")
    packed = file(tmp_path, gzip.compress(text.encode()), "tasks.csv.gz")
    assert load_suite(packed).tasks == tasks


@pytest.mark.parametrize(
    ("references", "scorer"),
    [
        (["1", "2.5", '"1,000"'], "numeric ±1e-06"),
        (["true", '"no"'], "yes-no"),
        (['"Ada"', '"4"'], "text"),
        (['"Ada"', "4"], "exact"),
        (['["a"]', '["b"]'], "exact"),
    ],
)
def test_the_references_choose_the_scorer(tmp_path, references, scorer):
    """Numbers, yes and no, text; anything else is compared exactly."""
    lines = [f'{{"question": "?", "answer": {reference}}}' for reference in references]
    assert load_suite(file(tmp_path, "\n".join(lines))).scorer.name == scorer


GOOD = '{"id": "a", "question": "?", "answer": 1}\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD + "\n{'id': 1}", "line 3: this is not JSON"),
        (GOOD + '{"question": "?", "answer": NaN}', "line 2: this is not JSON: NaN is no number"),
        (GOOD + "[" * 100_000, "line 2: this is not JSON"),
        (GOOD + "[1]", "line 2: this is not a JSON object"),
        (GOOD + '{"id": "b", "answer": 1}', "line 2: there is no 'input' or 'question' or 'text'"),
        (GOOD + '{"question": "?"}', "line 2: there is no 'reference' or 'answer' or 'target'"),
        (GOOD + '{"id": [1], "question": "?", "answer": 1}', "line 2: the id is neither text"),
        (GOOD + '{"question": 5, "answer": 1}', "line 2: 'question' is not text: '5'"),
        (GOOD + GOOD, "line 2: the id 'a' is that of line 1, too"),
        (GOOD + '{"question": "\\ud800", "answer": 1}', "line 2: there is half a character"),
        (GOOD.encode() + b'\n{"id": "\xff"}', "line 3: this is not UTF-8"),
        ("", "has no tasks in"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, says):
    """A file is data: what is wrong with it is one line, with the place."""
    path = file(tmp_path, text)
    with pytest.raises(UserError) as refused:
        load_suite(path)
    assert says in refused.value.message
    assert path in refused.value.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("question,answer\n?,1,2\n", "line 2: there are more cells than columns"),
        (
            "question;answer\n?;1\n",
            r"line 1: no column .* the columns are 'question;answer'.*commas",
        ),
        ("question,text\n?,1\n", "line 1: no column is called 'reference' or 'answer'"),
        ("answer,question, Answer\n1,?,2\n", "line 1: the column 'answer' is there twice"),
        ("question,answer\n?\n", "line 2: there is no 'reference' or 'answer'"),
        ('question,answer\n"?,1\n', "line 2: unexpected end of data"),
    ],
)
def test_a_bad_row_is_named(tmp_path, text, says):
    """The same of CSV."""
    with pytest.raises(UserError, match=says):
        load_suite(file(tmp_path, text, "tasks.csv"))


def test_names_of_columns_may_have_blanks_and_capitals(tmp_path):
    """As spreadsheets and people write them."""
    suite = load_suite(file(tmp_path, "Question , ANSWER\n1+1?,2\n", "tasks.csv"))
    assert [(task.data, task.reference) for task in suite.tasks] == [({"question": "1+1?"}, "2")]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("9" * 5_000, "a number has more than 4,300 digits"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_what_python_cannot_read_is_said_in_words(tmp_path, value, says):
    """Python's own advice is no help to who wrote the file."""
    text = f'{{"question": "?", "answer": {value}}}'
    with pytest.raises(UserError, match=f"line 1: this is not JSON: {says}"):
        load_suite(file(tmp_path, text))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no gzip", "cannot be read: Not a gzipped file"),
        (gzip.compress(GOOD.encode() * 9)[:-9], "cannot be read: Compressed file ended"),
        (None, "cannot be read: No such file or directory. Give the path of a file that is there."),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, says):
    """Missing, cut off or something else: one line."""
    path = tmp_path / "tasks.jsonl.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=says):
        load_suite(str(path))


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(tmp_path, monkeypatch):
    """Only so much of it is ever unpacked."""
    monkeypatch.setattr(files, "MAX_BYTES", 1 << 20)
    with pytest.raises(UserError, match="has more than 1 MB"):
        load_suite(file(tmp_path, gzip.compress(b" " * (2 << 20)), "tasks.jsonl.gz"))


def test_a_path_of_another_kind_says_which_there_are():
    """A slip of the pen in a path is no unknown suite alone."""
    with pytest.raises(UnknownName, match=r"Files of tasks end in \.jsonl, \.csv"):
        load_suite("data/tasks.txt")
