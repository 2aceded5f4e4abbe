"""A published copy with invented weeks of tenants: vans V01, V02 ... with a route each, Monday to Saturday.

Van-days are made of the hours of a day, and everything else is summed from them here, so that the figures of a report
can be checked against each other. Only the last week has a ledger.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from tests.warehouse.core_rows import GALLON_L, insert
from warehouse.connection import ensure_schema, prepare
from warehouse.dictionary import dictionary
from warehouse.display import SYSTEMS, statements
from warehouse.models import prepare_models

ZONE = ZoneInfo("America/New_York")
FIRST, LAST = date(2026, 2, 23), date(2026, 3, 1)  # a Monday and its Sunday
IDLE_L_PER_H = 0.40 * GALLON_L
PRICE_PER_L = 3.45 / GALLON_L
LONG_IDLER, THIRSTY, LATE_ROUTE, SILENT = "V03", "V07", "R205", "V99"


class Fleet(NamedTuple):
    """What the tenant has and sends; `unknown_share` is of every hour."""

    vans: int = 12
    weeks: int = 9
    has_ignition: bool = True
    has_plans: bool = True
    has_fuel: bool = True
    has_window: bool = True
    unknown_share: float = 0.02
    week_start: str | None = "monday"


DEAF = Fleet(vans=5, weeks=3, has_ignition=False)


def build(path: Path, fleets: dict[str, Fleet]) -> Path:
    """Write a copy with these tenants to `path` and return it."""
    with duckdb.connect(str(path)) as connection:
        prepare(connection)
        ensure_schema(connection)
        prepare_models(connection)
        _show(connection)
        for region, price in (("New Jersey", "3.20"), ("U.S.", "3.10")):
            insert(
                connection, "core.prices", region=region, product="gasoline_regular",
                from_date=FIRST - timedelta(days=3), price=price, unit="gal", currency="USD",
            )  # fmt: skip
        for tenant_id, fleet in fleets.items():
            _dimensions(connection, tenant_id, fleet)
            if fleet.has_fuel:
                _fuel(connection, tenant_id)
        days = [(day, fleet) for tenant_id, fleet in fleets.items() for day in _van_days(tenant_id, fleet)]
        last = [(day, fleet) for day, fleet in days if day.day >= FIRST]
        _put(connection, "marts.vehicle_days", [_vehicle_day(day, fleet) for day, fleet in days])
        _put(connection, "marts.route_days", [_route_day(day, fleet) for day, fleet in days])
        _put(connection, "core.ledger", [run for day, fleet in last for run in _ledger(day, fleet)])
        _put(connection, "core.vehicle_dates", [_vehicle_date(day) for day, _ in last])
        _put(connection, "marts.data_health", [_health(day) for day, _ in last])
        connection.execute(EVENTS)
        connection.execute(FLEET_DAYS)
    return path


def _show(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the display views of van-days; the others take seconds and are not read here."""
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() where schema_name = 'marts'"
        " and table_name = 'vehicle_days' order by column_index"
    ).fetchall()
    for system in SYSTEMS:
        connection.execute(f"create schema {system}")
        for statement in statements(system, "vehicle_days", columns, dictionary()):
            connection.execute(statement)


class VanDay(NamedTuple):
    """The hours of one van on one date: seconds driving, idling and off, local hours 9 to 17."""

    tenant_id: str
    day: date
    number: int
    hours: list[tuple[int, int, int]]
    factor: float  # of the fuel burnt

    @property
    def key(self) -> dict[str, Any]:
        return {"tenant_id": self.tenant_id, "service_date": self.day, "vehicle_id": f"V{self.number:02}"}


def _van_days(tenant_id: str, fleet: Fleet) -> Iterator[VanDay]:
    for week in range(fleet.weeks):
        for weekday in range(6):
            day = FIRST - timedelta(days=7 * week) + timedelta(days=weekday)
            for number in range(1, fleet.vans + 1):
                random = Random(1000 * number + day.toordinal())
                hours = []
                for hour in range(9, 18):
                    idle = 420 + 25 * (number % 5) + random.randrange(-60, 60) - (40 if week else 0)
                    if week == 0 and f"V{number:02}" == LONG_IDLER and hour == 12:
                        idle = 2400
                    drive = min(3600 - idle, 1500 + random.randrange(-300, 300))
                    hours.append((drive, idle, 3600 - drive - idle))
                thirst = 1 + 0.04 * max(0, 5 - week) if f"V{number:02}" == THIRSTY else 1.0
                yield VanDay(
                    tenant_id, day, number, hours, thirst * random.uniform(0.96, 1.04) * (0.97 + 0.01 * (number % 6))
                )


