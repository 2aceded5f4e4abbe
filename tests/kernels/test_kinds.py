import numpy as np
import pytest
from hypothesis import given, settings

from kernels.kinds import CONTEXT_NAMES, KIND_NAMES, KindRules, contexts, stop_kinds
from kernels.matching import Matches
from kernels.states import STATE_NAMES, classify
from kernels.stops import Stops, park_episodes
from tests.kernels.naive import routes as naive
from tests.kernels.tracks import SECOND_US, STATE_RULES, STOP_RULES, Row, Van, fleets, limits_of, track_of

RULES = KindRules(break_us=600 * SECOND_US)


def kind(duration_s, *, near=False, partner=False, depot=False, site=False, odds=-1.0):
    def column(value, dtype=np.int64):
        return np.array([value], dtype=dtype)

    nothing, place, metres = column(0), column(0, np.int32), column(1.0, np.float64)
    durations = [column(second * SECOND_US) for second in (9_000, 9_000 + duration_s)]
    placed = column(True, np.bool_)
    stops = Stops(nothing, nothing, column(1), *durations, place, place, placed, nothing, nothing)
    matches = Matches(nothing, metres, column(0 if near or partner else -1), metres, column(partner, np.bool_))
    flags = (column(flag, np.bool_) for flag in (depot, site))
    return KIND_NAMES[stop_kinds(stops, matches, *flags, column(odds, np.float64), RULES)[0]]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({"depot": True, "site": True, "partner": True, "odds": 1.0}, "depot"),
        ({"site": True, "partner": True, "odds": 1.0}, "fuel_site"),
        ({"partner": True, "odds": 1.0}, "planned"),
        ({"near": True, "odds": 1.0}, "traffic"),
        ({"near": True}, "planned"),
        ({"odds": 0.0}, "unplanned"),
        ({"odds": -np.inf}, "unplanned"),
    ],
)
def test_the_first_kind_that_fits_decides(what, expected):
    assert kind(30, **what) == expected


def test_breaks_have_a_bound_and_traffic_has_none():
    assert kind(599) == "unplanned"
    assert kind(600) == "break"
    assert kind(600, near=True) == "planned"
    assert kind(6_000, odds=0.1) == "traffic"


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
    ints, metres, flags = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.bool_)
    with pytest.raises(TypeError, match="odds: expected float64, got int64"):
        stop_kinds(stops, Matches(ints, metres, ints, metres, flags), flags, flags, ints, RULES)
