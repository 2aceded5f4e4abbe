import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.states import DRIVE, IDLE, OFF, READY, UNKNOWN
from kernels.totals import Positions, simple_totals, state_totals
from tests.builders import examples
from tests.kernels.naive import totals as naive
from tests.kernels.test_states import vans_of
from tests.kernels.tracks import DEPOT_E7, NAN, SECOND_US, Row, Van, fleets, limits_of, rows_of, track_of

MOVE_KMH, IDLE_US = 5.0, 120 * SECOND_US
VAN = Van()
EXACT_TO = 2e-5
HALF_UNIT_M = 2.2e-5  # of a 256th of 1e-7 degrees, to which each hop is rounded


def positions_of(track):
    return Positions(*track[:4], speed_kmh=track.speed_kmh, engine=track.engine)


def added_up(*groups, van=VAN, add_up=state_totals):
    positions = positions_of(track_of(*groups))
    return add_up(positions, limits_of(*[van] * len(groups)), move_kmh=MOVE_KMH, idle_us=IDLE_US)


def stretch(count, speed_kmh, engine=1, *, rows=(), step_s=1, hop_e7=(0, 0)):
    """Some rows more, alike but for time and place."""
    last = rows[-1] if rows else Row(1_790_000_000 * SECOND_US, DEPOT_E7)
    north, east = last.place
    more = [
        Row(last.time_us + i * step_s * SECOND_US, (north + i * hop_e7[0], east + i * hop_e7[1]), speed_kmh, engine)
        for i in range(1, count + 1)
    ]
    return [*rows, *more]


STRETCHES = st.tuples(
    st.sampled_from([1, 1, 2, 7, 15, 16, 17, 31, 48, 113, 130, 260]),
    st.sampled_from([NAN, 0.0, 0.0, 3.0, 3.5, 4.9, 5.0, 40.0, 40.0, 40.0]),
    st.sampled_from([-1, 0, 0, 1, 1, 1, 1]),
    st.sampled_from([0, 1, 1, 1, 1, 3, 60, 301]),
    st.sampled_from([(0, 0), (12, -9), (-900, 1_400), (3_000, 3_000), (-40_000, 0), (0, -40_000), (3_000_000, 5)]),
)


PLACES_E7 = [DEPOT_E7, (-520_000_000, 1_799_999_000), (0, 0), (699_990_000, 5), (880_000_000, 7)]


@st.composite
def long_days(draw):
    """Draw groups of stretches long enough for blocks, at any latitude and next to the 180th meridian as well."""
    dealt = []
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(PLACES_E7))
        rows = [Row(1_790_000_000 * SECOND_US, place, 0.0, draw(st.sampled_from([0, 1])))]
        for count, speed_kmh, engine, step_s, hop_e7 in draw(st.lists(STRETCHES, max_size=8)):
            rows = stretch(count, float(np.float32(speed_kmh)), engine, rows=rows, step_s=step_s, hop_e7=hop_e7)
        dealt.append([row._replace(place=wrapped(row.place)) for row in rows])
    vans = [Van(gap * SECOND_US, stop, draw(st.booleans())) for gap, stop in [(300, 3.0), (60, 1.0)]]
    return track_of(*dealt), limits_of(*vans[: len(dealt)])


def wrapped(place):
    north, east = place
    north = min(max(north, -900_000_000), 900_000_000)
    return north, (east + 1_800_000_000) % 3_600_000_000 - 1_800_000_000


def assert_alike(found, expected, row_count):
    """Hops of one length are all rounded the same way, by half a unit at most."""
    assert found.spent_us.tolist() == expected.spent_us.tolist()
    assert found.idle_event_count.tolist() == expected.idle_event_count.tolist()
    assert found.idle_event_us.tolist() == expected.idle_event_us.tolist()
    np.testing.assert_allclose(found.drive_m, expected.drive_m, rtol=EXACT_TO, atol=HALF_UNIT_M * row_count)


@given(long_days())
@settings(deadline=None, max_examples=examples(50, 150))
def test_blocks_give_what_row_by_row_gives(day):
    track, limits = day
    found, expected = (
        add_up(positions_of(track), limits, move_kmh=MOVE_KMH, idle_us=IDLE_US)
        for add_up in (state_totals, simple_totals)
    )
    assert_alike(found, expected, track.time_us.size)


@given(fleets(), st.sampled_from([state_totals, simple_totals]))
@settings(deadline=None)
def test_agrees_with_the_naive_version(fleet, add_up):
    track, limits = fleet
    track = track_of(*[[row._replace(place=row.place or DEPOT_E7) for row in rows] for rows in rows_of(track)])
    found = add_up(positions_of(track), limits, move_kmh=MOVE_KMH, idle_us=IDLE_US)
    for group, (rows, van) in enumerate(zip(rows_of(track), vans_of(limits), strict=True)):
        spent_us, drive_m, events_us = naive.totals(rows, van, MOVE_KMH, IDLE_US)
        assert found.spent_us[group].tolist() == spent_us
        assert found.drive_m[group] == pytest.approx(drive_m, rel=EXACT_TO, abs=1e-3 + HALF_UNIT_M * len(rows))
        assert (found.idle_event_count[group], found.idle_event_us[group]) == (len(events_us), sum(events_us))


