"""Which rows of an imported file are under a tombstone, and what may be taken of them?

Files of last year are imported again: a driver who was erased must not come back with them, nor a van with its
registration. Hours and scans of other days, and an assignment before and after an erased period, are taken.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from ingest.tombstones import Tombstones


def allowed_rows(name: str, rows: pl.DataFrame, tombstones: Tombstones) -> pl.DataFrame:
    """What may be taken of the rows of a dimension; the very same frame where that is all of it."""
    if not tombstones or "tenant_id" not in rows.columns:
        return rows
    before = rows.to_dicts()
    after = [allowed for row in before for allowed in _allowed(name, row, tombstones)]
    return rows if after == before else pl.DataFrame(after, schema=rows.schema, orient="row")


def _allowed(name: str, row: dict[str, Any], tombstones: Tombstones) -> Iterator[dict[str, Any]]:
    tenant_id, vehicle_id, day = row["tenant_id"], row.get("vehicle_id"), row.get("service_date")
    if name == "drivers":
        is_gone = any(tombstones.is_driver(tenant_id, row[column], None) for column in ("driver_id", "name"))
    elif name == "timeclock":
        is_gone = tombstones.is_driver(tenant_id, row["driver_id"], day)
    elif name == "deliveries":
        is_gone = tombstones.is_vehicle(tenant_id, vehicle_id, day)
    elif name == "vehicles":
        is_gone = _is_registration(tombstones, tenant_id, vehicle_id, row["valid_from"])
    elif name == "assignments":
        is_gone = _is_registration(tombstones, tenant_id, vehicle_id, row["from_utc"].date())
        if row["kind"] == "driver" and not is_gone:
            yield from _outside(row, tombstones.periods("driver", tenant_id, row["id"]))
            return
    else:
        is_gone = False
    if not is_gone:
        yield row


def _is_registration(tombstones: Tombstones, tenant_id: str, vehicle_id: str | None, starts: date | None) -> bool:
    """Whether it registers a van that was erased as a whole, and not one that came later under its name."""
    whole = tombstones.is_vehicle(tenant_id, vehicle_id, None)
    return whole and tombstones.is_vehicle(tenant_id, vehicle_id, starts or date.min)


def _outside(row: dict[str, Any], periods: list[tuple[date, date]]) -> Iterator[dict[str, Any]]:
    """The parts of an assignment outside of erased periods."""
    parts = [(row["from_utc"], row["to_utc"])]
    for first, last in periods:
        start = datetime.combine(first, time())
        end = datetime.max if last >= date.max else datetime.combine(last + timedelta(days=1), time())
        parts = [cut for low, high in parts for cut in ((low, min(high, start)), (max(low, end), high))]
        parts = [(low, high) for low, high in parts if low < high]
    for low, high in parts:
        yield row | {"from_utc": low, "to_utc": high}
