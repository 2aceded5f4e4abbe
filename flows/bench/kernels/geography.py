"""How fast do MovingPandas and trackintel tell stands from drives, at a size they can do?

Their question is the nearest they have: where did the van stay? What they answer is compared by `odograph bench stops`.
Where they are not installed, what we recorded is shown. Times are of the processor: all of them use one core.
"""

import csv
import warnings
from datetime import timedelta
from importlib.resources import files
from importlib.util import find_spec
from time import process_time

import numba
import numpy as np

from flows.bench.figures import Figure, Section, number
from flows.bench.kernels.fleet import Fleet, made_up_fleet
from kernels.totals import Positions, state_totals
from kernels.track import Limits

POINTS = 36_000  # a van-day at one position a second
STAY_S, STAY_M = 120, 60
RECORD = "peers.csv"
OURS = "state and totals"
OUR_RUNS = 50  # one takes less than a millisecond
PEERS = {"movingpandas": "MovingPandas TrajectoryStopDetector", "trackintel": "trackintel generate_staypoints"}


def geography_section() -> Section:
    """Measure those that are installed; take the others from the record."""
    fleet = made_up_fleet(1, points=POINTS)
    figures, notes = [], []
    with (files("flows.bench.kernels") / RECORD).open() as record:
        recorded = {row["package"]: row for row in csv.DictReader(record)}
    ours_s = _our_seconds(fleet)
    for package, name in PEERS.items():
        if find_spec(package) is not None:
            seconds = _moving_pandas_s(fleet) if package == "movingpandas" else _track_intel_s(fleet)
            beside = f"{name}, {number(POINTS / seconds / 1e3)} k points/s"
            figures.append(Figure(OURS, POINTS / ours_s / 1e6, "M points/s", beside, seconds / ours_s))
        elif package in recorded:
            row = recorded[package]
            beside = f"{name}, {number(float(row['k_points_per_s']))} k points/s then"
            ours_then = float(row["our_m_points_per_s"])
            figures.append(Figure(f"{OURS}, then", ours_then, "M points/s", beside, float(row["ratio"])))
            notes.append(f"{package} {row['version']} is not installed: as recorded on {row['measured_date']}.")
    return Section(f"State and totals beside staypoints: {POINTS:,} points, 1 thread", figures, notes)


def _our_seconds(fleet: Fleet) -> float:
    positions = Positions(*fleet[:6])
    limits = Limits(np.full(1, STAY_S * 1_000_000), np.full(1, 3, np.float32), np.zeros(1, np.bool_))
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        state_totals(positions, limits, move_kmh=5.0, idle_us=STAY_S * 1_000_000)
        began_s = process_time()
        for _ in range(OUR_RUNS):
            state_totals(positions, limits, move_kmh=5.0, idle_us=STAY_S * 1_000_000)
        return (process_time() - began_s) / OUR_RUNS
    finally:
        numba.set_num_threads(before)


def _moving_pandas_s(fleet: Fleet) -> float:
    import movingpandas

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points = _points(fleet).set_index("tracked_at").tz_localize(None)
        detector = movingpandas.TrajectoryStopDetector(movingpandas.Trajectory(points, 1))
        began_s = process_time()
        detector.get_stop_time_ranges(min_duration=timedelta(seconds=STAY_S), max_diameter=STAY_M)
        return process_time() - began_s


def _track_intel_s(fleet: Fleet) -> float:
    import trackintel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fixes = trackintel.Positionfixes(_points(fleet))
        began_s = process_time()
        fixes.generate_staypoints(dist_threshold=STAY_M, time_threshold=STAY_S / 60, gap_threshold=5.0)
        return process_time() - began_s


def _points(fleet: Fleet):  # type: ignore[no-untyped-def]
    import geopandas
    import pandas

    return geopandas.GeoDataFrame(
        {"user_id": 1, "tracked_at": pandas.to_datetime(fleet.time_us, unit="us", utc=True)},
        geometry=geopandas.points_from_xy(fleet.longitude_e7 * 1e-7, fleet.latitude_e7 * 1e-7),
        crs="EPSG:4326",
    )
