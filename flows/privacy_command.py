"""What can `odograph privacy` be asked? Holds, subject requests, and the register of what was done."""

from datetime import date, datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Legal holds, exports and erasures of a driver or a vehicle, and the proof of them."
)

Tenant = Annotated[str, typer.Option(help="Tenant the vehicle or driver belongs to.")]
Vehicle = Annotated[str | None, typer.Option(help="Vehicle, as in marts.vehicle_days.", show_default=False)]
Driver = Annotated[str | None, typer.Option(help="Driver, as in core.drivers.", show_default=False)]
From = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="First service date; unset: all before.", show_default=False),
]
To = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help="Last service date; unset: all after.", show_default=False),
]
By = Annotated[str | None, typer.Option(help="Who does so; unset: the user of this machine.", show_default=False)]


@app.command()
def hold(
    tenant: Tenant,
    reason: Annotated[str, typer.Option(help="Why, such as the number of a case.")],
    vehicle: Vehicle = None,
    driver: Driver = None,
    since: From = None,
    until: To = None,
    even_if_unknown: Annotated[
        bool, typer.Option("--even-if-unknown", help="Also hold what nothing is known of yet.")
    ] = False,
    by: By = None,
) -> None:
    """Keep everything about a vehicle or a driver from expiry and erasure, until it is released.

    Example: odograph privacy hold --tenant northwind --vehicle V012 --from 2026-02-26 --reason "case 88"
    """
    from flows.cli import settings_or_exit
    from flows.privacy.holding import known_dates, place_hold
    from warehouse.subjects import Subject

    kind, subject = the_subject(vehicle, driver)
    from_date, to_date = the_period(since, until)
    with settings_or_exit() as settings:
        about = Subject(tenant, kind, subject, from_date, to_date)
        count = known_dates(settings, about, even_if_unknown=even_if_unknown)
        hold_id = place_hold(
            settings, tenant=tenant, kind=kind, subject=subject, from_date=from_date, to_date=to_date,
            reason=said(reason), by=by or getuser(),
        )  # fmt: skip
        typer.echo(
            f"{hold_id}: {kind} {subject} of {tenant} is held, {count} vehicle-dates are known of it now;"
            f" `odograph privacy release {hold_id}` ends it"
        )


@app.command()
def release(
    hold_id: Annotated[str, typer.Argument(help="The hold, as `odograph privacy holds` lists it.")],
    reason: Annotated[str, typer.Option(help="Why it is over.")],
    by: By = None,
) -> None:
    """End a hold; what it kept may expire and be erased from now on.

    Example: odograph privacy release H1 --reason "case 88 closed"
    """
    from flows.cli import settings_or_exit
    from flows.privacy.holding import release_hold

    with settings_or_exit() as settings:
        release_hold(settings, hold_id, reason=said(reason), by=by or getuser())
        typer.echo(f"{hold_id} is released")


@app.command()
def holds() -> None:
    """List the holds, the open ones first."""
    from flows.cli import settings_or_exit
    from flows.privacy.holding import listed_holds

    with settings_or_exit() as settings:
        for line in listed_holds(settings) or ["no holds"]:
            typer.echo(line)


@app.command()
def export(
    tenant: Tenant,
    out: Annotated[Path, typer.Option(help="New folder, or a new file that ends in .zip.")],
    vehicle: Vehicle = None,
    driver: Driver = None,
    since: From = None,
    until: To = None,
    reason: Annotated[str, typer.Option(help="Why, such as the number of a request or case.")] = "not stated",
    by: By = None,
) -> None:
    """Write everything known of a driver or a vehicle, as evidence or for a subject request.

    Raw messages, tables as CSV, and a manifest with the digest of each file, queries,
    code version, zone and quality flags. What is about others is left out.

    Example: odograph privacy export --tenant northwind --driver D7 --reason "request 5" --out d7.zip
    """
    from flows.cli import settings_or_exit
    from flows.privacy.exporting import export as written
    from warehouse.subjects import Subject

    kind, subject = the_subject(vehicle, driver)
    about = Subject(tenant, kind, subject, *the_period(since, until))
    with settings_or_exit() as settings:
        done = written(settings, about, out, reason=said(reason), by=by or getuser())
        typer.echo(f"{done.path}: {done.files} files, {done.rows} rows and messages; manifest sha256 {done.digest}")


