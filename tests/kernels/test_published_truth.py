"""Do the kernels give what a publisher counted on the same samples, under the publisher's own definitions?

The data are all 156 trips of `tests/data/nrel_cmap`. How the publisher's definitions, which count samples, are
said in our terms, which measure intervals:

- Standing is a speed of exactly 0: `stop_kmh` is 0, and anything above it moves.
- A sample counts as one second. So the logger is said to fall silent one second after the last sample before each
  gap, by a row without a speed: what follows is unknown until the next sample.
- A stop lasts through gaps. So for stops only the end of the trip is closed like that; there the publisher measures
  to the last sample, which is one second less.
- Distance is the trapezoid of speed over time, gaps included. So no row is added.

The engine is said to be on throughout, so standing is idle.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from kernels.distance import SOURCE_NAMES, DistanceRules, distances
from kernels.ledger import Ledger, ledger
from kernels.runs import idle_events, idle_runs
from kernels.states import DRIVE, IDLE, UNKNOWN, StateRules, classify
from kernels.track import Limits, Track

DATA = Path(__file__).parents[1] / "data" / "nrel_cmap"
SECOND_US = 1_000_000
M_PER_MILE = 1_609.344  # exact
NO_GAP_US = 10 * 3_600 * SECOND_US  # longer than any trip: no silence is unknown by its length alone
# Speeds are single precision in a track: each is off by up to 6e-8 of its value, which evens out over a trip.
DISTANCE_TOLERANCE = 1e-8
TICKS_MILES = 5e-9  # steps are whole millionths of a metre; over a short trip that is more
TRIP_COUNT, SAMPLE_COUNT = 156, 100_420
ANY_MOVEMENT = StateRules(move_kmh=1e-9, tow_m=200.0, wiring_kmh=10.0, wiring_us=60 * SECOND_US)
SPEED_ONLY = DistanceRules(0.9, 1.5, 5_000.0, 500_000.0, 180.0)


class Trips(NamedTuple):
    """Samples of all trips, one after the other, and what was published of each trip."""

    starts: np.ndarray
    time_us: np.ndarray
    speed_kmh: np.ndarray
    published: pl.DataFrame


@pytest.fixture(scope="module")
def trips() -> Trips:
    published = pl.read_parquet(DATA / "trip_metrics.parquet").with_row_index("trip")
    samples = pl.read_parquet(DATA / "speed_1hz.parquet").sort("vehicle", "timestamp_local")
    rows = (
        published.select("trip", "vehicle", "start_ts", "end_ts")
        .join(samples, on="vehicle")
        .filter(pl.col("timestamp_local").is_between("start_ts", "end_ts"))
        .sort("trip", "timestamp_local")
    )
    assert (published.height, rows.height) == (TRIP_COUNT, SAMPLE_COUNT)
    starts = np.searchsorted(rows["trip"].to_numpy(), np.arange(TRIP_COUNT + 1)).astype(np.int64)
    return Trips(
        starts,
        rows["timestamp_local"].dt.epoch("us").to_numpy(),
        rows["speed_mph"].to_numpy() * (M_PER_MILE / 1000),
        published,
    )


def closed(trips: Trips, *, longer_than_us: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add a row without a speed one second after every sample that is followed by a longer gap, or by nothing."""
    next_us = np.append(trips.time_us[1:], 0)
    next_us[trips.starts[1:] - 1] = np.iinfo(np.int64).max
    last = np.flatnonzero(next_us - trips.time_us > longer_than_us)
    time_us = np.insert(trips.time_us, last + 1, trips.time_us[last] + SECOND_US)
    speed_kmh = np.insert(trips.speed_kmh, last + 1, np.nan)
    starts = trips.starts + np.searchsorted(last, trips.starts)
    return starts.astype(np.int64), time_us, speed_kmh


def track_of(starts: np.ndarray, time_us: np.ndarray, speed_kmh: np.ndarray) -> Track:
    size = time_us.size
    nowhere = np.zeros(size, dtype=np.int32)
    return Track(
        starts=starts,
        time_us=time_us,
        latitude_e7=nowhere,
        longitude_e7=nowhere,
        placed=np.zeros(size, dtype=np.bool_),
        speed_kmh=speed_kmh.astype(np.float32),
        engine=np.ones(size, dtype=np.int8),
        odometer_m=np.full(size, np.nan),
    )


LIMITS = Limits(
    gap_max_us=np.full(TRIP_COUNT, NO_GAP_US, dtype=np.int64),
    stop_kmh=np.zeros(TRIP_COUNT, dtype=np.float32),
    electric=np.zeros(TRIP_COUNT, dtype=np.bool_),
)


