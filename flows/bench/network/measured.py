"""One stage of the line over a network that is there, in a process of its own: seconds, processor time and memory.

python -m flows.bench.network.measured STAGE DATA_DIR
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from flows import loading
from flows.bench.apart import Memory
from flows.bench.line import measured
from flows.bench.line.campaign import settings_of
from flows.bench.line.fleet import DAY
from flows.settings import Settings
from ingest.compaction import compact
from warehouse.connection import writer_lock

Found = dict[str, Any]


def load(settings: Settings) -> Found:
    """Bring what lies in the spool into the lake."""
    with writer_lock(settings.lock_path, wait_s=1):
        return loading.load(settings)._asdict()


def marts(settings: Settings) -> Found:
    """From what is new in the lake to a published copy, merged before as loading would."""
    with writer_lock(settings.lock_path, wait_s=1):
        loading.merge_scattered(settings)
    return measured.run(settings)


def afresh(settings: Settings) -> Found:
    """The same for every date, whatever is new."""
    return measured.run(settings, full=True)


def merge(settings: Settings) -> Found:
    """Merge small files, as upkeep does of past dates."""
    with writer_lock(settings.lock_path, wait_s=1):
        return {"removed": compact(settings, DAY + timedelta(days=9))}


STAGES: dict[str, Callable[[Settings], Found]] = {found.__name__: found for found in (load, marts, afresh, merge)}


def stage(name: str, settings: Settings) -> Found:
    """Run a stage; what it says, and what it took."""
    memory = Memory()
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    found = STAGES[name](settings)
    spent = {"seconds": time.perf_counter() - began_s, "cpu_s": time.process_time() - began_cpu_s}
    memory.stop()
    return found | spent | {"peak_bytes": memory.peak, "anonymous_bytes": memory.anonymous}


if __name__ == "__main__":
    print(json.dumps(stage(sys.argv[1], settings_of(Path(sys.argv[2])))))
