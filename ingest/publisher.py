"""How does a publisher make sure that its messages are on the collector's disk?

It keeps each message in an outbox until the receipts of `ingest.receipts` list everything in it,
and sends again what is not confirmed in time. A message that no receipt can name (a status message)
is kept until the broker's PUBACK. So a broker that forgets, or a collector that was away,
costs time and duplicates, and no message.

The outbox is in memory and bounded: `publish` waits while it is full.
"""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.broker_watch import Granted
from ingest.client import MQTT5, BrokerAddress
from ingest.connection import Connection
from ingest.handler import SubscriptionRefused
from ingest.receipts import parse_receipt, receipt_keys
from ingest.topics import ACK, ACK_SUBSCRIPTIONS, KINDS
from ingest.unconfirmed import Held, Outgoing, Unconfirmed

logger = logging.getLogger(__name__)

# paho refuses more than 65,535 unacknowledged messages and drops what comes then.
WINDOW = 5_000
SENT_PER_TURN = 500
OUTBOX_MESSAGES = 50_000
OUTBOX_BYTES = 64 << 20
# The embedded broker closes the connection on a packet above 1 MiB, and would again at each attempt.
LARGEST_PAYLOAD_BYTES = 1_000_000
SESSION_S = 3600


class NothingConfirmed(Exception):
    """The outbox is full and for a long time nothing in it was confirmed; `unconfirmed` is their number."""

    def __init__(self, unconfirmed: int) -> None:
        self.unconfirmed = unconfirmed
        super().__init__(f"{unconfirmed} messages are unconfirmed and no receipts come: is a collector there?")


