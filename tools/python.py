"""Runs Python that the model wrote, in a sandbox."""

from agentsys import tool
from agentsys.tools import sandbox


@tool
def python(code: str) -> str:
    """Run Python and give the value of its last expression.

    Without a last expression it gives what was printed.
    """
    return sandbox.run(code).text
