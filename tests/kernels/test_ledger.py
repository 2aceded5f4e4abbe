import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.ledger import ledger
from kernels.states import States, classify
from tests.builders import examples
from tests.kernels.naive import ledger as naive
from tests.kernels.test_runs import golden
from tests.kernels.tracks import SECOND_US, STATE_RULES, fleets, rows_of


@given(fleets(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=examples(50, 200))
def test_agrees_with_the_naive_version(fleet, chance):
    track, limits = fleet
    size = track.time_us.size
    states = classify(track, limits, STATE_RULES)
    step_m = np.array([chance.randint(0, 9) * 0.5 for _ in range(size)])
    context, phase = (np.array([chance.randint(0, 1) for _ in range(size)], dtype=np.int8) for _ in range(2))
    route = np.array([chance.choice([7, 7, 7, -1]) for _ in range(size)], dtype=np.int64)
    pto = np.array([chance.random() < 0.3 for _ in range(size)], dtype=np.bool_)
    found = ledger(track, states, step_m, context, phase, route, pto)
    labels = list(zip(*(column.tolist() for column in (states.state, context, phase, route, pto)), strict=True))
    expected = [
        (group, *run)
        for group, (rows, a, b) in enumerate(zip(rows_of(track), track.starts[:-1], track.starts[1:], strict=True))
        for run in naive.ledger(rows, labels[a:b], step_m[a:b].tolist())
    ]
    columns = (found.state, found.context, found.phase, found.route, found.pto)
    found_labels = zip(*(column.tolist() for column in columns), strict=True)
    times = found.started_us.tolist(), found.ended_us.tolist()
    rest = found.continues.tolist(), found.distance_m.tolist()
    assert list(zip(found.group.tolist(), *times, found_labels, *rest, strict=True)) == expected


def golden_ledger(**labels):
    track, states, _ = golden()
    size = track.time_us.size
    columns = {
        "context": np.zeros(size, np.int8),
        "phase": np.zeros(size, np.int8),
        "route": np.zeros(size, np.int64),
        "pto": np.zeros(size, np.bool_),
    }
    return ledger(track, states, np.ones(size), **{**columns, **labels})


def test_the_golden_trace_is_eight_runs_that_follow_each_other():
    runs = golden_ledger()
    assert (runs.started_us // SECOND_US).tolist() == [0, 60, 180, 240, 480, 540, 1000, 1180]
    assert runs.ended_us[:-1].tolist() == runs.started_us[1:].tolist()
    assert (runs.duration_us // SECOND_US).tolist() == [60, 120, 60, 240, 60, 460, 180, 120]
    assert runs.state.tolist() == [0, 2, 3, 2, 3, 1, 2, 0]
    assert runs.distance_m.tolist() == [1, 3, 2, 4, 1, 1, 2, 1]
    assert not runs.continues.any()


def test_a_change_of_phase_splits_a_run_and_the_second_part_continues_it():
    phase = np.zeros(16, dtype=np.int8)
    phase[8:] = 1
    runs = golden_ledger(phase=phase)
    assert (runs.started_us // SECOND_US).tolist() == [0, 60, 180, 240, 360, 480, 540, 1000, 1180]
    assert runs.continues.tolist() == [False] * 4 + [True] + [False] * 4


def test_a_change_of_the_power_take_off_splits_a_run():
    pto = np.zeros(16, dtype=np.bool_)
    pto[7:9] = True
    runs = golden_ledger(pto=pto)
    assert (runs.started_us // SECOND_US).tolist() == [0, 60, 180, 240, 270, 420, 480, 540, 1000, 1180]
    assert runs.pto.tolist() == [False] * 4 + [True] + [False] * 5
    assert runs.continues.tolist() == [False] * 4 + [True, True] + [False] * 4


def test_states_of_another_track_are_refused():
    track, states, _ = golden()
    short = States(states.state[:-1], states.step_us[:-1], states.wired_wrong)
    codes = np.zeros(16, np.int8)
    with pytest.raises(ValueError, match=r"state: expected shape \(16,\)"):
        ledger(track, short, np.zeros(16), codes, codes, np.zeros(16, np.int64), np.zeros(16, np.bool_))
