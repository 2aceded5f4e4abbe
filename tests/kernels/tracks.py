"""Which tracks do the tests of the kernels show: builders for examples, strategies for properties.

A track is written as one list of `Row` for each group, which is also what the naive twins read.
Values are dealt on purpose around the thresholds, because chance seldom lands on them.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from kernels.distance import DistanceRules
from kernels.states import StateRules
from kernels.stops import StopRules
from kernels.track import Limits, Track

SECOND_US = 1_000_000
NAN = float("nan")
DEPOT_E7 = (407_000_000, -739_000_000)
METRE_NORTH_E7 = 89.932
METRE_EAST_E7 = 118.623  # at the latitude of the depot

STATE_RULES = StateRules(move_kmh=5.0, tow_m=200.0, wiring_kmh=10.0, wiring_us=60 * SECOND_US)
STOP_RULES = StopRules(min_us=15 * SECOND_US, radius_m=25.0, merge_us=20 * SECOND_US, settle_us=120 * SECOND_US)
DISTANCE_RULES = DistanceRules(0.9, 1.5, 5_000.0, 500_000.0, 180.0)


class Row(NamedTuple):
    """One row of a track; `place` is (latitude_e7, longitude_e7), or None where not placed."""

    time_us: int
    place: tuple[int, int] | None = None
    speed_kmh: float = NAN
    engine: int = -1
    odometer_m: float = NAN


class Van(NamedTuple):
    """The limits of one group."""

    gap_max_us: int = 300 * SECOND_US
    stop_kmh: float = 3.0
    electric: bool = False


def metres_off(north_m: float, east_m: float = 0.0) -> tuple[int, int]:
    """Return the place that many metres from the depot."""
    return DEPOT_E7[0] + round(north_m * METRE_NORTH_E7), DEPOT_E7[1] + round(east_m * METRE_EAST_E7)


def track_of(*groups: Iterable[Row]) -> Track:
    """Build a track, one list of rows for each group."""
    dealt = [list(group) for group in groups]
    rows = [row for group in dealt for row in group]
    return Track(
        starts=np.cumsum([0, *map(len, dealt)]).astype(np.int64),
        time_us=np.array([row.time_us for row in rows], dtype=np.int64),
        latitude_e7=np.array([row.place[0] if row.place else 0 for row in rows], dtype=np.int32),
        longitude_e7=np.array([row.place[1] if row.place else 0 for row in rows], dtype=np.int32),
        placed=np.array([row.place is not None for row in rows], dtype=np.bool_),
        speed_kmh=np.array([row.speed_kmh for row in rows], dtype=np.float32),
        engine=np.array([row.engine for row in rows], dtype=np.int8),
        odometer_m=np.array([row.odometer_m for row in rows], dtype=np.float64),
    )


def limits_of(*vans: Van) -> Limits:
    """Build the limits, one van for each group."""
    return Limits(
        gap_max_us=np.array([van.gap_max_us for van in vans], dtype=np.int64),
        stop_kmh=np.array([van.stop_kmh for van in vans], dtype=np.float32),
        electric=np.array([van.electric for van in vans], dtype=np.bool_),
    )


def joined(parts: Iterable[Iterable[Any]]) -> list[Any]:
    """Return the elements of all parts, one after the other."""
    return list(chain.from_iterable(parts))


def rows_of(track: Track) -> list[list[Row]]:
    """Return the rows of each group of a track."""
    rows = [
        Row(int(time_us), (int(north), int(east)) if placed else None, float(speed), int(engine), float(odo))
        for time_us, north, east, placed, speed, engine, odo in zip(*track[1:], strict=True)
    ]
    return [rows[a:b] for a, b in zip(track.starts[:-1], track.starts[1:], strict=True)]


OFFSETS_M = st.sampled_from([0, 0, 0, 3, 9, 18, 31, 64, 151, 212, 640, 7_300, 61_000])
PLACES = st.one_of(st.none(), *3 * [st.builds(metres_off, OFFSETS_M, OFFSETS_M)])
SPEEDS_KMH = st.sampled_from([NAN, NAN, 0.0, 0.0, 0.9, 3.0, 3.5, 4.9, 5.0, 9.0, 10.0, 11.0, 40.0])
STEPS_S = st.sampled_from([0, 1, 5, 10, 10, 10, 20, 30, 31, 60, 61, 300, 301, 4_000])
ODOMETER_STEPS_M = st.sampled_from([0.0, 0.0, 12.5, 340.0, 9_000.0, 600_000.0, -1.0])
VANS = st.builds(
    Van,
    gap_max_us=st.sampled_from([60 * SECOND_US, 300 * SECOND_US]),
    stop_kmh=st.sampled_from([1.0, 3.0]),
    electric=st.booleans(),
)


@st.composite
def groups(draw: st.DrawFn) -> list[Row]:
    """Draw the rows of one group: stretches of similar rows, ties, gaps and missing values."""
    rows: list[Row] = []
    time_us, odometer_m = 1_790_000_000 * SECOND_US, 5_000.0
    steps = draw(st.lists(STEPS_S, max_size=24))
    sends_odometer = draw(st.booleans())
    place, speed_kmh, engine = draw(PLACES), draw(SPEEDS_KMH), draw(st.sampled_from([1, 0, -1]))
    for step_s in steps:
        time_us += step_s * SECOND_US
        what = draw(st.integers(0, 7))
        if what in (0, 1, 2):
            place = draw(PLACES)
        if what in (1, 2, 3, 4):
            speed_kmh = draw(SPEEDS_KMH)
        if what == 5:
            engine = draw(st.sampled_from([1, 0, -1]))
        odometer_m += draw(ODOMETER_STEPS_M) if sends_odometer else 0
        sent = sends_odometer and what != 6
        rows.append(Row(time_us, place, float(np.float32(speed_kmh)), engine, odometer_m if sent else NAN))
    return rows


@st.composite
def fleets(draw: st.DrawFn) -> tuple[Track, Limits]:
    """Draw a track of up to three groups, some of them empty, and the limits of their vans."""
    dealt = draw(st.lists(groups(), min_size=1, max_size=3))
    vans = draw(st.lists(VANS, min_size=len(dealt), max_size=len(dealt)))
    return track_of(*dealt), limits_of(*vans)
