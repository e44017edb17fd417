"""Judges that a command has judge a gold set: in one event loop, with progress, to the end."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from agentsys.cli.output import say
from agentsys.errors import Busy, StoreError, UserError

if TYPE_CHECKING:
    from agentsys.evaluation.judging.board import Board
    from agentsys.evaluation.judging.calibration import Calibrated
    from agentsys.evaluation.judging.gold import Gold
    from agentsys.evaluation.judging.judge import Judge
    from agentsys.evaluation.judging.verdicts import OnProgress, Progress, Verdicts
    from agentsys.settings import Settings
    from agentsys.stores import Store

T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """What a command line asks for."""

    gold: "Gold"
    judges: "list[Judge]"
    seed: int
    concurrency: int
    config: str | None

    @classmethod
    def read(
        cls,
        file: Path,
        graphs: list[str],
        limit: int | None,
        seed: int,
        concurrency: int,
        config: str | None,
    ) -> "Asked":
        """The gold set, and who is to judge it.

        Raises:
            UserError: there is no such file, graph or configuration, or they do not fit together.
        """
        from agentsys.evaluation.judging.gold import read_gold
        from agentsys.settings import Settings

        settings, gold = Settings.load(config), read_gold(file).limited(limit, seed)
        return cls(gold, _judges(graphs, gold, settings), seed, concurrency, config)

    def calibrated(self) -> "list[Calibrated]":
        """What each judge is worth, which is kept."""
        from agentsys.evaluation.judging.calibration import calibrate, require_measurable
        from agentsys.evaluation.judging.kept import keep

        require_measurable(self.gold, self.judges)

        async def measured(store: "Store", verdicts: "Verdicts") -> "list[Calibrated]":
            rows: list[Calibrated] = []
            for judge in self.judges:
                row, kept = calibrate(judge, verdicts, self.seed)
                if kept is not None:
                    await keep(store, kept)
                rows.append(row)
            return rows

        return self._after(measured)

    def ranked(self) -> "Board":
        """The leaderboard."""
        from agentsys.evaluation.judging.board import board
        from agentsys.evaluation.judging.kept import find

        async def ranked(store: "Store", verdicts: "Verdicts") -> "Board":
            known = {judge.name: await find(store, judge.identity) for judge in self.judges}
            return board(
                self.judges,
                verdicts,
                {name: kept for name, kept in known.items() if kept is not None},
            )

        return self._after(ranked)

    def _after(self, work: "Callable[[Store, Verdicts], Awaitable[T]]") -> T:
        """What comes of the verdicts, once all are there."""
        from agentsys.cli.bars import progress
        from agentsys.cli.notices import notices

        begun = False

        with progress() as bars, notices():
            ids = {
                j.name: bars.add_task(j.name, total=len(self.gold.items), won=0)
                for j in self.judges
            }

            def show(step: "Progress") -> None:
                nonlocal begun
                begun = True
                bars.update(
                    ids[step.judge], completed=step.finished, total=step.items, won=step.right
                )

            try:
                return asyncio.run(self._judged(work, show))
            except Busy:
                raise
            except (KeyboardInterrupt, StoreError, UserError):
                if begun:
                    say("Verdicts are kept. The same command goes on.", err=True)
                raise

    async def _judged(
        self, work: "Callable[[Store, Verdicts], Awaitable[T]]", show: "OnProgress"
    ) -> T:
        from agentsys.evaluation.judging.verdicts import Judging
        from agentsys.system import System

        async with System.load(self.config) as system:
            judging = Judging(self.gold, self.judges, self.seed)
            verdicts = await judging.run(system, concurrency=self.concurrency, on_progress=show)
            assert system.store is not None
            self._tell(verdicts)
            return await work(system.store, verdicts)

    def _tell(self, verdicts: "Verdicts") -> None:
        """What was there before, and what failed, on standard error."""
        if verdicts.known:
            say(f"{verdicts.known} verdicts were there before and not paid again.", err=True)
        for judge in self.judges:
            errors = [
                each.error for each in verdicts.given[judge.name].values() if each.said is None
            ]
            if errors:
                [(reason, _)] = Counter(errors).most_common(1)
                say(_failed(judge.name, len(errors), reason), style="yellow", err=True)


def _failed(judge: str, runs: int, reason: str) -> str:
    told = " ".join(reason.split())
    return f"{runs} runs of {judge!r} failed, mostly: {told} The same command tries them again."


def _judges(graphs: list[str], gold: "Gold", settings: "Settings") -> "list[Judge]":
    """Those that are named, or all that judge such answers."""
    from agentsys.evaluation.judging.identity import identity
    from agentsys.evaluation.judging.judge import Judge, require_judge
    from agentsys.node import Node
    from agentsys.project import definitions, find_graph

    if graphs:
        nodes = {name: find_graph(name) for name in graphs}
    else:
        nodes = {d.name: d.value for d in definitions("graph") if isinstance(d.value, Node)}
    found: list[Judge] = []
    for name, node in nodes.items():
        judge = Judge(node, identity(name, node, settings))
        try:
            require_judge(judge, gold)
        except UserError:
            if graphs:
                raise
            continue
        found.append(judge)
    if not found:
        raise UserError(
            f"No graph judges the answers of {gold.name}.",
            hint="A judge takes a Candidate[Task, Answer] and gives a Verdict; name it by --graph.",
        )
    return found
