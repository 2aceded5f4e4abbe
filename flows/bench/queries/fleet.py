"""Which vans are asked about? Made up at the speed of arrays: no messages, no broker, no kernels.

Every run of a van lasts a multiple of ten seconds and every point lies on that grid, so that the points, held from one
to the next, say exactly what the ledger says. A silence is one point and then nothing.
"""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FIRST_DAY = date(2026, 2, 2)
TENANTS = 4
STOPS = 150
STEP_S = 10
STATES = ("off", "unknown", "idle", "drive")
OFF, UNKNOWN, IDLE, DRIVE = range(4)
PHASES = ("pre", "stem_out", "on_route", "stem_back", "post")
RUNS = 2 * STOPS + 3  # at the depot, out, stops and drives in turn, back, at the depot
CAPACITY = (250, 300, 350)
TANK_L = 80.0

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Van(NamedTuple):
    """One van as the dimension files would have it."""

    tenant_id: str
    vehicle_id: str
    package_capacity: int
    rated_l_per_100km: float


class VanDays(NamedTuple):
    """One date of a fleet; shapes (n_vans, RUNS) unless said otherwise.

    started_us  begin of each run, Unix time
    steps       how long it lasts, in steps of STEP_S
    state       index into STATES
    kmh         speed, 0 where the van does not drive
    latitude, longitude   (n_vans, RUNS + 1)  where runs begin, and where the last one ends
    level_pct   (n_vans, 2)  the tank in the morning and in the evening
    packages    (n_vans,)  planned
    litres      (n_vans,)  burnt
    """

    day: date
    started_us: Ints
    steps: Ints
    state: NDArray[np.int8]
    kmh: Floats
    latitude: Floats
    longitude: Floats
    level_pct: Floats
    packages: Ints
    litres: Floats

    @property
    def ended_us(self) -> Ints:
        """The end of each run."""
        return self.started_us + self.steps * STEP_S * 1_000_000

    @property
    def metres(self) -> Floats:
        """How far each run went."""
        result: Floats = self.kmh / 3.6 * self.steps * STEP_S
        return result


class Points(NamedTuple):
    """What trackers would have sent, sorted by van and time; every field has the shape (n_points,)."""

    van: Ints
    at_us: Ints
    latitude: Floats
    longitude: Floats
    kmh: Floats
    ignition: NDArray[np.bool_]
    fuel_pct: Floats
    fuel_l_per_100km: Floats
    packages: Floats


def fleet(vans: int) -> list[Van]:
    """The vans, in the order of their names within four tenants."""
    per_tenant = -(-vans // TENANTS)
    return [
        Van(f"fleet_{number // per_tenant}", f"V{number:06}", CAPACITY[number % 3], 11.0 + number % 3)
        for number in range(vans)
    ]


def van_days(vans: list[Van], day_number: int, seed: int) -> VanDays:
    """How every van spent one date."""
    random = np.random.default_rng((seed, day_number))
    count = len(vans)
    day = FIRST_DAY + timedelta(days=day_number)
    steps = random.integers(3, 11, (count, RUNS))
    stands = steps[:, 2 : 2 * STOPS + 1 : 2]
    stands += 1
    state = np.full((count, RUNS), DRIVE, dtype=np.int8)
    state[:, 2 : 2 * STOPS + 1 : 2] = np.where(random.random(stands.shape) < 0.45, IDLE, OFF)
    is_silent = random.random(stands.shape) < 0.01
    state[:, 2 : 2 * STOPS + 1 : 2][is_silent] = UNKNOWN
    stands[is_silent] = random.integers(36, 90, int(is_silent.sum()))
    stands[:, STOPS // 2] = random.integers(150, 240, count)
    state[:, 2 + STOPS // 2 * 2] = OFF
    broken = np.flatnonzero(random.random(count) < 1 / 500)
    stands[broken, STOPS // 4] = 3 * 360
    state[broken, 2 + STOPS // 4 * 2] = OFF
    for column in (1, RUNS - 2):
        steps[:, column] = random.integers(90, 210, count)
    for column in (0, RUNS - 1):
        steps[:, column] = random.integers(60, 180, count)
        state[:, column] = OFF
    begins_us = int(datetime(day.year, day.month, day.day, 13, tzinfo=UTC).timestamp() * 1e6)
    begins = begins_us + random.integers(0, 360, count) * STEP_S * 1_000_000
    started_us = begins[:, None] + (np.cumsum(steps, axis=1) - steps) * STEP_S * 1_000_000
    kmh = np.where(state == DRIVE, random.integers(15, 45, (count, RUNS)).astype(np.float64), 0.0)
    kmh[:, [1, RUNS - 2]] += 30
    metres = kmh / 3.6 * steps * STEP_S
    heading = random.random((count, RUNS)) * 2 * np.pi
    at_depot = np.array([[40.0 + number % 20 * 0.01, -75.0] for number in range(count)])
    latitude, longitude = (
        np.concatenate([at_depot[:, :1] * 0 + origin, origin + np.cumsum(metres * part / 111_000, axis=1)], axis=1)
        for origin, part in ((at_depot[:, :1], np.sin(heading)), (at_depot[:, 1:], np.cos(heading)))
    )
    rated = np.array([van.rated_l_per_100km for van in vans])
    litres = metres.sum(axis=1) / 1e5 * rated * random.uniform(0.9, 1.2, count)
    morning_pct = random.uniform(20, 95, count)
    level_pct = np.stack([morning_pct, np.maximum(morning_pct - litres / TANK_L * 100, 2)], axis=1)
    capacity = np.array([van.package_capacity for van in vans])
    packages = (capacity * random.uniform(0.5, 1.0, count)).astype(np.int64)
    return VanDays(day, started_us, steps, state, kmh, latitude, longitude, level_pct, packages, litres)


def points_of(days: VanDays, first: int, end: int, seed: int) -> Points:
    """The points of the vans from `first` to before `end`, with a fuel gauge that swings."""
    random = np.random.default_rng((seed, first, days.day.toordinal()))
    part = VanDays._make([days.day, *(column[first:end] for column in days[1:])])
    steps, state = part.steps.ravel(), part.state.ravel()
    count = np.where(state == UNKNOWN, 1, steps)
    count[RUNS - 1 :: RUNS] += 1  # the last fix ends the last run
    run = np.repeat(np.arange(count.size), count)
    step = np.arange(run.size) - np.repeat(np.cumsum(count) - count, count)
    van, column = run // RUNS, run % RUNS
    at_us = part.started_us.ravel()[run] + step * STEP_S * 1_000_000
    share = step / steps[run]
    latitude, longitude = (
        place[van, column] + share * (place[van, column + 1] - place[van, column])
        for place in (part.latitude, part.longitude)
    )
    kmh = part.kmh.ravel()[run]
    so_far = (at_us - part.started_us[van, 0]) / (part.ended_us[van, -1] - part.started_us[van, 0])
    noise = random.standard_normal((2, run.size))
    level = part.level_pct[van, 0] + so_far * (part.level_pct[van, 1] - part.level_pct[van, 0])
    metres = part.metres.sum(axis=1)
    return Points(
        van=van + first,
        at_us=at_us,
        latitude=latitude,
        longitude=longitude,
        kmh=kmh,
        ignition=state[run] != OFF,
        fuel_pct=np.clip(level + 2 * noise[0], 0, 100),
        fuel_l_per_100km=np.where(kmh > 0, (part.litres / metres * 1e5)[van] + noise[1], 0.0),
        packages=np.round(part.packages[van] * (1 - so_far)),
    )
