"""What happened to one tenant on one service date, as far as the published copy knows?

The only module of the reports that speaks SQL; the queries are the files in `sql/`. All are read over one
connection, so that a copy swapped in meanwhile cannot mix two days' states of knowledge.
"""

from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import numpy as np

from flows.report.rows import (
    DailyData,
    Depot,
    FleetDay,
    FuelException,
    FuelTotals,
    Health,
    IdleContext,
    Ledger,
    MissedRoute,
    Reject,
    RouteDay,
    SilentVehicle,
    VehicleDay,
)
from warehouse.connection import open_database

MIN_COVERAGE = 0.80  # K22, docs/definitions.md
# More rows than this cannot be told apart in a picture 600 pixels wide.
TIMELINE_VEHICLES = 40
# The zone of the settings is not known here; a tenant without depots still has the zone its dates were taken in.
LAST_RESORT_TIMEZONE = "UTC"

Row = TypeVar("Row")


class NothingToReport(Exception):
    """The published copy holds nothing for this tenant and date."""

    def __init__(
        self, tenant_id: str, service_date: date, last_date: date | None, held_back_by: str | None = None
    ) -> None:
        """`last_date` is the newest earlier date with data, `held_back_by` the checks it failed; None without."""
        hint = f"the newest day before it is {last_date}" if last_date else "nor for any day before it"
        why = f", it is held back by {held_back_by}" if held_back_by else ""
        super().__init__(f"nothing is published for {tenant_id} on {service_date}{why}, {hint}")
        self.tenant_id = tenant_id
        self.service_date = service_date
        self.last_date = last_date


def read_day(published: Path, tenant_id: str, service_date: date, *, min_coverage: float = MIN_COVERAGE) -> DailyData:
    """Read one day of one tenant; raises `NothingToReport` for a day that is not there."""
    with open_database(published, read_only=True) as connection:
        asked = {"tenant_id": tenant_id, "service_date": service_date, "min_coverage": min_coverage}
        reader = Reader(connection, {**asked, "most": TIMELINE_VEHICLES})
        fleet_days = reader.rows("fleet_days", FleetDay)
        if not fleet_days or fleet_days[0].service_date != service_date:
            raise NothingToReport(tenant_id, service_date, reader.values("last_day")[0], reader.values("held_back")[0])
        depots = reader.rows("depots", Depot)
        return DailyData(
            tenant_id=tenant_id,
            service_date=service_date,
            timezone=timezone_of(depots, reader.values("timezones")),
            min_coverage=min_coverage,
            fleet=fleet_days[0],
            history=fleet_days[1:],
            depots=depots,
            routes=reader.rows("route_days", RouteDay),
            missed=reader.rows("missed_routes", MissedRoute),
            vehicles=reader.rows("vehicle_days", VehicleDay),
            idle_contexts=reader.rows("idle_contexts", IdleContext),
            silent=reader.rows("silent_vehicles", SilentVehicle),
            fuel=reader.rows("fuel_totals", FuelTotals)[0],
            exceptions=reader.rows("fuel_exceptions", FuelException),
            health=reader.rows("health", Health)[0],
            rejects=reader.rows("rejects", Reject),
            ledger=reader.ledger(),
        )


class Reader:
    """Runs the queries of a folder with the same parameters, each with those that are in it."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, parameters: dict[str, object], folder: str = "sql"
    ) -> None:
        self.connection = connection
        self.parameters = parameters
        self.folder = files("flows.report").joinpath(folder)

    def rows(self, query: str, kind: type[Row]) -> list[Row]:
        """Return the rows of a query as `kind`, columns matched by name."""
        found = self._found(query)
        names = [column[0] for column in found.description or []]
        return [kind(**dict(zip(names, map(_aware, row), strict=True))) for row in found.fetchall()]

    def values(self, query: str) -> list[Any]:
        """Return the first column of a query."""
        return [row[0] for row in self._found(query).fetchall()]

    def ledger(self) -> Ledger:
        """Return the runs of the vans in the timeline as arrays: a day of a fleet has tens of thousands."""
        columns = self._found("ledger").fetchnumpy()
        return Ledger(
            np.asarray(columns["place"], dtype=np.int64),
            np.asarray(columns["state"], dtype=object),
            np.asarray(columns["started_us"], dtype=np.int64),
            np.asarray(columns["ended_us"], dtype=np.int64),
        )

    def _found(self, query: str) -> duckdb.DuckDBPyConnection:
        """Run a query; DuckDB refuses a parameter that is not in it."""
        text = self.folder.joinpath(f"{query}.sql").read_text(encoding="utf-8")
        used = {name: value for name, value in self.parameters.items() if f"${name}" in text}
        return self.connection.execute(text, used)


def _aware(value: Any) -> Any:
    """Return an instant as aware, any other value as it is: the columns hold UTC without saying so."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def timezone_of(depots: list[Depot], measured: list[str]) -> str:
    """Return the zone of the depot with most vans, else the one the dates were taken in."""
    known = [depot.timezone for depot in depots if depot.timezone] + measured
    return known[0] if known else LAST_RESORT_TIMEZONE
