"""What can `odograph explain` be asked? One command for each kind of number."""

from datetime import datetime
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from flows.retention_command import Purpose


class _Numbers(TyperGroup):
    """A word with a dot is a number of a mart, anything else a sub-command."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Take the number for an argument of `number`."""
        if args and "." in args[0]:
            return "number", self.get_command(ctx, "number"), args
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Numbers,
    no_args_is_help=True,
    help="""Where a number comes from: down to the messages behind it.

Any number of a mart: odograph explain vehicle_days.idle_share --vehicle V012 --date 2026-11-20""",
)


@app.command()
def number(
    name: Annotated[str, typer.Argument(metavar="MART.COLUMN", help="As in marts.lineage: route_days.stem_out_m, …")],
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Service date, YYYY-MM-DD.")
    ] = None,
    vehicle: Annotated[str | None, typer.Option(help="Vehicle, where the mart is by vehicle.")] = None,
    route: Annotated[str | None, typer.Option(help="Route, where the mart is by route.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Tenant, where several have that row.")] = None,
    definition: Annotated[str | None, typer.Option(help="Rule of idling, of idle_by_definition.")] = None,
    at: Annotated[str | None, typer.Option(help="Local time an event or stop began: 10:05 or 10:05:30.")] = None,
    txn: Annotated[str | None, typer.Option(help="Transaction, of purchases and their flags.")] = None,
    runs: Annotated[int, typer.Option(min=1, help="How many runs to list, the longest first.")] = 10,
    every: Annotated[bool, typer.Option("--all", help="List all of them.")] = False,
    run: Annotated[int | None, typer.Option(help="Show the positions and messages behind this run.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="With --run: whole payloads.")] = False,
) -> None:
    """Print any number of a mart with its formula, the value of every term, the runs behind it and what made it.

    Example: odograph explain route_days.stem_out_m --route R207 --date 2026-11-20 (the word `number` may be left out)
    """
    from flows.asked_number import Asked
    from flows.cli import settings_or_exit
    from flows.traced import print_trace

    table, _, column = name.removeprefix("marts.").partition(".")
    date_asked = None if day is None else day.date()
    asked = Asked(table, column, tenant, date_asked, vehicle, route, definition, txn, at)
    with settings_or_exit() as settings:
        print_trace(settings, asked, run=run, shown_runs=1_000_000 if every else runs, raw=raw)


@app.command()
def idle(
    vehicle: Annotated[str, typer.Option(help="Vehicle, as in marts.vehicle_days.")],
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="Service date, YYYY-MM-DD.")],
    tenant: Annotated[str | None, typer.Option(help="Tenant, where several have that vehicle.")] = None,
    definition: Annotated[
        str, typer.Option(help="Whose rule of idling, as in marts.definitions: odograph, geotab, legal_nyc, …")
    ] = "odograph",
    run: Annotated[int | None, typer.Option(help="Show the positions and messages behind this run.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="With --run: whole payloads.")] = False,
    purpose: Purpose = None,
) -> None:
    """Print every idle run of a van's day, which rule took or left it and why, and the messages behind one run.

    Example: odograph explain idle --vehicle V12 --date 2026-02-26 --run 3
    """
    from flows.cli import settings_or_exit
    from flows.explained import print_idle

    with settings_or_exit() as settings:
        print_idle(
            settings,
            vehicle=vehicle,
            day=day.date(),
            tenant=tenant,
            definition=definition,
            run=run,
            raw=raw,
            purpose=purpose,
        )


@app.command()
def fuel(
    txn: Annotated[str, typer.Argument(help="Transaction id of the provider, as in marts.fuel_purchases.")],
    tenant: Annotated[str | None, typer.Option(help="Tenant, where several have that transaction.")] = None,
    provider: Annotated[str | None, typer.Option(help="Card provider, where several have it.")] = None,
    item: Annotated[int | None, typer.Option(help="Line of the ticket; unset: all of them.")] = None,
    purpose: Purpose = None,
) -> None:
    """Print what is behind a fuel purchase and its flags; the same as `odograph fuel show`."""
    from flows.fuel_command import show

    show(txn, tenant, provider, item, purpose)


@app.command()
def actions(
    tenant: Annotated[str | None, typer.Option(help="Tenant, where there are several.")] = None,
    week: Annotated[
        str | None, typer.Option(help="Week, as 2026-W09; unset: the newest whole one.", show_default=False)
    ] = None,
) -> None:
    """Print what could be done better in a week: each suggestion with its numbers, and why it was taken or left.

    Example: odograph explain actions --tenant northwind --week 2026-W09
    """
    from flows.cli import settings_or_exit
    from flows.explained_actions import print_actions

    with settings_or_exit() as settings:
        print_actions(settings, tenant=tenant, week=week)
