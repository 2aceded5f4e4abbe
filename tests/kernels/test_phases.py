import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.phases import FENCE_M, NOT_KNOWN, PHASE_NAMES, phase_of_rows, route_phases
from kernels.states import classify
from kernels.stops import Stops, park_episodes
from tests.builders import examples
from tests.kernels.naive import routes as naive
from tests.kernels.tracks import (
    DEPOT_E7,
    NAN,
    SECOND_US,
    STATE_RULES,
    STOP_RULES,
    Row,
    fleets,
    metres_off,
    rows_of,
    track_of,
)


def depots(group_count, radius_m):
    return (
        np.full(group_count, DEPOT_E7[0], dtype=np.int32),
        np.full(group_count, DEPOT_E7[1], dtype=np.int32),
        np.full(group_count, radius_m, dtype=np.float32),
    )


def found_in(north_m, stands, waits=(), radius_m=100.0):
    """Phases of a van seen every minute; its served stands and its waits at the depot as (first minute, end minute)."""
    minutes = [Row(i * 60 * SECOND_US, None if north is None else metres_off(north)) for i, north in enumerate(north_m)]
    listed = sorted([(*stand, True) for stand in stands] + [(*wait, False) for wait in waits])
    times = np.array([stop[:2] for stop in listed], dtype=np.int64).reshape(-1, 2) * 60 * SECOND_US
    empty, place = np.zeros(len(listed), dtype=np.int64), np.zeros(len(listed), dtype=np.int32)
    served = np.array([stop[2] for stop in listed], dtype=np.bool_)
    stops = Stops(empty, empty, empty, times[:, 0].copy(), times[:, 1].copy(), place, place, served, empty, empty)
    track = track_of(minutes)
    instants, pieces = route_phases(track, stops, served, ~served, *depots(1, radius_m))
    return instants, phase_of_rows(track.starts, pieces)


def phases_of(north_m, stands, waits=(), radius_m=100.0):
    """The names of the phases, and the four instants in minutes."""
    found, phase = found_in(north_m, stands, waits, radius_m)
    instants = [
        None if us[0] == NOT_KNOWN else int(us[0]) // (60 * SECOND_US)
        for us in (found.exit_us, found.first_stop_us, found.last_stop_us, found.return_us)
    ]
    return [PHASE_NAMES[code] for code in phase], instants


@given(fleets(), st.randoms(use_true_random=False), st.sampled_from([20.0, 150.0, NAN]))
@settings(deadline=None, max_examples=examples(50, 200))
def test_agrees_with_the_naive_version(fleet, chance, radius_m):
    track, limits = fleet
    stops = park_episodes(track, classify(track, limits, STATE_RULES), STOP_RULES)
    what = np.array([chance.choice(["served", "served", "depot", "other"]) for _ in stops.group], dtype=np.str_)
    depot = depots(track.starts.size - 1, radius_m)
    found, pieces = route_phases(track, stops, what == "served", what == "depot", *depot)
    names, instants, segments = [], [], []
    for group, rows in enumerate(rows_of(track)):
        times = [
            (int(stops.arrived_us[stop]), int(stops.departed_us[stop]), what[stop])
            for stop in np.flatnonzero(stops.group == group)
        ]
        group_names, group_instants, count = naive.route_phases(rows, times, DEPOT_E7, radius_m, FENCE_M)
        names += group_names
        instants.append([NOT_KNOWN if us is None else us for us in group_instants])
        segments.append(count)
    assert [PHASE_NAMES[code] for code in phase_of_rows(track.starts, pieces)] == names
    assert np.stack(found[:4], axis=1).tolist() == instants
    assert found.segment_count.tolist() == segments


def test_a_whole_route_passes_through_all_phases():
    names, instants = phases_of([0, 0, 500, 900, 900, 1_200, 1_200, 500, 50, 0], [(3, 4), (5, 7)])
    assert instants == [2, 3, 7, 8]
    assert names == ["pre"] * 2 + ["stem_out"] + ["on_route"] * 4 + ["stem_back"] + ["post"] * 2