class Publisher:
    """Publishes with an outbox; also a context manager that connects and disconnects."""

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        *,
        receipts: bool = True,
        tenants: Sequence[str] = (),
        clean_session: bool = False,
        resend_s: float = 10,
        stall_s: float = 60,
        outbox_messages: int = OUTBOX_MESSAGES,
    ) -> None:
        self.resent = 0
        self.refused = 0
        self._receipts = receipts
        self._acks = _ack_subscriptions(tenants) if receipts else ()
        self._stall_s = stall_s
        self._outbox_messages = outbox_messages
        self._changed = threading.Condition()  # guards everything below
        self._unconfirmed = Unconfirmed(resend_s)
        self._to_send: deque[Held] = deque()
        self._in_flight: dict[int, Held] = {}
        self._may_send = False
        self._last_progress_s = monotonic()
        self._connection = Connection(
            address,
            self,
            client_id=client_id,
            clean_session=clean_session,
            session_expiry_s=SESSION_S,
            on_failure=self._failed,
        )

    def __enter__(self) -> Self:
        self._connection.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def unconfirmed(self) -> int:
        """The number of messages that are not known to be on the collector's disk."""
        return self._unconfirmed.message_count + self.refused

    def publish(self, outgoing: Outgoing) -> Held:
        """Put a message into the outbox, where it says whether it `is_confirmed`; wait while the outbox is full.

        Raises NothingConfirmed when it stays full and nothing moves for `stall_s`.
        """
        if len(outgoing.payload) > LARGEST_PAYLOAD_BYTES:
            raise ValueError(f"payload: {len(outgoing.payload)} bytes, at most {LARGEST_PAYLOAD_BYTES}")
        keys = receipt_keys(outgoing.topic, outgoing.payload) if self._receipts else None
        with self._changed:
            while not self._has_room():
                self._raise_failure()
                stalled_s = monotonic() - self._last_progress_s
                if stalled_s >= self._stall_s:
                    raise NothingConfirmed(self.unconfirmed)
                self._changed.wait(self._stall_s - stalled_s)
            if self._unconfirmed.message_count == 0:
                self._last_progress_s = monotonic()
            held = self._unconfirmed.add(outgoing, keys)
            self._to_send.append(held)
            is_first = len(self._to_send) == 1
        if is_first:
            self._connection.wake()
        return held

    def drain(self, timeout_s: float) -> int:
        """Wait until everything is confirmed, at most `timeout_s`; return how many messages are not."""
        give_up_s = monotonic() + timeout_s
        with self._changed:
            while self._unconfirmed.message_count and (left_s := give_up_s - monotonic()) > 0:
                self._raise_failure()
                self._changed.wait(left_s)
            return self.unconfirmed

    def close(self) -> None:
        """Disconnect; what is not confirmed is forgotten."""
        self._connection.close()

    def connected(self, client: Client, _granted: Granted) -> None:
        """Ask for receipts; nothing new is sent before they are granted, or some would be missed."""
        if self._acks:
            client.subscribe([(topic, 0) for topic in self._acks])
        else:
            self._may_send = True

    def disconnected(self) -> None:
        """Take back what the client will not send again by itself."""
        with self._changed:
            self._may_send = False
            for packet_id, held in list(self._in_flight.items()):
                if held.outgoing.qos == 0:
                    self._to_send.appendleft(self._in_flight.pop(packet_id))

    def subscribed(self, _packet_id: int, reasons: Sequence[ReasonCode]) -> None:
        """Begin to send, now that receipts will reach us."""
        if any(reason.is_failure for reason in reasons):
            raise SubscriptionRefused(self._acks)
        self._may_send = True
        self._connection.wake()

    def unsubscribed(self, packet_id: int) -> None:
        """Nothing is ever taken back."""

    def received(self, message: MQTTMessage) -> None:
        """Take a receipt."""
        receipt = parse_receipt(bytes(message.payload))
        if receipt is not None:
            with self._changed:
                self._unconfirmed.confirm(message.topic, receipt)
                self._progressed()

    def published(self, packet_id: int, reason: ReasonCode) -> None:
        """Take the broker's acknowledgement."""
        with self._changed:
            held = self._in_flight.pop(packet_id, None)
            if held is None:
                return
            if reason.is_failure:
                self._give_up(held, reason)
            else:
                self._unconfirmed.acknowledge(held)
            self._progressed()

    def wants_messages(self) -> bool:
        """Always: receipts are small and make room."""
        return True

    def turn(self, client: Client) -> None:
        """Send what is due, new or again, as far as the window allows."""
        with self._changed:
            for held in self._unconfirmed.overdue(monotonic()):
                self._to_send.append(held)
                self.resent += 1
            if not self._may_send:
                return
            for _ in range(SENT_PER_TURN):
                if not self._to_send or len(self._in_flight) >= WINDOW or not self._send(client):
                    break
            if self._to_send and len(self._in_flight) < WINDOW:
                self._connection.wake()  # another turn, after reading what the broker has to say

    def _send(self, client: Client) -> bool:
        held = self._to_send.popleft()
        if held.is_confirmed:
            return True
        outgoing = held.outgoing
        properties = None
        if outgoing.content_type is not None and client.protocol == MQTT5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ContentType = outgoing.content_type
        info = client.publish(outgoing.topic, outgoing.payload, outgoing.qos, outgoing.retain, properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._to_send.appendleft(held)
            return False
        held.is_acknowledged = False
        self._in_flight[info.mid] = held
        self._unconfirmed.sent(held, monotonic())
        return True

    def _give_up(self, held: Held, reason: ReasonCode) -> None:
        if self.refused == 0:
            logger.error("the broker refuses %s: %s", held.outgoing.topic, reason.getName())
        self.refused += 1
        self._unconfirmed.forget(held)

    def _progressed(self) -> None:
        self._last_progress_s = monotonic()
        self._changed.notify_all()

    def _has_room(self) -> bool:
        waiting = self._unconfirmed
        return waiting.message_count < self._outbox_messages and waiting.size_bytes < OUTBOX_BYTES

    def _failed(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _raise_failure(self) -> None:
        if self._connection.failure is not None:
            raise self._connection.failure


def _ack_subscriptions(tenants: Sequence[str]) -> tuple[str, ...]:
    if not tenants:
        return ACK_SUBSCRIPTIONS
    return tuple(f"{family}/v1/{tenant}/+/{ACK}" for family in KINDS for tenant in tenants)
