"""How far raters agree beyond chance, each coefficient with a bootstrap interval over items.

A table has a row for each item and a column for each rater; `None` is no opinion. With `n_ik` the
raters who put item i into category k, `n_i` their number, and means over the items that have any:

| coefficient | observed | by chance |
|---|---|---|
| Cohen 1960 | share of items that both put into one category | Σ p_1k p_2k |
| Fleiss 1971 | mean of Σ n_ik (n_ik − 1) / (n_i (n_i − 1)) | Σ π_k², π_k = mean of n_ik / n_i |
| Gwet 2008, AC1 | the same | Σ π_k (1 − π_k) / (q − 1), q categories |
| Krippendorff 2011, alpha | of pairable values | of pairable values, drawn without replacement |

Where opinions are missing, Fleiss' and Gwet's are in the form of Gwet's handbook (2014, chapters 2
and 3), which with none missing is the original. Kappa and alpha collapse where nearly all items are
of one category, however well raters agree; AC1 does not (Feinstein and Cicchetti 1990).

The formulas are written out because the libraries that have them (statsmodels, irrCAC,
scikit-learn) bring pandas or 50 MB and more, and none resamples items; the tests hold them against
those libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from agentsys.evaluation.statistics import Measured, over_items

if TYPE_CHECKING:
    from numpy.typing import NDArray

Table = Sequence[Sequence[Hashable | None]]


def cohen_kappa(
    first: Sequence[Hashable | None], second: Sequence[Hashable | None], *, seed: int = 0
) -> Measured:
    """Agreement of two raters, on the items of which both have an opinion.

    Raises:
        ValueError: they have not rated the same items.
    """
    import numpy as np

    if len(first) != len(second):
        raise ValueError("two raters rate the same items")
    rated = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    place = _places((*(a for a, _ in rated), *(b for _, b in rated)))
    both = np.zeros((len(rated), len(place), len(place)))
    for item, (a, b) in enumerate(rated):
        both[item, place[a], place[b]] = 1

    def kappa(sums: NDArray[Any]) -> NDArray[Any]:
        shares = sums / sums.sum(axis=(1, 2), keepdims=True)
        same = np.trace(shares, axis1=1, axis2=2)
        chance = (shares.sum(axis=1) * shares.sum(axis=2)).sum(axis=1)
        return _beyond(same, chance)

    return over_items(both, kappa, seed=seed)[0]


def fleiss_kappa(table: Table, *, seed: int = 0) -> Measured:
    """Agreement of any number of raters, by chance as often as each category occurs."""
    return _of_means(table, lambda share: (share**2).sum(axis=1), seed)


def gwet_ac1(table: Table, *, categories: int | None = None, seed: int = 0) -> Measured:
    """Agreement of any number of raters, also where nearly all items are of one category.

    Args:
        table: The ratings.
        categories: How many there are, where that is more than occur.
        seed: Of the resampling.
    """

    def chance(share: NDArray[Any]) -> NDArray[Any]:
        ways = max(categories or 0, share.shape[1])
        return (share * (1 - share)).sum(axis=1) / (ways - 1 or float("nan"))

    return _of_means(table, chance, seed)


def krippendorff_alpha(table: Table, *, seed: int = 0) -> Measured:
    """Agreement of any number of raters on nominal categories; built for missing opinions."""
    import numpy as np

    counts = _counts(table)
    paired = counts[counts.sum(axis=1) > 1]
    raters = paired.sum(axis=1)[:, None, None]
    apart = paired[:, :, None] * paired[:, None, :] - paired[:, :, None] * np.eye(counts.shape[1])

    def alpha(sums: NDArray[Any]) -> NDArray[Any]:
        values = sums.sum(axis=2)
        number = values.sum(axis=1)
        differ = number - np.trace(sums, axis1=1, axis2=2)
        by_chance = number**2 - (values**2).sum(axis=1)
        return (1 - (number - 1) * differ / by_chance)[:, None]

    return over_items(apart / (raters - 1), alpha, seed=seed)[0]


def _of_means(table: Table, chance: Callable[[NDArray[Any]], NDArray[Any]], seed: int) -> Measured:
    """A coefficient of the mean agreement and of the mean shares of the categories."""
    import numpy as np

    counts = _counts(table)
    counts = counts[counts.sum(axis=1) > 0]
    raters = counts.sum(axis=1)
    several = raters > 1
    pairs = np.where(several, raters * (raters - 1), 1)
    agreed = (counts * (counts - 1)).sum(axis=1) / pairs
    columns = (several, agreed, np.ones(len(counts)))
    parts = np.column_stack((*columns, counts / raters[:, None]))

    def coefficient(sums: NDArray[Any]) -> NDArray[Any]:
        return _beyond(sums[:, 1] / sums[:, 0], chance(sums[:, 3:] / sums[:, 2:3]))

    return over_items(parts, coefficient, seed=seed)[0]


def _beyond(observed: NDArray[Any], chance: NDArray[Any]) -> NDArray[Any]:
    """Agreement beyond chance, as a column; NaN where chance alone agrees always."""
    import numpy as np

    left = np.where(1 - chance < 1e-12, np.nan, 1 - chance)
    return ((observed - chance) / left)[:, None]


def _counts(table: Table) -> NDArray[Any]:
    """How many raters put each item into each category."""
    import numpy as np

    place = _places(rating for row in table for rating in row)
    counts = np.zeros((len(table), max(len(place), 1)))
    for item, row in enumerate(table):
        for rating in row:
            if rating is not None:
                counts[item, place[rating]] += 1
    return counts


def _places(ratings: Iterable[Hashable | None]) -> dict[Hashable, int]:
    known = dict.fromkeys(rating for rating in ratings if rating is not None)
    return {rating: at for at, rating in enumerate(known)}
