"""Is a payload a native message at all: JSON, of a version we know, and from whom its topic says?"""

from typing import Any

import msgspec

from ingest.native import MAX_POINTS, VERSION
from ingest.received import Received, Undecodable


def json_object(received: Received) -> dict[str, Any]:
    """Parse a payload to the object every native message is, with a version we know."""
    try:
        document = msgspec.json.decode(received.payload)
    except (msgspec.DecodeError, ValueError) as error:
        raise Undecodable("not_json") from error
    if not isinstance(document, dict):
        raise Undecodable("not_an_object")
    version = document.get("v")
    if version is None:
        raise Undecodable("missing_version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise Undecodable("wrong_type")
    if version != VERSION:
        raise Undecodable("unknown_version")
    return document


def checked_envelope(received: Received, document: dict[str, Any]) -> tuple[list[Any], int | None]:
    """The points and the boot of a `pos` or `his` message; raise Undecodable for one that is none."""
    assert received.topic is not None
    device, points, boot, sent = (document.get(key) for key in ("dev", "pts", "boot", "sent"))
    if device is None or points is None:
        raise Undecodable("missing_field")
    if (
        not isinstance(device, str)
        or not isinstance(points, list)
        or not (boot is None or (type(boot) is int and -(2**63) <= boot < 2**63))
        or not (sent is None or type(sent) in (int, float))
    ):
        raise Undecodable("wrong_type")
    if device != received.topic.sender:
        raise Undecodable("device_mismatch")
    if not points:
        raise Undecodable("no_points")
    if len(points) > MAX_POINTS:
        raise Undecodable("too_many_points")
    return points, boot
