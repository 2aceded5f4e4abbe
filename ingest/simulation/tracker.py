"""What does the tracker in a simulated van measure?

One sample every `sample_s` seconds while awake, counted from the last sample, and one more whenever the
ignition changes, as common firmware does. Places carry 3-4 m of slowly wandering error, a few bad fixes and
a rare jump; speed is Doppler speed with 0.3 km/h of noise, and exactly zero for most of the time a van
stands.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.simulation.city import TURN_DEG, degrees
from ingest.simulation.day import Day
from ingest.simulation.fleet import Meters, Van
from ingest.simulation.journey import Floats, Ints, Sight

WANDER_M = 2.4  # standard deviation along each axis: 3.4 m in the plane
WANDER_PERIODS_S = (47.0, 171.0, 603.0)
WHITE_M = 0.7
SPEED_NOISE_KMH = 0.3
BAD_FIX_SHARE, JUMP_SHARE = 0.002, 0.0003
JUMP_MPS = 90.0  # a jump implies at least this speed, well above any plausible one
CRUISE_RPM, IDLE_RPM = 1_150, 690


class Samples(NamedTuple):
    """One value for each sample, in time order; the optional columns are None without a CAN bus."""

    time_ms: Ints  # on the day's own clock
    latitude: Floats
    longitude: Floats
    speed_kmh: Floats
    heading_deg: Floats
    hdop: Floats
    satellites: Ints
    ignition: NDArray[np.bool_]
    battery_v: Floats
    rpm: Ints | None
    odometer_m: Ints | None
    fuel_pct: Floats | None
    fuel_used_l: Floats | None


class Tank(NamedTuple):
    """Litres in the tank and used so far at each instant asked for; litres there before, and added at, each pump."""

    fuel_l: Floats
    used_l: Floats
    before_l: list[float]
    added_l: list[float]


def sample_times_ms(day: Day, sample_s: float) -> Ints:
    """Return when the tracker of a day takes its samples, from waking to falling asleep."""
    wake_ms, sleep_ms = round(day.wake_s * 1000), round(day.sleep_s * 1000)
    marks = [wake_ms, *day.journey.ignition_changes_ms().tolist(), sleep_ms]
    period_ms = round(sample_s * 1000)
    times = [np.arange(start, end, period_ms) for start, end in pairwise(marks)]
    return np.concatenate([*times, np.array([sleep_ms])]).astype(np.int64)


def tank(van: Van, day: Day, meters: Meters, sight: Sight, time_ms: Ints) -> Tank:
    """Follow the fuel of a day: burned by running and by driving, filled up at a pump."""
    burned_l = sight.engine_on_s / 3600 * van.idle_l_per_h + sight.distance_m / 1000 * van.drive_l_per_km
    fuel_l = meters.fuel_l - burned_l
    before_l, added_l = [], []
    for fuelling in day.fuellings:
        start_ms, end_ms = fuelling.stand.arrived_s * 1000 + 60_000, fuelling.stand.departed_s * 1000 - 45_000
        before_l.append(float(np.interp(start_ms, time_ms, fuel_l)))
        room_l = max(fuelling.stop.full_share * van.tank_l - before_l[-1], 0.0)
        stop = fuelling.stop
        added_l.append(0.0 if stop.is_passed else min(stop.filled_share * room_l, stop.most_l))
        if added_l[-1] > 0:
            fuel_l = fuel_l + np.clip((time_ms - start_ms) / (end_ms - start_ms), 0.0, 1.0) * added_l[-1]
    return Tank(fuel_l, meters.fuel_used_l + burned_l, before_l, added_l)


def take_samples(
    van: Van, day: Day, meters: Meters, *, sample_s: float, random: np.random.Generator
) -> tuple[Samples, Tank]:
    """Measure a day as this van's tracker does; the tank is returned as it truly is."""
    time_ms = sample_times_ms(day, sample_s)
    sight = day.journey.at(time_ms)
    fuel = tank(van, day, meters, sight, time_ms)
    count = time_ms.size
    hdop = np.round(random.uniform(0.7, 1.3, count), 1)
    satellites = random.integers(9, 17, count)
    x_m, y_m = (axis + _wander_m(time_ms, random) for axis in (sight.x_m, sight.y_m))
    bad = random.random(count) < BAD_FIX_SHARE
    hdop[bad], satellites[bad] = np.round(random.uniform(5.5, 12.0, bad.sum()), 1), 5
    x_m[bad] += random.normal(0.0, 40.0, bad.sum())
    jumped = (random.random(count) < JUMP_SHARE) & ~bad
    x_m[jumped] += random.uniform(1.0, 2.0, jumped.sum()) * JUMP_MPS * sample_s
    latitude, longitude = degrees(van.depot, x_m, y_m)
    samples = Samples(
        time_ms,
        np.round(latitude, 6),
        np.round(longitude, 6),
        np.round(_doppler_kmh(sight.speed_mps * 3.6, random), 1),
        np.round((sight.heading_deg - TURN_DEG + random.normal(0.0, 2.0, count)) % 360.0) % 360.0,
        hdop,
        satellites,
        sight.engine_on,
        np.round(np.where(sight.engine_on, 14.1, 12.6) + random.normal(0.0, 0.05, count), 2),
        *(_can_bus(van, meters, sight, fuel, random) if van.has_can else (None, None, None, None)),
    )
    return samples, fuel


def _wander_m(time_ms: Ints, random: np.random.Generator) -> Floats:
    """Return an error that wanders over minutes: three slow waves and a little noise."""
    error_m = random.normal(0.0, WHITE_M, time_ms.size)
    amplitude_m = WANDER_M * np.sqrt(2 / len(WANDER_PERIODS_S))
    for period_s in WANDER_PERIODS_S:
        period_ms = period_s * 1000 * random.uniform(0.8, 1.25)
        error_m += amplitude_m * np.sin(2 * np.pi * (time_ms / period_ms + random.random()))
    return error_m


def _doppler_kmh(true_kmh: Floats, random: np.random.Generator) -> Floats:
    noise_kmh = random.normal(0.0, SPEED_NOISE_KMH, true_kmh.size)
    # Receivers hold a standing vehicle at zero and let a little noise through now and then.
    at_rest = np.where(random.random(true_kmh.size) < 0.1, np.abs(noise_kmh), 0.0)
    return np.where(true_kmh < 0.3, at_rest, np.maximum(true_kmh + noise_kmh, 0.0))


def _can_bus(van: Van, meters: Meters, sight: Sight, fuel: Tank, random: np.random.Generator) -> tuple[Any, ...]:
    moving_rpm = CRUISE_RPM + sight.speed_mps * 45 + random.normal(0, 60, sight.speed_mps.size)
    turning = np.where(sight.speed_mps > 0.3, moving_rpm, IDLE_RPM + random.normal(0, 12, sight.speed_mps.size))
    slosh_pct = random.normal(0.0, 0.25, sight.speed_mps.size)
    return (
        np.where(sight.engine_on, np.rint(turning), 0).astype(np.int64),
        np.floor(meters.odometer_m + sight.distance_m).astype(np.int64),
        np.round(np.clip(fuel.fuel_l / van.tank_l * 100 + slosh_pct, 0.0, 100.0), 1),
        np.round(fuel.used_l, 1),
    )
