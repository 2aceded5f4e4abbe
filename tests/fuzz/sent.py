"""How many points does a native message hold? Counted without the decoder, to see whether it loses any."""

import json
from collections import Counter

import pyarrow as pa

from ingest.arrow_points import CONTENT_TYPE
from ingest.decode import Decoded
from ingest.received import Received


def points_sent(message: Received) -> int | None:
    """How many points a native message holds, None where that cannot be said."""
    if message.topic is None or message.topic.family != "tm" or message.topic.kind not in ("pos", "his"):
        return None
    try:
        if message.content_type == CONTENT_TYPE or message.payload.startswith(b"\xff\xff\xff\xff"):
            return _rows_sent(message.payload)
        points = json.loads(message.payload)["pts"]
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return len(points) if isinstance(points, list) else None


def _rows_sent(payload: bytes) -> int:
    """The rows of all streams of a payload; whatever follows the last one counts as one more."""
    row_count, rest = 0, pa.BufferReader(payload)
    while rest.tell() < len(payload):
        try:
            row_count += pa.ipc.open_stream(rest).read_all().num_rows
        except (pa.ArrowException, OSError):
            return row_count + 1
        if not payload[rest.tell() :].strip(b"\0"):
            break
    return row_count


def lost_points(messages: list[Received], decoded: Decoded) -> dict[int, str]:
    """By the number of a message, what became of its points where that is not what was sent."""
    rejects = decoded.rejects.to_pylist()
    whole = {row["segment_no"] for row in rejects if row["point_index"] is None}
    kept = Counter(decoded.positions["segment_no"].to_pylist())
    kept.update(row["segment_no"] for row in rejects if row["point_index"] is not None)
    return {
        message.segment_no: f"{kept[message.segment_no]} of {sent} points"
        for message in messages
        if message.segment_no not in whole
        and (sent := points_sent(message)) is not None
        and kept[message.segment_no] != sent
    }
