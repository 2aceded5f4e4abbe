"""The line at growing sizes: points a second from the lake to marts, memory, bytes a point, and one late point."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, Transaction, write_deltalake

from flows.bench.apart import said_by
from flows.bench.figures import Figure, Section
from flows.bench.line.build import Built, build
from flows.bench.line.fleet import DAY, POINTS, SPOOL, points_of
from flows.bench.line.peers import duckdb_seconds, spark_seconds
from flows.bench.line.totals import totals_seconds
from flows.settings import Settings
from ingest.columns import POSITIONS
from ingest.lake import lake_files, opened_table, writer_properties

NETWORK_POINTS = 3_600_000_000  # of 100,000 vans
RUNS = 3  # of the totals, ours and DuckDB's, of which the best counts
PEER_POINTS = 25_000_000  # others are asked at sizes up to this
MB, GB = 1e6, 1e9

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """One size; `run` and `late` are what `flows.bench.line.measured` printed, of the day and of one late point."""

    built: Built
    run: dict[str, Any]
    late: dict[str, Any] | None
    late_vans: list[str]
    totals_s: float | None
    duckdb_s: float | None
    spark_s: float | None
    apart: float  # the largest difference between our sums and DuckDB's, as a share of theirs


def run_campaign(folder: Path, sizes: Sequence[int], tell: Tell) -> list[Section]:
    """Build each size in `folder`, measure, and remove it again; sizes are points."""
    outcomes = []
    for size in sizes:
        settings = settings_of(folder / f"points{size}")
        vans = max(size // POINTS, 1)
        outcomes.append(_outcome(settings, build(settings, vans, partial(tell, f"write {vans} vans"))))
        shutil.rmtree(settings.data_dir)
    return sections(outcomes)


def settings_of(folder: Path) -> Settings:
    """A line of its own, which publishes the copy for all."""
    return Settings(_env_file=None, data_dir=folder, tenant_copies="none", network_copy=False)  # type: ignore[call-arg]


def _outcome(settings: Settings, built: Built) -> Outcome:
    os.sync()  # or the disk would go on writing what was made up while it is measured
    run = _measured(settings)
    files = [path for path in lake_files(settings)["positions"].files if str(DAY) in path]
    totals_s = duckdb_s = spark_s = None
    apart = 0.0
    if built.points <= PEER_POINTS:
        totals_seconds(files, DAY)  # compiles, and warms the files for all
        totals_s, ours = min((totals_seconds(files, DAY) for _ in range(RUNS)), key=lambda found: found[0])
        asked = (duckdb_seconds(files, os.cpu_count() or 1) for _ in range(RUNS))
        duckdb_s, theirs = min(asked, key=lambda found: found[0])
        apart = max(abs(pc.sum(ours[name]).as_py() / theirs[name] - 1) for name in theirs)
        spark_s = spark_seconds(files, os.cpu_count() or 1)
    _add_late_point(settings)
    late = _measured(settings)
    return Outcome(built, run, late, late["rebuilt"], totals_s, duckdb_s, spark_s, apart)


def _measured(settings: Settings) -> dict[str, Any]:
    return said_by("flows.bench.line.measured", str(settings.data_dir))


def _add_late_point(settings: Settings) -> None:
    """One point of the first van, between two that are there, from a segment after all others."""
    row = points_of(0, 1).slice(POINTS // 2, 1).to_pylist()[0]
    late = row | {"fix_ms": row["fix_ms"] + 500, "seq": POINTS, "segment_no": 2 * 10**6, "payload_hash": 1}
    rows = pa.Table.from_pylist([late], schema=POSITIONS.schema)
    write_deltalake(
        opened_table(POSITIONS, settings),
        rows,
        mode="append",
        writer_properties=writer_properties(POSITIONS),
        commit_properties=CommitProperties(app_transactions=[Transaction(SPOOL, 2 * 10**6)]),
    )


def sections(outcomes: Sequence[Outcome]) -> list[Section]:
    """What was found, with the goals."""
    return [_speed(outcomes), _stages(outcomes), _memory(outcomes), _bytes(outcomes[0]), _late(outcomes)]


def _speed(outcomes: Sequence[Outcome]) -> Section:
    figures, notes = [], []
    for outcome in outcomes:
        size = f"{outcome.built.points / MB:,.0f} M points"
        rate = outcome.built.points / outcome.run["rebuilt_s"] / MB
        in_all = sum(outcome.run[name] for name in ("noted_s", "rebuilt_s", "published_s"))
        figures += [
            Figure(f"Parquet to marts, {size}", rate, "M points/s", goal=60),
            Figure(
                f"the same, points per second of processor time, {size}",
                outcome.built.points / outcome.run["rebuilt_cpu_s"] / MB,
                "M points/s",
            ),
            Figure(
                f"with what arrived noted and a copy published, {size}",
                outcome.built.points / in_all / MB,
                "M points/s",
            ),
        ]
        if outcome.totals_s is not None:
            figures.append(
                Figure(f"state totals alone, {size}", outcome.built.points / outcome.totals_s / MB, "M points/s")
            )
            for name, seconds, goal in (("DuckDB SQL", outcome.duckdb_s, 18), ("Spark local", outcome.spark_s, 60)):
                if seconds is not None:
                    rate = outcome.built.points / seconds / MB
                    beside = "our state totals"
                    figures.append(
                        Figure(f"{name}, {size}", rate, "M points/s", beside, seconds / outcome.totals_s, goal)
                    )
            notes.append(f"{size}: no sum of the state totals is more than {outcome.apart:.2%} from DuckDB's.")
        if outcome.spark_s is None and outcome.duckdb_s is not None:
            notes.append("Spark is not installed (`pip install pyspark` and a Java runtime).")
    largest = outcomes[-1]
    minutes = NETWORK_POINTS / largest.built.points * largest.run["rebuilt_s"] / 60
    notes.append(
        f"100,000 vans for ten hours at 1 Hz are 3.6 billion points: {minutes:,.1f} minutes at the rate of the run of"
        f" {largest.built.points / MB:,.0f} M points."
    )
    return Section("Points a second", figures, notes)


def _stages(outcomes: Sequence[Outcome]) -> Section:
    figures = []
    for outcome in outcomes:
        spent = dict(outcome.run["stages_s"])
        spent["waiting for files, and the rest"] = outcome.run["rebuilt_s"] - sum(spent.values())
        stages = {
            "note what arrived": outcome.run["noted_s"],
            **spent,
            "publish": outcome.run["published_s"],
        }
        figures += [
            Figure(f"{stage}, {outcome.built.points / MB:,.0f} M points", seconds, "s")
            for stage, seconds in stages.items()
        ]
    return Section("Seconds of each stage", figures)


def _memory(outcomes: Sequence[Outcome]) -> Section:
    smallest = outcomes[0]
    figures = []
    for outcome in outcomes:
        size = f"{outcome.built.points / MB:,.0f} M points"
        figures += [
            Figure(f"most resident memory, {size}", outcome.run["peak_bytes"] / GB, "GB", goal=2.147, most=True),
            Figure(
                f"most anonymous memory, {size}",
                outcome.run["anonymous_bytes"] / GB,
                "GB",
                f"{smallest.built.points / MB:,.0f} M points",
                outcome.run["anonymous_bytes"] / smallest.run["anonymous_bytes"],
                1.25,
                most=True,
            ),
        ]
    return Section("Memory", figures)


def _bytes(outcome: Outcome) -> Section:
    figures = [
        Figure(
            "time, place, speed and ignition",
            outcome.built.core_bytes / outcome.built.points,
            "bytes a point",
            goal=4.5,
            most=True,
        ),
        Figure("the full row", outcome.built.file_bytes / outcome.built.points, "bytes a point"),
    ]
    return Section("Bytes in the lake", figures)


def _late(outcomes: Sequence[Outcome]) -> Section:
    figures = []
    for outcome in outcomes:
        assert outcome.late is not None
        size = f"in {outcome.built.points / MB:,.0f} M points"
        spent = sum(outcome.late[name] for name in ("noted_s", "rebuilt_s", "published_s"))
        figures += [
            Figure(f"one late point {size}, to a published copy", spent, "s"),
            Figure(f"of that to marts, {size}", outcome.late["noted_s"] + outcome.late["rebuilt_s"], "s"),
            Figure(f"vehicle-dates measured anew, {size}", len(outcome.late_vans), "", goal=1, most=True),
        ]
    return Section(
        "One late point", figures, [f"Service date {DAY}; measured anew: {', '.join(outcomes[-1].late_vans)}."]
    )