@app.command()
def erase(
    tenant: Tenant,
    reason: Annotated[str, typer.Option(help="Why, such as the number of a request.")],
    vehicle: Vehicle = None,
    driver: Driver = None,
    since: From = None,
    until: To = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Of a driver also the sums of the days driven, which are kept otherwise.")
    ] = False,
    except_held: Annotated[
        bool, typer.Option("--except-held", help="Erase what is not under legal hold, and say what stays.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: By = None,
) -> None:
    """Erase a driver or a vehicle everywhere: spool, lake, warehouse, copies, reports and mails; it stays erased.

    Of a driver the link to the days driven goes, and their positions; sums of times and costs stay with the van.
    Shows first what would go, and asks. docs/privacy.md tells what it does where.

    Example: odograph privacy erase --tenant northwind --driver D7 --reason "request 5" --dry-run
    """
    from flows.cli import FAILED, settings_or_exit
    from flows.privacy.erasing import erase as carried_out
    from flows.privacy.erasing import finish, planned_erasure, preview
    from warehouse.subjects import Subject

    kind, subject = the_subject(vehicle, driver)
    about = Subject(tenant, kind, subject, *the_period(since, until))
    with settings_or_exit() as settings:
        who = by or getuser()
        if not dry_run and (finished := finish(settings, by=who)):
            typer.echo(f"the erasure of {finished.kind} {finished.subject_id} was cut short and is finished now")
            if finished == about:
                return
        plan = planned_erasure(settings, about, everything=everything, except_held=except_held)
        for what, count in preview(settings, plan).items():
            typer.echo(f"{count:>9}  {what}")
        for held in plan.held:
            period = f"{held.from_date}" if held.from_date == held.to_date else f"{held.from_date} to {held.to_date}"
            typer.echo(f"    stays  {held.vehicle_id or subject} on {period}: under hold {held.hold_id}")
        if dry_run:
            return
        if not yes and not typer.confirm(f"Erase {kind} {subject} of {tenant}? This cannot be taken back"):
            raise typer.Exit(FAILED)
        erased = carried_out(settings, plan, reason=said(reason), by=who)
        for what, count in erased.counts.items():
            typer.echo(f"{count:>9}  {what}")
        for path in erased.deleted_files:
            typer.echo(f"  deleted  {path}")
        for path in erased.not_read:
            typer.echo(f"  look at  {path}: raw bytes nobody can read message by message")
        typer.echo(f"{erased.erasure_id}: done; `odograph privacy verify` proves it")


@app.command()
def log() -> None:
    """Show the register: what was held, released, exported, erased or expired, when and by whom."""
    from flows.cli import settings_or_exit
    from flows.privacy.proving import listed_register

    with settings_or_exit() as settings:
        for line in listed_register(settings):
            typer.echo(line)


@app.command()
def verify(
    text: Annotated[
        list[str] | None, typer.Option(help="Must not stand in any file either: a name, an id.", show_default=False)
    ] = None,
) -> None:
    """Prove that the register was not changed and that nothing under a tombstone is anywhere.

    Example: odograph privacy verify --text "Anneliese Example" --text D7
    """
    from flows.cli import FAILED, settings_or_exit
    from flows.privacy.proving import last_digest, problems

    with settings_or_exit() as settings:
        found = list(problems(settings, text or []))
        for line in found:
            typer.echo(line, err=True)
        if newest := last_digest(settings):
            typer.echo(f"register: {newest[0]} lines, the last one {newest[1]}")
        if found:
            raise typer.Exit(FAILED)
        typer.echo("nothing that was erased was found")


def the_subject(vehicle: str | None, driver: str | None) -> tuple[str, str]:
    """Kind and id of the one subject that was named."""
    if (vehicle is None) == (driver is None):
        raise typer.BadParameter("name one of the two", param_hint="--vehicle or --driver")
    return ("vehicle", vehicle) if vehicle is not None else ("driver", str(driver))


def the_period(since: datetime | None, until: datetime | None) -> tuple[date | None, date | None]:
    """First and last service date, null where open."""
    if since is not None and until is not None and until < since:
        raise typer.BadParameter("is before --from", param_hint="--to")
    return None if since is None else since.date(), None if until is None else until.date()


def said(reason: str) -> str:
    """A reason that says something."""
    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")
    return reason.strip()
