"""Recordings on a command line: what is put on record, and what stands in for the models."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentsys.evaluation.recorded import RecordedModels, RecordedRuns
    from agentsys.models.base import Model
    from agentsys.money import Price
    from agentsys.node import Node
    from agentsys.system import System

Record = Annotated[
    str | None,
    typer.Option("--record", metavar="DIR", help="Put every call of a model on record there."),
]
Replay = Annotated[
    str | None,
    typer.Option("--replay", metavar="DIR", help="Such a record in place of all models."),
]
Recorded = Annotated[
    str | None,
    typer.Option(
        "--recorded", metavar="DIR", help="Recorded runs: their tasks, their models' outputs."
    ),
]
Small = Annotated[
    list[str] | None,
    typer.Option(
        "--slm", metavar="MODEL", help="With --recorded: the model of slm; again: slm-2, slm-3, …"
    ),
]
Large = Annotated[
    list[str] | None,
    typer.Option("--llm", metavar="MODEL", help="With --recorded: the model of llm."),
]


@dataclass(frozen=True)
class Recordings:
    """What is on the command line; `None`: it is not."""

    record: str | None = None
    replay: str | None = None
    recorded: str | None = None
    slm: tuple[str, ...] = ()
    llm: str | None = None

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises:
            UserError: it does not.
        """
        from agentsys.errors import UserError

        if self.recorded is not None and self.replay is not None:
            raise UserError(
                "--recorded and --replay both stand in for the models.", hint="Use one."
            )
        if self.recorded is None and (self.slm or self.llm):
            raise UserError("--slm and --llm choose among recorded models.", hint="Add --recorded.")
        if self.record is not None and Path(self.record).is_file():
            raise UserError(f"--record {self.record} is a file.", hint="Name a folder.")
        if None not in (self.record, self.replay) and _same(self.record, self.replay):
            raise UserError(
                f"--record and --replay are both {self.record}: the recording would be written"
                " while it is read.",
                hint="Leave --record out, or name another folder.",
            )

    @classmethod
    def given(
        cls,
        record: str | None,
        replay: str | None,
        recorded: str | None,
        slm: list[str] | None,
        llm: list[str] | None,
    ) -> "Recordings":
        """Those of a command line's options.

        Raises:
            UserError: they do not go together, or there are two models of `llm`.
        """
        from agentsys.errors import UserError

        if len(llm or ()) > 1:
            raise UserError(
                f"--llm is given {len(llm or ())} times: there is one model of llm.",
                hint="Give it once; several small ones are several --slm.",
            )
        return cls(record, replay, recorded, tuple(slm or ()), next(iter(llm or ()), None))

    @classmethod
    def begun(cls, instead: "Mapping[str, Any]", record: str | None = None) -> "Recordings":
        """Those that a bench was begun with.

        Raises:
            UserError: the recording or the recorded runs have changed since, or are not there any
                more.
        """
        found = cls(
            record,
            instead.get("replay"),
            instead.get("recorded"),
            tuple(instead.get("slm", ())),
            instead.get("llm"),
        )
        digest = found._digest()
        if digest != instead.get("digest", digest):
            from agentsys.errors import UserError

            raise UserError(
                f"{found.recorded or found.replay} has changed since the bench was begun.",
                hint="Put it back as it was, or begin another bench.",
            )
        return found

    def agree(self, instead: "Mapping[str, Any]") -> bool:
        """Whether these are those that a bench was begun with, as far as they are given."""
        had = (instead.get("replay"), instead.get("recorded"), instead.get("llm"))
        given = (_absolute(self.replay), _absolute(self.recorded), self.llm)
        return all(
            mine is None or mine == theirs for mine, theirs in zip(given, had, strict=True)
        ) and list(self.slm) in ([], instead.get("slm"))

    def system(self, config: str | None) -> "System":
        """The configured system, with what stands in for its models."""
        from agentsys.system import System

        return System.load(config, models=self._models(), record=self.record, replay=self.replay)

    def _models(self) -> "Mapping[str, Model] | None":
        return None if self.recorded is None else self._recorded(self.runs())

    def _digest(self) -> str | None:
        """Of what stands in for the models."""
        if self.recorded is not None:
            return self.runs().digest
        return None if self.replay is None else _digest_of(self.replay)

    def _recorded(self, runs: "RecordedRuns") -> "RecordedModels":
        from agentsys.evaluation.recorded import RecordedModels

        return RecordedModels(runs, slm=self.slm, llm=self.llm or "")

    def runs(self) -> "RecordedRuns":
        """The recorded runs that are named.

        Raises:
            UserError: they are not there, or broken.
        """
        from agentsys.evaluation.recorded import RecordedRuns

        return RecordedRuns.load(self.recorded or "")

    def suite(self, name: str | None, file: str | None) -> tuple[str, str | None]:
        """The suite's name and its file: those that are given, or those of the recorded runs.

        Raises:
            UserError: both are given.
        """
        if self.recorded is None:
            return name or "", file
        from agentsys.errors import UserError
        from agentsys.evaluation.recorded import tasks_of

        if name is not None or file is not None:
            raise UserError("Recorded runs have tasks of their own.", hint="Leave the suite out.")
        return tasks_of(self.recorded)

    def graphs(
        self, graphs: "Mapping[str, Node[Any, Any]]"
    ) -> "tuple[dict[str, Node[Any, Any]], dict[str, Any]]":
        """The graphs as they run here, and what a bench keeps of all this.

        Raises:
            UserError: a graph cannot run on recorded runs, or one of their models is not there.
        """
        if self.recorded is None:
            return dict(graphs), {} if self.replay is None else _replayed(self.replay)
        from agentsys.evaluation.recorded import routed
        from agentsys.project import catalog, find_graph

        runs = self.runs()
        models = self._recorded(runs)
        used = [name for tier, name in models.of_tier.items() if tier != name]
        answering = find_graph("answer", start=catalog())
        found = {name: routed(name, graph, runs, used, answering) for name, graph in graphs.items()}
        told = {
            "recorded": _absolute(self.recorded),
            "digest": runs.digest,
            "slm": list(self.slm),
            "llm": self.llm,
            "prices": {name: _rates(each.price) for name, each in runs.models.items()},
            "notes": _notes(models, [each.note for each in found.values() if each.note]),
        }
        return {name: each.node for name, each in found.items()}, told


