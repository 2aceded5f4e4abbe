"""How do messages come out of paho's socket in bulk, while paho keeps the session?

paho asks the kernel for one byte at a time and turns each message into objects. So what is given to it is no socket
but this: it reads all that has come, lifts ordinary messages out (`ingest.packets`) and leaves the rest to paho, byte
for byte and in its order: CONNACK, SUBACK, PINGRESP, whatever is unusual, and all of it where the stream is broken.
Connecting, TLS, keep-alive, subscribing and reconnecting stay paho's.

That takes three things of paho which it does not promise: it makes its socket in `_create_socket`, keeps when it last
heard something in `_last_bytes_received`, and sends in order what is put into `_packet_queue`. `paho_problem` tries
them out at every start; where one does not hold, messages are taken one by one, as without this module.
"""

import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from ingest.packets import BROKEN, ENDED, PLAIN_TOOLS, UNUSUAL, Packets, PacketTools, Table, empty_table

STREAM_BYTES = 1 << 20  # read at once; a larger packet is paho's
TABLE_PACKETS = 16_384
PUBACK = 0x40


class Lifting(NamedTuple):
    """Who gets the messages lifted out, and with which tools; these may become better while we run.

    Messages are shown to `take` where they were read: what it keeps of them it copies.
    """

    take: Callable[[Packets], None]
    tools: Callable[[], PacketTools]


class BulkSocket:
    """A connected socket as paho sees it, without the messages that `lift` takes out of it."""

    def __init__(self, inner: Any, tools: Callable[[], PacketTools], *, is_v5: bool) -> None:
        self.inner = inner
        self._tools = tools
        self._is_v5 = is_v5
        self._stream = np.empty(STREAM_BYTES, np.uint8)
        self._view = self._stream.data
        self._table = empty_table(TABLE_PACKETS)
        self._start = self._end = 0  # of what was read and is neither lifted nor paho's yet
        self._for_paho = 0  # so many bytes from the start on are; they may not all be here
        self._is_torn = False  # what is left is a piece of a packet
        self._is_closed = False
        self._error: OSError | None = None

    def fill(self) -> int:
        """Read what has come, without waiting; return how many bytes that is."""
        self._make_room()
        before = self._end
        while self._end < STREAM_BYTES:
            try:
                size = self.inner.recv_into(self._view[self._end :])
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError as error:
                self._error = error
                break
            if size == 0:
                self._is_closed = True
                break
            self._end += size
            self._is_torn = False
            if not isinstance(self.inner, ssl.SSLSocket):  # which gives a record at a time
                break
        return self._end - before

    def lift(self) -> Packets | None:
        """Take the messages up to the next thing that is paho's; None where there are none before it.

        They lie where the next call of this, or of `fill`, writes.
        """
        if self._for_paho or self._start == self._end:
            return None
        scan = self._tools().scan
        count, stop, verdict, size = scan(self._stream, self._start, self._end, self._is_v5, STREAM_BYTES, self._table)
        packets = Packets(self._stream[self._start : stop], self._table[:, :count]) if count else None
        self._start = stop
        self._is_torn = verdict == ENDED
        if verdict == UNUSUAL:
            self._for_paho = size
        elif verdict == BROKEN:
            self._for_paho = sys.maxsize  # paho will say so and hang up
        return packets

    @property
    def has_unread(self) -> bool:
        """Whether something that was read may still be lifted."""
        return self._start < self._end and not self._is_torn

    @property
    def has_more(self) -> bool:
        """Whether there is something to do that the kernel does not know of."""
        return self.has_unread or (isinstance(self.inner, ssl.SSLSocket) and self.inner.pending() > 0)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self._is_closed or self._error is not None

    def pending(self) -> int:
        """How many bytes paho can read now."""
        return min(self._for_paho, self._end - self._start)

    def recv(self, size: int) -> bytes:
        """Give paho what is its own, as a socket would."""
        ready = min(size, self.pending())
        if ready:
            given = bytes(self._view[self._start : self._start + ready])
            self._start += ready
            self._for_paho -= ready
            return given
        if self._error is not None:
            raise self._error
        if self._is_closed:
            return b""
        raise BlockingIOError

    def send(self, content: bytes) -> int:
        return int(self.inner.send(content))

    def fileno(self) -> int:
        return int(self.inner.fileno())

    def setblocking(self, is_blocking: bool) -> None:
        self.inner.setblocking(is_blocking)

    def setsockopt(self, level: int, option: int, value: int) -> None:
        self.inner.setsockopt(level, option, value)

    def close(self) -> None:
        self.inner.close()

    def _make_room(self) -> None:
        left = self._end - self._start
        if self._start:
            self._stream[:left] = self._stream[self._start : self._end]
            self._start, self._end = 0, left


