"""Which points of a batch of messages are positions, and which are rejected or quarantined?

Points are parsed one message at a time and judged all together, column by column (`ingest.position_rules`).
A message without any usable point leaves one row in rejects; a bad point among good ones leaves a row of its own.
"""

from typing import Any, NamedTuple

import msgspec
import polars as pl
import pyarrow as pa

from ingest.adapters.readings import Fix, Unread
from ingest.arrow_points import ArrowPoints
from ingest.columns import EVENTS, POSITIONS
from ingest.native import MAX_POINTS, VERSION, Point, Positions
from ingest.position_rules import MAX_AHEAD_S, positions_table, with_reason
from ingest.received import Received, Undecodable, reject_row, table_of

_typed = msgspec.json.Decoder(Positions)
_POINT_FIELDS = frozenset(Point.__struct_fields__)
_MESSAGE_FIELDS = frozenset(Positions.__struct_fields__)
_NUMBERS = [
    name
    for name in Point.__struct_fields__
    if name not in {"seq", "sat", "nofix", "valid", "ign", "pto", "charging", "his", "route_id"}
]
_SWITCHES = ["nofix", "valid", "ign", "pto", "charging", "his"]


class Judged(NamedTuple):
    """What became of a batch of points."""

    positions: pa.Table
    status_events: pa.Table  # the status fields of points whose place was rejected (Q1)
    reject_rows: list[tuple[Any, ...]]


