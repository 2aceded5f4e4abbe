"""The processes under test, and the faults that can befall them."""

import os
import resource
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import NamedTuple

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from flows.chaos.clocks import Clocks
from flows.chaos.disk import SmallDisk
from flows.chaos.guarded import GuardedBroker
from flows.chaos.plan import CLOCK_JUMP_S
from ingest.broker import BrokerFailed
from ingest.collector import client_id

STOP_S = 30.0
LAST_S = 600.0  # of what ends when it has done its work
LAST_WORDS = 12  # lines of each log
PROJECT = Path(__file__).resolve().parents[2]
CLOCKED = ("collector", "refresh", "poster")
STATUS_LINE = "VmHWM:"
End = Callable[[], None]


def at_once() -> None:
    """End a fault that was over as soon as it had happened."""


class Part(NamedTuple):
    """One process under test.

    kind   collector, refresh, publisher, analyst or poster: what faults choose by
    words  its command after `python -m`
    needs  what has to be there before it makes sense to start it
    """

    kind: str
    name: str
    words: tuple[str, ...]
    environment: Mapping[str, str] = {}
    needs: Path | None = None


def collectors(count: int, shared_group: str | None, broker: GuardedBroker) -> list[Part]:
    """One collector that keeps all; or several, by parts of the senders or in a shared group."""
    roles: list[dict[str, str]] = [{}]
    if count > 1 and shared_group is not None:
        roles = [{"ODOGRAPH_SHARED_GROUP": shared_group}] * count
    elif count > 1:
        roles = [{"ODOGRAPH_BUCKET": f"{number}/{count}"} for number in range(1, count + 1)]
    found = []
    for name, role in zip(collector_names(count), roles, strict=True):
        said = {"ODOGRAPH_COLLECTOR": name, "ODOGRAPH_BROKER_URL": broker.url_of(client_id(name)), **role}
        found.append(Part("collector", name, ("flows", "collect"), said))
    return found


def collector_names(count: int) -> list[str]:
    """What collectors are called."""
    return ["main"] if count == 1 else [f"main-{number}" for number in range(1, count + 1)]


REFRESH = Part("refresh", "refresh", ("flows", "refresh"))


