"""How long is which data of which tenant kept, and which rows of the warehouse are over it?

The defaults are in `retention.toml`; a tenant's own are imported into `core.retention`. Cut-offs are dates: what is of
an earlier service date goes. What a legal hold covers never does, and neither do the runs of a vehicle-date that could
be measured again: positions are thinned first, which freezes the date (`warehouse.frozen`).
"""

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import duckdb

RUNS = (
    *("core.ledger", "core.stops", "core.planned_stops", "core.place_guards"),
    *("marts.idle_events", "marts.stops", "marts.planned_stops", "marts.legal_idle_events"),
)
DAYS = (
    *("core.vehicle_dates", "core.route_phases", "core.refuels", "core.planned_routes", "core.plan_windows"),
    *("core.revisions", "core.deliveries", "marts.vehicle_days", "marts.route_days", "marts.idle_by_definition"),
    *("marts.data_health", "marts.status_days"),
)
OF_LINES = ("core.fuel_reviews", "core.fuel_flag_history")
LINE = "tenant_id, provider, provider_txn_id, item_no"
UNHELD = (
    "not exists (from held where held.tenant_id = {of}.tenant_id and held.vehicle_id = {of}.vehicle_id"
    " and {of}.service_date between held.from_date and held.to_date)"
)
FROZEN = (
    "from core.frozen_dates as frozen where frozen.tenant_id = rows.tenant_id and frozen.vehicle_id = rows.vehicle_id"
    " and frozen.service_date = rows.service_date"
)
GOING = FROZEN.replace("core.frozen_dates as frozen", "going as frozen")
OF_DRIVERS = (  # holds of drivers cover their hours as well
    "not exists (from core.holds as of_driver where of_driver.released_utc is null and of_driver.kind = 'driver'"
    " and of_driver.tenant_id = rows.tenant_id and of_driver.subject_id = rows.driver_id"
    " and rows.service_date >= coalesce(of_driver.from_date, rows.service_date)"
    " and rows.service_date <= coalesce(of_driver.to_date, rows.service_date))"
)

BUYER_UNHELD = OF_DRIVERS.replace("rows.driver_id", "coalesce(rows.driver_id, rows.driver_ref)")


class Kind(NamedTuple):
    """One kind of data: how long it is kept where a tenant says nothing else, and why."""

    data: str
    keep_days: int
    least_days: int
    what: str
    reason: str


class Due(NamedTuple):
    """What of one kind and tenant is over its time; `byte_count` null where it is not known."""

    data: str
    tenant_id: str
    before_date: date
    row_count: int
    byte_count: int | None
    held_count: int


@cache
def kinds() -> Mapping[str, Kind]:
    """The kinds of data there are, by name."""
    text = (files("warehouse") / "retention.toml").read_text(encoding="utf-8")
    return {
        data: Kind(data, found["keep_days"], found.get("least_days", 0), found["what"], found["reason"])
        for data, found in tomllib.loads(text).items()
    }


def set_cutoffs(connection: duckdb.DuckDBPyConnection, today: date) -> None:
    """Put the first date that each tenant keeps into the temporary `cutoffs`, and what is held into `held`.

    Runs stay as long as whole positions at least, sums as long as runs, thinned positions as long as whole ones.
    """
    connection.execute("create or replace temp table defaults (data varchar, keep_days integer)")
    connection.executemany(
        "insert into defaults values (?, ?)", [(kind.data, kind.keep_days) for kind in kinds().values()]
    )
    connection.execute(
        "create or replace temp table cutoffs as with asked as (select tenant_id, data,"
        " coalesce(own.keep_days, defaults.keep_days) as keep_days from (select tenant_id from core.devices"
        " union select tenant_id from core.vehicle_dates union select tenant_id from core.vehicles"
        " union select tenant_id from core.planned_routes union select tenant_id from core.fuel_lines"
        " union select tenant_id from core.timeclock union select tenant_id from core.retention) cross join defaults"
        " left join core.retention as own using (tenant_id, data)),"
        " positions as (select tenant_id, keep_days as whole_days from asked where data = 'positions'),"
        " runs as (select tenant_id, greatest(keep_days, whole_days) as run_days from asked join positions"
        " using (tenant_id) where data = 'runs')"
        " select tenant_id, data, ($today::date - case data"
        " when 'runs' then run_days when 'thinned_positions' then greatest(keep_days, whole_days)"
        " when 'days' then greatest(keep_days, run_days) else keep_days end)::date as before_date"
        " from asked join positions using (tenant_id) join runs using (tenant_id)",
        {"today": today},
    )
    connection.execute(
        "create or replace temp table held as select distinct tenant_id, vehicle_id, from_date, to_date"
        " from core.held_dates"
    )


