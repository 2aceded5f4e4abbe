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
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path
from time import monotonic

import duckdb
from rich.console import Console
from rich.markup import escape
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
from ingest.client import shown_address
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
        console.print(f"[dim]{monotonic() - started:6.1f} s[/dim]  {text}", highlight=False, soft_wrap=True)

    step(f"simulating a delivery day of {vans} vans (seed {seed})")
    fleet = simulate(vans=vans, days=1, seed=seed, tenant=TENANT)
    fleet.write_truth(truth)
    fleet.write_dimensions(truth)
    with _recording() as bus_day, _broker(settings) as broker:
        step(f"broker: {broker.description}, {shown_address(broker.url)}")
        line = settings.model_copy(update={"broker_url": broker.url, "clean_session": broker.clean_session})
        recording = read_recording(bus_day)
        with _collector(line):
            step("collector: ready, writing to " + str(line.spool_dir))
            sent = publish(line, "delivery day", fleet.messages)
            step(f"delivery day: {sent.messages} messages on disk, {sent.resent} sent again")
            sent = publish(line, "bus day", recording.messages)
            step(f"recorded bus day: {recording.name}, {sent.messages} messages on disk, {sent.resent} sent again")
    import_dimensions(settings, truth)
    step("tenant, vehicles, depots, drivers, cards, devices, assignments, stations and prices imported")
    with shown_progress() as tell:
        done = refresh(settings, progress=tell)
    step(
        f"refreshed: {done.loaded.positions} positions, {done.loaded.purchases} fuel-card events,"
        f" {done.loaded.plans} planned routes, {done.loaded.rejects} rejects"
    )
    for failure in done.failed:
        console.print(f"[red]checks found rows:[/red] {failure}")
    if done.not_copied:
        console.print(f"[red]{escape(done.not_copied)}[/red]")
    reported = run_report(settings, "daily", day=None, tenant=TENANT, send=True, out=None)
    with open_published(settings.published_path) as published:
        _print_headlines(console, published)
        checks = compare(published, truth)
    _print_checks(console, checks)
    _print_places(console, settings, list(reported), truth)
    step("done")
    return not (done.failed or done.not_copied) and all(check.holds for check in checks)


@contextmanager
def _recording() -> Iterator[Path]:
    with as_file(files("ingest") / "recordings" / BUS_DAY) as path:
        yield path


@contextmanager
def _broker(settings: Settings) -> Iterator[Broker]:
    if settings.broker_url is not None:
        yield Broker(settings.broker_url, "mosquitto", "yours, by ODOGRAPH_BROKER_URL", settings.clean_session)
        return
    with embedded_broker(settings.data_dir / "broker", prefer=settings.embedded_broker) as broker:
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


def import_dimensions(settings: Settings, truth: Path) -> None:
    with (
        as_file(files("ingest") / "recordings") as recordings,
        writer_lock(settings.lock_path, wait_s=60),
        open_warehouse(settings.warehouse_path) as warehouse,
    ):
        prepare_models(warehouse)
        for folder in (truth, recordings / "capmetro"):
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
    tenant_id || ' ' || service_date as fleet_day,
    vehicles_heard as "vehicles heard",
    routes_run as "routes run",
    engine_on_s / 3600 as "engine on, h",
    drive_s / 3600 as "driving, h",
    case when engine_known then idle_s / 3600 end as "idle, h",
    case when engine_known then 100 * idle_share end as "idle share, %",
    idle_cost as "idle cost, USD",
    stop_count as "stops",
    distance_m / 1000 as "distance, km",
    100 * coverage as "coverage, %"
from marts.fleet_days
join (
    -- Buses report no engine state: when they stand, nobody can say whether they idle.
    select tenant_id, service_date, sum(parked_s) < 0.2 * sum(parked_s + idle_s + off_s) as engine_known
    from marts.vehicle_days group by all
) using (tenant_id, service_date)
-- A few fixes after midnight make a date of their own: show the fullest one.
qualify row_number() over (partition by tenant_id order by vehicles_heard desc, service_date) = 1
order by tenant_id desc
"""


def _print_headlines(console: Console, published: duckdb.DuckDBPyConnection) -> None:
    rows = published.sql(HEADLINES)
    days = rows.fetchall()
    table = Table(title="Headline numbers", title_justify="left")
    table.add_column("")
    for day in days:
        table.add_column(day[0], justify="right")
    for place, name in enumerate(rows.columns[1:], 1):
        table.add_row(name, *(_shown(day[place]) for day in days))
    console.print(table)


def _shown(value: float | int | Decimal | None) -> str:
    if value is None:
        return "n/a"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _print_checks(console: Console, checks: list[TruthCheck]) -> None:
    table = Table(title="Against the truth: errors of times, and hand-offs found", title_justify="left")
    for name in ("check", "found", "limit", "verdict", "detail"):
        table.add_column(name, justify="right" if name in ("found", "limit") else "left")
    for check in checks:
        limit = "" if check.limit is None else f"{check.limit:.0%}"
        verdict = "–" if check.limit is None else "holds" if check.holds else "[red]FAILS[/red]"
        table.add_row(check.name, f"{check.found:.2%}", limit, verdict, check.detail)
    console.print(table)


def _print_places(console: Console, settings: Settings, reported: list[str], truth: Path) -> None:
    places = {
        "raw messages": settings.spool_dir,
        "lake, Delta tables": settings.lake_url or settings.data_dir / "lake",
        "published copy": settings.published_path,
        "simulator's truth": truth,
    }
    console.print("[italic]Where everything lies[/italic]")
    for name, where in places.items():
        console.print(f"  {name:20}{where}", highlight=False, soft_wrap=True)
    for line in reported:
        console.print(f"  {'report':20}{line}", highlight=False, soft_wrap=True)
    command = sys.argv[0] if Path(sys.argv[0]).name == "odograph" else "odograph"
    console.print(f'Ask it: [bold]{command} query "from marts.route_days limit 5"[/bold]', highlight=False)
