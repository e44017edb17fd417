"""All tasks that a suite may be made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from random import Random

from agentsys.evaluation.scorers import Scorer
from agentsys.evaluation.suites.source import Split, of_split
from agentsys.evaluation.task import Task


@dataclass(frozen=True)
class Pool:
    """Tasks with their usual scorer."""

    tasks: Iterable[Task]
    scorer: Scorer
    endless: int | None = None
    """Tasks are made without end, and where no limit is given so many are taken; `None`: these are
    all there are."""
    file: str = ""
    digest: str = ""

    def choose(self, split: Split, limit: int | None, seed: int) -> tuple[Task, ...]:
        """The tasks of a split, at most `limit` of them; which ones, the seed says."""
        if self.endless is not None:
            tasks = self.tasks if limit else islice(self.tasks, self.endless)
            return tuple(islice(of_split(tasks, split, seed), limit))
        every = tuple(of_split(self.tasks, split, seed))
        if limit is not None and limit < len(every):
            every = tuple(Random(seed).sample(every, limit))
        return every
