"""Where on the broker does which kind of message arrive, and how is a topic read?

    tm/v1/{tenant}/{device}/pos|evt|sta|his    vans: positions, events, status, backlog
    fc/v1/{tenant}/{provider}/txn              bridges: fuel-card records
    rt/v1/{tenant}/{depot}/plan                bridges: route plans

A third level below the sender, `ack`, carries our receipts back to publishers.
Foreign formats keep the topics their senders use (`ingest.adapters`).
We never subscribe to `#`: it would bring our own receipts back to us.
"""

from itertools import zip_longest
from typing import Literal, NamedTuple, cast

Family = Literal["tm", "fc", "rt"]

KINDS: dict[str, tuple[str, ...]] = {"tm": ("pos", "evt", "sta", "his"), "fc": ("txn",), "rt": ("plan",)}
ACK = "ack"

SUBSCRIPTIONS: tuple[str, ...] = tuple(f"{family}/v1/+/+/{kind}" for family, kinds in KINDS.items() for kind in kinds)

# What the formats we know from the start are sent on; mapping files add to it.
FOREIGN_SUBSCRIPTIONS: tuple[str, ...] = (
    "owntracks/+/+",
    "owntracks/+/+/event",
    "traccar/positions",
    "flespi/message/gw/devices/+",
    "+/data",  # Teltonika JSON: the first level is the IMEI
    "/hfp/v1/journey/ongoing/+/+/+/+/#",
    "/hfp/v1/deadrun/ongoing/+/+/+/#",
    "/hfp/v2/journey/ongoing/vp/+/+/+/+/#",
    "/hfp/v2/deadrun/ongoing/vp/+/+/+/#",
    "fleet/+/telemetry",
    "fleet/+/fuel",
    "fleet/+/event",
    "/+/report",  # PUI
    "telemetry/transport/+",
    "telemetry/route/+",
    "gtfsrt/vp/+",
    "probe/+",
    "openxc/+",
)

# What mosquitto says of itself; only the collector asks.
SYSTEM_PREFIX = "$SYS/"
VERSION_TOPIC = "$SYS/broker/version"
DROPPED_TOPIC = "$SYS/broker/publish/messages/dropped"
SYSTEM_SUBSCRIPTIONS: tuple[str, ...] = (VERSION_TOPIC, DROPPED_TOPIC)

# Taken back to hear an answer: by then the broker has read all that we sent before. Nobody publishes there.
NO_TOPIC = "odograph/goodbye"

ACK_SUBSCRIPTIONS: tuple[str, ...] = tuple(f"{family}/v1/+/+/{ACK}" for family in KINDS)


MAX_NAME_BYTES = 128  # of a tenant or a sender: what broker client ids may have


class Topic(NamedTuple):
    """The parts of a native topic; `sender` is the device, the provider or the depot."""

    family: Family
    version: str
    tenant: str
    sender: str
    kind: str


def parse_topic(topic: str) -> Topic | None:
    """Read a native topic; None for one that is not in the tree, foreign topics among them."""
    parts = topic.split("/")
    if len(parts) != 5 or parts[1] != "v1" or not parts[2] or not parts[3]:
        return None
    if parts[4] not in KINDS.get(parts[0], ()):
        return None
    if max(len(parts[2].encode()), len(parts[3].encode())) > MAX_NAME_BYTES:
        return None
    return Topic(cast(Family, parts[0]), *parts[1:])


def ack_topic(topic: Topic) -> str:
    """Name the topic on which the sender of `topic` hears what is on disk."""
    return f"{topic.family}/{topic.version}/{topic.tenant}/{topic.sender}/{ACK}"


OUR_TREES: tuple[str, ...] = ("tm/v1/#", "fc/v1/#", "rt/v1/#", "qa/v1/#")


def covers(wide: str, narrow: str) -> bool:
    """Whether every topic of the subscription `narrow`, which may be a topic itself, is one of `wide`."""
    for left, right in zip_longest(wide.split("/"), narrow.split("/")):
        if left == "#":
            return True
        if left is None or right in (None, "#") or left not in ("+", right):
            return False
    return True


def overlaps(one: str, other: str) -> bool:
    """Whether some topic belongs to both subscriptions."""
    for left, right in zip_longest(one.split("/"), other.split("/")):
        if "#" in (left, right):
            return True
        if left is None or right is None or ("+" not in (left, right) and left != right):
            return False
    return True


def without_covered(subscriptions: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what another subscription brings anyway: a broker may deliver once for each that fits."""
    distinct = tuple(dict.fromkeys(subscriptions))
    return tuple(one for one in distinct if not any(covers(other, one) for other in distinct if other != one))
