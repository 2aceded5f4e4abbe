"""What can `odograph explain` be asked? One command for each kind of number."""

from datetime import datetime
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Where a number comes from: down to the messages behind it.")


@app.callback()
def _numbers() -> None:
    """Keep kinds of numbers as sub-commands, also while there is only one."""


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
) -> None:
    """Print every idle run of a van's day, which rule took or left it and why, and the messages behind one run.

    Example: odograph explain idle --vehicle V12 --date 2026-02-26 --run 3
    """
    from flows.cli import settings_or_exit
    from flows.explained import print_idle

    with settings_or_exit() as settings:
        print_idle(settings, vehicle=vehicle, day=day.date(), tenant=tenant, definition=definition, run=run, raw=raw)


@app.command()
def fuel(
    txn: Annotated[str, typer.Argument(help="Transaction id of the provider, as in marts.fuel_purchases.")],
    tenant: Annotated[str | None, typer.Option(help="Tenant, where several have that transaction.")] = None,
    provider: Annotated[str | None, typer.Option(help="Card provider, where several have it.")] = None,
    item: Annotated[int | None, typer.Option(help="Line of the ticket; unset: all of them.")] = None,
) -> None:
    """Print what is behind a fuel purchase and its flags; the same as `odograph fuel show`."""
    from flows.fuel_command import show

    show(txn, tenant, provider, item)
