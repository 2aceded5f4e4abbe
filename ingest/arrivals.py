"""What has arrived and is not on disk yet, and how does it become a batch of the spool?

Messages come in two forms: one by one from paho, and lifted out of its socket by the thousand, as packets with a table
of what is where in them (`ingest.packets`). Of the second no message becomes a Python object: the columns of the
batch are gathered from the packets.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.open_segment import SCHEMA, Message, message_batch
from ingest.packets import PAYLOAD, PAYLOAD_SIZE, TOPIC, TOPIC_SIZE, TYPE, TYPE_SIZE, Gather, Packets, Table

OVERHEAD_BYTES = 500  # of a message in memory, beside topic and payload


class Arrival(NamedTuple):
    """A message and what its acknowledgement needs: which connection brought it, under which packet id.

    One that another collector keeps is acknowledged in its turn and goes no further.
    """

    message: Message
    connection: int
    packet_id: int
    is_ours: bool = True

    @property
    def message_count(self) -> int:
        return 1

    @property
    def size_bytes(self) -> int:
        return len(self.message.payload) + len(self.message.topic) + OVERHEAD_BYTES


class Lifted(NamedTuple):
    """Messages lifted out of one connection together; `is_ours` is None where all are."""

    packets: Packets
    connection: int
    received_us: int
    is_ours: NDArray[np.bool_] | None = None

    @property
    def message_count(self) -> int:
        return self.packets.message_count

    @property
    def size_bytes(self) -> int:
        return self.packets.size_bytes

    @property
    def kept(self) -> Table:
        """The table of those that are ours."""
        table = self.packets.table
        return table if self.is_ours is None else np.ascontiguousarray(table[:, self.is_ours])


Arrived = Arrival | Lifted


def arrived_batch(arrivals: Sequence[Arrived], gather: Gather) -> pa.RecordBatch:
    """Turn those messages that are ours into one batch of SCHEMA, in the order of arrival."""
    batches = []
    for is_lifted, run in groupby(arrivals, lambda arrived: isinstance(arrived, Lifted)):
        together: list[Any] = list(run)
        if is_lifted:
            batches.append(_lifted_batch(together, gather))
        elif ours := [arrival.message for arrival in together if arrival.is_ours]:
            batches.append(message_batch(ours))
    if len(batches) == 1:
        return batches[0]
    return pa.concat_batches(batches) if batches else message_batch(())


def _lifted_batch(run: Sequence[Lifted], gather: Gather) -> pa.RecordBatch:
    tables = [lifted.kept for lifted in run]
    contents = [lifted.packets.content for lifted in run]
    counts = [table.shape[1] for table in tables]
    received_us = np.repeat([lifted.received_us for lifted in run], counts)
    packets = [Packets(content, table) for content, table in zip(contents, tables, strict=True)]
    columns = [
        _texts(pa.string(), packets, TOPIC, TOPIC_SIZE, gather),
        _texts(pa.binary(), packets, PAYLOAD, PAYLOAD_SIZE, gather),
        pa.array(received_us, pa.int64()),
        pa.array(np.concatenate([one.qos for one in packets])),
        pa.array(np.concatenate([one.retain for one in packets])),
        _texts(pa.string(), packets, TYPE, TYPE_SIZE, gather),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _texts(kind: pa.DataType, packets: Sequence[Packets], start: int, size: int, gather: Gather) -> pa.Array:
    """A column of pieces of the packets; null where one begins at -1."""
    sizes = np.concatenate([one.table[size] for one in packets])
    offsets = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    content = np.empty(offsets[-1], np.uint8)
    is_there = np.concatenate([one.table[start] for one in packets]) >= 0
    if offsets[-1]:
        place = row = 0
        for one in packets:
            row += one.message_count
            gather(one.content, one.table[start], one.table[size], content[place : offsets[row]])
            place = offsets[row]
    validity = None if is_there.all() else pa.py_buffer(np.packbits(is_there, bitorder="little"))
    buffers = [validity, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(content)]
    return pa.Array.from_buffers(kind, sizes.size, buffers)
