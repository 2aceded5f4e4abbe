"""What does the collector count while it works?

Each count has one writing thread and is read by others as it stands, so none needs a lock. What is counted for each
message is counted by the writer for a whole group commit at once. Nothing is counted for each device: what a metric
is split by is a kind of topic, and there are few of them.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.topics import FOREIGN_SUBSCRIPTIONS, KINDS

NATIVE_KINDS = frozenset((family, kind) for family, kinds in KINDS.items() for kind in kinds)
USUAL_FIRST = sorted(NATIVE_KINDS, key=lambda native: (native != ("tm", "pos"), native))
FOREIGN_FAMILIES = frozenset(topic.lstrip("/").split("/")[0] for topic in FOREIGN_SUBSCRIPTIONS) - {"+"}
SHORTEST_NATIVE = len("tm/v1/a/b/pos")
WORD_BYTES = 8
HEAD_MASK = np.uint64(0xFFFFFF)
# Upper bounds; a commit to a solid-state disk takes 1 to 5 ms.
FLUSH_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

TopicKind = tuple[str, str]  # family and kind, such as ("tm", "pos")


def _native_words() -> Iterator[tuple[TopicKind, np.uint64, np.uint64, np.uint64]]:
    """Of each native kind its first bytes as a number, how far to shift a word for its last ones, and these."""
    for family, kind in USUAL_FIRST:
        head, tail = f"{family}/".encode(), f"/{kind}".encode()
        shift = np.uint64(8 * (WORD_BYTES - len(tail)))
        yield (
            (family, kind),
            np.uint64(int.from_bytes(head, "little")),
            shift,
            np.uint64(int.from_bytes(tail, "little")),
        )


NATIVE_WORDS = list(_native_words())


class Meter:
    """Counts of the writer: what arrived, how long flushing took, whether the disk takes it."""

    def __init__(self) -> None:
        self.message_counts: Counter[TopicKind] = Counter()
        self.payload_bytes: Counter[TopicKind] = Counter()
        self.commit_count = 0
        self.left_to_others_count = 0
        self.last_message_us: int | None = None  # when the newest message was received, Unix time
        self.flush_counts = [0] * (len(FLUSH_BUCKETS_S) + 1)  # by bucket; the last one has no upper bound
        self.flush_total_s = 0.0
        self.write_failure_count = 0
        self.write_error: str | None = None  # while the spool cannot be written
        self.clock_jump_count = 0

    @property
    def message_count(self) -> int:
        return sum(list(self.message_counts.values()))

    def count(self, batch: pa.RecordBatch, left_to_others_count: int = 0) -> None:
        """Count one group commit that is on disk."""
        self.left_to_others_count += left_to_others_count
        if not batch.num_rows:
            return
        self.commit_count += 1
        for kind, count, size in kind_counts(batch["topic"], batch["payload"]):
            self.message_counts[kind] += count
            self.payload_bytes[kind] += size
        self.last_message_us = batch["received_us"][-1].as_py()

    def timed(self, sync: Callable[[int], None]) -> Callable[[int], None]:
        """Wrap a flush to disk so that its duration is counted, also where it fails."""

        def timed_sync(descriptor: int) -> None:
            started_s = perf_counter()
            try:
                sync(descriptor)
            finally:
                spent_s = perf_counter() - started_s
                self.flush_counts[bisect_left(FLUSH_BUCKETS_S, spent_s)] += 1
                self.flush_total_s += spent_s

        return timed_sync


def kind_counts(topics: pa.Array, payloads: pa.Array) -> list[tuple[TopicKind, int, int]]:
    """Count messages, and the bytes of their payloads, by kind of topic; a kind may come more than once.

    Nearly all topics are native, and of those the first three and the last four or five bytes tell the kind. These are
    compared for all at once, as parts of words of eight bytes; each of the others is looked at by itself.
    """
    offsets, text = _offsets(topics), topics.buffers()[2]
    sizes = np.diff(_offsets(payloads))
    rows = np.arange(sizes.size)
    counts = []
    if text is not None and text.size >= WORD_BYTES:
        words: NDArray[np.uint64] = np.ndarray((text.size - WORD_BYTES + 1,), "<u8", text, strides=(1,))
        rows = np.flatnonzero(np.diff(offsets) >= SHORTEST_NATIVE)
        others = np.flatnonzero(np.diff(offsets) < SHORTEST_NATIVE)
        heads, tails = words[offsets[rows]] & HEAD_MASK, words[offsets[rows + 1] - WORD_BYTES]
        for native, head, tail_shift, tail in NATIVE_WORDS:
            if not rows.size:
                break
            is_it = (heads == head) & (tails >> tail_shift == tail)
            if is_it.all():  # nearly always, and at once
                counts.append((native, rows.size, int(sizes[rows].sum())))
                rows = rows[:0]
            elif is_it.any():
                found = rows[is_it]
                counts.append((native, found.size, int(sizes[found].sum())))
                rows, heads, tails = rows[~is_it], heads[~is_it], tails[~is_it]
        rows = np.concatenate([others, rows])
    for row in rows.tolist():
        counts.append((topic_kind(topics[row].as_py()), 1, int(sizes[row])))
    return counts


def _offsets(column: pa.Array) -> NDArray[np.int32]:
    """Where the values of a column of text or bytes begin and end."""
    offsets: NDArray[Any] = np.frombuffer(column.buffers()[1], np.int32)
    return offsets[column.offset : column.offset + len(column) + 1]


def topic_kind(topic: str) -> TopicKind:
    """Sort a topic into one of a few kinds, whatever a sender may call itself.

    Of a native topic the family and the kind; `foreign` and its family otherwise.
    """
    levels = topic.split("/")
    kind = (levels[0], levels[-1])
    if kind in NATIVE_KINDS:
        return kind
    family = topic.lstrip("/").partition("/")[0]
    return "foreign", family if family in FOREIGN_FAMILIES else "other"


def percentile_bound_s(flush_counts: Sequence[int], share: float) -> float | None:
    """Bound the duration that this share of flushes stayed below; None without flushes, infinity above all bounds."""
    wanted = share * sum(flush_counts)
    reached = 0
    for count, bound_s in zip(flush_counts, (*FLUSH_BUCKETS_S, float("inf")), strict=True):
        reached += count
        if count and reached >= wanted:
            return bound_s
    return None
