"""What does the collector say about itself while it works?

    every few seconds       a note in its spool folder (`health`), which `odograph status` reads
    every minute            a summary line in the log, where there was traffic
    when the clock jumps    a warning

The writer calls `look` between two group commits. Nothing here may hold it up or end it, a full disk least of all.
"""

import logging
import time
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from ingest.connection import Connection
from ingest.health import Health, write_health
from ingest.intake import Inbox, Intake
from ingest.meter import Meter, percentile_bound_s
from ingest.receipts import ReceiptWriter
from ingest.spool import Spool

logger = logging.getLogger(__name__)

NOTE_S = 5.0
SUMMARY_S = 60.0
CLOCK_JUMP_S = 60.0


class Parts(NamedTuple):
    """The parts of a running collector whose counts are read; each is written by one thread of its own."""

    meter: Meter
    inbox: Inbox
    intake: Intake
    connection: Connection
    spool: Spool
    receipts: ReceiptWriter


class SelfReport:
    """Looks at a collector's counts and says what there is to say."""

    def __init__(self, parts: Parts, *, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._parts = parts
        self._wall_ns = wall_ns
        self._clock = ClockWatch(wall_ns)
        self._connected_s = monotonic()
        self._note_due_s = self._summary_due_s = 0.0
        self._said: tuple[bool, bool] | None = None
        self._before = _Totals.of(parts)

    def look(self) -> None:
        """Say what is due."""
        now_s = monotonic()
        meter, is_connected = self._parts.meter, self._parts.connection.is_connected
        meter.clock_jump_count += self._clock.has_jumped()
        if is_connected:
            self._connected_s = now_s
        said = (is_connected, meter.write_error is None)
        if now_s >= self._note_due_s or said != self._said:
            self._note_due_s, self._said = now_s + NOTE_S, said
            write_health(self._parts.spool.folder, self._health(0.0 if is_connected else now_s - self._connected_s))
        if now_s >= self._summary_due_s:
            if self._summary_due_s:
                self.summarize()
            self._summary_due_s = now_s + SUMMARY_S

    def summarize(self) -> None:
        """Log what was done since the last time; nothing where nothing came."""
        before, now = self._before, _Totals.of(self._parts)
        self._before = now
        if now == before:
            return
        newest_us = self._parts.meter.last_message_us
        flushes = [after - earlier for after, earlier in zip(now.flush_counts, before.flush_counts, strict=True)]
        bound_s = percentile_bound_s(flushes, 0.95)
        fields = {
            "received": now.received - before.received,
            "acknowledged": now.acknowledged - before.acknowledged,
            "spooled_bytes": now.spooled_bytes - before.spooled_bytes,
            "newest_s": None if newest_us is None else round(self._wall_ns() / 1e9 - newest_us / 1e6, 1),
            "fsync_p95_ms": None if bound_s is None or bound_s == float("inf") else bound_s * 1000,
        }
        logger.info(
            "received %(received)s, acknowledged %(acknowledged)s, spooled %(spooled_bytes)s bytes,"
            " newest %(newest_s)s s ago, fsync p95 at most %(fsync_p95_ms)s ms",
            fields,
            extra=fields,
        )

    def _health(self, disconnected_s: float) -> Health:
        meter = self._parts.meter
        return Health(
            written_s=time.time(),
            disconnected_s=disconnected_s,
            last_message_s=None if meter.last_message_us is None else meter.last_message_us / 1e6,
            reconnect_count=self._parts.connection.reconnect_count,
            write_error=meter.write_error,
            clock_jump_count=meter.clock_jump_count,
        )


class ClockWatch:
    """Notices when the wall clock was set: it and the monotonic clock then part.

    Sealing, group commits and keep-alive go by the monotonic clock and do not care. Receive times are the wall
    clock's, and the rules on a fix's age compare with them.
    """

    def __init__(self, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._wall_ns = wall_ns
        self._apart_s = self._between_s()

    def has_jumped(self) -> bool:
        """Whether it jumped since the last call; a warning is logged then."""
        apart_s = self._between_s()
        jump_s = apart_s - self._apart_s
        if abs(jump_s) <= CLOCK_JUMP_S:
            return False
        self._apart_s = apart_s
        logger.warning(
            "the clock jumped by %+.0f s; receive times follow it: look at this machine's time service",
            jump_s,
            extra={"jump_s": round(jump_s)},
        )
        return True

    def _between_s(self) -> float:
        return self._wall_ns() / 1e9 - monotonic()


class _Totals(NamedTuple):
    """Counts since the start, of which a summary takes differences."""

    received: int
    acknowledged: int
    spooled_bytes: int
    flush_counts: tuple[int, ...]

    @classmethod
    def of(cls, parts: Parts) -> "_Totals":
        meter = parts.meter
        return cls(
            meter.message_count,
            parts.intake.acknowledged_count,
            parts.spool.written_bytes,
            tuple(meter.flush_counts),
        )
