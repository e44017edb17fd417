"""Nodes as LangGraph graphs, and LangGraph graphs as nodes.

The state of every compiled graph has the key `value`: the input going in, the output coming out.
`findings` beside it says what was found on the way (doubts, confidences, what was not affordable).
LangGraph does not validate what its nodes return, so every leaf validates both of its ends.

Composites inside composites are invoked by the node that holds them, so that each knows its place
in the run; LangGraph keeps checkpoints of the outermost graph alone.
"""

from agentsys.graph.advance import Thread, advance
from agentsys.graph.compiled import picture, public
from agentsys.graph.foreign import from_langgraph

__all__ = ["Thread", "advance", "from_langgraph", "picture", "public"]
