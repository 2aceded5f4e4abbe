import numpy as np
import pytest
from hypothesis import given, settings

from kernels.kinds import CONTEXT_NAMES, KIND_NAMES, KindRules, contexts, stop_kinds
from kernels.states import STATE_NAMES, classify
from kernels.stops import Stops, park_episodes
from tests.kernels.naive import routes as naive
from tests.kernels.tracks import SECOND_US, STATE_RULES, STOP_RULES, Row, Van, fleets, limits_of, track_of

RULES = KindRules(traffic_us=120 * SECOND_US, break_us=600 * SECOND_US)


def kind(duration_s, *, on_s=0, off_s=0, planned=False, depot=False, site=False, has_plan=True):
    def column(value, dtype=np.int64):
        return np.array([value], dtype=dtype)

    place = column(0, np.int32)
    durations = [column(second * SECOND_US) for second in (9_000, 9_000 + duration_s)]
    engine = [column(second * SECOND_US) for second in (on_s, off_s)]
    stops = Stops(column(0), column(0), column(1), *durations, place, place, column(True, np.bool_), *engine)
    flags = (column(flag, np.bool_) for flag in (depot, site, has_plan))
    return KIND_NAMES[stop_kinds(stops, column(0 if planned else -1), *flags, RULES)[0]]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({"depot": True, "site": True, "planned": True}, "depot"),
        ({"site": True, "planned": True}, "fuel_site"),
        ({"planned": True, "on_s": 30}, "planned"),
        ({"on_s": 30}, "traffic"),
        ({"on_s": 20, "off_s": 10}, "unplanned"),
        ({"off_s": 30}, "unplanned"),
        ({"on_s": 30, "has_plan": False}, "unplanned"),
        ({}, "unplanned"),
    ],
)
def test_the_first_kind_that_fits_decides(what, expected):
    assert kind(30, **what) == expected


def test_traffic_and_breaks_have_bounds():
    assert kind(119, on_s=119) == "traffic"
    assert kind(120, on_s=120) == "unplanned"
    assert kind(599, off_s=599) == "unplanned"
    assert kind(600, off_s=600) == "break"
    assert kind(600, off_s=600, planned=True) == "planned"


@given(fleets())
@settings(deadline=None)
def test_contexts_agree_with_the_naive_version(fleet):
    track, limits = fleet
    states = classify(track, limits, STATE_RULES)
    stops = park_episodes(track, states, STOP_RULES)
    kinds = (np.arange(stops.group.size) % len(KIND_NAMES)).astype(np.int8)
    kind_of_row = {
        row: KIND_NAMES[code]
        for first, end, code in zip(stops.first_row, stops.end_row, kinds, strict=True)
        for row in range(first, end)
    }
    found = contexts(track, states, stops, kinds)
    expected = [
        naive.context("" if code < 0 else STATE_NAMES[code], kind_of_row.get(row))
        for row, code in enumerate(states.state)
    ]
    assert [CONTEXT_NAMES[code] for code in found] == expected


def test_a_kind_that_does_not_exist_is_refused():
    track = track_of([Row(0, None, 0.0, 1), Row(60 * SECOND_US)])
    states = classify(track, limits_of(Van()), STATE_RULES)
    stops = park_episodes(track, states, STOP_RULES)
    for code in (-1, len(KIND_NAMES)):
        with pytest.raises(ValueError, match="kinds: expected 0 to 5"):
            contexts(track, states, stops, np.array([code], dtype=np.int8))


def test_a_column_of_another_type_is_refused():
    track = track_of([])
    stops = park_episodes(track, classify(track, limits_of(Van()), STATE_RULES), STOP_RULES)
    with pytest.raises(TypeError, match="planned_of_stop: expected int64, got float64"):
        stop_kinds(stops, np.zeros(0), *3 * [np.zeros(0, dtype=np.bool_)], RULES)
