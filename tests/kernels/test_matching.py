from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.matching import match_plan, nearest_site
from kernels.stops import Stops
from tests.builders import examples
from tests.kernels.naive import routes as naive
from tests.kernels.tracks import metres_off

OFFSETS_M = st.integers(-150, 150)
PLACES = st.builds(metres_off, OFFSETS_M, OFFSETS_M)
MAYBE_PLACES = st.one_of(st.none(), PLACES, PLACES, PLACES)

EPISODES = st.lists(st.tuples(MAYBE_PLACES, st.booleans()), max_size=6)  # place, doubtful


def stops_at(*groups):
    """Stops of which only group and place matter; `None` for no place."""
    dealt = [(number, place) for number, places in enumerate(groups) for place in places]
    empty = np.zeros(len(dealt), dtype=np.int64)
    return Stops(
        group=np.array([number for number, _ in dealt], dtype=np.int64),
        first_row=empty,
        end_row=empty,
        arrived_us=empty,
        departed_us=empty,
        latitude_e7=np.array([place[0] if place else 0 for _, place in dealt], dtype=np.int32),
        longitude_e7=np.array([place[1] if place else 0 for _, place in dealt], dtype=np.int32),
        placed=np.array([place is not None for _, place in dealt], dtype=np.bool_),
        engine_on_us=empty,
        off_us=empty,
    )


def columns_of(places):
    return tuple(np.array([place[axis] for place in places], dtype=np.int32) for axis in (0, 1))


def matched(stop_groups, planned_groups, radius_m=60.0, doubtful=()):
    planned = [place for places in planned_groups for place in places]
    starts = np.cumsum([0, *map(len, planned_groups)]).astype(np.int64)
    stops = stops_at(*stop_groups)
    flags = np.isin(np.arange(stops.group.size), doubtful)
    return match_plan(stops, starts, *columns_of(planned), radius_m, flags)


@given(st.lists(st.tuples(EPISODES, st.lists(PLACES, max_size=6)), max_size=3))
@settings(deadline=None, max_examples=examples(60, 300))
def test_matching_agrees_with_the_naive_version(groups):
    doubtful = [is_doubtful for stops, _ in groups for _, is_doubtful in stops]
    matches = matched(
        [[place for place, _ in stops] for stops, _ in groups],
        [planned for _, planned in groups],
        doubtful=np.flatnonzero(doubtful),
    )
    of_planned, of_stops = [], []
    for stops, planned in groups:
        first_stop, first_planned = len(of_stops), len(of_planned)
        places, flags = [place for place, _ in stops], [is_doubtful for _, is_doubtful in stops]
        served, own = naive.match_plan(places, flags, planned, 60.0)
        of_planned += [(index + first_stop if index >= 0 else -1, away_m) for index, away_m in served]
        of_stops += [(index + first_planned if index >= 0 else -1, *rest) for index, *rest in own]
    assert matches.stop_of_planned.tolist() == [index for index, _ in of_planned]
    assert matches.planned_of_stop.tolist() == [index for index, _, _ in of_stops]
    assert matches.is_partner.tolist() == [is_partner for _, _, is_partner in of_stops]
    np.testing.assert_allclose(matches.metres, [away_m for _, away_m in of_planned], rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(matches.stop_metres, [away_m for _, away_m, _ in of_stops], rtol=1e-6, atol=1e-4)


@given(st.lists(MAYBE_PLACES, max_size=6), st.lists(PLACES, max_size=20))
@settings(deadline=None, max_examples=examples(50, 200))
def test_nearest_site_agrees_with_the_naive_version(places, sites):
    nearest = nearest_site(stops_at(places), *columns_of(sites), 60.0)
    expected = [naive.nearest(place, sites, 60.0) for place in places]
    assert nearest.site.tolist() == [index for index, _ in expected]
    np.testing.assert_allclose(nearest.metres, [metres for _, metres in expected], rtol=1e-6, atol=1e-4)


def test_a_plan_is_matched_in_any_order():
    a, b, c = metres_off(0), metres_off(500), metres_off(1_000)
    assert matched([[c, a, b]], [[a, b, c]]).stop_of_planned.tolist() == [1, 2, 0]


def test_planned_stops_left_without_a_partner_share_an_episode():
    matches = matched([[metres_off(0)]], [[metres_off(-20), metres_off(10), metres_off(40)]])
    assert matches.stop_of_planned.tolist() == [0, 0, 0]
    assert (matches.planned_of_stop.tolist(), matches.is_partner.tolist()) == ([1], [True])
    np.testing.assert_allclose(matches.metres, [20, 10, 40], atol=0.01)


def test_neighbours_are_matched_one_to_one_though_one_episode_is_nearest_to_both():
    matches = matched([[metres_off(0), metres_off(50)]], [[metres_off(5), metres_off(12)]])
    assert matches.stop_of_planned.tolist() == [0, 1]
    assert matches.is_partner.tolist() == [True, True]


def test_a_second_visit_is_left_over_and_knows_the_nearest_planned_stop():
    matches = matched([[metres_off(5), metres_off(20)]], [[metres_off(0), metres_off(200)]])
    assert matches.stop_of_planned.tolist() == [0, -1]
    assert matches.planned_of_stop.tolist() == [0, 0]
    assert matches.is_partner.tolist() == [True, False]
    np.testing.assert_allclose(matches.stop_metres, [5, 20], atol=0.01)


def test_a_wait_nearer_to_the_door_does_not_win_over_the_hand_off():
    wait, hand_off = metres_off(5), metres_off(15)
    assert matched([[wait, hand_off]], [[metres_off(0)]], doubtful=[0]).stop_of_planned.tolist() == [1]
    assert matched([[wait, metres_off(40)]], [[metres_off(0)]], doubtful=[0]).stop_of_planned.tolist() == [0]
    assert matched([[wait]], [[metres_off(0)]], doubtful=[0]).is_partner.tolist() == [True]


def test_of_two_visits_equally_near_the_first_is_taken():
    assert matched([[metres_off(5), metres_off(5)]], [[metres_off(0)]]).stop_of_planned.tolist() == [0]
    assert matched([[metres_off(5)]], [[metres_off(0), metres_off(0)]]).planned_of_stop.tolist() == [0]


def test_nothing_matches_across_groups_or_beyond_the_radius():
    matches = matched([[metres_off(0)], [metres_off(61)]], [[], [metres_off(0)]])
    assert (matches.stop_of_planned.tolist(), matches.planned_of_stop.tolist()) == ([-1], [-1, -1])
    assert str(matches.metres[0]) == str(nan)


def test_plans_that_do_not_fit_are_refused():
    places = columns_of([metres_off(0)])
    with pytest.raises(ValueError, match="group: expected 0 to 0"):
        match_plan(stops_at([], [metres_off(0)]), np.array([0, 1]), *places, 60.0, np.zeros(1, dtype=np.bool_))
    with pytest.raises(ValueError, match="planned_starts: expected to rise"):
        match_plan(stops_at([]), np.array([0, 2, 1]), *places, 60.0, np.zeros(0, dtype=np.bool_))
    with pytest.raises(ValueError, match="planned_latitude_e7: expected shape"):
        match_plan(stops_at([]), np.array([0, 2]), *places, 60.0, np.zeros(0, dtype=np.bool_))
