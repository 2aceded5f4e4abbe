"""A published copy with planted suggestions: a spot where vans idle, spots near homes, vans nobody needs, a dear pump.

Tenant `t1` has eight vans at depot D1. V1 to V4 are out on every weekday of four weeks, V5 stands in for V4 three
times, V6 to V8 never leave. The week asked for is the last one.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from flows.report.rendered import Period, week_period
from tests.warehouse.core_rows import EMPTY, GALLON_L, local
from warehouse.connection import sql

WEEK: Period = week_period(date(2026, 2, 25))
DATES = [WEEK.first + timedelta(days=day) for day in range(-21, 7) if day % 7 < 5]
THIS_WEEK = [day for day in DATES if day >= WEEK.first]
OUT = ("V1", "V2", "V3", "V4")
SPOT = (40.6003, -74.3003)
AT_HOME, AT_TWICE_HOME, OF_ONE_VAN = (40.70, -74.20), (40.80, -74.10), (40.65, -74.45)
OFF_DUTY, IN_TRAFFIC, TWICE_ONLY = (40.55, -74.35), (40.56, -74.36), (40.57, -74.37)
CHEAP, DEAR, FAR = (40.52, -74.42), (40.58, -74.48), (40.90, -74.90)


def build(path: Path) -> Path:
    """Write the copy to `path` and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute(sql("schema.sql") + sql("dimensions.sql") + sql("rollups/weeks.sql"))
        _dimensions(connection)
        _days(connection)
        _idling(connection)
        _fuel(connection)
    return path


