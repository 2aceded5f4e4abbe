"""Small builders that tests share: native messages, a spool that holds them, settings in a folder of their own."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import hypothesis
import polars as pl

from flows.importing import run_import
from flows.loading import load
from flows.opening import lake_tables, opened_line
from flows.refresh import learning_dates, rebuild, stale_dates
from flows.settings import Settings
from ingest.simulation import Simulation
from ingest.spool import Message, Spool
from warehouse.connection import ensure_schema, open_database, open_warehouse
from warehouse.lake import attach_lake
from warehouse.models import add_device_status, prepare_models
from warehouse.wording import add_words

# Copies beside that for all take most of a refresh, so who wants them says so; these for what reads the environment.
ONE_COPY = {"ODOGRAPH_TENANT_COPIES": "none", "ODOGRAPH_NETWORK_COPY": "false"}
GOLDEN_S = [0, 60, 90, 120, 180, 210, 240, 270, 360, 420, 480, 540, 1000, 1060, 1180, 1300]
GOLDEN_IGNITION = [False, *[True] * 13, False, False]
GOLDEN_KMH = [0, 0, 0, 0, 25, 32, 0, 0, 0.8, 0, 18, 0, 0, 0, 0, 0]


def settings_in(folder: Path, **given: object) -> Settings:
    """Settings that read no environment and no .env; only the copy for all, where nothing else is asked for.

    The folder gets a warehouse without rows, made once for all.
    """
    given = {"tenant_copies": "none", "network_copy": False} | given
    settings = Settings(_env_file=None, data_dir=folder, **given)  # type: ignore[arg-type]
    if not settings.warehouse_path.exists():
        settings.warehouse_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.warehouse_path.write_bytes(_empty_warehouse())
    return settings


@cache
def _empty_warehouse() -> bytes:
    """What the first refresh of a folder makes: every table, macro, view and comment takes half a second each time."""
    with TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder))  # type: ignore[call-arg]
        with open_warehouse(settings.warehouse_path) as warehouse:
            prepare_models(warehouse)
            attach_lake(warehouse, lake_tables(settings), settings.timezone)
            add_device_status(warehouse)
            add_words(warehouse)
        return settings.warehouse_path.read_bytes()


@contextmanager
def empty_warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse in memory with all models and no rows."""
    with open_database() as connection:
        ensure_schema(connection)
        prepare_models(connection)
        yield connection


def examples(few: int, many: int | None = None) -> int:
    """How many examples of a property to try where they take long: these few, and many (20 times few) in a campaign."""
    is_long = hypothesis.settings.get_current_profile_name() == "long"
    return (few * 20 if many is None else many) if is_long else few


def yesterday_at(hour: int, minute: int = 0) -> float:
    """Epoch seconds of an instant of yesterday, UTC."""
    day = datetime.now(UTC) - timedelta(days=1)
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0).timestamp()


def golden_points(start_s: float) -> list[dict[str, Any]]:
    """The golden trace of the idle kernel, at one place."""
    return [
        {"ts": start_s + at_s, "seq": seq, "lat": 40.7, "lon": -74.0, "spd_kmh": kmh, "ign": ignition}
        for seq, (at_s, ignition, kmh) in enumerate(zip(GOLDEN_S, GOLDEN_IGNITION, GOLDEN_KMH, strict=True))
    ]


def positions(points: Sequence[dict[str, Any]], device: str = "d1", tenant: str = "t1", **more: Any) -> Message:
    """A `pos` message, received now."""
    return message(f"tm/v1/{tenant}/{device}/pos", {"v": 1, "dev": device, "boot": 1, "pts": list(points)} | more)


def message(topic: str, payload: object, received_s: float | None = None, *, retain: bool = False) -> Message:
    """A message as the spool keeps it; `payload` may be bytes or something to put as JSON."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    received_us = round((time.time() if received_s is None else received_s) * 1e6)
    return Message(topic, content, received_us, 1, retain, None)


def collected(settings: Settings, messages: Iterable[Message], collector: str = "main") -> None:
    """Put messages into the spool and seal it, as a collector that stops does."""
    spool = Spool.open(settings.spool_dir / collector)
    for found in messages:
        spool.append([found])
    spool.close()


def rebuilt(settings: Settings, *, full: bool = False) -> list[date]:
    """Load and rebuild as a refresh does, and return the dates; no copy is made for readers, which is half of its time.

    `in_warehouse` asks what came of it.
    """
    load(settings)
    with opened_line(settings) as opened:
        found = stale_dates(settings, full=full, opened=opened)
        for day in found:
            rebuild(settings, day, opened)
        learned = learning_dates(settings, [], opened)
        for day in learned:
            rebuild(settings, day, opened)
    return [*found, *learned]


def in_warehouse(settings: Settings, sql: str) -> pl.DataFrame:
    """Ask the private file, which nobody has open."""
    with open_database(settings.warehouse_path, read_only=True) as connection:
        return connection.sql(sql).pl()


def published(settings: Settings, sql: str) -> pl.DataFrame:
    """Ask the published copy."""
    return all_published(settings, {"asked": sql})["asked"]


def all_published(settings: Settings, queries: Mapping[str, str]) -> dict[str, pl.DataFrame]:
    """Ask the published copy several things at once: to open it costs more than most answers."""
    with duckdb.connect(str(settings.published_path.resolve()), read_only=True) as connection:
        return {name: connection.sql(sql).pl() for name, sql in queries.items()}


def simulated(settings: Settings, fleet: Simulation, folder: Path, keep_every: int = 1) -> None:
    """Import and spool what a simulated fleet sends, its truth in `folder`; of its fixes only every so many."""
    folder.mkdir(parents=True, exist_ok=True)
    fleet.write_dimensions(folder)
    fleet.write_truth(folder)
    for name in ("vehicles", "depots", "drivers", "assignments", "prices", "stations"):
        run_import(settings, name, [folder / f"{name}.csv"])
    received_us = max(found.due_us for found in fleet.messages)
    messages = [
        Message(found.topic, _thinned(found.topic, found.payload, keep_every), received_us, 1, False, None)
        for found in fleet.messages
    ]
    with Spool.open(settings.spool_dir / "main") as spool:
        for first in range(0, len(messages), 500):
            spool.append(messages[first : first + 500])


def _thinned(topic: str, payload: bytes, keep_every: int) -> bytes:
    if keep_every == 1 or not topic.endswith(("/pos", "/his")):
        return payload
    body = json.loads(payload)
    return json.dumps(body | {"pts": [point for point in body["pts"] if point["seq"] % keep_every == 0]}).encode()
