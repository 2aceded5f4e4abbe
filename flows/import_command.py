"""What can `odograph import` be given? Files about the fleet, and files of fuel-card providers."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Dimension(StrEnum):
    """The kinds of files `import` takes."""

    tenants = "tenants"
    vehicles = "vehicles"
    depots = "depots"
    drivers = "drivers"
    cards = "cards"
    devices = "devices"
    assignments = "assignments"
    stations = "stations"
    prices = "prices"
    timeclock = "timeclock"
    deliveries = "deliveries"
    jurisdictions = "jurisdictions"
    retention = "retention"
    fuel_card = "fuel-card"


def import_(
    kind: Dimension,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="CSV or Parquet; areas also GeoJSON; fuel cards CSV, XLSX, fixed-width or JSON.", show_default=False
        ),
    ] = None,
    columns: Annotated[
        bool, typer.Option("--columns", help="Show what has to be in files of this kind; import nothing.")
    ] = False,
    provider: Annotated[
        str | None, typer.Option(help="fuel-card: whose file it is; its mapping has the same name.", show_default=False)
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="fuel-card: whose cards; unset: the only tenant known.", show_default=False)
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="fuel-card: another mapping, a TOML file or a name.", show_default=False)
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="fuel-card: zone of local times, where the site tells none.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="fuel-card: show how lines would be read; import nothing.")
    ] = False,
) -> None:
    """Take files about vans, depots, drivers, prices, hours, scans, areas or fuel cards; each whole or not at all.

    Rows of tenants, vehicles, depots, drivers, cards, devices and stations may
    have [bold]valid_from[/bold] and [bold]valid_to[/bold] (dates, the second one
    exclusive, empty: always and still so). The row of a service date counts on it;
    rows of one thing may follow each other and never overlap. For a van that is in
    the workshop from 1 March, give its row valid_to 2026-03-01 and add another one:

    [bold]odograph import vehicles vehicles.csv[/bold]

    [bold]odograph import vehicles --columns[/bold] lists the columns of a kind of
    file with type, unit and meaning, as docs/imports.md does for all of them. A row
    whose valid_to is its valid_from never held, and takes the one with that
    valid_from out.

    Fuel cards: [bold]odograph import fuel-card FILE --provider wex --dry-run[/bold]
    shows the first lines as they will be read, and lists each bad one with its
    number and reason. Without --dry-run they are imported, and the next refresh
    loads them. A file that comes twice or overlaps another changes nothing.

    [bold]odograph mappings list[/bold] names the providers; docs/fuel-cards.md tells
    how to describe another one.
    """
    from flows.cli import FAILED, settings_or_exit
    from flows.fuel_cards import Cards, run_fuel_cards
    from flows.importing import run_import

    if columns:
        typer.echo(_columns(kind))
        return
    if not files:
        raise typer.BadParameter("a file, or --columns to see what has to be in it", param_hint="FILES")
    if kind is Dimension.fuel_card:
        if provider is None:
            raise typer.BadParameter("a fuel-card file needs it; `odograph mappings list`", param_hint="--provider")
        cards = Cards(provider, tenant, mapping, timezone, dry_run)
        with settings_or_exit() as settings:
            raise typer.Exit(0 if run_fuel_cards(settings, files, cards) else FAILED)
    if dry_run or any(given is not None for given in (provider, tenant, mapping, timezone)):
        raise typer.BadParameter("--provider, --tenant, --mapping, --timezone and --dry-run are for fuel-card files")
    with settings_or_exit() as settings:
        raise typer.Exit(0 if run_import(settings, kind.value, files) else FAILED)


def _columns(kind: Dimension) -> str:
    from warehouse.dimension_columns import DIMENSIONS
    from warehouse.dimension_guide import in_lines

    if kind is Dimension.fuel_card:
        return "each provider has its own columns: `odograph mappings list`, docs/fuel-cards.md"
    return in_lines(DIMENSIONS[kind.value])