class BulkClient(Client):
    """paho's client over a BulkSocket."""

    tools: Callable[[], PacketTools] = staticmethod(lambda: PLAIN_TOOLS)

    def _create_socket(self) -> Any:
        return BulkSocket(super()._create_socket(), self.tools, is_v5=self.protocol == MQTTProtocolVersion.MQTTv5)

    def read_in_bulk(self, take: Callable[[Packets], None], may_read: Callable[[], bool]) -> tuple[int, bool]:
        """Read what has come: hand over what is lifted, have paho read the rest, all in its order.

        Stops where `may_read` says so; what is left is there for the next call. Returns how many bytes came, and
        whether anything was lifted.
        """
        wire = self.socket()
        if not isinstance(wire, BulkSocket):
            return 0, False
        has_lifted = False
        size = wire.fill()
        if size:
            self.heard()
        while may_read():
            packets = wire.lift()
            if packets is not None:
                has_lifted = True
                take(packets)
            while wire.pending():
                self.loop_read()
                if self.socket() is None:
                    return size, has_lifted
            if not wire.has_unread:
                break
        if wire.has_ended and not wire.has_unread:
            self.loop_read()
        return size, has_lifted

    def heard(self) -> None:
        """Note that the broker is there, also where paho has seen nothing of what came."""
        with self._msgtime_mutex:
            self._last_bytes_received = monotonic()

    def acknowledge(self, packet_ids: Table) -> None:
        """Acknowledge messages in this order, behind all that is queued already."""
        self._packet_queue(PUBACK, pubacks(packet_ids), 0, 1)

    def tell(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish messages at QoS 0, behind all that is queued already."""
        properties = b"\0" if self.protocol == MQTTProtocolVersion.MQTTv5 else b""
        packets = [_publish_packet(topic.encode(), properties + payload) for topic, payload in messages]
        # Not under the name of PUBLISH: paho would look for what `publish` returned for it.
        self._packet_queue(PUBACK, b"".join(packets), 0, 0)


def _publish_packet(topic: bytes, rest: bytes) -> bytes:
    left = 2 + len(topic) + len(rest)
    length = bytearray()
    while left > 0x7F:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    length.append(left)
    return b"".join((b"\x30", length, len(topic).to_bytes(2, "big"), topic, rest))


def pubacks(packet_ids: Table) -> bytes:
    """The acknowledgements of these packets, one after the other."""
    written = np.empty((packet_ids.size, 4), np.uint8)
    written[:, 0] = PUBACK
    written[:, 1] = 2
    written[:, 2] = packet_ids >> 8
    written[:, 3] = packet_ids & 0xFF
    return written.tobytes()


def paho_problem() -> str | None:
    """Try out on a pair of sockets what is needed of paho; say what does not hold."""
    here, there = socket.socketpair()
    with here, there:
        there.settimeout(0.2)  # all is there when it is asked for
        try:
            return _rehearse(here, there)
        except Exception as error:  # whatever another version of paho may do
            return f"{type(error).__name__}: {error}"


def _rehearse(here: socket.socket, there: socket.socket) -> str | None:
    said: list[str] = []

    class Rehearsing(BulkClient):
        def _create_socket(self) -> Any:
            return BulkSocket(here, self.tools, is_v5=True)

    def received(_client: Client, _data: object, message: MQTTMessage) -> None:
        said.append(f"message on {message.topic}")

    client = Rehearsing(
        CallbackAPIVersion.VERSION2,
        "rehearsal",
        protocol=MQTTProtocolVersion.MQTTv5,
        manual_ack=True,
        reconnect_on_failure=False,
    )
    client.on_socket_register_write = lambda *_: None
    client.on_connect = lambda *_: said.append("connected")
    client.on_disconnect = lambda *_: said.append("disconnected")
    client.on_message = received
    client.connect_async("localhost", 1883)
    client.reconnect()
    client.loop_write()
    if there.recv(4096)[:1] != b"\x10":
        return "no CONNECT came"
    wire = client.socket()
    if not isinstance(wire, BulkSocket):
        return "another socket is used"
    ordinary, unusual = b"\x32\x08\x00\x01a\x00\x07\x00{}", b"\x32\x09\x00\x02$a\x00\x08\x00{}"
    there.sendall(b"\x20\x03\x00\x00\x00" + ordinary + unusual + ordinary)
    before_s = client._last_bytes_received
    wire.fill()
    for _ in range(4):
        packets = wire.lift()
        if packets is not None:
            said.append(f"lifted {packets.message_count}")
            client.acknowledge(packets.unanswered_ids)
        while wire.pending():
            client.loop_read()
        if said[-1:] == ["message on $a"]:
            client.ack(8, 1)
    client.heard()
    if client._last_bytes_received <= before_s:
        return "what was heard is not noted"
    client.loop_write()
    if there.recv(4096) != b"\x40\x02\x00\x07\x40\x02\x00\x08\x40\x02\x00\x07":
        return "acknowledgements do not leave as they should"
    there.close()
    wire.fill()
    client.loop_read()
    if said != ["connected", "lifted 1", "message on $a", "lifted 1", "disconnected"]:
        return f"it went otherwise: {', '.join(said)}"
    return None
