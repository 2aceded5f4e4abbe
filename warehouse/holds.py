"""What may not be deleted, because somebody may need it as evidence?

`core.holds` is a copy of what the register of the data directory says; whoever read the register hands its holds in.
A hold of a driver covers the vehicle-dates the driver drove as far as they are known when it is asked, not when it was
placed. Where a hold cannot be told to the day it covers a day too many, never one too few.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import duckdb

from warehouse.connection import transaction


class Hold(NamedTuple):
    """One row of core.holds; `kind` is vehicle or driver, `to_date` inclusive, null: open."""

    hold_id: str
    tenant_id: str
    kind: str
    subject_id: str
    from_date: date | None
    to_date: date | None
    reason: str
    placed_by: str
    placed_utc: datetime
    released_by: str | None
    released_utc: datetime | None


class HeldDates(NamedTuple):
    """Service dates of a van that a hold covers, both inclusive."""

    hold_id: str
    from_date: date
    to_date: date


def replace_holds(connection: duckdb.DuckDBPyConnection, holds: Sequence[Hold]) -> None:
    """Make core.holds say this; nothing is written where it says so already."""
    known = connection.execute("from core.holds order by placed_utc, hold_id").fetchall()
    told = sorted(holds, key=lambda hold: (hold.placed_utc, hold.hold_id))
    if known == [tuple(hold) for hold in told]:
        return
    with transaction(connection):
        connection.execute("delete from core.holds")
        if told:
            connection.executemany(f"insert into core.holds values ({', '.join('?' * len(Hold._fields))})", told)


def held_dates(connection: duckdb.DuckDBPyConnection, tenant_id: str, vehicle_id: str) -> list[HeldDates]:
    """The dates of a van that no expiry and no erasure may touch, in the order they begin."""
    rows = connection.execute(
        "select hold_id, from_date, to_date from core.held_dates"
        " where tenant_id = $tenant and vehicle_id = $vehicle order by from_date, to_date, hold_id",
        {"tenant": tenant_id, "vehicle": vehicle_id},
    ).fetchall()
    return [HeldDates(*row) for row in rows]
