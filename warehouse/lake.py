"""How does the warehouse see the lake?

As views over the explicit Parquet files of one version of each table, by absolute path or URL. Which files those are
is told by whoever read the lake's log; nothing here knows how the lake is written. A table without files is seen as an
empty table of the same columns. Of a lake in a store the URL is noted, and whoever opens the database can read it.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from warehouse.connection import reach_lake, sql
from warehouse.places import precision_of, shown, tells_no_place
from warehouse.stores import root_of

if TYPE_CHECKING:
    import polars as pl  # only handed on here: who asks whether there is a lake need not wait for it

PLACE = ("latitude_e7 / 1e7", "longitude_e7 / 1e7")
VIEWS = ("positions", "position_sources", "events", "purchases", "plans", "rejects", "dated_rejects")


class LakeTableFiles(NamedTuple):
    """One version of one table: its files, the column they are partitioned by, and an empty frame with its columns.

    `is_mixed`: some of its files may lack columns; those are null in their rows.
    """

    version: int
    files: Sequence[str]
    is_mixed: bool
    partition_by: str
    empty: "pl.DataFrame"

    def without_files(self) -> "LakeTableFiles":
        """The table as if it had no rows."""
        return self._replace(files=())


def attach_lake(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, LakeTableFiles],
    timezone: str,
    *,
    only_tenant: str | None = None,
) -> None:
    """Point `staging.read_*`, and with them the views of schema lake, at these files, or at one tenant's rows in them.

    Views that are there already stay, and keep their comments; to make a reader its first file is looked into, so those
    that read the very files they did stay as well.
    """
    _note_store(connection, tables)
    owned = "" if only_tenant is None else f" where tenant_id = '{only_tenant.replace(chr(39), chr(39) * 2)}'"
    readers = {name: f"select * from ({_reader(name, table)}){owned}" for name, table in tables.items()}
    views = _views_sql(timezone)
    stamps = {name: _stamp_of(name, readers[name], table.empty.schema) for name, table in tables.items()}
    stamped = {*stamps.values(), _stamp_of(views, sql("schema.sql"))}
    made = _made_of(connection, len(tables))
    if made == stamped:
        return
    connection.execute("delete from staging.readers_stamp")
    for name, table in tables.items():
        if stamps[name] not in made:
            _add_empty(connection, name, table)
            connection.execute(f"create or replace view staging.read_{name} as {readers[name]}")
    stamp = sha256(repr((views, sql("schema.sql"), _reader_columns(connection, tables))).encode()).hexdigest()
    connection.execute("create table if not exists staging.lake_stamp (digest varchar not null)")
    # The stamp is a row like any other: a copy without a lake brings it along, and not the views it stands for.
    has_views = _count_views(connection)[1] == len(VIEWS)
    if not has_views or connection.execute("from staging.lake_stamp").fetchall() != [(stamp,)]:
        connection.execute(views)
        connection.execute("delete from staging.lake_stamp")
        connection.execute("insert into staging.lake_stamp values ($stamp)", {"stamp": stamp})
    connection.executemany("insert into staging.readers_stamp values (?)", [(digest,) for digest in sorted(stamped)])


def _stamp_of(*parts: object) -> str:
    return sha256(repr([*map(str, parts)]).encode()).hexdigest()


def _made_of(connection: duckdb.DuckDBPyConnection, count: int) -> set[str]:
    """What readers and the views over them were made of; nothing where some are not there."""
    connection.execute("create table if not exists staging.readers_stamp (digest varchar not null)")
    known = {digest for (digest,) in connection.execute("from staging.readers_stamp").fetchall()}
    return known if _count_views(connection) == (count, len(VIEWS)) else set()


def _count_views(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """How many readers there are, and how many views over them."""
    found: tuple[int, int] = connection.execute(
        "select count(*) filter (schema_name = 'staging' and starts_with(view_name, 'read_')),"
        " count(*) filter (schema_name in ('lake', 'staging') and list_contains($views, view_name))"
        " from duckdb_views() where database_name = current_database()",
        {"views": list(VIEWS)},
    ).fetchall()[0]
    return found


def files_read(connection: duckdb.DuckDBPyConnection, name: str) -> frozenset[str]:
    """The files that the view of one table of the lake reads, as they were given to `attach_lake`."""
    found = connection.execute(
        "select regexp_extract_all(sql, $file, 1) from duckdb_views()"
        " where schema_name = 'staging' and view_name = $view and database_name = current_database()",
        {"file": "'((?:[^']|'')+[.]parquet)'", "view": f"read_{name}"},
    ).fetchall()
    return frozenset(path.replace("''", "'") for path in found[0][0])


def _note_store(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, LakeTableFiles]) -> None:
    """Say in the database in which store its lake lies, and have this connection read there."""
    roots = {root_of(file, name) for name, table in tables.items() for file in table.files[:1]} - {None}
    if not roots:
        connection.execute("drop table if exists staging.lake_store")
        return
    (root,) = roots
    connection.execute("create or replace table staging.lake_store as select $root as url", {"root": root})
    reach_lake(connection)


def is_lake_at(copy: duckdb.DuckDBPyConnection, root: str) -> bool:
    """Whether the views of a copy read files below this folder or URL, or none.

    A copied data directory has those of another.
    """
    elsewhere = copy.execute(
        "select count(*) from duckdb_views() where schema_name = 'staging' and starts_with(view_name, 'read_')"
        " and contains(sql, 'read_parquet') and not contains(sql, $begin)",
        {"begin": "'" + root.replace("'", "''") + "/"},
    ).fetchall()
    return elsewhere == [(0,)]


def _views_sql(timezone: str) -> str:
    """All views over the readers; they name no file, so another version of the lake does not change them."""
    texts = {
        "ranked": ranked(f"({resolved('staging.timed_positions', timezone)})"),
        "resolved": resolved("staging.timed_events", timezone),
        "resolved_rejects": resolved("staging.timed_rejects", timezone),
        "place_precision_m": precision_of("guards", "at_utc", *PLACE),
        "tells_no_place": tells_no_place("guards", "at_utc", "place_precision_m"),
        "shown_latitude": shown("latitude", "guards", "at_utc", *PLACE),
        "shown_longitude": shown("longitude", "guards", "at_utc", *PLACE),
    }
    views = [
        sql("staging/spans.sql"),
        "create or replace view staging.timed_positions as"
        " select *, make_timestamp(fix_ms * 1000) as at_utc from staging.read_positions"
        " anti join core.frozen_rejects using (tenant_id, device_id, spool_id, segment_no, payload_hash, point_index)",
        "create or replace view staging.timed_events as"
        " select *, make_timestamp(event_us) as at_utc from staging.read_events",
        "create or replace view staging.timed_rejects as select *, make_timestamp(received_us) as at_utc"
        " from staging.read_rejects where device_id is not null",
    ]
    for name in VIEWS:
        text = sql(f"lake/{name}.sql")
        for key, value in texts.items():
            text = text.replace("{" + key + "}", value)
        views.append(text)
    return ";\n".join(views)


def _reader_columns(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, LakeTableFiles]
) -> list[tuple[str, ...]]:
    """Columns and types of the readers: a view over them is only good for those it was made for."""
    return [row for name in sorted(tables) for row in connection.execute(f"describe staging.read_{name}").fetchall()]


def resolved(source: str, timezone: str) -> str:
    """The select that finds van, depot and service date for rows of `source`."""
    return _select("staging/resolved.sql").replace("{source}", source).replace("{timezone}", timezone)


def borders(source: str) -> str:
    """The select of the instants at which the van, depot or plan of rows of `source` may change."""
    senders = f"select distinct tenant_id, device_id from {source}"
    return _select("work/borders.sql").replace("{senders}", senders)


def ranked(source: str) -> str:
    """The select that ranks the copies of each position of `source`."""
    return _select("staging/ranked_positions.sql").replace("{source}", source)


def _select(name: str) -> str:
    """The text without its comments, so that it can stand within another select."""
    return "\n".join(line for line in sql(name).splitlines() if not line.lstrip().startswith("--"))


def reader(connection: duckdb.DuckDBPyConnection, name: str, table: LakeTableFiles) -> str:
    """The select that reads these files of a table of the lake, with all of its columns."""
    _add_empty(connection, name, table)
    return _reader(name, table)


def _add_empty(connection: duckdb.DuckDBPyConnection, name: str, table: LakeTableFiles) -> None:
    if table.is_mixed or not table.files:
        empty_rows = table.empty
        assert empty_rows.height == 0
        connection.sql(f"create or replace table staging.empty_{name} as select * from empty_rows")


def _reader(name: str, table: LakeTableFiles) -> str:
    empty = f"select * from staging.empty_{name}"
    if not table.files:
        return empty
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in table.files)
    # By name costs a look into every file (0.1 ms each, 2026-11), so only tables that need it pay.
    columns = ", ".join(f'"{column}"' for column in table.empty.columns)  # in this order, whatever that of the files
    rows = (
        f"select {'*' if table.is_mixed else columns} from read_parquet([{listed}], hive_partitioning = true,"
        f" hive_types = {{'{table.partition_by}': date}}, union_by_name = {table.is_mixed})"
    )
    return f"select {columns} from ({rows} union all by name {empty})" if table.is_mixed else rows
