import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.speeds import known_speeds
from tests.builders import examples
from tests.kernels.naive import places as naive
from tests.kernels.tracks import (
    NAN,
    SECOND_US,
    Row,
    Van,
    fleets,
    joined,
    limits_of,
    metres_off,
    rows_of,
    track_of,
)


def speeds(*rows):
    return known_speeds(track_of(rows), limits_of(Van())).tolist()


def row_at(second, place):
    return Row(second * SECOND_US, place)


def row(second, north=None, speed_kmh=NAN):
    return Row(second * SECOND_US, None if north is None else metres_off(north), speed_kmh)


@given(fleets())
@settings(deadline=None, max_examples=examples(50, 150))
def test_agrees_with_the_naive_version(fleet):
    track, limits = fleet
    expected = [naive.known_speeds(rows, int(gap)) for rows, gap in zip(rows_of(track), limits.gap_max_us, strict=True)]
    np.testing.assert_allclose(known_speeds(track, limits), np.float32(joined(expected)), rtol=1e-5)


def test_a_missing_speed_is_that_of_the_hop_to_the_next_fix():
    assert speeds(row(0, 0), row(10, 100), row(20, 100)) == pytest.approx([36, 0, 0], abs=0.01)


def test_the_last_row_takes_the_hop_from_the_fix_before():
    assert speeds(row(0, 0, 50.0), row(10, 100)) == pytest.approx([50, 36], abs=0.01)


def test_a_row_without_a_fix_takes_the_hop_around_it():
    assert speeds(row(0, 0, 1.0), row(10), row(20, 200, 2.0)) == pytest.approx([1, 36, 2], abs=0.01)


def test_no_hop_bridges_a_gap():
    assert np.isnan(speeds(row(0, 0), row(301, 100))).all()


def test_a_row_after_the_last_fix_has_no_hop():
    assert np.isnan(speeds(row(0, 0, 1.0), row(10, 100, 1.0), row(20))[2])


def test_a_speed_that_was_sent_stays():
    assert speeds(row(0, 0, 7.0), row(10, 5_000, 8.0)) == [7, 8]


def test_the_wandering_of_a_parked_receiver_at_one_fix_a_second_is_no_motion():
    chance = random.Random(3)
    rows = [
        Row(second * SECOND_US, metres_off(chance.gauss(0, 5), chance.gauss(0, 5)), NAN, 1) for second in range(3_600)
    ]
    found = known_speeds(track_of(rows), limits_of(Van()))
    assert found.max() < 5.0


def test_a_steady_drive_at_one_fix_a_second_has_its_speed_everywhere():
    found = speeds(*(row(second, second * 10) for second in range(60)))
    assert found == pytest.approx([36] * 60, rel=1e-3)


def test_a_drive_at_one_fix_a_second_begins_and_ends_within_the_baseline():
    north_m = [0] * 60 + [10 * second for second in range(60)] + [600] * 60
    found = np.array(speeds(*(row(second, metres) for second, metres in enumerate(north_m))))
    assert np.flatnonzero(found > 3).tolist() == list(range(54, 126))


@given(st.lists(st.tuples(st.integers(8, 29), st.floats(0, 7.5), st.floats(0, 6.28)), min_size=4, max_size=30))
@settings(deadline=None, max_examples=examples(60, 300))
def test_wherever_a_parked_receiver_sees_itself_it_does_not_drive(fixes):
    """Within 15 m of each other, also where two fixes at each end are all there is: no two means are 5 km/h apart."""
    seconds = np.cumsum([step_s for step_s, _, _ in fixes])
    rows = [
        row_at(int(second), metres_off(away_m * np.cos(angle), away_m * np.sin(angle)))
        for second, (_, away_m, angle) in zip(seconds, fixes, strict=True)
    ]
    assert max(speeds(*rows)) < 5.0


@pytest.mark.parametrize("step_s", [8, 10, 15])
def test_a_receiver_with_5_m_of_noise_parks_for_a_day_and_drives_when_it_drives(step_s):
    chance = random.Random(7)
    hour = 3_600 // step_s
    north_m = [0.0] * 23 * hour + [step_s * 8.0 * number for number in range(hour)]
    rows = [
        Row(number * step_s * SECOND_US, metres_off(north + chance.gauss(0, 4.5), chance.gauss(0, 4.5)), NAN, 1)
        for number, north in enumerate(north_m)
    ]
    found = known_speeds(track_of(rows), limits_of(Van()))
    assert (found[: 23 * hour - 3] >= 5).sum() == 0
    assert found[23 * hour :] == pytest.approx(np.full(hour, 28.8), abs=15)


@given(st.integers(8, 29), st.integers(3, 6), st.floats(28, 200))
@settings(deadline=None, max_examples=examples(40, 100))
def test_a_drive_of_one_hop_between_two_stands_is_seen(step_s, fixes, metres):
    """As far as over a hop without noise it would be one: 5 km/h."""
    found = speeds(*(row(number * step_s, 0 if number < fixes else metres) for number in range(2 * fixes)))
    hop_kmh = metres / step_s * 3.6
    assert found[fixes - 1] == pytest.approx(hop_kmh, rel=1e-3)
    assert found[: fixes - 1] + found[fixes:] == [0.0] * (2 * fixes - 1)


def test_at_one_fix_in_ten_seconds_or_fewer_the_hop_is_that_of_the_fixes():
    assert speeds(row(0, 0), row(10, 0), row(18, 80), row(30, 80))[:3] == pytest.approx([0, 36, 0], abs=0.01)
