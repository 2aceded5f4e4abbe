"""The short way through ordinary days gives the rows of the long one, for any day and on any number of threads."""

import random
from types import SimpleNamespace

import numba
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from flows.bench.kernels.fleet import made_up_fleet
from flows.bench.kernels.ledger_pass import STATIONS, day_of_fleet, full_ledger, one_area
from flows.measuring import measure as measuring
from flows.measuring.measured import measured_rows
from flows.measuring.meters import may_be_sent, not_sent
from flows.measuring.planned import GROUP_TYPES
from flows.settings import Settings
from tests.kernels.tracks import fleets

SHORT, LONG = (Settings(_env_file=None, plain=plain) for plain in (False, True))
SECOND_US = 1_000_000


def rows_of(day, chosen):
    counts = pl.DataFrame(
        [(*names, [], True) for names in day.names],
        schema={**GROUP_TYPES, "flags": pl.List(pl.String), "is_registered": pl.Boolean},
        orient="row",
    )
    measured = measuring.measure(day, STATIONS, one_area(), chosen)
    return measured_rows(SimpleNamespace(counts=counts), day, measured)


def ordinary_count(day):
    """The number of groups that take the short way, and all rows, which are those of the long way."""
    found = []

    def noting(*given, **named):
        ordinary = asked(*given, **named)
        found.append(int(ordinary.is_ordinary.sum()))
        return ordinary

    asked = measuring.ordinary_groups
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "ordinary_groups", noting)
        short = rows_of(day, SHORT)
    long = rows_of(day, LONG)
    for name, rows in long.items():
        assert_frame_equal(short[name], rows, check_exact=True)
    return found[0]


KINDS = ("unplaced", "mute", "jump", "engine", "silence", "instant", "speed", "frozen", "drift", "wire", "tow", "blip")


def spoiled(fleet, chance, kinds):
    """Rows of a clean fleet that say something strange, a place for each kind."""
    time_us, north_e7, east_e7, speed_kmh, engine, placed = (column.copy() for column in fleet[1:])
    for kind in kinds:
        row = chance.randrange(10, time_us.size - 100)
        end = row + 90
        van_end = fleet.starts[np.searchsorted(fleet.starts, row, side="right")]
        if kind == "unplaced":
            placed[row] = False
            north_e7[row] = east_e7[row] = 0
        elif kind == "mute":
            speed_kmh[row : row + chance.choice([1, 40])] = np.nan
        elif kind == "jump":
            north_e7[row] += chance.choice([2_000, 4_600, 20_000, 3_000_000])
        elif kind == "engine":
            engine[row:end] = chance.choice([-1, 0, 1])
        elif kind == "silence":
            time_us[row:van_end] += chance.choice([15, 25, 290, 400, 4_000]) * SECOND_US
        elif kind == "instant" and row not in fleet.starts:
            time_us[row] = time_us[row - 1]
        elif kind == "speed":
            speed_kmh[row:end] = chance.choice([0.0, 2.9, 3.0, 4.0, 5.0, 60.0])
        elif kind == "frozen":  # on one spot, with a speed
            keep_still(north_e7, east_e7, row, end, van_end)
            speed_kmh[row:end], engine[row:end] = chance.choice([0.4, 12.0]), chance.choice([-1, 1])
        elif kind == "drift":  # or goes on with a speed of 0
            north_e7[row:end] += np.arange(90, dtype=np.int32) * chance.choice([20, 60, 400])
            speed_kmh[row:end] = 0
        elif kind == "wire":
            engine[row:end], speed_kmh[row:end] = 0, 30.0
        elif kind == "tow":
            engine[row - 5 : row + 5] = speed_kmh[row - 5 : row + 5] = 0
            east_e7[row:van_end] += chance.choice([9_000, 40_000])
        elif kind == "blip":  # hardly moves between two stands
            speed_kmh[row:end] = 0
            keep_still(north_e7, east_e7, row, end, van_end)
            speed_kmh[row + 40 : row + 62] = 6 + np.arange(22) / 10
            speed_kmh[row + 40 + chance.choice([5, 19, 22]) : row + 62] = 0
            north_e7[row + 62 : van_end] += chance.choice([0, 1_500, 3_000])
    return fleet._replace(
        time_us=time_us,
        latitude_e7=north_e7,
        longitude_e7=east_e7,
        speed_kmh=speed_kmh,
        engine=engine,
        placed=placed,
    )


def keep_still(north_e7, east_e7, row, end, van_end):
    """Stay at a place, and go on from there."""
    for degrees_e7 in (north_e7, east_e7):
        degrees_e7[end:van_end] += degrees_e7[row] - degrees_e7[min(end, van_end - 1)]
        degrees_e7[row:end] = degrees_e7[row]