def _seconds(day: VanDay, fleet: Fleet) -> dict[str, float]:
    """Return the states of the day; without ignition standing is `parked`."""
    known = 1 - fleet.unknown_share
    drive, idle, off = (known * sum(hour[state] for hour in day.hours) for state in range(3))
    unknown_s = fleet.unknown_share * 3600 * len(day.hours)
    if not fleet.has_ignition:
        return {"drive_s": drive, "idle_s": 0.0, "off_s": 0.0, "parked_s": idle + off, "unknown_s": unknown_s}
    return {"drive_s": drive, "idle_s": idle, "off_s": off, "parked_s": 0.0, "unknown_s": unknown_s}


def _vehicle_day(day: VanDay, fleet: Fleet) -> dict[str, Any]:
    seconds = _seconds(day, fleet)
    engine_on_s = seconds["drive_s"] + seconds["idle_s"] if fleet.has_ignition else 0.0
    distance_m = seconds["drive_s"] * 7.5
    burnt_l = distance_m / 1e5 * 17.0 * day.factor
    excess_s = max(0.0, seconds["idle_s"] * 0.6)
    known_s = sum(seconds.values()) - seconds["unknown_s"]
    return {
        **day.key, **seconds, "revision": 1, "depot_id": "DAX7", "first_fix_utc": _utc(day.day, 9),
        "last_fix_utc": _utc(day.day, 18), "engine_on_s": engine_on_s, "pto_s": 0.0, "ready_s": 0.0,
        "known_s": known_s, "observed_s": known_s + seconds["unknown_s"], "coverage": 1 - fleet.unknown_share,
        "distance_m": distance_m, "distance_source": "odometer", "stop_count": 150, "idle_event_count": 9,
        "excess_idle_s": excess_s, "long_idle_event_count": 2, "fuel_type": "gasoline",
        "available_window_s": 39_600.0 if fleet.has_window else None,
        "time_utilization": engine_on_s / 39_600 if fleet.has_window else None,
        "idle_share": seconds["idle_s"] / engine_on_s if engine_on_s else None,
        **({
            "fuel_used_l": burnt_l, "fuel_used_source": "counter", "fuel_distance_m": distance_m,
            "fuel_cost": round(burnt_l * PRICE_PER_L, 4), "co2_kg": burnt_l / GALLON_L * 8.887,
            "co2_factor_set": "EPA tailpipe 8.887/10.180 kg/gal",
        } if fleet.has_fuel else {}),
        **({
            "idle_fuel_l": seconds["idle_s"] / 3600 * IDLE_L_PER_H,
            "idle_cost": round(seconds["idle_s"] / 3600 * IDLE_L_PER_H * PRICE_PER_L, 4),
        } if fleet.has_ignition else {}),
        "currency": "USD", "quality_flags": [],
    }  # fmt: skip


def _route_day(day: VanDay, fleet: Fleet) -> dict[str, Any]:
    van, route = _vehicle_day(day, fleet), f"R{200 + day.number}"
    random = Random(7 * day.number + day.day.toordinal())
    planned_s = 8.0 * 3600
    over_s = 2700 if route == LATE_ROUTE and day.day >= FIRST else random.randrange(-1500, 900)
    # Each route has a stem of its own.
    stem_m = van["distance_m"] * (0.22 + 0.015 * (day.number % 9) + random.uniform(-0.01, 0.01))
    shared = ("drive_s", "idle_s", "ready_s", "engine_on_s", "idle_share", "excess_idle_s", "off_s", "parked_s",
              "unknown_s", "known_s", "observed_s", "coverage", "distance_m")  # fmt: skip
    return {
        **day.key, **{name: van[name] for name in shared}, "route_id": route, "role": "primary", "depot_id": "DAX7",
        "depot_exit_utc": _utc(day.day, 10), "route_time_s": planned_s + over_s,
        "depot_return_utc": _utc(day.day, 10) + timedelta(seconds=planned_s + over_s),
        "on_route_s": 7.2 * 3600, "on_route_drive_s": 4.0 * 3600,
        "stem_m": stem_m, "stem_share": stem_m / van["distance_m"],
        "stop_count": 150, "counted_stop_count": 150, "dwell_s": 3.2 * 3600, "mean_dwell_s": 76.8,
        "stops_per_hour": 150 / 7.2, "currency": "USD", "quality_flags": [],
        **({
            "planned_exit_utc": _utc(day.day, 10), "planned_return_utc": _utc(day.day, 18),
            "planned_route_time_s": planned_s, "route_utilization": (planned_s + over_s) / planned_s,
            "on_time_start": random.random() < 0.93,
        } if fleet.has_plans else {}),
        "wage_cost": 200.0, "fixed_cost": 60.0, "cost": 260.0 + float(van.get("fuel_cost") or 0),
    }  # fmt: skip