class Line:
    """The processes under test, and the faults that can befall them. Used from one thread."""

    def __init__(
        self,
        folder: Path,
        broker: GuardedBroker,
        chance: Random,
        parts: Sequence[Part],
        *,
        clocks: Clocks | None = None,
        disk: SmallDisk | None = None,
    ) -> None:
        self._folder = folder
        self._broker = broker
        self._chance = chance
        self._clocks = clocks or Clocks(folder / "clocks", may_jump=False)
        self._disk = disk
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("ODOGRAPH_", "PREFECT_"))
        } | {
            "ODOGRAPH_DATA_DIR": str((folder / "data").absolute()),
            "ODOGRAPH_BROKER_URL": broker.url,
            "ODOGRAPH_SEAL_S": "1",
            # They start in the folder of the test: where we are may be a .env that names somebody's lake.
            "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH")))),
        }
        self._parts = {part.name: part for part in parts}
        self._running: dict[str, subprocess.Popen[bytes] | None] = dict.fromkeys(self._parts)
        self.ended_well: Counter[str] = Counter()  # by kind: of themselves, with status 0
        self.ended_badly: Counter[str] = Counter()  # likewise with another: on a full disk, while another holds a lock
        self.peak_kib: dict[str, int] = {}  # by kind: the most memory a process ever had
        self.keep_going()

    def keep_going(self, *kinds: str) -> None:
        """Start what can be started, and again what ended by itself, as a supervisor does; of all kinds, or of some."""
        for part in self._parts.values():
            if kinds and part.kind not in kinds:
                continue
            process = self._running[part.name]
            if process is not None:
                self._weigh(part, process)
                if process.poll() is None:
                    continue
                (self.ended_badly if process.returncode else self.ended_well)[part.kind] += 1
            if part.needs is None or part.needs.exists():
                self._running[part.name] = self._start(part)

    def wait_for(self, path: Path) -> None:
        """Keep all going until something is there."""
        give_up_s = monotonic() + LAST_S
        while not path.exists():
            if monotonic() > give_up_s:
                raise TimeoutError(f"no {path} in {LAST_S:.0f} s; logs lie in {self._folder}")
            self.keep_going()
            sleep(0.1)

    def pid_of(self, kind: str) -> int | None:
        """The process id of some process of a kind that was started."""
        found = [process for name, process in self._running.items() if process and self._parts[name].kind == kind]
        return found[0].pid if found else None

    def last_words(self) -> list[str]:
        """The ends of the logs, for whoever has to find out why a campaign failed."""
        return [
            f"{log.name}: {said}"
            for log in sorted(self._folder.glob("*.log"))
            for said in log.read_text(errors="replace").splitlines()[-LAST_WORDS:]
        ]

    def befall(self, fault: str) -> End | None:
        """Let a fault happen; what it returns ends it a while later, where that is not at once. None: it cannot now."""
        kind, _, what = fault.partition(" ")
        if fault in ("broker killed", "broker restarted"):
            (self._broker.kill if what == "killed" else self._broker.stop)()
            self._start_broker()
            return at_once
        if fault == "everybody's disk full":
            return self._disk.empty if self._disk is not None and self._disk.fill() else None
        if fault == "session taken over":
            return self._take_over(self._one("collector"))
        if fault == "clock jumps":
            return self._jump(self._one(*CLOCKED))
        part = self._one(kind.removesuffix("'s"))
        if part is None:
            return None
        process = self._process_of(part)
        if what == "killed":
            self._weigh(part, process)
            process.kill()
            process.wait()
            self._running[part.name] = self._start(part)
            return at_once
        if what == "frozen":
            return self._until(signal.SIGSTOP, signal.SIGCONT, process)
        return self._fill_disk(process)

    def end(self, kind: str, how: signal.Signals | None) -> list[int]:
        """End all processes of a kind, or wait for it, and start them no more; their statuses."""
        ending = []
        for part in [part for part in self._parts.values() if part.kind == kind]:
            del self._parts[part.name]
            if process := self._running.pop(part.name):
                self._weigh(part, process)
                if how is not None:
                    process.send_signal(how)
                ending.append(process)
        statuses = [process.wait(LAST_S if how is None else STOP_S) for process in ending]
        self.ended_well[kind] += 0 if how else statuses.count(0)
        return statuses

    def drain(self, kind: str, wait_s: float) -> bool:
        """Keep all going until everybody of a kind has ended well; false where somebody still has not after a while."""
        give_up_s = monotonic() + wait_s
        waiting = [part for part in self._parts.values() if part.kind == kind]
        while waiting and monotonic() < give_up_s:
            self.keep_going(*{part.kind for part in self._parts.values()} - {kind})
            for part in list(waiting):
                status = self._process_of(part).poll()
                if status == 0:
                    waiting.remove(part)
                elif status is not None:
                    self._running[part.name] = self._start(part)
            sleep(0.1)
        self.end(kind, signal.SIGKILL)
        return not waiting

    def stop(self) -> None:
        """End everything in order, collectors last so that they seal."""
        for kind in ("analyst", "poster", "publisher", "refresh"):
            self.end(kind, signal.SIGKILL)
        self.end("collector", signal.SIGTERM)

    def _one(self, *kinds: str) -> Part | None:
        found = [part for part in self._parts.values() if part.kind in kinds and self._running[part.name]]
        return self._chance.choice(found) if found else None

    def _process_of(self, part: Part) -> subprocess.Popen[bytes]:
        process = self._running[part.name]
        assert process is not None
        return process

    def _start(self, part: Part) -> subprocess.Popen[bytes]:
        if part.kind in CLOCKED:
            part = part._replace(environment={**part.environment, **self._clocks.environment(part.name)})
        return self._run(part.name, part.environment, *part.words)

    def _run(self, log_name: str, environment: Mapping[str, str], *command: str) -> subprocess.Popen[bytes]:
        with (
            (self._folder / f"{log_name}.log").open("ab") as log,
            (self._folder / f"{log_name}.said").open("ab") as out,
        ):
            return subprocess.Popen(
                (sys.executable, "-m", *command),
                env={**self._environment, **environment},
                cwd=self._folder,
                stdout=out,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def _start_broker(self) -> None:
        while True:
            try:
                self._broker.start()
            except BrokerFailed:  # the port of the one before is not free yet
                sleep(0.05)
            else:
                return

    def _weigh(self, part: Part, process: subprocess.Popen[bytes]) -> None:
        """Note how much memory a process had at most; the kernel keeps that for us as long as it lives."""
        with suppress(OSError):
            said = Path(f"/proc/{process.pid}/status").read_text()
            for line in said.splitlines():
                if line.startswith(STATUS_LINE):
                    self.peak_kib[part.kind] = max(self.peak_kib.get(part.kind, 0), int(line.split()[1]))

    @staticmethod
    def _until(begin: signal.Signals, end: signal.Signals, process: subprocess.Popen[bytes]) -> End:
        process.send_signal(begin)
        return lambda: process.send_signal(end)

    @staticmethod
    def _fill_disk(process: subprocess.Popen[bytes]) -> End:
        """No file of the process may grow beyond a few bytes: every append to the spool fails as on a full disk."""
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))

        def empty() -> None:
            with suppress(ProcessLookupError):
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

        return empty

    def _take_over(self, part: Part | None) -> End | None:
        """Somebody else connects as the collector; the broker shows the collector the door."""
        if part is None:
            return None
        user = client_id(part.name)
        intruder = Client(CallbackAPIVersion.VERSION2, user, protocol=MQTTProtocolVersion.MQTTv5)
        intruder.username_pw_set(user)
        with suppress(OSError):
            intruder.connect("127.0.0.1", self._broker.port, clean_start=False)
            intruder.loop(0.2)

        def leave() -> None:
            intruder.disconnect()

        return leave

    def _jump(self, part: Part | None) -> End | None:
        """The clock of somebody is hours ahead or behind for a while."""
        if part is None or not self._clocks.can_jump:
            return None
        name = part.name
        self._clocks.set(name, self._chance.randint(-CLOCK_JUMP_S, CLOCK_JUMP_S))
        return lambda: self._clocks.set(name, 0)
