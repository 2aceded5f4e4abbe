"""What is published while faults happen: numbered points and card records, each remembered by who publishes it."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from time import monotonic

from ingest.client import broker_address
from ingest.outbox import Outgoing
from ingest.publisher import Publisher

TENANT = "faults"
DEVICE_COUNT = 12
POINTS_A_MESSAGE = 3
PURCHASE_EVERY = 40  # messages
RESEND_S = 2.0
TURN_S = 0.2
STALL_S = 180.0  # without a single receipt: what is unconfirmed then stays so


class Traffic:
    """Publishes numbered points and purchases until told to stop, and remembers all of them."""

    def __init__(self, url: str, messages_per_s: float, sent_path: Path) -> None:
        self._publisher = Publisher(
            broker_address(url), "faults-publisher", tenants=[TENANT], resend_s=RESEND_S, stall_s=STALL_S
        )
        self._pause_s = 1 / messages_per_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._sent = sent_path.open("wb")
        self.seqs: Counter[str] = Counter()
        self.purchases = 0
        self.failure: Exception | None = None

    def start(self) -> None:
        self._publisher.__enter__()
        self._thread.start()

    def stop(self, meanwhile: Callable[[], None]) -> int:
        """Send no more, wait for receipts, calling `meanwhile` often, and return how many messages have none."""
        self._stopping.set()
        self._thread.join()
        unconfirmed, moved_s = self._publisher.unconfirmed, monotonic()
        while unconfirmed and monotonic() - moved_s < STALL_S:
            meanwhile()
            left = self._publisher.drain(TURN_S)
            if left != unconfirmed:
                unconfirmed, moved_s = left, monotonic()
        self._publisher.close()
        self._sent.close()
        return unconfirmed

    @property
    def resent(self) -> int:
        return self._publisher.resent

    def _run(self) -> None:
        try:
            for number, outgoing in enumerate(self._messages()):
                self._sent.write(outgoing.topic.encode() + b"\t" + outgoing.payload + b"\n")
                self._publisher.publish(outgoing)
                if number % 10 == 0:
                    self._stopping.wait(10 * self._pause_s)
        except Exception as error:
            self.failure = error

    def _messages(self) -> Iterator[Outgoing]:
        """Numbered messages until told to stop; each that is made has been counted and must be sent."""
        noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)
        start_s = int(noon.timestamp())
        for number in count():
            if self._stopping.is_set():
                return
            if number % PURCHASE_EVERY == PURCHASE_EVERY - 1:
                yield self._purchase(start_s)
            device = f"van-{number % DEVICE_COUNT:02d}"
            first = self.seqs[device]
            points = [_point(start_s, seq) for seq in range(first, first + POINTS_A_MESSAGE)]
            body = {"v": 1, "dev": device, "boot": 1, "pts": points}
            self.seqs[device] += POINTS_A_MESSAGE
            yield Outgoing(0, f"tm/v1/{TENANT}/{device}/pos", json.dumps(body).encode())

    def _purchase(self, start_s: int) -> Outgoing:
        self.purchases += 1
        body = {
            "v": 1,
            "event_type": "clear",
            "provider_txn_id": f"T{self.purchases}",
            "ts_utc": start_s + self.purchases,
            "quantity": "10.5",
            "unit": "gal",
            "net": "36.22",
            "currency": "USD",
        }
        return Outgoing(0, f"fc/v1/{TENANT}/bench/txn", json.dumps(body).encode())


def _point(start_s: int, seq: int) -> dict[str, object]:
    """Two minutes of driving, one of idling, one switched off; a second for each number."""
    part = seq // 60 % 4
    return {
        "ts": start_s + seq,
        "seq": seq,
        "lat": round(40.7 + 0.0001 * min(seq % 240, 120), 6),
        "lon": -74.0,
        "spd_kmh": 40 if part < 2 else 0,
        "ign": part < 3,
    }
