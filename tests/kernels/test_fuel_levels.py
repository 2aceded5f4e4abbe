import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernels.fuel_levels import LevelRules, fuel_levels
from kernels.states import DRIVE, IDLE, NO_STATE, OFF, UNKNOWN, States
from tests.builders import examples
from tests.kernels.naive import fuel_levels as naive
from tests.kernels.tracks import NAN, SECOND_US, Row, rows_of, track_of

RULES = LevelRules(30 * SECOND_US, 10, 5, 60 * SECOND_US, 7200 * SECOND_US, 8.0)
SMALL = LevelRules(30 * SECOND_US, 4, 2, 60 * SECOND_US, 200 * SECOND_US, 8.0)
START_US = 1_790_000_010 * SECOND_US


def day(*parts, every_s=10):
    """Seconds since the start, state and level of one group, part after part: (state, count, level or levels)."""
    rows = []
    for state, count, level in parts:
        levels = level if isinstance(level, (list, tuple)) else [level] * count
        rows += [(state, value) for value in levels]
    return [(number * every_s, state, value) for number, (state, value) in enumerate(rows)]


def follow(*groups, rules=RULES):
    track = track_of(*([Row(START_US + round(at * SECOND_US)) for at, _, _ in group] for group in groups))
    step_us = np.append(np.diff(track.time_us), 0)
    step_us[track.starts[1:] - 1] = 0
    state = np.array([state for group in groups for _, state, _ in group], dtype=np.int8)
    state[track.starts[1:] - 1] = NO_STATE
    states = States(state, step_us.astype(np.int64), np.zeros(len(groups), dtype=np.bool_))
    level = np.array([value for group in groups for _, _, value in group], dtype=np.float32)
    return fuel_levels(track, states, level, rules), track, states, level


def levels_of(*parts, **more):
    (levels, refuels), *_ = follow(day(*parts, **more))
    return levels, refuels


STATES = st.sampled_from([DRIVE, DRIVE, IDLE, OFF, UNKNOWN])
NOISES = st.sampled_from([0.0, 0.0, 0.4, -0.4, 1.2, -3.0, 4.0, -4.0])
OUTLIERS = st.sampled_from([NAN, NAN, 0.0, 1.2, 100.0])
STEPS_S = st.sampled_from([0, 1, 10, 10, 10, 30, 31, 60, 200, 900])


@st.composite
def series(draw):
    """One group: stretches of one level, with jumps of it, noise, outliers, ties and gaps."""
    rows, at_s, level, state = [], 0, 40.0, IDLE
    for step_s in draw(st.lists(STEPS_S, min_size=1, max_size=45)):
        at_s += step_s
        what = draw(st.integers(0, 9))
        if what == 0:
            level = draw(st.sampled_from([30.0, 37.5, 50.0, 58.5, 90.0]))
        if what in (0, 1, 2):
            state = draw(STATES)
        sent = draw(OUTLIERS) if what == 3 else level + draw(NOISES)
        rows.append((at_s, state, sent))
    return rows


@given(st.lists(series(), min_size=1, max_size=3), st.sampled_from([SMALL, RULES]))
@example([[(0, DRIVE, 30.0), (30, DRIVE, 30.0), (60, IDLE, 50.0), (60, IDLE, 50.0), (120, IDLE, 50.0)]], SMALL)
@settings(deadline=None, max_examples=examples(60, 300))
def test_agrees_with_the_naive_version(groups, rules):
    (levels, refuels), track, states, level = follow(*groups, rules=rules)
    found = {group: [] for group in range(len(groups))}
    for group, *refuel in zip(*refuels, strict=True):
        first = track.starts[group]
        found[group].append((*(int(row - first) for row in refuel[:3]), *refuel[3:]))
    for group, rows in enumerate(rows_of(track)):
        first, end = track.starts[group], track.starts[group + 1]
        expected = naive.fuel_levels(
            rows, (states.state[first:end] == DRIVE).tolist(), level[first:end].astype(float).tolist(), rules
        )
        got = [field[group] for field in levels[:4]]
        np.testing.assert_allclose(got, expected[:4], rtol=1e-9, atol=1e-9)
        rows_found = [levels.first_row[group], levels.last_row[group]]
        assert [row - first if row >= 0 else -1 for row in rows_found] == list(expected[4:6])
        np.testing.assert_allclose(levels.smooth_pct[first:end], np.float32(expected.smooth_pct), rtol=1e-6)
        assert [refuel[:3] for refuel in found[group]] == [refuel[:3] for refuel in expected.refuels]
        np.testing.assert_allclose(
            [refuel[3:] for refuel in found[group]], [refuel[3:] for refuel in expected.refuels], rtol=1e-9
        )


