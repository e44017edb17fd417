"""`agentsys models`: tiers, deployments and prices; `agentsys models check` asks each tier."""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer

from agentsys.cli.options import AsJson, Config
from agentsys.cli.recorded_models import recorded

if TYPE_CHECKING:
    from agentsys.limits import RateLimit
    from agentsys.models.about import About
    from agentsys.models.check import Checked

models = typer.Typer(rich_markup_mode=None)
models.command("recorded")(recorded)


@models.callback(invoke_without_command=True)
def listed(context: typer.Context, as_json: AsJson = False, config: Config = None) -> None:
    """List each tier's deployments: price and its basis, guided decoding, health.

    Nothing is sent to a model; 'agentsys models check' does that.
    """
    if context.invoked_subcommand is not None:
        return
    from agentsys.cli.output import print_json, print_table, rates, say
    from agentsys.models.about import about
    from agentsys.settings import Settings

    settings = Settings.load(config)
    known = [about(deployment, settings) for deployment in settings.deployments]
    if as_json:
        print_json([_row(each, settings.limits.get(each.deployment.name)) for each in known])
        return
    print_table(
        ["tier", "deployment", "model", "price", "limits", "guided", "health"],
        [
            [
                each.deployment.tier,
                each.deployment.name,
                each.model,
                rates(each.price) if each.price else "",
                _limits(settings.limits.get(each.deployment.name)),
                each.guided or "",
                each.problem or each.health,
            ]
            for each in known
        ],
    )
    say(f"\nConfigured in {settings.file}")


@models.command()
def check(context: typer.Context, as_json: AsJson = False, config: Config = None) -> None:
    """Send one guided request to each tier; the exit code is 1 if one fails."""
    from agentsys.cli.output import dollars, print_json, print_table
    from agentsys.models.check import check_tiers
    from agentsys.money import usd
    from agentsys.settings import Settings

    before: dict[str, Any] = context.parent.params if context.parent else {}
    as_json, config = as_json or before.get("as_json", False), config or before.get("config")
    results = asyncio.run(check_tiers(Settings.load(config)))
    if as_json:
        print_json([_result(result) for result in results])
    else:
        columns = ["tier", "deployment", "valid", "guided", "seconds", "cost", "problem"]
        rows = [
            [
                result.tier,
                result.deployment,
                "yes" if result.schema_valid else "no",
                result.guided,
                f"{result.seconds:.2f}",
                dollars(usd(result.nano_usd)),
                result.problem,
            ]
            for result in results
        ]
        print_table(columns, rows)
    if any(result.problem for result in results):
        raise typer.Exit(1)


def _limits(limit: "RateLimit | None") -> str:
    """Such as `60 requests/min, 4 at once`."""
    if limit is None:
        return ""
    amounts = {
        "requests/min": limit.requests_per_minute,
        "tokens/min": limit.tokens_per_minute,
        "at once": limit.concurrency,
    }
    return ", ".join(f"{amount:,} {what}" for what, amount in amounts.items() if amount)


def _row(each: "About", limit: "RateLimit | None") -> dict[str, Any]:
    price = each.price
    return {
        "tier": each.deployment.tier,
        "deployment": each.deployment.name,
        "model": each.model,
        "usd_per_mtok_in": _amount(price.usd_per_mtok_in if price else None),
        "usd_per_mtok_out": _amount(price.usd_per_mtok_out if price else None),
        "usd_per_hour": _amount(price.usd_per_hour if price else None),
        "share": _amount(price.share if price else None),
        "price_basis": price.basis if price else None,
        "limits": None if limit is None else limit.model_dump(),
        "guided": each.guided,
        "health": each.health,
        "error": each.problem or None,
    }


def _result(result: "Checked") -> dict[str, Any]:
    from agentsys.money import usd

    return {
        "tier": result.tier,
        "deployment": result.deployment or None,
        "schema_valid": result.schema_valid,
        "guided": result.guided or None,
        "seconds": round(result.seconds, 6),
        "usd": f"{usd(result.nano_usd):f}",
        "error": result.problem or None,
    }


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
