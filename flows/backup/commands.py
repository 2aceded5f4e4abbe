"""What do `odograph backup` and `odograph restore` print?"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def backup(
    folder: Annotated[Path, typer.Argument(help="Folder for backups, best on another disk.", show_default=False)],
    keep: Annotated[int, typer.Option(min=1, help="How many backups stay; older ones are removed.")] = 7,
    verify: Annotated[
        bool, typer.Option("--verify", help="Make none: read the newest, or the one given, and compare its digests.")
    ] = False,
) -> None:
    """Copy all that cannot be made anew to another disk, while the line runs.

    Spool, lake, warehouse, registers, ledgers of mail, reports: everything of one moment, with a digest of each file.
    Published copies are left out, for a refresh makes them. Each backup is complete; what did not change is linked to
    the one before, so it costs what is new. A lake that is set by URL is not in it: use its store's own means.

    Examples:

    odograph backup /mnt/backups

    odograph backup /mnt/backups --verify
    """
    from flows.backup.manifest import BackupDamaged, NoBackup
    from flows.backup.restoring import verify_backup
    from flows.backup.taking import BackupMisplaced, take_backup
    from flows.cli import FAILED, settings_or_exit
    from flows.progress import shown_progress

    with settings_or_exit() as settings:
        try:
            if verify:
                with shown_progress() as tell:
                    found, manifest = verify_backup(folder, tell)
                typer.echo(f"{found}: {len(manifest.files):,} files of {_shown(manifest.made_utc)}, all as they were")
                return
            with shown_progress() as tell:
                taken = take_backup(settings, folder, keep=keep, progress=tell)
        except (NoBackup, BackupDamaged, BackupMisplaced) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(FAILED) from error
        typer.echo(
            f"{taken.folder}: {taken.file_count:,} files, {_size(taken.byte_count)};"
            f" {taken.new_file_count:,} of them new, {_size(taken.new_byte_count)}"
        )
        for old in taken.removed:
            typer.echo(f"removed {old}")
        if taken.lake_url is not None:
            typer.echo("the lake is not in it: it lies at a URL, so use the means of its store", err=True)


def restore(
    folder: Annotated[
        Path, typer.Argument(help="A backup, or the folder with backups: then the newest.", show_default=False)
    ],
    check: Annotated[
        bool, typer.Option("--check", help="A drill: restore aside, prove that it is good, and remove it again.")
    ] = False,
    aside: Annotated[
        Path | None, typer.Option(help="Folder for the drill; unset: that of the system.", show_default=False)
    ] = None,
) -> None:
    """Put a backup into the data directory, which must be empty; then refresh, and readers have their copies again.

    Every file is compared with its digest before anything is put in its place. Stop collector and flows first. A
    `privacy/` that is in the data directory stays, for it knows of erasures that came after the backup: the next
    refresh does them again. Messages that were acknowledged after the backup are not in it; publishers with an outbox
    (receipts) send again what was never confirmed to them.

    With --check nothing is put into the data directory: the backup is restored aside, refreshed, and measured anew from
    its own lake, which must give equal tables. That takes room for the backup, and the time of a full refresh.

    Example:

    odograph restore /mnt/backups && odograph refresh

    odograph restore /mnt/backups --check
    """
    from flows.backup.drill import drill
    from flows.backup.manifest import BackupDamaged, NoBackup
    from flows.backup.restoring import DataThere, OtherRegister, restore_backup
    from flows.cli import FAILED, settings_or_exit
    from flows.progress import shown_progress

    with settings_or_exit() as settings:
        if check:
            with shown_progress() as tell:
                proven = drill(settings, folder, aside, tell)
            typer.echo(
                f"{proven.backup} is good: {len(proven.manifest.files):,} files as they were at"
                f" {_shown(proven.manifest.made_utc)}; {proven.message_count:,} messages of its spool were in no table;"
                f" {proven.row_count:,} rows of {proven.table_count} tables measured anew from its lake, all equal"
            )
            return
        try:
            with shown_progress() as tell:
                done = restore_backup(settings, folder, tell)
        except (NoBackup, BackupDamaged, DataThere, OtherRegister) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(FAILED) from error
        typer.echo(
            f"{settings.data_dir}: {len(done.manifest.files):,} files, {_size(done.byte_count)}, as they were at"
            f" {_shown(done.manifest.made_utc)}; now: odograph refresh"
        )
        if done.kept_privacy:
            typer.echo("privacy/ of the data directory stays: erasures since then are done again by the refresh")
        else:
            typer.echo(
                "privacy/ is the backup's: holds and erasures since then are not known; where a newer privacy/ exists,"
                " put it in place before the refresh",
                err=True,
            )
        if done.manifest.lake_url is not None:
            typer.echo("the lake was not in the backup: it must be at the URL it was at", err=True)


def _shown(instant: str) -> str:
    return f"{datetime.fromisoformat(instant):%Y-%m-%d %H:%M} UTC"


def _size(byte_count: int) -> str:
    return f"{byte_count / 1e9:.2f} GB" if byte_count >= 1e9 else f"{byte_count / 1e6:.1f} MB"
