"""Blocking functions off the event loop, without holding up the end of the program."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import TypeVar

R = TypeVar("R")


async def in_thread(work: Callable[[], R]) -> R:
    """What `work` returns or raises, from a thread of its own.

    Unlike `asyncio.to_thread`, whose threads Python waits for at its end, a function that never
    returns blocks nobody: once the awaiting task is cancelled, it is on its own.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[R] = loop.create_future()
    context = copy_context()

    def settle(result: R | None, error: BaseException | None) -> None:
        if done.done():
            return  # cancelled meanwhile
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # pyright: ignore[reportArgumentType]  (R where no error is)

    def run() -> None:
        result, failure = None, None
        try:
            result = context.run(work)
        except Exception as error:
            failure = error
        except BaseException as error:  # `sys.exit` in a tool ends the tool, not the program
            failure = RuntimeError(f"it raised {type(error).__name__}: {error}")
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="agentsys", daemon=True).start()
    return await done
