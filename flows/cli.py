"""The command line: `odograph …`.

Results go to standard output, progress and logs to standard error. Exit status 0 done, 1 failed, 2 misused.
Each command imports what it needs when it runs, so that help is quick.
"""

# First, for what it does comes last.
from flows.leaving import run  # isort: skip

import gc
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.backfill_command import backfill
from flows.backup.commands import backup, restore
from flows.bench.commands import app as bench
from flows.broker_command import broker_config
from flows.chaos.command import chaos
from flows.explain_command import app as explain
from flows.fuel_command import app as fuel
from flows.import_command import import_
from flows.mail_command import app as mail
from flows.mappings_command import app as mappings
from flows.privacy_command import app as privacy
from flows.query_command import query
from flows.report_command import report
from flows.retention_command import access, expire
from flows.ship_command import ship
from flows.upkeep_command import upkeep
from ingest.logs import log_to_stderr

if TYPE_CHECKING:
    from flows.settings import Settings

app = typer.Typer(
    name="odograph",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Vehicle telematics for delivery fleets: every message kept, every second of every van's day counted once.

Start with [bold]odograph demo[/bold]. Settings are environment variables ODOGRAPH_… or lines of .env;
.env.example lists them with defaults and units.""",
)

OUR_PACKAGES = {"flows", "ingest", "kernels", "warehouse"}
FAILED, MISUSED = 1, 2
GARBAGE_OBJECTS = 50_000  # that are made before Python looks for what nobody needs
Day = Annotated[
    datetime | None,
    typer.Option("--date", formats=["%Y-%m-%d"], help="Service date, YYYY-MM-DD.", show_default=False),
]


@app.callback()
def _logging(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens to standard error.")] = False,
) -> None:
    log_to_stderr(logging.INFO if verbose else logging.WARNING)


@contextmanager
def settings_or_exit() -> Iterator["Settings"]:
    """Read the settings; print a situation we know as one line and end with its status, without a traceback."""
    from flows.settings import Settings
    from ingest.settings import SettingsError

    try:
        settings = Settings.read()
        log_to_stderr(logging.getLogger().level, settings.log_format)
        yield settings
    except SettingsError as error:
        typer.echo(f"{error.heading}{error}", err=True)
        raise typer.Exit(MISUSED) from error
    except KeyboardInterrupt as error:
        typer.echo("stopped", err=True)
        raise typer.Exit(FAILED) from error
    except Exception as error:
        from warehouse.stores import store_said

        failed = store_said(error)
        if failed is None and type(error).__module__.split(".")[0] not in OUR_PACKAGES:
            raise
        typer.echo(failed or f"{error}", err=True)
        raise typer.Exit(FAILED) from error


@app.command()
def demo(
    vans: Annotated[int, typer.Option(min=1, max=500, help="Simulated vans.")] = 40,
    seed: Annotated[int, typer.Option(help="The same seed gives the same day.")] = 7,
) -> None:
    """Run the whole line on this machine: a broker, a recorded bus day and a simulated delivery day, to the report."""
    from flows.demo import run_demo

    with settings_or_exit() as settings:
        raise typer.Exit(0 if run_demo(settings, vans=vans, seed=seed) else FAILED)


@app.command()
def collect() -> None:
    """Keep what the broker sends: on disk first, then acknowledged. Runs until it is told to stop."""
    logging.getLogger().setLevel(logging.INFO)
    with settings_or_exit() as settings:
        from flows.fast_ingest import packet_tools
        from ingest.collector import run

        raise typer.Exit(run(settings, packet_tools))


@app.command()
def refresh(
    day: Day = None,
    full: Annotated[bool, typer.Option("--full", help="Recompute every service date from the lake.")] = False,
) -> None:
    """Bring what has arrived from the spool to the published copy, once; only what changed is rebuilt."""
    from flows.progress import shown_progress
    from warehouse.connection import WarehouseBusy

    with settings_or_exit() as settings:
        try:
            with shown_progress() as tell:
                from flows.orchestration import run_refresh

                done = run_refresh(settings, day=_date(day), full=full, progress=tell)
        except WarehouseBusy as busy:
            typer.echo(f"nothing done: {busy}; the next refresh catches up")
            return
        loaded = done.loaded
        typer.echo(
            f"{loaded.messages} messages in {loaded.segments} segments: {loaded.positions} positions,"
            f" {loaded.events} events, {loaded.purchases} purchases, {loaded.plans} planned routes,"
            f" {loaded.rejects} rejects"
        )
        typer.echo(f"rebuilt: {', '.join(map(str, done.rebuilt)) or 'nothing'}")
        if done.failed:
            for line in (line for failure in done.failed for line in failure.lines()):
                typer.echo(f"held back, keeps what it had, because checks found rows: {line}", err=True)
        for frozen in done.frozen:
            typer.echo(
                f"frozen, stays as it was: {frozen.tenant_id} {frozen.vehicle_id} {frozen.service_date} ({frozen.why})"
            )
        typer.echo(f"published: {settings.published_path}" if done.published else "no news: the published copy stays")
        if done.not_copied:
            typer.echo(done.not_copied, err=True)
        if done.failed or done.not_copied:
            raise typer.Exit(FAILED)


app.command()(backfill)


app.command()(report)


@app.command()
def serve() -> None:
    """Run refresh and reports on their schedules, with a Prefect server of our own unless PREFECT_API_URL is set."""
    from flows.orchestration import run_server

    with settings_or_exit() as settings:
        raise typer.Exit(run_server(settings))


@app.command()
def simulate(
    vans: Annotated[int, typer.Option(min=1, max=5000, help="Vans in the fleet.")] = 40,
    days: Annotated[int, typer.Option(min=1, max=60, help="Delivery days; the last one is yesterday.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same days.")] = 7,
    truth: Annotated[
        Path | None,
        typer.Option(help="Folder for the exact truth and the dimension files.", show_default=False),
    ] = None,
    tenant: Annotated[str, typer.Option(help="Tenant of the fleet.")] = "northwind",
    speed: Annotated[
        float | None,
        typer.Option(help="Times real speed; unset: as fast as the line takes it.", show_default=False),
    ] = None,
    fuel_cases: Annotated[
        bool,
        typer.Option(
            "--fuel-cases",
            help="Everything that can go wrong with fuel cards, in place of three faults; give it vans and days.",
        ),
    ] = False,
    packed: Annotated[
        bool, typer.Option("--packed", help="Positions in the packed form of a gateway, not as JSON.")
    ] = False,
) -> None:
    """Publish synthetic delivery days over MQTT, with the exact truth beside them."""
    from flows.publishing import run_simulate

    with settings_or_exit() as settings:
        line = run_simulate(
            settings,
            vans=vans,
            days=days,
            seed=seed,
            truth=truth,
            tenant=tenant,
            speed=speed,
            fuel_cases=fuel_cases,
            packed=packed,
        )
        typer.echo(line)


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Recorded data: bus days, 1 Hz traces, native messages.")],
    speed: Annotated[
        float | None,
        typer.Option(help="Times real speed; unset: as fast as the line takes it.", show_default=False),
    ] = None,
    keep_time: Annotated[
        bool,
        typer.Option("--keep-time", help="Leave recorded times; needs ODOGRAPH_MAX_AGE_DAYS=0 on old data."),
    ] = False,
) -> None:
    """Publish recorded data as its vehicles would; times shift by whole days so that the last day is yesterday."""
    from flows.publishing import run_replay

    with settings_or_exit() as settings:
        for line in run_replay(settings, files, speed=speed, keep_time=keep_time):
            typer.echo(line)


app.command("import")(import_)
app.command()(query)
app.command()(ship)


@app.command("serve-sql")
def serve_sql() -> None:
    """Serve the published copy read-only over DuckDB's own remote protocol; needs its extension quack."""
    from flows.serving_sql import serve_sql as serve_copies

    with settings_or_exit() as settings:
        serve_copies(settings)


app.add_typer(explain, name="explain")
app.add_typer(fuel, name="fuel")
app.command("broker-config")(broker_config)
app.add_typer(mail, name="mail")
app.add_typer(mappings, name="mappings")
privacy.command()(expire)
privacy.command()(access)
app.add_typer(privacy, name="privacy")


@app.command()
def status() -> None:
    """One screen of health; the exit status is 1 when something needs a person."""
    from flows.status import print_status

    with settings_or_exit() as settings:
        raise typer.Exit(0 if print_status(settings) else FAILED)


app.command()(upkeep)
app.command()(backup)
app.command()(restore)
app.add_typer(bench, name="bench")
app.command()(chaos)


def _date(day: datetime | None) -> date | None:
    return None if day is None else day.date()


def main() -> None:
    """Entry point of the console script."""
    # Modules are hundreds of thousands of objects that stay. To look through them after every 700 new ones took a
    # refresh 0.2 s.
    gc.set_threshold(GARBAGE_OBJECTS)
    # Nothing here multiplies matrices, and threads that wait to do so look for work all the while.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    run(app)
