"""What a model's Python may do, and what it is told when it may not."""

import subprocess
import sys
import threading

import pytest

from agentsys.errors import ToolFailed
from agentsys.tools import sandbox
from agentsys.tools.sandbox import run


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("1 + 1", "2"),
        ("96 / 2", "48"),
        ("7 / 2", "3.5"),
        ("x = 3\nx * 2", "6"),
        ("'é😀'", "é😀"),
        ("[1, 'a']", "[1, 'a']"),
        ("print('one')\nprint(2)", "one\n2"),
        ("print('one')\n2", "2"),
        ("x = 1", ""),
        ("from decimal import Decimal\nDecimal('1.10')", "Decimal('1.10')"),
        ("2**100000", "a value too large to be shown (int)"),
        ("def f(n):\n    return 1 if n < 2 else n * f(n - 1)\nf(10)", "3628800"),
    ],
)
def test_the_value_or_what_was_printed_comes_back(code: str, text: str) -> None:
    """The last expression wins; without one, what was printed."""
    assert run(code).text == text


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("while True: pass", "more than 0.3 seconds"),
        ("sum(range(10**12))", "more than 0.3 seconds"),
        ("import time\ntime.sleep(60)", "may not sleep"),
        ("x = 'a' * 10**10", "more than 64 MB"),
        ("10**10**10", "more than 64 MB"),
        ("x = list(range(10**9))", "more than 64 MB"),
        ("print('x' * 10_000_000)", "printed more than 65,536 bytes"),
        ("while True: print('xxxxxxxxxxxxxxxxxxxxxxxxxx' * 100)", "printed more than"),
        ("def f(): return f()\nf()", "RecursionError"),
        ("(" * 5000 + ")" * 5000, "too deeply nested"),
        ("open('/etc/passwd').read()", "PermissionError"),
        ("import os\nos.environ['HOME']", "not supported"),
        ("import os\nos.system('ls')", "AttributeError"),
        ("import os\nos.listdir('/')", "PermissionError"),
        ("import socket", "ModuleNotFoundError: No module named 'socket'"),
        ("import subprocess", "ModuleNotFoundError"),
        ("import ctypes", "ModuleNotFoundError"),
        ("__import__('os').system('ls')", "NameError"),
        ("().__class__.__bases__[0].__subclasses__()", "Error"),
        ("1 / 0", "ZeroDivisionError: division by zero (line 1)"),
        ("x = 1\ny = z", "NameError: name 'z' is not defined (line 2)"),
        ("1 +", "SyntaxError"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise SystemExit", "SystemExit"),
        ("a\x00b", "SyntaxError"),
        ("'\ud800'", "SyntaxError"),
        ("1" * 30_000, "30,000 characters; 20,000 are allowed"),
    ],
    ids=lambda text: text[:40].encode("unicode_escape").decode(),
)
def test_what_is_not_allowed_is_one_line_for_the_model(code: str, reason: str) -> None:
    """Endless, huge, deep, curious or wrong: the sandbox says what, and goes on working."""
    with pytest.raises(ToolFailed) as caught:
        run(code, seconds=0.3)
    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert run("1").text == "1"


def test_a_long_result_is_cut() -> None:
    """A model's context is small; the cut is marked."""
    text = run("'a' * 100_000").text
    assert text.startswith("aaaa")
    assert text.endswith("… (cut off)")
    assert len(text) < sandbox.MAX_TEXT + 20


def test_snippets_know_nothing_of_each_other() -> None:
    """What one defines is not there for the next, not even after an error."""
    run("secret = 1")
    with pytest.raises(ToolFailed, match="'secret' is not defined"):
        run("secret")


def test_threads_run_side_by_side() -> None:
    """Each of sixteen threads gets its own value, from a start in common."""
    found: dict[int, str] = {}
    ready = threading.Barrier(16)

    def work(number: int) -> None:
        ready.wait()
        found[number] = run(f"sum([{number}] * 1000)").text

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: str(number * 1000) for number in range(16)}


def test_the_workers_end_with_the_process() -> None:
    """Nothing is left over and nothing is printed; without a snippet nothing is started."""
    script = (
        "import sys; from agentsys.tools.sandbox import run;"
        "assert 'pydantic_monty' not in sys.modules; print(run('6 * 7').text)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")
