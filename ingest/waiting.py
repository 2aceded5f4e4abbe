"""What does a connection wait for, and who can wake it?"""

import select
import socket
import ssl
import time
from contextlib import suppress
from typing import Any

from paho.mqtt.client import Client

from ingest.bulk_socket import BulkSocket

TURN_S = 0.5
GATHER_S = 0.01
GATHER_BYTES = 256 << 10  # or until so much is there: a full buffer would hold up the broker
FAST_BYTES_A_S = 32 << 20  # who sends faster has the next messages there when these are dealt with


class Waiting:
    """Waits until a client can read or write, or until somebody calls `wake`."""

    def __init__(self) -> None:
        self._here, self._there = socket.socketpair()
        self._here.setblocking(False)
        self._there.setblocking(False)
        self._read_s = self._next_read_s = 0.0

    def wake(self) -> None:
        """End the waiting."""
        # Full means the thread is about to wake, closed that it is gone.
        with suppress(OSError):
            self._there.send(b"w")

    def close(self) -> None:
        """Wait no more."""
        self._here.close()
        self._there.close()

    def lifted(self, size: int) -> None:
        """Note that a read of so many bytes brought messages.

        Woken for each of them we would do little but wake up, so others may gather before the next read.
        """
        before_s, self._read_s = self._read_s, time.monotonic()
        is_fast = size >= FAST_BYTES_A_S * (self._read_s - before_s)
        self._next_read_s = self._read_s if is_fast else self._read_s + GATHER_S

    def is_readable(self, client: Client, *, may_read: bool) -> bool:
        """Wait until there is something to do, at most TURN_S; say whether it is reading."""
        connection = client.socket()
        if connection is None:
            return False
        writing = [connection] if client.want_write() else []
        early_s = self._next_read_s - time.monotonic()
        if early_s > 0:
            woken, ready = self._gathered(connection if may_read else None, writing, early_s)
            if woken or ready:
                if woken:
                    self._here.recv(4096)
                return False
        reading = [self._here, connection] if may_read else [self._here]
        pending = may_read and _has_more(connection)
        readable, _, _ = select.select(reading, writing, [], 0 if pending else TURN_S)
        if self._here in readable:
            self._here.recv(4096)
        return connection in readable or pending

    def _gathered(self, connection: Any, writing: list[Any], most_s: float) -> tuple[bool, bool]:
        """Wait until the connection has enough to read, or for so long; say whether who woke us or writing ended it."""
        if connection is None:
            woken, ready, _ = select.select([self._here], writing, [], most_s)
            return bool(woken), bool(ready)
        # The system sees to it that as much as we wait for fits into its buffer.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, GATHER_BYTES)
        try:
            found, ready, _ = select.select([self._here, connection], writing, [], most_s)
        finally:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        if connection in found:
            self._next_read_s = 0.0
        return self._here in found, bool(ready)


def _has_more(connection: object) -> bool:
    """Whether there is something to read that the kernel does not know of."""
    if isinstance(connection, BulkSocket):
        return connection.has_more
    return isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
