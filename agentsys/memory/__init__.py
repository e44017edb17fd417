"""What agents hold in common: shared memory, one for each tenant and for each of its teams."""

from agentsys.memory.answers import Answers
from agentsys.memory.current import current, using
from agentsys.memory.embedder import Embedder
from agentsys.memory.entry import Entry
from agentsys.memory.shared import Memory, SharedMemory
from agentsys.stores.base import ABSENT

__all__ = ["ABSENT", "Answers", "Embedder", "Entry", "Memory", "SharedMemory", "current", "using"]
