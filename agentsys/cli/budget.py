"""`agentsys budget`: what may be spent: set, show, unset; and rebuild what was."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from agentsys.cli.options import AsJson, Config
from agentsys.errors import UserError
from agentsys.limits import OnEmpty, Per

if TYPE_CHECKING:
    from agentsys.budgets import Budgets, Standing
    from agentsys.limits import Budget
    from agentsys.money import Spend
    from agentsys.settings import Settings
    from agentsys.stores import Balance

T = TypeVar("T")

PerOption = Annotated[
    Per | None,
    typer.Option(
        "--per", help="What it is for; default: total, or tenant with --tenant.", show_default=False
    ),
]
Tenant = Annotated[
    str | None, typer.Option("--tenant", help="The one tenant it is for; default: each tenant.")
]

_OPTIONS = {"usd": "--usd", "on_empty": "--on-empty", "wait_s": "--wait"}

budget = typer.Typer(rich_markup_mode=None)


@budget.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """Hard limits on what may be spent, over all processes that share the store."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@budget.command("set")
def set_(
    per: PerOption = None,
    tenant: Tenant = None,
    usd: Annotated[str | None, typer.Option("--usd", help="US dollars.")] = None,
    tokens: Annotated[int | None, typer.Option("--tokens", help="Of prompts and replies.")] = None,
    calls: Annotated[int | None, typer.Option("--calls", help="Requests to models.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="That models work.")] = None,
    on_empty: Annotated[
        OnEmpty, typer.Option("--on-empty", help="What follows where a call does not fit.")
    ] = "stop",
    wait: Annotated[
        float | None, typer.Option("--wait", help="Most seconds that 'queue' waits; default: 60.")
    ] = None,
    config: Config = None,
) -> None:
    """Put a budget into force, in place of the one that was set for the same runs or tenants.

    Running processes follow within a second. What was spent before counts.
    """
    from agentsys.cli.amounts import to_budget
    from agentsys.cli.output import say

    if wait is not None and on_empty != "queue":
        raise UserError("--wait does nothing without --on-empty queue.", hint="Leave it out.")
    new = to_budget(
        _OPTIONS,
        usd=usd,
        tokens=tokens,
        calls=calls,
        seconds=seconds,
        per=_per(per, tenant),
        tenant=tenant,
        on_empty=on_empty,
        wait_s=wait,
    )
    _with(config, lambda budgets, _: budgets.set(new))
    say(f"Set for {_for(new)}: {_limits(new)}; then {new.on_empty}.")


@budget.command()
def unset(per: PerOption = None, tenant: Tenant = None, config: Config = None) -> None:
    """Take a budget away that was set."""
    from agentsys.cli.amounts import to_budget
    from agentsys.cli.output import say

    old = to_budget(_OPTIONS, per=_per(per, tenant), tenant=tenant, calls=0)
    if not _with(config, lambda budgets, _: budgets.unset(old)):
        raise UserError(
            f"No budget is set for {_for(old)}.",
            hint="'agentsys budget show' lists them; those of agentsys.toml are changed there.",
        )
    say(f"There is no budget set for {_for(old)} any more.")


@budget.command()
def show(as_json: AsJson = False, config: Config = None) -> None:
    """List the budgets in force, each with what its account has spent, and what is left."""
    from agentsys.cli.output import print_json, print_table, say

    async def both(budgets: "Budgets", settings: "Settings") -> Any:
        return await budgets.shown(), settings

    standings, settings = _with(config, both)
    if as_json:
        print_json([_row(one, settings) for one in standings])
        return
    if not standings:
        say("There are no budgets. Set one: 'agentsys budget set --usd 5', or in agentsys.toml.")
        return
    columns = ["for", "limit", "spent", "held", "left", "then", "set in"]
    print_table(columns, [line for one in standings for line in _lines(one, settings)])


@budget.command()
def rebuild(
    as_json: Annotated[bool, typer.Option("--json", help="Print what was wrong.")] = False,
    config: Config = None,
) -> None:
    """Compute what was spent anew from the ledger; say which counters were wrong."""
    from agentsys.budgets import spoken
    from agentsys.cli.output import print_json, print_table, say

    async def work(budgets: "Budgets", _: Any) -> "list[tuple[str, Balance, Balance]]":
        wrong = await budgets.rebuild()
        right = await budgets.accounts([*wrong])
        return [(account, before, right[account]) for account, before in wrong.items()]

    mended = _with(config, work)
    if as_json:
        print_json(
            [
                {"account": account, "was": _spend(before.spent), "is": _spend(after.spent)}
                for account, before, after in mended
            ]
        )
        return
    if not mended:
        say("All counters agree with the ledger.")
        return
    rows = [[spoken(a), _read(before.spent), _read(after.spent)] for a, before, after in mended]
    print_table(["mended", "was", "is"], rows)


def _per(per: Per | None, tenant: str | None) -> Per:
    return per or ("total" if tenant is None else "tenant")


def _with(config: str | None, work: "Callable[[Budgets, Settings], Awaitable[T]]") -> T:
    """What is done with the budgets of the configured store."""
    from agentsys.budgets import Budgets
    from agentsys.settings import Settings
    from agentsys.stores import open_store

    settings = Settings.load(config)

    async def done() -> T:
        store = open_store(settings.store_url)
        try:
            return await work(Budgets(store, settings.budgets), settings)
        finally:
            await store.close()

    return asyncio.run(done())


def _for(budget: "Budget") -> str:
    kind, _, period = budget.per.partition("/")
    who = {"total": "all runs", "run": "each run", "tenant": "each tenant"}[kind]
    if budget.tenant is not None:
        who = f"tenant {budget.tenant!r}"
    return f"{who}, each {period}" if period else who


def _limits(budget: "Budget") -> str:
    from agentsys.money import DIMENSIONS, UNLIMITED, shown

    cap = budget.cap
    limits = [(name, getattr(cap, name)) for name in DIMENSIONS]
    return ", ".join(shown(name, limit) for name, limit in limits if limit != UNLIMITED)


def _lines(standing: "Standing", settings: "Settings") -> list[list[str]]:
    """A line of the table for each limit."""
    from agentsys.cli.amounts import limited, whose
    from agentsys.money import shown

    budget = standing.budget
    return [
        [
            whose(standing),
            *(shown(name, n) for n in (limit, spent, held, limit - spent - held)),
            budget.on_empty,
            _source(standing, settings),
        ]
        for name, limit, spent, held in limited(standing)
    ]


def _source(standing: "Standing", settings: "Settings") -> str:
    return settings.file.name if standing.budget in settings.budgets else "the store"


def _row(standing: "Standing", settings: "Settings") -> dict[str, Any]:
    from agentsys.cli.amounts import limited

    budget = standing.budget
    row: dict[str, Any] = {
        "per": budget.per,
        "tenant": budget.tenant,
        "account": standing.account or None,
        "set_in": "store" if _source(standing, settings) == "the store" else "configuration",
        "on_empty": budget.on_empty,
        "wait_s": budget.wait_s if budget.on_empty == "queue" else None,
        **dict.fromkeys(_JSON.values()),
    }
    for name, limit, spent, held in limited(standing):
        amounts = {"limit": limit, "spent": spent, "held": held, "left": limit - spent - held}
        row[_JSON[name]] = {each: _amount(name, n) for each, n in amounts.items()}
    return row


_JSON = {"nano_usd": "usd", "tokens": "tokens", "calls": "calls", "microseconds": "seconds"}
"""How JSON calls the dimensions."""


def _amount(dimension: str, amount: int) -> str | int | float:
    from agentsys.money import usd

    match dimension:
        case "nano_usd":
            return f"{usd(amount):f}"
        case "microseconds":
            return amount / 1_000_000
        case _:
            return amount


def _spend(spend: "Spend") -> dict[str, Any]:
    return {key: _amount(name, getattr(spend, name)) for name, key in _JSON.items()}


def _read(spend: "Spend") -> str:
    from agentsys.money import DIMENSIONS, shown

    return ", ".join(shown(name, getattr(spend, name)) for name in DIMENSIONS)