NOTHING_RECORDED = Recordings()


def options(instead: "Mapping[str, Any]") -> list[str]:
    """The options that a bench was begun with."""
    named = [(name, instead.get(name)) for name in ("replay", "recorded", "llm") if name in instead]
    named += [("slm", model) for model in instead.get("slm", ())]
    return [f"--{name} {told}" for name, told in named if told]


def _replayed(folder: str) -> dict[str, Any]:
    note = f"Replayed from the recording {folder}: no model was asked, nothing was paid."
    return {"replay": _absolute(folder), "digest": _digest_of(folder), "notes": [note]}


def _digest_of(folder: str) -> str:
    from agentsys.models.recorded.tape import digest

    return digest(Path(folder))


def _notes(models: "RecordedModels", routing: list[str]) -> list[str]:
    """What the report has to say of it."""
    served = [f"{tier}: {name}" for tier, name in models.of_tier.items() if tier != name]
    return [
        f"Recorded models, no call was made: {', '.join(served)}. A repair is not"
        " on record, so no model mends its answer.",
        *routing,
    ]


def _rates(price: "Price") -> list[str]:
    return [str(price.usd_per_mtok_in), str(price.usd_per_mtok_out)]


def _same(one: str | None, other: str | None) -> bool:
    return Path(one or "").resolve() == Path(other or "").resolve()


def _absolute(folder: str | None) -> str | None:
    return None if folder is None else str(Path(folder).absolute())
