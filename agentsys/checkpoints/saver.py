"""What agentsys puts between LangGraph and a saver: state as text, and one kind of error."""

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar, cast

from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.types import Interrupt, Send

from agentsys.budgets import surely
from agentsys.errors import AgentSysError, StoreError
from agentsys.plain import from_text, to_text

T = TypeVar("T")

Config = Any
"""LangChain's `RunnableConfig`."""


class Saver(BaseCheckpointSaver[Any]):
    """A saver of LangGraph's that is given nothing but texts: reading them makes no object.

    It keeps the outermost graph alone: what a step or a graph written by hand runs inside starts
    anew with its node.
    """

    def __init__(self, inner: Any, place: str) -> None:
        super().__init__()
        self._inner = inner
        self._place = place

    def get_next_version(self, current: Any, channel: None) -> Any:
        """As the saver counts."""
        return self._inner.get_next_version(current, channel)

    async def aget_tuple(self, config: Config) -> CheckpointTuple | None:
        """The newest state of a thread."""
        if _is_inside(config):
            return None
        kept: CheckpointTuple | None = await self._surely(self._inner.aget_tuple(config))
        if kept is None:
            return None
        values = kept.checkpoint["channel_values"]
        opened = {channel: self._live(value) for channel, value in values.items()}
        writes = [(task, channel, self._live(v)) for task, channel, v in kept.pending_writes or ()]
        return kept._replace(
            checkpoint={**kept.checkpoint, "channel_values": opened}, pending_writes=writes
        )

    async def aput(
        self,
        config: Config,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> Config:
        """Keep the state between two steps of a graph."""
        if _is_inside(config):
            own = {**config["configurable"], "checkpoint_id": checkpoint["id"]}
            return {"configurable": own}
        values = checkpoint["channel_values"]
        texts = {channel: _text(value) for channel, value in values.items()}
        plain = {**checkpoint, "channel_values": texts}
        return await self._surely(self._inner.aput(config, plain, metadata, new_versions))

    async def aput_writes(
        self, config: Config, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep what one node of a step gave."""
        if _is_inside(config):
            return
        texts = [(channel, _text(value)) for channel, value in writes]
        await self._surely(self._inner.aput_writes(config, texts, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """Forget a thread."""
        await self._surely(self._inner.adelete_thread(thread_id))

    async def _surely(self, work: Coroutine[Any, Any, T]) -> T:
        """What the saver gives; a transaction is never left open by a run that is cancelled."""
        try:
            return await surely(work)
        except AgentSysError:
            raise
        except Exception as error:  # each saver raises the errors of its own client
            raise unusable(self._place, error) from error

    def _live(self, text: Any) -> Any:
        try:
            return None if text is None else _unmarked(from_text(text))
        except (ValueError, TypeError, KeyError) as error:
            raise unusable(self._place, error) from error


def unusable(place: str, error: Exception, hint: str = "") -> StoreError:
    """What to raise where the checkpoints at a place cannot be used."""
    line = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return StoreError(
        f"The checkpoints at {place} cannot be used: {line}.",
        hint=hint or "Look at 'checkpoints' under [store].",
    )


def _is_inside(config: Config) -> bool:
    return bool(config["configurable"].get("checkpoint_ns"))


def _text(value: Any) -> str | None:
    """`None` stays, which savers do not store."""
    return None if value is None else to_text(_marked(value))


def _marked(value: Any) -> Any:
    """LangGraph's own two classes as data; there are no others at these places."""
    match value:
        case Send():
            return {"send": value.node, "arg": value.arg}
        case Interrupt():
            question = cast("Interrupt[Any]", value)
            return {"interrupt": question.value, "id": question.id}
        case list() | tuple() if value and all(isinstance(v, Send | Interrupt) for v in value):  # pyright: ignore
            return {"several": [_marked(part) for part in cast("list[Any]", value)]}
        case _:
            return {"value": value}


def _unmarked(data: dict[str, Any]) -> Any:
    match data:
        case {"send": node, "arg": arg}:
            return Send(node, arg)
        case {"interrupt": question, "id": name}:
            return Interrupt(question, id=name)
        case {"several": parts}:
            return [_unmarked(part) for part in parts]
        case _:
            return data["value"]
