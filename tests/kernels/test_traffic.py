from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.geometry import metres_between
from kernels.sampling import coarse_share
from kernels.states import STATE_NAMES, classify
from kernels.stops import Stops, checked_stops, park_episodes
from kernels.track import column, shaped, starts_of_groups
from kernels.traffic import AWAY, LEFT_OVER, NO_PLAN, PARTNER, _measure, wait_odds
from tests.builders import examples
from tests.kernels.naive import traffic as naive
from tests.kernels.tracks import (
    SECOND_US,
    STATE_RULES,
    STOP_RULES,
    Row,
    Van,
    fleets,
    limits_of,
    metres_off,
    rows_of,
    track_of,
)

CERTAIN_US = 120 * SECOND_US
SIDES = ("partner", "left_over", "away", "no_plan")


def assert_agrees(track, stops, data):
    count = stops.group.size
    sides = np.array(data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)), dtype=np.int8)
    on_round = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype=np.bool_)
    expected = []
    for group, rows in enumerate(rows_of(track)):
        first_row = int(track.starts[group])
        expected += naive.wait_odds(
            [
                naive.Episode(
                    (int(stops.latitude_e7[i]), int(stops.longitude_e7[i])) if stops.placed[i] else None,
                    float(stops.departed_us[i] - stops.arrived_us[i]) / 1e6,
                    bool(stops.engine_on_us[i] > 0),
                    bool(stops.off_us[i] > 0),
                    bool(on_round[i]),
                    SIDES[sides[i]],
                    naive.pace_kmh(rows, int(stops.first_row[i]) - first_row, int(stops.end_row[i]) - first_row),
                )
                for i in np.flatnonzero(stops.group == group)
            ],
            CERTAIN_US / 1e6,
        )
    found = wait_odds(track, stops, on_round, sides, CERTAIN_US)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@given(fleets(), st.data())
@settings(deadline=None, max_examples=examples(40, 100))
def test_odds_of_any_track_agree_with_the_naive_version(fleet, data):
    track, limits = fleet
    stops = park_episodes(track, classify(track, limits, STATE_RULES), STOP_RULES._replace(min_us=1))
    assert_agrees(track, stops, data)


def round_of(*moments):
    """Episodes of one van as (metres north, seconds, engine off) with the track of a van at 30 km/h between them."""
    rows, stops, clock_s = [Row(0, metres_off(0), 30.0, 1)], [], 60
    for north_m, seconds, off in moments:
        rows += [
            Row(clock_s * SECOND_US, metres_off(north_m), 0.0, int(not off)),
            Row((clock_s + seconds) * SECOND_US, metres_off(north_m), 30.0, 1),
        ]
        stops.append((len(rows) - 2, clock_s, clock_s + seconds, metres_off(north_m), off))
        clock_s += seconds + 60
    rows.append(Row(clock_s * SECOND_US, metres_off(0), 30.0, 1))
    first_row, arrived_s, departed_s, places, off = zip(*stops, strict=True)
    lasted_us = (np.array(departed_s, dtype=np.int64) - np.array(arrived_s, dtype=np.int64)) * SECOND_US
    was_off = np.array(off, dtype=np.bool_)
    return track_of(rows), Stops(
        np.zeros(len(stops), dtype=np.int64),
        np.array(first_row, dtype=np.int64),
        np.array(first_row, dtype=np.int64) + 1,
        np.array(arrived_s, dtype=np.int64) * SECOND_US,
        np.array(departed_s, dtype=np.int64) * SECOND_US,
        np.array([place[0] for place in places], dtype=np.int32),
        np.array([place[1] for place in places], dtype=np.int32),
        np.ones(len(stops), dtype=np.bool_),
        np.where(was_off, 0, lasted_us),
        np.where(was_off, lasted_us, 0),
    )


MOMENTS = st.tuples(
    st.sampled_from([0, 90, 150, 400, 900, 2_300, 6_000]), st.sampled_from([20, 40, 130]), st.booleans()
)


@given(st.lists(MOMENTS, min_size=1, max_size=25), st.data())
@settings(deadline=None, max_examples=examples(40, 100))
def test_odds_of_a_round_agree_with_the_naive_version(moments, data):
    track, stops = round_of(*moments)
    speeds = st.lists(st.sampled_from([0, 20, 30, 34]), min_size=track.time_us.size, max_size=track.time_us.size)
    assert_agrees(track._replace(speed_kmh=np.array(data.draw(speeds), dtype=np.float32)), stops, data)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 40]), st.sampled_from([1, 7, 59, 60, 61]))
