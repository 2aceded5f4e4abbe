"""One run of the line over a lake that is there, in a process of its own: seconds of each stage, and memory.

python -m flows.bench.line.measured DATA_DIR
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows import refresh
from flows.bench.apart import Memory
from flows.measuring import chunks, partitions
from flows.opening import opened_line
from flows.settings import Settings
from warehouse.connection import writer_lock

# What `flows.refresh` and `flows.measuring` call, and the stage it belongs to; what is left of a rebuild is reading.
STAGES = {
    (partitions, "measure"): "kernels",
    (partitions, "measured_rows"): "rows",
    (refresh, "clear_measured"): "into core",
    (refresh, "add_measured"): "into core",
    (refresh, "guard_places"): "guard places",
    (refresh, "record_revisions"): "revisions",
    (refresh, "build_day"): "marts",
    (refresh, "check_day"): "checks",
    (chunks, "read_stretches"): "find",
    (chunks, "row_groups"): "find",
    (chunks, "chunk_without_track"): "plans and vans",
    (chunks, "day_from"): "lay out",
    (chunks, "read_chunk"): "plain way",
    (chunks, "day_of"): "plain way",
}


def run(settings: Settings, *, full: bool = False) -> dict[str, Any]:
    """Note what arrived, rebuild the dates it touched, publish; `full` rebuilds every date."""
    spent: dict[str, float] = {}
    memory = Memory()
    with timed(spent), writer_lock(settings.lock_path, wait_s=1), opened_line(settings) as opened:
        began_s = time.perf_counter()
        days = refresh.stale_dates(settings, full=full, opened=opened)
        reopened = opened.warehouse.execute(
            "select distinct vehicle_id from core.reopened order by all limit 9"
        ).fetchall()
        count = opened.warehouse.execute("select count(*) from core.reopened").fetchall()[0][0]
        noted_s = time.perf_counter()
        cpu_s = time.process_time()
        for day in days:
            refresh.rebuild(settings, day, opened)
        rebuilt_s = time.perf_counter()
        cpu_s = time.process_time() - cpu_s
        refresh.publish_copy(settings, opened)
        published_s = time.perf_counter()
        counted = opened.warehouse.execute(
            "select (select count(*) from marts.vehicle_days), (select count(*) from core.ledger),"
            " (select coalesce(sum(accepted_count), 0)::bigint from core.vehicle_dates)"
        ).fetchall()[0]
    memory.stop()
    return {
        "noted_s": noted_s - began_s,
        "rebuilt_s": rebuilt_s - noted_s,
        "rebuilt_cpu_s": cpu_s,
        "published_s": published_s - rebuilt_s,
        "stages_s": spent,
        "peak_bytes": memory.peak,
        "anonymous_bytes": memory.anonymous,
        "vehicle_days": counted[0],
        "ledger_rows": counted[1],
        "points": counted[2],
        "reopened": count,
        "rebuilt": [vehicle_id for (vehicle_id,) in reopened],
    }


@contextmanager
def timed(spent: dict[str, float]) -> Iterator[None]:
    """Add up what each stage takes, by putting a clock around the functions that the line calls by name."""
    originals = {place: getattr(*place) for place in STAGES}
    for (module, name), stage in STAGES.items():
        setattr(module, name, _clocked(originals[(module, name)], stage, spent))
    try:
        yield
    finally:
        for (module, name), original in originals.items():
            setattr(module, name, original)


def _clocked(call: Callable[..., Any], stage: str, spent: dict[str, float]) -> Callable[..., Any]:
    def clocked(*given: Any, **named: Any) -> Any:
        began_s = time.perf_counter()
        try:
            return call(*given, **named)
        finally:
            spent[stage] = spent.get(stage, 0.0) + time.perf_counter() - began_s

    return clocked


if __name__ == "__main__":
    chosen = Settings(_env_file=None, data_dir=Path(sys.argv[1]), tenant_copies="none", network_copy=False)  # type: ignore[call-arg]
    print(json.dumps(run(chosen)))
