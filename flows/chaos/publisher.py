"""Who publishes in a campaign? The gateway of one tenant, which writes down what it sends before it sends it.

    python -m flows.chaos.publisher URL FOLDER TENANT OTHER_TENANT MESSAGES_PER_S START_S

Its outbox is on disk: `sent-TENANT.tsv` has every message, `confirmed-TENANT` how many of them, from the first on, are
known to be on the collector's disk. So it may be killed: started again it sends what was not confirmed, and goes on.
Now and then it writes to a topic of the other tenant, which the broker has to refuse, and notes that in
`trespassed-TENANT`. Where there is a file `stop` it sends nothing new, waits for receipts and ends with 0 when all have
come: a signal could come before there is anybody to hear it.
"""

import json
import logging
import sys
from collections import deque
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from flows.chaos.plan import DEVICES
from ingest.client import broker_address
from ingest.outbox import Outgoing
from ingest.publisher import Publisher
from ingest.unconfirmed import Held

POINTS_A_MESSAGE = 3
PURCHASE_EVERY = 40  # messages
TRESPASS_EVERY = 100
TRESPASSER = "trespasser"
STOP = "stop"
LONGEST_PAUSE_S = 0.5
RESEND_S = 2.0
STALL_S = 180.0  # without a single receipt: what is unconfirmed then stays so
NOTED_EVERY_S = 0.2
DAY_S = 86_400
# A van is driven out, stands idling, is off, and drives back; a number is a second.
OUT_S, IDLE_S, OFF_S = 120, 60, 60
HALF_S = OUT_S + IDLE_S + OFF_S
SILENT_EVERY, SILENT_AT, SILENT_S = 960, 30, 600  # a dead zone while driving