@settings(deadline=None, max_examples=examples(8, 20))
def test_odds_where_many_rows_lie_before_and_after_agree_with_the_naive_version(seed, gap_rows, step_s):
    # The minute before and after a stand: many rows, few, one, none.
    chance = np.random.default_rng(seed)
    rows, stops = 400, []
    time_us = np.cumsum(chance.integers(0, 2 * step_s + 1, rows)) * SECOND_US
    speed_kmh = np.where(chance.random(rows) < 0.5, 0, chance.integers(0, 90, rows)).astype(np.float64)
    first = gap_rows
    while first < rows - 2:
        end = min(first + int(chance.integers(1, 30)), rows - 1)
        stops.append((first, end))
        first = end + gap_rows + int(chance.integers(0, 30))
    track = track_of([Row(int(us), metres_off(0), float(kmh), 1) for us, kmh in zip(time_us, speed_kmh, strict=True)])
    assert_paces(track, stops)


def assert_paces(track, stops):
    first, end = (np.array(column, dtype=np.int64) for column in zip(*stops, strict=True))
    bits = np.zeros(first.size, np.int32)
    episodes = _episodes_of(track, first, end)
    nowhere = np.zeros(first.size, np.bool_)
    _measure(
        *(shaped(track), column("bits", track.speed_kmh, np.float32).view(np.int32), checked_stops(episodes)),
        *(starts_of_groups(episodes.group, 1), nowhere, bits, np.zeros(first.size)),
    )
    rows = rows_of(track)[0]
    expected = [naive.pace_kmh(rows, int(a), int(b)) for a, b in stops]
    np.testing.assert_array_equal(bits.view(np.float32), np.array(expected, np.float32))


def _episodes_of(track, first, end):
    empty = np.zeros(first.size, np.int64)
    return Stops(
        *(empty, first, end, track.time_us[first], track.time_us[end]),
        *(empty.astype(np.int32), empty.astype(np.int32), np.ones(first.size, np.bool_), empty, empty),
    )


PARALLELS = st.sampled_from([0, 523_000_000, -523_000_000, 699_000_000, 850_000_000, -899_000_000])
MERIDIANS = st.sampled_from([-1_800_000_000, -1_799_990_000, 0, 40_000, 900_000, 49_000_000, 51_000_000, 1_799_999_000])
PLACES = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(-30_000, 30_000), st.integers(-30_000, 30_000))


@given(
    st.lists(PARALLELS, min_size=1, max_size=2),
    st.lists(MERIDIANS, min_size=1, max_size=2),
    st.lists(PLACES, min_size=1, max_size=12),
)
@settings(deadline=None, max_examples=examples(40, 100))
def test_the_nearest_certain_stand_is_found_anywhere_on_earth(parallels, meridians, places):
    # Near the date line, near the poles, and further apart than longitudes can be compared.
    north_e7 = np.array([parallels[a % len(parallels)] + north for a, _, north, _ in places], np.int32)
    east_e7 = np.array([meridians[b % len(meridians)] + east for _, b, _, east in places])
    east_e7 = np.clip(east_e7, -1_800_000_000, 1_800_000_000).astype(np.int32)
    track, stops = round_of(*[(0, 40, True)] * len(places))
    stops = stops._replace(latitude_e7=north_e7, longitude_e7=east_e7)
    away_m = np.full(north_e7.size, inf)
    _measure(
        *(shaped(track), column("bits", track.speed_kmh, np.float32).view(np.int32), checked_stops(stops)),
        *(starts_of_groups(stops.group, 1), np.ones(north_e7.size, np.bool_), np.zeros(north_e7.size, np.int32)),
        away_m,
    )
    for number in range(north_e7.size):
        others = np.delete(np.arange(north_e7.size), number)
        here = np.full(others.size, north_e7[number]), np.full(others.size, east_e7[number])
        expected = metres_between(*here, north_e7[others], east_e7[others]).min(initial=inf)
        np.testing.assert_allclose(away_m[number], expected, rtol=1e-6, atol=1e-3)


def odds_of(*moments, side=NO_PLAN, rows=None):
    """The odds of the last episode; those before it are partners where there is a plan."""
    track, stops = round_of(*moments)
    track = track if rows is None else track._replace(speed_kmh=rows(track.speed_kmh))
    sides = np.full(len(moments), NO_PLAN if side == NO_PLAN else PARTNER, dtype=np.int8)
    sides[-1] = side
    return wait_odds(track, stops, np.ones(len(moments), dtype=np.bool_), sides, CERTAIN_US)[-1]


DOORS = [(150 * number, 40, True) for number in range(8)]  # switches off at every door
LEFT_ON = [(150 * number, 130, False) for number in range(8)]  # never does


