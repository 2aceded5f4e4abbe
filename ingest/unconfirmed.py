"""Which of our messages are not known to be on the collector's disk, and which are to be sent again?

A message is confirmed when receipts have listed every key in it; one without keys when the broker
has acknowledged it. Nothing here speaks MQTT, and nothing here locks: the publisher does.
"""

import heapq
from itertools import count
from typing import NamedTuple

from ingest.receipts import Receipt, ReceiptKeys

LONGEST_WAIT_S = 120.0
OVERHEAD_BYTES = 500  # of a message in memory, beside topic and payload

Key = int | str
Scope = tuple[str, int | None]  # a receipt's topic and boot


class Outgoing(NamedTuple):
    """A message to publish; `due_us` is the simulated or recorded time of sending, Unix microseconds."""

    due_us: int
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    content_type: str | None = None


class Held:
    """A message in the outbox."""

    __slots__ = ("is_acknowledged", "is_confirmed", "missing", "outgoing", "wait_s")

    def __init__(self, outgoing: Outgoing, missing: int, wait_s: float) -> None:
        self.outgoing = outgoing
        self.missing = missing  # keys that no receipt has listed yet
        self.wait_s = wait_s  # until it is sent again
        self.is_acknowledged = False  # by the broker
        self.is_confirmed = False

    @property
    def size_bytes(self) -> int:
        """What it costs in memory, about."""
        return len(self.outgoing.payload) + len(self.outgoing.topic) + OVERHEAD_BYTES


class Unconfirmed:
    """Messages waiting for receipts."""

    def __init__(self, resend_s: float) -> None:
        self.message_count = 0
        self.size_bytes = 0
        self._resend_s = resend_s
        self._waiting: dict[Scope, dict[Key, list[Held]]] = {}
        self._alarms: list[tuple[float, int, Held]] = []
        self._order = count()

    def add(self, outgoing: Outgoing, keys: ReceiptKeys | None) -> Held:
        """Hold a message until everything in `keys` is confirmed; until the PUBACK where there is nothing."""
        wanted: set[Key] = {*keys.seqs, *keys.records} if keys else set()
        held = Held(outgoing, len(wanted), self._resend_s)
        if keys is not None:
            waiting = self._waiting.setdefault((keys.ack_topic, keys.boot), {})
            for key in wanted:
                waiting.setdefault(key, []).append(held)
        self.message_count += 1
        self.size_bytes += held.size_bytes
        return held

    def sent(self, held: Held, now_s: float) -> None:
        """Start waiting for the receipt; a longer wait each time."""
        heapq.heappush(self._alarms, (now_s + held.wait_s, next(self._order), held))
        held.wait_s = min(2 * held.wait_s, LONGEST_WAIT_S)

    def acknowledge(self, held: Held) -> None:
        """Note the broker's PUBACK, which confirms a message that has no keys."""
        held.is_acknowledged = True
        if held.missing == 0:
            self._confirm(held)

    def confirm(self, ack_topic: str, receipt: Receipt) -> None:
        """Take a receipt; what it lists and we do not hold is somebody else's."""
        scope = (ack_topic, receipt.boot)
        waiting = self._waiting.get(scope)
        if waiting is None:
            return
        for key in _listed(receipt, waiting):
            for held in waiting.pop(key, ()):
                held.missing -= 1
                if held.missing == 0:
                    self._confirm(held)
        if not waiting:
            del self._waiting[scope]

    def overdue(self, now_s: float) -> list[Held]:
        """Return messages the broker has and no receipt has confirmed in time."""
        overdue = []
        while self._alarms and self._alarms[0][0] <= now_s:
            _, _, held = heapq.heappop(self._alarms)
            if held.is_confirmed:
                continue
            if held.is_acknowledged:
                overdue.append(held)
            else:
                # The broker has not answered yet: the client sends it again by itself when it reconnects.
                self.sent(held, now_s)
        return overdue

    def forget(self, held: Held) -> None:
        """Stop waiting for a message that the broker will never take."""
        self._confirm(held)

    def _confirm(self, held: Held) -> None:
        if held.is_confirmed:
            return
        held.is_confirmed = True
        self.message_count -= 1
        self.size_bytes -= held.size_bytes


def _listed(receipt: Receipt, waiting: dict[Key, list[Held]]) -> list[Key]:
    """Return the keys of `waiting` that a receipt lists, without walking a range wider than `waiting`."""
    listed: list[Key] = [key for key in receipt.records if key in waiting]
    for first, last in receipt.ranges:
        if last - first < len(waiting):
            listed += [seq for seq in range(first, last + 1) if seq in waiting]
        else:
            listed += [key for key in waiting if isinstance(key, int) and first <= key <= last]
    return listed
