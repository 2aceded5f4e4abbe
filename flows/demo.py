"""The whole line on one machine, with nothing installed beside the project.

broker -> collector (its own process) <- a recorded bus day and a simulated delivery day, over MQTT
-> spool -> refresh -> published copy -> report -> headline numbers and a comparison with the truth
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.table import Table

from flows.importing import print_problems
from flows.progress import shown_progress
from flows.publishing import publish
from flows.querying import open_published
from flows.refresh import refresh
from flows.reporting import run_report
from flows.settings import Settings
from flows.truth import TruthCheck, compare
from ingest.broker import Broker, embedded_broker
from ingest.recorded import read_recording
from ingest.simulation import simulate
from warehouse.connection import open_warehouse, writer_lock
from warehouse.dimension_columns import DIMENSIONS
from warehouse.dimensions import ImportRefused, import_dimension
from warehouse.models import prepare_models

TENANT, BUS_TENANT = "northwind", "capmetro"
BUS_DAY = "capmetro_2016-11-25.parquet"
READY_S, SEALED_S = 30.0, 60.0


class CollectorDied(Exception):
    """The collector ended before it was ready; the message holds the end of its log."""


def run_demo(settings: Settings, *, vans: int, seed: int) -> bool:
    """Run the line and print what came out; False when a comparison with the truth fails."""
    console = Console()
    started = monotonic()
    truth = settings.data_dir / "truth"

    def step(text: str) -> None:
        console.print(f"[dim]{monotonic() - started:6.1f} s[/dim]  {text}")

    step(f"simulating a delivery day of {vans} vans (seed {seed})")
    fleet = simulate(vans=vans, days=1, seed=seed, tenant=TENANT)
    fleet.write_truth(truth)
    fleet.write_dimensions(truth)
    with _recording() as bus_day, _broker(settings) as broker:
        step(f"broker: {broker.description}, {broker.url}")
        line = settings.model_copy(update={"broker_url": broker.url, "clean_session": broker.clean_session})
        recording = read_recording(bus_day)
        with _collector(line):
            step("collector: ready, writing to " + str(line.spool_dir))
            sent = publish(line, "delivery day", fleet.messages)
            step(f"delivery day: {sent.messages} messages on disk, {sent.resent} sent again")
            sent = publish(line, "bus day", recording.messages)
            step(f"Capital Metro {BUS_DAY[9:19]}, {recording.note}: {sent.messages} messages on disk")
    _import_all(settings, truth)
    step("vehicles, depots, drivers, assignments, stations and prices imported")
    with shown_progress() as tell:
        done = refresh(settings, progress=tell)
    step(
        f"refreshed: {done.loaded.positions} positions, {done.loaded.purchases} fuel-card events,"
        f" {done.loaded.plans} planned routes, {done.loaded.rejects} rejects"
    )
    if not done.published:
        for failure in done.failed:
            console.print(f"[red]checks found rows:[/red] {failure}")
        return False
    reported = run_report(settings, "daily", day=None, tenant=TENANT, send=True, out=None)
    with open_published(settings.published_path) as published:
        _print_headlines(console, published)
        checks = compare(published, truth)
    _print_checks(console, checks)
    _print_places(console, settings, list(reported), truth)
    step("done")
    return all(check.holds for check in checks)


@contextmanager
def _recording() -> Iterator[Path]:
    with as_file(files("ingest") / "recordings" / BUS_DAY) as path:
        yield path


@contextmanager
def _broker(settings: Settings) -> Iterator[Broker]:
    if settings.broker_url is not None:
        yield Broker(settings.broker_url, "mosquitto", "yours, by ODOGRAPH_BROKER_URL", settings.clean_session)
        return
    with embedded_broker(settings.data_dir / "broker") as broker:
        yield broker


@contextmanager
def _collector(settings: Settings) -> Iterator[None]:
    """Run the collector as a process of its own; leaving the block stops it, and everything is sealed."""
    log = settings.data_dir / "collector.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    given = settings.model_dump(include={"data_dir", "broker_url", "clean_session", "collector"})
    environment = os.environ | {f"ODOGRAPH_{name.upper()}": str(value) for name, value in given.items()}
    with log.open("w") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingest.collector"], env=environment, stderr=lines, stdout=lines
        )
    try:
        _wait_until_ready(process, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(SEALED_S)


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = monotonic() + READY_S
    while "ready" not in log.read_text().splitlines():
        if process.poll() is not None or monotonic() > give_up:
            raise CollectorDied(f"the collector did not get ready:\n{log.read_text()[-2000:]}")
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue


def _import_all(settings: Settings, truth: Path) -> None:
    with (
        as_file(files("ingest") / "recordings") as recordings,
        writer_lock(settings.lock_path, wait_s=60),
        open_warehouse(settings.warehouse_path) as warehouse,
    ):
        prepare_models(warehouse)
        for folder in (truth, recordings):
            for name, dimension in DIMENSIONS.items():
                path = folder / f"{name}.csv"
                if not path.exists():
                    continue
                try:
                    import_dimension(warehouse, dimension, path, settings.timezone)
                except ImportRefused as refused:
                    print_problems(refused)
                    raise


HEADLINES = """
select
    tenant_id as tenant,
    service_date as date,
    vehicles_heard as vehicles,
    routes_run as routes,
    round(engine_on_s / 3600, 1) as "engine on h",
    round(drive_s / 3600, 1) as "driving h",
    round(idle_s / 3600, 1) as "idle h",
    case when engine_on_s > 0 then format('{:.1f} %', 100 * idle_share) else 'n/a' end as "idle share",
    case when idle_cost > 0 then format('{:.2f} {}', idle_cost, currency) else 'n/a' end as "idle cost",
    stop_count as stops,
    round(distance_m / 1000) as km,
    format('{:.1f} %', 100 * coverage) as coverage
from marts.fleet_days
order by tenant_id, service_date
"""


def _print_headlines(console: Console, published: object) -> None:
    rows = published.sql(HEADLINES)  # type: ignore[attr-defined]
    table = Table(title="Headline numbers", title_justify="left")
    for name in rows.columns:
        table.add_column(name, justify="left" if name in ("tenant", "date") else "right")
    for row in rows.fetchall():
        table.add_row(*(str(value) for value in row))
    console.print(table)


def _print_checks(console: Console, checks: list[TruthCheck]) -> None:
    table = Table(title="Against the simulator's truth", title_justify="left")
    for name in ("check", "found", "limit", "verdict", "detail"):
        table.add_column(name, justify="right" if name in ("found", "limit") else "left")
    for check in checks:
        limit = "" if check.limit is None else f"{check.limit:.0%}"
        verdict = "reported" if check.limit is None else "holds" if check.holds else "[red]FAILS[/red]"
        table.add_row(check.name, f"{check.found:.2%}", limit, verdict, check.detail)
    console.print(table)


def _print_places(console: Console, settings: Settings, reported: list[str], truth: Path) -> None:
    table = Table(title="Where everything lies", title_justify="left", show_header=False)
    for name, path in (
        ("raw messages", settings.spool_dir),
        ("lake (Delta tables)", settings.lake_root),
        ("published copy", settings.published_path),
        ("simulator's truth", truth),
    ):
        table.add_row(name, str(path))
    for line in reported:
        table.add_row("report", line)
    console.print(table)
    console.print('ask it: [bold]odograph query "from marts.route_days limit 5"[/bold]', highlight=False)