def fill(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows with the same columns; required columns that are not given are empty or 0."""
    schema, name = table.split(".")
    columns = dict(
        connection.execute(
            "select column_name, case when is_nullable then null else data_type end from duckdb_columns()"
            " where schema_name = $schema and table_name = $name and database_name = current_database()",
            {"schema": schema, "name": name},
        ).fetchall()
    )
    required = {column: EMPTY.get(kind, 0) for column, kind in columns.items() if kind is not None}
    given = [required | {"tenant_id": "t1"} | row for row in rows]
    named = [{name: row[name] for name in row if name in columns} for row in given]
    connection.register("planted", pl.DataFrame(named, infer_schema_length=None))
    connection.execute(f"insert into {table} by name from planted")
    connection.unregister("planted")


def idle(vehicle_id: str, day: date, at: str, place: tuple[float, float], **more: Any) -> dict[str, Any]:
    """Ten minutes of idling at a local time: a tenth of a gallon and, at ten dollars for it, a dollar."""
    started_utc = local(at, day)
    return {
        "service_date": day, "vehicle_id": vehicle_id, "route_id": "R1", "started_utc": started_utc,
        "ended_utc": started_utc + timedelta(minutes=10), "duration_s": 600.0, "context": "hand_off",
        "latitude": place[0], "longitude": place[1], "place_precision_m": 0, "fuel_l": GALLON_L / 10, "cost": 1,
        "currency": "USD", "definition_id": "odograph", "definition_version": 1,
    } | more  # fmt: skip


def bought(txn: str, vehicle_id: str, day: date, site: str, dollars: float, **more: Any) -> dict[str, Any]:
    """Twenty gallons at a station, at a price a gallon."""
    place = {"CHEAP": CHEAP, "DEAR": DEAR, "FAR": FAR}[site]
    return {
        "provider": "wex", "provider_txn_id": txn, "item_no": 1, "event_type": "clear", "version_count": 1,
        "service_date": day, "vehicle_id": vehicle_id, "site_id": site, "site_name": site, "city": "Edison",
        "site_latitude": place[0], "site_longitude": place[1], "geo_quality": "provider", "product": "gasoline_regular",
        "quantity_l": 20 * GALLON_L, "price_per_l": dollars / GALLON_L, "gross": 20 * dollars, "currency": "USD",
        "match_state": "match", "quality_flags": [], "line_kind": "fill",
    } | more  # fmt: skip


def near(place: tuple[float, float], north_m: float) -> dict[str, float]:
    """A place so many metres north of another one."""
    return {"latitude": place[0] + north_m / 111_195, "longitude": place[1]}


def _dimensions(connection: duckdb.DuckDBPyConnection) -> None:
    fill(
        connection, "core.depots",
        [{
            "depot_id": "D1", "timezone": "America/New_York", "latitude": 40.5, "longitude": -74.4, "radius_m": 150,
            "window_start": "08:30", "window_end": "19:30", "wage_per_h": "22.50",
        }],
    )  # fmt: skip
    fill(connection, "core.tenants", [{"week_start": "monday"}])
    vans = [{"vehicle_id": f"V{number}", "fixed_cost_per_day": "60", "fuel_type": "gasoline"} for number in range(1, 9)]
    fill(connection, "core.vehicles", vans)


def _days(connection: duckdb.DuckDBPyConnection) -> None:
    status, vans, routes = [], [], []
    for day in DATES:
        stood_in = day in (DATES[2], DATES[8], DATES[14])
        out = {*OUT[:3], "V5" if stood_in else "V4"}
        for number in range(1, 9):
            van = f"V{number}"
            key = {"service_date": day, "vehicle_id": van, "depot_id": "D1"}
            is_out = van in out
            status.append(
                key | {
                    "is_on_books": True, "is_available": True, "is_dispatched": is_out,
                    "fleet_status": "active" if is_out else "inactive",
                }
            )  # fmt: skip
            vans.append(
                key | {
                    "revision": 1, "first_fix_utc": local("08:00", day), "last_fix_utc": local("20:00", day),
                    "scheduled_from_utc": local("08:30", day), "scheduled_to_utc": local("19:30", day),
                    "engine_on_s": 14_400.0 if is_out else 60.0 * number, "idle_s": 1_800.0, "idle_cost": 2,
                    "idle_fuel_l": 1.0, "fuel_used_l": 17.26, "fuel_distance_m": 100_000.0, "currency": "USD",
                    "fuel_type": "gasoline",
                }
            )  # fmt: skip
            if is_out:
                routes.append(
                    key | {
                        "route_id": f"R{number}", "role": "primary", "depot_exit_utc": local("09:30", day),
                        "depot_return_utc": local("17:30", day), "observed_s": 28_800.0, "idle_s": 1_800.0,
                        "coverage": 1.0,
                    }
                )  # fmt: skip
    fill(connection, "marts.status_days", status)
    fill(connection, "marts.vehicle_days", vans)
    fill(connection, "marts.route_days", routes)
    fleet = [{"service_date": day, "currency": "USD"} for day in DATES]
    fill(connection, "marts.fleet_days", fleet)


def _idling(connection: duckdb.DuckDBPyConnection) -> None:
    events = []
    for day in THIS_WEEK:
        events += [idle("V1", day, "10:30", SPOT), idle("V2", day, "11:10", SPOT)]
        events += [idle(van, day, "12:10", AT_HOME) for van in ("V1", "V3")]
        events += [idle(van, day, "13:10", AT_TWICE_HOME) for van in ("V1", "V3")]
        events += [idle("V4", day, "14:10", OF_ONE_VAN)]
        events += [idle(van, day, "22:10", OFF_DUTY) for van in ("V1", "V3")]
        events += [idle(van, day, "15:10", IN_TRAFFIC, context="traffic") for van in ("V1", "V3")]
        events += [idle("V3", day, "09:00", (40.5, -74.4), context="depot", place_precision_m=None)]
    events += [idle(van, day, "16:10", TWICE_ONLY) for van, day in zip(("V1", "V3"), THIS_WEEK, strict=False)]
    fill(connection, "marts.idle_events", events)
    # V3 stood overnight near AT_HOME once, V8 near AT_TWICE_HOME twice; V8 near the spot once, which says nothing.
    nights = [("V3", 0, AT_HOME), ("V8", 1, AT_TWICE_HOME), ("V8", 2, AT_TWICE_HOME), ("V8", 3, SPOT)]
    homes = [
        {"service_date": DATES[0] + timedelta(days=night), "vehicle_id": van, "homes": [near(place, 900)]}
        for van, night, place in nights
    ]
    fill(connection, "core.place_guards", homes)
    # The median hand-off idles a minute, the median stand at the depot five.
    stops = [
        {
            "service_date": THIS_WEEK[0], "vehicle_id": "V1", "kind": kind, "duration_s": 600.0, "engine_on_s": seconds,
            "planned_stop_count": 0,
        }
        for kind, seconds in (("planned", 0.0), ("planned", 60.0), ("unplanned", 200.0), ("depot", 300.0))
    ]  # fmt: skip
    fill(connection, "marts.stops", stops)


def _fuel(connection: duckdb.DuckDBPyConnection) -> None:
    monday, sunday = THIS_WEEK[0], WEEK.first - timedelta(days=1)
    cheap = [bought(f"C{number}", "V5", sunday, "CHEAP", 3.40) for number in range(5)]
    far = [bought(f"F{number}", "V5", sunday, "FAR", 2.40) for number in range(5)]
    dear = [bought(f"D{van}", van, monday, "DEAR", 3.90) for van in OUT]
    fill(connection, "marts.fuel_purchases", cheap + far + dear)
    passed = [
        {
            "service_date": monday, "vehicle_id": van, "started_utc": datetime(2026, 2, 23, 15), "state": "drive",
            "ended_utc": datetime(2026, 2, 23, 16), "context": "drive", "phase": "on_route", "place_precision_m": 0,
            **near(CHEAP, 300),
        }
        for van in OUT
    ]  # fmt: skip
    fill(connection, "core.ledger", passed)
