"""What the tests of `ingest` run and look at: collectors as processes, messages, and what a spool holds."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ingest.outbox import Outgoing
from ingest.spool import Message, read_segment, sealed_segments

PROJECT = Path(__file__).resolve().parents[2]
START_S = 20


class CollectorProcess:
    """A collector as it runs in earnest: in a process of its own, so that it can be killed."""

    def __init__(
        self, data_dir: Path, broker_url: str, *, clean_session: bool = False, collector: str = "main", **more: object
    ) -> None:
        self.spool_folder = data_dir / "spool" / collector
        self.log: list[str] = []
        self._environment = {
            "PATH": os.environ["PATH"],
            "ODOGRAPH_DATA_DIR": str(data_dir),
            "ODOGRAPH_BROKER_URL": broker_url,
            "ODOGRAPH_CLEAN_SESSION": str(clean_session),
            "ODOGRAPH_COLLECTOR": collector,
        } | {f"ODOGRAPH_{name.upper()}": str(value) for name, value in more.items()}
        self._process: subprocess.Popen[str] | None = None

    def start(self, *, wait: bool = True) -> "CollectorProcess":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ingest.collector"],
            cwd=PROJECT,
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        is_ready = threading.Event()
        self.follower = threading.Thread(target=self._follow, args=(self._process, is_ready), daemon=True)
        self.follower.start()
        assert not wait or is_ready.wait(START_S), self.log
        return self

    def kill(self) -> None:
        """End it as a crash would."""
        self.end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end; return its exit status."""
        return self.end(signal.SIGTERM)

    def end(self, how: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        status = self._process.wait(START_S)
        self._process = None
        return status

    def wait(self) -> int:
        """Wait until it ends by itself."""
        assert self._process is not None
        status = self._process.wait(START_S)
        self._process = None
        return status

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _follow(self, process: "subprocess.Popen[str]", is_ready: threading.Event) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line.rstrip())
            if line == "ready\n":
                is_ready.set()


def point_message(seq: int, *, device: str = "van-1", due_us: int = 0, boot: int = 1) -> Outgoing:
    """A native message with one point."""
    point = {"ts": 1772208123.25, "seq": seq, "lat": 40.748441, "lon": -73.985664, "spd_kmh": 12.5}
    payload = json.dumps({"v": 1, "dev": device, "boot": boot, "pts": [point]}).encode()
    return Outgoing(due_us, f"tm/v1/acme/{device}/pos", payload)


def spooled(folder: Path) -> list[Message]:
    """All messages in the sealed segments of a spool, in order."""
    tables = [read_segment(segment.path) for segment in sealed_segments(folder)]
    return [Message(**row) for table in tables for row in table.to_pylist()]


def spooled_seqs(folder: Path) -> list[int]:
    """The numbers of all points in a spool, in order, repeats included."""
    return [json.loads(message.payload)["pts"][0]["seq"] for message in spooled(folder)]


def eventually(holds: Callable[[], bool], timeout_s: float = 30) -> bool:
    """Wait for something to become true; say whether it did."""
    give_up_s = time.monotonic() + timeout_s
    while time.monotonic() < give_up_s:
        if holds():
            return True
        time.sleep(0.02)
    return holds()
