import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.distance import SOURCE_NAMES, distances
from kernels.states import STATE_NAMES, classify
from tests.builders import examples
from tests.kernels.naive import distance as naive
from tests.kernels.tracks import (
    DISTANCE_RULES,
    NAN,
    SECOND_US,
    STATE_RULES,
    Row,
    Van,
    fleets,
    joined,
    limits_of,
    metres_off,
    rows_of,
    track_of,
)


def measured(*rows, is_frozen=False):
    track = track_of(rows)
    states = classify(track, limits_of(Van()), STATE_RULES)
    found = distances(track, states, np.array([is_frozen]), DISTANCE_RULES)
    return found.step_m, SOURCE_NAMES[found.source[0]], bool(found.odometer_rejected[0])


def driving(count, *, metres_a_step=100, odometer=None, placed=True, speed_kmh=36.0):
    """Rows every 10 s going north; `odometer` is a list of readings in metres."""
    return [
        Row(
            i * 10 * SECOND_US,
            metres_off(i * metres_a_step) if placed else None,
            speed_kmh,
            1,
            NAN if odometer is None else odometer[i],
        )
        for i in range(count)
    ]


@given(fleets(), st.lists(st.booleans(), min_size=3, max_size=3))
@settings(deadline=None, max_examples=examples(60, 300))
def test_agrees_with_the_naive_version(fleet, frozen):
    track, limits = fleet
    frozen = frozen[: track.starts.size - 1]
    states = classify(track, limits, STATE_RULES)
    found = distances(track, states, np.array(frozen), DISTANCE_RULES)
    names = ["" if code < 0 else STATE_NAMES[code] for code in states.state]
    expected = [
        naive.distances(rows, names[a:b], is_frozen, DISTANCE_RULES)
        for rows, is_frozen, a, b in zip(rows_of(track), frozen, track.starts[:-1], track.starts[1:], strict=True)
    ]
    assert [SOURCE_NAMES[code] for code in found.source] == [e[1] for e in expected]
    assert found.odometer_rejected.tolist() == [e[2] for e in expected]
    np.testing.assert_allclose(found.step_m, joined(e[0] for e in expected), rtol=2e-6, atol=1e-6)


@given(fleets())
@settings(deadline=None)
def test_the_steps_of_an_odometer_sum_to_its_last_reading_minus_its_first(fleet):
    track, limits = fleet
    moving = np.zeros(track.starts.size - 1, dtype=np.bool_)
    found = distances(track, classify(track, limits, STATE_RULES), moving, DISTANCE_RULES)
    for group, (a, b) in enumerate(zip(track.starts[:-1], track.starts[1:], strict=True)):
        if SOURCE_NAMES[found.source[group]] == "odometer":
            readings = track.odometer_m[a:b][~np.isnan(track.odometer_m[a:b])]
            assert found.step_m[a:b].sum() == pytest.approx(readings[-1] - readings[0])


def test_the_odometer_comes_first():
    step_m, source, rejected = measured(*driving(4, odometer=[1000, 1101, 1203, 1306]))
    assert (source, rejected) == ("odometer", False)
    assert step_m.tolist() == [101, 102, 103, 0]


def test_metres_between_two_readings_belong_to_the_driving_in_between():
    step_m, _, _ = measured(*driving(5, odometer=[1000, NAN, NAN, NAN, 1400]))
    assert step_m == pytest.approx([100, 100, 100, 100, 0])


def test_an_odometer_heard_for_part_of_the_drive_is_not_enough():
    step_m, source, rejected = measured(*driving(5, odometer=[NAN, NAN, 1000, 1100, 1200]))
    assert (source, rejected) == ("gps", False)
    assert step_m == pytest.approx([100] * 4 + [0], rel=1e-3)


@pytest.mark.parametrize("odometer", [[1000, 999, 1100, 1200], [0, 600_000, 600_100, 600_200]])
def test_an_odometer_that_decreases_or_leaps_is_rejected(odometer):
    _, source, rejected = measured(*driving(4, odometer=odometer))
    assert (source, rejected) == ("gps", True)
    _, source, rejected = measured(*driving(4, odometer=odometer, placed=False))
    assert (source, rejected) == ("speed", True)


