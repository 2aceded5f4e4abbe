"""What can `odograph privacy` be asked about time and about readers? What expires, and who read which track."""

from datetime import UTC, datetime
from typing import Annotated

import typer

Purpose = Annotated[
    str | None,
    typer.Option(help="Why a track is read, for the access log; unset: ODOGRAPH_PURPOSE.", show_default=False),
]


def expire(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="As of this date; unset: today, UTC.", show_default=False),
    ] = None,
) -> None:
    """Thin, cut and delete what is over its time, tenant by tenant; a legal hold keeps what it covers.

    Part of the nightly upkeep of `odograph serve`; docs/retention.md says what is kept how long.
    Example: odograph privacy expire --dry-run
    """
    from flows.cli import settings_or_exit
    from flows.privacy.expiring import expire as run
    from flows.privacy.printed import print_due

    if day is not None and not dry_run and day.date() > datetime.now(UTC).date():
        raise typer.BadParameter("only a dry run can look ahead", param_hint="--date")
    with settings_or_exit() as settings:
        print_due(run(settings, today=None if day is None else day.date(), dry_run=dry_run), dry_run=dry_run)


def access(
    tenant: Annotated[str | None, typer.Option(help="Only reads of this tenant's.", show_default=False)] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only reads of this vehicle, driver or purchase.", show_default=False)
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First date of reading, UTC.", show_default=False),
    ] = None,
) -> None:
    """Print who read which track, when, and why; the newest last.

    A query may be about anybody: with --subject or --tenant those that may include them are listed and marked.

    Example: odograph privacy access --subject V012 --from 2026-02-01
    """
    from flows.cli import settings_or_exit
    from flows.privacy.access import access_path, chosen_accesses, read_accesses
    from flows.privacy.printed import print_accesses

    with settings_or_exit() as settings:
        first = "" if since is None else since.date().isoformat()
        read = [found for found in read_accesses(access_path(settings.data_dir)) if found.at_utc >= first]
        print_accesses(chosen_accesses(read, tenant, subject), tenant, subject)
