"""Scorers that run something: mathematics and tests."""

import threading
import time

import pytest

from agentsys import System
from agentsys.errors import InvalidOutput, InvalidTask, UserError
from agentsys.evaluation.scorers import Executable, Mathematical, scored
from agentsys.evaluation.scorers.worker import Worker
from agentsys.evaluation.task import Task
from agentsys.models.scripted import Scripted

SYSTEM = System({"slm": Scripted("")})


@pytest.mark.parametrize(
    ("output", "reference", "right"),
    [
        ("1/2", r"\frac{1}{2}", True),
        (0.5, r"$\frac{1}{2}$", True),
        ("x^2 + 1", "1+x^2", True),
        (r"The answer is $2\sqrt{2}$.", r"\sqrt{8}", True),
        (r"So it is \boxed{12}.", 12, True),
        (1e-07, "0.0000001", True),
        (1e-07, 1e-07, True),
        (2.5e22, "25000000000000000000000", True),
        (1e-07, "-7", False),
        (float("nan"), "1", False),
        (r"\{3, 1, 2\}", r"\{1,2,3\}", True),
        ("(1, 2)", "(1,2)", True),
        ("(2, 1)", "(1,2)", False),
        ("x^2 - 1", "x^2+1", False),
        ("13", "12", False),
        ("", "12", False),
        (True, "1", False),
        (["12"], "12", False),
        ("9^{9^{9^{9^9}}}", "1", False),
    ],
)
async def test_what_is_mathematically_equal_is_right(output, reference, right):
    """However it is written; what cannot be computed is wrong after a time."""
    pytest.importorskip("math_verify")
    task, scorer = Task("t", "?", reference), Mathematical()
    scorer.require([task])
    assert (await scored(scorer, {"answer": output}, task, SYSTEM)).success is right


def test_what_takes_too_long_is_stopped():
    """The process is killed, and the next question gets another."""
    pytest.importorskip("math_verify")
    worker = Worker()
    try:
        assert worker.ask({"kind": "math", "given": "1", "wanted": "1"}) is True
        begun = time.monotonic()
        with pytest.raises(InvalidOutput, match="stopped after 1 seconds"):
            worker.ask({"kind": "math", "given": "100000000!", "wanted": "1"}, seconds=1)
        assert time.monotonic() - begun < 60
        assert worker.ask({"kind": "math", "given": "2/4", "wanted": "1/2"}) is True
    finally:
        worker.close()


def test_it_is_closed_while_it_works():
    """Ctrl-C does not wait for what may take for ever."""
    pytest.importorskip("math_verify")
    worker, said = Worker(), list[str]()
    worker.ask({"kind": "ready"})

    def ask() -> None:
        with pytest.raises(InvalidOutput) as stopped:
            worker.ask({"kind": "math", "given": "100000000!", "wanted": "1"}, seconds=300)
        said.append(stopped.value.message)

    asking = threading.Thread(target=ask)
    asking.start()
    while asking.is_alive():  # it may not have begun to ask
        worker.close()
        asking.join(timeout=0.1)
    assert len(said) == 1


def test_a_reference_that_is_no_text_is_refused():
    """As mathematics, it is none."""
    with pytest.raises(UserError, match="task 't' is no mathematical text"):
        Mathematical().require([Task("t", "?", ["1"])])


TESTS = "assert double(2) == 4\nassert double(-1) == -2"


@pytest.mark.parametrize(
    ("output", "right"),
    [
        ("def double(x):\n    return 2 * x", True),
        ("def double(x):\n    return x * x", False),
        ("def double(x):", False),
        ("double = None", False),
        ('x = """', False),
        ("raise SystemExit", False),
        ("import sys\nsys.exit(0)", False),
        ("def double(x):\n    while True: pass", False),
        ("def double(x):\n    return open('/etc/passwd').read()", False),
        ("import socket", False),
        ("", False),
        (4, False),
    ],
)
async def test_code_is_right_if_the_tests_pass(output, right):
    """In the sandbox; whatever ends before them, or takes too much, is wrong."""
    task = Task("t", "Double it.", TESTS)
    assert (await scored(Executable(), {"answer": output}, task, SYSTEM)).success is right


@pytest.mark.parametrize(
    ("output", "tests", "right"),
    [
        ({"a": [1, "é\n\"'\\😀"]}, "assert output['a'] == [1, 'é\\n\"\\'\\\\😀']", True),
        ("Ada", "output == 'Ada'", True),
        ("Bob", "output == 'Ada'", False),
        ("') or open('x", 'assert output.startswith("\')")', True),
        (3, "assert output % 2 == 0", False),
        (None, "assert output is None", True),
    ],
)
async def test_data_are_right_if_the_tests_pass(output, tests, right):
    """The output is what `output` holds, and never code."""
    task = Task("t", "?", tests)
    score = await scored(Executable(None, code=False), output, task, SYSTEM)
    assert score.success is right


def test_tests_are_code():
    """A reference that is none is refused before anything runs."""
    with pytest.raises(InvalidTask, match="task 't' is no Python code"):
        Executable().require([Task("t", "?", 4)])


@pytest.mark.parametrize(
    ("tests", "why"),
    [
        ("assert double(2) ==", "SyntaxError: "),
        ("import numpy\nassert double(2) == numpy.int64(4)", "ModuleNotFoundError: "),
        ("del double", "NotImplementedError: "),
        ("x = 1\n" * 5_000, "the code has 30,000 characters"),
    ],
)
@pytest.mark.parametrize("code", [True, False])
def test_tests_that_never_run_are_refused(tests, why, code):
    """With any output they would fail; that they fail without one says nothing."""
    scorer = Executable(code=code)
    scorer.require([Task("fine", "?", TESTS), Task("too", "?", "assert output['a'] == 1")])
    with pytest.raises(InvalidTask, match=f"task 't' does not run, whatever the output is: {why}"):
        scorer.require([Task("t", "?", tests)])
