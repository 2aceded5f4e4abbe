"""What does the line say at the end of a campaign? Read from its published copy, its spool and tenants' copies."""

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import polars as pl

from flows.asked_number import Asked
from flows.chaos.promises import Seen, Stored, Traced
from flows.chaos.publisher import TRESPASSER
from flows.querying import open_published
from flows.settings import Settings
from flows.traced import agrees
from flows.tracing import trace
from ingest.listing import sealed_segments, spool_folders
from ingest.spool import read_segment
from warehouse.connection import open_database

# What "equal" leaves out: when something arrived and was computed, and how often.
ARRIVAL = (
    "revision",
    "received_utc",
    "segment",
    "median_delay_s",
    "p95_delay_s",
    "peak_messages_per_min",
    "received_count",
    "duplicate_count",
)
COMPARED = (
    "marts.vehicle_days",
    "marts.idle_events",
    "marts.stops",
    "marts.idle_by_definition",
    "marts.fleet_days",
    "marts.fuel_purchases",
    "marts.data_health",
    "core.ledger",
    "lake.positions",
)
TRACED_NUMBERS = 40
NUMERIC = "data_type in ('DOUBLE', 'BIGINT', 'INTEGER') or data_type like 'DECIMAL%'"


def read_stored(settings: Settings) -> Stored:
    """What the published copy and the spool have of all that was sent."""
    with open_published(settings.published_path) as published:
        points = published.sql(
            "select tenant_id, device_id, seq::bigint as seq, count(*) as rows from lake.positions group by all"
        ).pl()
        purchases = published.sql(
            "select tenant_id, provider_txn_id, count(*) as rows from lake.purchases group by all"
        ).pl()
    kept = sum(
        read_segment(segment.path).num_rows
        for folder in spool_folders(settings.spool_dir)
        for segment in sealed_segments(folder)
    )
    return Stored(points, purchases, kept)


def differing(settings: Settings, other: Settings) -> list[str]:
    """Tables that are not the same in the copies of two lines."""
    return [name for name in COMPARED if not _table(settings, name).equals(_table(other, name))]


def _table(settings: Settings, name: str) -> pl.DataFrame:
    with open_published(settings.published_path) as published:
        columns = f"columns(lambda name: name not in {ARRIVAL})"
        rows: pl.DataFrame = published.sql(f"select {columns} from {name} order by all").pl()
        return rows


def vehicle_dates(settings: Settings) -> pl.DataFrame:
    """Of each vehicle-date how long its positions span, how long its ledger is, and how many of its runs overlap."""
    with open_published(settings.published_path) as published:
        days: pl.DataFrame = published.sql("""
            with runs as (
                select *, lead(started_utc) over (
                    partition by tenant_id, vehicle_id, service_date order by started_utc, ended_utc
                ) < ended_utc as is_overlapping
                from core.ledger
            ), spans as (
                select tenant_id, vehicle_id, service_date,
                    date_diff('microsecond', min(fix_utc), max(fix_utc))::bigint as span_us
                from lake.positions group by all
            )
            select tenant_id, vehicle_id, service_date, coalesce(span_us, 0) as span_us,
                coalesce(sum(duration_us), 0)::bigint as ledger_us,
                count(*) filter (where coalesce(is_overlapping, false)) as overlap_count
            from spans full join runs using (tenant_id, vehicle_id, service_date)
            group by all order by all
        """).pl()
    return days


def ledger_states(settings: Settings) -> pl.DataFrame:
    """Of each vehicle-date how long it was in which state, by the ledger."""
    with open_published(settings.published_path) as published:
        states: pl.DataFrame = published.sql(
            "select tenant_id, vehicle_id, service_date, state, sum(duration_us)::bigint as spent_us"
            " from core.ledger group by all having spent_us > 0"
        ).pl()
    return states


def failed_checks(settings: Settings) -> list[str]:
    """What the line's own checks hold back."""
    with open_published(settings.published_path) as published:
        rows = published.sql(
            "select tenant_id, service_date, check_name, row_count from core.check_results"
            " where severity = 'error' and row_count > 0 order by all"
        ).fetchall()
    return [" ".join(map(str, row)) for row in rows]