@given(
    st.lists(st.floats(-3.9, 3.9), min_size=20, max_size=200),
    st.lists(STATES, min_size=200, max_size=200),
    st.sampled_from([1, 10, 60, 600]),
    st.floats(0, 0.2),
)
@settings(deadline=None, max_examples=examples(40, 100))
def test_noise_below_the_bound_makes_no_refuel(noise, states, every_s, burnt):
    rows = [(number * every_s, states[number], 60 - burnt * number + value) for number, value in enumerate(noise)]
    assert follow(rows)[0][1].group.size == 0


@given(
    rise=st.floats(20, 60),
    burnt=st.floats(0.05, 0.3),
    noise=st.floats(0, 1.0),
    before=st.integers(40, 90),
    after=st.integers(40, 90),
    stand_s=st.integers(120, 4000),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=examples(40, 100))
def test_a_rise_above_the_bound_while_standing_is_found_and_fuel_used_adds_up(
    rise, burnt, noise, before, after, stand_s, seed
):
    chance = random.Random(seed)
    true = [35 - burnt * n / 10 for n in range(before)]
    true += [true[-1] + rise - burnt * n / 10 for n in range(after)]
    rows = [
        (
            10 * n + (stand_s if n >= before else 0),
            OFF if n == before - 1 else DRIVE,
            pct + chance.uniform(-noise, noise),
        )
        for n, pct in enumerate(true)
    ]
    (levels, refuels), *_ = follow(rows)
    assert (refuels.group.tolist(), refuels.stand_row.tolist()) == ([0], [before - 1])
    assert before - 15 <= refuels.first_row[0] < before <= refuels.end_row[0] < before + 15
    assert refuels.to_pct[0] - refuels.from_pct[0] == pytest.approx(rise, abs=2 * noise + 1)
    risen = (refuels.to_pct - refuels.from_pct).sum()
    assert levels.used_pct[0] == pytest.approx(levels.first_pct[0] - levels.last_pct[0] + risen)
    spent = burnt * (before + after) / 10
    assert levels.used_pct[0] == pytest.approx(spent, abs=4 * noise + 4 * 15 * burnt / 10 + 0.1)


def test_a_refuel_at_a_pump_has_its_times_its_levels_and_its_place():
    (levels, refuels), *_ = follow(day((DRIVE, 60, 31.0), (OFF, 30, NAN), (DRIVE, 60, 92.0)))
    assert [field.tolist() for field in refuels] == [[0], [59], [90], [60], [31.0], [92.0]]
    assert (levels.first_pct[0], levels.last_pct[0], levels.used_pct[0]) == (31, 92, 0)


def test_a_rise_while_driving_is_no_refuel():
    _, refuels = levels_of((DRIVE, 60, 31.0), (DRIVE, 60, 92.0))
    assert refuels.group.size == 0


def test_nor_is_one_in_a_stand_too_short_to_fill_up():
    short = [(DRIVE, 60, 31.0), (IDLE, 5, 31.0), (DRIVE, 60, 92.0)]
    assert levels_of(*short)[1].group.size == 0
    assert levels_of(short[0], (IDLE, 6, 31.0), short[2])[1].group.size == 1


def test_filling_up_with_the_engine_running_is_one_refuel_from_its_foot_to_its_top():
    ramp = [31.0 + 61 * n / 18 for n in range(18)]
    _, refuels = levels_of((DRIVE, 60, 31.0), (IDLE, 18, ramp), (DRIVE, 60, 92.0))
    assert (refuels.from_pct.tolist(), refuels.to_pct.tolist()) == ([31.0], [92.0])
    assert 55 <= refuels.first_row[0] <= 66
    assert 70 <= refuels.end_row[0] <= 80


@pytest.mark.parametrize("minutes", [4, 9, 14])
def test_a_slow_pump_is_one_refuel_too(minutes):
    count = minutes * 6
    ramp = [25.0 + 70 * n / count for n in range(count)]
    falls = [(95 - n / 60, 25 + (90 - n) / 60) for n in range(90)]
    levels, refuels = levels_of(
        (DRIVE, 90, [before for _, before in falls]), (IDLE, count, ramp), (DRIVE, 90, [after for after, _ in falls])
    )
    assert refuels.group.size == 1
    assert (refuels.to_pct - refuels.from_pct).tolist() == [pytest.approx(70, abs=1.5)]
    assert levels.used_pct[0] == pytest.approx(3, abs=2)


