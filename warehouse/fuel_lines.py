"""What was bought when, where and for which van: how do versions of card transactions become `core.fuel_lines`?

Step by step in `sql/fuel/`: versions to one current version, its site, its time, its van. The zone of a place is asked
of whoever calls, as the outlines of zones are no business of the warehouse.

All lines are made of all versions, and mostly nothing of that has changed: a stamp says what the lines that are there
were made of, down to these programs, and what they were then.
"""

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from zoneinfo import available_timezones

import duckdb
import polars as pl

from warehouse.connection import sql, transaction
from warehouse.fuel_sites import name_sites

Places = Sequence[tuple[float, float]]  # latitude, longitude in degrees
ZonesOf = Callable[[Places], Sequence[str | None]]

# What `fuel/*.sql` read beside the versions, and what decides how they are read.
READ_TABLES = ("stations", "vehicles", "assignments", "cards", "drivers")
STEPS = (
    *("lake/purchases.sql", "fuel/macros.sql", "fuel/versions.sql"),
    *("fuel/sites.sql", "fuel/times.sql", "fuel/lines.sql"),
)
PROGRAMS = ("fuel_lines.py", "fuel_sites.py", "fuel_chains.csv", "us_zones.csv")


def replace_lines(connection: duckdb.DuckDBPyConnection, timezone: str, zones_of: ZonesOf) -> None:
    """Build `core.fuel_lines` anew from all versions; `timezone` dates a line whose own zone is not known."""
    connection.execute(sql("fuel/macros.sql"))
    made_of = _made_of(connection, timezone)
    if connection.execute("from core.lines_stamp").fetchall() == [(_stamp(connection, made_of),)]:
        return
    if not connection.execute("select count(*) from lake.purchases").fetchall()[0][0]:
        connection.execute("delete from core.fuel_lines")
        return
    connection.execute(sql("fuel/versions.sql"))
    name_sites(connection)
    connection.execute(sql("fuel/sites.sql"))
    _add_zones(connection, zones_of)
    connection.execute(sql("fuel/times.sql").replace("{timezone}", timezone))
    columns = ", ".join(
        name
        for (name,) in connection.execute(
            "select column_name from duckdb_columns() where schema_name = 'core' and table_name = 'fuel_lines'"
            " and database_name = current_database() order by column_index"
        ).fetchall()
    )
    with transaction(connection):
        connection.execute("delete from core.fuel_lines")
        connection.execute(f"insert into core.fuel_lines by name select {columns} from ({sql('fuel/lines.sql')})")
        connection.execute("delete from core.lines_stamp")
        connection.execute("insert into core.lines_stamp values ($digest)", {"digest": _stamp(connection, made_of)})


def _made_of(connection: duckdb.DuckDBPyConnection, timezone: str) -> str:
    """All that decides which lines there are: the files of versions by name, as no file of the lake ever changes."""
    reader = connection.execute(
        "select sql from duckdb_views() where database_name = current_database()"
        " and schema_name = 'staging' and view_name = 'read_purchases' and contains(sql, 'read_parquet')"
    ).fetchall()
    versions = reader or _digest(connection, "lake.purchases")
    models = connection.execute("from core.models_stamp").fetchall()  # the views over dimensions
    dimensions = [_digest(connection, f"core.{name}") for name in READ_TABLES]
    return repr((versions, models, dimensions, timezone, _programs()))


def _stamp(connection: duckdb.DuckDBPyConnection, made_of: str) -> str:
    """What tells whether the lines that are there are those that would be made: both sides of it."""
    return sha256(repr((made_of, _digest(connection, "core.fuel_lines"))).encode()).hexdigest()


def _digest(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, ...]:
    found: tuple[int, ...] = connection.execute(
        f"select count(*), coalesce(sum(hash(part)), 0) from {table} as part"
    ).fetchall()[0]
    return found


@cache
def _programs() -> str:
    texts = [sql(name) for name in STEPS] + [(files("warehouse") / name).read_text("utf-8") for name in PROGRAMS]
    zones = [version(name) for name in ("tzdata", "tzfpy", "duckdb")]
    return sha256(repr((texts, zones, sorted(available_timezones()))).encode()).hexdigest()


def _add_zones(connection: duckdb.DuckDBPyConnection, zones_of: ZonesOf) -> None:
    """The zone of each site: that of the station it is, else of its place; the place of a city will do."""
    places = connection.execute(
        "select distinct site_latitude, site_longitude from fuel_sites"
        " where site_latitude is not null and station_timezone is null order by all"
    ).fetchall()
    zones = pl.DataFrame(
        [(*place, zone) for place, zone in zip(places, zones_of(places), strict=True)],
        schema={"site_latitude": pl.Float64, "site_longitude": pl.Float64, "zone": pl.String},
        orient="row",
    )
    assert zones.width
    connection.execute(
        "create or replace temp table fuel_site_zones as"
        " select site_key, coalesce(station_timezone, zone) as zone"
        " from fuel_sites left join zones using (site_latitude, site_longitude)"
        " semi join fuel_zone_names as known on coalesce(station_timezone, zone) = known.name"
    )
