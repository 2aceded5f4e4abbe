"""What is left of a backfill: a range of service dates to measure anew?

A backfill is a row of `core.backfills`. What of it is done is never noted: it is what `core.loads` says was rebuilt for
it since it began. So one that was cut short goes on where it was, whatever cut it.
"""

from datetime import date, datetime
from typing import NamedTuple

import duckdb

from warehouse.connection import sql, transaction
from warehouse.frozen import FrozenDate, close_frozen, frozen_dates
from warehouse.lake import resolved
from warehouse.work import NO_SEGMENT, WHOLE, reopen_dated

REASON = "backfill"
# A service date holds fixes of other UTC dates, as far off as a chunk looks for them (work/chunk_positions.sql).
DAYS_BEFORE, DAYS_AFTER = 2, 3


class Range(NamedTuple):
    """The service dates from `first` to `last`, both included, of one tenant or (None) of each."""

    first: date
    last: date
    tenant: str | None = None

    @property
    def _parameters(self) -> dict[str, object]:
        return {"first": self.first, "last": self.last, "tenant": self.tenant}

    def has(self, frozen: FrozenDate) -> bool:
        """Whether a vehicle-date is of it."""
        return self.first <= frozen.service_date <= self.last and self.tenant in (None, frozen.tenant_id)


class Backfill(NamedTuple):
    """One backfill that has not ended."""

    backfill_id: int
    asked: Range
    began_utc: datetime


class DateToDo(NamedTuple):
    """One service date of one tenant, how many vans it has, and whether the backfill measured it already."""

    service_date: date
    tenant_id: str
    vehicle_count: int
    is_done: bool


def unfinished(connection: duckdb.DuckDBPyConnection, asked: Range, code_version: str) -> Backfill | None:
    """Return the newest backfill of the same range, begun by the same version, that has not ended."""
    rows = connection.execute(
        "select backfill_id, began_utc from core.backfills where from_date = $first and to_date = $last"
        " and only_tenant is not distinct from $tenant and code_version = $code and ended_utc is null"
        " order by backfill_id desc limit 1",
        {**asked._parameters, "code": code_version},
    ).fetchall()
    return Backfill(rows[0][0], asked, rows[0][1]) if rows else None


def begin(connection: duckdb.DuckDBPyConnection, asked: Range, code_version: str) -> Backfill:
    """Note a new one."""
    with transaction(connection):
        connection.execute(
            "insert into core.backfills select coalesce(max(backfill_id), 0) + 1, $first, $last, $tenant, $code,"
            " now()::timestamp, null from core.backfills",
            {**asked._parameters, "code": code_version},
        )
    begun = unfinished(connection, asked, code_version)
    assert begun is not None
    return begun


def end(connection: duckdb.DuckDBPyConnection, backfill: Backfill) -> None:
    """Note that every date of it was tried; earlier ones of the same range that were cut short are over with it."""
    connection.execute(
        "update core.backfills set ended_utc = now()::timestamp where ended_utc is null and backfill_id <= $id"
        " and from_date = $first and to_date = $last and only_tenant is not distinct from $tenant",
        {**backfill.asked._parameters, "id": backfill.backfill_id},
    )


def dates_to_do(
    connection: duckdb.DuckDBPyConnection, asked: Range, timezone: str, began_utc: datetime | None
) -> list[DateToDo]:
    """Return the dates of a range that lake or warehouse know, oldest first, with what was done since `began_utc`.

    Those of which nothing is left to measure, because all of it is frozen, are not among them.
    """
    _see_positions(connection, asked.first, asked.last)
    rows = connection.execute(
        sql("work/dates_to_do.sql").replace("{resolved}", resolved("near_positions", timezone)),
        {**asked._parameters, "reason": REASON, "began_utc": began_utc},
    ).fetchall()
    return [DateToDo(*row) for row in rows]


def frozen_of(connection: duckdb.DuckDBPyConnection, asked: Range) -> list[FrozenDate]:
    """Return the vehicle-dates of a range that are never measured again."""
    return [found for found in frozen_dates(connection) if asked.has(found)]


def reopen_date(connection: duckdb.DuckDBPyConnection, day: date, tenants: list[str], timezone: str) -> None:
    """Note every vehicle-date of one service date of these tenants as to be rebuilt, but for those that are frozen."""
    _see_positions(connection, day, day)
    with transaction(connection):
        connection.execute(
            sql("work/new_vehicle_dates.sql")
            .replace("{source}", "near_positions")
            .replace("{reason}", REASON)
            .replace("{resolved}", _of(day, tenants, resolved("near_positions", timezone)))
        )
        reopen_dated(connection, f"({_of(day, tenants, 'from core.vehicle_dates')})", REASON)
        close_frozen(connection)


def _of(day: date, tenants: list[str], rows: str) -> str:
    named = ", ".join("'" + tenant.replace("'", "''") + "'" for tenant in tenants)
    return f"select * from ({rows}) where service_date = date '{day}' and tenant_id in ({named})"


def _see_positions(connection: duckdb.DuckDBPyConnection, first: date, last: date) -> None:
    """Make the view `near_positions`: those whose date of the fix lets them be of these service dates."""
    connection.execute(
        f"create or replace temp view near_positions as select tenant_id, device_id, {NO_SEGMENT}, at_utc"
        f" from staging.timed_positions where {WHOLE} and fix_date between date '{first}' - {DAYS_BEFORE}"
        f" and date '{last}' + {DAYS_AFTER}"
    )
