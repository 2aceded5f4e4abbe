"""How do readers get their copy?

The private file is the copy: once it is checkpointed it is copied as a file, which costs as much as its bytes and no
query, and on file systems that share blocks almost nothing; most of that is done early (`warehouse.early`). Views over
one version of the lake and the generation are written into it, and it takes the place of the one before
(`warehouse.versions`). So every table of a copy is of one generation, and of an old one nothing is carried over.
"""

from pathlib import Path

import duckdb

from warehouse.connection import open_database, sql, transaction
from warehouse.dictionary import add_comments
from warehouse.early import EARLY, EarlyCopy, file_of, log_of
from warehouse.lake import LakeTableFiles, attach_lake
from warehouse.models import add_device_status, shared_sql
from warehouse.places import guard_copy
from warehouse.versions import BUILDING, copy_file, delete_old, flushed_beside, make_folder, next_generation, swap_in
from warehouse.wording import add_words

LINK = "odograph.duckdb"
KEPT_VERSIONS = 3


def publish(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    lake: dict[str, LakeTableFiles],
    timezone: str,
    code_version: str,
    *,
    afresh: bool = False,
    early: EarlyCopy | None = None,
) -> Path:
    """Swap in a copy of core and marts with views over the lake, and return the file behind the link.

    `afresh` writes every row anew instead of copying the file: nothing that was deleted is left in its free pages.
    `early` is a copy of the file that was begun before.
    """
    make_folder(folder)
    generation = next_generation(versions(folder))
    building = folder / f"{generation}{BUILDING}"
    add_words(connection)
    if early is None:
        (folder / EARLY).unlink(missing_ok=True)  # of a run that died; it may hold what was deleted
    opened = None if early is None or afresh else early.opened(building)
    is_file_copy = opened is not None or (not afresh and _copied_file(connection, building))
    if not is_file_copy:
        _copy_tables(connection, building)
    with opened or open_database(building) as copy, flushed_beside(building):
        add_views(copy, lake, timezone, has_shared=is_file_copy)
        guard_copy(copy)
        copy.execute("delete from core.generation")
        copy.execute(sql("work/generation.sql"), {"generation": generation, "code_version": code_version})
        copy.executemany(
            "insert into core.lake_versions values (?, ?)", [(name, table.version) for name, table in lake.items()]
        )
        with transaction(copy):
            add_comments(copy)
        copy.execute("checkpoint")  # to close it would say nothing where the disk is full, and the log stays behind
    final = folder / f"odograph-{generation}.duckdb"
    swap_in(building, final, folder / LINK)
    delete_unneeded(folder)
    return final


def delete_unneeded(folder: Path) -> None:
    """Delete old copies but the last few and those that somebody has open."""
    delete_old(versions(folder), KEPT_VERSIONS)


def versions(folder: Path) -> list[Path]:
    """Published files, oldest first."""
    return sorted(folder.glob("odograph-????????T????????????.duckdb"))


def add_views(
    copy: duckdb.DuckDBPyConnection,
    lake: dict[str, LakeTableFiles],
    timezone: str,
    *,
    only_tenant: str | None = None,
    has_shared: bool = False,
) -> None:
    """Define all that a copy has beside tables: views over this version of the lake, and what models share.

    `has_shared`: the latter came with the file, comments and all.
    """
    copy.execute("create schema if not exists staging; create schema if not exists lake")
    attach_lake(copy, lake, timezone, only_tenant=only_tenant)
    if not has_shared:
        with transaction(copy):
            copy.execute(shared_sql())
    add_device_status(copy)
    add_words(copy)


def lake_versions_in_use(folder: Path) -> dict[str, list[int]]:
    """The versions of each lake table that published files name; what they read must not be deleted."""
    in_use: dict[str, set[int]] = {}
    for path in [*versions(folder), *folder.glob("tenants/versions/*/*.duckdb")]:
        with open_database(path, read_only=True) as copy:
            for name, version in copy.execute("from core.lake_versions").fetchall():
                in_use.setdefault(name, set()).add(version)
    return {name: sorted(found) for name, found in in_use.items()}


def _copied_file(connection: duckdb.DuckDBPyConnection, building: Path) -> bool:
    """Copy the file behind a connection; false where there is none, or where not all of it is in the file.

    Nobody else writes it: the caller holds the lock.
    """
    path = file_of(connection)
    if path is None:
        return False
    connection.execute("checkpoint")
    log = log_of(path)
    if log.exists() and log.stat().st_size:
        return False
    copy_file(path, building, is_source_read=True)
    return True


def _copy_tables(connection: duckdb.DuckDBPyConnection, building: Path) -> None:
    with open_database(building) as empty, transaction(empty):
        empty.execute(sql("schema.sql"))
    connection.execute(f"attach '{str(building).replace(chr(39), chr(39) * 2)}' as published")
    try:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables()"
            " where database_name = current_database() and schema_name in ('core', 'marts')"
        ).fetchall()
        for schema, table in tables:
            connection.execute(
                f"create table if not exists published.{schema}.{table} as from {schema}.{table} limit 0"
            )
            connection.execute(f"insert into published.{schema}.{table} by name from {schema}.{table}")
    finally:
        connection.execute("detach published")
