"""How do the collector and the publishers stay connected to a broker?

One thread owns a connection: it connects, reads, writes and reconnects, and nothing else touches the client.
So what belongs to a lost connection cannot slip into the next one, and an error in a handler ends the
thread loudly (`failure`) where paho's own network thread would end in silence.

MQTT 5 is tried first; on refusal, or no answer in five seconds, MQTT 3.1.1.
What a broker once accepted is kept.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.broker_watch import Granted
from ingest.bulk_socket import BulkClient, Lifting
from ingest.client import KEEPALIVE_S, MQTT5, MQTT311, BrokerAddress, new_client
from ingest.handler import BrokerRefused, Handler
from ingest.packets import Packets
from ingest.topics import NO_TOPIC
from ingest.waiting import TURN_S, Waiting

logger = logging.getLogger(__name__)

ANSWER_S = 5.0
GOODBYE_S = 2.0
FIRST_BACKOFF_S = 0.25
LAST_BACKOFF_S = 30.0
STEADY_S = 1.0  # one that ends sooner is not tried again at once: two clients of one id would spin
PACKETS_PER_TURN = 512
TAKEN_OVER = "Session taken over"
# The CONNACK reasons that waiting does not cure: bad user or password, not authorized, bad client id, banned.
SETUP_REASONS = frozenset({"Bad user name or password", "Not authorized", "Client identifier not valid", "Banned"})


class Connection:
    """A session with a broker, kept up by its own thread until `close`."""

    def __init__(
        self,
        address: BrokerAddress,
        handler: Handler,
        *,
        client_id: str,
        clean_session: bool = False,
        session_expiry_s: float = 0,
        manual_ack: bool = False,
        keepalive_s: int = KEEPALIVE_S,
        on_failure: Callable[[], None] = lambda: None,
        lifting: Lifting | None = None,
    ) -> None:
        self.failure: BaseException | None = None
        self.is_connected = False
        self.reconnect_count = 0
        self.protocol = address.protocol or MQTT5
        self._address = address
        self._handler = handler
        self._client_id = client_id
        self._clean_session = clean_session
        self._session_expiry_s = session_expiry_s
        self._manual_ack = manual_ack
        self._keepalive_s = keepalive_s
        self._on_failure = on_failure
        self._lifting = lifting
        self._was_accepted = False
        self._backoff_s = FIRST_BACKOFF_S
        self._refused_because: str | None = None
        self._read_count = 0
        self._is_leaving = False
        self._goodbye_id: int | None = None  # until it is answered
        self._stopping = threading.Event()
        self._waiting = Waiting()
        self._client = self._new_client()
        self._thread = threading.Thread(target=self._guarded_run, name=f"mqtt {client_id}", daemon=True)

    def start(self) -> Self:
        """Begin to connect, and go on until `close`."""
        self._thread.start()
        return self

    def wake(self) -> None:
        """Have `turn` called soon."""
        self._waiting.wake()

    def close(self) -> None:
        """Send what is queued, say goodbye to the broker and end the thread."""
        self._stopping.set()
        self.wake()
        if self._thread.ident is not None:
            self._thread.join()
        self._waiting.close()

    def _guarded_run(self) -> None:
        try:
            self._run()
        except BaseException as error:
            logger.exception("the connection to the broker ended")
            self.failure = error
            self._on_failure()

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._handler.wants_messages():
                self._stopping.wait(TURN_S)  # no room: a new connection could not even read its CONNACK
            elif self._open():
                self._serve()
        self._say_goodbye()

    def _say_goodbye(self) -> None:
        """Leave when the broker has read everything we sent.

        Closing a socket that still holds something unread resets the connection, and the broker may
        then throw away acknowledgements it has received and not read. So we ask a question, read up to
        its answer, and ignore the messages in between: they are not acknowledged and come again.
        """
        self._is_leaving = True
        _, self._goodbye_id = self._client.unsubscribe(NO_TOPIC)
        give_up_s = monotonic() + GOODBYE_S
        while self.is_connected and self._goodbye_id is not None and monotonic() < give_up_s:
            self._turn(may_serve=False)
        self._client.disconnect()
        self._client.loop_write()

    def _open(self) -> bool:
        """Connect and wait for the broker's answer; False after a pause when there is none."""
        self._refused_because = None
        try:
            self._client.reconnect()
        except OSError as error:
            # Nobody is there, or nobody we trust; another protocol version would not help.
            return self._pause(str(error))
        give_up_s = monotonic() + ANSWER_S
        while self._client.socket() is not None and monotonic() < give_up_s and not self._stopping.is_set():
            if self.is_connected:
                return True
            self._turn(may_serve=False)
        if self._stopping.is_set() or self.is_connected:
            return self.is_connected
        return self._refused(self._refused_because or self._silence())

    def _silence(self) -> str:
        if self._client.socket() is not None:
            return "no answer"
        # With TLS 1.3 a broker looks at our certificate after we believe to be connected, and gives no reason.
        return "it hung up before answering" + (": does it take our certificate?" if self._address.tls else "")

    def _refused(self, reason: str) -> bool:
        if reason in SETUP_REASONS and not self._was_accepted:
            raise BrokerRefused(f"the broker at {self._place} says: {reason}")
        if not self._was_accepted and self._address.protocol is None:
            tried, self.protocol = self.protocol, MQTT311 if self.protocol == MQTT5 else MQTT5
            self._client = self._new_client()
            if tried == MQTT5:
                logger.warning("no MQTT 5 at %s (%s): trying MQTT 3.1.1", self._place, reason)
                return False
        return self._pause(reason)

    def _pause(self, reason: str) -> bool:
        logger.warning("no broker at %s (%s): next try in %.1f s", self._place, reason, self._backoff_s)
        self._stopping.wait(self._backoff_s)
        self._backoff_s = next_backoff_s(self._backoff_s)
        return False

    def _serve(self) -> None:
        began_s = monotonic()
        while self.is_connected and not self._stopping.is_set():
            self._turn()
        if monotonic() - began_s >= STEADY_S:
            self._backoff_s = FIRST_BACKOFF_S
        elif not self._stopping.is_set():
            self._pause("connected and lost at once")

    def _turn(self, *, may_serve: bool = True) -> None:
        """Wait for something to do, at most TURN_S, and do it."""
        if self._client.socket() is None:
            return
        if self._waiting.is_readable(self._client, may_read=self._may_read()):
            self._read()
        if may_serve and self.is_connected:
            self._handler.turn(self._client)
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()

    def _read(self) -> None:
        if isinstance(self._client, BulkClient):
            size, has_lifted = self._client.read_in_bulk(self._take, self._may_read)
            if has_lifted:
                self._waiting.lifted(size)
            return
        # loop_read takes one packet, whatever it is asked for, so it is called until it brings none.
        # That is cheaper than a select for each packet.
        for _ in range(PACKETS_PER_TURN):
            before = self._read_count
            if self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or before == self._read_count:
                return
            if not self._may_read():
                return

    def _take(self, packets: Packets) -> None:
        if self._lifting is not None and not self._is_leaving:
            self._lifting.take(packets)

    def _may_read(self) -> bool:
        return self._is_leaving or self._handler.wants_messages()

    @property
    def _place(self) -> str:
        return f"{self._address.host}:{self._address.port}"

    def _new_client(self) -> Client:
        client = new_client(
            self._address,
            self._client_id,
            self.protocol,
            clean_session=self._clean_session,
            session_expiry_s=self._session_expiry_s,
            manual_ack=self._manual_ack,
            keepalive_s=self._keepalive_s,
            lifting=self._lifting,
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_unsubscribe = self._on_unsubscribe
        return client

    def _on_connect(
        self, client: Client, _data: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refused_because = reason.getName()
            return
        logger.info(
            "connected to %s, MQTT %s, session %s",
            self._place,
            "5" if self.protocol == MQTT5 else "3.1.1",
            "resumed" if flags.session_present else "new",
        )
        self.reconnect_count += self._was_accepted
        self._was_accepted = True
        self.is_connected = True
        self._handler.connected(client, Granted.of(self.protocol, properties, is_resumed=flags.session_present))

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if not self.is_connected:
            return
        self.is_connected = False
        if not self._stopping.is_set():
            name = reason.getName()
            why = f": another client came as {self._client_id}, and no two may" if name == TAKEN_OVER else ""
            logger.warning("connection to %s lost: %s%s", self._place, name, why)
        self._handler.disconnected()

    def _on_subscribe(
        self,
        _client: Client,
        _data: object,
        packet_id: int,
        reasons: Sequence[ReasonCode],
        _p: Properties | None,
    ) -> None:
        self._handler.subscribed(packet_id, reasons)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._read_count += 1
        if not self._is_leaving:
            self._handler.received(message)

    def _on_unsubscribe(self, _client: Client, _data: object, packet_id: int, *_: object) -> None:
        if packet_id == self._goodbye_id:
            self._goodbye_id = None
        elif not self._is_leaving:
            self._handler.unsubscribed(packet_id)

    def _on_publish(
        self, _client: Client, _data: object, packet_id: int, reason: ReasonCode, _p: Properties | None
    ) -> None:
        self._read_count += 1
        self._handler.published(packet_id, reason)


def next_backoff_s(backoff_s: float) -> float:
    """Say how long to wait after a wait of `backoff_s` that did not help: twice as long, within a bound."""
    return min(2 * backoff_s, LAST_BACKOFF_S)
