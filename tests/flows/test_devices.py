"""Which of several devices speaks for a van."""

import numpy as np
import polars as pl

from flows.measuring.devices import voices

ON, OFF, UNKNOWN = 1, 0, -1


def heard(*fixes, interval_s=10.0, gap_s=300.0):
    """Of fixes (second, device, engine, metres north): device and second of those that count, and the two flags."""
    fixes = sorted(fixes, key=lambda fix: fix[0])
    rows = pl.DataFrame(
        {
            "device_id": [device for _, device, _, _ in fixes],
            "fix_ms": [second * 1_000 for second, _, _, _ in fixes],
            "latitude_e7": pl.Series([400_000_000 + round(north * 90) for *_, north in fixes], dtype=pl.Int32),
            "longitude_e7": pl.Series([0] * len(fixes), dtype=pl.Int32),
            "quality": ["good"] * len(fixes),
        }
    )
    engine = np.array([state for _, _, state, _ in fixes], dtype=np.int8)
    starts = np.array([0, len(fixes)], dtype=np.int64)
    found = voices(rows, starts, engine, pl.Series([interval_s]), gap_s)
    names = [f"{device}{second}" for (second, device, _, _), counts in zip(fixes, found.counts, strict=True) if counts]
    return names, bool(found.several[0]), bool(found.apart[0])


def device(name, *seconds, engine=UNKNOWN, north=0):
    return [(second, name, engine, north) for second in seconds]


def test_one_device_is_heard_whole():
    assert heard(*device("a", 0, 10, 1_000)) == (["a0", "a10", "a1000"], False, False)


def test_the_device_that_knows_the_engine_leads_then_the_one_with_more_good_fixes_then_the_smaller_id():
    assert heard(*device("a", 5, 15, 25), *device("b", 0, 10, 20, 30, engine=ON))[0] == ["b0", "b10", "b20", "b30"]
    assert heard(*device("a", 0, 20), *device("b", 5, 10, 15))[0] == ["a0", "b5", "b10", "b15", "a20"]
    assert heard(*device("b", 0, 10), *device("a", 0, 10))[0] == ["a0", "a10"]


def test_others_count_before_after_and_in_silences_longer_than_the_gap():
    leader = device("a", 100, 400, 701, engine=ON)
    others = device("b", 50, 100, 300, 400, 500, 700, 800)
    assert heard(*leader, *others)[0] == ["b50", "a100", "a400", "b500", "b700", "a701", "b800"]
    assert heard(*leader, *others, interval_s=200.0)[0] == ["b50", "a100", "a400", "a701", "b800"]


def test_a_leader_that_sleeps_with_its_engine_off_is_not_silent():
    assert heard(*device("a", 0, 5_000, engine=OFF), *device("b", 10, 20))[0] == ["a0", "a5000"]


def test_a_third_device_counts_where_the_first_two_are_silent():
    leader, second = device("a", 0, 1_000, 1_010, engine=ON), device("b", 10, 500, engine=ON)
    assert heard(*leader, *second, *device("c", 200, 700))[0] == [
        *["a0", "b10", "c200", "b500", "c700", "a1000", "a1010"]
    ]


def test_a_device_that_is_elsewhere_at_the_same_time_does_not_count_at_all():
    leader = device("a", 0, 10, 20, 30, engine=ON)
    assert heard(*leader, *device("b", 5, 15, 900, north=1_000)) == (["a0", "a10", "a20", "a30"], True, True)
    assert heard(*leader, *device("b", 5, 15, 900, north=150))[0][-1] == "b900"
    # What is never compared proves nothing.
    assert heard(*leader, *device("b", 900, 910, north=1_000))[1:] == (True, False)
