"""A published copy with an invented day: tenant `dax7` (24 vans, 23 routes, one silent) and `buses` (no ignition).

Only the ledger is invented; vehicle, route and fleet days are summed from it here, so that the figures of a report can
be checked against each other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import duckdb
import polars
import pytest

from warehouse.connection import sql
from warehouse.definitions import listed_definitions, replace_definitions
from warehouse.fuel_rules import listed_rules, replace_rules

SCHEMA = Path(__file__).parents[2] / "warehouse" / "sql" / "schema.sql"
DAY = date(2026, 2, 26)
ZONE = ZoneInfo("America/New_York")
GALLON_L = 3.785411784
MILE_M = 1609.344
IDLE_L_PER_H = 0.40 * GALLON_L
PRICE_PER_L = 3.45 / GALLON_L

# Chosen so that the tenant's idle share is 28.7 %.
IDLING_HAND_OFFS = 0.572
# Standing long with the engine on, minutes by van: what the attention list should find.
LONG_IDLE_MIN = {"V12": 44, "V19": 58, "V03": 26}
SILENT_FOR_MIN = {"V07": 190, "V21": 35}
LEDGER = {
    "tenant_id": polars.String, "vehicle_id": polars.String, "service_date": polars.Date,
    "started_utc": polars.Datetime("us"), "ended_utc": polars.Datetime("us"), "duration_us": polars.Int64,
    "state": polars.String, "context": polars.String, "route_id": polars.String, "phase": polars.String,
    "is_continued": polars.Boolean, "distance_m": polars.Float64,
}  # fmt: skip
OVERRUN_STOPS = {"V05": 45}
LATE_EXIT_MIN = {"V16": 22, "V09": 7}


@contextmanager
def pictures_left_out() -> Iterator[None]:
    """A daily report of which only words are asked for needs no pictures, which are nine tenths of its time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("timeline", "pareto"):
            patch.setattr(f"flows.report.daily.{name}", lambda *_: b"")
        yield