def test_the_exit_is_the_last_leaving_before_the_first_served_stop():
    _, instants = phases_of([0, 500, 0, 500, 900, 900, 0], [(4, 5)])
    assert instants == [3, 4, 5, 6]


def test_a_wave_at_the_depot_in_the_middle_of_the_day_begins_a_second_segment():
    north_m, stands = [0, 500, 900, 900, 500, 0, 0, 0, 500, 900, 900, 500, 0], [(2, 3), (9, 10)]
    names, instants = phases_of(north_m, stands, [(5, 7)])
    assert instants == [1, 2, 10, 12]
    assert names == [
        *["pre", "stem_out", "on_route", "stem_back", "stem_back"],
        *["pre", "pre", "pre", "stem_out", "on_route", "stem_back", "stem_back", "post"],
    ]
    assert found_in(north_m, stands, [(5, 7)])[0].segment_count.tolist() == [2]


def test_passing_by_the_depot_without_a_stand_is_on_route():
    names, instants = phases_of([0, 900, 900, 0, 900, 900, 0], [(1, 2), (4, 5)])
    assert instants == [1, 1, 5, 6]
    assert names[1:5] == ["on_route"] * 4


def test_stands_at_the_depot_before_the_first_and_after_the_last_served_stop_cut_nothing():
    names, _ = phases_of([0, 0, 900, 900, 0, 0, 50, 0], [(2, 3)], [(0, 1), (4, 5), (6, 7)])
    assert names == ["pre", "pre", "on_route", "stem_back", "post", "post", "post", "post"]
    assert found_in([0, 900, 0], [(1, 2)], [(2, 2)])[0].segment_count.tolist() == [1]
    assert found_in([0, 0], [], [(0, 1)])[0].segment_count.tolist() == [0]


def test_a_stand_at_the_depot_without_a_fix_inside_still_begins_a_segment_at_its_start():
    names, instants = phases_of([0, 900, 900, None, None, 900, 900, 0], [(1, 2), (5, 6)], [(3, 4)])
    assert names[2:5] == ["stem_back", "pre", "pre"]
    assert instants == [1, 1, 6, 7]


def test_a_last_stand_at_the_depot_without_a_fix_inside_proves_the_return():
    names, instants = phases_of([0, 900, 900, 500, 30, 30, 30], [(1, 2)], [(4, 6)], radius_m=10.0)
    assert names[2:] == ["stem_back", "stem_back", "post", "post", "post"]
    assert instants == [1, 1, 2, 4]


def test_a_fix_that_wanders_over_the_fence_is_not_an_exit():
    _, instants = phases_of([0, 120, 0, 500, 900, 900], [(4, 5)])
    assert instants[0] == 3
    _, instants = phases_of([0, 120, 120, 500, 900, 900], [(4, 5)])
    assert instants[0] == 1


def test_a_van_that_never_returns_is_on_its_way_back():
    names, instants = phases_of([0, 500, 900, 900, 800], [(2, 3)])
    assert instants[3] is None
    assert names[3:] == ["stem_back"] * 2


def test_a_van_first_heard_on_its_way_has_no_known_exit():
    names, instants = phases_of([500, 900, 900, 0], [(1, 2)])
    assert instants[0] is None
    assert names == ["stem_out", "on_route", "stem_back", "post"]


def test_a_served_stop_inside_the_depot_has_no_exit():
    names, instants = phases_of([0, 0, 0, 0], [(1, 2)])
    assert instants == [None, 1, 2, 2]
    assert names == ["pre", "on_route", "post", "post"]


def test_without_a_depot_only_the_route_itself_is_known():
    names, instants = phases_of([0, 500, 900, 0], [(1, 2)], radius_m=NAN)
    assert instants == [None, 1, 2, None]
    assert names == ["none", "on_route", "none", "none"]


def test_without_a_served_stop_nothing_is_known():
    assert phases_of([0, 500, 0], []) == (["none"] * 3, [None] * 4)
