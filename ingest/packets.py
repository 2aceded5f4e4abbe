"""Where in a stream of MQTT packets are the messages, and what does each say about itself?

A scanner walks over the stream and writes a table: a column for each packet, a row for each thing to know. It knows
one kind of packet, the ordinary PUBLISH: whole, QoS 0 or 1, a topic in ASCII that does not begin with `$`, and of the
properties of MQTT 5 those a publisher sets. At anything else it stops and says how long that is; paho reads it.

Here is the plain scanner. A faster one of the same signature may be handed in (`PacketTools`); `tests` hold them equal.
"""

import threading
from collections.abc import Callable
from logging import getLogger
from struct import error as struct_error
from struct import unpack_from
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

logger = getLogger(__name__)

Bytes = NDArray[np.uint8]
Table = NDArray[np.int32]

# The rows of a table. Places are counted from where the scan began. A packet id is 0 at QoS 0, a subscription
# identifier where there is none; a content type that was not sent begins at -1.
TOPIC, TOPIC_SIZE, PAYLOAD, PAYLOAD_SIZE, PACKET_ID, FLAGS, TYPE, TYPE_SIZE, SUBSCRIPTION = range(9)
ROW_COUNT = 9
RETAIN_FLAG, QOS_SHIFT, QOS_MASK = 1, 1, 3  # of FLAGS: the lowest three bits of the packet

# Why a scan stopped: all is read but perhaps a piece of a packet; the table is full; a packet is for paho; what
# stands there cannot be the beginning of a packet.
ENDED, FULL, UNUSUAL, BROKEN = range(4)

PUBLISH = 0x30
_FORMAT, _EXPIRY, _TYPE, _REPLY, _CORRELATION, _SUBSCRIPTION, _USER = 1, 2, 3, 8, 9, 11, 38


# From the stream, where to begin and end, whether it is MQTT 5, how large a packet may be, and the table to fill: how
# many packets were found, where the scan stopped, why, and the size of the packet there where it is unusual.
Scan = Callable[[Bytes, int, int, bool, int, Table], tuple[int, int, int, int]]
# For receipts, from messages, where each begins and ends, and which are wanted: writes the boots they name, how many
# numbers each has (-1: to be read by itself) and these numbers in a row, and returns how many these are.
ReadSequences = Callable[
    [Bytes, Table, NDArray[np.bool_], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]], int
]
# The same from packed messages: a text that ends with zeros, where in it each begins and ends, who may have sent them
# and which of these sent each. Gives which could be read, their boots, how many numbers each has, and these in a row.
ReadPackedSequences = Callable[
    [Bytes, NDArray[np.int64], NDArray[np.int64], list[bytes], NDArray[np.int64]],
    tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
]


class Columns(NamedTuple):
    """Messages as columns as Arrow keeps them: of texts the ends, behind a 0, and the bytes; of flags one bit each."""

    topic_ends: Table
    topics: Bytes
    payload_ends: Table
    payloads: Bytes
    type_ends: Table
    types: Bytes
    typed: Bytes  # which have a content type
    qos: Bytes
    retained: Bytes


# Copies what a table points at out of the packets.
ReadColumns = Callable[[Bytes, Table], Columns]


class PacketTools(NamedTuple):
    """What reading packets in bulk needs that is faster in compiled code."""

    scan: Scan
    columns: ReadColumns
    sequences: ReadSequences | None = None  # without it every message is read by itself
    packed_sequences: ReadPackedSequences | None = None


class Packets(NamedTuple):
    """Messages in a stream: their packets as received, and the table of what is where in them."""

    content: Bytes
    table: Table

    @property
    def message_count(self) -> int:
        return int(self.table.shape[1])

    @property
    def unanswered_ids(self) -> Table:
        """The packet ids that want an acknowledgement, in order of arrival."""
        ids = self.table[PACKET_ID]
        unanswered: Table = ids[ids != 0]
        return unanswered

    def topics(self) -> list[str]:
        content = self.content.tobytes()
        starts, sizes = self.table[TOPIC].tolist(), self.table[TOPIC_SIZE].tolist()
        return [content[start : start + size].decode("ascii") for start, size in zip(starts, sizes, strict=True)]


def empty_table(count: int) -> Table:
    """A table for so many packets."""
    return np.empty((ROW_COUNT, count), np.int32)


def scan(stream: Bytes, start: int, end: int, is_v5: bool, largest: int, table: Table) -> tuple[int, int, int, int]:
    """Walk over the packets of stream[start:end] and write the ordinary ones into `table`; see `Scan`."""
    content = stream[start:end].tobytes()
    rows: list[tuple[int, ...]] = []
    place, verdict, size = 0, ENDED, 0
    while place < len(content):
        if len(rows) == table.shape[1]:
            verdict = FULL
            break
        head = _number(content, place + 1, len(content))
        if head is None:
            verdict = ENDED if len(content) - place < 5 else BROKEN
            break
        length, body = head
        end_of_packet = body + length
        header = content[place]
        if header & 0xF0 != PUBLISH or header & 0x04 or end_of_packet - place > largest:
            verdict, size = UNUSUAL, end_of_packet - place
            break
        if end_of_packet > len(content):
            break
        row = _row(content[place:end_of_packet], body - place, place, is_v5)
        if row is None:
            verdict, size = UNUSUAL, end_of_packet - place
            break
        rows.append(row)
        place = end_of_packet
    if rows:
        table[:, : len(rows)] = np.array(rows, np.int32).T
    return len(rows), start + place, verdict, size