def read_traced(settings: Settings, seed: int) -> Traced:
    """Explain some numbers of some vans, and look for the loads and segments that rows name."""
    chance = random.Random(seed)
    with open_published(settings.published_path) as published:
        days = published.sql(
            "select tenant_id, service_date, vehicle_id from marts.vehicle_days order by all"
        ).fetchall()
        columns = published.sql(
            "select column_name from duckdb_columns() where schema_name = 'marts' and table_name = 'vehicle_days'"
            f" and ({NUMERIC}) order by all"
        ).fetchall()
        wrong = []
        for _ in range(TRACED_NUMBERS if days else 0):
            (tenant, day, vehicle), (column,) = chance.choice(days), chance.choice(columns)
            found = trace(published, Asked("vehicle_days", column, tenant, day, vehicle, None, None, None, None))
            if found.made_by is None or not agrees(found.row[column], found.anew):
                wrong.append(f"vehicle_days.{column} of {tenant} {vehicle} {day}")
        without = published.sql(
            "select distinct tenant_id, vehicle_id, service_date from marts.vehicle_days"
            " anti join core.loads using (tenant_id, service_date) order by all"
        ).fetchall()
        named = {row[0] for row in published.sql("select distinct segment from lake.positions").fetchall()}
    there = {
        f"{segment.spool_id}/{segment.number}"
        for folder in spool_folders(settings.spool_dir)
        for segment in sealed_segments(folder)
    }
    return Traced(
        TRACED_NUMBERS if days else 0,
        wrong,
        len(days),
        [" ".join(map(str, row)) for row in without],
        len(named),
        sorted(named - there),
    )


def trespassed_rows(settings: Settings) -> int:
    """Rows of the lake, and messages of the spool, that came of writing to another tenant's topic."""
    with open_published(settings.published_path) as published:
        query = (
            "select count(*) from (select device_id from lake.positions union all select device_id from lake.rejects)"
        )
        rows: int = published.execute(f"{query} where device_id = '{TRESPASSER}'").fetchall()[0][0]
    return rows + sum(
        f"/{TRESPASSER}/" in topic
        for folder in spool_folders(settings.spool_dir)
        for segment in sealed_segments(folder)
        for topic in read_segment(segment.path).column("topic").unique().to_pylist()
    )


def foreign_rows(settings: Settings) -> dict[str, tuple[int, int]]:
    """Of the copy of each tenant how many rows it has, and how many of them are another's."""
    return {path.stem: _foreign(path) for path in sorted(settings.tenants_dir.glob("*.duckdb"))}


def _foreign(path: Path) -> tuple[int, int]:
    rows = foreign = 0
    with open_database(path, read_only=True) as copy:
        for schema, table in _tables_of_tenants(copy):
            counted = copy.execute(
                f"select count(*), count(*) filter (where tenant_id != $tenant) from {schema}.{table}",
                {"tenant": path.stem},
            ).fetchall()[0]
            rows, foreign = rows + counted[0], foreign + counted[1]
    return rows, foreign


def _tables_of_tenants(copy: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return copy.execute(
        "select distinct schema_name, table_name from duckdb_tables() join duckdb_columns()"
        " using (schema_name, table_name) where column_name = 'tenant_id' order by all"
    ).fetchall()


def read_seen(said: Sequence[Path], refreshes: int) -> Seen:
    """What analysts said when they ended; one that was killed says nothing."""
    answers = [json.loads(line) for path in said for line in _lines(path)]
    waits_s = [wait_s for answer in answers for wait_s in answer["open_s"]]
    generations = {name for answer in answers for seen in answer["generations"].values() for name in seen}
    return Seen(
        len(waits_s),
        sum(answer["query_count"] for answer in answers),
        max(waits_s, default=0.0),
        len(generations),
        refreshes,
        [error for answer in answers for error in answer["errors"]],
    )


def _lines(path: Path) -> Iterable[str]:
    return path.read_text().splitlines() if path.exists() else ()
