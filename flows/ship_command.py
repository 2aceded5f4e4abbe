"""What does `odograph ship` do? It hands over what collectors that do not run left on this machine, once."""

import typer


def ship() -> None:
    """Hand sealed segments over to ODOGRAPH_SPOOL_URL, once; a collector that runs does so by itself."""
    from flows.cli import MISUSED, settings_or_exit
    from ingest.handed_over import is_fetched
    from ingest.shipping import ship as shipped
    from ingest.spool import Spool, SpoolBusy, spool_folders

    with settings_or_exit() as settings:
        if settings.spool_url is None:
            typer.echo("ODOGRAPH_SPOOL_URL is not set: there is nobody to hand over to", err=True)
            raise typer.Exit(MISUSED)
        for folder in spool_folders(settings.spool_dir):
            if is_fetched(folder):
                continue
            try:
                with Spool.open(folder):
                    typer.echo(f"spool {folder.name}: {shipped(settings, folder)} segments handed over")
            except SpoolBusy:
                typer.echo(f"spool {folder.name}: its collector runs and hands over by itself")