def test_the_answer_does_not_depend_on_the_number_of_threads():
    day = stretch(40, 30.0, hop_e7=(700, 300))
    day = stretch(500, 0.0, rows=day)
    groups = [stretch(90 + i, 33.0, rows=day, hop_e7=(650 + i, -200)) for i in range(20)]
    on_all = added_up(*groups)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        on_one = added_up(*groups)
    finally:
        numba.set_num_threads(before)
    assert [column.tolist() for column in on_one] == [column.tolist() for column in on_all]


def test_a_drive_an_idle_event_and_a_night():
    day = stretch(201, 36.0, hop_e7=(899, 0))
    day = stretch(120, 0.0, rows=day)
    day = stretch(1, 0.0, 0, rows=day)
    day = stretch(1, 0.0, 1, rows=day, step_s=30_000)
    found = added_up(day)
    spent_s = found.spent_us[0] // SECOND_US
    assert (spent_s[DRIVE], spent_s[IDLE], spent_s[OFF], spent_s[UNKNOWN]) == (201, 120, 30_000, 0)
    assert found.drive_m[0] == pytest.approx(200 * 899 * 6_371_008.8 * np.pi / 180 / 1e7, rel=EXACT_TO)
    assert (found.idle_event_count[0], found.idle_event_us[0]) == (1, 120 * SECOND_US)


def test_a_silence_inside_what_would_be_one_block_is_unknown():
    day = stretch(300, 36.0)
    later = [row._replace(time_us=row.time_us + 301 * SECOND_US) for row in day[150:]]
    found = added_up(day[:150] + later)
    assert found.spent_us[0][UNKNOWN] == 302 * SECOND_US
    assert found.spent_us[0][DRIVE] == 298 * SECOND_US


def test_an_electric_van_is_ready_and_never_idle():
    found = added_up(stretch(600, 0.0), van=VAN._replace(electric=True))
    assert found.spent_us[0][READY] == 599 * SECOND_US
    assert found.idle_event_count[0] == 0


def test_a_speed_at_a_threshold_counts_the_same_amid_many_rows():
    day = stretch(50, 36.0)
    day = stretch(40, VAN.stop_kmh, rows=day)
    day = stretch(20, 4.9, rows=day)
    spent_s = added_up(stretch(30, MOVE_KMH, rows=day)).spent_us[0] // SECOND_US
    assert (spent_s[DRIVE], spent_s[IDLE]) == (50 + 29, 40 + 20)


@pytest.mark.parametrize("north", [689_000_000, 850_000_000, -520_000_000])
@pytest.mark.parametrize("hop_e7", [(32_000, 32_000), (20_000, -30_000), (0, 31_000), (-40_000, 9), (-300_000, 0)])
def test_metres_are_exact_for_short_and_long_hops_and_high_latitudes(north, hop_e7):
    east = 250_000_000
    day = [Row(i * 10 * SECOND_US, (north + i * hop_e7[0], east + i * hop_e7[1]), 90.0, 1) for i in range(300)]
    expected = added_up(day, add_up=simple_totals).drive_m[0]
    assert added_up(day).drive_m[0] == pytest.approx(expected, rel=EXACT_TO)


@pytest.mark.parametrize("stood", [0, 1, 20, 31, 32, 100])
def test_a_drive_of_any_length_has_its_own_metres_and_none_of_the_stand_before_it(stood):
    days = []
    for length in range(1, 150):
        day = stretch(stood, 0.0, hop_e7=(25_000, 9_000))
        days.append(stretch(5, 0.0, rows=stretch(length, 36.0, rows=day, hop_e7=(700, 300)), hop_e7=(25_000, 9_000)))
    found, expected = added_up(*days), added_up(*days, add_up=simple_totals)
    assert_alike(found, expected, 160)
    assert len(set(found.drive_m.tolist())) == len(days)


def test_empty_groups_and_a_row_alone_add_up_to_nothing():
    found = added_up([], stretch(1, 30.0), [])
    assert not found.spent_us.any()
    assert not found.drive_m.any()


def test_columns_that_do_not_fit_are_named():
    positions = positions_of(track_of(stretch(3, 0.0)))
    limits = limits_of(VAN)
    with pytest.raises(TypeError, match="speed_kmh: expected float32, got float64"):
        state_totals(positions._replace(speed_kmh=np.zeros(3)), limits, move_kmh=5.0, idle_us=1)
    with pytest.raises(ValueError, match="starts: expected to rise from 0 to the row count, 3"):
        state_totals(positions._replace(starts=np.array([0, 4])), limits, move_kmh=5.0, idle_us=1)
