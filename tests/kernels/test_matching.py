from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.matching import match_plan, nearest_site
from kernels.stops import Stops
from tests.kernels.naive import routes as naive
from tests.kernels.tracks import metres_off

OFFSETS_M = st.integers(-150, 150)
PLACES = st.builds(metres_off, OFFSETS_M, OFFSETS_M)
MAYBE_PLACES = st.one_of(st.none(), PLACES, PLACES, PLACES)


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


def matched(stop_groups, planned_groups, radius_m=60.0):
    planned = [place for places in planned_groups for place in places]
    starts = np.cumsum([0, *map(len, planned_groups)]).astype(np.int64)
    return match_plan(stops_at(*stop_groups), starts, *columns_of(planned), radius_m)


@given(
    st.lists(st.tuples(st.lists(MAYBE_PLACES, max_size=6), st.lists(PLACES, max_size=6)), max_size=3),
)
@settings(deadline=None, max_examples=200)
def test_matching_agrees_with_the_naive_version(groups):
    matches = matched([stops for stops, _ in groups], [planned for _, planned in groups])
    stop_of_planned, metres, planned_of_stop = [], [], []
    for stops, planned in groups:
        first_stop, first_planned = len(planned_of_stop), len(stop_of_planned)
        for place in planned:
            index, distance_m = naive.nearest(place, stops, 60.0)
            stop_of_planned.append(index + first_stop if index >= 0 else -1)
            metres.append(distance_m)
        indexes = [naive.nearest(place, planned, 60.0)[0] for place in stops]
        planned_of_stop += [index + first_planned if index >= 0 else -1 for index in indexes]
    assert matches.stop_of_planned.tolist() == stop_of_planned
    assert matches.planned_of_stop.tolist() == planned_of_stop
    np.testing.assert_allclose(matches.metres, metres, rtol=1e-6, atol=1e-4)


@given(st.lists(MAYBE_PLACES, max_size=6), st.lists(PLACES, max_size=20))
@settings(deadline=None, max_examples=200)
def test_nearest_site_agrees_with_the_naive_version(places, sites):
    nearest = nearest_site(stops_at(places), *columns_of(sites), 60.0)
    expected = [naive.nearest(place, sites, 60.0) for place in places]
    assert nearest.site.tolist() == [index for index, _ in expected]
    np.testing.assert_allclose(nearest.metres, [metres for _, metres in expected], rtol=1e-6, atol=1e-4)


def test_a_plan_is_matched_in_any_order():
    a, b, c = metres_off(0), metres_off(500), metres_off(1_000)
    assert matched([[c, a, b]], [[a, b, c]]).stop_of_planned.tolist() == [1, 2, 0]


def test_planned_stops_may_share_one_episode():
    matches = matched([[metres_off(0)]], [[metres_off(-20), metres_off(10), metres_off(40)]])
    assert matches.stop_of_planned.tolist() == [0, 0, 0]
    assert matches.planned_of_stop.tolist() == [1]


def test_a_second_visit_knows_its_planned_stop_too():
    matches = matched([[metres_off(5), metres_off(20)]], [[metres_off(0)]])
    assert matches.stop_of_planned.tolist() == [0]
    assert matches.planned_of_stop.tolist() == [0, 0]


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
        match_plan(stops_at([], [metres_off(0)]), np.array([0, 1]), *places, 60.0)
    with pytest.raises(ValueError, match="planned_starts: expected to rise"):
        match_plan(stops_at([]), np.array([0, 2, 1]), *places, 60.0)
    with pytest.raises(ValueError, match="planned_latitude_e7: expected shape"):
        match_plan(stops_at([]), np.array([0, 2]), *places, 60.0)
