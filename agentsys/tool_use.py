"""One use of a tool that a model asked for: recorded, and never repeated by a resumed run."""

import time
from dataclasses import replace
from typing import Any

from agentsys.context import Context, here
from agentsys.errors import AgentSysError
from agentsys.events import ToolCall, ToolStarted
from agentsys.tools.tool import Tool

REPEAT, SKIP = "repeat", "skip"
"""What may be answered where it is not known whether a tool has done its work."""


async def use(tool: Tool[..., Any], args: Any, context: Context, node: str, call_id: str) -> str:
    """The result of a tool as text, or what went wrong, for the model to read.

    A tool that is not idempotent and was cut off is not repeated before a human has said so.
    """
    journal = context.journal
    before = journal.tools.get(call_id)
    if before is not None:
        return before.observation
    started = time.perf_counter()
    if call_id in journal.cut_off and not _repeats(tool, args, context, call_id):
        text, executable = "error: it was cut off; whether it did its work is not known.", False
    else:
        if not tool.idempotent:
            begun = ToolStarted(context.run_id, node, tool.name, args, call_id)
            await journal.write(begun)
        # Its questions are told from other nodes' by the call in which it is used.
        text, executable = await _result(tool, args, replace(context, place=call_id), node)
    await journal.write(
        ToolCall(
            run_id=context.run_id,
            node=node,
            tool=tool.name,
            args=args,
            executable=executable,
            observation=text,
            seconds=time.perf_counter() - started,
            call_id=call_id,
        )
    )
    return text


async def _result(tool: Tool[..., Any], args: Any, context: Context, node: str) -> tuple[str, bool]:
    try:
        with here(context, node):
            return await tool.use(args), True
    except context.passing:
        raise
    except AgentSysError as error:
        return f"error: {error.message}", False
    except Exception as error:  # whatever a tool raises goes back to the model
        return f"error: {type(error).__name__}: {error}", False


def _repeats(tool: Tool[..., Any], args: Any, context: Context, call_id: str) -> bool:
    """Whether a tool that was cut off may be used again, each time that it was."""
    surroundings = replace(context, place=f"{call_id}!{context.journal.begun[call_id]}")
    question = {
        "question": f"The tool {tool.name!r} was cut off and may have done its work. "
        f"Answer {REPEAT!r} to use it again, or {SKIP!r}.",
        "tool": tool.name,
        "args": args,
    }
    while (answer := surroundings.ask(question)) not in (REPEAT, SKIP):
        pass  # anything else is no answer, and it is asked again
    return answer == REPEAT
