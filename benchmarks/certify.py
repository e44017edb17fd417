"""Whether a certified threshold keeps its promise: populations whose errors are known, simulated.

Of each population, calibrations are made again and again, each on other answers. A promise of at
most 5 % errors among what is accepted, but in 5 % of calibrations, is kept where no more than that
share of them accepts more errors.
"""

import argparse

from calibrations import POPULATIONS, simulate
from page import write
from rich.console import Console
from rich.progress import track

LABELS = (60, 300, 1_000)
HEAD = (
    "| confidence | labels | a threshold found | promise broken | accepted | possible |"
    " broken if naive |\n|---|---:|---:|---:|---:|---:|---:|"
)


def table(calibrations: int, alpha: float, delta: float) -> str:
    """A line for each population and number of labels."""
    every = [(population, labels) for population in POPULATIONS for labels in LABELS]
    lines = [HEAD]
    for population, labels in track(every, console=Console(stderr=True)):
        found = simulate(population, labels, calibrations, alpha=alpha, delta=delta)
        lines.append(
            f"| {population.name} | {labels:,} | {found.certified:.1%} | {found.broken:.1%} |"
            f" {found.accepted:.1%} | {found.possible:.1%} | {found.naive:.1%} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Simulate, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=1_000, help="calibrations of each kind")
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--delta", type=float, default=0.05)
    parser.add_argument("--write", action="store_true", help="put the table in README.md")
    given = parser.parse_args()
    text = table(given.n, given.alpha, given.delta)
    print(text)
    if given.write:
        write("certify", text)


if __name__ == "__main__":
    main()
