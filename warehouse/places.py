"""Which places of a van are shown, and how exactly?

Outside the scheduled window of its date no place is shown, unless the tenant wants it; near where it stood overnight
away from a depot only the cell of a grid of about 1 km is. Both are decided when a vehicle-date is measured
(`core.place_guards`), from all that is known of that date and nothing else. Times, distances and states are never
touched, so every sum stays what it is. `place_precision_m` says what was done: 0 nothing, 1000 a cell of the grid,
-1 the place is known and not shown; null where no place is known.

From an exact place a van's speed, heading and odometer lead on to the next one, and extras may hold an address: of a
point they are shown only where its place is exact (`tells_no_place`).
"""

from collections.abc import Sequence

import duckdb

from warehouse.connection import sql
from warehouse.idling import standing_rows

CELL_DEG = 0.01  # of latitude: 1.1 km
NEAR_M = 2_000  # from the middle of a home's cell, so a kilometre from the home itself at least
GUARDED = (  # tables of core with places of vans: what the columns are called, and the instant that decides
    ("core.vehicle_dates", "last_", "last_placed_utc"),
    ("core.ledger", "", "started_utc"),
    ("core.stops", "", "arrived_utc"),
    ("core.refuels", "", "started_utc"),
)


def guard_places(connection: duckdb.DuckDBPyConnection, *, suppress: bool, shown_tenants: Sequence[str]) -> None:
    """Decide what is shown of the vehicle-dates that were just measured, and hide the rest in core.

    Reads the temporary `wanted` and `place_ends` of `warehouse.load`; what core holds of them hides nothing yet.
    """
    connection.execute(
        "delete from core.place_guards as known using wanted where known.tenant_id = wanted.tenant_id"
        " and known.vehicle_id = wanted.vehicle_id and known.service_date = wanted.service_date"
    )
    # Dates are written out, so that of large tables only their rows are looked at.
    days = connection.execute("select distinct service_date from wanted order by 1").fetchall()
    of_dates = "service_date in (" + ", ".join(f"date '{day}'" for (day,) in days) + ")"
    connection.execute(sql("work/may_be_overnight.sql").replace("{of_dates}", of_dates))
    of_vans = "core.ledger semi join may_be_overnight using (tenant_id, vehicle_id, service_date)"
    text = sql("work/place_guards.sql").replace("{standing_rows}", standing_rows(f"(from {of_vans} where {of_dates})"))
    for axis in ("latitude", "longitude"):
        text = text.replace("{cell_" + axis + "}", cell(axis, "latitude", "longitude"))
    connection.execute(
        f"insert into core.place_guards by name {text}", {"suppress": suppress, "shown_tenants": list(shown_tenants)}
    )
    for table, prefix, instant in GUARDED:
        of_row = ("guards", f"rows.{instant}", f"rows.{prefix}latitude", f"rows.{prefix}longitude")
        changed = ", ".join(f"{prefix}{axis} = {shown(axis, *of_row)}" for axis in ("latitude", "longitude"))
        connection.execute(
            f"update {table} as rows set {changed}, {prefix}place_precision_m = {precision_of(*of_row)}"
            " from core.place_guards as guards"
            " semi join wanted using (tenant_id, vehicle_id, service_date) where guards.tenant_id = rows.tenant_id"
            " and guards.vehicle_id = rows.vehicle_id and guards.service_date = rows.service_date"
            f" and rows.{of_dates} and {precision_of(*of_row)} != 0"
        )


def guard_copy(copy: duckdb.DuckDBPyConnection) -> None:
    """Show in a published copy no more of the devices' newest fixes than marts.device_status does."""
    copy.execute(
        "update core.devices as devices set fix = struct_pack(fix_utc := fix.fix_utc, received_utc := fix.received_utc,"
        " latitude := status.latitude, longitude := status.longitude, ignition := fix.ignition,"
        " battery_v := fix.battery_v, charge_pct := fix.charge_pct, boot := fix.boot,"
        " source_format := fix.source_format, rank := fix.rank) from (from marts.device_status) as status"
        " where status.tenant_id = devices.tenant_id and status.device_id = devices.device_id and fix is not null"
    )


def shown(axis: str, guards: str, instant: str, latitude: str, longitude: str) -> str:
    """SQL for a latitude or longitude as it may be shown, given a row of core.place_guards (null: not measured yet)."""
    value = {"latitude": latitude, "longitude": longitude}[axis]
    return (
        f"case {precision_of(guards, instant, latitude, longitude)} when 0 then {value}"
        f" when 1000 then {cell(axis, latitude, longitude)} end"
    )


def precision_of(guards: str, instant: str, latitude: str, longitude: str) -> str:
    """SQL for `place_precision_m`."""
    return (
        f"case when {latitude} is null then null when {guards}.tenant_id is null then -1"
        f" when {instant} < {guards}.shown_from_utc or {instant} >= {guards}.shown_to_utc then -1"
        f" when {near(f'{guards}.homes', latitude, longitude)} then 1000 else 0 end"
    )


def tells_no_place(guards: str, instant: str, precision: str) -> str:
    """SQL for whether all that was measured at a point may be shown: its place is, or it has none where none is hidden.

    `precision` is what `precision_of` found.
    """
    return (
        f"case when {precision} is not null then {precision} = 0 else {guards}.tenant_id is not null"
        f" and len({guards}.homes) = 0"
        f" and not coalesce({instant} < {guards}.shown_from_utc or {instant} >= {guards}.shown_to_utc, false) end"
    )


def near(homes: str, latitude: str, longitude: str) -> str:
    """SQL for whether a place is near one of these homes."""
    return (
        f"(len({homes}) > 0 and len(list_filter({homes}, lambda home:"
        f" {metres('home.latitude', 'home.longitude', latitude, longitude)} < {NEAR_M})) > 0)"
    )


def metres(latitude: str, longitude: str, other_latitude: str, other_longitude: str) -> str:
    """SQL for the distance of two places that are a few kilometres apart."""
    return (
        f"111195 * sqrt(({latitude} - {other_latitude}) ** 2"
        f" + (({longitude} - {other_longitude}) * cos(radians({latitude}))) ** 2)"
    )


def cell(axis: str, latitude: str, longitude: str) -> str:
    """SQL for the middle of the grid's cell; cells are as wide as they are high."""
    row = f"((floor({latitude} / {CELL_DEG}) + 0.5) * {CELL_DEG})"
    if axis == "latitude":
        return f"round({row}, 6)"
    width = f"({CELL_DEG} / greatest(0.01, cos(radians({row}))))"
    return f"round((floor({longitude} / {width}) + 0.5) * {width}, 6)"
