"""Which segments are decoded together, and what is in them?

A group is decoded without looking at anything else, so who loads may have that done elsewhere; see `Mapper`.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ingest.adapters.sources import Sources
from ingest.decode import Decoded
from ingest.erasing import without_erased
from ingest.scanned import Scanners, SegmentRows, decode_segments
from ingest.spool import Segment, read_segment
from ingest.tombstones import Tombstones

GROUP_BYTES = 12 * 1024 * 1024  # sealed (compressed) bytes decoded and committed together; about ten times that as JSON
GROUP_SEGMENTS = 500
FEW_BYTES = 256 * 1024  # of messages; up to so many are decoded before compiled code is even loaded


class GroupRows(NamedTuple):
    """What is in a group of segments, without what was erased; and how many messages that is."""

    decoded: Decoded
    messages: int


Decode = Callable[[list[Segment]], GroupRows]
# Decodes groups, here or elsewhere, and yields what is in them in their order.
Mapper = Callable[[Decode, Iterable[list[Segment]]], Iterator[GroupRows]]


def groups(segments: list[Segment]) -> Iterator[list[Segment]]:
    """Deal segments of one spool, oldest first, into groups of about as many bytes each."""
    group: list[Segment] = []
    size = 0
    for segment in segments:
        segment_size = Path(segment.path).stat().st_size
        if group and (size + segment_size > GROUP_BYTES or len(group) == GROUP_SEGMENTS):
            yield group
            group, size = [], 0
        group.append(segment)
        size += segment_size
    if group:
        yield group


def decoded_group(
    group: list[Segment],
    *,
    max_age_days: float,
    sources: Sources,
    tombstones: Tombstones,
    scanners: Scanners | None,
) -> GroupRows:
    """Decode all messages of a group, few of them without `scanners`."""
    messages = 0

    def walk() -> Iterator[SegmentRows]:
        nonlocal messages
        for segment in group:
            rows = read_segment(segment.path)
            messages += rows.num_rows
            yield SegmentRows(rows, segment.spool_id, segment.number)

    found: Iterable[SegmentRows] = walk()
    if sum(Path(segment.path).stat().st_size for segment in group) <= FEW_BYTES / 8:  # sealed
        found = list(found)
        if sum(rows.table.nbytes for rows in found) <= FEW_BYTES:
            scanners = None
    decoded = decode_segments(found, max_age_days=max_age_days, sources=sources, scanners=scanners)
    return GroupRows(without_erased(decoded, tombstones), messages)