def build(path: Path, *, weeks_of_history: int = 0, fuel: bool = True) -> Path:
    """Write the copy to `path` and return it."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(SCHEMA.read_text() + sql("dimensions.sql") + sql("constants.sql"))
        replace_rules(connection, listed_rules())
        replace_definitions(connection, listed_definitions())
        _dimensions(connection)
        for vehicle in range(1, 24):
            _van(connection, vehicle)
        for bus in range(1, 61):
            _bus(connection, bus)
        connection.execute(SUMMARIES)
        connection.execute(FLEET_DAYS)
        for week in range(1, weeks_of_history + 1):
            connection.execute(EARLIER_DAY, {"week": week})
        if fuel:
            _fuel(connection)
        _health(connection)
    return path


def local(at: str, day: date = DAY) -> datetime:
    """Return the naive UTC instant of a local time of the day, `10:05`."""
    moment = datetime.combine(day, time.fromisoformat(at), ZONE)
    return moment.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


def insert(connection: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    """Insert one row by column names."""
    marks = ", ".join("?" for _ in values)
    connection.execute(f"insert into {table} ({', '.join(values)}) values ({marks})", list(values.values()))


def _dimensions(connection: duckdb.DuckDBPyConnection) -> None:
    for vehicle in range(1, 27):
        status = "workshop" if vehicle > 24 else "active"
        insert(
            connection,
            "core.vehicles",
            tenant_id="dax7",
            vehicle_id=f"V{vehicle:02}",
            fuel_type="gasoline",
            tank_l=25 * GALLON_L,
            status=status,
        )
    insert(
        connection,
        "core.depots",
        tenant_id="dax7",
        depot_id="DAX7",
        timezone="America/New_York",
        wage_per_h=22.50,
    )
    names = ["Ana Lima", "Ben Okafor", "Carl Voss", "Dee Park", "Eli Stone", "Fay Ruiz", "Gus Hall", "Ines Marie Roy"]
    for driver in range(1, 24):
        name = f"{names[driver % 8]}" if driver % 5 else None
        insert(connection, "core.drivers", tenant_id="dax7", driver_id=f"D{driver}", name=name)


def _van(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    vehicle, route, random = f"V{number:02}", f"R{200 + number}", Random(number)
    planned_exit = local("09:40") + timedelta(minutes=5 * (number % 6))
    late = LATE_EXIT_MIN.get(vehicle, random.choice([-4, -1, 0, 1, 2, 3]))
    phases = _van_runs(vehicle, planned_exit + timedelta(minutes=late), random)
    exit_utc, first, last, back = phases["marks"]
    _ledger(connection, "dax7", vehicle, route, phases["runs"], 7.0)
    planned = 182 - number
    insert(
        connection,
        "marts.route_days",
        tenant_id="dax7",
        service_date=DAY,
        route_id=route,
        vehicle_id=vehicle,
        driver_id=f"D{number}",
        role="primary",
        depot_id="DAX7",
        planned_exit_utc=planned_exit,
        planned_return_utc=planned_exit + timedelta(minutes=480),
        depot_exit_utc=exit_utc,
        first_stop_utc=first,
        last_stop_utc=last,
        depot_return_utc=back,
        route_time_s=(back - exit_utc).total_seconds(),
        planned_route_time_s=480 * 60,
        route_utilization=(back - exit_utc).total_seconds() / (480 * 60),
        on_route_s=(last - first).total_seconds(),
        productive_share=(last - first) / (back - exit_utc),
        **dict.fromkeys(
            ("drive_s", "idle_s", "ready_s", "engine_on_s", "excess_idle_s", "off_s", "parked_s", "unknown_s"), 0
        ),
        distance_m=0,
        stem_share=random.uniform(0.28, 0.41),
        stop_count=planned - 4,
        planned_stop_count=planned,
        completed_stop_count=planned - (16 if vehicle == "V14" else random.choice([0, 0, 1, 3])),
        mean_dwell_s=83.1,
        stops_per_hour=20.9,
        on_time_start=late <= 5,
        fuel_used_l=random.uniform(4.2, 5.8) * GALLON_L,
        currency="USD",
        quality_flags=[],
    )


def _van_runs(vehicle: str, exit_utc: datetime, random: Random) -> dict[str, list]:
    """Return the runs of one delivery day and the four instants that divide its phases."""
    runs, now = [], local("09:05") + timedelta(minutes=random.randrange(15))

    def spend(state: str, context: str, seconds: float) -> None:
        nonlocal now
        until = now + timedelta(seconds=round(seconds))
        runs.append((state, context, now, until))
        now = until

    spend("idle", "depot", random.uniform(150, 420))
    spend("off", "depot", (exit_utc - now).total_seconds())
    for _ in range(4):
        spend("drive", "drive", random.uniform(240, 420))
        spend("idle", "traffic", random.uniform(20, 90))
    first = now
    stops = 168 + random.randrange(-8, 8) + OVERRUN_STOPS.get(vehicle, 0)
    for stop in range(stops):
        idles = random.random() < IDLING_HAND_OFFS
        spend("idle" if idles else "off", "hand_off", random.lognormvariate(3.85, 0.5))
        if stop == stops // 2:
            spend("off", "break", 1800)
        if stop == stops // 3 and vehicle in LONG_IDLE_MIN:
            spend("idle", "break", LONG_IDLE_MIN[vehicle] * 60)
        if stop == stops // 4 and vehicle in SILENT_FOR_MIN:
            spend("unknown", "other", SILENT_FOR_MIN[vehicle] * 60)
        spend("drive", "drive", random.lognormvariate(4.2, 0.45))
    last = now
    for _ in range(5):
        spend("drive", "drive", random.uniform(240, 420))
        spend("idle", "traffic", random.uniform(20, 90))
    back = now
    spend("idle", "depot", random.uniform(60, 240))
    return {"runs": runs, "marks": [exit_utc, first, last, back]}


def _bus(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    vehicle, random, now = f"{2000 + number}", Random(1000 + number), local("05:30")
    runs = []
    for _ in range(90):
        for state, seconds in (("drive", random.uniform(200, 500)), ("parked", random.uniform(20, 300))):
            runs.append((state, "other", now, now + timedelta(seconds=round(seconds))))
            now = runs[-1][3]
    _ledger(connection, "buses", vehicle, str(number % 20), runs, 7.0)
    insert(
        connection,
        "marts.route_days",
        tenant_id="buses",
        service_date=DAY,
        route_id=str(number % 20),
        vehicle_id=vehicle,
        role="primary",
        **dict.fromkeys(
            ("drive_s", "idle_s", "ready_s", "engine_on_s", "excess_idle_s", "off_s", "parked_s", "unknown_s"), 0
        ),
        distance_m=0,
        stop_count=90,
        quality_flags=["no_depot", "no_plan"],
    )


def _ledger(
    connection: duckdb.DuckDBPyConnection, tenant: str, vehicle: str, route: str, runs: list, speed_mps: float
) -> None:
    rows = list(_ledger_rows(tenant, vehicle, route, runs, speed_mps))
    connection.register("runs", polars.DataFrame(rows, orient="row", schema=LEDGER))
    connection.execute(
        "insert into core.ledger by name"
        " select *, false as is_pto, false as is_full_quality, []::varchar[] as jurisdictions from runs"
    )
    connection.unregister("runs")


def _ledger_rows(tenant: str, vehicle: str, route: str, runs: list, speed_mps: float) -> Iterator[tuple]:
    for state, context, started, ended in runs:
        seconds = (ended - started).total_seconds()
        distance_m = seconds * speed_mps if state == "drive" else 0.0
        duration_us = int(seconds * 1e6)
        yield tenant, vehicle, DAY, started, ended, duration_us, state, context, route, "on_route", False, distance_m


def _fuel(connection: duckdb.DuckDBPyConnection) -> None:
    sites = ["Shell Canal St", "BP Route 9", "Exxon Main St", "Costco Edison"]
    for number in range(1, 8):
        vehicle = f"V{number * 3:02}"
        insert(
            connection,
            "marts.fuel_purchases",
            tenant_id="dax7",
            provider="wex",
            provider_txn_id=f"T{number}",
            item_no=1,
            event_type="post",
            version_count=2,
            service_date=DAY,
            ts_utc=local("18:40") + timedelta(minutes=number * 3),
            ts_quality="exact",
            vehicle_id=vehicle,
            site_name=sites[number % 4],
            city="Edison",
            product="gasoline_regular",
            quantity=17 + number,
            unit="gal",
            quantity_l=(17 + number) * GALLON_L,
            net=round((17 + number) * 3.45, 2),
            currency="USD",
            match_state="mismatch" if number == 4 else "match",
            quality_flags=[],
        )
    flags = [
        ("T4", "V12", "F4", "high", "No position of V12 within 250 m of the site in the 15 minutes around the "
         "purchase; the nearest was 4.2 mi away."),
        ("T6", "V18", "F14", "low", "The price per gallon was 33 % above the day's median in the state."),
        ("T7", "V21", "F16", "info", "The typed odometer was lower than the one before."),
    ]  # fmt: skip
    for txn, vehicle, rule, severity, explanation in flags:
        insert(
            connection,
            "marts.fuel_exceptions",
            tenant_id="dax7",
            provider="wex",
            provider_txn_id=txn,
            item_no=1,
            service_date=DAY,
            vehicle_id=vehicle,
            rule_id=rule,
            rule_version=1,
            severity=severity,
            state="open",
            evidence="{}",
            explanation=explanation,
        )


def _health(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(HEALTH)
    insert(
        connection,
        "core.loads",
        load_id=1,
        tenant_id="dax7",
        service_date=DAY,
        rebuilt_utc=local("05:12", DAY + timedelta(days=1)),
        vehicle_date_count=83,
        position_count=900_000,
        code_version="test",
        reasons=["positions"],
        segments=["main/1-9"],
        seconds=7.5,
        **dict.fromkeys(("schema_digest", "models_digest", "definitions_digest", "checks_digest"), "0123456789ab"),
    )
    insert(
        connection,
        "marts.vehicle_days",
        tenant_id="dax7",
        service_date=DAY - timedelta(days=2),
        vehicle_id="V24",
        depot_id="DAX7",
        first_fix_utc=local("09:00", DAY - timedelta(days=2)),
        last_fix_utc=local("17:48", DAY - timedelta(days=2)),
        **dict.fromkeys(
            ("engine_on_s", "drive_s", "idle_s", "ready_s", "off_s", "parked_s", "unknown_s", "distance_m"), 0
        ),
        distance_source="gps",
        **dict.fromkeys(("stop_count", "idle_event_count", "excess_idle_s", "long_idle_event_count", "pto_s"), 0),
        revision=1,
        quality_flags=[],
    )


SUMMARIES = f"""
insert into marts.idle_events
select tenant_id, service_date, vehicle_id, route_id, started_utc, ended_utc, duration_us / 1e6, context, null, null,
    null,
    duration_us / 3.6e9 * {IDLE_L_PER_H}, duration_us / 3.6e9 * {IDLE_L_PER_H} * {PRICE_PER_L}, 'USD', 'odograph', 2
