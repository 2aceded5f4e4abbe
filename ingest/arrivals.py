"""What has arrived and is not on disk yet, and how does it become a batch of the spool?

Messages come in two forms: one by one from paho, and lifted out of its socket by the thousand, as packets with a table
of what is where in them (`ingest.packets`). Of the second no message becomes a Python object: they are copied once,
out of what was read and into the columns that go to the disk.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.open_segment import SCHEMA, Message, message_batch
from ingest.packets import Packets, ReadColumns, Table

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
    """Messages lifted out of one connection together: those that are ours, and what acknowledging all of them needs."""

    batch: pa.RecordBatch
    connection: int
    unanswered_ids: Table
    message_count: int
    size_bytes: int


Arrived = Arrival | Lifted


def lifted(
    packets: Packets,
    columns: ReadColumns,
    *,
    connection: int,
    received_us: int,
    is_ours: NDArray[np.bool_] | None = None,
) -> Lifted:
    """Copy messages out of the stream they were found in; `is_ours` is None where all are."""
    table = np.ascontiguousarray(packets.table if is_ours is None else packets.table[:, is_ours])
    found = columns(packets.content, table)
    count = table.shape[1]
    arrays = [
        _array(pa.string(), count, None, found.topic_ends, found.topics),
        _array(pa.binary(), count, None, found.payload_ends, found.payloads),
        _array(pa.int64(), count, None, np.full(count, received_us, np.int64)),
        _array(pa.uint8(), count, None, found.qos),
        _array(pa.bool_(), count, None, found.retained),
        _array(pa.string(), count, found.typed, found.type_ends, found.types),
    ]
    ids = packets.unanswered_ids
    size = sum(part.nbytes for part in found) + 8 * count + ids.nbytes
    return Lifted(pa.RecordBatch.from_arrays(arrays, schema=SCHEMA), connection, ids, packets.message_count, size)


def _array(kind: pa.DataType, count: int, *buffers: NDArray[Any] | None) -> pa.Array:
    return pa.Array.from_buffers(kind, count, [None if buffer is None else pa.py_buffer(buffer) for buffer in buffers])


def arrived_batch(arrivals: Sequence[Arrived]) -> pa.RecordBatch:
    """Turn those messages that are ours into one batch of SCHEMA, in the order of arrival."""
    batches: list[pa.RecordBatch] = []
    for is_lifted, run in groupby(arrivals, lambda arrived: isinstance(arrived, Lifted)):
        together: list[Any] = list(run)
        if is_lifted:
            batches.extend(one.batch for one in together)
        elif ours := [arrival.message for arrival in together if arrival.is_ours]:
            batches.append(message_batch(ours))
    if len(batches) == 1:
        return batches[0]
    return pa.concat_batches(batches) if batches else message_batch(())
