"""What does the collector do on the connection's thread?

It subscribes, puts what arrives into the inbox, and sends the acknowledgements and receipts it is handed.
The inbox is what is in memory and not on disk yet. It is bounded by not reading from the broker
while it is full; nothing is thrown away.
"""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.arrivals import Arrival, Arrived, Lifted, lifted
from ingest.broker_watch import BrokerWatch, Granted
from ingest.bulk_socket import BulkClient
from ingest.client import MQTT5
from ingest.handler import BrokerRefused, SubscriptionRefused
from ingest.open_segment import Message
from ingest.packets import PLAIN_TOOLS, SUBSCRIPTION, Packets, PacketTools
from ingest.sharing import Asked
from ingest.topics import NO_TOPIC, SUBSCRIPTIONS, SYSTEM_PREFIX, SYSTEM_SUBSCRIPTIONS

logger = logging.getLogger(__name__)

# Together with the largest message there is, less than the 2 GiB a column of the spool can hold.
MOST_TAKEN_BYTES = 256 << 20
RECEIPTS_QUEUED = 50_000


class Inbox:
    """What has arrived and is not on disk yet; the connection's thread fills it, the writer empties it."""

    def __init__(self, limit_bytes: int) -> None:
        self.arrived = threading.Event()
        self._arrivals: deque[Arrived] = deque()
        self.limit_bytes = limit_bytes
        # Each counter has one writing thread, so neither needs a lock.
        self._put_bytes = 0
        self._done_bytes = 0
        self._put_count = 0
        self._done_count = 0

    def put(self, arrived: Arrived) -> None:
        self._arrivals.append(arrived)
        self._put_bytes += arrived.size_bytes
        self._put_count += arrived.message_count
        self.arrived.set()

    def take(self) -> list[Arrived]:
        """Take everything that fits into one batch; it counts against the limit until `done`."""
        self.arrived.clear()
        taken: list[Arrived] = []
        size_bytes = 0
        while self._arrivals and size_bytes < MOST_TAKEN_BYTES:
            taken.append(self._arrivals.popleft())
            size_bytes += taken[-1].size_bytes
        if self._arrivals:
            self.arrived.set()
        return taken

    def done(self, arrivals: Sequence[Arrived]) -> None:
        """Note that these are on disk."""
        self._done_bytes += sum(arrived.size_bytes for arrived in arrivals)
        self._done_count += sum(arrived.message_count for arrived in arrivals)

    @property
    def has_room(self) -> bool:
        return self.size_bytes < self.limit_bytes

    @property
    def size_bytes(self) -> int:
        return self._put_bytes - self._done_bytes

    @property
    def message_count(self) -> int:
        return self._put_count - self._done_count


