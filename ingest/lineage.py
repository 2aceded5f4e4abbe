"""Which raw messages stand behind rows of the lake?

A row names its spool, its segment and a digest of the payload it came from; the message itself lies in the sealed
segment for as long as the spool keeps it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ingest.received import Received, received_messages
from ingest.spool import read_segment, sealed_segments, spool_folders


class Source(NamedTuple):
    """Where the message behind a row is."""

    spool_id: str
    segment_no: int
    payload_hash: int


def raw_messages(spool_dir: Path, wanted: Iterable[Source]) -> list[Received]:
    """Return those of the wanted messages that the spool still has, in order of arrival; of redeliveries the first."""
    by_segment: dict[tuple[str, int], set[int]] = {}
    for source in wanted:
        by_segment.setdefault((source.spool_id, source.segment_no), set()).add(source.payload_hash)
    found: list[Received] = []
    for folder in spool_folders(spool_dir):
        for segment in sealed_segments(folder):
            missing = by_segment.get((segment.spool_id, segment.number), set())
            if not missing:
                continue
            for received in received_messages(read_segment(segment.path), segment.spool_id, segment.number):
                if received.payload_hash in missing:
                    missing.discard(received.payload_hash)
                    found.append(received)
    return sorted(found, key=lambda received: (received.received_us, received.segment_no))
