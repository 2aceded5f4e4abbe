"""Which points of a batch of messages are positions, and which are rejected or quarantined?

Points are parsed one message at a time and judged all together, column by column (`ingest.position_rules`).
A message without any usable point leaves one row in rejects; a bad point among good ones leaves a row of its own.
"""

from functools import partial
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa

from ingest.adapters.readings import Fix, Source, Unread
from ingest.envelope import checked_envelope
from ingest.judging import Judged, Lookup, judged_points, nothing_judged
from ingest.native import MAX_POINTS, VERSION, Point, Positions
from ingest.received import Received, Undecodable
from ingest.sent import Sent, foreign_parts, message_frame, native_parts

_typed = msgspec.json.Decoder(Positions)
ERASED_POINT = {"erased": True}  # stands in a message in the place of a point that was erased from it
_POINT_FIELDS = frozenset(Point.__struct_fields__)
_MESSAGE_FIELDS = frozenset(Positions.__struct_fields__)
_NUMBERS = [
    name
    for name in Point.__struct_fields__
    if name not in {"seq", "sat", "nofix", "valid", "ign", "pto", "charging", "his", "private", "route_id"}
]
_SWITCHES = ["nofix", "valid", "ign", "pto", "charging", "his", "private"]
# The keys of a point as columns, in the types the rules expect.
POINT_KINDS: dict[str, type[pl.DataType]] = (
    dict.fromkeys(_NUMBERS, pl.Float64)
    | dict.fromkeys(_SWITCHES, pl.Boolean)
    | {"seq": pl.Int64, "sat": pl.Int16, "route_id": pl.String}
)


class PointBatch:
    """Points of many messages, each with the number of its sender's part of a message and its place in the message."""

    def __init__(self) -> None:
        self._messages: dict[int, Sent] = {}
        self._points: list[Point] = []
        self._message_of: list[int] = []
        self._index: list[int] = []
        self._extra: list[str | None] = []
        self._switch_refused: list[bool] = []
        self._bad: list[tuple[int, int, str]] = []  # message, index, reason
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
        number, count = len(self._messages), len(message.pts)
        self._points += message.pts
        self._message_of += [number] * count
        self._index += range(count)
        self._extra += [None] * count
        self._switch_refused += [False] * count
        self._messages[number] = Sent(received, message.boot, "native", number, partial(native_parts, received.payload))
        return True

    def add_loose(self, received: Received, document: dict[str, Any]) -> None:
        """Take whatever of a message can be taken, keeping unknown keys; raise Undecodable if nothing can."""
        points, boot = checked_envelope(received, document)
        shared = {key: value for key, value in document.items() if key not in _MESSAGE_FIELDS}
        number = len(self._messages)
        taken: list[tuple[int, Point, str | None]] = []
        bad: list[tuple[int, int, str]] = []
        for index, point in enumerate(points):
            if point == ERASED_POINT:
                bad.append((number, index, "erased"))
                continue
            try:
                known = {key: value for key, value in point.items() if key in _POINT_FIELDS}
                read = msgspec.convert(known, Point)
            except (msgspec.ValidationError, AttributeError):
                bad.append((number, index, "wrong_type"))
                continue
            unknown = shared | {key: value for key, value in point.items() if key not in _POINT_FIELDS}
            taken.append((index, read, msgspec.json.encode(unknown).decode() if unknown else None))
        # All or nothing: a message that raises on its way must not leave half its columns.
        self._messages[number] = Sent(received, boot, "native", number, partial(native_parts, received.payload))
        self._message_of += [number] * len(taken)
        self._index += [index for index, _, _ in taken]
        self._points += [point for _, point, _ in taken]
        self._extra += [extra for _, _, extra in taken]
        self._switch_refused += [False] * len(taken)
        self._bad += bad

    def add_foreign(
        self,
        received: Received,
        fixes: list[tuple[int, Fix]],
        unread: list[tuple[int, Unread]],
        source: Source,
        levels: dict[str, str],
        *,
        with_number: int | None,
    ) -> int:
        """Take the points of one device that a source has read, and note what it could not read.

        Returns a number, to be handed in as `with_number` with the other devices of the same message.
        """
        extras = [msgspec.json.encode(fix.extra).decode() if fix.extra else None for _, fix in fixes]
        number = len(self._messages)
        message = number if with_number is None else with_number
        parts = partial(foreign_parts, source, received.payload, levels)
        self._messages[number] = Sent(received, None, source.name, message, parts)
        self._points += [fix.point for _, fix in fixes]
        self._message_of += [number] * len(fixes)
        self._index += [index for index, _ in fixes]
        self._extra += extras
        self._switch_refused += [fix.is_switch_refused for _, fix in fixes]
        self._bad += [(number, index, one.reason) for index, one in unread]
        return message

    def add_columns(self, received: Received, points: pa.Table, boot: int | None, source_format: str) -> None:
        """Take a message whose points are columns."""
        number = len(self._messages)
        self._columns.append(points.append_column("message", pa.array([number] * points.num_rows, pa.uint32())))
        self._messages[number] = Sent(received, boot, source_format, number, None)

    def messages(self) -> list[Received]:
        """Every message once."""
        return [sent.received for number, sent in self._messages.items() if sent.message == number]

    def halves(self) -> tuple["PointBatch", "PointBatch"]:
        """The first half of the messages and the others."""
        messages = [number for number, sent in self._messages.items() if sent.message == number]
        first = set(messages[: len(messages) // 2])
        return self._part(first), self._part(set(messages) - first)

    def _part(self, messages: set[int]) -> "PointBatch":
        part = PointBatch()
        part._messages = {number: sent for number, sent in self._messages.items() if sent.message in messages}
        rows = [row for row, number in enumerate(self._message_of) if number in part._messages]
        part._points = [self._points[row] for row in rows]
        part._message_of = [self._message_of[row] for row in rows]
        part._index = [self._index[row] for row in rows]
        part._extra = [self._extra[row] for row in rows]
        part._switch_refused = [self._switch_refused[row] for row in rows]
        part._bad = [bad for bad in self._bad if bad[0] in part._messages]
        part._columns = [table for table in self._columns if table["message"][0].as_py() in part._messages]
        return part

    def judged(self, max_age_days: float) -> Judged:
        """Apply the rules of one message to every point."""
        if not self._messages:
            return nothing_judged()
        lookup = Lookup(self._messages.__getitem__, lambda number: self._messages[number].message, self._sent)
        return judged_points(self._frame(), max_age_days, self._bad, lookup)

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
        columns["switch_refused"] = pl.Series("switch_refused", self._switch_refused, pl.Boolean)
        columns["message"] = pl.Series("message", self._message_of, pl.UInt32)
        columns["point_index"] = pl.Series("point_index", self._index, pl.Int16)
        every = pl.DataFrame(columns)
        if self._columns:
            together = pa.concat_tables(self._columns, promote_options="default")
            every = pl.concat([every, pl.DataFrame(together)], how="diagonal")
        return every.join(message_frame(self._messages), on="message", how="left", maintain_order="left")

    def _sent(self, row: int) -> dict[str, Any]:
        """The values of a point as we know them."""
        if row < len(self._points):
            return {name: getattr(self._points[row], name) for name in Point.__struct_fields__}
        row -= len(self._points)
        for columns in self._columns:
            if row < columns.num_rows:
                (found,) = columns.slice(row, 1).to_pylist()
                return dict(found)
            row -= columns.num_rows
        raise IndexError(row)