from core.ledger where state = 'idle' and duration_us >= 120e6;

insert into marts.vehicle_days by name
with sums as (
    select tenant_id, service_date, vehicle_id,
        min(started_utc) as first_fix_utc, max(ended_utc) as last_fix_utc,
        coalesce(sum(duration_us) filter (state = 'drive'), 0) / 1e6 as drive_s,
        coalesce(sum(duration_us) filter (state = 'idle'), 0) / 1e6 as idle_s,
        coalesce(sum(duration_us) filter (state = 'off'), 0) / 1e6 as off_s,
        coalesce(sum(duration_us) filter (state = 'parked'), 0) / 1e6 as parked_s,
        coalesce(sum(duration_us) filter (state = 'unknown'), 0) / 1e6 as unknown_s,
        count(*) filter (state = 'idle' and duration_us >= 120e6) as idle_event_count,
        coalesce(sum(duration_us) filter (state = 'idle' and duration_us >= 120e6), 0) / 1e6 as excess_idle_s,
        count(*) filter (state = 'idle' and duration_us >= 300e6) as long_idle_event_count,
        sum(distance_m) as distance_m
    from core.ledger group by all
)
select *,
    1 as revision, 0 as pto_s,
    if(tenant_id = 'dax7', 'DAX7', null) as depot_id,
    if(parked_s > 0, 0, drive_s + idle_s) as engine_on_s, 0 as ready_s,
    (drive_s + idle_s + off_s + parked_s) / (drive_s + idle_s + off_s + parked_s + unknown_s) as coverage,
    'odometer' as distance_source, 0 as stop_count,
    idle_s / nullif(engine_on_s, 0) as idle_share,
    if(parked_s > 0, null, distance_m / (5450 + hash(vehicle_id) % 700)) as fuel_used_l,
    if(parked_s > 0, null, idle_s / 3600 * {IDLE_L_PER_H}) as idle_fuel_l,
    idle_fuel_l * {PRICE_PER_L} as idle_cost, 'USD' as currency,
    if(parked_s > 0, null, 'EPA tailpipe 8.887/10.180') as co2_factor_set, []::varchar[] as quality_flags
