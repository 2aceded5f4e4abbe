"""What can `odograph report` be asked? For a kind of report, a date, a tenant, and in whose units."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class UnitSystem(StrEnum):
    """The units there are."""

    us = "us"
    metric = "metric"


class Kind(StrEnum):
    """The reports there are, as `flows.report.kinds` lists them."""

    daily = "daily"
    weekly = "weekly"
    monthly = "monthly"
    network = "network"
    exceptions = "exceptions"


def report(
    kind: Annotated[
        Kind,
        typer.Argument(
            help="daily; weekly and monthly, of the period the date is in; network, the week of all tenants;"
            " exceptions, what came in the three days up to the date."
        ),
    ],
    day: Annotated[
        datetime | None,
        typer.Option(
            "--date",
            formats=["%Y-%m-%d"],
            help="Service date, YYYY-MM-DD; unset: the newest of each tenant. Exceptions after it are left out.",
            show_default=False,
        ),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="Tenant; unset: each tenant of that date. Not for network.", show_default=False)
    ] = None,
    units: Annotated[
        UnitSystem | None,
        typer.Option(help="Units of what is written; unset: the tenant's, else us.", show_default=False),
    ] = None,
    locale: Annotated[
        str | None,
        typer.Option(
            help="How figures and dates are written, such as de_DE; unset: the tenant's, else en_US.",
            show_default=False,
        ),
    ] = None,
    send: Annotated[
        bool,
        typer.Option("--send", help="Send it, once, by ODOGRAPH_SMTP_URL; without one write .eml files."),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for HTML, text, pictures and CSV.")] = None,
) -> None:
    """Render a report of the published copy, and optionally send it."""
    from flows.cli import settings_or_exit
    from flows.reporting import run_report

    with settings_or_exit() as settings:
        for line in run_report(
            settings,
            kind.value,
            day=day and day.date(),
            tenant=tenant,
            send=send,
            out=out,
            units=units and units.value,
            locale=locale,
        ):
            typer.echo(line)
