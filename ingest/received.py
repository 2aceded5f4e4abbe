"""What is one message of the spool, on its way through decoding, and what is a reject?

A reject is written down with topic, bytes and a short reason. Reasons are counted in reports, so they are few and
stable; `REASONS` is all of them.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from ingest.columns import REJECTS
from ingest.native import MAX_PAYLOAD_BYTES
from ingest.topics import Topic, parse_topic

MICROSECONDS_PER_DAY = 86_400_000_000
_COLUMNS = ["topic", "payload", "received_us", "retain"]

# reason -> (kind, rule of the data-quality table that decided, if one did)
REASONS: dict[str, tuple[Literal["reject", "quarantine"], str | None]] = {
    "unknown_topic": ("reject", None),
    "empty": ("reject", None),
    "too_large": ("reject", None),
    "not_json": ("reject", None),
    "not_an_object": ("reject", None),
    "missing_version": ("reject", None),
    "unknown_version": ("reject", None),
    "missing_field": ("reject", None),
    "wrong_type": ("reject", None),
    "no_points": ("reject", None),
    "too_many_points": ("reject", None),
    "device_mismatch": ("reject", None),
    "time_out_of_range": ("reject", None),
    "bad_device": ("reject", None),
    "bad_arrow": ("reject", None),
    "bad_packed": ("reject", None),
    "undecodable": ("reject", None),
    "missing_time": ("reject", None),
    "position_missing": ("reject", "Q1"),
    "position_zero": ("reject", "Q1"),
    "position_out_of_range": ("reject", "Q1"),
    "retained_position": ("quarantine", None),
    "retained_event": ("quarantine", None),
    "outside_area": ("quarantine", None),
    "clocks_disagree": ("quarantine", "Q3"),
    "clock_unset": ("quarantine", "Q3"),
    "clock_ahead": ("quarantine", "Q3"),
    "before_2015": ("quarantine", "Q3"),
    "too_old": ("quarantine", "Q3"),
    "erased": ("reject", None),
}


class Received(NamedTuple):
    """A message as the spool kept it."""

    topic_text: str
    topic: Topic | None  # where it belongs in our tree; None where it does not
    payload: bytes
    received_us: int
    retain: bool
    spool_id: str
    segment_no: int
    payload_hash: int
    content_type: str | None = None  # MQTT 5 only
    size_bytes: int | None = None  # as received, where masking has changed the payload

    @property
    def size_as_sent(self) -> int:
        """Bytes of the payload as received."""
        return len(self.payload) if self.size_bytes is None else self.size_bytes

    @property
    def lineage(self) -> tuple[str, int, int, int]:
        """The values of `SEGMENT_COLUMNS`."""
        return self.spool_id, self.segment_no, self.payload_hash, self.received_us


class Undecodable(Exception):
    """A message or a part of one cannot become data; `reason` is a key of REASONS."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def payload_hash(payload: bytes) -> int:
    """Eight bytes that tell payloads apart and never change between versions or machines."""
    return int.from_bytes(blake2b(payload, digest_size=8).digest(), "big", signed=True)


def received_messages(segment: pa.Table, spool_id: str, segment_no: int) -> Iterator[Received]:
    """Walk over the messages of one sealed segment in the order they arrived."""
    names = [*_COLUMNS, *(name for name in ("content_type", "payload_hash") if name in segment.column_names)]
    for batch in segment.select(names).to_batches(4096):
        columns = dict(zip(names, (column.to_pylist() for column in _as_numbers(batch)), strict=True))
        # A message of which a part was erased is still known by the digest of what was received.
        digests = columns.pop("payload_hash", None) or map(payload_hash, columns["payload"])
        for digest, topic, payload, received_us, retain, *content_type in zip(digests, *columns.values(), strict=True):
            yield Received(
                topic,
                parse_topic(topic),
                payload,
                received_us,
                retain,
                spool_id,
                segment_no,
                digest,
                *content_type,
            )


def _as_numbers(batch: pa.RecordBatch) -> list[pa.Array]:
    return [column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in batch.columns]


def reject_row(
    received: Received, reason: str, point_index: int | None = None, part: bytes | None = None
) -> tuple[Any, ...]:
    """One row of the rejects table; `part` is the piece of the payload it is about, if not all of it."""
    kind, rule_id = REASONS[reason]
    topic, payload = received.topic, received.payload if part is None else part
    return (
        topic.tenant if topic else None,
        topic.sender or None if topic and topic.family == "tm" else None,
        received.topic_text,
        kind,
        reason,
        rule_id,
        point_index,
        payload[:MAX_PAYLOAD_BYTES],
        received.size_as_sent if part is None else len(part),
        received.received_us // MICROSECONDS_PER_DAY,
        *received.lineage,
    )


def rejects_table(rows: list[tuple[Any, ...]]) -> pa.Table:
    """Rows of `reject_row` as a table of the lake."""
    return table_of(rows, REJECTS.schema)


def table_of(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    """Rows in the order of `schema` as a table; dates may be days since 1970."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.Table.from_arrays(
        [_array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    if pa.types.is_date32(kind) and any(isinstance(value, int) for value in values):
        return pa.array(values, pa.int32()).cast(kind)
    return pa.array(values, kind)
