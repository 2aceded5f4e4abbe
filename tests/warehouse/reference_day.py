"""The reference day of the field as rows of core: van V12 on route R207, and the fleet around it.

Tenant `dax7` has 26 vans on the books, two in the workshop, 23 that go out. V12 is worked out to the minute; the others
are there to be counted, and each shows one edge case.
"""

from datetime import timedelta

import duckdb

from tests.warehouse.core_rows import DAY, GALLON_L, MILE_M, VanDay, insert, local

# 104 minutes of idling: 15 events of 120 s or more = 71 min, of which 4 of 300 s or more = 38 min, and 33 short runs.
LONG_MIN, EVENT_MIN, SHORT_MIN = [9.5] * 4, [3.0] * 11, [1.0] * 33
STOPS = (
    ("planned", 15), ("break", 22), ("unplanned", 9 + 59 / 60), ("unplanned", 10), ("fuel_site", 12), ("depot", 45),
)  # fmt: skip


def build(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Write the day into core."""
    _dimensions(warehouse)
    _van_12(warehouse)
    for number in range(1, 24):
        if number != 12:
            _other_van(warehouse, f"V{number:02}", f"R{195 + number}")
    VanDay(warehouse, "V24", "09:00").run("off", 60).close()  # spare, in the yard
    # In the workshop: the engine runs, half of what is heard of it before that is silence.
    VanDay(warehouse, "V25", "07:30").run("unknown", 120).run("idle", 180).close()
    _plan(warehouse, "V26", "R226")  # planned, and nothing heard


def _dimensions(warehouse: duckdb.DuckDBPyConnection) -> None:
    insert(
        warehouse, "core.depots", tenant_id="dax7", depot_id="DAX7", timezone="America/New_York",
        window_start="08:30", window_end="19:30", wage_per_h="22.50",
    )  # fmt: skip
    insert(
        warehouse, "core.prices", region="US", product="gasoline", from_date="2026-02-01", price="3.45", unit="gal",
        currency="USD",
    )  # fmt: skip
    for number in range(1, 27):
        if number != 12:
            status = "workshop" if number > 24 else "active"
            insert(warehouse, "core.vehicles", tenant_id="dax7", vehicle_id=f"V{number:02}", status=status)
    insert(
        warehouse, "core.vehicles", tenant_id="dax7", vehicle_id="V12", fuel_type="gasoline", tank_l=25 * GALLON_L,
        idle_l_per_h=0.40 * GALLON_L, fixed_cost_per_day="63.20", package_capacity=320, status="active",
        extra=f'{{"target_km_per_day": "{80 * MILE_M / 1000}"}}',
    )  # fmt: skip


def _van_12(warehouse: duckdb.DuckDBPyConnection) -> None:
    van = VanDay(warehouse, "V12", "09:20", route_id="R207").run("off", 45, phase="pre")
    van.run("drive", 24, phase="stem_out", miles=11.6).run("off", 4, phase="stem_out")
    idling = [*LONG_MIN, *EVENT_MIN, *SHORT_MIN]
    for idle_min in idling:
        van.run("drive", 206 / len(idling), phase="on_route", miles=(68.4 - 11.6 - 12.3) / len(idling))
        van.run("off", 144 / len(idling), phase="on_route").run("idle", idle_min, phase="on_route")
    van.run("drive", 28, phase="stem_back", miles=12.3).run("off", 4, phase="stem_back").run("off", 26, phase="post")
    van.close(fuel_used_l=5.02 * GALLON_L)
    _plan(warehouse, "V12", "R207", driver_id="D7", planned_stop_count=182, planned_package_count=272)
    insert(
        warehouse, "core.route_phases", **van.key, route_id="R207", is_planned=True, depot_exit_utc=local("10:05"),
        first_stop_utc=local("10:33"), last_stop_utc=local("18:07"), depot_return_utc=local("18:39"),
        served_stop_count=183, completed_stop_count=179,
    )  # fmt: skip
    insert(
        warehouse, "core.timeclock", tenant_id="dax7", driver_id="D7", service_date=DAY, clock_in_utc=local("09:20"),
        clock_out_utc=local("19:05"), unpaid_break_s=1800,
    )  # fmt: skip
    insert(
        warehouse, "core.deliveries", tenant_id="dax7", service_date=DAY, route_id="R207", vehicle_id="V12",
        dispatched_package_count=272, delivered_package_count=268,
    )  # fmt: skip
    arrived_utc = local("11:00")
    for kind, minutes in STOPS:
        departed_utc = arrived_utc + timedelta(minutes=minutes)
        insert(
            warehouse, "core.stops", **van.key, route_id="R207", arrived_utc=arrived_utc, departed_utc=departed_utc,
            duration_us=(departed_utc - arrived_utc) // timedelta(microseconds=1), kind=kind,
        )  # fmt: skip
        arrived_utc = departed_utc


def _other_van(warehouse: duckdb.DuckDBPyConnection, vehicle_id: str, route_id: str) -> None:
    """Out from 10:00 to 16:00, an hour of it at the wheel."""
    exit_utc, return_utc = local("10:00"), local("16:00")
    planned = {"planned_return_utc": local("16:00")}
    flags: list[str] = []
    if vehicle_id == "V01":
        exit_utc = local("10:05:01")
    if vehicle_id == "V03":
        planned = {"planned_return_utc": local("15:00")}
    if vehicle_id == "V04":
        return_utc, flags = None, ["no_return"]
    if vehicle_id == "V05":
        insert(
            warehouse, "core.deliveries", tenant_id="dax7", service_date=DAY, route_id=route_id, vehicle_id="V05",
            completed_stop_count=120,
        )  # fmt: skip
    van = VanDay(warehouse, vehicle_id, "07:00" if vehicle_id == "V22" else "10:00", route_id=route_id)
    if vehicle_id == "V22":  # the hour before the depot's window begins at 07:30
        van.run("drive", 60, miles=20).run("off", 120)
    van.run("drive", 30, phase="stem_out", miles=10).run("off", 300, phase="on_route")
    van.run("drive", 30, phase="stem_back", miles=12).close(fuel_used_l=4.0 if vehicle_id == "V06" else None)
    _plan(warehouse, vehicle_id, route_id, planned_stop_count=100, **planned)
    if vehicle_id == "V06":
        _plan(warehouse, "V06", "R999")
    insert(
        warehouse, "core.route_phases", **van.key, route_id=route_id, is_planned=True, depot_exit_utc=exit_utc,
        first_stop_utc=local("10:30"), last_stop_utc=local("15:30"), depot_return_utc=return_utc,
        served_stop_count=100, quality_flags=flags,
    )  # fmt: skip


def _plan(warehouse: duckdb.DuckDBPyConnection, vehicle_id: str, route_id: str, **more: object) -> None:
    given = {"planned_exit_utc": local("10:00"), "planned_return_utc": local("19:00")} | more
    insert(
        warehouse, "core.planned_routes", tenant_id="dax7", depot_id="DAX7", service_date=DAY, route_id=route_id,
        vehicle_id=vehicle_id, role="primary", **given,
    )  # fmt: skip
