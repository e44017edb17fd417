"""What models in one process share inside llama.cpp."""

import subprocess
import sys
import threading
from pathlib import Path

from agentsys.models.turnstile import Turnstile

_SCRIPT = """
import asyncio, random, sys
from agentsys.errors import Truncated
from agentsys.models.embedded import Embedded
from agentsys.settings import Deployment
from tests.models.conformance import conforms, question

async def main():
    draw = random.Random(1)
    for _ in range(120):
        gguf = draw.choice(["mini-slm", sys.argv[1]])
        model = Embedded(Deployment(name="a", tier="slm", gguf=gguf, usd_per_hour=1))
        if draw.random() < 0.5:
            conforms(await model.ask(question()))
        else:
            try:
                await model.ask(question(schema=None, max_tokens=1))
            except Truncated:
                pass
        await model.close()

asyncio.run(main())
"""
"""Which of these models comes to the place of which is chance: of a hundred, some do."""


def test_a_model_in_the_place_of_another_has_its_own_tokens(gguf: Path) -> None:
    """LLGuidance knows a tokenizer by an address, and would end the process: so in another one."""
    argv = [sys.executable, "-c", _SCRIPT, str(gguf)]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_requests_to_two_models_never_begin_at_once() -> None:
    """Those to one model do; who comes first goes first, and who has begun lets others in."""
    turnstile = Turnstile()
    order: list[str] = []
    came, go = threading.Event(), threading.Event()

    def begin(kind: str) -> None:
        with turnstile.entered(kind) as own:
            order.append(kind)
            came.set()
            go.wait()
            own.leave()

    first = threading.Thread(target=begin, args=("a",))
    first.start()
    came.wait()
    others = [threading.Thread(target=begin, args=(kind,)) for kind in ("b", "b", "a")]
    for place, other in enumerate(others, 1):
        other.start()
        while turnstile.waiting < place:
            pass
    assert order == ["a"]
    go.set()
    for thread in (first, *others):
        thread.join()
    assert order == ["a", "b", "b", "a"]


def test_requests_to_one_model_begin_together() -> None:
    """The second does not wait for the first."""
    turnstile = Turnstile()
    with turnstile.entered("a"), turnstile.entered("a"):
        pass