def message(tenant: str, number: int, start_s: int) -> Outgoing:
    """The message of a tenant with this number: always the same, so that it can be sent again."""
    if number % PURCHASE_EVERY == PURCHASE_EVERY - 1:
        return _purchase(tenant, number // PURCHASE_EVERY, start_s)
    device = number % DEVICES
    first = number // DEVICES * POINTS_A_MESSAGE
    points = [point(start_s + device * DAY_S, seq) for seq in range(first, first + POINTS_A_MESSAGE)]
    body = {"v": 1, "dev": f"van-{device}", "boot": 1, "pts": points}
    return Outgoing(0, f"tm/v1/{tenant}/van-{device}/pos", json.dumps(body).encode())


def point(start_s: int, seq: int) -> dict[str, object]:
    """Where the van of a device is at its second number `seq`, dead zones left out."""
    silences = 0 if seq < SILENT_AT else (seq - SILENT_AT) // SILENT_EVERY + 1
    way = seq % HALF_S
    out_s = min(way, OUT_S)
    if seq // HALF_S % 2:
        out_s = OUT_S - out_s
    return {
        "ts": start_s + seq + silences * SILENT_S,
        "seq": seq,
        "lat": round(40.7 + 0.0001 * out_s, 6),
        "lon": -74.0,
        "spd_kmh": 40 if way < OUT_S else 0,
        "ign": way < OUT_S + IDLE_S,
    }


def _purchase(tenant: str, number: int, start_s: int) -> Outgoing:
    body = {
        "v": 1,
        "event_type": "clear",
        "provider_txn_id": f"T{number}",
        "ts_utc": start_s + number,
        "quantity": "10.5",
        "unit": "gal",
        "net": "36.22",
        "currency": "USD",
    }
    return Outgoing(0, f"fc/v1/{tenant}/bench/txn", json.dumps(body).encode())


def trespass(other: str, number: int, start_s: int) -> Outgoing:
    """A point that a tenant's gateway writes as if it were a device of another tenant."""
    body = {"v": 1, "dev": TRESPASSER, "boot": 1, "pts": [point(start_s, number)]}
    return Outgoing(0, f"tm/v1/{other}/{TRESPASSER}/pos", json.dumps(body).encode())


class Outbox:
    """What one tenant has sent, on disk, and how much of it is confirmed."""

    def __init__(self, folder: Path, tenant: str) -> None:
        self._sent = _without_torn_end(folder / f"sent-{tenant}.tsv")
        self._confirmed = folder / f"confirmed-{tenant}"
        self._waiting: deque[Held] = deque()
        self.sent_count = 0
        self.confirmed_count = int(self._confirmed.read_text() or 0) if self._confirmed.exists() else 0
        self._noted_s = 0.0

    def unconfirmed(self) -> list[Outgoing]:
        """Everything that an earlier process sent and never saw confirmed."""
        self._sent.seek(0)
        lines = self._sent.readlines()
        self.sent_count = len(lines)
        return [read_line(line) for line in lines[self.confirmed_count :]]

    def put(self, outgoing: Outgoing) -> None:
        """Write a message down; it may be sent then."""
        self._sent.write(outgoing.topic.encode() + b"\t" + outgoing.payload + b"\n")
        self.sent_count += 1

    def watch(self, held: Held) -> None:
        """Wait for the confirmation of what was just sent."""
        self._waiting.append(held)

    def note(self, *, now: bool = False) -> None:
        """Write down how many are confirmed, now and then."""
        while self._waiting and self._waiting[0].is_confirmed:
            self._waiting.popleft()
            self.confirmed_count += 1
        if now or monotonic() - self._noted_s > NOTED_EVERY_S:
            self._noted_s = monotonic()
            beside = self._confirmed.with_suffix(".new")
            beside.write_text(str(self.confirmed_count))
            beside.replace(self._confirmed)


def read_line(line: bytes) -> Outgoing:
    """A message as it stands in a file of what was sent."""
    topic, payload = line.rstrip(b"\n").split(b"\t", 1)
    return Outgoing(0, topic.decode(), payload)


def _without_torn_end(path: Path) -> IO[bytes]:
    """Open a file of lines for more of them; what was cut off in the middle of a line was never sent."""
    file = path.open("a+b", buffering=0)
    file.seek(0)
    whole = file.read().rfind(b"\n") + 1
    file.truncate(whole)
    return file


def publish(publisher: Publisher, outbox: Outbox, words: tuple[str, str, Path], rate: float, start_s: int) -> None:
    """Send what is left from before, then something new until told to stop, then wait."""
    tenant, other, folder = words
    trespassed, stop = folder / f"trespassed-{tenant}", folder / STOP
    for outgoing in outbox.unconfirmed():
        outbox.watch(publisher.publish(outgoing))
    began_s, began = monotonic(), outbox.sent_count
    while not stop.exists():
        number = outbox.sent_count
        if number % TRESPASS_EVERY == 0:
            with trespassed.open("ab", buffering=0) as tried:
                tried.write(b"%d\n" % number)
            publisher.publish(trespass(other, number, start_s))
        outgoing = message(tenant, number, start_s)
        outbox.put(outgoing)
        outbox.watch(publisher.publish(outgoing))
        outbox.note()
        ahead_s = (number - began) / rate - (monotonic() - began_s)
        if ahead_s > 0.05:
            sleep(min(ahead_s, LONGEST_PAUSE_S))
    moved_s, confirmed = monotonic(), outbox.confirmed_count
    while outbox.confirmed_count < outbox.sent_count and monotonic() - moved_s < STALL_S:
        publisher.drain(NOTED_EVERY_S)
        outbox.note(now=True)
        if outbox.confirmed_count != confirmed:
            moved_s, confirmed = monotonic(), outbox.confirmed_count


def main() -> int:
    """Publish as the words of the command line say."""
    logging.disable(logging.CRITICAL)  # that the broker is gone now and then, and refuses a trespass, is the point
    url, folder, tenant, other, rate, start_s = sys.argv[1:7]
    outbox = Outbox(Path(folder), tenant)
    address = broker_address(url)
    with Publisher(address, f"gateway-{tenant}", tenants=[tenant], resend_s=RESEND_S, stall_s=STALL_S) as publisher:
        publish(publisher, outbox, (tenant, other, Path(folder)), float(rate), int(start_s))
    return 0 if outbox.confirmed_count == outbox.sent_count else 1


if __name__ == "__main__":
    sys.exit(main())
