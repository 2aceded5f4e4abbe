"""Which days do the benchmarks of the kernels look at? Made up at the speed of arrays, the same for the same seed.

A van reports once a second. It drives for 20 to 120 s, stands for 15 to 180 s, and so on until its day is full; at
three stands in ten it waits in traffic, at the others something is handed over, at half of those with the engine off.
Its fixes wander by a metre and a half or so, slowly as those of receivers do, and it comes back to where it began.

A dirty day has in addition what real days have: silences, fixes that are missing or jump, speeds that were not sent,
rows that share an instant, and vans that never say whether their engine is on.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernels.track import Codes, Degrees, Flags, Ints, Speeds

FIRST_US = 1_790_000_000_000_000
CENTRE_E7 = (523_000_000, 131_000_000)
METRE_NORTH_E7, METRE_EAST_E7 = 89.932, 147.06  # at the latitude of the centre
MEAN_CYCLE_S = 160
Column = NDArray[Any]


class Fleet(NamedTuple):
    """Points by van, then by time; see `kernels.track.Track`.

    starts        int64 (n_vans + 1,)
    time_us       int64 (n_points,)
    latitude_e7   int32 (n_points,)    0 where not placed
    longitude_e7  int32 (n_points,)    the same
    speed_kmh     float32 (n_points,)  NaN where none was sent: never on a clean day
    engine        int8 (n_points,)     1 on, 0 off, -1 not known: never on a clean day
    placed        bool (n_points,)     always on a clean day
    """

    starts: Ints
    time_us: Ints
    latitude_e7: Degrees
    longitude_e7: Degrees
    speed_kmh: Speeds
    engine: Codes
    placed: Flags


def made_up_fleet(van_count: int, *, points: int = 36_000, seed: int = 1, dirty: bool = False) -> Fleet:
    """Make up a day of `points` seconds for every van; of a dirty day some seconds are missing."""
    vans = [_van(np.random.default_rng([seed, van]), points, dirty) for van in range(van_count)]
    starts = np.concatenate([[0], np.cumsum([van[0].size for van in vans])]).astype(np.int64)
    return Fleet(starts, *(np.concatenate(column) for column in zip(*vans, strict=True)))


def _van(random: np.random.Generator, points: int, dirty: bool) -> tuple[Column, ...]:
    speed_kmh, engine = _speeds(random, points)
    north_m, east_m = _way(random, speed_kmh)
    time_us = FIRST_US + int(random.integers(0, 1_000)) * 1_000_000 + np.arange(points, dtype=np.int64) * 1_000_000
    latitude_e7 = CENTRE_E7[0] + np.rint((random.uniform(-20e3, 20e3) + north_m) * METRE_NORTH_E7)
    longitude_e7 = CENTRE_E7[1] + np.rint((random.uniform(-20e3, 20e3) + east_m) * METRE_EAST_E7)
    van = (
        time_us,
        latitude_e7.astype(np.int32),
        longitude_e7.astype(np.int32),
        speed_kmh.astype(np.float32),
        engine,
        np.ones(points, dtype=np.bool_),
    )
    return _soiled(random, *van) if dirty else van


def _speeds(random: np.random.Generator, points: int) -> tuple[Column, Column]:
    """The speed in hundredths of km/h, as trackers send it, and the engine, of each second."""
    count = 2 * points // MEAN_CYCLE_S + 20
    lengths = np.empty(2 * count, dtype=np.int64)
    lengths[0::2] = random.integers(20, 121, count)
    in_traffic = random.random(count) < 0.3
    lengths[1::2] = np.where(in_traffic, random.integers(15, 61, count), random.integers(15, 181, count))
    is_on = np.ones(2 * count, dtype=np.int8)
    is_on[1::2] = in_traffic | (random.random(count) < 0.5)
    begins = np.cumsum(lengths) - lengths
    run = np.repeat(np.arange(2 * count), lengths)[:points]
    since = np.arange(points) - begins[run]
    left = lengths[run] - since
    cruise_kmh = random.uniform(25, 50, 2 * count)[run] + random.normal(0, 1.5, points)
    # 1.6 m/s faster each second, 1.9 m/s slower.
    driven_kmh = np.minimum(np.minimum(5.8 * (since + 0.5), 6.8 * (left - 0.5)), cruise_kmh)
    crept_kmh = np.maximum(random.normal(-0.3, 0.5, points), 0)
    speed_kmh = np.where(run % 2 == 0, driven_kmh, crept_kmh)
    return np.rint(speed_kmh * 100) / 100, is_on[run]


def _way(random: np.random.Generator, speed_kmh: Column) -> tuple[Column, Column]:
    """Metres north and east of where the day began, as a receiver sees them."""
    points = speed_kmh.size
    hop_m = np.where(speed_kmh > 1, speed_kmh / 3.6, 0)
    heading = np.cumsum(random.normal(0, 0.08, points) * (hop_m > 0)) + random.uniform(0, 2 * np.pi)
    driven_m = np.cumsum(hop_m)
    from_home_m = np.minimum(driven_m, driven_m[-1] - driven_m)  # back by the way it went
    window = np.full(30, 1 / 30)
    ways = []
    for turned in (np.cos(heading), np.sin(heading)):
        way_m = np.interp(from_home_m, driven_m, np.cumsum(hop_m * turned))
        wander_m = np.convolve(random.normal(0, 8, points + 29), window, mode="valid")
        ways.append(way_m + wander_m)
    return ways[0], ways[1]


def _soiled(
    random: np.random.Generator,
    time_us: Column,
    latitude_e7: Column,
    longitude_e7: Column,
    speed_kmh: Column,
    engine: Column,
    placed: Column,
) -> tuple[Column, ...]:
    points = time_us.size
    placed = random.random(points) > 0.01
    jumps = random.random(points) < 2e-4
    latitude_e7 = latitude_e7 + np.where(jumps, 3_000_000, 0)
    latitude_e7, longitude_e7 = np.where(placed, latitude_e7, 0), np.where(placed, longitude_e7, 0)
    speed_kmh = np.where(random.random(points) < (1.1 if random.random() < 0.05 else 0.005), np.nan, speed_kmh)
    engine = np.where(random.random() < 0.1, np.int8(-1), engine)
    time_us = np.where(random.random(points) < 0.002, np.roll(time_us, 1), time_us)
    time_us[0] = min(time_us[0], time_us[min(1, points - 1)])
    time_us = np.maximum.accumulate(time_us)
    heard = np.ones(points, dtype=np.bool_)
    for begin in random.integers(0, points, 3):
        heard[begin : begin + random.integers(10, 2_000)] = False
    heard[0] = True
    return (
        time_us[heard],
        latitude_e7[heard].astype(np.int32),
        longitude_e7[heard].astype(np.int32),
        speed_kmh[heard].astype(np.float32),
        engine[heard].astype(np.int8),
        placed[heard],
    )
