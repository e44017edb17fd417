"""`agentsys models recorded`: what recorded models gave, without guided decoding."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsys.cli.options import AsJson

if TYPE_CHECKING:
    from agentsys.evaluation.recorded.validity import Share, Validity


def recorded(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A folder of recorded runs.")],
    agent: Annotated[
        str | None,
        typer.Option("--agent", metavar="NAME", help="Whose output type; not given: 'answerer'."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """How often each recorded model gave what an agent asks for, with nothing to hold it to that.

    Nothing is sent to a model. Intervals are Wilson's, of 95 %.
    """
    from agentsys.cli.output import print_json, print_table, say
    from agentsys.evaluation.recorded import RecordedRuns
    from agentsys.evaluation.recorded.validity import validity
    from agentsys.project import catalog, find
    from agentsys.schema import name_of

    before: dict[str, Any] = context.parent.params if context.parent else {}
    found = find("agent", agent) if agent else find("agent", "answerer", start=catalog())
    kind = found.value.gives if found.value is not None else None
    rows = validity(RecordedRuns.load(folder), kind)
    if as_json or before.get("as_json", False):
        print_json([_row(each) for each in rows])
        return
    columns = ["model", "tier", "params", "fits", "fits, fence off", "right", "fits and right"]
    print_table([*columns, "per right", "per right that fits"], [_cells(each) for each in rows])
    kind_name = name_of(kind)
    say(f"\nFits: all of it is JSON of type {kind_name}. Right: by the grades of the source.")


def _cells(each: "Validity") -> list[str]:
    from agentsys.evaluation.reports.numbers import NONE, money

    shares = (each.fits, each.fits_unfenced, each.right, each.fits_and_right)
    return [
        each.model,
        each.tier,
        NONE if each.params_b is None else f"{each.params_b:g} B",
        *map(_share, shares),
        money(None if each.cps_usd is None else float(each.cps_usd)),
        money(None if each.cps_fits_usd is None else float(each.cps_fits_usd)),
    ]


def _share(share: "Share | None") -> str:
    from agentsys.evaluation.reports.numbers import NONE, percent, span

    return NONE if share is None else percent(share.rate) + span(share.ci, percent)


def _row(each: "Validity") -> dict[str, Any]:
    shares = {
        "fits": each.fits,
        "fits_unfenced": each.fits_unfenced,
        "right": each.right,
        "fits_and_right": each.fits_and_right,
    }
    told: dict[str, Any] = {
        "model": each.model,
        "tier": each.tier,
        "params_b": each.params_b,
        "outputs": each.outputs,
    }
    for name, share in shares.items():
        told |= {name: share and share.rate, f"{name}_ci": share and share.ci}
    for name in ("cps_usd", "cps_fits_usd"):
        amount = getattr(each, name)
        told[name] = None if amount is None else float(amount)
    return told