class Intake:
    """The connection's side of the collector; see `ingest.connection.Handler`."""

    def __init__(
        self,
        inbox: Inbox,
        watch: BrokerWatch,
        asked: Asked,
        foreign: Sequence[str],
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        tools: Callable[[], PacketTools] = lambda: PLAIN_TOOLS,
    ) -> None:
        self.inbox = inbox
        self.acknowledged_count = 0
        self._wall_ns = wall_ns
        self._tools = tools
        self._watch = watch
        self._all_asked = asked
        self._role = asked.role
        self._foreign = foreign
        self.is_ready = threading.Event()
        self.paused = threading.Event()
        self.unacknowledged: deque[Sequence[Arrived]] = deque()
        self.receipts: deque[tuple[str, bytes]] = deque(maxlen=RECEIPTS_QUEUED)
        self._connection = 0
        self._asked: dict[int, Sequence[str]] = {}
        self._identifier: int | None = None
        self._is_resumed = False
        self._held_count = 0  # arrived on this connection and not acknowledged
        self._taking_back_id: int | None = None
        self._question_id: int | None = None

    def connected(self, client: Client, granted: Granted) -> None:
        if self._role.group is not None and client.protocol != MQTT5:
            raise BrokerRefused("the broker speaks MQTT 3.1.1 only, and shared subscriptions need MQTT 5")
        self._watch.connected(granted)
        self._connection += 1
        self._asked.clear()
        self._identifier = self._role.identifier if granted.names_subscriptions else None
        self._is_resumed = granted.is_resumed
        self._held_count = 0
        self._question_id = None
        for topics in (SUBSCRIPTIONS, self._foreign):
            asked = self._role.subscriptions(topics)
            _, packet_id = _subscribe(client, asked, self._identifier, is_ours=topics is SUBSCRIPTIONS)
            self._asked[packet_id or 0] = topics
        if not self._all_asked.is_settled:
            # Last, so that no message falls between the old and the new.
            _, self._taking_back_id = client.unsubscribe(list(self._all_asked.outdated() or (NO_TOPIC,)))
        # Only in MQTT 5: there a broker that minds says so, where older ones may end the connection.
        if granted.is_v5:
            client.subscribe([(topic, SubscribeOptions(qos=0)) for topic in SYSTEM_SUBSCRIPTIONS])

    def disconnected(self) -> None:
        pass

    def subscribed(self, packet_id: int, reasons: Sequence[ReasonCode]) -> None:
        asked = self._asked.pop(packet_id, ())
        refused = [topic for topic, reason in zip(asked, reasons, strict=False) if reason.is_failure]
        if asked is SUBSCRIPTIONS and refused:
            raise SubscriptionRefused(refused)
        if refused:
            logger.warning("the broker refused the subscription to %s", ", ".join(refused))
        self._say_ready()

    def _say_ready(self) -> None:
        if not self._asked and self._taking_back_id is None and not self.is_ready.is_set():
            self.is_ready.set()
            print("ready", file=sys.stderr, flush=True)

    def unsubscribed(self, packet_id: int) -> None:
        if packet_id == self._taking_back_id:
            self._taking_back_id = None
            # A queue that names its subscriptions shows by itself what is in it for whom.
            if self._role.of_parts == 1 or self._identifier is not None or not self._is_resumed:
                self._all_asked.settle()
            self._say_ready()
        elif packet_id == self._question_id:
            self._all_asked.settle()

    def received(self, message: MQTTMessage) -> None:
        topic = _topic(message)
        if topic.startswith(SYSTEM_PREFIX):
            self._watch.heard(topic, bytes(message.payload))
            return
        # Properties appear as attributes only when they were sent.
        content_type = getattr(message.properties, "ContentType", None)
        received_us = self._wall_ns() // 1000
        kept = Message(topic, bytes(message.payload), received_us, message.qos, message.retain, content_type)
        self._held_count += message.qos > 0
        self._question_id = None
        self.inbox.put(Arrival(kept, self._connection, message.mid, self._is_ours(topic, message)))

    def lifted(self, packets: Packets) -> None:
        """Take messages that were lifted out of the socket together; none of them is the broker's own."""
        arrived = lifted(
            packets,
            self._tools().columns,
            connection=self._connection,
            received_us=self._wall_ns() // 1000,
            is_ours=self._are_ours(packets),
        )
        self._held_count += arrived.unanswered_ids.size
        self._question_id = None
        self.inbox.put(arrived)

    def _are_ours(self, packets: Packets) -> NDArray[np.bool_] | None:
        """The same as `_is_ours` for many; None where all are."""
        if self._role.of_parts == 1:
            return None
        if self._identifier is None and not self._all_asked.is_settled:
            return None
        keeps = np.fromiter(map(self._role.keeps, packets.topics()), np.bool_, packets.message_count)
        return keeps if self._identifier is None else keeps | (packets.table[SUBSCRIPTION] != self._identifier)

    def _is_ours(self, topic: str, message: MQTTMessage) -> bool:
        if self._role.keeps(topic):
            return True
        if self._identifier is not None:
            return self._identifier not in getattr(message.properties, "SubscriptionIdentifier", ())
        return not self._all_asked.is_settled

    def published(self, packet_id: int, reason: ReasonCode) -> None:
        pass

    def wants_messages(self) -> bool:
        return self.inbox.has_room and not self.paused.is_set()

    def turn(self, client: Client) -> None:
        self._watch.turn()
        while self.unacknowledged:
            # A packet id of an earlier connection may mean another message today; that message
            # comes again by itself.
            arrivals = [one for one in self.unacknowledged.popleft() if one.connection == self._connection]
            for kind, run in groupby(arrivals, type):
                acknowledge = _acknowledge_lifted if kind is Lifted else _acknowledge
                count = acknowledge(client, run)
                self.acknowledged_count += count
                self._held_count -= count
        while self.receipts:
            if isinstance(client, BulkClient):
                client.tell([self.receipts.popleft() for _ in range(len(self.receipts))])
            else:
                client.publish(*self.receipts.popleft(), qos=0)
        if not self._all_asked.is_settled and self._taking_back_id is None:
            self._ask_for_more(client)

    def _ask_for_more(self, client: Client) -> None:
        """Find out whether the broker still holds something for an earlier role.

        A queue moves up with each acknowledgement. So when all that came is acknowledged, and a question is answered
        before anything else comes, there is nothing.
        """
        if self._held_count == 0 and self._question_id is None:
            _, self._question_id = client.unsubscribe(NO_TOPIC)


def _acknowledge(client: Client, arrivals: Iterable[Arrived]) -> int:
    count = 0
    for arrival in arrivals:
        if isinstance(arrival, Arrival) and arrival.message.qos:
            client.ack(arrival.packet_id, arrival.message.qos)
            count += 1
    return count


def _acknowledge_lifted(client: Client, arrivals: Iterable[Arrived]) -> int:
    ids = np.concatenate([arrived.unanswered_ids for arrived in arrivals if isinstance(arrived, Lifted)])
    if ids.size:
        assert isinstance(client, BulkClient)
        client.acknowledge(ids)
    return int(ids.size)


def _subscribe(
    client: Client, topics: Sequence[str], identifier: int | None, *, is_ours: bool
) -> tuple[MQTTErrorCode, int | None]:
    # At QoS 2 a message would be ours before it is on disk, so QoS 1 is the most we ask for.
    if client.protocol != MQTT5:
        return client.subscribe([(topic, 1) for topic in topics])
    once = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
    # OwnTracks publishes every position retained, and every device its state of connection; told so of live ones we
    # could not tell them from old ones.
    options = {
        topic: SubscribeOptions(qos=1, retainAsPublished=is_ours and not topic.endswith("/sta"), retainHandling=once)
        for topic in topics
    }
    properties = None
    if identifier is not None:
        properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
        properties.SubscriptionIdentifier = identifier
    return client.subscribe(list(options.items()), properties=properties)


def _topic(message: MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return message._topic.decode(errors="replace")  # the broker should not have let it through
