"""Is what was erased really gone, and is the register what it was?

The chain of the register is followed from its first line. Then every raw message, every row of the lake, every driver
and van in the warehouse and in each published copy, is held against the tombstones, as loading does it.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb

from flows.privacy.erasing import rendered_of, shown_days, unfinished
from flows.privacy.searching import found_in, phrases
from flows.settings import Settings
from ingest.adapters.sources import read_sources
from ingest.lake_erasing import rows_under_tombstones
from ingest.received import received_messages
from ingest.register import Entry, RegisterBroken, read_register, register_path
from ingest.spool import read_segment, sealed_segments, spool_folders
from ingest.spool_erasing import remainder
from ingest.tombstones import Tombstones, read_tombstones
from warehouse.connection import open_database, writer_lock
from warehouse.erasing import places_left
from warehouse.publish import versions

WAIT_S = 60.0


def problems(settings: Settings, texts: Sequence[str] = ()) -> Iterator[str]:
    """One line for each thing that should not be; `texts` must not stand in any file of the data directory."""
    try:
        tombstones = read_tombstones(settings.data_dir)
    except RegisterBroken as broken:
        yield str(broken)
        return
    yield from (f"{erasure_id} was begun and is not finished" for erasure_id in unfinished(settings))
    if tombstones:
        with writer_lock(settings.lock_path, wait_s=WAIT_S):
            yield from _in_spools(settings, tombstones)
            for name, count in rows_under_tombstones(settings, tombstones).items():
                if count:
                    yield f"lake/{name}: {count} rows under a tombstone"
            for path in [settings.warehouse_path, *versions(settings.published_dir)]:
                if path.exists():
                    yield from _in_warehouse(path, tombstones)
            yield from in_reports(settings, tombstones)
    for path, text in found_in(settings.data_dir, texts):
        yield f"{path}: holds {text!r}"


def listed_register(settings: Settings) -> Iterator[str]:
    """The register as people read it: one line for each entry."""
    for entry in read_register(register_path(settings.data_dir)):
        yield f"{entry.number:>4}  {entry.at_utc[:19]}Z  {entry.by}: {_told(entry)}"


def last_digest(settings: Settings) -> tuple[int, str] | None:
    """Number and digest of the newest line: whoever writes them down elsewhere can tell that no line was cut off."""
    entries = read_register(register_path(settings.data_dir))
    return (entries[-1].number, entries[-1].digest) if entries else None


def _told(entry: Entry) -> str:
    facts = entry.facts
    if entry.kind == "hold":
        period = f"{facts['from_date'] or '…'} to {facts['to_date'] or '…'}"
        return f"hold H{entry.number}: {facts['kind']} {facts['subject_id']} of {facts['tenant_id']}, {period}:" + (
            f" {facts['reason']}"
        )
    if entry.kind == "release":
        return f"release {facts['hold_id']}: {facts['reason']}"
    if entry.kind == "erase":
        period = ", ".join(_period(first, last) for first, last in facts["periods"])
        return f"erasure E{entry.number} begun: {facts['kind']} {facts['subject'][:12]}… of {facts['tenant_id']}," + (
            f" {period}: {facts['reason']}"
        )
    if entry.kind == "export":
        about = f"{facts['kind']} {facts['subject'][:12]}… of {facts['tenant_id']}"
        return f"export of {about}, manifest {facts['manifest_sha256']}: {facts['reason']}"
    if entry.kind == "erased":
        counted = ", ".join(f"{count} {what}" for what, count in facts["counts"].items())
        return f"erasure {facts['erasure_id']} done: {counted}"
    if entry.kind == "expire":
        gone = "; ".join(
            f"{due['row_count']} rows of {due['data']} of {due['tenant_id'] or 'all'} before {due['before_date']}"
            for due in facts["due"]
        )
        return f"expired as of {facts['today']}: {gone}"
    if entry.kind == "retention":
        kept = "; ".join(
            f"{data} of {tenant_id} {days} days" + (f" ({reason})" if reason else "")
            for tenant_id, data, days, reason in facts["periods"]
        )
        return f"periods of tenants: {kept or 'none of their own'}"
    return f"{entry.kind}: {', '.join(f'{name} {value}' for name, value in facts.items())}"


def _period(first: str, last: str) -> str:
    """A period in words; the ends of the calendar stand for none."""
    if first == date.min.isoformat():
        return "all dates" if last == date.max.isoformat() else f"all up to {last}"
    return f"from {first} on" if last == date.max.isoformat() else f"{first} to {last}"


def _in_spools(settings: Settings, tombstones: Tombstones) -> Iterator[str]:
    sources = read_sources(settings)
    for folder in spool_folders(settings.spool_dir):
        for segment in sealed_segments(folder):
            received = received_messages(read_segment(segment.path), segment.spool_id, segment.number)
            count = sum(remainder(found, tombstones, sources) is not found.payload for found in received)
            if count:
                yield f"{segment.path}: {count} messages under a tombstone"


def _in_warehouse(path: Path, tombstones: Tombstones) -> Iterator[str]:
    with open_database(path, read_only=True) as connection:
        for table, column, day in _driver_columns(connection):
            rows = connection.execute(
                f"select distinct tenant_id, {column}, {day} from {table} where {column} is not null"
            ).fetchall()
            count = sum(tombstones.is_driver(tenant_id, driver, when) for tenant_id, driver, when in rows)
            if count:
                yield f"{path}: {table}.{column} names an erased driver"
        for table in places_left(connection):
            yield f"{path}: {table} tells where an erased driver was"


def in_reports(settings: Settings, tombstones: Tombstones) -> Iterator[str]:
    """Rendered reports and mails, unpacked, that name whom a tombstone covers on all dates they show."""
    subjects = frozenset().union(*(stone.subjects for stone in tombstones.stones))
    for tenant_id in sorted({stone.tenant_id for stone in tombstones.stones}):
        for path in rendered_of(settings, tenant_id):
            days = shown_days(path.name)
            for kind, covers in (("driver", tombstones.is_driver), ("vehicle", tombstones.is_vehicle)):
                named = (
                    text
                    for text in phrases(path)
                    if tombstones.digest(kind, tenant_id, text) in subjects
                    and all(covers(tenant_id, text, day) for day in days)
                )
                if next(named, None) is not None:
                    yield f"{path}: names an erased {kind}"


def _driver_columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Every column of drivers of a table with tenants, with its date column; null where it has none."""
    return connection.execute(
        "select c.schema_name || '.' || c.table_name, c.column_name, case when bool_or(d.column_name is not null)"
        " then 'service_date' else 'null' end from duckdb_columns() as c"
        " join duckdb_tables() as t using (database_name, schema_name, table_name)"
        " left join duckdb_columns() as d on d.database_name = c.database_name and d.schema_name = c.schema_name"
        " and d.table_name = c.table_name and d.column_name = 'service_date'"
        " where c.database_name = current_database() and c.column_name in ('driver_id', 'driver_ref')"
        " and c.schema_name in ('core', 'marts') group by all order by all"
    ).fetchall()
