import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.places import good_places
from kernels.speeds import known_speeds
from kernels.states import STATE_NAMES, classify
from kernels.stops import park_episodes
from tests.builders import examples
from tests.kernels.naive import stops as naive
from tests.kernels.tracks import (
    NAN,
    SECOND_US,
    STATE_RULES,
    STOP_RULES,
    Row,
    Van,
    fleets,
    limits_of,
    metres_off,
    rows_of,
    track_of,
)


def stops_of(rows):
    track = track_of(rows)
    return park_episodes(track, classify(track, limits_of(Van()), STATE_RULES), STOP_RULES)


def rows_every_10_s(*moments):
    """A row for each (metres north, speed, engine), `None` metres for no fix; the last one ends the day."""
    return [
        Row(i * 10 * SECOND_US, None if north is None else metres_off(north), speed_kmh, engine)
        for i, (north, speed_kmh, engine) in enumerate(moments)
    ]


def spans_s(stops):
    return list(zip((stops.arrived_us // SECOND_US).tolist(), (stops.departed_us // SECOND_US).tolist(), strict=True))


@given(fleets())
@settings(deadline=None, max_examples=examples(80, 400))
def test_agrees_with_the_naive_version(fleet):
    track, limits = fleet
    states = classify(track, limits, STATE_RULES)
    stops = park_episodes(track, states, STOP_RULES)
    names = ["" if code < 0 else STATE_NAMES[code] for code in states.state]
    expected = [
        (group, stand._replace(first_row=stand.first_row + a, end_row=stand.end_row + a))
        for group, (rows, a, b) in enumerate(
            zip(rows_of(track), track.starts[:-1].tolist(), track.starts[1:].tolist(), strict=True)
        )
        for stand in naive.park_episodes(rows, names[a:b], STOP_RULES)
    ]
    places = [
        (int(north), int(east)) if placed else None
        for north, east, placed in zip(stops.latitude_e7, stops.longitude_e7, stops.placed, strict=True)
    ]
    columns = [stops.first_row.tolist(), stops.end_row.tolist(), places]
    columns += [stops.engine_on_us.tolist(), stops.off_us.tolist()]
    found = zip(stops.group.tolist(), map(naive.Stand, *columns), strict=True)
    assert list(found) == expected


def test_the_engine_does_not_matter_and_its_time_is_counted():
    stops = stops_of(rows_every_10_s((0, 30, 1), (90, 0, 1), (90, 0, 0), (90, 0, 0), (90, 0, 1), (90, 30, 1)))
    assert spans_s(stops) == [(10, 50)]
    assert (stops.engine_on_us.tolist(), stops.off_us.tolist()) == ([20 * SECOND_US], [20 * SECOND_US])
    assert (stops.latitude_e7.tolist(), stops.longitude_e7.tolist()) == (
        [metres_off(90)[0]],
        [metres_off(90)[1]],
    )


def test_two_samples_are_a_stand_and_one_is_not():
    two = rows_every_10_s((0, 30, 1), (90, 0, 1), (90, 0, 1), (120, 30, 1))
    assert spans_s(stops_of(two)) == [(10, 30)]
    one = rows_every_10_s((0, 30, 1), (90, 0, 1), (120, 30, 1))
    assert spans_s(stops_of(one)) == []


@pytest.mark.parametrize(
    "blip",
    [(8, 6.0, 1), (0, NAN, 1), (None, NAN, 1), (20, 0.0, 1), (70, 0.0, 1)],
    ids=["creep", "no speed", "nothing", "jitter", "one wild fix"],
)
def test_a_short_blip_at_the_same_place_does_not_break_a_stand(blip):
    stops = stops_of(rows_every_10_s((0, 0, 1), (0, 0, 1), blip, (5, 0, 1), (0, 0, 1), (0, 0, 1)))
    assert spans_s(stops) == [(0, 50)]


def test_two_hand_offs_at_two_places_are_two_stands_even_with_a_short_drive():
    stops = stops_of(rows_every_10_s((0, 0, 1), (0, 0, 1), (2, 20, 1), (60, 0, 1), (60, 0, 1), (60, 0, 1)))
    assert spans_s(stops) == [(0, 20), (30, 50)]


def test_two_hand_offs_without_a_sample_of_the_drive_between_them_are_two_stands():
    stops = stops_of(rows_every_10_s((0, 0, 1), (0, 0, 1), (60, 0, 1), (60, 0, 1), (60, 0, 1)))
    assert spans_s(stops) == [(0, 20), (20, 40)]


def test_a_drive_that_no_fix_follows_ends_a_stand():
    stops = stops_of(rows_every_10_s((0, 0, 1), (0, 0, 1), (None, 20, 1), (None, 0, 1), (None, 0, 1), (None, 0, 1)))
    assert spans_s(stops) == [(0, 20), (30, 50)]
    assert stops.placed.tolist() == [True, False]


def test_a_longer_blip_ends_a_stand_even_at_the_same_place():
    moments = [(0, 0, 1), (0, 0, 1), (5, 6, 1), (5, 6, 1), (5, 6, 1), (0, 0, 1), (0, 0, 1), (0, 0, 1)]
    assert spans_s(stops_of(rows_every_10_s(*moments))) == [(0, 20), (50, 70)]


def test_a_silence_ends_a_stand():
    rows = [*rows_every_10_s((0, 0, 1), (0, 0, 1), (0, 0, 1)), Row(900 * SECOND_US, metres_off(0), 0.0, 1)]
    rows.append(Row(920 * SECOND_US, metres_off(0), 0.0, 1))
    assert spans_s(stops_of(rows)) == [(0, 20), (900, 920)]


def test_the_end_of_a_day_ends_a_stand():
    assert spans_s(stops_of(rows_every_10_s((0, 30, 1), (50, 0, 0), (50, 0, 0), (50, 0, 0)))) == [(10, 30)]


def test_two_fixes_outside_that_come_back_are_jitter_and_three_are_not():
    here, there = (0, 0, 1), (33, 0, 1)
    two = rows_every_10_s(here, here, there, there, here, here, here)
    assert spans_s(stops_of(two)) == [(0, 60)]
    three = rows_every_10_s(here, here, there, there, there, here, here, here)
    assert spans_s(stops_of(three)) == [(0, 20), (20, 50), (50, 70)]


def test_fixes_outside_with_a_drive_between_are_no_jitter():
    moments = [(0, 0, 1), (0, 0, 1), (40, 0, 1), (60, 20, 1), (0, 0, 1), (0, 0, 1), (0, 0, 1)]
    assert spans_s(stops_of(rows_every_10_s(*moments))) == [(0, 20), (40, 60)]


def test_drift_in_small_steps_does_not_break_a_long_stand():
    settled = [(0, 0, 0)] * 14
    drift = [(metres, 0, 0) for metres in (8, 16, 24, 32, 40, 40, 40, 40)]
    assert spans_s(stops_of(rows_every_10_s(*settled, *drift))) == [(0, 210)]
    # Before it has settled, and in one step, it is another place.
    assert len(spans_s(stops_of(rows_every_10_s(*settled[:3], *drift)))) == 2
    assert len(spans_s(stops_of(rows_every_10_s(*settled, (40, 0, 0), (40, 0, 0), (40, 0, 0), (40, 0, 0))))) == 2


def test_a_stand_goes_on_across_a_jump():
    rows = rows_every_10_s(*[(0, 0, 1)] * 3, (90_000, 0, 1), (90_000, 0, 1), *[(0, 0, 1)] * 3)
    track = track_of(rows)
    track = track._replace(placed=good_places(track).placed)
    stops = park_episodes(track, classify(track, limits_of(Van()), STATE_RULES), STOP_RULES)
    assert spans_s(stops) == [(0, 70)]


def test_missing_speeds_do_not_break_a_stand_where_fixes_say_that_it_stood():
    track = track_of(rows_every_10_s((0, 30, 1), *[(90, NAN, 1)] * 6, (180, 30, 1), (270, 30, 1)))
    limits = limits_of(Van())
    track = track._replace(speed_kmh=known_speeds(track, limits))
    stops = park_episodes(track, classify(track, limits, STATE_RULES), STOP_RULES)
    assert spans_s(stops) == [(10, 60)]  # the last of them is the one it left from


def test_two_hand_offs_30_m_apart_with_a_short_move_between_are_two_stands():
    moments = [*[(0, 0, 1)] * 4, (15, 9, 1), *[(30, 0, 1)] * 4, (60, 30, 1)]
    assert spans_s(stops_of(rows_every_10_s(*moments))) == [(0, 40), (50, 90)]


@given(fleets())
@settings(deadline=None, max_examples=examples(40, 100))
def test_stops_never_overlap_and_last_at_least_the_shortest(fleet):
    track, limits = fleet
    stops = park_episodes(track, classify(track, limits, STATE_RULES), STOP_RULES)
    assert (stops.departed_us - stops.arrived_us >= STOP_RULES.min_us).all()
    same_group = stops.group[1:] == stops.group[:-1]
    assert (stops.end_row[:-1] <= stops.first_row[1:]).all()
    assert (stops.departed_us[:-1] <= stops.arrived_us[1:])[same_group].all()
    assert (stops.engine_on_us + stops.off_us <= stops.departed_us - stops.arrived_us).all()


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_every_hand_off_of_a_route_is_found_at_one_position_in_ten_seconds(seed):
    # 30 hand-offs of 20 to 90 s, 60 to 400 m apart at 30 km/h, fixes wander by 4 m, sampled at any phase.
    chance = np.random.default_rng(seed)
    stands_s, hops_m = chance.uniform(20, 90, 30), chance.uniform(60, 400, 30)
    rows, clock_s, north_m = [], chance.uniform(0, 10), 0.0
    arrive_s = 0.0
    for stand_s, hop_m in zip(stands_s, hops_m, strict=True):
        drive_s = hop_m / (30 / 3.6)
        while clock_s < arrive_s + stand_s + drive_s:
            moved_m = max(0.0, clock_s - arrive_s - stand_s) * 30 / 3.6
            place = metres_off(north_m + moved_m + chance.normal(0, 4), chance.normal(0, 4))
            engine_on = chance.random() < 0.5 or moved_m > 0
            rows.append(Row(round(clock_s * SECOND_US), place, 30.0 if moved_m else 0.0, int(engine_on)))
            clock_s += 10
        arrive_s, north_m = arrive_s + stand_s + drive_s, north_m + hop_m
    stops = stops_of(rows)
    assert stops.group.size == 30
    durations_s = (stops.departed_us - stops.arrived_us) / SECOND_US
    assert np.abs(durations_s - stands_s).max() <= 10.001
