import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.places import frozen_places, frozen_speeds, good_places, stuck_speeds
from tests.builders import examples
from tests.kernels.naive import places as naive
from tests.kernels.tracks import NAN, SECOND_US, Row, fleets, joined, metres_off, rows_of, track_of


def line(*metres_north, step_s=10, speed_kmh=20.0):
    return [
        Row(i * step_s * SECOND_US, None if north is None else metres_off(north), speed_kmh)
        for i, north in enumerate(metres_north)
    ]


def placed(rows):
    return good_places(track_of(rows)).placed.tolist()


@given(fleets())
@settings(deadline=None, max_examples=examples(50, 150))
def test_agrees_with_the_naive_version(fleet):
    track, _ = fleet
    places = good_places(track)
    expected = [naive.good_places(rows, 180.0) for rows in rows_of(track)]
    assert places.placed.tolist() == joined(expected)
    fixes = [sum(row.place is not None for row in rows) for rows in rows_of(track)]
    lost = [count - sum(good) for count, good in zip(fixes, expected, strict=True)]
    assert places.jump_count.tolist() == lost


def test_a_jump_loses_its_place_and_the_next_fix_keeps_its_own():
    places = good_places(track_of(line(0, 100, 60_000, 200, 300)))
    assert places.placed.tolist() == [True, True, False, True, True]
    assert places.jump_count.tolist() == [1]


def test_two_fixes_that_agree_with_each_other_are_good_from_the_first():
    assert placed(line(0, 100, 60_000, 60_100, 60_200)) == [True] * 5


def test_a_first_fix_that_nobody_agrees_with_was_the_jump():
    places = good_places(track_of(line(60_000, 0, 100, 200)))
    assert places.placed.tolist() == [False, True, True, True]
    assert places.jump_count.tolist() == [1]


def test_two_jumps_to_different_places_stay_jumps():
    assert placed(line(0, 10, 60_000, -60_000, 20)) == [True, True, False, False, True]


def test_a_copy_of_a_jump_does_not_vouch_for_it():
    jump = Row(20 * SECOND_US, metres_off(60_000))
    assert placed([*line(0, 10), jump, jump, Row(30 * SECOND_US, metres_off(20))]) == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_two_fixes_of_one_second_may_be_as_far_apart_as_a_second_of_driving():
    near = [Row(0, metres_off(0)), Row(0, metres_off(49))]
    far = [Row(0, metres_off(0)), Row(0, metres_off(51))]
    assert placed(near) == [True, True]
    assert placed(far) == [True, False]


def test_a_long_silence_allows_a_long_way():
    assert placed([Row(0, metres_off(0)), Row(3_600 * SECOND_US, metres_off(170_000))]) == [True, True]


def test_a_copy_of_the_first_fix_does_not_vouch_for_it():
    jump, *rows = line(60_000, 0, 100)
    elsewhere = jump._replace(place=None)
    assert placed([jump, elsewhere, jump, *rows]) == [False, False, False, True, True]


def test_a_row_without_a_fix_does_not_get_one_with_its_neighbour():
    *rows, jump, after = line(0, 10, 60_000, 60_010)
    assert placed([*rows, jump, jump._replace(place=None), after]) == [True, True, True, False, True]


def test_a_receiver_that_repeats_one_place_while_driving_is_frozen():
    long, short = [0] * 8, [0] * 7
    track = track_of(line(*short, speed_kmh=30), line(*long, speed_kmh=30), line(*long, speed_kmh=0))
    assert frozen_places(track).tolist() == [False, True, False]


@given(fleets(), st.lists(st.booleans(), min_size=3, max_size=3))
@settings(deadline=None, max_examples=examples(50, 150))
def test_repeated_speeds_agree_with_the_naive_version(fleet, gps_speed):
    track, _ = fleet
    gps_speed = gps_speed[: track.starts.size - 1]
    expected = [
        naive.frozen_speeds(rows, 30 * SECOND_US) if of_gps else [False] * len(rows)
        for rows, of_gps in zip(rows_of(track), gps_speed, strict=True)
    ]
    assert frozen_speeds(track, np.array(gps_speed), frozen_us=30 * SECOND_US).tolist() == joined(expected)


def test_a_speed_repeated_on_one_spot_for_more_than_five_minutes_is_frozen():
    def frozen(*rows, gps_speed=True):
        return frozen_speeds(track_of(rows), np.array([gps_speed])).tolist()

    repeated = line(*[0] * 8, step_s=50)
    assert frozen(*repeated) == [True] * 8
    assert frozen(*repeated, gps_speed=False) == [False] * 8
    assert frozen(*(row._replace(engine=1) for row in repeated)) == [False] * 8
    assert frozen(*repeated[:7]) == [False] * 7
    assert frozen(*line(*[0] * 8, step_s=50, speed_kmh=0)) == [False] * 8
    assert frozen(*repeated[:4], repeated[4]._replace(speed_kmh=21.0), *repeated[5:]) == [False] * 8
    assert frozen(*repeated[:4], repeated[4]._replace(place=metres_off(1)), *repeated[5:]) == [False] * 8


def test_a_speed_that_an_odometer_confirms_is_not_frozen():
    def frozen(readings):
        rows = [row._replace(odometer_m=at) for row, at in zip(line(*[0] * 8, step_s=50), readings, strict=True)]
        return frozen_speeds(track_of(rows), np.array([True])).tolist()

    assert frozen([7.0] * 8) == [True] * 8
    assert frozen([7.0, *[NAN] * 6, 400.0]) == [False] * 8
    assert frozen([7.0, *[NAN] * 7]) == [True] * 8
    assert frozen([7.0, *[NAN] * 5, 400.0, NAN]) == [False] * 8


@given(fleets())
@settings(deadline=None, max_examples=examples(50, 150))
def test_stuck_speeds_agree_with_the_naive_version(fleet):
    track, _ = fleet
    track = track._replace(speed_kmh=np.where(track.speed_kmh < 30, np.float32(0), track.speed_kmh))
    expected = [naive.stuck_speeds(rows, 25.0) for rows in rows_of(track)]
    assert stuck_speeds(track).tolist() == joined(expected)


def test_a_zero_that_is_sent_while_the_fixes_move_on_is_stuck():
    def stuck(*metres_north, step_s=10):
        return stuck_speeds(track_of(line(*metres_north, step_s=step_s, speed_kmh=0))).tolist()

    assert stuck(0, 30, 60, 90) == [True] * 4
    assert stuck(*range(0, 400, 10), step_s=1) == [True] * 40
    assert stuck(0, 30, 60) == [False] * 3
    assert stuck(0, 30, 60, 60, 90, 120) == [False] * 6  # stands in between: departures and arrivals, each on its own
    assert stuck(0, 30, 0, 30, 0, 30) == [False] * 6  # a receiver that wanders
    assert stuck(0, 5_000, 5_000, 5_000) == [False] * 4
    assert stuck(0, 3_000, 6_000, 9_000, step_s=240) == [False] * 4  # a bus that is heard at its stops
