"""A broker of a few lines that sends one collector what a test wants and notes every PUBACK it sees."""

import socket
import struct
import threading
from collections.abc import Sequence


class FakeBroker:
    """Speaks MQTT 5 to one client at a time: grants all, sends at QoS 1, notes what is acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []
        self.subscribed = threading.Event()
        self.connect_packet = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"

    def send(self, messages: Sequence[tuple[int, str, bytes]]) -> None:
        """Send messages: packet id, topic, payload."""
        assert self.subscribed.wait(10)
        assert self._client is not None
        self._client.sendall(b"".join(_publish(*message) for message in messages))

    def drop_client(self) -> None:
        """Close the connection; the client may come again."""
        assert self._client is not None
        self.subscribed.clear()
        self._client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        if self._client is not None:
            self._client.close()

    def _serve(self) -> None:
        while True:
            try:
                self._client, _ = self._listener.accept()
                self._talk(self._client)
            except OSError:
                if self._listener.fileno() < 0:
                    return

    def _talk(self, client: socket.socket) -> None:
        subscriptions = 0
        while True:
            kind, body = _packet(client)
            if kind == 0x10:
                self.connect_packet = body
                client.sendall(b"\x20\x03\x00\x00\x00")
            elif kind == 0x80:
                client.sendall(_suback(body))
                subscriptions += 1
                if subscriptions == 2:
                    self.subscribed.set()
            elif kind == 0x40:
                self.acknowledged.append(struct.unpack(">H", body[:2])[0])
            elif kind == 0xA0:
                client.sendall(b"\xb0\x04" + body[:2] + b"\x00\x00")
            elif kind == 0xE0:
                return


def _packet(client: socket.socket) -> tuple[int, bytes]:
    kind = _exactly(client, 1)[0] & 0xF0
    length = shift = 0
    while True:
        byte = _exactly(client, 1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return kind, _exactly(client, length)


def _exactly(client: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        chunk = client.recv(size - len(received))
        if not chunk:
            raise ConnectionError
        received += chunk
    return received


def _suback(body: bytes) -> bytes:
    count, position = 0, 3  # packet id, no properties
    while position < len(body):
        position += 2 + struct.unpack(">H", body[position : position + 2])[0] + 1
        count += 1
    return bytes([0x90, 3 + count]) + body[:2] + b"\x00" + b"\x01" * count


def _publish(packet_id: int, topic: str, payload: bytes) -> bytes:
    name = topic.encode()
    body = struct.pack(">H", len(name)) + name + struct.pack(">H", packet_id) + b"\x00" + payload
    length, left = b"", len(body)
    while True:
        left, byte = divmod(left, 128)[0], left % 128
        length += bytes([byte | (128 if left else 0)])
        if not left:
            return b"\x32" + length + body
