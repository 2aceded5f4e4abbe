"""What does the file look like that the collector is writing?

An Arrow IPC stream, one record batch for each group commit.
Each batch carries a checksum, so that after a crash the file can be cut behind the last batch that is whole.
A batch whose bytes did not reach the disk is cut away at once, so that it can be written again.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.durable import FILE_MODE, Buffer, sync_path, write_all
from ingest.listing import OPEN_SUFFIX

SCHEMA = pa.schema(
    [
        ("topic", pa.string()),
        ("payload", pa.binary()),
        ("received_us", pa.int64()),  # Unix time, microseconds
        ("qos", pa.uint8()),
        ("retain", pa.bool_()),
        ("content_type", pa.string()),
    ]
)
WIDTHS = (None, None, 8, 1, 0, None)  # bytes of a value; 0 is a bit, None has a length of its own
CHECKSUM_KEY = b"crc32"


class Message(NamedTuple):
    """One MQTT message as received; `content_type` is MQTT 5 only."""

    topic: str
    payload: bytes
    received_us: int
    qos: int
    retain: bool
    content_type: str | None


class WholePart(NamedTuple):
    """The batches of an open segment that are whole, where in the file the last ends, and how many were skipped."""

    batches: list[pa.RecordBatch]
    end_byte: int
    damaged_count: int


def message_batch(messages: Sequence[Message]) -> pa.RecordBatch:
    """Turn messages into one record batch of SCHEMA."""
    columns = zip(*messages, strict=True) if messages else [()] * len(SCHEMA)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


class StreamEncoder:
    """Turns batches into the bytes of an open segment; the caller writes them.

    A batch does not depend on the ones before it, so a batch whose bytes could not be
    written may be encoded and written again.
    """

    def __init__(self) -> None:
        self._pending: list[Buffer] = []
        self.header = SCHEMA.serialize().to_pybytes()
        self._writer = pa.ipc.new_stream(pa.PythonFile(self, mode="w"), SCHEMA)
        # Arrow writes its own header before the first batch; an empty one takes it out of the way,
        # so that the bytes of a batch are the same however often they are asked for.
        self._writer.write_batch(pa.RecordBatch.from_pylist([], schema=SCHEMA))
        self._take()

    def pieces(self, batch: pa.RecordBatch) -> list[Buffer]:
        """Encode the messages of one group commit, checksum included; most pieces are the batch's own memory."""
        self._writer.write_batch(batch, custom_metadata={CHECKSUM_KEY: str(checksum(batch)).encode()})
        return self._take()

    def write(self, piece: Buffer) -> int:
        """Receive bytes from Arrow, which sees this object as a file."""
        self._pending.append(piece)
        return len(piece)

    def flush(self) -> None:
        """Do nothing: the caller writes and flushes."""

    @property
    def closed(self) -> bool:
        """Say that more may be written, as Arrow asks."""
        return False

    def _take(self) -> list[Buffer]:
        taken, self._pending = self._pending, []
        return taken


def checksum(batch: pa.RecordBatch) -> int:
    """Compute the CRC-32 of a batch's values.

    It is taken over the values, not over Arrow's buffers as they are, because padding and
    the unused bits of a bitmap may differ between a batch that was built and one that was read.
    """
    count = batch.num_rows
    crc = crc32(count.to_bytes(8, "little"))
    for column, width in zip(batch.columns, WIDTHS, strict=True):
        valid, *buffers = column.buffers()
        if width is None:
            offsets = memoryview(buffers[0])[: 4 * (count + 1)]
            end = int.from_bytes(offsets[-4:], "little")
            crc = crc32(memoryview(buffers[1] or b"")[:end], crc32(offsets, crc))
        elif width == 0:
            crc = crc32(_flags(buffers[0], count).data, crc)
        else:
            crc = crc32(memoryview(buffers[0])[: width * count], crc)
        if column.null_count:
            crc = crc32((1 - _flags(valid, count)).data, crc)
    return crc


def _flags(bits: Buffer, count: int) -> NDArray[np.uint8]:
    """A byte of 0 or 1 for each bit."""
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=count, bitorder="little")


def whole_part(content: bytes) -> WholePart:
    """Read the whole batches of what an open segment holds.

    A batch whose checksum does not fit is skipped and counted; reading ends where the file is torn.
    """
    read = pa.BufferReader(content)
    batches: list[pa.RecordBatch] = []
    whole_end = damaged = skipped = 0
    try:
        reader = pa.ipc.open_stream(read)
        while True:
            batch, metadata = reader.read_next_batch_with_custom_metadata()
            batch.validate(full=True)
            if metadata is None or int(metadata[CHECKSUM_KEY]) != checksum(batch):
                skipped += 1
                continue
            batches.append(batch)
            whole_end = read.tell()
            damaged = skipped  # what is skipped behind the last whole batch is a torn end
    except (StopIteration, KeyError, ValueError, OSError):
        # pyarrow's errors are ValueErrors and OSErrors. Whatever is behind the last whole batch
        # was never acknowledged, so the broker sends it again.
        pass
    return WholePart(batches, whole_end, damaged)


class OpenSegment:
    """The file being written; `end_byte` is where its last whole batch ends."""

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self.path = folder / f"{number:012d}{OPEN_SUFFIX}"
        self.started_s = monotonic()
        self.end_byte = 0
        self.message_count = 0
        self.is_clean = True
        self._encoder = StreamEncoder()
        self._file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE)
        try:
            sync_path(folder)
        except OSError:
            os.close(self._file)
            self.path.unlink()  # left behind, its number would hold back all later ones
            raise

    def append(self, batch: pa.RecordBatch, sync: Callable[[int], None]) -> None:
        """Write one batch and flush it; raise OSError, and keep nothing of it, where that fails."""
        pieces = self._encoder.pieces(batch)
        if self.end_byte == 0:
            self.started_s = monotonic()
            pieces.insert(0, self._encoder.header)
        try:
            write_all(self._file, *pieces)
            sync(self._file)
        except OSError:
            self._cut_back()
            raise
        self.end_byte += sum(map(len, pieces))
        self.message_count += batch.num_rows

    def close(self) -> None:
        """Write no more."""
        os.close(self._file)

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._file, self.end_byte)
            os.lseek(self._file, self.end_byte, os.SEEK_SET)
        except OSError:
            self.is_clean = False  # the next batch goes to a new segment; this one is read up to end_byte