def test_a_sensor_that_climbs_when_it_is_switched_on_is_not_filled_up():
    climb = [1.2, 53.2, 67.2, 83.2, 87.6, 92.4, 94.0, 94.8, 95.2, 96.0]
    levels, refuels = levels_of((IDLE, 10, climb), (IDLE, 400, 94.8), (DRIVE, 400, 94.0), every_s=1)
    assert (refuels.group.size, levels.first_pct[0]) == (0, pytest.approx(94.8))
    off = [(IDLE, 300, 94.0), (OFF, 1, NAN), (IDLE, 10, climb), (IDLE, 300, 94.0)]
    assert levels_of(*off, every_s=1)[1].group.size == 0


def test_zeros_are_no_readings():
    levels, refuels = levels_of((DRIVE, 90, 62.0), (OFF, 90, 0.0), (DRIVE, 90, [61.0] * 60 + [60.0] * 30))
    assert (refuels.group.size, levels.first_pct[0], levels.last_pct[0], levels.used_pct[0]) == (0, 62, 60, 2)


def test_a_sensor_that_sticks_through_a_long_drive_is_not_believed():
    stuck = [(DRIVE, 721, 50.0)]
    levels, _ = levels_of(*stuck)
    assert np.isnan([levels.first_pct[0], levels.used_pct[0]]).all()
    levels, _ = levels_of((DRIVE, 60, [60 - n / 10 for n in range(60)]), *stuck)
    assert (levels.last_pct[0], np.isfinite(levels.used_pct[0])) == (pytest.approx(54.75, abs=1), True)
    parked, _ = levels_of((OFF, 721, 50.0))
    assert (parked.first_pct[0], parked.used_pct[0]) == (50, 0)
    short, _ = levels_of((DRIVE, 300, 50.0))
    assert (short.first_pct[0], np.isnan(short.used_pct[0])) == (50, True)


def test_a_gauge_in_eighths_that_flutters_is_not_filled_up():
    chance = random.Random(4)
    flutter = [62.5 if chance.random() < n / 400 else 50.0 for n in range(400)]
    levels, refuels = levels_of((IDLE, 400, flutter))
    assert refuels.group.size == 0
    assert levels.sigma_pct[0] > 3


def test_two_fills_on_one_day_count_both_and_nothing_twice():
    falls = [[top - 0.5 * (n // 10) for n in range(60)] for top in (40, 60, 95)]
    levels, refuels = levels_of(
        (DRIVE, 60, falls[0]), (OFF, 30, NAN), (DRIVE, 60, falls[1]), (OFF, 30, NAN), (DRIVE, 60, falls[2])
    )
    assert refuels.group.size == 2
    assert (refuels.to_pct - refuels.from_pct).sum() == pytest.approx(60, abs=4)
    assert levels.used_pct[0] == pytest.approx(7.5, abs=4)


def test_too_few_readings_after_a_fill_leave_it_to_the_next_day():
    levels, refuels = levels_of((DRIVE, 60, 31.0), (OFF, 30, NAN), (IDLE, 10, 92.0))
    assert (refuels.group.size, levels.last_pct[0]) == (0, 31)


def test_the_error_of_a_level_is_about_its_noise():
    chance = np.random.default_rng(7)
    errors, sigmas = [], []
    for _ in range(60):
        pct = 60 + chance.normal(0, 1.5, 360)
        levels, _ = levels_of((IDLE, 360, pct.tolist()))
        errors.append(levels.used_pct[0])
        sigmas.append(levels.sigma_pct[0] * np.sqrt(2))
    assert np.std(errors) == pytest.approx(np.mean(sigmas), rel=0.35)


def test_what_stands_in_the_call_is_checked():
    rows = day((IDLE, 10, 50.0))
    (_, track, states, level) = follow(rows)
    with pytest.raises(TypeError, match="level_pct"):
        fuel_levels(track, states, level.astype(np.float64), RULES)
    with pytest.raises(ValueError, match="rules"):
        fuel_levels(track, states, level, RULES._replace(window=3))


def test_a_group_is_the_same_alone_and_among_others():
    dealt = [day((DRIVE, 60, 31.0), (OFF, 30, NAN), (DRIVE, 60, 92.0)), day((IDLE, 5, NAN)), day((IDLE, 40, 50.0))]
    (levels, refuels), *_ = follow(*dealt)
    for number, rows in enumerate(dealt):
        (alone, _), *_ = follow(rows)
        np.testing.assert_array_equal([field[number] for field in levels[:4]], [field[0] for field in alone[:4]])
    assert refuels.group.tolist() == [0]
