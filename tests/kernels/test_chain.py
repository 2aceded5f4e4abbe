"""What must hold for all kernels together, whatever the track."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import get_num_threads, set_num_threads

from tests.builders import examples
from tests.kernels.chain import measured
from tests.kernels.tracks import Row, Van, fleets, groups, limits_of, rows_of, track_of


def arrays_of(day):
    return [np.asarray(column) for part in day for column in (part if isinstance(part, tuple) else (part,))]


def assert_equal(day, other):
    for column, expected in zip(arrays_of(day), arrays_of(other), strict=True):
        np.testing.assert_array_equal(column, expected)


def assert_same_meaning(day, other):
    """Compare what does not speak of row numbers; metres may differ by rounding."""
    for part, fields in (
        ("ledger", "group started_us ended_us state context phase route continues distance_m"),
        ("stops", "group arrived_us departed_us latitude_e7 longitude_e7 placed engine_on_us off_us"),
        ("matches", "stop_of_planned metres planned_of_stop stop_metres is_partner"),
        ("idle", "group started_us duration_us"),
        ("phases", "exit_us first_stop_us last_stop_us return_us"),
        ("distances", "source odometer_rejected"),
    ):
        for field in fields.split():
            column, expected = (getattr(getattr(which, part), field) for which in (day, other))
            np.testing.assert_allclose(column, expected, rtol=1e-9, atol=1e-6, err_msg=f"{part}.{field}")
    np.testing.assert_array_equal(day.kinds, other.kinds)
    np.testing.assert_allclose(day.odds, other.odds, rtol=1e-9, atol=1e-9)


@given(fleets())
@settings(deadline=None)
def test_the_ledger_covers_every_microsecond_of_a_group_once(fleet):
    track, limits = fleet
    runs = measured(track, limits).ledger
    for group, rows in enumerate(rows_of(track)):
        mine = runs.group == group
        span_us = rows[-1].time_us - rows[0].time_us if rows else 0
        assert int(runs.duration_us[mine].sum()) == span_us
        assert runs.started_us[mine][1:].tolist() == runs.ended_us[mine][:-1].tolist()
        assert (runs.duration_us[mine] > 0).all()


@given(fleets())
@settings(deadline=None)
def test_the_ledger_has_all_metres_of_a_group(fleet):
    track, limits = fleet
    day = measured(track, limits)
    for group, (a, b) in enumerate(zip(track.starts[:-1], track.starts[1:], strict=True)):
        mine = day.ledger.group == group
        assert day.ledger.distance_m[mine].sum() == pytest.approx(day.distances.step_m[a:b].sum())


@given(fleets(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=examples(50, 150))
def test_copies_of_rows_change_nothing(fleet, chance):
    track, limits = fleet
    doubled = [[row for row in rows for _ in range(chance.choice([1, 1, 2, 3]))] for rows in rows_of(track)]
    assert_same_meaning(measured(track_of(*doubled), limits), measured(track, limits))


@given(st.lists(groups(), min_size=2, max_size=4), st.data())
@settings(deadline=None, max_examples=60)
def test_groups_give_the_same_answers_in_any_chunks(dealt, data):
    vans = [Van(stop_kmh=1.0 + number) for number in range(len(dealt))]
    cut = data.draw(st.integers(1, len(dealt) - 1))
    whole = measured(track_of(*dealt), limits_of(*vans))
    for part, first in ((slice(None, cut), 0), (slice(cut, None), cut)):
        chunk = measured(track_of(*dealt[part]), limits_of(*vans[part]))
        mine = (whole.ledger.group >= first) & (whole.ledger.group < first + len(dealt[part]))
        expected = whole.ledger._replace(group=whole.ledger.group - first)
        row = int(whole.track.starts[first])
        expected = expected._replace(first_row=expected.first_row - row, end_row=expected.end_row - row)
        for column, of_whole in zip(chunk.ledger[1:], expected[1:], strict=True):
            # The first run of a group never continues, so no flag reaches across the cut.
            np.testing.assert_array_equal(column, of_whole[mine])


@given(st.lists(groups(), max_size=4))
@settings(deadline=None, max_examples=60)
def test_one_thread_and_two_give_the_same_answers(dealt):
    track, limits = track_of(*dealt), limits_of(*[Van()] * len(dealt))
    threads = get_num_threads()
    both = measured(track, limits)
    set_num_threads(1)
    try:
        assert_equal(measured(track, limits), both)
    finally:
        set_num_threads(threads)


def shuffled_by_time(rows, chance):
    """Shuffle the rows and sort them by time again; needs rows of different times."""
    return sorted(chance.sample(rows, len(rows)), key=lambda row: row.time_us)


@given(groups(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_the_order_of_arrival_does_not_matter(rows, chance):
    apart = [Row(row.time_us + number, *row[1:]) for number, row in enumerate(rows)]
    limits = limits_of(Van())
    assert_equal(measured(track_of(shuffled_by_time(apart, chance)), limits), measured(track_of(apart), limits))


@given(groups(), st.data())
@settings(deadline=None, max_examples=60)
def test_two_deliveries_cut_at_any_row_and_overlapping_are_one_track(rows, data):
    apart = [Row(row.time_us + number, *row[1:]) for number, row in enumerate(rows)]
    cut = data.draw(st.integers(0, len(apart)))
    again = data.draw(st.integers(0, len(apart) - cut))
    merged = sorted([*apart[cut:], *apart[: cut + again]], key=lambda row: row.time_us)
    limits = limits_of(Van())
    assert_same_meaning(measured(track_of(merged), limits), measured(track_of(apart), limits))


def test_a_track_without_rows_gives_nothing():
    day = measured(track_of(), limits_of())
    assert day.ledger.group.size == 0
    assert measured(track_of([], [Row(5)], []), limits_of(Van(), Van(), Van())).ledger.group.size == 0
