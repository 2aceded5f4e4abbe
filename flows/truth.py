"""How close did the line come to the simulator's truth?

Times are compared as sums over each van's observed day; hand-offs and lunches are matched to stops one to one by
overlap in time and within 60 m. A group stop counts once. Recall is the share of hand-offs of at least 30 s that found
a stop, those of 15 to 30 s beside it. Precision is the share of listed stops outside the depot and fuel sites (kinds
planned, unplanned and break) that are a hand-off of any length or a lunch.
"""

from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl

from kernels.geometry import metres_between

FLEET_LIMIT, VAN_LIMIT, RECALL_LIMIT = 0.01, 0.04, 0.97
PLANNED_PRECISION_LIMIT, PRECISION_LIMIT = 0.95, 0.85  # with a plan and without one
MATCH_M = 60.0
SHORT_S, HAND_OFF_S = 15, 30
MEASURES = ("engine_on_s", "drive_s", "idle_s")


class TruthCheck(NamedTuple):
    """One comparison: `found` must be at most (errors) or at least (shares) `limit`; None only reports."""

    name: str
    found: float
    limit: float | None
    holds: bool
    detail: str


def compare(published: duckdb.DuckDBPyConnection, truth: Path) -> list[TruthCheck]:
    """Compare the published marts with the states, hand-offs and breaks in the folder `truth`."""
    return [*_time_checks(published, truth), *_hand_off_checks(published, truth)]


def _time_checks(published: duckdb.DuckDBPyConnection, truth: Path) -> list[TruthCheck]:
    seconds = (pl.col("ended_utc") - pl.col("started_utc")).dt.total_microseconds() / 1e6
    true_times = (
        pl.read_parquet(truth / "states.parquet")
        .group_by("tenant_id", "vehicle_id")
        .agg(
            seconds.filter(pl.col("state") == "drive").sum().alias("true_drive_s"),
            seconds.filter(pl.col("state") == "idle").sum().alias("true_idle_s"),
        )
        .with_columns(true_engine_on_s=pl.col("true_drive_s") + pl.col("true_idle_s"))
    )
    measured = published.sql(
        "select tenant_id, vehicle_id, sum(engine_on_s) as engine_on_s, sum(drive_s) as drive_s, sum(idle_s) as idle_s"
        " from marts.vehicle_days group by all"
    ).pl()
    both = true_times.join(measured, on=["tenant_id", "vehicle_id"], how="left").fill_null(0)
    checks = []
    for name in MEASURES:
        measured_s, true_s = both[name].to_numpy(), both[f"true_{name}"].to_numpy()
        fleet = abs(measured_s.sum() / true_s.sum() - 1)
        by_van = np.abs(measured_s / true_s - 1)
        worst = both["vehicle_id"][int(by_van.argmax())]
        label = name.removesuffix("_s").replace("_", "-")
        hours = f"{measured_s.sum() / 3600:.1f}, true {true_s.sum() / 3600:.1f} h"
        checks.append(TruthCheck(f"{label}, fleet", fleet, FLEET_LIMIT, bool(fleet <= FLEET_LIMIT), hours))
        checks.append(
            TruthCheck(
                f"{label}, worst van",
                by_van.max(),
                VAN_LIMIT,
                bool(by_van.max() <= VAN_LIMIT),
                f"van {worst}",
            )
        )
    return checks


def _hand_off_checks(published: duckdb.DuckDBPyConnection, truth: Path) -> list[TruthCheck]:
    stands = pl.concat(
        pl.read_parquet(truth / name).with_columns(is_hand_off=name == "handoffs.parquet")
        for name in ("handoffs.parquet", "breaks.parquet")
    ).sort("tenant_id", "vehicle_id", "arrived_utc")
    tenants = stands["tenant_id"].unique().to_list()
    stops = (
        published.sql(
            "select tenant_id, vehicle_id, arrived_utc, departed_utc, latitude, longitude from marts.stops"
            " where kind in ('planned', 'unplanned', 'break') order by all"
        )
        .pl()
        .filter(pl.col("tenant_id").is_in(tenants))
    )
    planned = published.sql("select distinct tenant_id from marts.planned_stops").pl()["tenant_id"].to_list()
    lasted_s = (stands["departed_utc"] - stands["arrived_utc"]).dt.total_microseconds().to_numpy() / 1e6
    found, used = matched(stands, stops)
    is_hand_off = stands["is_hand_off"].to_numpy()
    precision_limit = PLANNED_PRECISION_LIMIT if set(tenants) <= set(planned) else PRECISION_LIMIT
    return [
        _share_check("hand-offs ≥ 30 s found", found[is_hand_off & (lasted_s >= HAND_OFF_S)], RECALL_LIMIT),
        _share_check(
            "hand-offs 15-30 s found", found[is_hand_off & (lasted_s >= SHORT_S) & (lasted_s < HAND_OFF_S)], None
        ),
        _share_check("stops that are hand-offs", used, precision_limit),
    ]


def _share_check(name: str, truths: np.ndarray, limit: float | None) -> TruthCheck:
    share = float(truths.mean()) if truths.size else float("nan")
    return TruthCheck(name, share, limit, limit is None or share >= limit, f"{int(truths.sum())} of {truths.size}")


def matched(hand_offs: pl.DataFrame, stops: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Which hand-offs found a stop and which stops a hand-off, one to one; the longest overlaps go first."""
    keys = ["tenant_id", "vehicle_id"]
    columns = ["arrived_utc", "departed_utc", "latitude", "longitude"]
    left = hand_offs.with_columns(pl.col("arrived_utc", "departed_utc").dt.epoch("us")).with_row_index("hand_off")
    right = stops.with_columns(pl.col("arrived_utc", "departed_utc").dt.epoch("us")).with_row_index("stop")
    pairs = (
        left.select("hand_off", *keys, *columns)
        .join(right.select("stop", *keys, *columns), on=keys, suffix="_stop")
        .with_columns(
            overlap_us=pl.min_horizontal("departed_utc", "departed_utc_stop")
            - pl.max_horizontal("arrived_utc", "arrived_utc_stop")
        )
        .filter((pl.col("overlap_us") > 0) & pl.col("latitude_stop").is_not_null())
    )
    away_m = metres_between(
        *(_e7(pairs[name]) for name in ("latitude", "longitude", "latitude_stop", "longitude_stop"))
    )
    pairs = pairs.filter(pl.Series(away_m <= MATCH_M)).sort("overlap_us", descending=True)
    found, used = np.zeros(hand_offs.height, np.bool_), np.zeros(stops.height, np.bool_)
    for hand_off, stop in pairs.select("hand_off", "stop").iter_rows():
        if not found[hand_off] and not used[stop]:
            found[hand_off] = used[stop] = True
    return found, used


def _e7(degrees: pl.Series) -> np.ndarray:
    return (degrees.to_numpy() * 1e7).round().astype(np.int32)
