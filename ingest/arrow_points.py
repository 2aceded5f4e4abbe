"""What does a gateway say that sends its points as columns?

The payload is an Arrow IPC stream whose columns are the keys of a native point; `boot` and `v` may be in the metadata
of its schema. Only plain columns are taken: no compressed buffers, no dictionaries, nothing nested or run-length
encoded, and views of text only where they hold no more text than the payload. So whatever a stream claims to hold,
what it makes of memory is bounded by its 64 KiB and by MAX_COLUMN_POINTS rows. And it is all there is: bytes behind
its end would be lost without a word, so they cost the message.
"""

import re
from struct import error as struct_error
from struct import unpack_from
from typing import Any, NamedTuple, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.native import VERSION, Point, Switch
from ingest.received import Received, Undecodable

CONTENT_TYPE = "application/vnd.apache.arrow.stream"
CONTINUATION = b"\xff\xff\xff\xff"  # how a stream begins; no JSON does
MAX_COLUMN_POINTS = 2_000  # 64 KiB hold no more points that say much
MAX_COLUMNS = 64
_SCHEMA, _DICTIONARY_BATCH, _RECORD_BATCH = 1, 2, 3  # kinds of message, Arrow's Message.fbs
_COMPRESSION_FIELD = 3  # of a record batch

_COLUMN_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,128}")  # polars panics at a NUL
_HINTS = get_type_hints(Point)
_SWITCHES = {name for name, kind in _HINTS.items() if kind == Switch | None}
_WHOLE = {"seq", "sat"}
_TEXTS = {"route_id"}


class ArrowPoints(NamedTuple):
    """The points of one message: native keys in the types the rules expect, with `extra` and `point_index`."""

    points: pa.Table
    boot: int | None


def is_arrow(received: Received) -> bool:
    """Whether a message is a stream, by its content type or, where MQTT has none, by how it begins."""
    return received.content_type == CONTENT_TYPE or received.payload.startswith(CONTINUATION)


def read_arrow(received: Received) -> ArrowPoints:
    """Read a stream; raise Undecodable for one that is broken, too large or somebody else's."""
    table, boot = stream_of(received.payload)
    if not table.num_rows:
        raise Undecodable("no_points")
    assert received.topic is not None
    if "dev" in table.column_names and set(table["dev"].unique().to_pylist()) != {received.topic.sender}:
        raise Undecodable("device_mismatch")
    names = [name for name in table.column_names if name in _HINTS]
    try:
        known = [_checked(name, table[name]) for name in names]
    except pa.ArrowException as error:
        raise Undecodable("wrong_type") from error
    others = [name for name in table.column_names if name not in _HINTS and name != "dev"]
    numbers = pa.array(range(table.num_rows), pa.int16())
    # Without the metadata of the columns, in which polars would look for types of its own.
    kept = pa.table([table[name] for name in others], others)
    points = pa.table([*known, _extra(kept, table.num_rows), numbers], [*names, "extra", "point_index"])
    return ArrowPoints(points, boot)


def stream_of(payload: bytes) -> tuple[pa.Table, int | None]:
    """Parse a stream whose size in memory is known beforehand; with the boot its schema names."""
    _refuse_what_may_grow(payload)
    try:
        with pa.ipc.open_stream(payload) as reader:
            _check_schema(reader.schema)
            batches, row_count = [], 0
            for batch in reader:
                row_count += batch.num_rows
                if row_count > MAX_COLUMN_POINTS:
                    raise Undecodable("too_many_points")
                batch.validate(full=True)
                batches.append(_without_views(batch, len(payload)))
            metadata = {key: value.decode() for key, value in (reader.schema.metadata or {}).items()}
            boot = int(metadata[b"boot"]) if b"boot" in metadata else None
            table = pa.Table.from_batches(batches) if batches else reader.schema.empty_table()
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise Undecodable("bad_arrow") from error
    if metadata.get(b"v", str(VERSION)) != str(VERSION):
        raise Undecodable("unknown_version")
    if boot is not None and not -(2**63) <= boot < 2**63:
        raise Undecodable("wrong_type")
    return table, boot


def _check_schema(schema: pa.Schema) -> None:
    if len(schema) > MAX_COLUMNS or len(set(schema.names)) != len(schema):
        raise Undecodable("bad_arrow")
    if not all(_COLUMN_NAME.fullmatch(name) for name in schema.names):
        raise Undecodable("bad_arrow")
    for field in schema:
        kind = field.type
        if not (
            pa.types.is_integer(kind)
            or pa.types.is_floating(kind)
            or pa.types.is_boolean(kind)
            or pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
            or pa.types.is_string_view(kind)
            or pa.types.is_timestamp(kind)
            or pa.types.is_date(kind)
        ):
            raise Undecodable("bad_arrow")


