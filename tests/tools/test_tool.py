"""A tool is a typed function with a schema."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from pydantic import BaseModel

from agentsys import ToolFailed, tool
from agentsys.errors import DefinitionError, InvalidOutput
from tests.shapes import add


class Place(BaseModel):
    town: str


@tool
def visit(place: Place, *, days: int = 2) -> list[Place]:
    """Go there.

    More that the model does not see.
    """
    return [place] * days


@tool
async def later(text: str) -> str:
    """Answer in its own time."""
    if not text:
        raise ToolFailed("there is no text.")
    return text.upper()


def test_is_still_the_function() -> None:
    """Calling the tool calls the function."""
    assert add(1, b=2) == 3
    assert (add.name, add.__doc__) == ("add", "Add two numbers.")


def test_what_the_model_sees() -> None:
    """The signature and the first line of the docstring."""
    assert visit.signature == "visit(place: Place, days: int)"
    assert visit.doc == "Go there."


def test_every_argument_is_required_of_a_model() -> None:
    """The schema closes the object and asks for defaults too."""
    assert visit.schema["required"] == ["place", "days"]
    assert visit.schema["additionalProperties"] is False


async def test_use_validates_converts_and_dumps() -> None:
    """JSON arguments become types, and the result becomes JSON text."""
    assert await visit.use({"place": {"town": "Ulm"}, "days": 1}) == '[{"town":"Ulm"}]'
    assert await visit.use({"place": {"town": "Ulm"}}) == '[{"town":"Ulm"},{"town":"Ulm"}]'


async def test_async_tool() -> None:
    """An async function is awaited; a text result is not quoted."""
    assert await later.use({"text": "a"}) == "A"
    with pytest.raises(ToolFailed, match="no text"):
        await later.use({"text": ""})


@pytest.mark.parametrize(
    "args", [[], "x", None, {"place": "Ulm"}, {"town": "x"}, {"place": {"town": "U"}, "rm": 1}]
)
async def test_arguments_that_do_not_fit(args: Any) -> None:
    """The function does not run on arguments that do not fit."""
    with pytest.raises(InvalidOutput):
        await visit.use(args)


async def test_sys_exit_ends_the_tool_alone() -> None:
    """A tool that exits fails like any other, in a thread or in the loop."""

    @tool
    def leave(code: int) -> str:
        """Leave."""
        sys.exit(code)

    @tool
    async def leave_later(code: int) -> str:
        """Leave, too."""
        sys.exit(code)

    for leaver in (leave, leave_later):
        with pytest.raises(Exception, match="3"):
            await leaver.use({"code": 3})


def test_undocumented_tool_is_refused() -> None:
    """Without a docstring the model would not know what the tool does."""

    def bare(a: int) -> int:
        return a

    with pytest.raises(DefinitionError, match="'bare' has no docstring"):
        tool(bare)


def test_untyped_arguments_are_refused() -> None:
    """Every argument has a name and a type."""

    def loose(a) -> int:  # pyright: ignore
        """Loose."""
        return a

    def many(*numbers: int) -> int:
        """Many."""
        return sum(numbers)

    for function in (loose, many):
        with pytest.raises(DefinitionError):
            _ = tool(cast(Callable[..., int], function)).schema


def test_tool_that_never_returns_blocks_nobody() -> None:
    """A run whose tool hangs can be left, and the program ends."""
    script = (
        "import asyncio, threading\n"
        "from agentsys import tool\n"
        "@tool\n"
        "def hang(a: int) -> int:\n"
        "    'Hang.'\n"
        "    threading.Event().wait()\n"
        "    return a\n"
        "async def main():\n"
        "    async with asyncio.timeout(0.05):\n"
        "        await hang.use({'a': 1})\n"
        "try:\n"
        "    asyncio.run(main())\n"
        "except TimeoutError:\n"
        "    print('left')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "left\n"


async def test_plain_functions_do_not_block_the_loop() -> None:
    """Two plain functions that wait for each other both return."""
    first, second = threading.Event(), threading.Event()

    @tool
    def left() -> str:
        """Wait for the right one."""
        first.set()
        assert second.wait(10)
        return "left"

    @tool
    def right() -> str:
        """Wait for the left one."""
        second.set()
        assert first.wait(10)
        return "right"

    assert await asyncio.gather(left.use({}), right.use({})) == ["left", "right"]