def _number(content: bytes, place: int, end: int) -> tuple[int, int] | None:
    """Read a number of one to four bytes; return it and where it ends."""
    number = 0
    for position in range(place, min(place + 4, end)):
        number |= (content[position] & 0x7F) << 7 * (position - place)
        if content[position] < 0x80:
            return number, position + 1
    return None


def _row(packet: bytes, body: int, begin: int, is_v5: bool) -> tuple[int, ...] | None:
    """The column of one packet, which begins at `begin` in the stream; None for one that is not ordinary."""
    header = packet[0]
    try:
        (topic_size,) = unpack_from(">H", packet, body)
        topic = body + 2
        place = topic + topic_size
        name = packet[topic:place]
        if not name or len(name) < topic_size or name[:1] == b"$" or not name.isascii():
            return None
        packet_id = 0
        if header & 0x02:
            (packet_id,) = unpack_from(">H", packet, place)
            place += 2
            if packet_id == 0:
                return None
        content_type, type_size, subscription = -1, 0, 0
        if is_v5:
            properties = _number(packet, place, len(packet))
            if properties is None:
                return None
            size, place = properties
            if place + size > len(packet):
                return None
            found = _properties(packet[: place + size], place)
            if found is None:
                return None
            content_type, type_size, subscription = found
            place += size
    except struct_error:
        return None
    payload_size = len(packet) - place
    content_type += begin if content_type >= 0 else 0
    what = (header & 0x07, content_type, type_size, subscription)
    return begin + topic, topic_size, begin + place, payload_size, packet_id, *what


def _properties(packet: bytes, place: int) -> tuple[int, int, int] | None:
    """Where the content type is, its size, and the subscription identifier; None where paho should look."""
    content_type, type_size, subscription = -1, 0, 0
    seen: set[int] = set()
    while place < len(packet):
        name = packet[place]
        place += 1
        if name in seen and name != _USER:
            return None  # of several subscription identifiers the table has no place for more than one
        seen.add(name)
        if name == _FORMAT and packet[place : place + 1] in (b"\0", b"\1"):
            place += 1
        elif name == _EXPIRY and place + 4 <= len(packet):
            place += 4
        elif name == _SUBSCRIPTION and (number := _number(packet, place, len(packet))) is not None and number[0]:
            subscription, place = number
        elif name in (_TYPE, _REPLY, _CORRELATION, _USER):
            for _ in range(2 if name == _USER else 1):
                (size,) = unpack_from(">H", packet, place)
                place += 2
                text = packet[place : place + size]
                if len(text) < size or (name != _CORRELATION and (not text.isascii() or b"\0" in text)):
                    return None
                if name == _TYPE:
                    content_type, type_size = place, size
                place += size
        else:
            return None
    return content_type, type_size, subscription


def columns(content: Bytes, table: Table) -> Columns:
    """Copy what a table points at into columns; see `ReadColumns`."""
    held = content.tobytes()

    def texts(start: int, size: int) -> tuple[Table, Bytes]:
        pieces = [held[a : a + n] for a, n in zip(table[start].tolist(), table[size].tolist(), strict=True)]
        ends = np.cumsum([0, *map(len, pieces)], dtype=np.int32)
        return ends, np.frombuffer(b"".join(pieces), np.uint8)

    return Columns(
        *texts(TOPIC, TOPIC_SIZE),
        *texts(PAYLOAD, PAYLOAD_SIZE),
        *texts(TYPE, TYPE_SIZE),
        _bits(table[TYPE] >= 0),
        (table[FLAGS] >> QOS_SHIFT & QOS_MASK).astype(np.uint8),
        _bits(table[FLAGS] & RETAIN_FLAG != 0),
    )


def _bits(flags: NDArray[np.bool_]) -> Bytes:
    return np.packbits(flags, bitorder="little")


PLAIN_TOOLS = PacketTools(scan, columns)


class ToolBox:
    """The tools as they are at the moment: the plain ones until faster ones are loaded.

    Loading compiled code takes a second, or many where it has to be compiled; nobody waits for it.
    """

    def __init__(self, load: Callable[[], PacketTools] | None = None) -> None:
        self.tools = PLAIN_TOOLS
        self.loaded = threading.Event()
        if load is not None:
            threading.Thread(target=self._fetch, args=(load,), name="tools", daemon=True).start()

    def _fetch(self, load: Callable[[], PacketTools]) -> None:
        try:
            self.tools = load()
        except Exception:
            logger.exception("no compiled code to read packets with; the plain way goes on")
        self.loaded.set()