def test_an_odometer_far_above_gps_is_rejected():
    gps_m = measured(*driving(4))[0].sum()
    limit_m = 1.5 * gps_m + 5_000
    assert measured(*driving(4, odometer=[0, 0, 0, limit_m - 0.1]))[1:] == ("odometer", False)
    assert measured(*driving(4, odometer=[0, 0, 0, limit_m + 0.1]))[1:] == ("gps", True)


def test_an_odometer_that_counts_kilometres_is_rejected():
    kilometres = [50_000 + index / 10 for index in range(80)]
    assert measured(*driving(80, odometer=kilometres))[1:] == ("gps", True)
    assert measured(*driving(40, odometer=kilometres[:40]))[1:] == ("odometer", False)  # within the slack of 5 km


def test_a_frozen_receiver_is_no_judge_of_the_odometer():
    rows = [row._replace(place=metres_off(0)) for row in driving(4, odometer=[0, 3_000, 6_000, 9_000])]
    assert measured(*rows)[1:] == ("gps", True)
    step_m, source, rejected = measured(*rows, is_frozen=True)
    assert (step_m.tolist(), source, rejected) == ([3_000, 3_000, 3_000, 0], "odometer", False)


def test_an_odometer_may_have_heard_what_gps_missed():
    away = [Row(500 * SECOND_US + row.time_us, metres_off(20_000 + i), 36.0, 1) for i, row in enumerate(driving(3))]
    rows = [*driving(3, odometer=[0, 100, 200]), *away[:-1], away[-1]._replace(odometer_m=20_300)]
    assert measured(*rows)[1:] == ("odometer", False)


def test_standing_adds_no_gps_distance():
    jitter = [Row(i * 10 * SECOND_US, metres_off(15 * (i % 2)), 0.0, 1) for i in range(9)]
    assert measured(*jitter)[0].sum() == 0


def test_a_van_departs_between_two_samples():
    moments = enumerate([(0, 0.0), (50, 36.0), (150, 36.0)])
    rows = [Row(i * 10 * SECOND_US, metres_off(north), speed_kmh, 1) for i, (north, speed_kmh) in moments]
    assert measured(*rows)[0] == pytest.approx([0, 150, 0], rel=1e-3)
    blind = [row._replace(place=None) for row in rows]
    assert measured(*blind)[0] == pytest.approx([0, 150, 0])


def test_a_night_with_the_engine_off_is_not_half_a_drive():
    night = [Row(-9 * 3_600 * SECOND_US, None, 0.0, 0), *driving(3, placed=False)]
    assert measured(*night)[0].sum() == pytest.approx(200)


def test_a_tunnel_is_driven_but_a_gap_is_not():
    tunnel = [driving(1)[0], *driving(3, placed=False)[1:], driving(4)[-1]]
    assert measured(*tunnel)[0].sum() == pytest.approx(300, rel=1e-3)
    gap = [driving(1)[0], Row(400 * SECOND_US, metres_off(300), 36.0, 1)]
    assert measured(*gap)[0].sum() == 0


def test_a_leap_no_van_can_make_is_no_distance():
    leap = [row._replace(place=metres_off(i * 100 + 9_000 * (i > 2))) for i, row in enumerate(driving(6))]
    assert measured(*leap)[0].sum() == pytest.approx(400, rel=1e-3)
    possible = [row._replace(place=metres_off(i * 100 + 399 * (i > 2))) for i, row in enumerate(driving(6))]
    assert measured(*possible)[0].sum() == pytest.approx(899, rel=1e-3)


def test_without_places_the_speed_is_summed():
    rows = driving(3, placed=False)
    rows[1] = rows[1]._replace(speed_kmh=72.0)
    step_m, source, _ = measured(*rows)
    assert source == "speed"
    assert step_m == pytest.approx([150, 150, 0])


def test_without_anything_there_is_no_source():
    assert measured(Row(0), Row(SECOND_US))[1:] == ("none", False)


def test_two_fixes_of_one_instant_are_no_distance_when_speed_tells_it():
    rows = [Row(0, metres_off(0), 36.0, 1), Row(0, metres_off(3), 36.0, 1), Row(SECOND_US, None, 36.0, 1)]
    step_m, source, _ = measured(*rows)
    assert (source, step_m.sum()) == ("speed", pytest.approx(10.0, rel=1e-6))
