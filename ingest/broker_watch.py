"""What will the broker hold for us while we are away, how do we know, and does it drop messages?

Three sources, none complete: what it grants at connecting, what mosquitto says of itself below $SYS, and its
configuration where ODOGRAPH_BROKER_CONF names it. Each doubt is logged once: a warning where messages would be
lost, a plain line where something could not be learned. A broker that drops acknowledges all the same, so its own
count of dropped messages, where it has one, is watched for as long as we are connected.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import NamedTuple, Self

from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.properties import Properties

from ingest.native import MAX_PAYLOAD_BYTES
from ingest.topics import DROPPED_TOPIC, VERSION_TOPIC

logger = logging.getLogger(__name__)

ANSWER_S = 5.0
# What mosquitto 2 does where its configuration says nothing.
MOSQUITTO_WINDOW = 20
MOSQUITTO_QUEUE = "1000"
MOSQUITTO_AUTOSAVE_S = "1800"
LONGEST_AUTOSAVE_S = 60
UNIT_S = {"h": 3600, "d": 86_400, "w": 604_800, "m": 2_592_000, "y": 31_536_000}
LEAST_QUEUE_MESSAGES = 100_000_000
LEAST_QUEUE_BYTES = 64 << 20  # a night of 40 vans: 250 messages a minute of some 400 bytes
QUEUE_ADVICE = "set max_queued_messages 2000000000 and a max_queued_bytes (`odograph broker-config` does)"


class Granted(NamedTuple):
    """What a broker said when it let us in; None where it said nothing, which in MQTT 5 means: as asked, no limit."""

    is_v5: bool
    session_expiry_s: int | None = None
    receive_maximum: int | None = None
    maximum_packet_bytes: int | None = None
    is_resumed: bool = False  # it kept our session, and what it queued there
    names_subscriptions: bool = False  # on each message, by the number we gave them

    @classmethod
    def of(cls, protocol: MQTTProtocolVersion, properties: Properties | None, *, is_resumed: bool) -> Self:
        """Read the answer to a CONNECT; properties appear as attributes only when they were sent."""
        is_v5 = protocol == MQTTProtocolVersion.MQTTv5
        return cls(
            is_v5,
            getattr(properties, "SessionExpiryInterval", None),
            getattr(properties, "ReceiveMaximum", None),
            getattr(properties, "MaximumPacketSize", None),
            is_resumed,
            is_v5 and getattr(properties, "SubscriptionIdentifierAvailable", 1) == 1,
        )


class BrokerWatch:
    """Compares what we need with what the broker tells; see the module."""

    def __init__(self, *, session_expiry_s: float, clean_session: bool = False, conf: Path | None = None) -> None:
        self._asked_s = session_expiry_s
        self._clean_session = clean_session
        self._conf = conf
        self._granted: Granted | None = None
        self._version: str | None = None
        self._dropped: int | None = None
        self._judge_s: float | None = None
        self._said: set[str] = set()

    def connected(self, granted: Granted) -> None:
        """Take what the broker grants; it has a few seconds to say more."""
        self._granted = granted
        self._judge_s = monotonic() + ANSWER_S

    def heard(self, topic: str, payload: bytes) -> None:
        """Take what the broker says of itself."""
        if topic == VERSION_TOPIC:
            self._version = payload[:100].decode(errors="replace")
            self._judge_s = monotonic()
        elif topic == DROPPED_TOPIC and payload.isdigit():
            self._count_dropped(int(payload[:20]))

    def turn(self) -> None:
        """Judge once the broker has had its time."""
        if self._judge_s is not None and self._granted is not None and monotonic() >= self._judge_s:
            self._judge_s = None
            self._judge(self._granted)

    def _count_dropped(self, count: int) -> None:
        before = self._dropped or 0
        if count < before:  # it counts from its own start
            before = 0
        if count > before:
            logger.warning("a queue of the broker is full: it dropped %d messages, %d in all", count - before, count)
        self._dropped = count

    def _judge(self, granted: Granted) -> None:
        limit = granted.maximum_packet_bytes
        if limit is not None and limit <= MAX_PAYLOAD_BYTES:
            self._warn(f"the broker takes packets up to {limit} bytes: larger messages never reach us")
        if self._clean_session:
            self._warn("with ODOGRAPH_CLEAN_SESSION the broker holds nothing for us: publishers need an outbox")
            return
        given = granted.session_expiry_s
        if given is not None and given < self._asked_s:
            self._warn(
                f"the broker keeps our session for {given} s and not the {self._asked_s:.0f} s we asked for:"
                " what arrives later while we are away is lost"
            )
        if not granted.is_v5:
            self._warn("MQTT 3.1.1: the broker does not say for how long it keeps our session; see its configuration")
        if self._conf is not None:
            self._judge_conf(self._conf)
        elif self._version is None:
            self._tell("the broker does not say what it is: could not learn how much it queues while we are away")
        elif "mosquitto" not in self._version:
            self._tell(f"{self._version}: could not learn how much it queues while we are away")
        elif granted.receive_maximum == MOSQUITTO_WINDOW:
            self._warn(
                f"{self._version} has the default window of {MOSQUITTO_WINDOW} messages, so probably the default queue"
                f" too: after {MOSQUITTO_QUEUE} messages it drops what comes while we are away. {QUEUE_ADVICE};"
                " ODOGRAPH_BROKER_CONF lets us look"
            )
        else:
            self._tell(f"{self._version}: its queue limits are in its configuration; ODOGRAPH_BROKER_CONF lets us look")

    def _judge_conf(self, path: Path) -> None:
        try:
            options = read_conf(path)
        except OSError as error:
            self._warn(f"ODOGRAPH_BROKER_CONF: {path}: {error.strerror}")
            return
        for doubt in queue_doubts(options, self._asked_s):
            self._warn(f"{path}: {doubt}")

    def _warn(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            logger.warning(text)

    def _tell(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            logger.info(text)


def read_conf(path: Path) -> dict[str, str]:
    """The options of a mosquitto configuration, included folders among them; the last one given counts."""
    options: dict[str, str] = {}
    for line in path.read_text(errors="replace").splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "include_dir":
            for part in sorted(Path(value.strip()).glob("*.conf")):
                options |= read_conf(part)
        elif name and not name.startswith("#"):
            options[name] = value.strip()
    return options


def queue_doubts(options: Mapping[str, str], session_expiry_s: float) -> list[str]:
    """What in a mosquitto configuration would lose messages of an absent collector, each in a sentence."""
    doubts = []
    queued = options.get("max_queued_messages", MOSQUITTO_QUEUE)
    if queued != "0" and not (queued.isdigit() and int(queued) >= LEAST_QUEUE_MESSAGES):
        doubts.append(f"after {queued} messages it drops what comes while we are away: {QUEUE_ADVICE}")
    queued_bytes = options.get("max_queued_bytes", "0")
    if queued_bytes.isdigit() and 0 < int(queued_bytes) < LEAST_QUEUE_BYTES:
        doubts.append(f"after {queued_bytes} bytes it drops what comes while we are away: {QUEUE_ADVICE}")
    if options.get("persistence", "false") != "true":
        doubts.append("it forgets its queues when it ends: set persistence true")
    elif options.get("autosave_on_changes", "false") != "true":
        interval_s = options.get("autosave_interval", MOSQUITTO_AUTOSAVE_S)
        if not interval_s.isdigit() or not 0 < int(interval_s) <= LONGEST_AUTOSAVE_S:
            doubts.append(f"a crash forgets what came since it saved, every {interval_s} s: set autosave_interval 5")
    expiry = options.get("persistent_client_expiration", "")
    kept_s = int(expiry[:-1]) * UNIT_S[expiry[-1]] if expiry[:-1].isdigit() and expiry[-1] in UNIT_S else None
    if kept_s is not None and kept_s < session_expiry_s:
        doubts.append(f"persistent_client_expiration {expiry} is shorter than the session we ask for")
    return doubts