from sums;

update marts.route_days as routes set
    drive_s = vans.drive_s, idle_s = vans.idle_s, engine_on_s = vans.engine_on_s, idle_share = vans.idle_share,
    excess_idle_s = vans.excess_idle_s, off_s = vans.off_s, parked_s = vans.parked_s, unknown_s = vans.unknown_s,
    coverage = vans.coverage, distance_m = vans.distance_m, fuel_used_l = vans.fuel_used_l
from marts.vehicle_days as vans
where routes.tenant_id = vans.tenant_id and routes.vehicle_id = vans.vehicle_id
    and routes.service_date = vans.service_date;

insert into core.vehicle_dates by name
select tenant_id, service_date, vehicle_id, depot_id,
    if(tenant_id = 'dax7', 'America/New_York', 'America/Chicago') as timezone,
    first_fix_utc, last_fix_utc, 4000 as received_count, 3950 as accepted_count, 50 as duplicate_count,
    0 as conflict_count, 3 as low_quality_count, 1 as jump_count, 10 as median_interval_s, 120 as longest_gap_s,
    4 as median_delay_s, 30 as p95_delay_s, distance_m, distance_source, quality_flags
from marts.vehicle_days
"""

FLEET_DAYS = """
insert into marts.fleet_days by name
with vans as (
    select tenant_id, service_date,
        count(*) as vehicles_heard, sum(engine_on_s) as engine_on_s, sum(drive_s) as drive_s, sum(idle_s) as idle_s,
        sum(excess_idle_s) as excess_idle_s, sum(idle_event_count) as idle_event_count,
        sum(idle_fuel_l) as idle_fuel_l, sum(idle_cost) as idle_cost,
        sum(drive_s + idle_s + off_s + parked_s) as known_s,
        sum(drive_s + idle_s + off_s + parked_s + unknown_s) as observed_s,
        sum(distance_m) as distance_m, coalesce(sum(distance_m) filter (fuel_used_l is not null), 0)
            as metered_distance_m,
        sum(fuel_used_l) as fuel_used_l
    from marts.vehicle_days group by all
), routes as (
    select tenant_id, service_date,
        count(*) as routes_run, count(planned_exit_utc) as routes_planned,
        count(distinct vehicle_id) as vehicles_dispatched,
        sum(stop_count) as stop_count, sum(completed_stop_count) as completed_stop_count,
        sum(planned_stop_count) as planned_stop_count,
        count(*) filter (on_time_start) as on_time_starts, count(on_time_start) as starts_with_plan,
        sum(route_time_s) as route_time_s, sum(planned_route_time_s) as planned_route_time_s
    from marts.route_days group by all
)
select *, if(tenant_id = 'dax7', 26, 0) as vehicles_on_books, if(tenant_id = 'dax7', 2, 0) as vehicles_out_of_service,
    vehicles_on_books - vehicles_out_of_service as vehicles_available,
    if(tenant_id = 'dax7', vehicles_dispatched, 0) as available_dispatched, available_dispatched as books_dispatched,
    available_dispatched / nullif(vehicles_available, 0) as asset_utilization,
    idle_s / nullif(engine_on_s, 0) as idle_share, known_s / observed_s as coverage,
    on_time_starts / nullif(starts_with_plan, 0) as on_time_start_share,
    route_time_s / planned_route_time_s as route_utilization,
    idle_fuel_l / 3.785411784 * 8.887 as idle_co2_kg, fuel_used_l / 3.785411784 * 8.887 as co2_kg,
    if(tenant_id = 'dax7', 23, 60) as peak_concurrent_vehicles, if(tenant_id = 'dax7', 'USD', null) as currency
