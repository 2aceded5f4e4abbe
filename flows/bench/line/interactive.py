"""How long does a person wait for help, for an answer, for the state of things, and for a refresh?

Commands are run as a person runs them: each is a process of its own, on a warehouse and a lake of a year
(`flows.bench.line.year`). The first run of each finds cold caches and stands apart; of the others the median counts.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from typing import NamedTuple

from flows.bench.figures import Figure, Section
from flows.bench.line.year import SPOOL, Year, build_year
from flows.querying import open_published
from flows.settings import Settings
from ingest.spool import Message, Spool

RUNS = 5
LATE_DAYS = 9  # so long ago is the date of the first late van; each further one is a date earlier
LATE_SEQ = 10_000_000
ASKED = (
    (("--help",), 0.3),
    (("query", "from marts.fleet_days order by service_date desc limit 7"), 1.0),
    (("status",), 1.0),
    (("refresh",), 3.0),
)
LATE_GOAL_S = 5.0


class Waited(NamedTuple):
    """How long one run of a command took, and how many seconds of processors it used."""

    wall_s: float
    cpu_s: float


def interactive_section(
    folder: Path, vans: int = 40, days: int = 310, tell: Callable[[int, int], None] = lambda _done, _all: None
) -> Section:
    """Make a year below an empty folder, run the commands on it, and say how long each took."""
    year = build_year(folder, vans, days, tell)
    figures = []
    for arguments, goal_s in ASKED:
        runs = [run(year.settings, arguments) for _ in range(RUNS + 1)]
        what = "odograph " + arguments[0] + (", nothing new" if arguments == ("refresh",) else "")
        figures += _figures(what, runs, goal_s)
    late = []
    for back in range(min(RUNS + 1, len(year.days))):
        arrive_late(year.settings, year.days[-1] - timedelta(days=LATE_DAYS + back) if days > 1 else year.days[-1])
        late.append(run(year.settings, ("refresh",)))
    figures += _figures("odograph refresh, one late van, all copies published", late, LATE_GOAL_S)
    return Section(f"Interactive commands: {vans} vans, {len(year.days)} service dates", figures, [_size(year)])


def run(settings: Settings, arguments: Sequence[str]) -> Waited:
    """Run a command in a process of its own; CalledProcessError where it fails, but `status` may find something."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ODOGRAPH_", "PREFECT_"))}
    environment["ODOGRAPH_DATA_DIR"] = str(settings.data_dir)
    before, began_s = getrusage(RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "flows", *arguments], env=environment, capture_output=True, check=False
    )
    wall_s, after = time.monotonic() - began_s, getrusage(RUSAGE_CHILDREN)
    if arguments[0] != "status":
        done.check_returncode()
    return Waited(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def arrive_late(settings: Settings, day: date) -> None:
    """A message with five points of one van, in the middle of a run of that date or of the last one before it."""
    with open_published(settings.published_path) as published:
        tenant, device, at_s, latitude, longitude = published.execute(
            "select runs.tenant_id, devices.id, epoch(started_utc) + 3.5, latitude, longitude from core.ledger as runs"
            " join core.assignments as devices using (tenant_id, vehicle_id)"
            " where devices.kind = 'device' and service_date <= $day and state = 'drive' and latitude is not null"
            " and duration_us > 10_000_000 order by service_date desc, started_utc desc limit 1",
            {"day": day},
        ).fetchall()[0]
    points = [
        {"ts": at_s + number / 2, "seq": LATE_SEQ + number, "lat": latitude, "lon": longitude, "spd_kmh": 20.0}
        for number in range(5)
    ]
    payload = json.dumps({"v": 1, "dev": device, "boot": 1, "pts": points}).encode()
    with Spool.open(settings.spool_dir / SPOOL) as spool:
        spool.append([Message(f"tm/v1/{tenant}/{device}/pos", payload, int(time.time() * 1e6), 1, False, None)])


def _figures(what: str, runs: Sequence[Waited], goal_s: float) -> list[Figure]:
    first, others = runs[0], runs[1:] or runs
    return [
        Figure(f"{what}, the first time", first.wall_s, "s"),
        Figure(what, median(found.wall_s for found in others), "s", goal=goal_s, most=True),
        Figure(f"{what}, time of processors", median(found.cpu_s for found in others), "s"),
    ]


def _size(year: Year) -> str:
    megabytes = year.settings.warehouse_path.stat().st_size / 1e6
    return f"{year.points:,} accepted points, {year.runs:,} runs of the ledger, a warehouse of {megabytes:,.0f} MB."