class PointBatch:
    """Points of many messages, each with the number of its message and its place in it."""

    def __init__(self) -> None:
        self._messages: list[tuple[Received, int | None, str]] = []  # with the message's boot and its format
        self._points: list[Point] = []
        self._message_of: list[int] = []
        self._index: list[int] = []
        self._extra: list[str | None] = []
        self._bad: list[tuple[int, int, bytes, str]] = []  # message, index, JSON, reason
        self._columns: list[pa.Table] = []  # points that came as columns; their rows follow those of _points

    def add_typed(self, received: Received) -> bool:
        """Take a message in which every key is known and every type right; False if it is not such a one."""
        try:
            message = _typed.decode(received.payload)
        except (msgspec.DecodeError, ValueError):
            return False
        if message.v != VERSION or not 1 <= len(message.pts) <= MAX_POINTS:
            return False
        assert received.topic is not None
        if message.dev != received.topic.sender:
            raise Undecodable("device_mismatch")
        count = len(message.pts)
        self._points += message.pts
        self._message_of += [len(self._messages)] * count
        self._index += range(count)
        self._extra += [None] * count
        self._messages.append((received, message.boot, "native"))
        return True

    def add_loose(self, received: Received, document: dict[str, Any]) -> None:
        """Take whatever of a message can be taken, keeping unknown keys; raise Undecodable if nothing can."""
        points, boot = _checked_envelope(received, document)
        shared = {key: value for key, value in document.items() if key not in _MESSAGE_FIELDS}
        number = len(self._messages)
        self._messages.append((received, boot, "native"))
        for index, point in enumerate(points):
            try:
                known = {key: value for key, value in point.items() if key in _POINT_FIELDS}
                self._points.append(msgspec.convert(known, Point))
            except (msgspec.ValidationError, AttributeError):
                self._bad.append((number, index, msgspec.json.encode(point), "wrong_type"))
                continue
            unknown = shared | {key: value for key, value in point.items() if key not in _POINT_FIELDS}
            self._message_of.append(number)
            self._index.append(index)
            self._extra.append(msgspec.json.encode(unknown).decode() if unknown else None)

    def add_foreign(
        self, received: Received, fixes: list[tuple[int, Fix]], unread: list[tuple[int, Unread]], source_format: str
    ) -> None:
        """Take the points of one device that a source has read, and note what it could not read."""
        extras = [msgspec.json.encode(fix.extra).decode() if fix.extra else None for _, fix in fixes]
        bad = [(index, msgspec.json.encode(one.part), one.reason) for index, one in unread]
        number = len(self._messages)
        self._messages.append((received, None, source_format))
        self._points += [fix.point for _, fix in fixes]
        self._message_of += [number] * len(fixes)
        self._index += [index for index, _ in fixes]
        self._extra += extras
        self._bad += [(number, *one) for one in bad]

    def add_columns(self, received: Received, table: ArrowPoints) -> None:
        """Take a message whose points are columns."""
        number = pa.array([len(self._messages)] * table.points.num_rows, pa.uint32())
        self._columns.append(table.points.append_column("message", number))
        self._messages.append((received, table.boot, "arrow"))

    def judged(self, max_age_days: float) -> Judged:
        """Apply the rules of one message to every point."""
        if not self._messages:
            return Judged(POSITIONS.schema.empty_table(), EVENTS.schema.empty_table(), [])
        points = self._frame().pipe(with_reason, max_age_days)
        good = points.filter(pl.col("reason").is_null())
        bad = points.filter(pl.col("reason").is_not_null())
        return Judged(
            positions_table(good),
            self._status_events(bad.filter(pl.col("reason").str.starts_with("position_"))),
            self._reject_rows(bad, good["message"].unique()),
        )

    def _frame(self) -> pl.DataFrame:
        points = self._points
        columns: dict[str, pl.Series] = {
            name: pl.Series(name, [getattr(point, name) for point in points], pl.Float64) for name in _NUMBERS
        }
        for name in _SWITCHES:
            values = [None if (value := getattr(point, name)) is None else bool(value) for point in points]
            columns[name] = pl.Series(name, values, pl.Boolean)
        columns["seq"] = pl.Series("seq", [point.seq for point in points], pl.Int64)
        sat = [None if point.sat is None else max(-1, min(point.sat, 999)) for point in points]
        columns["sat"] = pl.Series("sat", sat, pl.Int16)
        columns["route_id"] = pl.Series("route_id", [point.route_id for point in points], pl.String)
        columns["extra"] = pl.Series("extra", self._extra, pl.String)
        columns["message"] = pl.Series("message", self._message_of, pl.UInt32)
        columns["point_index"] = pl.Series("point_index", self._index, pl.Int16)
        every = pl.DataFrame(columns)
        if self._columns:
            together = pa.concat_tables(self._columns, promote_options="default")
            every = pl.concat([every, pl.DataFrame(together)], how="diagonal")
        return every.join(self._message_frame(), on="message", how="left", maintain_order="left")

    def _message_frame(self) -> pl.DataFrame:
        rows = [
            (
                number,
                received.topic.tenant if received.topic else None,
                received.topic.sender if received.topic else None,
                received.retain,
                received.topic is not None and received.topic.kind == "his",
                boot,
                source_format,
                *received.lineage,
            )
            for number, (received, boot, source_format) in enumerate(self._messages)
        ]
        schema = {
            "message": pl.UInt32,
            "tenant_id": pl.String,
            "device_id": pl.String,
            "retain": pl.Boolean,
            "on_his": pl.Boolean,
            "boot": pl.Int64,
            "source_format": pl.String,
            "spool_id": pl.String,
            "segment_no": pl.Int64,
            "payload_hash": pl.Int64,
            "received_us": pl.Int64,
        }
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _reject_rows(self, bad: pl.DataFrame, usable: pl.Series) -> list[tuple[Any, ...]]:
        found: dict[int, list[tuple[int, bytes, str]]] = {}
        for number, index, part, reason in self._bad:
            found.setdefault(number, []).append((index, part, reason))
        for row, number, index, reason in bad.select(
            pl.col("row"), pl.col("message"), pl.col("point_index"), pl.col("reason")
        ).iter_rows():
            part = msgspec.json.encode(self._sent(row))
            found.setdefault(number, []).append((index, part, reason))
        with_good_points = set(usable.to_list())
        rows = []
        for number, parts in sorted(found.items()):
            received = self._messages[number][0]
            if number in with_good_points:
                rows += [reject_row(received, reason, index, part) for index, part, reason in sorted(parts)]
            else:
                rows.append(reject_row(received, min(parts)[2]))
        return rows

    def _sent(self, row: int) -> dict[str, Any]:
        """The values of a point as they were sent."""
        if row < len(self._points):
            point = self._points[row]
            return {name: value for name in Point.__struct_fields__ if (value := getattr(point, name)) is not None}
        row -= len(self._points)
        for columns in self._columns:
            if row < columns.num_rows:
                (found,) = columns.slice(row, 1).to_pylist()
                return {name: found[name] for name in Point.__struct_fields__ if found.get(name) is not None}
            row -= columns.num_rows
        raise IndexError(row)

    def _status_events(self, bad: pl.DataFrame) -> pa.Table:
        rows = []
        for row in bad.iter_rows(named=True):
            received, boot, _ = self._messages[row["message"]]
            assert received.topic is not None
            status = self._sent(row["row"])
            event_us = round(status.pop("ts") * 1e6)
            if not 0 <= event_us <= received.received_us + MAX_AHEAD_S * 1_000_000:
                continue
            kept = {key: value for key, value in status.items() if key not in ("lat", "lon", "seq")}
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
                    msgspec.json.encode(kept).decode(),
                    *received.lineage,
                )
            )
        return table_of(rows, EVENTS.schema)


def _checked_envelope(received: Received, document: dict[str, Any]) -> tuple[list[Any], int | None]:
    assert received.topic is not None
    device, points, boot, sent = (document.get(key) for key in ("dev", "pts", "boot", "sent"))
    if device is None or points is None:
        raise Undecodable("missing_field")
    if (
        not isinstance(device, str)
        or not isinstance(points, list)
        or not (boot is None or (type(boot) is int and -(2**63) <= boot < 2**63))
        or not (sent is None or type(sent) in (int, float))
    ):
        raise Undecodable("wrong_type")
    if device != received.topic.sender:
        raise Undecodable("device_mismatch")
    if not points:
        raise Undecodable("no_points")
    if len(points) > MAX_POINTS:
        raise Undecodable("too_many_points")
    return points, boot
