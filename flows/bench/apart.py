"""How is something measured in a process of its own, whose memory nobody else uses?"""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

SAMPLE_S = 0.05


def said_by(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module of ours in another process, and return what its last line says as JSON."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


class Memory:
    """Samples the resident memory of this process until it is stopped; bytes."""

    def __init__(self) -> None:
        self.peak, self.anonymous = 0, 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Sample no more."""
        self._stopped.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stopped.wait(SAMPLE_S):
            said = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
            self.peak = max(self.peak, int(said["VmHWM"].split()[0]) * 1024)
            self.anonymous = max(self.anonymous, int(said["RssAnon"].split()[0]) * 1024)