from vans join routes using (tenant_id, service_date)
"""

# The weeks before had less idling: 25.6 % in the median.
EARLIER_DAY = """
insert into marts.fleet_days by name
select * replace (
    service_date - 7 * $week::integer as service_date,
    engine_on_s * (0.246 + 0.004 * $week) as idle_s,
    0.246 + 0.004 * $week as idle_share,
    (idle_cost::double * 0.8)::decimal(18, 4) as idle_cost,
    fuel_used_l * 0.97 as fuel_used_l,
    on_time_starts - 1 as on_time_starts
)
from marts.fleet_days
where service_date = date '2026-02-26' and tenant_id = 'dax7'
"""

HEALTH = """
insert into marts.data_health by name
select tenant_id, service_date, vehicle_id, 4000 as received_count, 3950 as accepted_count,
    50 as duplicate_count, 0 as conflict_count, if(vehicle_id = 'V07', 41, 0) as rejected_count,
    if(vehicle_id = 'V07', '{"fix_in_the_future": 38, "no_usable_point": 3}', '{}')::json as rejected_by_rule,
    2 as low_quality_count, 1 as jump_count, coverage, 10 as median_interval_s,
    if(vehicle_id = 'V07', 40, 4) as median_delay_s, if(vehicle_id = 'V07', 11400, 12) as p95_delay_s,
    if(unknown_s > 0, 11400, 118) as longest_gap_s, vehicle_id <> '2007' as is_registered,
    []::varchar[] as quality_flags
from marts.vehicle_days
"""
