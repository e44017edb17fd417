"""What counts say of the chances behind them, with all chances equally likely before."""

from math import comb


def leads(first: int, second: int) -> float:
    """Probability that what was drawn `first` times is more frequent than what was `second` times.

    The upper half of the Beta posterior, I½(second + 1, first + 1); Aggarwal et al. 2023,
    "Let's Sample Step by Step: Adaptive-Consistency", section 3.2. For whole numbers it is that of
    a binomial distribution, and exact.
    """
    draws = first + second + 1
    return sum(comb(draws, hits) for hits in range(second + 1, draws + 1)) / 2**draws


def next_chance(successes: int, failures: int) -> float:
    """Probability that the next draw succeeds: Laplace's rule of succession."""
    return (successes + 1) / (successes + failures + 2)
