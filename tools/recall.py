"""Finds what was put into the memory that a team shares, and into its tenant's."""

from agentsys import ToolFailed, UserError, tool
from agentsys.memory import current

MAX_TEXT = 1_000
"""Characters of one text that an agent gets to read."""


@tool(idempotent=True)
async def recall(query: str) -> list[str]:
    """Find what was remembered, by words or by meaning."""
    try:
        found = await current().search(query)
    except UserError as error:
        raise ToolFailed(error.message) from error
    return [f"{entry.key}: {_cut(entry.text)}" for entry in found]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… (cut off)"
