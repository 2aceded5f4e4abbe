"""What does a gateway send in place of its trackers, packing their positions to a few bytes each?

The same points in the same order, as `ingest.packed` writes them; everything else goes through as it is. A packed
message counts its numbers on from the first, so one whose numbers an event interrupted becomes several.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ingest.packed import CONTENT_TYPE, pack
from ingest.unconfirmed import Outgoing


def packed_messages(messages: Iterable[Outgoing]) -> Iterator[Outgoing]:
    """Pack the positions among native messages."""
    for message in messages:
        family, kind = message.topic.split("/")[0], message.topic.rsplit("/", 1)[1]
        if family != "tm" or kind not in ("pos", "his"):
            yield message
            continue
        body = msgspec.json.decode(message.payload)
        for points in _counting_on(body["pts"]):
            packed = pack(body["dev"], points, boot=body["boot"])
            yield message._replace(payload=packed, content_type=CONTENT_TYPE)


def _counting_on(points: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    first = 0
    for place in range(1, len(points) + 1):
        if place == len(points) or points[place]["seq"] != points[place - 1]["seq"] + 1:
            yield points[first:place]
            first = place
