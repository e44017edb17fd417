"""A router for a graph from its own outcomes, with what it is to be expected to do."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from agentsys.errors import UserError
from agentsys.evaluation.routing.fitting import cross_validated, fit
from agentsys.evaluation.routing.labels import Labelled, next_tier
from agentsys.evaluation.routing.measures import Worth, worth
from agentsys.memory.embedder import Embedder
from agentsys.node import Node
from agentsys.plain import digest
from agentsys.routing import Kept, Router
from agentsys.routing.vectors import vectors_of
from agentsys.versions import digest_of

MIN_LABELS = 50


@dataclass(frozen=True, slots=True)
class Judged:
    """What routers were worth on tasks that they were not fitted on."""

    tasks: int
    succeeded: int
    """Tasks on which the first tier succeeded."""
    passed_over: int
    """Tasks of which the router says to begin at the next tier."""
    passed_over_right: int
    """Of these, the first tier would not have succeeded."""
    brier: float
    """Mean squared error of its probabilities."""
    brier_of_mean: float
    """The same of the mean, which knows nothing of the task."""
    both_known: int
    """Tasks on which both tiers were asked alone: the following are of these."""
    router: Worth | None
    length: Worth | None
    """Of the length of the prompt."""


async def fitted_router(
    name: str,
    node: Node[Any, Any],
    tasks: Sequence[Labelled],
    *,
    below: float,
    least: int = MIN_LABELS,
    seed: int = 0,
    embedder: Embedder | None = None,
) -> tuple[Kept, Judged]:
    """A router fitted on all labels, and by cross-validation what it is worth.

    Raises:
        UserError: there are too few labels, or all are the same; or scikit-learn is missing.
        ModelError: the embedder cannot be asked.
    """
    known = [one for one in tasks if one.small is not None]
    if len(known) < max(least, 10):
        raise UserError(
            f"There are {len(known)} tasks on which the first tier of {name!r} has an outcome;"
            f" {max(least, 10)} are needed.",
            hint=f"Run 'agentsys bench SUITE --graph {name}' on more tasks, or lower --min-labels.",
        )
    texts, labels = [one.text for one in known], [bool(one.small) for one in known]
    version = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{uuid4().hex[:4]}"
    vectors = [] if embedder is None else await vectors_of(texts, embedder)
    router = fit(
        texts,
        labels,
        version=version,
        begin=next_tier(name, node),
        below=below,
        embedder="" if embedder is None else embedder.name,
        vectors=vectors,
    )
    judged = _judged(known, cross_validated(texts, labels, seed, vectors), below)
    about = {"labels": len(known), "fitted_on": [_mark(text) for text in texts]}
    return Kept(router, digest_of(node.shape), about), judged


async def judged_router(
    kept: Kept, tasks: Sequence[Labelled], embedder: Embedder | None = None
) -> tuple[Judged | None, int]:
    """What a stored router is worth on tasks that it was not fitted on, and how many it was.

    Raises:
        UserError: it was fitted on the vectors of an embedder that is not there.
        ModelError: the embedder cannot be asked.
    """
    fitted_on = {*kept.about.get("fitted_on", ())}
    known = [one for one in tasks if one.small is not None]
    fresh = [one for one in known if _mark(one.text) not in fitted_on]
    if not fresh:
        return None, len(known)
    router: Router = kept.router
    texts = [one.text for one in fresh]
    vectors: list[list[float]] = [[] for _ in fresh]
    if router.embedder:
        if embedder is None or embedder.name != router.embedder:
            raise UserError(
                f"The router {router.version!r} needs the embeddings of {router.embedder!r}.",
                hint="Name that model in agentsys.toml: [memory] embedding.",
            )
        vectors = await vectors_of(texts, embedder)
    likely = [router.p(text, vector) for text, vector in zip(texts, vectors, strict=True)]
    return _judged(fresh, likely, router.below), len(known) - len(fresh)


def _judged(tasks: Sequence[Labelled], likely: Sequence[float], below: float) -> Judged:
    right = [bool(one.small) for one in tasks]
    mean = sum(right) / len(right)
    over = [not label for p, label in zip(likely, right, strict=True) if p < below]
    both = [(one, p) for one, p in zip(tasks, likely, strict=True) if _both(one)]
    small = [float(bool(one.small)) for one, _ in both]
    large = [float(bool(one.large)) for one, _ in both]
    return Judged(
        tasks=len(tasks),
        succeeded=sum(right),
        passed_over=len(over),
        passed_over_right=sum(over),
        brier=sum((p - label) ** 2 for p, label in zip(likely, right, strict=True)) / len(right),
        brier_of_mean=mean * (1 - mean),
        both_known=len(both),
        router=worth([1 - p for _, p in both], small, large) if both else None,
        length=worth([float(len(one.text)) for one, _ in both], small, large) if both else None,
    )


def _both(one: Labelled) -> bool:
    return one.large is not None and not one.gated


def _mark(text: str) -> str:
    return digest(text, str)
