import numpy as np

from flows.bench.kernels.fleet import made_up_fleet


def test_a_made_up_day_has_a_point_every_second_and_stops_and_goes_as_vans_do():
    fleet = made_up_fleet(2, points=7_200, seed=3)
    assert fleet.starts.tolist() == [0, 7_200, 14_400]
    steps_us = np.diff(fleet.time_us)
    assert np.delete(steps_us, 7_199).tolist() == [1_000_000] * 14_398
    moving = fleet.speed_kmh[:7_200] > 3
    assert 30 <= np.sum(np.diff(moving.astype(np.int8)) == 1) <= 70
    assert 0.3 < moving.mean() < 0.6
    # The fixes tell of the same way as the speeds.
    hops_m = np.hypot(np.diff(fleet.latitude_e7[:7_200]) / 89.932, np.diff(fleet.longitude_e7[:7_200]) / 147.06)
    driven_m = fleet.speed_kmh[:7_200].sum() / 3.6
    assert 0.95 < hops_m[moving[:-1]].sum() / driven_m < 1.1


def test_the_same_seed_makes_up_the_same_day_whatever_the_number_of_vans():
    for dirty in (False, True):
        one, two = (made_up_fleet(count, points=900, seed=5, dirty=dirty) for count in (1, 2))
        for alone, beside in zip(one[1:], two[1:], strict=True):
            np.testing.assert_array_equal(alone, beside[: alone.size])


def test_a_dirty_day_lacks_what_real_days_lack_and_stays_in_order():
    fleet = made_up_fleet(8, points=3_600, dirty=True)
    assert fleet.time_us.size < 8 * 3_600
    steps_us = np.delete(np.diff(fleet.time_us), fleet.starts[1:-1] - 1)
    assert steps_us.min() == 0
    assert steps_us.max() > 10_000_000
    assert 0 < np.isnan(fleet.speed_kmh).mean() < 0.5
    assert 0.9 < fleet.placed.mean() < 1