@pytest.fixture(scope="module")
def recorded_time(trips: Trips) -> Ledger:
    """The ledger of every trip, every sample standing for one second."""
    track = track_of(*closed(trips, longer_than_us=SECOND_US))
    states = classify(track, LIMITS, ANY_MOVEMENT)
    size = track.time_us.size
    nothing = np.zeros(size, dtype=np.int8)
    no_route, no_pto = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.bool_)
    return ledger(track, states, np.zeros(size), nothing, nothing, no_route, no_pto)


def seconds_of_trips(runs: Ledger, state: int) -> list[float]:
    mine = runs.state == state
    total_us = np.zeros(TRIP_COUNT, dtype=np.int64)
    np.add.at(total_us, runs.group[mine], runs.duration_us[mine])
    return (total_us / SECOND_US).tolist()


def test_zero_and_driving_seconds_equal_the_published_ones_on_every_trip(trips: Trips, recorded_time: Ledger):
    assert seconds_of_trips(recorded_time, IDLE) == trips.published["zero_seconds"].to_list()
    assert seconds_of_trips(recorded_time, DRIVE) == trips.published["driving_time_seconds"].to_list()


def test_time_not_recorded_and_the_longest_gap_equal_the_published_ones(trips: Trips, recorded_time: Ledger):
    unknown_s = seconds_of_trips(recorded_time, UNKNOWN)
    assert unknown_s == (trips.published["non_recorded_time_hrs"] * 3600).round(6).to_list()
    longest_us = np.full(TRIP_COUNT, 0)
    silent = recorded_time.state == UNKNOWN
    np.maximum.at(longest_us, recorded_time.group[silent], recorded_time.duration_us[silent])
    # Between two samples a second apart nothing is silent; a gap also has the second its first sample stands for.
    assert (longest_us / SECOND_US + 1).tolist() == trips.published["max_gap_between_samples_s"].to_list()


def test_the_ledger_spans_the_published_duration_of_every_trip(trips: Trips, recorded_time: Ledger):
    total_us = np.zeros(TRIP_COUNT, dtype=np.int64)
    np.add.at(total_us, recorded_time.group, recorded_time.duration_us)
    hours = trips.published["absolute_time_duration_hrs"]
    assert (total_us / SECOND_US).tolist() == (hours * 3600).round(6).to_list()


def test_stops_and_their_durations_equal_the_published_ones_on_every_trip(trips: Trips):
    track = track_of(*closed(trips, longer_than_us=NO_GAP_US))
    standing = idle_runs(track, classify(track, LIMITS, ANY_MOVEMENT))
    is_stop = standing.first_row != track.starts[standing.group]  # one that begins the trip has no move before it
    at_end = standing.end_row == track.starts[standing.group + 1] - 1
    standing = standing._replace(duration_us=standing.duration_us - at_end * SECOND_US)
    stops = pl.DataFrame(
        {
            "trip": standing.group.astype(np.uint32),
            "duration_s": standing.duration_us / SECOND_US,
            "is_long": idle_events(standing, 300 * SECOND_US),
        }
    ).filter(is_stop)
    duration_s = pl.col("duration_s")
    found = (
        trips.published.select("trip")
        .join(stops, on="trip", how="left", maintain_order="left")
        .group_by("trip", maintain_order=True)
        .agg(
            total_stops=duration_s.count(),
            stops_0_30=duration_s.is_between(0, 30, closed="right").sum(),
            stops_30_60=duration_s.is_between(30, 60, closed="right").sum(),
            stops_60_plus=(duration_s > 60).sum(),
            stops_300_plus=pl.col("is_long").sum(),
            min_stop_duration=duration_s.min().fill_null(0),
            max_stop_duration=duration_s.max().fill_null(0),
            average_stop_duration=duration_s.mean().fill_null(0),
        )
    )
    for name in found.columns[1:]:  # means are published with twelve digits
        assert found[name].to_list() == pytest.approx(trips.published[name].to_list(), rel=1e-11), name


def test_distance_equals_the_published_one_on_every_trip(trips: Trips):
    track = track_of(trips.starts, trips.time_us, trips.speed_kmh)
    not_frozen = np.zeros(TRIP_COUNT, dtype=np.bool_)
    found = distances(track, classify(track, LIMITS, ANY_MOVEMENT), not_frozen, SPEED_ONLY)
    assert {SOURCE_NAMES[code] for code in found.source} == {"speed"}
    miles = np.add.reduceat(found.step_m, track.starts[:-1]) / M_PER_MILE
    published = trips.published["distance_total"].to_list()
    assert miles.tolist() == pytest.approx(published, rel=DISTANCE_TOLERANCE, abs=TICKS_MILES)
