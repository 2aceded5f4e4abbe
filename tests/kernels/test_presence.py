"""Which vans were near a purchase, and what did they do there?"""

from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.presence import Purchases, presence
from kernels.pump import MEASURES
from tests.builders import examples
from tests.kernels.naive import presence as naive
from tests.kernels.tracks import Row, metres_off, track_of

MINUTE_US = 60_000_000
NOON_US = 1_780_000_000_000_000
DAY_US = (NOON_US - 720 * MINUTE_US, NOON_US + 720 * MINUTE_US)
SITE = metres_off(0, 0)

# Metres that no rounding of a distance moves across a limit, as the places here differ along one axis only.
AWAY_M = st.sampled_from([0, 40, 95, 105, 240, 260, 700, 800, 811, 2_000, 7_000, 30_000])
PLACES = st.one_of(st.none(), AWAY_M.map(lambda m: metres_off(m, 0)), AWAY_M.map(lambda m: metres_off(m, 0)))
OFFSETS_MIN = st.one_of(st.integers(-70, 70), st.integers(-70, 70), st.integers(-900, 900))
MAYBE = st.one_of(st.just(nan), st.integers(0, 400).map(lambda value: value / 4))
ROWS = st.builds(
    lambda minutes, place, speed, engine, odometer, level: (
        Row(NOON_US + minutes * MINUTE_US, place, speed, engine, odometer),
        level,
    ),
    OFFSETS_MIN,
    PLACES,
    MAYBE,
    st.sampled_from([-1, 0, 1]),
    MAYBE,
    MAYBE,
)
VANS = st.lists(ROWS, max_size=14).map(lambda rows: sorted(rows, key=lambda pair: pair[0].time_us))
PURCHASES = st.builds(
    naive.Purchase,
    st.one_of(st.none(), st.integers(-10, 10).map(lambda minutes: NOON_US + minutes * MINUTE_US)),
    st.one_of(st.none(), st.just(SITE), st.just(SITE)),
    st.just(DAY_US),
)


def found_in(vans, purchases, assigned):
    """The measures by purchase and van; one tenant has all vans, levels stand beside the rows."""
    track = track_of(*([row for row, _ in van] for van in vans))
    levels = np.array([level for van in vans for _, level in van], dtype=np.float32)
    count = len(purchases)
    places = [purchase.place or (0, 0) for purchase in purchases]
    columns = Purchases(
        time_us=np.array([purchase.time_us or 0 for purchase in purchases], dtype=np.int64),
        timed=np.array([purchase.time_us is not None for purchase in purchases], dtype=np.bool_),
        latitude_e7=np.array([place[0] for place in places], dtype=np.int32),
        longitude_e7=np.array([place[1] for place in places], dtype=np.int32),
        placed=np.array([purchase.place is not None for purchase in purchases], dtype=np.bool_),
        day_from_us=np.array([purchase.day_us[0] for purchase in purchases], dtype=np.int64),
        day_to_us=np.array([purchase.day_us[1] for purchase in purchases], dtype=np.int64),
        first_van=np.zeros(count, dtype=np.int64),
        end_van=np.full(count, len(vans), dtype=np.int64),
        assigned=np.array(assigned, dtype=np.int64),
    )
    found = presence(track, levels, columns)
    keys = zip(found.purchase.tolist(), found.van.tolist(), strict=True)
    return {key: dict(zip(MEASURES, row, strict=True)) for key, row in zip(keys, found.measures.tolist(), strict=True)}


@given(st.lists(VANS, min_size=1, max_size=3), st.lists(PURCHASES, min_size=1, max_size=3), st.data())
@settings(deadline=None, max_examples=examples(60, 250))
def test_presence_agrees_with_the_naive_version(vans, purchases, data):
    assigned = [data.draw(st.integers(-1, len(vans) - 1)) for _ in purchases]
    found = found_in(vans, purchases, assigned)
    expected = {}
    for number, purchase in enumerate(purchases):
        for van, rows in enumerate(vans):
            levels = [level for _, level in rows]
            of_van = naive.presence([row for row, _ in rows], levels, purchase, van == assigned[number])
            if of_van is not None:
                expected[number, van] = of_van
    assert found.keys() == expected.keys()
    for key, measures in found.items():
        for name, value in measures.items():
            np.testing.assert_allclose(value, expected[key].get(name, nan), rtol=1e-6, atol=1e-4, err_msg=name)