def _without_views(batch: pa.RecordBatch, most_bytes: int) -> pa.RecordBatch:
    """The same with plain text for views, as polars writes by default; many views may share one text."""
    columns = list(batch.columns)
    for place, column in enumerate(columns):
        if pa.types.is_string_view(column.type):
            lengths = np.frombuffer(column.buffers()[1], np.int32)[::4]  # the first of the four words of a view
            if int(lengths.sum(dtype=np.int64)) > most_bytes:
                raise Undecodable("bad_arrow")
            columns[place] = column.cast(pa.string())
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _checked(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A known column in the type of its key; NaN counts as not sent."""
    kind = column.type
    if name == "ts" and pa.types.is_timestamp(kind):
        return pc.divide(column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64()).cast(pa.float64()), 1e6)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if name in _TEXTS and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return column.cast(pa.string())
    if name in _SWITCHES and pa.types.is_boolean(kind):
        return column
    if name in _SWITCHES and pa.types.is_integer(kind) and set(column.unique().to_pylist()) <= {0, 1, None}:
        return column.cast(pa.bool_())
    if name in _WHOLE and pa.types.is_integer(kind):
        whole = column.cast(pa.int64())
        if name != "sat":
            return whole
        clipped = pc.max_element_wise(pc.min_element_wise(whole, 999, skip_nulls=False), -1, skip_nulls=False)
        return clipped.cast(pa.int16())
    if not is_number or name in _TEXTS | _SWITCHES | _WHOLE:
        raise Undecodable("wrong_type")
    number = column.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_nan(number), pa.scalar(None, pa.float64()), number)


def _extra(kept: pa.Table, row_count: int) -> pa.Array:
    """Columns we do not know as one JSON text a row, null where a row has none of them."""
    if not kept.num_columns:
        return pa.nulls(row_count, pa.string())
    import polars as pl  # here, as a collector reads this module for its receipts and never gets to this line

    has_any = pl.any_horizontal(pl.all().is_not_null())
    try:
        encoded = pl.DataFrame(kept).select(pl.when(has_any).then(pl.struct(pl.all()).struct.json_encode()))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        # A panic is no Exception: it would end the load, and the next one at the same message.
        raise Undecodable("bad_arrow") from error
    return encoded.to_series().to_arrow().cast(pa.string())


def _refuse_what_may_grow(payload: bytes) -> None:
    """Walk over the messages of a stream and refuse dictionaries, compressed bodies and what follows its end.

    Before Arrow unpacks any: it reads to the end of the first stream and says nothing of the rest.
    """
    place = 0
    try:
        while place + 8 <= len(payload):
            mark, size = unpack_from("<4si", payload, place)
            if mark != CONTINUATION or size < 0:
                raise Undecodable("bad_arrow")
            if size == 0:
                place += 8
                break
            start = place + 8
            message = _Table(payload, start + unpack_from("<I", payload, start)[0])
            kind, body_bytes = message.number(1, "<B"), message.number(3, "<q")
            header = message.table(2)
            if kind not in (_SCHEMA, _RECORD_BATCH) or body_bytes < 0 or header is None:
                raise Undecodable("bad_arrow")
            if kind == _RECORD_BATCH and header.has(_COMPRESSION_FIELD):
                raise Undecodable("bad_arrow")
            place = start + size + body_bytes
        if payload[place:].strip(b"\0"):
            raise Undecodable("bad_arrow")
    except struct_error as error:
        raise Undecodable("bad_arrow") from error


class _Table:
    """A table of a FlatBuffer: its first word points back at the offsets of its fields."""

    def __init__(self, payload: bytes, place: int) -> None:
        self._payload, self._place = payload, place
        self._fields = place - unpack_from("<i", payload, place)[0]
        if self._fields < 0:
            raise Undecodable("bad_arrow")
        self._count = (unpack_from("<H", payload, self._fields)[0] - 4) // 2

    def _offset(self, field: int) -> int:
        if field >= self._count:
            return 0
        return int(unpack_from("<H", self._payload, self._fields + 4 + 2 * field)[0])

    def has(self, field: int) -> bool:
        """Whether a field is there at all."""
        return self._offset(field) != 0

    def number(self, field: int, form: str) -> int:
        """A number of the table itself, 0 by default."""
        offset = self._offset(field)
        return int(unpack_from(form, self._payload, self._place + offset)[0]) if offset else 0

    def table(self, field: int) -> "_Table | None":
        """A table the field points to."""
        offset = self._offset(field)
        if not offset:
            return None
        place = self._place + offset
        return _Table(self._payload, place + unpack_from("<I", self._payload, place)[0])


def numbered(payload: bytes) -> tuple[int | None, list[Any]]:
    """The boot and the `seq` values of a stream, for its receipt."""
    table, boot = stream_of(payload)
    return boot, table["seq"].to_pylist() if "seq" in table.column_names else []