def cutoff_dates(connection: duckdb.DuckDBPyConnection, data: str) -> dict[str, date]:
    """The first date that each tenant keeps of one kind."""
    return dict(
        connection.execute("select tenant_id, before_date from cutoffs where data = $data", {"data": data}).fetchall()
    )


def due_rows(connection: duckdb.DuckDBPyConnection) -> list[Due]:
    """What is over its time in the warehouse, as `delete_due` would delete it.

    Reads the temporary `going`: vehicle-dates that are frozen before that.
    """
    listed = []
    for data, tables in (("runs", RUNS), ("days", DAYS)):
        every = " union all ".join(f"select tenant_id, vehicle_id, service_date from {table}" for table in tables)
        chosen = (
            f"(select * from ({every}) as rows where exists ({FROZEN}) or exists ({GOING}))"
            if data == "runs"
            else f"({every})"
        )
        listed += _counted(connection, data, chosen)
    listed += _counted(connection, "fuel", "core.fuel_lines", unheld=f"{UNHELD.format(of='rows')} and {BUYER_UNHELD}")
    listed += _counted(connection, "timeclock", "core.timeclock", unheld=OF_DRIVERS)
    return [due for due in listed if due.row_count or due.held_count]


def delete_due(connection: duckdb.DuckDBPyConnection) -> None:
    """Delete what is over its time in core and marts; the lines of purchases that go stay in `expired_lines`."""
    for data, tables in (("runs", RUNS), ("days", DAYS)):
        for table in tables:
            connection.execute(
                f"delete from {table} as rows using cutoffs where cutoffs.tenant_id = rows.tenant_id"
                f" and data = '{data}' and rows.service_date < before_date and {UNHELD.format(of='rows')}"
                f" and (data = 'days' or exists ({FROZEN}))"
            )
    connection.execute(
        "update core.refuels as rows set latitude = null, longitude = null from cutoffs"
        " where cutoffs.tenant_id = rows.tenant_id and data = 'runs' and rows.service_date < before_date"
        f" and rows.latitude is not null and {UNHELD.format(of='rows')}"
    )
    connection.execute(
        "update core.vehicle_dates as rows set last_latitude = null, last_longitude = null from cutoffs"
        " where cutoffs.tenant_id = rows.tenant_id and data = 'runs' and rows.service_date < before_date"
        f" and rows.last_latitude is not null and {UNHELD.format(of='rows')}"
    )
    connection.execute(
        "delete from marts.fleet_days as rows using cutoffs where cutoffs.tenant_id = rows.tenant_id and data = 'days'"
        " and rows.service_date < before_date and not exists (from marts.vehicle_days as days"
        " where days.tenant_id = rows.tenant_id and days.service_date = rows.service_date)"
    )
    connection.execute(
        "delete from core.timeclock as rows using cutoffs where cutoffs.tenant_id = rows.tenant_id"
        f" and data = 'timeclock' and rows.service_date < before_date and {OF_DRIVERS}"
    )
    connection.execute(
        f"create or replace temp table expired_lines as select distinct {LINE} from core.fuel_lines as rows"
        " join cutoffs using (tenant_id) where data = 'fuel' and rows.service_date < before_date"
        f" and {UNHELD.format(of='rows')} and {BUYER_UNHELD}"
    )
    for table in OF_LINES:
        connection.execute(f"delete from {table} where ({LINE}) in (select ({LINE}) from expired_lines)")


def cut_driver_links(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget who drove the vans of thinned dates: in plans, in route days and in assignments that ended before."""
    for table in ("core.planned_routes", "marts.route_days"):
        connection.execute(
            f"update {table} as rows set driver_id = null from core.frozen_dates as frozen where why = 'thinned'"
            " and frozen.tenant_id = rows.tenant_id and frozen.vehicle_id = rows.vehicle_id"
            " and frozen.service_date = rows.service_date and rows.driver_id is not null"
            f" and {UNHELD.format(of='rows')}"
        )
    connection.execute(
        "delete from core.assignments as rows using cutoffs where cutoffs.tenant_id = rows.tenant_id"
        " and data = 'positions' and rows.kind = 'driver' and rows.to_utc < before_date and not exists (from held"
        " where held.tenant_id = rows.tenant_id and held.vehicle_id = rows.vehicle_id"
        " and held.from_date <= rows.to_utc::date and held.to_date >= rows.from_utc::date - 1)"
    )


def _counted(
    connection: duckdb.DuckDBPyConnection, data: str, rows: str, unheld: str = UNHELD.format(of="rows")
) -> list[Due]:
    found = connection.execute(
        f"select tenant_id, before_date, count(*) filter ({unheld}), count(*) filter (not ({unheld}))"
        f" from {rows} as rows join cutoffs using (tenant_id)"
        f" where data = '{data}' and rows.service_date < before_date group by all"
    ).fetchall()
    return [Due(data, tenant, before, count, None, held) for tenant, before, count, held in found]