@given(st.lists(VANS, min_size=2, max_size=2), st.integers(806, 20_000))
@settings(deadline=None, max_examples=60)
def test_fixes_of_another_van_far_from_the_site_change_nothing(vans, away_m):
    near = [pair for pair in vans[1] if pair[0].place and pair[0].place[0] <= metres_off(801, 0)[0]]
    purchase = [naive.Purchase(NOON_US, SITE, DAY_US)]
    far = [(row._replace(place=metres_off(away_m, 0)), nan) for row, _ in vans[0]]
    more = sorted([*near, *far], key=lambda pair: pair[0].time_us)
    fewer = found_in([vans[0], near], purchase, [0])
    assert str(fewer) == str(found_in([vans[0], more], purchase, [0]))


def seen_at(*minutes_and_metres):
    return [(Row(NOON_US + round(at * MINUTE_US), metres_off(m, 0)), nan) for at, m in minutes_and_metres]


@pytest.mark.parametrize(
    ("van", "expected"),
    [
        (seen_at(*((minute, 5_000) for minute in range(-20, 21))), 0),  # heard all the time
        (seen_at((-8, 3_000), (8, 3_000)), 1),  # a dead zone around the pump
        (seen_at((-3.5, 3_000), (3.5, 3_000)), 1),  # 7 min: two drives of 110 s and two minutes to fuel
        (seen_at((-3.5, 6_000), (3.5, 6_000)), 0),  # too far for 7 min
        (seen_at((0, 3_000)), 1),  # two hours of silence after it, and 110 s to the site
        (seen_at((0, 6_700)), 0),  # 258 s to the site
        ([], 1),
        (seen_at(*((minute, 9_000) for minute in range(-5, 6))), 0),
    ],
)
def test_a_silence_long_enough_to_fuel_in_is_told(van, expected):
    found = found_in([van], [naive.Purchase(NOON_US, SITE, DAY_US)], [0])
    assert found[0, 0]["could_be_unseen"] == expected


def test_results_do_not_depend_on_how_purchases_are_dealt_into_calls():
    vans = [seen_at(*((minute, abs(minute) * 30) for minute in range(-70, 71))) for _ in range(3)]
    purchases = [naive.Purchase(NOON_US + minute * MINUTE_US, SITE, DAY_US) for minute in range(-30, 31, 7)]
    assigned = [number % 3 for number in range(len(purchases))]
    together = found_in(vans, purchases, assigned)
    apart = {}
    for number, purchase in enumerate(purchases):
        one = found_in(vans, [purchase], [assigned[number]])
        apart |= {(number, van): measures for (_, van), measures in one.items()}
    assert str(together) == str(apart)


def test_vans_of_other_tenants_are_not_looked_at():
    track = track_of(*[[Row(NOON_US, SITE)]] * 2)
    one = np.ones(1, dtype=np.int64)
    purchase = Purchases(
        NOON_US * one,
        np.ones(1, dtype=np.bool_),
        *(np.array([degrees], dtype=np.int32) for degrees in SITE),
        np.ones(1, dtype=np.bool_),
        *(edge * one for edge in DAY_US),
        one,
        2 * one,
        -one,
    )
    assert presence(track, np.full(2, nan, dtype=np.float32), purchase).van.tolist() == [1]


def test_a_range_of_vans_that_is_not_there_is_refused():
    one = np.ones(1, dtype=np.int64)
    flags, degrees = np.ones(1, dtype=np.bool_), np.zeros(1, dtype=np.int32)
    columns = Purchases(one, flags, degrees, degrees, flags, one, one, 0 * one, 5 * one, -one)
    with pytest.raises(ValueError, match="first_van"):
        presence(track_of([]), np.zeros(0, dtype=np.float32), columns)
