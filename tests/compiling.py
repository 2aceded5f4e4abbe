"""Which kernels are compiled before the tests, beside those that a first refresh begins with? The later half of a day.

numba compiles on one core only. So `tests/conftest.py` runs this module in a process of its own while its first refresh
compiles the earlier half, and finds these in the cache on disk. What is missing here is compiled where it is called.
"""

import numpy as np

from kernels.matching import nearest_site
from kernels.packed import packed_points
from kernels.point_cells import PADDING
from kernels.quarters import Heard, quarters_heard
from kernels.sampling import coarse_share
from kernels.states import DRIVE, IDLE, NO_STATE, States
from kernels.traffic import plan_sides, wait_odds
from tests.kernels import test_fuel_levels, test_matching, test_phases, test_polygons, test_presence
from tests.kernels.naive.presence import Purchase
from tests.kernels.tracks import DEPOT_E7, SECOND_US, Row, track_of


def compile_later_half() -> None:
    """Call each of these kernels once, with the types that all callers have, in the order in which a day needs them."""
    stops = test_matching.stops_at([DEPOT_E7])
    matches = test_matching.matched([[DEPOT_E7]], [[DEPOT_E7]])
    nearest_site(stops, *test_matching.columns_of([DEPOT_E7]), 60.0)
    test_phases.found_in([0, 500, 0], [(1, 2)])
    test_polygons.found([DEPOT_E7], test_polygons.areas_of(([[test_polygons.rectangle(0, 1, 0, 1)]], 0.0)))
    track = track_of([Row(0, DEPOT_E7, 0.0, 1), Row(30 * SECOND_US, DEPOT_E7, 0.0, 1)])
    states = States(np.array([IDLE, NO_STATE], np.int8), np.array([30 * SECOND_US, 0]), np.zeros(1, np.bool_))
    coarse_share(track, states, 30 * SECOND_US, 25.0)
    stops = stops._replace(end_row=np.ones(1, np.int64), departed_us=track.time_us[1:])
    plan_sides(stops, matches, np.ones(1, np.bool_))
    wait_odds(track, stops, np.ones(1, np.bool_), np.zeros(1, np.int8), 120 * SECOND_US)
    fix = Row(test_presence.NOON_US, DEPOT_E7)
    test_presence.found_in([[(fix, 50.0)]], [Purchase(test_presence.NOON_US, DEPOT_E7, test_presence.DAY_US)], [0])
    test_fuel_levels.levels_of((DRIVE, 20, 50.0))
    nothing = np.zeros(0, np.int64)
    rows, no, code = np.zeros(1, np.int64), np.zeros(1, np.bool_), np.zeros(1, np.int32)
    quarters_heard(Heard(code, code, rows, rows, rows, no, no), rows)
    packed_points(np.zeros(PADDING, np.uint8), nothing, nothing, [], nothing)


if __name__ == "__main__":
    compile_later_half()
