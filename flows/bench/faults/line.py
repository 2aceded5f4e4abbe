"""The processes under test, and the faults that can befall them."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from time import sleep
from typing import NamedTuple

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from ingest.broker import BrokerFailed, MosquittoChild

STOP_S = 30.0
LAST_WORDS = 12  # lines of each log
PROJECT = Path(__file__).resolve().parents[3]


class Part(NamedTuple):
    """One collector: its name, and the settings that say what is its part."""

    name: str
    environment: dict[str, str]


def parts(count: int, shared_group: str | None) -> list[Part]:
    """One collector that keeps all; or several, by parts of the senders or in a shared group."""
    if count == 1:
        return [Part("main", {})]
    if shared_group is not None:
        return [Part(f"main-{number}", {"ODOGRAPH_SHARED_GROUP": shared_group}) for number in range(1, count + 1)]
    return [Part(f"main-{number}", {"ODOGRAPH_BUCKET": f"{number}/{count}"}) for number in range(1, count + 1)]


class Line:
    """The processes under test, and the faults that can befall them. Used from one thread."""

    def __init__(self, folder: Path, broker: MosquittoChild, chance: Random, parts: Sequence[Part]) -> None:
        self._folder = folder
        self._broker = broker
        self._chance = chance
        self._parts = parts
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("ODOGRAPH_", "PREFECT_"))
        } | {
            "ODOGRAPH_DATA_DIR": str((folder / "data").absolute()),
            "ODOGRAPH_BROKER_URL": broker.url,
            "ODOGRAPH_SEAL_S": "1",
            # They start in the folder of the test: where we are may be a .env that names somebody's lake.
            "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH")))),
        }
        self._collectors = [self._start_collector(part) for part in parts]
        self._refresh = self._start_refresh()
        self.refreshes = 0  # that ended by themselves, well
        self.collector_exits = 0  # that nobody had asked for: on a full disk, while somebody held the spool

    def keep_going(self) -> None:
        """Start again what ended by itself, as a supervisor does."""
        if self._refresh.poll() is not None:
            self.refreshes += self._refresh.returncode == 0
            self._refresh = self._start_refresh()
        self.keep_collecting()

    def keep_collecting(self) -> None:
        """Start again every collector that ended by itself."""
        for number, collector in enumerate(self._collectors):
            if collector.poll() is not None:
                self.collector_exits += 1
                self._collectors[number] = self._start_collector(self._parts[number])

    def last_words(self) -> list[str]:
        """The ends of the logs, for whoever has to find out why a campaign failed."""
        return [
            f"{log.name}: {said}"
            for log in sorted(self._folder.glob("*.log"))
            for said in log.read_text(errors="replace").splitlines()[-LAST_WORDS:]
        ]

    def befall(self, fault: str) -> Callable[[], None] | None:
        """Let a fault happen; what it returns ends it a while later."""
        number = self._chance.randrange(len(self._parts))
        collector = self._collectors[number]
        if fault == "collector killed":
            self._kill(collector)
            self._collectors[number] = self._start_collector(self._parts[number])
        elif fault == "refresh killed":
            self._kill(self._refresh)
            self._refresh = self._start_refresh()
        elif fault == "broker killed":
            self._broker.kill()
            self._start_broker()
        elif fault == "broker restarted":
            self._broker.stop()
            self._start_broker()
        elif fault == "session taken over":
            return self._take_over(self._parts[number])
        elif fault == "collector frozen":
            return self._until(signal.SIGSTOP, signal.SIGCONT, collector)
        else:
            return self._fill_disk(collector)
        return None

    def stop(self) -> None:
        """End everything in order, collectors last so that they seal."""
        self._kill(self._refresh)
        for collector in self._collectors:
            collector.send_signal(signal.SIGTERM)
        for collector in self._collectors:
            collector.wait(STOP_S)

    def _start_collector(self, part: Part) -> subprocess.Popen[bytes]:
        return self._run(part.name, {"ODOGRAPH_COLLECTOR": part.name, **part.environment}, "flows", "collect")

    def _start_refresh(self) -> subprocess.Popen[bytes]:
        return self._run("refresh", {}, "flows", "refresh")

    def _run(self, log_name: str, environment: dict[str, str], *command: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{log_name}.log").open("ab") as log:
            return subprocess.Popen(
                (sys.executable, "-m", *command),
                env=self._environment | environment,
                cwd=self._folder,
                stdout=log,
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

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()

    @staticmethod
    def _until(begin: signal.Signals, end: signal.Signals, process: subprocess.Popen[bytes]) -> Callable[[], None]:
        process.send_signal(begin)
        return lambda: process.send_signal(end)

    @staticmethod
    def _fill_disk(process: subprocess.Popen[bytes]) -> Callable[[], None]:
        """No file of the process may grow beyond a few bytes: every append to the spool fails as on a full disk."""
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))

        def empty() -> None:
            with suppress(ProcessLookupError):
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

        return empty

    def _take_over(self, part: Part) -> Callable[[], None]:
        """Somebody else connects with the collector's client id; the broker shows the collector the door."""
        intruder = Client(CallbackAPIVersion.VERSION2, f"odograph-{part.name}", protocol=MQTTProtocolVersion.MQTTv5)
        with suppress(OSError):
            intruder.connect("127.0.0.1", self._broker.port, clean_start=False)
            intruder.loop(0.2)

        def leave() -> None:
            intruder.disconnect()

        return leave
