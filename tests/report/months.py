"""Marts of whole months, written by the query instead of row by row: what a report reads."""

from pathlib import Path

import duckdb

from tests.builders import settings_in
from tests.warehouse.core_rows import required_columns

DEFAULTS = {
    "VARCHAR": "''",
    "VARCHAR[]": "[]::varchar[]",
    "BOOLEAN": "false",
    "TIMESTAMP": "timestamp '2026-01-01'",
    "JSON": "'{}'",
}


def empty_copy(folder: Path) -> Path:
    """A file with all tables, views and macros of a published copy, and no row."""
    return settings_in(folder).warehouse_path


def fill(copy: duckdb.DuckDBPyConnection, table: str, select: str) -> None:
    """Insert the rows of a select by name; required columns that it does not have are empty or 0."""
    given = {row[0] for row in copy.execute(f"describe {select}").fetchall()}
    required = required_columns(table).items()
    more = "".join(f", {DEFAULTS.get(kind, '0')} as {column}" for column, kind in required if column not in given)
    copy.execute(f"insert into {table} by name select *{more} from ({select})")


def fleet(
    copy: duckdb.DuckDBPyConnection,
    tenant_id: str,
    first: str,
    last: str,
    *,
    vans: int = 3,
    wage: float = 200.0,
    is_priced: bool = True,
    has_engine: bool = True,
    has_routes: bool = True,
    has_fuel: bool = True,
    coverage: float = 1.0,
) -> None:
    """Every van on its route every day: 100 km and 180 stops in nine hours, 12 litres, 30 % of the engine's time idle.

    The last of them has no wage, so its route has no cost; the first rests on Sundays.
    """
    states = "20160.0 as drive_s, 8640.0 as idle_s, 28800.0 as engine_on_s, 3600.0 as off_s, 0.0 as parked_s"
    if not has_engine:
        states = "20160.0 as drive_s, 0.0 as idle_s, 20160.0 as engine_on_s, 0.0 as off_s, 12240.0 as parked_s"
    fuel = "12.0 as fuel_used_l, 100000.0 as fuel_distance_m, 'counter' as fuel_used_source, 32.0 as co2_kg"
    common = f"""
        {states},
        32400.0 as known_s,
        32400.0 / {coverage} as observed_s,
        {coverage} as coverage,
        {"0.3" if has_engine else "null::double"} as idle_share,
        100000.0 as distance_m,
        {fuel if has_fuel else "null::double as fuel_used_l, 'none' as fuel_used_source"},
        'USD' as currency
    """
    vans_of = f"""
        select '{tenant_id}' as tenant_id, day::date as service_date, 'V' || lpad(van::varchar, 3, '0') as vehicle_id,
            van, 'DAX7' as depot_id, van > 1 or dayofweek(day) != 0 as is_out
        from range(date '{first}', date '{last}' + 1, interval 1 day) as days(day), range(1, {vans} + 1) as fleet(van)
    """
    copy.execute(f"create or replace temp table van_dates as {vans_of}")
    fill(
        copy, "marts.vehicle_days",
        "select tenant_id, service_date, vehicle_id, depot_id, service_date + interval 22 hour as last_fix_utc,"
        f" 'gasoline' as fuel_type, 0.9 as idle_fuel_l,"
        f" {'3.0' if has_engine else 'null'}::decimal(18, 4) as idle_cost, {common} from van_dates where is_out",
    )  # fmt: skip
    fill(
        copy, "marts.status_days",
        "select tenant_id, service_date, vehicle_id, depot_id, true as is_on_books, true as is_available,"
        f" is_out and {has_routes} as is_dispatched, 'active' as fleet_status from van_dates",
    )  # fmt: skip
    if has_routes:
        wages = f"case when van < {vans} and {is_priced} then {wage}::decimal(18, 4) end"
        fill(
            copy, "marts.route_days",
            f"""select *, fuel_cost + wage_cost + fixed_cost as cost from (
                select tenant_id, service_date, 'R' || lpad((200 + van)::varchar, 3, '0') as route_id, vehicle_id,
                    depot_id, 'primary' as role, 180 as stop_count, 180 as counted_stop_count, 30600.0 as route_time_s,
                    32400.0 as planned_route_time_s, 27000.0 as on_route_s, 'estimated' as paid_source,
                    {"15.0" if has_fuel else "null"}::decimal(18, 4) as fuel_cost, {wages} as wage_cost,
                    60::decimal(18, 4) as fixed_cost, {common}
                from van_dates where is_out)""",
        )  # fmt: skip
    fill(
        copy, "marts.fleet_days",
        f"""select tenant_id, service_date, count(*) as vehicles_available,
            count(*) filter (is_out and {has_routes}) as dispatched_days, count(*) as available_days,
            count(*) filter (is_out) as vehicles_heard, {vans} as peak_concurrent_vehicles, 'USD' as currency,
            coalesce(any_value(routes.routes_run), 0) as routes_run,
            coalesce(any_value(routes.routes_run), 0) as routes_planned,
            coalesce(any_value(routes.stop_count), 0) as stop_count,
            any_value(columns(vans.* exclude (tenant_id, service_date))),
            any_value(columns(routes.* exclude (tenant_id, service_date, routes_run, stop_count)))
        from van_dates
        left join (
            select tenant_id, service_date, sum(drive_s) as drive_s, sum(idle_s) as idle_s,
                sum(engine_on_s) as engine_on_s, sum(engine_on_s) as idle_engine_on_s, sum(off_s) as off_s,
                sum(parked_s) as parked_s, sum(known_s) as known_s, sum(observed_s) as observed_s,
                sum(distance_m) as distance_m, sum(idle_cost) as idle_cost, sum(co2_kg) as co2_kg,
                sum(distance_m) filter (co2_kg is not null) as co2_distance_m, sum(fuel_used_l) as counter_fuel_l,
                sum(distance_m) filter (fuel_used_l is not null) as counter_distance_m,
                case when sum(co2_kg) > 0 then 'EPA tailpipe 8.887/10.180' end as co2_factor_set
            from marts.vehicle_days group by all
        ) as vans using (tenant_id, service_date)
        left join (
            select tenant_id, service_date, count(*) as routes_run, sum(route_time_s) as route_time_s,
                sum(planned_route_time_s) as planned_route_time_s, sum(cost) as cost, sum(cost) as counted_cost,
                sum(counted_stop_count) filter (cost is not null)::bigint as costed_stop_count,
                sum(distance_m) filter (cost is not null) as costed_distance_m, sum(fuel_cost) as fuel_cost,
                sum(distance_m) filter (fuel_cost is not null) as fuel_costed_distance_m, sum(stop_count) as stop_count
            from marts.route_days group by all
        ) as routes using (tenant_id, service_date)
        group by all
        having count(*) filter (is_out) > 0""",
    )  # fmt: skip
    fill(
        copy, "marts.data_health",
        "select tenant_id, service_date, vehicle_id, 3240 as received_count, 3240 as accepted_count,"
        f" {coverage} as coverage, true as is_registered from van_dates where is_out",
    )  # fmt: skip
