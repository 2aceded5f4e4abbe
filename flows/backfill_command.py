"""What does `odograph backfill` print? What is before it, and what became of it."""

from datetime import datetime
from typing import Annotated

import typer

Date = Annotated[
    datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First service date, YYYY-MM-DD.", show_default=False)
]
LastDate = Annotated[
    datetime,
    typer.Option("--to", formats=["%Y-%m-%d"], help="Last service date, itself included.", show_default=False),
]


def backfill(
    first: Date,
    last: LastDate,
    tenant: Annotated[
        str | None, typer.Option(help="Only this tenant's vans; unset: those of each tenant.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Begin again, also where one of the same dates was cut short.")
    ] = False,
) -> None:
    """Measure a range of service dates anew from the lake, date by date, and publish.

    For changed thresholds, settings or programs; late data and imports re-open the dates they touch by themselves.
    The line goes on meanwhile: a scheduled refresh comes in between two dates.

    Stop it at any time. Asked for the same dates again it goes on where it was: what is done is read from the
    warehouse, so nothing is measured twice. Frozen vehicle-dates (thinned, expired, erased) stay as they were and are
    listed; a date whose checks find rows keeps what it had and is listed, and the exit status is 1.

    Examples:

    odograph backfill --from 2026-02-01 --to 2026-02-28 --dry-run

    odograph backfill --from 2026-02-01 --to 2026-02-28 --tenant northwind
    """
    from flows.backfill import plan_of
    from flows.cli import FAILED, settings_or_exit
    from flows.orchestration import run_backfill
    from flows.progress import shown_progress
    from warehouse.backfills import Range

    if last < first:
        raise typer.BadParameter(f"{last:%Y-%m-%d} is before --from {first:%Y-%m-%d}", param_hint="--to")
    asked = Range(first.date(), last.date(), tenant)
    with settings_or_exit() as settings:
        if dry_run:
            plan = plan_of(settings, asked, anew=anew)
            for line in [*plan.lines(), f"to be rebuilt: {', '.join(map(str, plan.dates_left)) or 'nothing'}"]:
                typer.echo(line)
            return
        with shown_progress() as tell:
            done = run_backfill(settings, asked, anew=anew, progress=tell)
        for line in [*done.plan.lines(), f"rebuilt: {', '.join(map(str, done.rebuilt)) or 'nothing'}"]:
            typer.echo(line)
        if done.refreshed.rebuilt:  # what had arrived, or was open, besides the range
            typer.echo(f"rebuilt by the refresh at the end: {', '.join(map(str, done.refreshed.rebuilt))}")
        for line in (line for failure in (*done.failed, *done.refreshed.failed) for line in failure.lines()):
            typer.echo(f"held back, keeps what it had, because checks found rows: {line}", err=True)
        published = done.refreshed.published
        typer.echo(f"published: {settings.published_path}" if published else "no news: the published copy stays")
        if done.refreshed.not_copied:
            typer.echo(done.refreshed.not_copied, err=True)
        if not done.is_whole:
            raise typer.Exit(FAILED)
