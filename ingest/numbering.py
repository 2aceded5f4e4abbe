"""Which numbers of which senders are on disk, of many messages at once?

The compiled form of what `ingest.receipts` reads from each message: it takes what native messages usually look like,
and packed ones, and leaves every other one to be read by itself. What it found is kept as arrays until receipts are
due, and only then brought together by sender and boot.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.packed import MAGIC
from ingest.packets import Bytes, PacketTools, ReadPackedSequences
from ingest.topics import ack_topic, parse_topic

NO_BOOT = np.iinfo(np.int64).min
LEAST_BYTES = 7  # of a number in a message
PADDING = 32  # zero bytes behind packed messages, so that a reader may look a little too far
SENDERS_KNOWN = 1 << 16

Ints = NDArray[np.int64]
Ranges = Sequence[tuple[int, int]]


class Numbered(NamedTuple):
    """Of some messages: their topics, the boots they name, how many numbers each has, and these numbers in a row."""

    topics: pa.Array
    boots: Ints
    counts: NDArray[Any]
    seqs: Ints


def numbered(batch: pa.RecordBatch, tools: PacketTools) -> tuple[list[Numbered], NDArray[np.intp]]:
    """Read the messages of a group commit; also return the rows of those that are to be read one by one."""
    if tools.sequences is None:
        return [], np.arange(batch.num_rows)
    topics, payloads = batch["topic"], batch["payload"]
    begins, names = _offsets(topics), _content(topics)
    offsets, content = _offsets(payloads), _content(payloads)
    is_native = np.diff(begins) > 3
    for place, byte in enumerate(b"tm/"):
        is_native[is_native] = names[begins[:-1][is_native] + place] == byte
    boots, counts = np.empty(is_native.size, np.int64), np.empty(is_native.size, np.int32)
    seqs = np.empty(content.size // LEAST_BYTES, np.int64)
    total = tools.sequences(content, offsets, is_native, boots, counts, seqs)
    found = [_those_with_any(topics, boots, counts, seqs[:total].copy())]
    rest = np.flatnonzero(~is_native | (counts < 0))
    is_packed = is_native[rest] & (np.diff(offsets)[rest] > len(MAGIC))
    for place, byte in enumerate(MAGIC):
        is_packed[is_packed] = content[offsets[rest[is_packed]] + place] == byte
    if tools.packed_sequences is None or not is_packed.any():
        return found, rest
    packed, is_read = _packed(batch.take(pa.array(rest[is_packed])), tools.packed_sequences)
    is_packed[is_packed] = is_read
    return [*found, packed], rest[~is_packed]


def _packed(batch: pa.RecordBatch, read: ReadPackedSequences) -> tuple[Numbered, NDArray[np.bool_]]:
    """Read packed messages; also return which of them could be read."""
    offsets = _offsets(batch["payload"]).astype(np.int64)
    text = np.zeros(offsets[-1] - offsets[0] + PADDING, np.uint8)
    text[:-PADDING] = _content(batch["payload"])[offsets[0] : offsets[-1]]
    encoded = batch["topic"].dictionary_encode()
    topics = [parse_topic(topic) for topic in encoded.dictionary.to_pylist()]
    senders = [b"" if topic is None else topic.sender.encode() for topic in topics]
    bounds = offsets - offsets[0]
    is_read, *numbers = read(text, bounds[:-1], bounds[1:], senders, encoded.indices.to_numpy().astype(np.int64))
    return _those_with_any(batch["topic"], *numbers), is_read


def _those_with_any(topics: pa.Array, boots: Ints, counts: NDArray[Any], seqs: Ints) -> Numbered:
    has_any = counts > 0
    return Numbered(topics.filter(pa.array(has_any)), boots[has_any], counts[has_any], seqs)


def by_sender(found: Sequence[Numbered]) -> Iterator[tuple[str, int | None, Ranges]]:
    """Bring numbers together: for each sender and boot where its receipts go, and the ranges without gaps."""
    if not found:
        return
    encoded = pa.concat_arrays([one.topics for one in found]).dictionary_encode()
    answers = [_answer_topic(topic) for topic in encoded.dictionary.to_pylist()]
    places = {answer: number for number, answer in enumerate(dict.fromkeys(answers))}
    sender_of_topic = np.array([places[answer] for answer in answers], np.int64)
    counts = np.concatenate([one.counts for one in found])
    senders = np.repeat(sender_of_topic[encoded.indices.to_numpy()], counts)
    boots = np.repeat(np.concatenate([one.boots for one in found]), counts)
    seqs = np.concatenate([one.seqs for one in found])
    if not seqs.size:
        return
    order = np.lexsort((seqs, boots, senders))
    senders, boots, seqs = senders[order], boots[order], seqs[order]
    begins_group = np.ones(seqs.size, np.bool_)
    begins_group[1:] = (np.diff(senders) != 0) | (np.diff(boots) != 0)
    begins_range = begins_group.copy()
    begins_range[1:] |= np.diff(seqs) > 1
    firsts = np.flatnonzero(begins_range)
    lasts = np.append(firsts[1:], seqs.size) - 1
    ranges = list(zip(seqs[firsts].tolist(), seqs[lasts].tolist(), strict=True))
    groups = np.flatnonzero(begins_group[firsts])
    names = list(places)
    ends = [*groups[1:].tolist(), len(ranges)]
    for first, end, sender, boot in zip(
        groups.tolist(), ends, senders[firsts[groups]].tolist(), boots[firsts[groups]].tolist(), strict=True
    ):
        answer = names[sender]
        if answer is not None:
            yield answer, None if boot == NO_BOOT else boot, ranges[first:end]


@lru_cache(SENDERS_KNOWN)
def _answer_topic(topic: str) -> str | None:
    parsed = parse_topic(topic)
    return None if parsed is None else ack_topic(parsed)


def _offsets(column: pa.Array) -> NDArray[np.int32]:
    offsets = _view(column.buffers()[1], np.int32)
    return offsets[column.offset : column.offset + len(column) + 1]


def _content(column: pa.Array) -> Bytes:
    return _view(column.buffers()[2] or b"", np.uint8)


def _view(buffer: Any, kind: type) -> NDArray[Any]:
    """Never to be written to: for compiled code an array that may be is one of another type."""
    view: NDArray[Any] = np.frombuffer(buffer, kind)
    view.flags.writeable = False
    return view
