"""What is in sealed segments, read by the bytes of whole columns instead of message by message?

A scanner takes the payloads of many messages and gives the points of those it understands as columns. It leaves the
rest, and those go the way of `ingest.decode.decode`, the twin of all this: both give the same rows, in another order.
Scanners are compiled code, which ingest does not know; `flows.fast_ingest` hands them in.

    segments -> messages of vans -> scanners -> columns -> the rules of position_rules.py
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

from ingest import arrow_points, packed
from ingest.adapters.sources import Sources
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
    packed: Callable[[Payloads], Points]


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
            messages = _Messages(segments)
            kinds = [(name, scan, messages.of_kind(name)) for name, scan in scanners._asdict().items()]
            batches = [_Batch(messages, name, scan, wanted) for name, scan, wanted in kinds if wanted.size]
            judged = [batch.judged(max_age_days) for batch in batches]
        except NOT_OURS:
            raise
        except BaseException:  # as in `decode`: a gap in our rules must not cost the fleet
            logger.exception("the fast decoder failed; the slow one takes its place")
        else:
            return _together(judged, slowly(messages.others([batch.read for batch in batches])))
    return slowly(message for segment in segments for message in received_messages(*segment))


def _together(judged: list[Judged], others: Decoded) -> Decoded:
    reject_rows = [row for one in judged for row in one.reject_rows]
    return others._replace(
        positions=pa.concat_tables([*(one.positions for one in judged), others.positions]),
        events=pa.concat_tables([*(one.status_events for one in judged), others.events]),
        rejects=pa.concat_tables([rejects_table(reject_rows), others.rejects]),
    )


class _Messages:
    """The messages of some segments as columns."""

    def __init__(self, segments: list[SegmentRows]) -> None:
        self.segments = segments
        table = pa.concat_tables([rows.select(_COLUMNS) for rows, _, _ in segments])
        sizes = [rows.num_rows for rows, _, _ in segments]
        self.first_of = np.cumsum([0, *sizes])  # message of each segment
        self.segment_of = np.repeat(np.arange(len(segments)), sizes)
        self.received_us = _int64(table["received_us"])
        self.retain = table["retain"].to_numpy().astype(np.bool_)
        self.text, bounds = joined(table["payload"])
        self.begins, self.ends = bounds[:-1], bounds[1:]
        topics = table["topic"].combine_chunks().dictionary_encode()
        self.topics = [parse_topic(topic) for topic in topics.dictionary.to_pylist()]
        self.topic_of = topics.indices.to_numpy().astype(np.int64)
        self._content_type = table["content_type"]

    def of_kind(self, name: str) -> Ints:
        """The messages that a scanner may be able to read."""
        is_position = np.array([topic is not None and topic.kind in ("pos", "his") for topic in self.topics], np.bool_)
        is_wanted = is_position[self.topic_of] & (self.ends - self.begins <= MAX_PAYLOAD_BYTES)
        is_packed = self._is_said_to_be(packed.CONTENT_TYPE)
        begins_packed = np.ones(self.begins.size, np.bool_)
        for place, byte in enumerate(packed.MAGIC):  # where a payload is shorter, the next one or the padding is read
            begins_packed &= self.text[self.begins + place] == byte
        is_packed |= begins_packed
        is_native = ~is_packed & ~self._is_said_to_be(arrow_points.CONTENT_TYPE)
        return np.flatnonzero(is_wanted & (is_packed if name == "packed" else is_native))

    def _is_said_to_be(self, content_type: str) -> Flags:
        return np.asarray(pc.fill_null(pc.equal(self._content_type, content_type), False), np.bool_)

    def payloads(self, wanted: Ints) -> Payloads:
        senders = [topic.sender.encode() if topic else b"" for topic in self.topics]
        return Payloads(self.text, self.begins[wanted], self.ends[wanted], senders, self.topic_of[wanted])

    def others(self, read: list[Ints]) -> Iterator[Received]:
        """The messages that nobody has read, in order of arrival."""
        is_left = np.ones(self.begins.size, np.bool_)
        for numbers in read:
            is_left[numbers] = False
        for place, (table, spool_id, number) in enumerate(self.segments):
            mask = is_left[self.first_of[place] : self.first_of[place + 1]]
            if mask.any():
                yield from received_messages(table.filter(pa.array(mask)), spool_id, number)

    def received(self, number: int) -> Received:
        """One message by itself."""
        place = int(self.segment_of[number])
        table, spool_id, segment_no = self.segments[place]
        (received,) = received_messages(table.slice(number - self.first_of[place], 1), spool_id, segment_no)
        return received

    def hashes(self, read: Ints) -> Ints:
        """As `payload_hash`, or as an erased message still has it."""
        text, found = self.text.data, bytearray()
        for begin, end in zip(self.begins[read].tolist(), self.ends[read].tolist(), strict=True):
            found += blake2b(text[begin:end], digest_size=8).digest()
        hashes = np.frombuffer(found, ">i8").astype(np.int64)
        for place, (table, _, _) in enumerate(self.segments):
            if "payload_hash" in table.column_names:
                first, end = np.searchsorted(read, self.first_of[place : place + 2])
                hashes[first:end] = _int64(table["payload_hash"])[read[first:end] - self.first_of[place]]
        return hashes


class _Batch:
    """The points that a scanner read of some messages, which are those of `read`."""

    def __init__(self, messages: _Messages, name: str, scan: Callable[[Payloads], Points], wanted: Ints) -> None:
        self._messages, self._name, self._wanted = messages, name, wanted
        self._points = scan(messages.payloads(wanted))
        self.read = self._wanted[self._points.is_read]

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
        message = np.repeat(np.arange(self.read.size), counts)
        index = np.arange(message.size) - np.repeat(np.cumsum(counts) - counts, counts)
        frame = pl.DataFrame({name: pl.Series(name, column) for name, column in columns.items()})
        absent = [pl.lit(None, kind).alias(name) for name, kind in POINT_KINDS.items() if name not in columns]
        return frame.with_columns(
            *absent,
            *self._of_messages()[message],
            pl.lit(None, pl.String).alias("extra"),
            pl.lit(None, pl.Boolean).alias("switch_refused"),
            pl.lit(self._name).alias("source_format"),
            pl.Series("message", self.read[message], pl.UInt32),
            pl.Series("point_index", index, pl.Int16),
        )

    def _of_messages(self) -> pl.DataFrame:
        """What the points of a message share."""
        messages, read = self._messages, self.read
        of_topic = pl.DataFrame(
            {
                "tenant_id": [topic.tenant if topic else None for topic in messages.topics],
                "device_id": [topic.sender if topic else None for topic in messages.topics],
                "on_his": [topic is not None and topic.kind == "his" for topic in messages.topics],
            },
            schema={"tenant_id": pl.String, "device_id": pl.String, "on_his": pl.Boolean},
        )
        of_segment = pl.DataFrame(
            [(spool_id, number) for _, spool_id, number in messages.segments],
            schema={"spool_id": pl.String, "segment_no": pl.Int64},
            orient="row",
        )
        return pl.DataFrame(of_topic[messages.topic_of[read]]).with_columns(
            *of_segment[messages.segment_of[read]],
            pl.Series("retain", messages.retain[read], pl.Boolean),
            pl.Series("boot", self._points.boot.filter(pa.array(self._points.is_read))),
            pl.Series("payload_hash", messages.hashes(read), pl.Int64),
            pl.Series("received_us", messages.received_us[read], pl.Int64),
        )

    def _sent(self, number: int) -> Sent:
        received = self._messages.received(number)
        boot = self._points.boot[int(np.searchsorted(self._wanted, number))].as_py()
        parts = partial(native_parts, received.payload) if self._name == "native" else None
        return Sent(received, boot, self._name, number, parts)

    def _values(self, row: int) -> dict[str, Any]:
        return self._frame.row(row, named=True)


def _int64(column: pa.ChunkedArray) -> Ints:
    values = column.cast(pa.int64()).to_numpy()
    return np.asarray(values, np.int64)


def joined(payloads: pa.ChunkedArray) -> tuple[NDArray[np.uint8], Ints]:
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
