import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.runs import idle_events, idle_runs, runs
from kernels.states import STATE_NAMES, classify
from tests.kernels.naive import ledger as naive
from tests.kernels.tracks import SECOND_US, STATE_RULES, Row, Van, fleets, limits_of, track_of

GROUPS = st.lists(st.lists(st.integers(0, 2), max_size=9), max_size=5)


def golden():
    """The golden trace of the domain reference, its states and idle runs."""
    time_s = [0, 60, 90, 120, 180, 210, 240, 270, 360, 420, 480, 540, 1000, 1060, 1180, 1300]
    ignition = [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]
    speed_kmh = [0, 0, 0, 0, 25, 32, 0, 0, 0.8, 0, 18, 0, 0, 0, 0, 0]
    columns = zip(time_s, speed_kmh, ignition, strict=True)
    track = track_of(Row(second * SECOND_US, None, speed, engine) for second, speed, engine in columns)
    states = classify(track, limits_of(Van(stop_kmh=1.0)), STATE_RULES)
    return track, states, idle_runs(track, states)


@given(GROUPS)
@settings(deadline=None)
def test_agrees_with_the_naive_version(groups):
    starts = np.cumsum([0, *map(len, groups)])
    found = runs(starts, np.array([label for group in groups for label in group], dtype=np.int32))
    expected = [
        (number, starts[number] + first, starts[number] + end)
        for number, group in enumerate(groups)
        for first, end in naive.runs(group)
    ]
    assert list(zip(*(field.tolist() for field in found), strict=True)) == expected


@given(fleets(), st.integers(0, 400), st.integers(0, 400))
@settings(deadline=None)
def test_a_higher_threshold_never_finds_more_events(fleet, low_s, more_s):
    track, limits = fleet
    idle = idle_runs(track, classify(track, limits, STATE_RULES))
    low, high = (idle_events(idle, s * SECOND_US) for s in (low_s, low_s + more_s))
    assert not (high & ~low).any()


def test_the_golden_trace_spends_its_time_as_worked_out_by_hand():
    _, states, _ = golden()
    spent_s = {
        name: int(states.step_us[states.state == code].sum()) // SECOND_US for code, name in enumerate(STATE_NAMES)
    }
    assert spent_s == {"off": 180, "idle": 540, "drive": 120, "unknown": 460, "ready": 0, "parked": 0}
    engine_on_s = spent_s["idle"] + spent_s["drive"]
    assert engine_on_s == 660
    assert spent_s["idle"] / engine_on_s == pytest.approx(0.8182, abs=5e-5)


def test_the_golden_trace_idles_three_times():
    _, _, idle = golden()
    assert (idle.started_us // SECOND_US).tolist() == [60, 240, 1000]
    assert (idle.duration_us // SECOND_US).tolist() == [120, 240, 180]
    assert (idle.group.tolist(), idle.first_row.tolist(), idle.end_row.tolist()) == (
        [0] * 3,
        [1, 6, 12],
        [4, 10, 14],
    )


@pytest.mark.parametrize(
    ("threshold_s", "count", "full_s", "beyond_s"),
    [(120, 3, 540, 180), (121, 2, 420, 178), (180, 2, 420, 60), (300, 0, 0, 0)],
)
def test_the_golden_trace_has_events_at_every_threshold(threshold_s, count, full_s, beyond_s):
    _, _, idle = golden()
    events = idle_events(idle, threshold_s * SECOND_US)
    full_us = int(idle.duration_us[events].sum())
    assert (int(events.sum()), full_us // SECOND_US) == (count, full_s)
    assert full_us // SECOND_US - count * threshold_s == beyond_s


def test_labels_that_are_not_whole_numbers_are_refused():
    with pytest.raises(TypeError, match="labels: expected an integer array"):
        runs(np.array([0, 1]), np.array([0.5]))


def test_starts_that_do_not_fit_the_labels_are_refused():
    with pytest.raises(ValueError, match="starts: expected to rise from 0 to the row count, 1"):
        runs(np.array([0, 2]), np.array([1]))
