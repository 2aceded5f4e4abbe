"""Who sent which points in which message, and what did they look like as they were sent?

Their text is read again from the payload when one of them is rejected: to keep every point's until it is judged would
double what a segment takes in memory.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
import polars as pl

from ingest.adapters.readings import Happening, Source
from ingest.received import Received


class Sent(NamedTuple):
    """What one device sent in one message."""

    received: Received
    boot: int | None
    source_format: str
    message: int  # the first number of its message, which may speak for several devices
    parts: Callable[[], list[bytes]] | None  # its points as they were sent; None where they came as columns


def message_frame(messages: dict[int, Sent]) -> pl.DataFrame:
    """What all points of a sender's part of a message share, by its number."""
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
        for number, (received, boot, source_format, *_) in messages.items()
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


class _Points(msgspec.Struct):
    pts: list[msgspec.Raw]


_points = msgspec.json.Decoder(_Points)


def native_parts(payload: bytes) -> list[bytes]:
    """The text of each point of a native message."""
    return [bytes(point) for point in _points.decode(payload).pts]


def foreign_parts(source: Source, payload: bytes, levels: Mapping[str, str]) -> list[bytes]:
    """The records of a foreign message, one for each of its readings."""
    readings = source.read(payload, levels)
    return [msgspec.json.encode(None if isinstance(one, Happening) else one.part) for one in readings]
