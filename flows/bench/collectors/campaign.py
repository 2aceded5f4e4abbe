"""What is lost or kept twice while members of a shared subscription come and go? Counted on a real mosquitto.

Three collectors share one subscription while a publisher sends at a steady rate. After a third of the messages one of
the three leaves, after two thirds it comes back, or it never does. The publisher is one that has done its duty with the
broker's PUBACK, or one with an outbox, which waits for receipts. At the end it is counted what the spools hold.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from flows.bench.collectors.network import Network
from ingest.broker import MosquittoChild
from ingest.client import broker_address
from ingest.listing import sealed_segments
from ingest.outbox import Outgoing
from ingest.publisher import Publisher
from ingest.spool import read_segment, recover

PROJECT = Path(__file__).resolve().parents[3]
MEMBERS = ("one", "two", "three")
LEAVING = "two"
GROUP = "bench"
DEVICES = 50
START_S = 60.0
STOP_S = 30.0
QUIET_S = 3.0  # nothing new for so long: what has not come is not going to
DRAIN_S = 60.0

STOPPED, KILLED, CUT, GONE = "stopped, back later", "killed (-9), back later", "network cut", "killed (-9), never back"
REMEDY = "killed (-9), then started once without the group"
WAYS = (STOPPED, KILLED, CUT, GONE, REMEDY)


class Case(NamedTuple):
    """How a member leaves, whether the broker keeps its session, and whether the publisher waits for receipts."""

    way: str
    keeps_session: bool
    has_outbox: bool


class Counts(NamedTuple):
    """What became of the messages of one case."""

    case: Case
    acknowledged: int  # to the publisher: by the broker, or by receipts
    distinct: int  # stored, some of them without that the publisher knows
    again: int
    lost: int  # acknowledged and not stored


def cases() -> list[Case]:
    """Every combination that makes sense: only a session can be fetched later."""
    return [
        Case(way, keeps_session, has_outbox)
        for keeps_session in (True, False)
        for has_outbox in (False, True)
        for way in WAYS
        if way != REMEDY or (keeps_session and not has_outbox)
    ]


def run_case(folder: Path, case: Case, messages: int, rate: float) -> Counts:
    """Run three collectors and a publisher, let one leave, and count."""
    with ExitStack() as stack:
        broker = stack.enter_context(MosquittoChild(folder / "broker"))
        network = Network(broker.port)
        stack.callback(network.close)
        urls = {name: network.url if name == LEAVING else broker.url for name in MEMBERS}
        members = {name: Member(folder, name, urls[name], case.keeps_session) for name in MEMBERS}
        for member in members.values():
            stack.callback(member.end, signal.SIGKILL)
            member.start()
        for member in members.values():
            member.wait_until_ready()
        address = broker_address(broker.url)
        with Publisher(address, "bench-publisher", receipts=case.has_outbox, resend_s=2) as publisher:
            turns: dict[int, Callable[[], None]] = {messages // 3: _leave(members[LEAVING], network, case)}
            if case.way in (STOPPED, KILLED):
                turns[2 * messages // 3] = members[LEAVING].start
            sent = []
            for number in _paced(messages, rate):
                if number in turns:
                    turns[number]()
                sent.append(publisher.publish(_message(number)))
            publisher.drain(DRAIN_S)
            acknowledged = {number for number, held in enumerate(sent) if held.is_confirmed}
        if case.way == REMEDY:
            members[LEAVING].start(group=False)
        if case.way not in (CUT, GONE):
            members[LEAVING].wait_until_ready()
        _wait_for_quiet(folder)
        for member in members.values():
            member.end(signal.SIGTERM)
    kept = Counter(seq for name in MEMBERS for seq in _seqs(folder / "data" / "spool" / name))
    return Counts(case, len(acknowledged), len(kept), kept.total() - len(kept), len(acknowledged - set(kept)))


class Member:
    """One collector of the group, as a process."""

    def __init__(self, folder: Path, name: str, url: str, keeps_session: bool) -> None:
        self._log = folder / f"{name}.log"
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("ODOGRAPH_", "PREFECT_"))
        } | {
            "ODOGRAPH_DATA_DIR": str((folder / "data").absolute()),
            "ODOGRAPH_BROKER_URL": url,
            "ODOGRAPH_COLLECTOR": name,
            "ODOGRAPH_CLEAN_SESSION": str(not keeps_session),
            "ODOGRAPH_SEAL_S": "0.5",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH")))),
        }
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, group: bool = True) -> None:
        """Start it, in the group or alone; whoever has to wait until it is ready says so."""
        shared = {"ODOGRAPH_SHARED_GROUP": GROUP} if group else {}
        with self._log.open("wb") as log:
            command = (sys.executable, "-m", "flows", "collect")
            self._process = subprocess.Popen(
                command, env=self._environment | shared, cwd=self._folder, stderr=log, stdin=subprocess.DEVNULL
            )

    def wait_until_ready(self) -> None:
        """Wait until the broker has granted what it asked for."""
        give_up_s = monotonic() + START_S
        while b"\nready\n" not in b"\n" + self._log.read_bytes():
            if monotonic() > give_up_s:
                raise TimeoutError(f"no collector after {START_S:.0f} s: {self._log.read_text()}")
            sleep(0.05)

    def end(self, how: signal.Signals) -> None:
        """End it, if it runs."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STOP_S)
            self._process = None


def _leave(member: Member, network: Network, case: Case) -> Callable[[], None]:
    if case.way == CUT:
        return network.cut
    return lambda: member.end(signal.SIGTERM if case.way == STOPPED else signal.SIGKILL)


def _paced(count: int, rate: float) -> Iterator[int]:
    began_s = monotonic()
    for number in range(count):
        yield number
        ahead_s = number / rate - (monotonic() - began_s)
        if ahead_s > 0.01:
            sleep(ahead_s)


def _message(number: int) -> Outgoing:
    point = {"ts": 1_700_000_000 + number, "seq": number, "lat": 40.7, "lon": -74.0, "spd_kmh": 0}
    device = f"van-{number % DEVICES}"
    body = {"v": 1, "dev": device, "boot": 1, "pts": [point]}
    return Outgoing(0, f"tm/v1/acme/{device}/pos", json.dumps(body).encode())


def _wait_for_quiet(folder: Path) -> None:
    last, since_s = -1, monotonic()
    while monotonic() - since_s < QUIET_S:
        size = sum(path.stat().st_size for path in folder.glob("data/spool/*/*.parquet"))
        if size != last:
            last, since_s = size, monotonic()
        sleep(0.1)


def _seqs(folder: Path) -> Iterator[int]:
    recover(folder)  # what a killed member left open is on disk, and a refresh would seal it
    for segment in sealed_segments(folder):
        for payload in read_segment(segment.path)["payload"].to_pylist():
            yield json.loads(payload)["pts"][0]["seq"]
