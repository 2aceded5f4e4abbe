"""What does `odograph upkeep` print?"""

import typer


def upkeep() -> None:
    """Keep the line small: expire, merge small files, delete replaced ones, and give back what the warehouse freed.

    `odograph serve` does so every night (ODOGRAPH_UPKEEP_CRON); without it, let cron. It may be cut short and done
    again at any time, changes no number, and leaves what a legal hold covers. docs/retention.md says what is kept how
    long; `odograph privacy expire --dry-run` lists what is due.
    """
    from flows.cli import settings_or_exit
    from flows.upkeep import upkeep as run

    with settings_or_exit() as settings:
        done = run(settings)
        size = settings.warehouse_path.stat().st_size
        typer.echo(
            f"expired: {done.expired_rows:,} rows and messages, {done.expired_segments:,} segments of the spool\n"
            f"lake: {done.merged:,} small files merged, {done.deleted:,} replaced files deleted\n"
            f"warehouse: {size / 1e6:,.1f} MB, {done.shrunk_bytes / 1e6:,.1f} MB given back"
        )
