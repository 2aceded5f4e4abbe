"""Which number of a mart is meant? One row is to be found by what was said of it, or what else to say is named."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date
from typing import NamedTuple
from zoneinfo import ZoneInfo

import duckdb

from flows.explaining import NothingToExplain, Row, rows_of
from warehouse.lineage import Lineage, listed_lineage

STARTS = ("started_utc", "arrived_utc")
_SHOWN_CHOICES = 12


class Asked(NamedTuple):
    """Which number is meant; what is None may be anything. `at` is a local time of day, `10:05` or `10:05:30`."""

    table: str
    column: str
    tenant: str | None = None
    day: date | None = None
    vehicle: str | None = None
    route: str | None = None
    definition: str | None = None
    txn: str | None = None
    at: str | None = None


def lineage_of(published: duckdb.DuckDBPyConnection, asked: Asked) -> Lineage:
    """Where the numbers of that mart come from; raise NothingToExplain where there is no such number."""
    lineage = listed_lineage().get(asked.table)
    if lineage is None:
        raise NothingToExplain(f"no mart {asked.table}; there are {', '.join(sorted(listed_lineage()))}")
    known = [row["column_name"] for row in rows_of(
        published, "select column_name from marts.lineage where table_name = $table order by"
        " levenshtein(column_name, $column), column_name", table=asked.table, column=asked.column,
    )]  # fmt: skip
    if asked.column not in known:
        near = ", ".join(known[:_SHOWN_CHOICES])
        raise NothingToExplain(f"no number {asked.column} in {asked.table}; there are {near or 'none'}")
    return lineage


def row_of(published: duckdb.DuckDBPyConnection, lineage: Lineage, asked: Asked) -> tuple[Row, ZoneInfo]:
    """The one row that is meant, and the zone of its clock; raise NothingToExplain, naming what to choose by."""
    columns = published.sql(f"from marts.{asked.table} limit 0").columns
    given = {
        "tenant_id": ("--tenant", asked.tenant),
        "to_date" if "to_date" in columns else "service_date": ("--date", asked.day),
        "vehicle_id": ("--vehicle", asked.vehicle),
        "route_id": ("--route", asked.route),
        "definition_id": ("--definition", asked.definition),
        "provider_txn_id": ("--txn", asked.txn),
    }
    wanted = {name: value for name, (_, value) in given.items() if value is not None}
    if strange := [option for name, (option, value) in given.items() if value is not None and name not in columns]:
        raise NothingToExplain(f"{asked.table} is not by {strange[0].strip('-')}: leave out {strange[0]}")
    where = " and ".join([f"{name} = ${name}" for name in wanted] or ["true"])
    rows = rows_of(published, f"from marts.{asked.table} where {where} order by all limit 5000", **wanted)
    if not rows:
        newest = "to_date" if "to_date" in columns else "service_date" if "service_date" in columns else None
        hint = ""
        if newest is not None:
            there = rows_of(published, f"select max({newest}) as newest from marts.{asked.table}")[0]["newest"]
            hint = f"; the newest date there is {there}" if there else "; it is empty"
        said = ", ".join(f"{name} {value}" for name, value in wanted.items())
        raise NothingToExplain(f"no row of {asked.table} with {said}{hint}")
    zone = _zone(published, rows[0])
    if asked.at is not None:
        began = [row for row in rows if _clock(row, zone).startswith(asked.at)]
        if not began:
            times = list(dict.fromkeys(_clock(row, zone) for row in rows))
            more = f" and {len(times) - _SHOWN_CHOICES} more" if len(times) > _SHOWN_CHOICES else ""
            raise NothingToExplain(f"nothing began at {asked.at}, but at {', '.join(times[:_SHOWN_CHOICES])}{more}")
        rows = began
    if len(rows) != 1:
        raise NothingToExplain(_choices(lineage, rows, zone, wanted))
    return rows[0], zone


def _choices(lineage: Lineage, rows: Sequence[Row], zone: ZoneInfo, wanted: Mapping[str, object]) -> str:
    options = {"tenant_id": "--tenant", "service_date": "--date", "to_date": "--date", "vehicle_id": "--vehicle"}
    options |= {"route_id": "--route", "definition_id": "--definition", "provider_txn_id": "--txn"}
    options |= dict.fromkeys(STARTS, "--at")
    for name in lineage.key:
        values = list(dict.fromkeys(_clock(row, zone) if name in STARTS else str(row[name]) for row in rows))
        if len(values) > 1 and name not in wanted and name in options:
            more = f" and {len(values) - _SHOWN_CHOICES} more" if len(values) > _SHOWN_CHOICES else ""
            return f"{len(rows)} rows: choose one with {options[name]}: {', '.join(values[:_SHOWN_CHOICES])}{more}"
    return f"{len(rows)} rows of the same key"


def _clock(row: Row, zone: ZoneInfo) -> str:
    started = next((row[name] for name in STARTS if row.get(name) is not None), None)
    return "" if started is None else started.replace(tzinfo=UTC).astimezone(zone).strftime("%H:%M:%S")


def _zone(published: duckdb.DuckDBPyConnection, row: Row) -> ZoneInfo:
    zones = rows_of(
        published,
        "select timezone from core.vehicle_dates where tenant_id = $tenant"
        " and vehicle_id = coalesce($vehicle, vehicle_id)"
        " order by service_date != $day, service_date desc, vehicle_id limit 1",
        tenant=row.get("tenant_id"),
        vehicle=row.get("vehicle_id"),
        day=row.get("service_date") or row.get("to_date"),
    )
    return ZoneInfo(zones[0]["timezone"] if zones else "UTC")
