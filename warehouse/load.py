"""How do positions leave the warehouse for the kernels, and how do measured rows come back?

Reading takes whole vehicle-dates, resolved and without repeats; writing replaces what core holds of the same ones.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import duckdb
import polars as pl

from warehouse.connection import sql
from warehouse.lake import ranked, resolved
from warehouse.work import VehicleDate

MEASURED_TABLES = ("vehicle_dates", "ledger", "stops", "planned_stops", "route_phases", "refuels")


class Chunk(NamedTuple):
    """All that is known of some whole vehicle-dates.

    track    accepted positions, sorted by tenant, service date, vehicle, fix time (`work/track.sql`)
    counts   one row per vehicle-date that has positions (`work/vehicle_date_counts.sql`)
    vans     one row per wanted vehicle-date (`work/vans.sql`)
    routes   planned routes of those vehicle-dates, in order of planned exit
    planned_stops  their stops
    """

    track: pl.DataFrame
    counts: pl.DataFrame
    vans: pl.DataFrame
    routes: pl.DataFrame
    planned_stops: pl.DataFrame


def read_chunk(connection: duckdb.DuckDBPyConnection, wanted: Sequence[VehicleDate], timezone: str) -> Chunk:
    """Read the positions, the plans and the facts of some vehicle-dates."""
    wanted_rows = pl.DataFrame(list(wanted), schema=["tenant_id", "vehicle_id", "service_date"], orient="row")
    assert wanted_rows.height
    connection.sql("create or replace temp table wanted as select * from wanted_rows")
    days = [found.service_date for found in wanted]
    times = connection.execute(sql("work/chunk_times.sql").replace("{timezone}", timezone)).fetchall()[0]
    connection.execute(
        sql("work/chunk_positions.sql"),
        {"first": min(days), "last": max(days), "from_utc": times[0], "until_utc": times[1]},
    )
    resolved_positions = (
        f"(from ({resolved('chunk_positions', timezone)}) semi join wanted using (tenant_id, vehicle_id, service_date))"
    )
    connection.execute(f"create or replace temp table ranked_positions as {ranked(resolved_positions)}")
    connection.execute(f"create or replace temp table vehicle_date_counts as {sql('work/vehicle_date_counts.sql')}")
    return Chunk(
        track=connection.sql(sql("work/track.sql")).pl(),
        counts=connection.sql("from vehicle_date_counts order by tenant_id, service_date, vehicle_id").pl(),
        vans=connection.sql(sql("work/vans.sql")).pl(),
        routes=connection.sql(sql("work/routes.sql")).pl(),
        planned_stops=connection.sql(sql("work/planned_stops.sql")).pl(),
    )


def stations(connection: duckdb.DuckDBPyConnection, day: date) -> pl.DataFrame:
    """Fuel stations there were on a service date: station_id, latitude, longitude in degrees."""
    rows: pl.DataFrame = connection.sql(
        "select station_id, latitude, longitude from core.stations_on($day) order by station_id", params={"day": day}
    ).pl()
    return rows


def replace_measured(
    connection: duckdb.DuckDBPyConnection,
    day: date,
    vehicle_dates: Sequence[VehicleDate],
    measured: Mapping[str, pl.DataFrame],
) -> None:
    """Put measured rows in the place of all that core held of these vehicle-dates of one service date."""
    replaced = pl.DataFrame(
        [(found.tenant_id, found.vehicle_id) for found in vehicle_dates],
        schema=["tenant_id", "vehicle_id"],
        orient="row",
    )
    assert replaced.height
    for name in MEASURED_TABLES:
        connection.execute(
            f"delete from core.{name} where service_date = $day and (tenant_id, vehicle_id) in"
            " (select (tenant_id, vehicle_id) from replaced)",
            {"day": day},
        )
        measured_rows = measured[name]
        assert measured_rows.width
        connection.execute(f"insert into core.{name} by name select * from measured_rows")
