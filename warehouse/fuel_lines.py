"""What was bought when, where and for which van: how do versions of card transactions become `core.fuel_lines`?

Step by step in `sql/fuel/`: versions to one current version, its site, its time, its van. The zone of a place is asked
of whoever calls, as the outlines of zones are no business of the warehouse.
"""

from collections.abc import Callable, Sequence

import duckdb
import polars as pl

from warehouse.connection import sql, transaction
from warehouse.fuel_sites import name_sites

Places = Sequence[tuple[float, float]]  # latitude, longitude in degrees
ZonesOf = Callable[[Places], Sequence[str | None]]


def replace_lines(connection: duckdb.DuckDBPyConnection, timezone: str, zones_of: ZonesOf) -> None:
    """Build `core.fuel_lines` anew from all versions; `timezone` dates a line whose own zone is not known."""
    connection.execute(sql("fuel/macros.sql"))
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
