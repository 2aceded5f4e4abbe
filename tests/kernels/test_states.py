import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.states import DRIVE, OFF, STATE_NAMES, UNKNOWN, classify
from tests.builders import examples
from tests.kernels.naive import states as naive
from tests.kernels.tracks import (
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

VAN = Van()


def vans_of(limits):
    return [Van(int(gap), float(stop), bool(electric)) for gap, stop, electric in zip(*limits, strict=True)]


def names(rows, van=VAN):
    states = classify(track_of(rows), limits_of(van), STATE_RULES)
    return [STATE_NAMES[code] for code in states.state[:-1]]


def moments(*values, step_s=10, engine=1):
    """Rows every `step_s` seconds, one for each speed, and a last one that ends the interval."""
    rows = [Row(i * step_s * SECOND_US, None, speed, engine) for i, speed in enumerate(values)]
    return [*rows, Row(len(values) * step_s * SECOND_US, None, 0.0, engine)]


def spent_us(track, states):
    return [
        [int(states.step_us[a:b][states.state[a:b] == code].sum()) for code in range(len(STATE_NAMES))]
        for a, b in zip(track.starts[:-1], track.starts[1:], strict=True)
    ]


@given(fleets())
@settings(deadline=None, max_examples=examples(60, 300))
def test_agrees_with_the_naive_version(fleet):
    track, limits = fleet
    states = classify(track, limits, STATE_RULES)
    groups = zip(rows_of(track), vans_of(limits), strict=True)
    expected = [naive.classify(rows, van, STATE_RULES) for rows, van in groups]
    assert [("" if code < 0 else STATE_NAMES[code]) for code in states.state] == joined(e[0] for e in expected)
    assert states.wired_wrong.tolist() == [e[1] for e in expected]


@given(fleets())
@settings(deadline=None)
def test_every_microsecond_of_a_group_is_counted_once(fleet):
    track, limits = fleet
    states = classify(track, limits, STATE_RULES)
    spans = [int(np.ptp(group)) if group.size else 0 for group in np.split(track.time_us, track.starts[1:-1])]
    assert [sum(group) for group in spent_us(track, states)] == spans


@given(fleets(), st.data())
@settings(deadline=None, max_examples=examples(50, 200))
def test_a_sample_that_repeats_the_values_of_the_one_before_changes_nothing(fleet, data):
    track, limits = fleet
    before = classify(track, limits, STATE_RULES)
    gap_max_us = np.repeat(limits.gap_max_us, np.diff(track.starts))
    # Where the van was not heard for too long, or turned up elsewhere with its engine off, one more
    # sample is news; so is one that proves fast driving with the engine off.
    told = (before.step_us <= gap_max_us) & ~((track.engine == 0) & (before.state == UNKNOWN))
    told &= (before.step_us >= 2) & ~((track.engine == 0) & (track.speed_kmh > STATE_RULES.wiring_kmh))
    if not told.any():
        return
    row = data.draw(st.sampled_from(np.flatnonzero(told).tolist()))
    at_us = track.time_us[row] + data.draw(st.integers(1, int(before.step_us[row]) - 1))
    columns = [np.insert(values, row + 1, values[row]) for values in track[1:]]
    columns[0][row + 1] = at_us
    longer = track._replace(
        starts=track.starts + (track.starts > row), **dict(zip(track._fields[1:], columns, strict=True))
    )
    after = classify(longer, limits, STATE_RULES)
    assert spent_us(longer, after) == spent_us(track, before)
    assert after.wired_wrong.tolist() == before.wired_wrong.tolist()


def test_speed_between_stop_and_move_keeps_the_motion():
    assert names(moments(0, 4, 5, 4, 3, 4.9)) == ["idle", "idle", "drive", "drive", "idle", "idle"]


def test_the_first_sample_after_a_break_moves_above_the_stop_speed():
    assert names(moments(4, 4)) == ["drive", "drive"]
    assert names(moments(0, NAN, 4)) == ["idle", "unknown", "drive"]
    assert names([Row(-1, None, 0.0, 0), *moments(4)]) == ["off", "drive"]


def test_standing_is_named_after_the_engine():
    assert names(moments(0)) == ["idle"]
    assert names(moments(0), Van(electric=True)) == ["ready"]
    assert names(moments(0, engine=-1)) == ["parked"]
    assert names(moments(0, engine=0), Van(electric=True)) == ["off"]


@pytest.mark.parametrize("engine", [1, -1])
def test_a_silence_is_unknown_unless_the_engine_was_off(engine):
    assert names(moments(0, step_s=300, engine=engine))[0] != "unknown"
    assert names(moments(0, step_s=301, engine=engine)) == ["unknown"]
    assert names(moments(0, step_s=40_000, engine=0)) == ["off"]


def test_no_speed_is_unknown_with_the_engine_on_and_off_with_the_engine_off():
    assert names(moments(NAN)) == ["unknown"]
    assert names(moments(NAN, engine=-1)) == ["unknown"]
    assert names(moments(NAN, engine=0)) == ["off"]


def test_a_van_that_turns_up_elsewhere_with_its_engine_off_was_moved_unseen():
    def parked_then_at(north_m):
        return [Row(0, metres_off(0), 0.0, 0), Row(9 * 3_600 * SECOND_US, metres_off(north_m), 0.0, 1)]

    assert names(parked_then_at(199)) == ["off"]
    assert names(parked_then_at(201)) == ["unknown"]


def test_rows_without_a_fix_wait_for_the_next_one_to_tell_whether_the_van_was_moved():
    rows = [
        Row(0, metres_off(0), 0.0, 0),
        Row(SECOND_US, None, 0.0, 0),
        Row(2 * SECOND_US, metres_off(999), 0.0, 0),
    ]
    assert names([*rows, Row(3 * SECOND_US, metres_off(999))]) == ["unknown", "unknown", "off"]


def test_a_fix_from_before_the_engine_went_off_does_not_make_a_parked_van_moved():
    rows = [
        Row(0, metres_off(0), 30.0, 1),
        Row(SECOND_US, None, 0.0, 0),
        Row(2 * SECOND_US, metres_off(999), 0.0, 0),
    ]
    assert names(rows) == ["drive", "off"]


def test_an_ignition_wire_that_lies_is_driving_and_flagged():
    van = limits_of(Van())
    seventy = classify(track_of(moments(*[30] * 8, 0, engine=0)), van, STATE_RULES)
    assert seventy.state.tolist() == [*[DRIVE] * 8, OFF, -1]
    assert seventy.wired_wrong.tolist() == [True]
    sixty = classify(track_of(moments(*[30] * 7, 0, engine=0)), van, STATE_RULES)
    assert sixty.state.tolist() == [*[OFF] * 8, -1]
    assert sixty.wired_wrong.tolist() == [False]


def test_a_last_speed_repeated_by_a_sleeping_tracker_is_not_driving():
    rows = [Row(0, None, 30.0, 0), Row(9 * 3_600 * SECOND_US, None, 30.0, 0), Row(10 * 3_600 * SECOND_US)]
    assert names(rows) == ["off", "off"]


def test_the_last_of_the_rows_of_one_instant_speaks():
    rows = [Row(0, None, 50.0, 1), Row(0, None, 0.0, 1), Row(10 * SECOND_US, None, 0.0, 1)]
    assert names(rows) == ["idle", "idle"]


def test_rows_of_the_last_instant_join_the_interval_before():
    rows = [*moments(0), Row(10 * SECOND_US, None, 50.0, 1)]
    assert names(rows) == ["idle", "idle"]


def test_a_group_of_one_row_has_no_interval():
    states = classify(track_of([Row(5)]), limits_of(Van()), STATE_RULES)
    assert (states.state.tolist(), states.step_us.tolist()) == ([-1], [0])
