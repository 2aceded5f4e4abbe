"""What is in sealed segments, read by the bytes of whole columns instead of message by message?

A scanner takes the payloads of many messages and gives the points of those it understands as columns. It leaves the
rest, and those go the way of `ingest.decode.decode`, the twin of all this: both give the same rows, in another order.
Scanners are compiled code, which ingest does not know; `flows.fast_ingest` hands them in.

    segments -> messages of vans -> scanner -> columns -> the rules of position_rules.py
                       the rest  -> decode
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.adapters.sources import Sources
from ingest.arrow_points import CONTENT_TYPE
from ingest.decode import NOT_OURS, Decoded, decode
from ingest.judging import Judged, Lookup, judged_points
from ingest.native import MAX_PAYLOAD_BYTES
from ingest.positions import POINT_KINDS
from ingest.received import Received, received_messages, rejects_table
from ingest.sent import Sent, native_parts
from ingest.topics import parse_topic

logger = logging.getLogger(__name__)

PORTION_BYTES = 64 << 20  # of payloads read at once; the columns of their points take two or three times as much
PADDING = 32  # zero bytes behind the payloads, so that a scanner may read a little too far

_COLUMNS = ["topic", "payload", "received_us", "retain", "content_type"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class SegmentRows(NamedTuple):
    """The messages of one sealed segment, in order of arrival."""

    table: pa.Table
    spool_id: str
    segment_no: int


class Payloads(NamedTuple):
    """What a scanner is to read: `text[begins[n]:ends[n]]`, sent by `senders[sender_of[n]]`.

    PADDING zero bytes of no message end `text`.
    """

    text: NDArray[np.uint8]
    begins: Ints
    ends: Ints
    senders: list[bytes]
    sender_of: Ints


class Points(NamedTuple):
    """What a scanner found: the points of the messages that `is_read`, one after the other.

    `starts` (one longer than the messages) says which rows of the columns are whose; rows of others say nothing.
    `columns` has every key of a native point that any point of the read messages has, in the types the rules expect.
    """

    is_read: Flags
    starts: Ints
    boot: pa.Array  # of each message
    columns: Mapping[str, pa.Array]


class Scanners(NamedTuple):
    """Who reads which messages."""

    native: Callable[[Payloads], Points]


def decode_segments(
    segments: Iterable[SegmentRows], *, max_age_days: float, sources: Sources, scanners: Scanners | None
) -> Decoded:
    """Decode the messages of segments into tables; message by message where there are no scanners."""
    parts = [
        _decode_portion(portion, max_age_days=max_age_days, sources=sources, scanners=scanners)
        for portion in _portions(segments)
    ]
    parts = parts or [decode((), max_age_days=max_age_days, sources=sources)]
    return parts[0] if len(parts) == 1 else Decoded(*(pa.concat_tables(tables) for tables in zip(*parts, strict=True)))


def _portions(segments: Iterable[SegmentRows]) -> Iterator[list[SegmentRows]]:
    portion: list[SegmentRows] = []
    size = 0
    for segment in segments:
        portion.append(segment)
        size += segment.table["payload"].nbytes
        if size >= PORTION_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _decode_portion(
    segments: list[SegmentRows], *, max_age_days: float, sources: Sources, scanners: Scanners | None
) -> Decoded:
    slowly = partial(decode, max_age_days=max_age_days, sources=sources)
    if scanners is not None:
        try:
            batch = _Batch(segments, scanners.native)
            judged = batch.judged(max_age_days)
        except NOT_OURS:
            raise
        except BaseException:  # as in `decode`: a gap in our rules must not cost the fleet
            logger.exception("the fast decoder failed; the slow one takes its place")
        else:
            return _together(judged, slowly(batch.unread()))
    return slowly(message for segment in segments for message in received_messages(*segment))


def _together(judged: Judged, others: Decoded) -> Decoded:
    return others._replace(
        positions=pa.concat_tables([judged.positions, others.positions]),
        events=pa.concat_tables([judged.status_events, others.events]),
        rejects=pa.concat_tables([rejects_table(judged.reject_rows), others.rejects]),
    )


class _Batch:
    """The messages of some segments, and the points that a scanner read of them."""

    def __init__(self, segments: list[SegmentRows], scan: Callable[[Payloads], Points]) -> None:
        self._segments = segments
        table = pa.concat_tables([rows.select(_COLUMNS) for rows, _, _ in segments])
        sizes = [rows.num_rows for rows, _, _ in segments]
        self._first_of = np.cumsum([0, *sizes])  # message of each segment
        self._segment_of = np.repeat(np.arange(len(segments)), sizes)
        self._received_us = _int64(table["received_us"])
        self._retain = table["retain"].to_numpy().astype(np.bool_)
        self._text, bounds = _joined(table["payload"])
        self._begins, self._ends = bounds[:-1], bounds[1:]
        topics = table["topic"].combine_chunks().dictionary_encode()
        self._topics = [parse_topic(topic) for topic in topics.dictionary.to_pylist()]
        self._topic_of = topics.indices.to_numpy()
        self._wanted = np.flatnonzero(self._is_native(table["content_type"]))
        self._points = scan(self._payloads())
        self._read = self._wanted[self._points.is_read]

    def _is_native(self, content_type: pa.ChunkedArray) -> Flags:
        size = self._ends - self._begins
        is_position = np.array([topic is not None and topic.kind in ("pos", "his") for topic in self._topics], np.bool_)
        is_arrow = np.asarray(pc.fill_null(pc.equal(content_type, CONTENT_TYPE), False), np.bool_)
        is_native: Flags = is_position[self._topic_of] & (size <= MAX_PAYLOAD_BYTES) & ~is_arrow
        return is_native

    def _payloads(self) -> Payloads:
        senders = [topic.sender.encode() if topic else b"" for topic in self._topics]
        wanted = self._wanted
        return Payloads(
            self._text, self._begins[wanted], self._ends[wanted], senders, self._topic_of[wanted].astype(np.int64)
        )

    def unread(self) -> Iterator[Received]:
        """The messages that the scanner left, in order of arrival."""
        is_left = np.ones(self._begins.size, np.bool_)
        is_left[self._read] = False
        for place, (table, spool_id, number) in enumerate(self._segments):
            mask = is_left[self._first_of[place] : self._first_of[place + 1]]
            if mask.any():
                yield from received_messages(table.filter(pa.array(mask)), spool_id, number)

    def judged(self, max_age_days: float) -> Judged:
        """Apply the rules of one message to every point."""
        self._frame = self._framed()
        return judged_points(self._frame, max_age_days, [], Lookup(self._sent, int, self._values))

    def _framed(self) -> pl.DataFrame:
        points = self._points
        counts = np.diff(points.starts)
        rows_of = np.repeat(points.is_read, counts)
        columns: dict[str, Any] = dict(points.columns)
        if not rows_of.all():
            mask = pa.array(rows_of)
            columns = {name: column.filter(mask) for name, column in columns.items()}
        counts = counts[points.is_read]
        message = np.repeat(np.arange(self._read.size), counts)
        index = np.arange(message.size) - np.repeat(np.cumsum(counts) - counts, counts)
        frame = pl.DataFrame({name: pl.Series(name, column) for name, column in columns.items()})
        absent = [pl.lit(None, kind).alias(name) for name, kind in POINT_KINDS.items() if name not in columns]
        return frame.with_columns(
            *absent,
            *self._of_messages()[message],
            pl.lit(None, pl.String).alias("extra"),
            pl.lit(None, pl.Boolean).alias("switch_refused"),
            pl.lit("native").alias("source_format"),
            pl.Series("message", self._read[message], pl.UInt32),
            pl.Series("point_index", index, pl.Int16),
        )

    def _of_messages(self) -> pl.DataFrame:
        """What the points of a message share."""
        topic_of = self._topic_of[self._read]
        of_topic = pl.DataFrame(
            {
                "tenant_id": [topic.tenant if topic else None for topic in self._topics],
                "device_id": [topic.sender if topic else None for topic in self._topics],
                "on_his": [topic is not None and topic.kind == "his" for topic in self._topics],
            },
            schema={"tenant_id": pl.String, "device_id": pl.String, "on_his": pl.Boolean},
        )
        segment_of = self._segment_of[self._read]
        of_segment = pl.DataFrame(
            [(spool_id, number) for _, spool_id, number in self._segments],
            schema={"spool_id": pl.String, "segment_no": pl.Int64},
            orient="row",
        )
        return pl.DataFrame(of_topic[topic_of]).with_columns(
            *of_segment[segment_of],
            pl.Series("retain", self._retain[self._read], pl.Boolean),
            pl.Series("boot", self._points.boot.filter(pa.array(self._points.is_read))),
            pl.Series("payload_hash", self._hashes(), pl.Int64),
            pl.Series("received_us", self._received_us[self._read], pl.Int64),
        )

    def _hashes(self) -> Ints:
        """As `payload_hash`, or as an erased message still has it."""
        text, found = self._text.data, bytearray()
        begins, ends = self._begins[self._read].tolist(), self._ends[self._read].tolist()
        for begin, end in zip(begins, ends, strict=True):
            found += blake2b(text[begin:end], digest_size=8).digest()
        hashes = np.frombuffer(found, ">i8").astype(np.int64)
        for place, (table, _, _) in enumerate(self._segments):
            if "payload_hash" in table.column_names:
                first, end = np.searchsorted(self._read, self._first_of[place : place + 2])
                hashes[first:end] = _int64(table["payload_hash"])[self._read[first:end] - self._first_of[place]]
        return hashes

    def _sent(self, number: int) -> Sent:
        place = int(self._segment_of[number])
        table, spool_id, segment_no = self._segments[place]
        (received,) = received_messages(table.slice(number - self._first_of[place], 1), spool_id, segment_no)
        boot = self._points.boot[int(np.searchsorted(self._wanted, number))].as_py()
        return Sent(received, boot, "native", number, partial(native_parts, received.payload))

    def _values(self, row: int) -> dict[str, Any]:
        return self._frame.row(row, named=True)


def _int64(column: pa.ChunkedArray) -> Ints:
    values = column.cast(pa.int64()).to_numpy()
    return np.asarray(values, np.int64)


def _joined(payloads: pa.ChunkedArray) -> tuple[NDArray[np.uint8], Ints]:
    """All payloads in one text that ends with its padding, and where each begins, with the end of the last."""
    chunks = [chunk for chunk in payloads.chunks if len(chunk)]
    sizes = [np.diff(_bounds(chunk)) for chunk in chunks]
    bounds = np.concatenate([[0], *sizes]).cumsum(dtype=np.int64)
    text = np.empty(int(bounds[-1]) + PADDING, np.uint8)
    text[-PADDING:] = 0
    place = 0
    for chunk in chunks:
        first, end = _bounds(chunk)[[0, -1]]
        text[place : place + end - first] = np.frombuffer(chunk.buffers()[2] or b"", np.uint8)[first:end]
        place += end - first
    return text, bounds


def _bounds(chunk: pa.Array) -> NDArray[np.int32]:
    offsets: NDArray[np.int32] = np.frombuffer(chunk.buffers()[1], np.int32)
    return offsets[chunk.offset : chunk.offset + len(chunk) + 1]
