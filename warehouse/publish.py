"""How do readers get their copy?

A new file is built beside the others, flushed, and given its versioned name; then a link is moved onto it in one
step. Who has the old file open keeps reading it; who opens the link next sees the new one. A run that dies half way
leaves a file nobody links to, which the next run removes.
"""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from warehouse.connection import prepare
from warehouse.dictionary import add_comments
from warehouse.lake import LakeTableFiles, attach_lake
from warehouse.models import add_device_status, shared_sql
from warehouse.wording import add_words

LINK = "odograph.duckdb"
KEPT_VERSIONS = 3
_VERSION = re.compile(r"odograph-(\d{8}T\d{12})\.duckdb")


def publish(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    lake: dict[str, LakeTableFiles],
    timezone: str,
    code_version: str,
) -> Path:
    """Build a copy of core and marts with views over the lake, swap it in, and return the file behind the link."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    for leftover in folder.glob("*.building*"):
        leftover.unlink()
    generation = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    building, final = folder / f"{generation}.building", folder / f"odograph-{generation}.duckdb"
    add_words(connection)
    _copy_tables(connection, building)
    _add_views(building, lake, timezone, generation, code_version)
    _flush(building)
    building.rename(final)
    swapped = folder / f"{LINK}.link"
    swapped.unlink(missing_ok=True)
    swapped.symlink_to(final.name)
    swapped.replace(folder / LINK)
    _flush(folder)
    for old in versions(folder)[:-KEPT_VERSIONS]:
        old.unlink()
    return final


def versions(folder: Path) -> list[Path]:
    """Published files, oldest first."""
    return sorted(path for path in folder.glob("odograph-*.duckdb") if _VERSION.fullmatch(path.name))


def lake_versions_in_use(folder: Path) -> dict[str, list[int]]:
    """The versions of each lake table that published files name; what they read must not be deleted."""
    in_use: dict[str, list[int]] = {}
    for path in versions(folder):
        with duckdb.connect(str(path), read_only=True) as copy:
            for name, version in copy.execute("from core.lake_versions").fetchall():
                in_use.setdefault(name, []).append(version)
    return in_use


def _copy_tables(connection: duckdb.DuckDBPyConnection, building: Path) -> None:
    connection.execute(f"attach '{str(building).replace(chr(39), chr(39) * 2)}' as published")
    try:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables()"
            " where database_name = current_database() and schema_name in ('core', 'marts')"
        ).fetchall()
        for schema in ("core", "marts"):
            connection.execute(f"create schema published.{schema}")
        for schema, table in tables:
            connection.execute(f"create table published.{schema}.{table} as from {schema}.{table}")
    finally:
        connection.execute("detach published")


def _add_views(
    building: Path, lake: dict[str, LakeTableFiles], timezone: str, generation: str, code_version: str
) -> None:
    with duckdb.connect(str(building)) as copy:
        prepare(copy)
        copy.execute("create schema staging; create schema lake")
        attach_lake(copy, lake, timezone)
        copy.execute(shared_sql())
        add_device_status(copy)
        add_words(copy)
        copy.execute(
            "create table core.generation as select $generation as generation_id,"
            " now()::timestamp as published_utc, $code_version as code_version",
            {"generation": generation, "code_version": code_version},
        )
        copy.execute("create table core.lake_versions (table_name varchar not null, version bigint not null)")
        copy.executemany(
            "insert into core.lake_versions values (?, ?)", [(name, table.version) for name, table in lake.items()]
        )
        add_comments(copy)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
