"""A network at growing sizes: each is made up, taken through the line, its late days too, and removed again."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from flows.bench.apart import said_by
from flows.bench.line.build import register
from flows.bench.line.campaign import settings_of
from flows.bench.network.arriving import Written, write
from flows.bench.network.days import Days, Stretch, late_stretches, lived_days, stretches
from flows.bench.network.places import Into
from flows.bench.network.vans import Ints, Network, network_of, vans_for
from flows.settings import Settings
from ingest.columns import POSITIONS
from ingest.lake import opened_table
from ingest.listing import SEALED_SUFFIX

SPOOL_POINTS = 100_000_000  # the most that are made as messages
# Bytes below the folder and seconds on two cores that a point takes, with files that merging leaves until they are
# vacuumed. Measured by this command on 2026-11-22.
DISK_BYTES = {Into.spool: 75, Into.lake: 50}
SECONDS = {Into.spool: 8e-6, Into.lake: 6e-6}
COMPILED_VANS = 24  # more than the 500,000 points from which the line goes its fast way
GB = 1e9

Tell = Callable[[str, int, int], None]
Found = dict[str, Any]


class NetworkTooLarge(Exception):
    """A size that cannot be made here."""


class Files(NamedTuple):
    """The positions of the lake; bytes of files and of Delta's log."""

    files: int
    file_bytes: int
    commits: int
    log_files: int
    log_bytes: int


class Step(NamedTuple):
    """Something that arrived, and what stages of the line said of it; `load` is None where it went into the lake."""

    vans: int
    points: int
    made_s: float
    load: Found | None
    marts: Found

    @property
    def seconds(self) -> float:
        """From a spool, or a lake, to a published copy."""
        return float(sum(found["seconds"] for found in (self.load, self.marts) if found))

    @property
    def cpu_s(self) -> float:
        """The same in processor time."""
        return float(sum(found["cpu_s"] for found in (self.load, self.marts) if found))


@dataclass(frozen=True)
class Outcome:
    """One size: the day, one late van-day, the other late ones together, merging, and all dates made anew."""

    into: Into
    day: Step
    one_late: Step
    late: Step | None
    segments: int
    spool_bytes: int
    before: Files
    after: Files
    merge: Found
    afresh: Found
    warehouse_bytes: int
    published_bytes: int

    @property
    def steps(self) -> list[Step]:
        """All that arrived, in order."""
        return [step for step in (self.day, self.one_late, self.late) if step is not None]

    @property
    def points(self) -> int:
        """How many positions there are."""
        return sum(step.points for step in self.steps)

    @property
    def van_days(self) -> int:
        """How many days of vans."""
        return sum(step.vans for step in self.steps)


def check_room(folder: Path, into: Into, sizes: Sequence[int]) -> float:
    """Raise NetworkTooLarge for a size that does not fit; returns how many seconds all of them take, roughly."""
    largest = max(sizes)
    if into is Into.spool and largest > SPOOL_POINTS:
        raise NetworkTooLarge(f"more than {SPOOL_POINTS / 1e6:,.0f} million points go into the lake: --into lake")
    needed, free = largest * DISK_BYTES[into], shutil.disk_usage(folder).free
    if needed > free:
        raise NetworkTooLarge(
            f"{largest / 1e6:,.0f} million points need {needed / GB:,.1f} GB below {folder}, where"
            f" {free / GB:,.1f} GB are free: choose another --folder, or fewer points"
        )
    return sum(sizes) * SECONDS[into]


def run_campaign(folder: Path, sizes: Sequence[int], into: Into, tell: Tell) -> list[Outcome]:
    """Build each size in `folder`, measure, and remove it again; sizes are points."""
    _compile(folder)
    outcomes = []
    for size in sizes:
        settings = settings_of(folder / f"points{size}")
        outcomes.append(_outcome(settings, network_of(vans_for(size)), into, tell))
        shutil.rmtree(settings.data_dir)
    return outcomes


def _compile(folder: Path) -> None:
    """Let nothing that is measured wait for a compiler: the line, and the ways of it that small days do not take."""
    subprocess.run([sys.executable, "-m", "flows.warming"], check=True, stderr=subprocess.DEVNULL)
    settings = settings_of(folder / "compiled")
    network = network_of(COMPILED_VANS)
    line = _Line(settings, network, Into.lake, lived_days(network), lambda _stage, _found: None)
    register(settings, network.names)
    line.step(network.on_time, stretches(network, line.days))


def _outcome(settings: Settings, network: Network, into: Into, tell: Tell) -> Outcome:
    size = f"{network.points.sum() / 1e6:,.0f} M points"
    arriving = "the day"

    def told(stage: str, found: Found) -> None:
        spent = f"{found['cpu_s']:,.0f} s of processor time, {found['anonymous_bytes'] / GB:.2f} GB"
        tell(f"{size}, {arriving}: {stage}, {spent}", 1, 1)

    line = _Line(settings, network, into, lived_days(network), told)
    register(settings, network.names)
    others = network.late[1:]
    day = line.step(network.on_time, stretches(network, line.days))
    arriving = "one late van"
    one_late = line.step(network.late[:1], late_stretches(network, line.days, network.late[:1]))
    arriving = f"{others.size} more late vans"
    late = line.step(others, late_stretches(network, line.days, others)) if others.size else None
    arriving = "all"
    before = lake_files_of(settings)
    warehouse_bytes = settings.warehouse_path.stat().st_size
    published_bytes = settings.published_path.resolve().stat().st_size
    merge = line.said("merge")
    after = lake_files_of(settings)
    afresh = line.said("afresh")
    segments = list(settings.spool_dir.glob(f"*/*{SEALED_SUFFIX}"))
    spool_bytes = sum(path.stat().st_size for path in segments)
    return Outcome(
        *(into, day, one_late, late, len(segments), spool_bytes, before, after, merge, afresh, warehouse_bytes),
        published_bytes,
    )


class _Line:
    """A line whose network arrives step by step."""

    def __init__(
        self, settings: Settings, network: Network, into: Into, days: Days, told: Callable[[str, Found], None]
    ) -> None:
        self.days = days
        self._told = told
        self._settings, self._network, self._into = settings, network, into
        self._segment = 0

    def step(self, vans: Ints, arriving: Iterator[Stretch]) -> Step:
        """Let these arrive, and take them to a published copy."""
        began_s = time.perf_counter()
        written: Written = write(self._settings, self._into, self._network, self.days, arriving, self._segment)
        made_s = time.perf_counter() - began_s
        self._segment = written.segment
        load = self.said("load") if self._into is Into.spool else None
        return Step(vans.size, written.points, made_s, load, self.said("marts"))

    def said(self, stage: str) -> Found:
        """Run a stage apart."""
        found = said_by("flows.bench.network.measured", stage, str(self._settings.data_dir))
        self._told(stage, found)
        return found


def lake_files_of(settings: Settings) -> Files:
    """How the positions lie in a lake that is a folder."""
    handle = opened_table(POSITIONS, settings)
    sizes = pa.table(handle.get_add_actions(flatten=True))["size_bytes"]
    log = [path for path in (Path(settings.lake_root) / POSITIONS.name / "_delta_log").iterdir() if path.is_file()]
    log_bytes = sum(path.stat().st_size for path in log)
    return Files(len(sizes), pc.sum(sizes).as_py(), handle.version() + 1, len(log), log_bytes)
