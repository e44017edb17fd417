"""What judges are worth, as people read it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from agentsys.cli.output import dollars, print_json, print_table, say
from agentsys.evaluation.reports.numbers import NONE, coefficient, count, money, percent, span
from agentsys.money import usd

if TYPE_CHECKING:
    from agentsys.evaluation.judging.board import Against, Agreement, Board
    from agentsys.evaluation.judging.calibration import Calibrated
    from agentsys.evaluation.judging.standing import Standing

R = TypeVar("R", "Calibrated", "Standing")

UPRIGHT = 5
"""Up to so many judges stand side by side, a column each."""


def print_calibrated(rows: "Sequence[Calibrated]", *, as_json: bool) -> None:
    """What was fitted, and how it holds on the held-out items."""
    if as_json:
        print_json([row.to_json() for row in rows])
        return
    _print(
        rows,
        {
            "fitted on": lambda row: f"{row.labels:,} verdicts",
            "accuracy there": lambda row: percent(row.accuracy),
            "weight of a vote": lambda row: coefficient(row.weight),
            "calibration": lambda row: row.method or NONE,
            "held out": lambda row: f"{row.held_out:,} items",
            "accuracy, held out": lambda row: (
                percent(row.held_out_accuracy) + span(row.held_out_ci, percent)
            ),
            "abstained": lambda row: percent(row.abstention_rate),
            "calibration error": lambda row: _mended(row.ece, row.ece_calibrated),
            "Brier score": lambda row: _mended(row.brier, row.brier_calibrated),
            "spent in all": lambda row: dollars(usd(row.nano_usd)),
        },
    )
    kept = [row.graph for row in rows if row.labels]
    if kept:
        say(f"Kept, and good until prompts, code or models change: {', '.join(kept)}.")


def print_board(board: "Board", *, as_json: bool) -> None:
    """The judges side by side, the best first, and how far they agree."""
    if as_json:
        print_json(board.to_json())
        return
    _print(
        board.judges,
        {
            "items": lambda row: count(row.items),
            "accuracy": lambda row: percent(row.accuracy) + span(row.accuracy_ci, percent),
            "rating": lambda row: count(row.rating) + span(row.rating_ci, count),
            "kappa with the labels": lambda row: (
                coefficient(row.kappa) + span(row.kappa_ci, coefficient)
            ),
            "errors found": lambda row: percent(row.found),
            "at the right step": lambda row: percent(row.step_rate),
            "right answers refused": lambda row: percent(row.refused),
            "abstained": lambda row: percent(row.abstention_rate),
            "order flips": lambda row: percent(row.order_flip_rate) + _bias(row),
            "calibration error": lambda row: _mended(row.ece, row.ece_calibrated),
            "Brier score": lambda row: coefficient(row.brier),
            "cost per verdict": lambda row: money(row.usd_per_verdict),
            "cost per right verdict": lambda row: (
                money(row.usd_per_correct) + span(row.usd_per_correct_ci, money)
            ),
            "tokens per verdict": lambda row: count(row.tokens_per_verdict),
            "spent in all": lambda row: dollars(usd(row.nano_usd)),
        },
    )
    if board.agreement is not None:
        judges = sum(row.rating is not None for row in board.judges)
        say(_agreement(board.agreement, judges))
    for pair in board.pairs:
        if pair.graphs[0] == board.judges[0].graph:
            say(_against(pair))


def _print(rows: Sequence[R], columns: dict[str, Callable[[R], str]]) -> None:
    cells = [[text(row) for text in columns.values()] for row in rows]
    names = [row.graph for row in rows]
    if len(names) <= UPRIGHT:
        print_table(["judge", *names], [list(line) for line in zip(columns, *cells, strict=True)])
    else:
        beside = [[name, *line] for name, line in zip(names, cells, strict=True)]
        print_table(["judge", *columns], beside)


def _mended(raw: float | None, calibrated: float | None) -> str:
    """As told, and what calibration leaves of it."""
    return coefficient(raw) + ("" if calibrated is None else f", calibrated {calibrated:.3f}")


def _bias(row: "Standing") -> str:
    """By how much, in log-odds, a judge of pairs prefers what comes first."""
    if row.position_bias is None:
        return ""
    return f", bias {row.position_bias:+.3f}{span(row.position_bias_ci, coefficient)}"


def _agreement(agreement: "Agreement", judges: int) -> str:
    found = (
        ("Fleiss' kappa", agreement.fleiss_kappa, agreement.fleiss_kappa_ci),
        ("Gwet's AC1", agreement.gwet_ac1, agreement.gwet_ac1_ci),
        ("Krippendorff's alpha", agreement.krippendorff_alpha, agreement.krippendorff_alpha_ci),
    )
    told = "; ".join(
        f"{name} {coefficient(value)}{span(ci, coefficient)}" for name, value, ci in found
    )
    line = f"They agree by {told}."
    if agreement.effective_judges is None:
        return line
    return (
        f"{line} Their mistakes are correlated by {coefficient(agreement.error_correlation)}: "
        f"{judges} judges are worth {agreement.effective_judges:.2f}."
    )


def _against(pair: "Against") -> str:
    first, second = pair.graphs
    apart = f"{100 * (pair.accuracy_difference or 0):+.1f} points"
    ends = pair.accuracy_difference_ci
    interval = "" if ends is None else f" ({100 * ends[0]:+.1f} to {100 * ends[1]:+.1f})"
    return f"{first} against {second} on the same items: accuracy {apart}{interval}."
