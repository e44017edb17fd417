"""A router from labelled texts. The one importer of scikit-learn, which only a fit needs."""

from collections.abc import Sequence
from random import Random
from typing import Any

from agentsys.errors import UserError
from agentsys.routing import Grams, Router

MOST_GRAMS = 4_000
LEAST_TEXTS = 3
"""That have a run of characters which counts."""
STRENGTH = 0.3
"""Inverse of the penalty on squared weights."""
FOLDS = 5


def fit(
    texts: Sequence[str],
    succeeded: Sequence[bool],
    *,
    version: str = "",
    begin: str = "",
    below: float = 0.5,
    embedder: str = "",
    vectors: Sequence[Sequence[float]] = (),
) -> Router:
    """A router fitted on texts and whether the first tier succeeded on them.

    Args:
        texts: Of the tasks.
        succeeded: Whether the first tier did, on each.
        version: How the router is called.
        begin: The tier that a run begins at where the first is not likely enough to succeed.
        below: It is not where its probability is below this.
        embedder: The model of the vectors.
        vectors: One for each text, of length 1; none: texts alone.

    Raises:
        UserError: scikit-learn is not installed, or all labels are the same.
    """
    if len(set(succeeded)) < 2:
        raise UserError(
            "All labels are the same: there is nothing to tell apart.",
            hint="Take tasks on which the small model succeeds and others on which it does not.",
        )
    grams = Grams.of(texts, most=MOST_GRAMS, least=LEAST_TEXTS)
    runs = sorted(grams.rarity)
    model = _fitted(_matrix(texts, grams, runs, vectors), succeeded)
    every = [float(weight) for weight in model.coef_[0]]
    weights, of_length, of_vector = every[: len(runs)], every[len(runs)], every[len(runs) + 1 :]
    return Router(
        version=version,
        begin=begin,
        below=below,
        grams=grams,
        intercept=float(model.intercept_[0]),
        of_length=of_length,
        of_grams={run: weight for run, weight in zip(runs, weights, strict=True) if weight},
        embedder=embedder,
        of_vector=tuple(of_vector),
    )


def folds(succeeded: Sequence[bool], seed: int) -> list[list[int]]:
    """The numbers of the texts in each fold, which have as many of each label."""
    random, found = Random(seed), [list[int]() for _ in range(FOLDS)]
    for label in (False, True):
        numbers = [number for number, other in enumerate(succeeded) if other == label]
        random.shuffle(numbers)
        for place, number in enumerate(numbers):
            found[place % FOLDS].append(number)
    return found


def cross_validated(
    texts: Sequence[str],
    succeeded: Sequence[bool],
    seed: int,
    vectors: Sequence[Sequence[float]] = (),
) -> list[float]:
    """For each text, what a router says that was fitted on the other folds."""
    found = [0.0] * len(texts)
    for held_out in folds(succeeded, seed):
        left_out = {*held_out}
        others = [number for number in range(len(texts)) if number not in left_out]
        router = fit(
            [texts[n] for n in others],
            [succeeded[n] for n in others],
            vectors=[vectors[n] for n in others] if vectors else (),
        )
        for number in held_out:
            found[number] = router.p(texts[number], vectors[number] if vectors else ())
    return found


def _fitted(matrix: Any, succeeded: Sequence[bool]) -> Any:
    try:
        from sklearn.linear_model import (  # pyright: ignore[reportMissingTypeStubs]
            LogisticRegression,
        )
    except ImportError as error:
        raise UserError(
            "Fitting a router needs scikit-learn.", hint="pip install 'agentsys[routing]'"
        ) from error
    # liblinear is deterministic, and as good as any on so few rows.
    model: Any = LogisticRegression(C=STRENGTH, solver="liblinear", random_state=0)
    return model.fit(matrix, [int(label) for label in succeeded])


def _matrix(
    texts: Sequence[str],
    grams: Grams,
    runs: Sequence[str],
    vectors: Sequence[Sequence[float]],
) -> Any:
    """A row for each text: the weights of its runs, its length, its vector where it has one."""
    import numpy as np

    place = {run: number for number, run in enumerate(runs)}
    matrix = np.zeros((len(texts), len(runs) + 1))
    for row, text in enumerate(texts):
        for run, weight in grams.weights(text).items():
            matrix[row, place[run]] = weight
        matrix[row, -1] = grams.length(text)
    return np.hstack([matrix, np.asarray(vectors, dtype=float)]) if vectors else matrix