def _ledger(day: VanDay, fleet: Fleet) -> Iterator[dict[str, Any]]:
    """Yield the runs of each hour: silence first, then driving, idling in one run, and off."""
    for place, states in enumerate(day.hours):
        now = _utc(day.day, 9 + place)
        context = "depot" if place == 0 else "break" if states[1] > 2000 else "hand_off"
        jurisdictions = ["us-nj"] if day.number % 2 else ["us-ny", "us-ny-nyc"]
        parts = [("unknown", fleet.unknown_share * 3600)]
        named = ("drive", "idle", "off") if fleet.has_ignition else ("drive", "parked", "parked")
        parts += [(state, (1 - fleet.unknown_share) * s) for state, s in zip(named, states, strict=True)]
        for state, seconds in parts:
            until = now + timedelta(seconds=seconds)
            yield {
                **day.key, "started_utc": now, "ended_utc": until, "state": state, "route_id": f"R{200 + day.number}",
                "duration_us": (until - now) // timedelta(microseconds=1), "context": context, "phase": "on_route",
                "is_continued": False, "distance_m": seconds * 7.5 if state == "drive" else 0.0, "is_pto": False,
                "is_full_quality": True, "jurisdictions": jurisdictions if state == "idle" else [],
            }  # fmt: skip
            now = until


def _vehicle_date(day: VanDay) -> dict[str, Any]:
    return {
        **day.key, "depot_id": "DAX7", "timezone": ZONE.key, "first_fix_utc": _utc(day.day, 9),
        "last_fix_utc": _utc(day.day, 18), "distance_m": 0.0, "distance_source": "odometer", "received_count": 4000,
        "accepted_count": 3950, "duplicate_count": 50, "conflict_count": 0, "low_quality_count": 0, "jump_count": 0,
        "quality_flags": [],
    }  # fmt: skip


def _health(day: VanDay) -> dict[str, Any]:
    return {
        **day.key, "received_count": 4000, "accepted_count": 3950, "duplicate_count": 50, "conflict_count": 0,
        "rejected_count": 1, "rejected_by_rule": "{}", "low_quality_count": 0, "jump_count": 0, "is_registered": True,
        "quality_flags": [],
    }  # fmt: skip


def _dimensions(connection: duckdb.DuckDBPyConnection, tenant_id: str, fleet: Fleet) -> None:
    insert(connection, "core.tenants", tenant_id=tenant_id, week_start=fleet.week_start, currency="USD")
    window = {"window_start": "08:30", "window_end": "19:30"} if fleet.has_window else {}
    insert(
        connection, "core.depots", tenant_id=tenant_id, depot_id="DAX7", timezone=ZONE.key, wage_per_h="22.50", **window
    )  # fmt: skip
    vans = [f"V{number:02}" for number in range(1, fleet.vans + 1)]
    rows = [{"tenant_id": tenant_id, "vehicle_id": van, "fuel_type": "gasoline"} for van in [*vans, SILENT]]
    _put(connection, "core.vehicles", rows)
    silent = {
        "tenant_id": tenant_id, "vehicle_id": SILENT, "registered_status": "active", "is_on_books": True,
        "is_available": True, "is_dispatched": False, "fleet_status": "non_communicating",
    }  # fmt: skip
    _put(
        connection,
        "marts.status_days",
        [{**silent, "service_date": FIRST + timedelta(days=number)} for number in range(6)],
    )