def slower(fleet, step_s):
    """The same rows, one in that many seconds."""
    return fleet._replace(time_us=fleet.time_us[0] + (fleet.time_us - fleet.time_us[0]) * step_s)


def test_clean_days_take_the_short_way_and_give_the_rows_of_the_long_one():
    day = day_of_fleet(made_up_fleet(4, points=5_000, seed=2))
    assert ordinary_count(day) == 4
    rows = rows_of(day, SHORT)
    assert rows["ledger"].height > 200
    assert rows["stops"].height > 80
    assert set(rows["ledger"]["context"]) >= {"drive", "hand_off", "depot", "traffic"}


@pytest.mark.parametrize("kind", KINDS)
def test_days_with_one_strange_thing_in_them_have_the_rows_of_the_long_way(kind):
    clean = made_up_fleet(3, points=700, seed=KINDS.index(kind))
    for step_s in (1, 3, 10, 30):
        ordinary_count(day_of_fleet(slower(spoiled(clean, random.Random(step_s), 3 * [kind]), step_s)))


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from(KINDS), min_size=1, max_size=4),
    st.sampled_from([1, 3, 10]),
)
@settings(deadline=None, max_examples=30)
def test_days_with_strange_things_in_them_have_the_rows_of_the_long_way(seed, kinds, step_s):
    chance = random.Random(seed)
    fleet = slower(spoiled(made_up_fleet(3, points=700, seed=seed % 50), chance, kinds), step_s)
    time_us = fleet.time_us
    day = day_of_fleet(fleet)
    electric = np.array([chance.random() < 0.3 for _ in day.names])
    pto = np.zeros(time_us.size, np.bool_)
    pto[:50] = chance.random() < 0.2
    level_pct = np.where(chance.random() < 0.3, 40 + np.arange(time_us.size) % 7, np.nan).astype(np.float32)
    odometer_m = day.track.odometer_m.copy()
    if chance.random() < 0.2:
        odometer_m[:700] = np.arange(700) * 5.0
    elif chance.random() < 0.5:
        odometer_m = not_sent(time_us.size)
    day = day._replace(
        track=day.track._replace(odometer_m=odometer_m),
        limits=day.limits._replace(electric=electric),
        has_can=np.array([chance.random() < 0.5 for _ in day.names]),
        pto=pto,
        level_pct=level_pct,
        message_route=pl.Series([chance.choice([None, "a", "b"])] * time_us.size, dtype=pl.String),
    )
    ordinary_count(day)


@given(fleets())
@settings(deadline=None, max_examples=40)
def test_days_of_a_few_strange_rows_have_the_rows_of_the_long_way(fleet):
    track, limits = fleet
    begins = np.flatnonzero(np.diff(track.starts))  # a vehicle-date without rows has no group
    starts = np.append(track.starts[begins], track.time_us.size)
    if not begins.size:
        return
    made_up = made_up_fleet(begins.size, points=8)._replace(
        starts=starts,
        time_us=track.time_us,
        latitude_e7=track.latitude_e7,
        longitude_e7=track.longitude_e7,
        speed_kmh=track.speed_kmh,
        engine=track.engine,
        placed=track.placed,
    )
    day = day_of_fleet(made_up)
    day = day._replace(track=track._replace(starts=starts), limits=type(limits)(*(c[begins] for c in limits)))
    ordinary_count(day)


def test_only_the_column_that_everybody_shares_is_known_to_be_empty():
    shared = not_sent(10)
    assert not may_be_sent(shared)
    assert not may_be_sent(shared[2:5])
    assert may_be_sent(shared.copy())
    assert may_be_sent(not_sent(10, np.float32).copy())
    assert may_be_sent(np.arange(4.0)[:2])
    assert not may_be_sent(not_sent(10, np.float32))


def test_one_thread_and_two_find_the_same():
    day = day_of_fleet(spoiled(made_up_fleet(5, points=2_000, seed=9), random.Random(4), KINDS[:6]))
    both = rows_of(day, SHORT)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        alone = rows_of(day, SHORT)
    finally:
        numba.set_num_threads(before)
    for name, rows in both.items():
        assert_frame_equal(alone[name], rows, check_exact=True)


def test_the_benchmark_compares_its_runs_with_those_of_duckdb():
    section = full_ledger(2, repeats=1)
    assert [figure.beside for figure in section.figures][-1].startswith("DuckDB")
    assert all(figure.value > 0 for figure in section.figures)