def test_with_the_engine_off_it_was_no_wait():
    assert odds_of(*DOORS, (5_000, 20, True)) == -inf


def test_far_from_all_doors_a_short_stand_is_a_wait_and_among_them_it_is_not():
    assert odds_of(*LEFT_ON, (600, 40, False)) < 0
    last_m = LEFT_ON[-1][0]
    assert (
        odds_of(*LEFT_ON, (last_m + 5 * 150 - 10, 40, False))
        < 0
        < odds_of(*LEFT_ON, (last_m + 5 * 150 + 10, 40, False))
    )


def test_where_doors_are_far_apart_far_is_not_elsewhere():
    farms = [(2_000 * number, 130, False) for number in range(8)]
    assert odds_of(*farms, (19_000, 40, False)) < 0


def test_in_faster_traffic_than_at_doors_it_is_a_wait():
    def fast_at_the_end(speed_kmh):
        faster = speed_kmh.copy()
        faster[-4:] *= 2
        return faster

    assert odds_of(*LEFT_ON, (600, 40, False), rows=fast_at_the_end) > 0


def test_a_driver_who_always_switches_off_and_now_did_not_waits():
    assert odds_of(*DOORS * 3, (600, 30, False)) > 0 > odds_of(*LEFT_ON * 3, (600, 30, False))


def test_there_is_no_duration_from_which_it_is_none_but_it_needs_ever_more():
    odds = [odds_of(*LEFT_ON, (5_000, seconds, False)) for seconds in (20, 60, 119, 121, 400)]
    assert odds == sorted(odds, reverse=True)
    away = [odds_of(*DOORS * 8, (5_000, seconds, False), side=AWAY) for seconds in (121, 200)]
    assert away[0] > 0 > away[1]


def test_left_over_near_a_door_a_short_stand_is_a_wait_and_a_long_one_a_second_visit():
    assert odds_of(*LEFT_ON * 5, (600, 30, False), side=LEFT_OVER) > 0
    assert odds_of(*LEFT_ON * 5, (600, 110, False), side=LEFT_OVER) < 0


def test_a_plan_of_a_few_doors_says_little_about_the_others():
    track, stops = round_of(*LEFT_ON, (600, 30, False))
    on_round = np.ones(9, dtype=np.bool_)
    all_doors, few_doors = ([PARTNER] * 8, [PARTNER, *[AWAY] * 7])
    odds = [
        wait_odds(track, stops, on_round, np.array([*sides, AWAY], dtype=np.int8), CERTAIN_US)[-1]
        for sides in (all_doors, few_doors)
    ]
    assert odds[0] > 0 > odds[1]


def test_a_side_that_does_not_exist_is_refused():
    track, stops = round_of((0, 30, False))
    with pytest.raises(ValueError, match="sides: expected 0 to 3"):
        wait_odds(track, stops, np.ones(1, dtype=np.bool_), np.array([4], dtype=np.int8), CERTAIN_US)


@given(fleets(), st.sampled_from([9, 10, 20, 60]))
@settings(deadline=None, max_examples=examples(50, 150))
def test_the_coarse_share_agrees_with_the_naive_version(fleet, coarse_s):
    track, limits = fleet
    states = classify(track, limits, STATE_RULES)
    names = ["" if code < 0 else STATE_NAMES[code] for code in states.state]
    expected = [
        naive.coarse_share(rows, names[a : a + len(rows)], coarse_s * SECOND_US, 25.0)
        for rows, a in zip(rows_of(track), track.starts[:-1].tolist(), strict=True)
    ]
    np.testing.assert_allclose(coarse_share(track, states, coarse_s * SECOND_US, 25.0), expected)


def share_of(*moments):
    """The share for (second, metres north, speed) with the engine on, longer than 20 s being coarse."""
    rows = [Row(second * SECOND_US, metres_off(north_m), speed_kmh, 1) for second, north_m, speed_kmh in moments]
    track = track_of(rows)
    return coarse_share(track, classify(track, limits_of(Van()), STATE_RULES), 20 * SECOND_US, 25.0)[0]


def test_how_rarely_a_parked_van_reports_does_not_matter():
    assert share_of((0, 0, 30), (10, 90, 0), (250, 90, 0), (260, 95, 30), (270, 180, 0), (280, 180, 0)) == 0


def test_a_van_that_left_between_two_rare_fixes_was_sampled_too_rarely():
    assert share_of((0, 0, 30), (10, 90, 0), (70, 400, 0), (80, 400, 0)) == pytest.approx(60 / 70)


def test_a_van_that_never_moved_has_no_share():
    assert np.isnan(share_of((0, 0, 0), (60, 3, 0), (120, 0, 0)))
