"""How do positions leave the warehouse for the kernels, and how do measured rows come back?

Reading takes whole vehicle-dates, resolved and without repeats; what core holds of them is deleted before.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import duckdb
import polars as pl

from warehouse.connection import sql
from warehouse.lake import borders, ranked, resolved
from warehouse.places import GUARDED
from warehouse.work import VehicleDate

MEASURED_TABLES = ("vehicle_dates", "ledger", "stops", "planned_stops", "route_phases", "refuels")
# Filled chunk by chunk, for `warehouse.places`: where the vans measured so far were first and last heard.
PLACE_ENDS = (
    "place_ends (tenant_id varchar, vehicle_id varchar, service_date date,"
    " place struct(latitude double, longitude double))"
)


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


class Stretches(NamedTuple):
    """Rows of `work/stretches.sql`, and the first and last UTC date that fixes of theirs may be of."""

    rows: pl.DataFrame
    first: date
    last: date


def read_chunk(connection: duckdb.DuckDBPyConnection, wanted: Sequence[VehicleDate], timezone: str) -> Chunk:
    """Read the positions, the plans and the facts of some vehicle-dates."""
    want(connection, wanted)
    days = [found.service_date for found in wanted]
    times = _times(connection, timezone)
    connection.execute(
        sql("work/chunk_positions.sql"),
        {"first": min(days), "last": max(days), "from_utc": times[0], "until_utc": times[1]},
    )
    resolved_positions = (
        f"(from ({resolved('chunk_positions', timezone)}) semi join wanted using (tenant_id, vehicle_id, service_date))"
    )
    connection.execute(f"create or replace temp table ranked_positions as {ranked(resolved_positions)}")
    connection.execute(f"create or replace temp table vehicle_date_counted as {sql('work/vehicle_date_counted.sql')}")
    return _chunk(connection, connection.sql(sql("work/track.sql")).pl())


def positions_known(
    connection: duckdb.DuckDBPyConnection, wanted: Sequence[VehicleDate], day: date
) -> dict[VehicleDate, int]:
    """About how many positions vehicle-dates of a service date have, as far as any."""
    want(connection, wanted)
    rows = connection.execute(sql("work/positions_known.sql"), {"day": day}).fetchall()
    return {VehicleDate(tenant, vehicle, day): count for tenant, vehicle, count in rows}


def read_stretches(connection: duckdb.DuckDBPyConnection, wanted: Sequence[VehicleDate], timezone: str) -> Stretches:
    """From when to when the fixes of which device belong to which vehicle-date (`work/stretches.sql`)."""
    want(connection, wanted)
    from_utc, until_utc = _times(connection, timezone)
    text = sql("work/instants.sql").replace("{timezone}", timezone).replace("{borders}", borders("senders"))
    connection.execute(text, {"from_utc": from_utc, "until_utc": until_utc})
    stretches: pl.DataFrame = connection.sql(
        sql("work/stretches.sql").replace("{resolved}", resolved("instants", timezone))
    ).pl()
    return Stretches(stretches, from_utc.date(), until_utc.date())


def chunk_without_track(
    connection: duckdb.DuckDBPyConnection, wanted: Sequence[VehicleDate], counted: pl.DataFrame, ends: pl.DataFrame
) -> Chunk:
    """The rest of a chunk whose positions are read elsewhere, from what was counted of them there.

    ends  of each vehicle-date some of its positions as in `ranked_positions`: the first and the last, and of the good
          ones too; of the devices that sent positions only those are asked for
    """
    want(connection, wanted)
    assert counted.width
    assert ends.width
    connection.execute("create or replace temp table ranked_positions as from ends")
    connection.execute("create or replace temp table vehicle_date_counted as from counted")
    return _chunk(connection, pl.DataFrame())


def want(connection: duckdb.DuckDBPyConnection, wanted: Sequence[VehicleDate]) -> None:
    """Say which vehicle-dates are asked for, in the temporary `wanted`."""
    wanted_rows = pl.DataFrame(list(wanted), schema=["tenant_id", "vehicle_id", "service_date"], orient="row")
    assert wanted_rows.height
    connection.sql("create or replace temp table wanted as select * from wanted_rows")


def _times(connection: duckdb.DuckDBPyConnection, timezone: str) -> tuple[datetime, datetime]:
    from_utc, until_utc = connection.execute(sql("work/chunk_times.sql").replace("{timezone}", timezone)).fetchall()[0]
    return from_utc, until_utc


def _chunk(connection: duckdb.DuckDBPyConnection, track: pl.DataFrame) -> Chunk:
    connection.execute(f"create temp table if not exists {PLACE_ENDS}")
    connection.execute(f"insert into place_ends by name {sql('work/place_ends.sql')}")
    connection.execute(f"create or replace temp table vehicle_date_counts as {sql('work/vehicle_date_counts.sql')}")
    return Chunk(
        track=track,
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


def clear_measured(connection: duckdb.DuckDBPyConnection, day: date, vehicle_dates: Sequence[VehicleDate]) -> None:
    """Delete what core holds of these vehicle-dates of one service date, which are measured next."""
    replaced = pl.DataFrame(
        [(found.tenant_id, found.vehicle_id) for found in vehicle_dates],
        schema={"tenant_id": pl.String, "vehicle_id": pl.String},
        orient="row",
    )
    assert replaced.width
    start_place_ends(connection)
    for name in (*MEASURED_TABLES, "place_guards"):
        connection.execute(
            f"delete from core.{name} where service_date = $day and (tenant_id, vehicle_id) in"
            " (select (tenant_id, vehicle_id) from replaced)",
            {"day": day},
        )


def start_place_ends(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget where the vans measured so far were first and last heard."""
    connection.execute(f"create or replace temp table {PLACE_ENDS}")


def place_ends_of(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Where they were, for another warehouse."""
    found: pl.DataFrame = connection.sql("from place_ends").pl()
    return found


def add_place_ends(connection: duckdb.DuckDBPyConnection, ends: pl.DataFrame) -> None:
    """Put what another warehouse found beside what this one did."""
    assert ends.width
    connection.execute("insert into place_ends by name from ends")


def add_measured(connection: duckdb.DuckDBPyConnection, measured: Mapping[str, pl.DataFrame]) -> None:
    """Put measured rows into core; nothing of their vehicle-dates is there any more."""
    for name in MEASURED_TABLES:
        measured_rows = measured[name]
        assert measured_rows.width
        connection.execute(f"insert into core.{name} by name select *{_all_shown(name)} from measured_rows")


def _all_shown(name: str) -> str:
    """What `warehouse.places` says of places that it hides nothing of, which are nearly all; it changes the others."""
    prefixes = [prefix for table, prefix, _ in GUARDED if table == f"core.{name}"]
    return "".join(
        f", case when {prefix}latitude is not null then 0 end as {prefix}place_precision_m" for prefix in prefixes
    )
