"""What becomes of points that are columns: positions, status events, or rejects?

`ingest.position_rules` says which points are usable; here each of the others becomes what is kept of it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import polars as pl
import pyarrow as pa

from ingest.columns import EVENTS, POSITIONS
from ingest.native import MAX_AHEAD_S, Point
from ingest.position_rules import positions_table, with_reason
from ingest.received import reject_row, table_of
from ingest.sent import Sent

# A heading and an altitude come from the fix whose place was refused; a speed may be the vehicle's own.
_OF_THE_PLACE = {"lat", "lon", "seq", "hdg_deg", "alt_m"}


class Judged(NamedTuple):
    """What became of a batch of points."""

    positions: pa.Table
    status_events: pa.Table  # the status fields of points whose place was rejected (Q1)
    reject_rows: list[tuple[Any, ...]]


class Lookup(NamedTuple):
    """What was sent, by the number of a sender's part of a message or by the row of a point."""

    sent_of: Callable[[int], Sent]
    message_of: Callable[[int], int]  # the first number of its message, as in Sent
    values_of: Callable[[int], dict[str, Any]]


def nothing_judged() -> Judged:
    """What becomes of no points."""
    return Judged(POSITIONS.schema.empty_table(), EVENTS.schema.empty_table(), [])


def judged_points(points: pl.DataFrame, max_age_days: float, bad: list[tuple[int, int, str]], lookup: Lookup) -> Judged:
    """Apply the rules of one message to points in columns; `bad` has those that could not be read, as in PointBatch."""
    points = with_reason(points, max_age_days)
    is_good = points["reason"].is_null()
    if not bad and is_good.all():
        return Judged(positions_table(points), EVENTS.schema.empty_table(), [])
    good, refused = points.filter(is_good), points.filter(~is_good)
    without_place = refused.filter(pl.col("reason").str.starts_with("position_"))
    return Judged(
        positions_table(good),
        _status_events(without_place, lookup),
        _reject_rows(refused, good["message"].unique(), bad, lookup),
    )


def _reject_rows(
    refused: pl.DataFrame, usable: pl.Series, bad: list[tuple[int, int, str]], lookup: Lookup
) -> list[tuple[Any, ...]]:
    """One row for each bad point of a message with good ones, whoever's they are; else one for the message."""
    found: dict[int, list[tuple[int, int, str, int | None]]] = {}
    of_columns = refused.select("row", "message", "point_index", "reason").iter_rows()
    for number, index, reason, row in [
        *((number, index, reason, None) for number, index, reason in bad),
        *((number, index, reason, row) for row, number, index, reason in of_columns),
    ]:
        found.setdefault(lookup.message_of(number), []).append((index, number, reason, row))
    with_good_points = set(map(lookup.message_of, usable))
    rows = []
    for message, points in sorted(found.items()):
        points.sort(key=lambda point: point[:3])
        if message not in with_good_points:
            _, number, reason, _ = points[0]
            rows.append(reject_row(lookup.sent_of(number).received, reason))
            continue
        read = lookup.sent_of(message).parts
        parts = None if read is None else read()
        for index, number, reason, row in points:
            part = _sent_json(row, lookup) if parts is None else parts[index]
            rows.append(reject_row(lookup.sent_of(number).received, reason, index, part))
    return rows


def _sent_json(row: int | None, lookup: Lookup) -> bytes:
    """A point that came as columns."""
    assert row is not None
    values = lookup.values_of(row)
    extra = values.get("extra")
    return msgspec.json.encode(_said(values) | (msgspec.json.decode(extra) if extra else {}))


def _said(values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in Point.__struct_fields__ if values.get(name) is not None}


def _status_events(bad: pl.DataFrame, lookup: Lookup) -> pa.Table:
    rows = []
    for row, number in bad.select("row", "message").iter_rows():
        received, boot, *_ = lookup.sent_of(number)
        assert received.topic is not None
        status = _said(lookup.values_of(row))
        event_us = round(status.pop("ts") * 1e6)
        if not 0 <= event_us <= received.received_us + MAX_AHEAD_S * 1_000_000:
            continue
        kept = {key: value for key, value in status.items() if key not in _OF_THE_PLACE}
        rows.append(
            (
                received.topic.tenant,
                received.topic.sender,
                event_us,
                event_us // 86_400_000_000,
                "status",
                *(None,) * 5,
                boot,
                status.get("seq"),
                received.retain,
                msgspec.json.encode(kept).decode() if kept else None,
                *received.lineage,
            )
        )
    return table_of(rows, EVENTS.schema)
