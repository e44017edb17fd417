"""Puts what an agent learned into the memory that its team shares."""

from agentsys import ToolFailed, UserError, tool
from agentsys.memory import current


@tool(idempotent=True)
async def remember(key: str, text: str) -> str:
    """Remember a text under a key, in place of what was remembered under it before."""
    try:
        await current().set(key, text)
    except UserError as error:
        raise ToolFailed(error.message) from error
    return f"remembered as {key!r}."
