"""What of decoded rows is under a tombstone, and what is left of them?

The same rules for rows on their way into the lake and for rows that are there: positions, events and rejects of an
erased device and time go; a planned route loses its driver, or goes with its van; a purchase keeps what was bought and
loses who and where. What is dropped on its way leaves a reject `erased`, without payload and without the device.
"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa

from ingest.columns import REJECTS
from ingest.decode import Decoded
from ingest.tombstones import Tombstones

PLACE_OF_PURCHASE = (
    *("site_id", "site_name", "address", "city", "postcode"),
    *("site_latitude", "site_longitude", "geo_quality"),
)
SAID_OF_PURCHASE = (*PLACE_OF_PURCHASE, "driver_ref", "extra")
_TIME_KEYS = ("ts", "timestamp", "tst", "time")


def without_erased(decoded: Decoded, tombstones: Tombstones) -> Decoded:
    """Take out what must not come into the lake; count it in rejects."""
    if not tombstones:
        return decoded
    kept = {name: kept_rows(name, getattr(decoded, name), tombstones) for name in Decoded._fields}
    gone = [
        _reject_of(row, name)
        for name in ("positions", "events")
        if kept[name].num_rows != getattr(decoded, name).num_rows
        for row in _missing(getattr(decoded, name), kept[name])
    ]
    if gone:
        kept["rejects"] = pa.concat_tables([kept["rejects"], pa.Table.from_pylist(gone, schema=REJECTS.schema)])
    return Decoded(**kept)


def kept_rows(name: str, rows: pa.Table, tombstones: Tombstones) -> pa.Table:
    """What may be kept of rows of this table of the lake; the very same table where that is all of it."""
    return _RULES[name](rows, tombstones)


def mentions(document: Any, tenant_id: str, tombstones: Tombstones) -> bool:
    """Whether a text anywhere in a document is the id or the name of an erased driver, whatever the day."""
    texts = {text for text in _texts(document) if 0 < len(text) <= 200}
    digests = {tombstones.digest("driver", tenant_id, text) for text in texts}
    return any(
        stone.kind == "driver" and stone.tenant_id == tenant_id and stone.subjects & digests
        for stone in tombstones.stones
    )


def json_of(payload: bytes | None) -> Any:
    """The document of a payload; None where it is not JSON."""
    try:
        return None if payload is None else msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _positions(rows: pa.Table, tombstones: Tombstones) -> pa.Table:
    return _outside(rows, tombstones, "fix_ms", 1_000)


def _events(rows: pa.Table, tombstones: Tombstones) -> pa.Table:
    return _outside(rows, tombstones, "event_us", 1)


def _outside(rows: pa.Table, tombstones: Tombstones, time_column: str, unit_us: int) -> pa.Table:
    frame = pl.DataFrame(pl.from_arrow(rows.select(["tenant_id", "device_id", time_column])))
    is_erased = pl.lit(value=False)
    for tenant_id, device_id in frame.select("tenant_id", "device_id").unique().drop_nulls().iter_rows():
        for start, end in tombstones.ranges(tenant_id, device_id):
            at_us = pl.col(time_column) * unit_us
            is_erased |= (
                (pl.col("tenant_id") == tenant_id)
                & (pl.col("device_id") == device_id)
                & at_us.is_between(start, end - 1)
            )
    mask = frame.select(pl.repeat(value=False, n=pl.len()) | is_erased.fill_null(value=False)).to_series()
    return rows.filter((~mask).to_arrow()) if mask.any() else rows


def _rejects(rows: pa.Table, tombstones: Tombstones) -> pa.Table:
    """A reject belongs to when it was received, or to a time that its payload tells."""

    def is_kept(row: dict[str, Any]) -> bool:
        tenant_id, device_id = row["tenant_id"], row["device_id"]
        if tenant_id is None or row["reason"] == "erased":
            return True
        if device_id is not None and (ranges := tombstones.ranges(tenant_id, device_id)):
            times = [row["received_us"], *_times_us(json_of(row["payload"]))]
            return not any(start <= at_us < end for at_us in times for start, end in ranges)
        if device_id is None and tenant_id in tombstones.drivers_of:
            return not mentions(json_of(row["payload"]), tenant_id, tombstones)
        return True

    return _only(rows, is_kept)


def _plans(rows: pa.Table, tombstones: Tombstones) -> pa.Table:
    """Routes of an erased van go; those of an erased driver lose the driver and what was said beside."""

    def changed(row: dict[str, Any]) -> dict[str, Any] | None:
        tenant_id, day = row["tenant_id"], row["service_date"]
        if tombstones.is_vehicle(tenant_id, row["vehicle_id"], day):
            return None
        if tombstones.is_driver(tenant_id, row["driver_id"], day):
            return row | {"driver_id": None, "extra": None}
        return row

    return _changed(rows, changed)


def _purchases(rows: pa.Table, tombstones: Tombstones) -> pa.Table:
    return _changed(rows, lambda row: row | dict.fromkeys(said_of(row, tombstones)))


def said_of(row: dict[str, Any], tombstones: Tombstones) -> tuple[str, ...]:
    """The columns that a purchase may not keep."""
    tenant_id = row["tenant_id"]
    kinds = tombstones.of_purchase(tenant_id, row["provider"], row["provider_txn_id"])
    if "vehicle" in kinds:
        return (*SAID_OF_PURCHASE, "vehicle_ref")
    if kinds or tombstones.is_driver(tenant_id, row["driver_ref"], _date_of_purchase(row)):
        return SAID_OF_PURCHASE
    return ()


def _date_of_purchase(row: dict[str, Any]) -> date:
    """Its local date, as near as its own columns tell."""
    if row["ts_local"]:
        try:
            return date.fromisoformat(row["ts_local"][:10])
        except ValueError:
            pass
    us = row["received_us"] if row["purchased_us"] is None else row["purchased_us"]
    return row["posted_date"] or date.fromordinal(date(1970, 1, 1).toordinal() + us // 86_400_000_000)


_RULES: dict[str, Callable[[pa.Table, Tombstones], pa.Table]] = {
    "positions": _positions,
    "events": _events,
    "purchases": _purchases,
    "plans": _plans,
    "rejects": _rejects,
}


def _only(rows: pa.Table, is_kept: Callable[[dict[str, Any]], bool]) -> pa.Table:
    mask = [is_kept(row) for row in rows.to_pylist()]
    return rows if all(mask) else rows.filter(pa.array(mask, pa.bool_()))


def _changed(rows: pa.Table, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> pa.Table:
    before = rows.to_pylist()
    after = [change(row) for row in before]
    if after == before:
        return rows
    return pa.Table.from_pylist([row for row in after if row is not None], schema=rows.schema)


def _missing(before: pa.Table, after: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows of `before` that are not in `after`, which has the others in the same order."""
    kept = iter(after.to_pylist())
    waiting = next(kept, None)
    for row in before.to_pylist():
        if row == waiting:
            waiting = next(kept, None)
        else:
            yield row


def _reject_of(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {field: row.get(field) for field in REJECTS.schema.names} | {
        "device_id": None,
        "topic": f"tm/v1/{row['tenant_id']}/erased/{name}",
        "kind": "reject",
        "reason": "erased",
        "payload": None,
        "payload_size": 0,
        "received_date": date.fromordinal(date(1970, 1, 1).toordinal() + row["received_us"] // 86_400_000_000),
    }


def _texts(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for value in document.values():
            yield from _texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from _texts(value)


def _times_us(document: Any) -> Iterator[int]:
    """Epoch seconds that a document tells, its own or those of its points."""
    if isinstance(document, dict):
        for key in _TIME_KEYS:
            value = document.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11:
                yield round(value * 1e6)
        yield from _times_us(document.get("pts"))
    elif isinstance(document, list):
        for value in document:
            yield from _times_us(value)
