"""What happened to one tenant in one week, as far as the published copy knows?

Weeks are those of `marts.fleet_weeks`: they begin on the weekday of the tenant's file. All is read over one connection,
so that a copy swapped in meanwhile cannot mix two states of knowledge.
"""

from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import cast

import duckdb
import polars as pl

from flows.report.data import MIN_COVERAGE, NothingToReport, Reader, timezone_of
from flows.report.rendered import Period, week_period
from flows.report.rows import Depot
from flows.report.weekly.rows import (
    FuelFlags,
    FuelPrice,
    IdleContext,
    IdleJurisdiction,
    RouteDay,
    RouteWeek,
    SilentVehicle,
    VehicleHour,
    VehicleWeek,
    Week,
    WeekHealth,
    WeeklyData,
    Window,
)
from warehouse.connection import open_database, sql


class NothingThatWeek(NothingToReport):
    """The published copy holds nothing for this tenant and week."""

    def __init__(self, tenant_id: str, period: Period, last_date: date | None) -> None:
        super().__init__(tenant_id, period.first, last_date)
        hint = f"the newest day before it is {last_date}" if last_date else "nor for any day before it"
        self.args = (f"nothing is published for {tenant_id} from {period.first} to {period.last}, {hint}",)


def read_week(published: Path, tenant_id: str, period: Period, *, min_coverage: float = MIN_COVERAGE) -> WeeklyData:
    """Read the tenant's whole week that ended last, up to the end of a period; raises `NothingToReport` without one."""
    with open_database(published, read_only=True) as connection:
        return read_week_from(connection, tenant_id, period, min_coverage=min_coverage)


def read_week_from(
    connection: duckdb.DuckDBPyConnection, tenant_id: str, period: Period, *, min_coverage: float = MIN_COVERAGE
) -> WeeklyData:
    """Read it over a connection to a published copy."""
    week = _week_of(connection, tenant_id, period)
    asked = {"tenant_id": tenant_id, "first": week.first, "min_coverage": min_coverage}
    reader = Reader(connection, asked, folder="sql/weekly")
    weeks = reader.rows("weeks", Week)
    if not weeks or weeks[0].date_from != week.first:
        raise NothingThatWeek(tenant_id, week, reader.values("last_date")[0])
    _name_price_regions(connection)
    depots = reader.rows("depots", Depot)
    return WeeklyData(
        tenant_id=tenant_id,
        period=week,
        timezone=timezone_of(depots, reader.values("timezones")),
        min_coverage=min_coverage,
        week=weeks[0],
        before=weeks[1:],
        depots=depots,
        vehicles=reader.rows("vehicles", VehicleWeek),
        hours=reader.rows("hours", VehicleHour),
        window=next(iter(reader.rows("windows", Window)), None),
        route_days=reader.rows("route_days", RouteDay),
        routes=reader.rows("routes", RouteWeek),
        contexts=reader.rows("idle_contexts", IdleContext),
        jurisdictions=reader.rows("jurisdictions", IdleJurisdiction),
        legal_event_count=reader.values("legal_events")[0],
        flags=reader.rows("fuel_flags", FuelFlags),
        prices=reader.rows("fuel_prices", FuelPrice),
        health=reader.rows("health", WeekHealth)[0],
        silent=reader.rows("silent_vehicles", SilentVehicle),
    )


def _week_of(connection: duckdb.DuckDBPyConnection, tenant_id: str, period: Period) -> Period:
    """Return the tenant's last whole week that ended by the end of the period: itself where their weeks begin alike."""
    reader = Reader(connection, {"tenant_id": tenant_id, "last": period.last}, folder="sql/weekly")
    first = cast("date", reader.values("week")[0])
    return week_period(first, first.isoweekday())


def _name_price_regions(connection: duckdb.DuckDBPyConnection) -> None:
    """Define which regions' prices may stand for a state, nearest first, as for the rule about dear fuel."""
    connection.register("price_regions", pl.read_csv(str(files("warehouse") / "price_regions.csv")))
    connection.execute(f"create or replace temp table fuel_price_regions as {sql('fuel_rules/regions.sql')}")
    connection.unregister("price_regions")