def _fuel(connection: duckdb.DuckDBPyConnection, tenant_id: str) -> None:
    line = {"tenant_id": tenant_id, "provider": "wex", "item_no": 1, "currency": "USD"}
    purchases = [
        {
            **line, "provider_txn_id": f"T{number}", "event_type": "post", "version_count": 1,
            "service_date": FIRST + timedelta(days=number % 5), "vehicle_id": f"V{number:02}", "state": "NJ",
            "city": "Edison", "product": "gasoline_regular", "line_kind": "fill", "quantity_l": 20 * GALLON_L,
            "price_per_l": round(3.45 / GALLON_L, 6), "net": 69.0, "quality_flags": [],
            "match_state": "mismatch" if number == 4 else "match",
        }
        for number in range(1, 7)
    ]  # fmt: skip
    _put(connection, "marts.fuel_purchases", purchases)
    flags = [
        {
            **line, "provider_txn_id": txn, "service_date": day, "vehicle_id": "V04", "rule_id": "F4",
            "rule_version": 1, "severity": "high", "state": state, "cost": 69.0, "evidence": "{}",
            "reviewed_utc": reviewed, "explanation": "The van was 4.2 mi away.",
        }
        for txn, day, state, reviewed in (
            ("T4", FIRST + timedelta(days=4), "open", None),
            ("T0", FIRST - timedelta(days=10), "explained", datetime.combine(FIRST + timedelta(days=2), time(9))),
            ("T8", FIRST - timedelta(days=20), "open", None),
        )
    ]  # fmt: skip
    _put(connection, "marts.fuel_exceptions", flags)


def _utc(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), ZONE).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


def _put(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    connection.register("rows", pl.DataFrame(rows, infer_schema_length=None))
    connection.execute(f"insert into {table} by name from rows")
    connection.unregister("rows")


EVENTS = """
insert into marts.idle_events by name
select tenant_id, service_date, vehicle_id, route_id, started_utc, ended_utc, duration_us / 1e6 as duration_s, context,
    duration_us / 3.6e9 * 0.40 * 3.45 as cost, 'USD' as currency, 'odograph' as definition_id, 2 as definition_version
from core.ledger where state = 'idle' and duration_us >= 120e6;

insert into marts.legal_idle_events by name
select tenant_id, service_date, vehicle_id, 'legal_nj' as definition_id, 1 as definition_version,
    'us-nj' as jurisdiction, route_id, started_utc, ended_utc, duration_us / 1e6 as duration_s, 180 as limit_s,
    duration_s - 180 as excess_s, 0 as window_s, 'Possible idling over the limit of New Jersey.' as wording
from core.ledger where state = 'idle' and list_contains(jurisdictions, 'us-nj') and duration_us > 1200e6
"""

FLEET_DAYS = """
insert into marts.fleet_days by name
with vans as (
    select tenant_id, service_date, count(*) as vehicles_heard, sum(engine_on_s) as engine_on_s,
        sum(drive_s) as drive_s, sum(idle_s) as idle_s, sum(off_s) as off_s, sum(parked_s) as parked_s,
        sum(unknown_s) as unknown_s, 0 as ready_s, sum(excess_idle_s) as excess_idle_s,
        sum(idle_event_count) as idle_event_count, sum(idle_cost) as idle_cost, sum(known_s) as known_s,
        sum(observed_s) as observed_s, sum(distance_m) as distance_m,
        coalesce(sum(fuel_distance_m), 0) as metered_distance_m, sum(fuel_used_l) as fuel_used_l,
        sum(fuel_distance_m) as counter_distance_m, sum(fuel_used_l) as counter_fuel_l, sum(fuel_cost) as fuel_cost,
        sum(fuel_distance_m) filter (fuel_cost is not null) as fuel_costed_distance_m,
        any_value(co2_factor_set) as co2_factor_set
    from marts.vehicle_days group by all
), routes as (
    select tenant_id, service_date, count(*) as routes_run, count(planned_exit_utc) as routes_planned,
        sum(stop_count) as stop_count, count(*) filter (on_time_start) as on_time_starts,
        count(on_time_start) as starts_with_plan,
        sum(route_time_s) filter (planned_route_time_s is not null) as route_time_s,
        sum(planned_route_time_s) as planned_route_time_s, sum(cost) as cost, sum(cost) as counted_cost,
        sum(counted_stop_count) as costed_stop_count, sum(distance_m) as costed_distance_m
    from marts.route_days group by all
)
select *, engine_on_s as idle_engine_on_s, vehicles_heard as vehicles_on_books, 0 as vehicles_out_of_service,
    vehicles_heard as vehicles_available, routes_run as vehicles_dispatched, routes_run as available_dispatched,
    routes_run as books_dispatched, routes_run as peak_concurrent_vehicles, 'USD' as currency
from vans join routes using (tenant_id, service_date)
"""
