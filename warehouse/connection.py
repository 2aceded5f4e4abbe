"""Who may write the warehouse, and who waits?

DuckDB lets one process write, and while it does no other process can open the file. A lock file of our own comes
first, because waiting for it is cheap and because it also covers the lake's loader; the kernel drops it when its
holder dies, however it dies.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import duckdb

from warehouse.frozen import put_frozen_back, set_frozen_aside
from warehouse.stores import reach

POLL_S = 0.2
# Raised when an earlier version would lose something of this one by making its own tables anew: when a table that is
# kept comes, goes or changes. A test holds it against their definitions.
LAYOUT = 1
KEPT_TABLES = (
    "tenants",
    "vehicles",
    "depots",
    "drivers",
    "cards",
    "registered_devices",
    "assignments",
    "stations",
    "prices",
    "timeclock",
    "deliveries",
    "jurisdictions",
    "imports",
    "backfills",
    "revisions",
    "fuel_reviews",
    "fuel_flag_history",
    "holds",
    "frozen_dates",
    "erasures",
    "frozen_rejects",
    "retention",
)


class WarehouseBusy(Exception):
    """Another process is writing; `waited_s` is how long we waited for it."""

    def __init__(self, path: Path, waited_s: float) -> None:
        self.path, self.waited_s = path, waited_s
        super().__init__(f"another process is writing {path}; gave up after {waited_s:.0f} s")


class NewerWarehouse(Exception):
    """A later version wrote the file."""

    def __init__(self) -> None:
        super().__init__(
            "the data directory was written by a later version of Odograph, and this one would lose some of it: go back"
            " to that version, or restore a backup made before it came (docs/upgrading.md)"
        )


@contextmanager
def writer_lock(path: Path, *, wait_s: float) -> Iterator[None]:
    """Hold the right to write while the block runs; raise WarehouseBusy after `wait_s` seconds.

    Who waits holds a second lock meanwhile, the place at the head of the queue, and who comes later waits for that
    first. So a backfill that lets go for a moment between two dates cannot take the lock again before a refresh has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    give_up = time.monotonic() + wait_s
    head = os.open(path.with_name(f"{path.name}.next"), os.O_RDWR | os.O_CREAT, 0o600)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            for wanted in (head, descriptor):
                while not _taken(wanted):
                    if time.monotonic() >= give_up:
                        raise WarehouseBusy(path, wait_s)
                    time.sleep(POLL_S)
        finally:
            os.close(head)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Take a lock if nobody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def open_warehouse(path: Path, *, memory_mib: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the private file for writing, with every table of `schema.sql` there; the caller holds the lock.

    What does not fit into `memory_mib` is written to a folder beside the file while it is needed.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        connection = open_database(path)
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise WarehouseBusy(path, 0) from error
        raise
    try:
        if memory_mib is not None:
            connection.execute(f"set memory_limit = '{memory_mib} MiB'")
        ensure_schema(connection)
        yield connection
    finally:
        connection.close()
    os.chmod(path, 0o600)


def open_database(path: Path | str = ":memory:", *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a file of ours, or one in memory, with the settings every connection of ours has."""
    connection = duckdb.connect(str(path), read_only=read_only)
    prepare(connection)
    reach_lake(connection)
    return connection


def reach_lake(connection: duckdb.DuckDBPyConnection) -> None:
    """Have a connection read the lake of its database where that lies in a store."""
    try:
        noted = connection.execute("from staging.lake_store").fetchall()
    except duckdb.CatalogException:
        return
    reach(connection, noted[0][0])


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Settings every connection of ours has: no downloads, instants are UTC, and no optimizer that is wrong.

    Seen in DuckDB 2.0.0: where a view of weeks or months is joined with itself and ordered, `common_subplan` reads it
    once with wrong bounds of its integers, which are then cut to 8 bits: 4,389 stops become 37.
    """
    connection.execute(
        "set autoinstall_known_extensions = false; set timezone = 'UTC'; set disabled_optimizers = 'common_subplan'"
    )


def ensure_schema(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table of `schema.sql`; where an older version made them, make them anew.

    Everything but the dimensions and the history of revisions comes from the lake and is built again by the next
    refresh. Those keep their rows; columns that are new are null. So do the rows of frozen vehicle-dates, whose
    positions are no longer all there (`warehouse.frozen`). Raises NewerWarehouse.
    """
    text = sql("schema.sql")
    digest = f"{LAYOUT} {sha256(text.encode()).hexdigest()}"
    connection.execute("create schema if not exists core")
    connection.execute("create table if not exists core.schema_stamp (digest varchar not null)")
    known = connection.execute("from core.schema_stamp").fetchall()
    if known == [(digest,)]:
        return
    if any(_layout(stamp) > LAYOUT for (stamp,) in known):
        raise NewerWarehouse
    with transaction(connection):
        kept = _set_aside(connection) if known else []
        frozen = set_frozen_aside(connection, [f"core.{name}" for name in (*KEPT_TABLES, "reopened")]) if known else []
        if known:
            connection.execute("drop schema core cascade; drop schema marts cascade; create schema core")
            connection.execute("create table core.schema_stamp (digest varchar not null)")
        connection.execute(text)
        _put_back(connection, kept)
        put_frozen_back(connection, frozen)
        connection.execute("insert into core.schema_stamp values ($digest)", {"digest": digest})


def _layout(stamp: str) -> int:
    """The layout in a stamp; the first ones had none."""
    number, _, digest = stamp.partition(" ")
    return int(number) if digest and number.isdecimal() else 0


def _set_aside(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Copy the tables to keep, as far as the older version had them, and return their names."""
    found = connection.execute("select table_name from duckdb_tables() where schema_name = 'core'").fetchall()
    kept = [name for name in KEPT_TABLES if (name,) in found]
    for name in kept:
        connection.execute(f"create or replace temp table kept_{name} as from core.{name}")
    return kept


def _put_back(connection: duckdb.DuckDBPyConnection, kept: list[str]) -> None:
    for name in kept:
        connection.execute(f"insert into core.{name} by name from kept_{name}")


@cache
def sql(name: str) -> str:
    """The text of a file below `warehouse/sql/`, read once in a process."""
    return (_folder() / name).read_text(encoding="utf-8")


@cache
def _folder() -> Traversable:
    return files("warehouse") / "sql"


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of the block or nothing of it."""
    connection.execute("begin")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")
