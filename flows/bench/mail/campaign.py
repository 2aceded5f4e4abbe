"""Mails go out through a server with faults while the sender is killed again and again: did each arrive once?

Batch after batch, a client is started anew until it has nothing left to send. It is killed (-9) by the server in the
middle of a mail, and by us at any time. A mail is in the window where only the server knew: it was accepted, and the
connection or the client was gone before the answer was on disk. Only such a mail may arrive twice.
"""

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from threading import Timer
from time import monotonic
from typing import NamedTuple

from flows.bench.mail.client import SENDER, batch_report
from flows.bench.mail.server import GONE, FaultyServer, kill, now_and_then, running
from flows.post.mail import message
from flows.post.outbox import read_entries

RECIPIENTS = [*(f"reader{number}@line.example" for number in range(20)), f"{GONE}line.example"]
FAULTY_SHARE = 0.2
KILLED_AFTER_S = (0.5, 4.0)
MOST_STARTS = 200  # of a client for one batch; beyond it something waits for ever


class Outcome(NamedTuple):
    """What a campaign counted.

    twice_in, twice_out  mails that arrived more than once, in the window and outside it
    window_ms            from the end of a mail to the answer's record: p50, p95, greatest
    """

    seconds: float
    batches: int
    mails: int
    arrived: int
    lost: int
    refused: int
    in_window: int
    twice_in: int
    twice_out: int
    kills: int
    faults: dict[str, int]
    window_ms: tuple[float, float, float]

    @property
    def holds(self) -> bool:
        """Whether each mail arrived, and none twice without need."""
        return not (self.lost or self.twice_out)


def run_campaign(folder: Path, minutes: float, seed: int, tell: Callable[[float], None]) -> Outcome:
    """Send batches for so many minutes; `tell` hears which share is done."""
    chance = random.Random(seed)
    server = FaultyServer(now_and_then(chance, FAULTY_SHARE))
    began_s, batches, kills, in_window = monotonic(), 0, 0, set[str]()
    with running(server) as port:
        while (passed_s := monotonic() - began_s) < 60 * minutes:
            tell(passed_s / (60 * minutes))
            kills += _batch(folder, port, batches, server, chance, in_window)
            batches += 1
    ids = [
        (recipient, str(message(batch_report(batch), sender=SENDER, recipient=recipient)["Message-ID"]))
        for batch in range(batches)
        for recipient in RECIPIENTS
    ]
    in_window |= server.in_window
    twice = {key for key, count in server.accepted.items() if count > 1}
    return Outcome(
        seconds=monotonic() - began_s,
        batches=batches,
        mails=len(ids),
        arrived=sum(server.accepted[key] > 0 for _, key in ids),
        lost=sum(not recipient.startswith(GONE) and not server.accepted[key] for recipient, key in ids),
        refused=sum(recipient.startswith(GONE) for recipient, _ in ids),
        in_window=len(in_window),
        twice_in=len(twice & in_window),
        twice_out=len(twice - in_window),
        kills=kills,
        faults=dict(server.happened),
        window_ms=_window_ms(folder / "sent.jsonl"),
    )


def _batch(
    folder: Path, port: int, batch: int, server: FaultyServer, chance: random.Random, in_window: set[str]
) -> int:
    """Start a client until it ends by itself; returns how often it was killed."""
    command = [sys.executable, "-m", "flows.bench.mail.client", str(folder), str(port), str(batch), *RECIPIENTS]
    for kills in range(MOST_STARTS):
        with subprocess.Popen(command) as client:
            server.kill = lambda pid=client.pid: kill(pid)  # type: ignore[misc]
            killer = Timer(chance.uniform(*KILLED_AFTER_S), kill, [client.pid])
            killer.start()
        killer.cancel()
        if client.returncode == 0:
            return kills
        # What was being handed over when it died may have been accepted.
        left = [entry for entry in read_entries(folder / "sent.jsonl").values() if entry.state == "intent"]
        in_window |= {f"<{entry.key}@line.example>" for entry in left}
    raise TimeoutError(f"batch {batch} was not sent in {MOST_STARTS} starts of the client")


def _window_ms(ledger: Path) -> tuple[float, float, float]:
    """How long only the server knew, of the mails that were sent: from `intent` to `sent` in the ledger."""
    intent: dict[str, datetime] = {}
    found = []
    for text in ledger.read_text().splitlines():
        line = json.loads(text) if text.endswith("}") else {"state": "torn"}
        if line["state"] == "intent":
            intent[line["key"]] = datetime.fromisoformat(line["at_utc"])
        elif line["state"] == "sent":
            found.append((datetime.fromisoformat(line["at_utc"]) - intent[line["key"]]).total_seconds() * 1000)
    if len(found) < 2:
        return (0.0, 0.0, 0.0)
    parts = quantiles(found, n=20)
    return parts[9], parts[18], max(found)


def lines(outcome: Outcome) -> list[str]:
    """The table of faults, what became of the mails, and the verdict."""
    shown = [f"{'fault':<42}{'happened':>9}"]
    shown += [f"{fault:<42}{count:>9}" for fault, count in sorted(Counter(outcome.faults).items())]
    p50, p95, greatest = outcome.window_ms
    return [
        *shown,
        f"{'sender killed, by the server or at random':<42}{outcome.kills:>9}",
        "",
        f"{'mails':>9}{'arrived':>9}{'refused':>9}{'lost':>6}{'twice':>7}{'twice outside the window':>26}",
        f"{outcome.mails:>9}{outcome.arrived:>9}{outcome.refused:>9}{outcome.lost:>6}"
        f"{outcome.twice_in + outcome.twice_out:>7}{outcome.twice_out:>26}",
        "",
        f"{outcome.in_window} mails were in the window in which only the server knew, {outcome.twice_in} arrived twice",
        f"the window, of mails that were sent: p50 {p50:.1f} ms, p95 {p95:.1f} ms, longest {greatest:.0f} ms,"
        " the server's time for its answer included",
        f"{outcome.batches} batches in {outcome.seconds / 60:.1f} min",
        "holds: each mail arrived, and none twice but in the window" if outcome.holds else "FAILS: see above",
    ]
