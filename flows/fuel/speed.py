"""How fast are purchases compared with positions?"""

from time import perf_counter
from typing import NamedTuple

import numpy as np

from flows.fuel.evaluating import evaluate_fuel
from flows.opening import lake_tables
from flows.settings import Settings
from kernels.presence import Purchases, presence
from kernels.track import Track
from warehouse.connection import open_warehouse, writer_lock
from warehouse.lake import attach_lake
from warehouse.models import prepare_models

SITES = 200
POSITIONS = "select count(*) from staging.read_positions"
HOUR_US = 3_600_000_000


class KernelSpeed(NamedTuple):
    """One run of the kernel over invented vans and purchases.

    pairs_per_s  purchases times fixes of their tenant, in a second: what comparing each with each would have done
    """

    purchases: int
    fixes: int
    pairs: int
    seconds: float
    pairs_per_s: float


class LineSpeed(NamedTuple):
    """All purchases of a warehouse compared anew, from the files of the lake to the mart.

    seconds  versions, sites and times, positions read from the lake, kernel, marts
    """

    purchases: int
    positions: int
    seconds: float


def line_speed(settings: Settings) -> LineSpeed:
    """Time the comparison of all purchases of a refreshed warehouse, as if nothing had been compared before."""
    with writer_lock(settings.lock_path, wait_s=0), open_warehouse(settings.warehouse_path) as warehouse:
        prepare_models(warehouse)
        attach_lake(warehouse, lake_tables(settings), settings.timezone)
        warehouse.execute("delete from core.fuel_evaluations")
        began_s = perf_counter()
        evaluate_fuel(warehouse, settings)
        seconds = perf_counter() - began_s
        compared = warehouse.execute("select count(*) from core.fuel_evaluations").fetchall()[0][0]
        positions = warehouse.execute(POSITIONS).fetchall()[0][0]
    return LineSpeed(compared, positions, seconds)


def kernel_speed(
    *, vans: int = 40, days: int = 30, interval_s: int = 10, per_van: int = 12, seed: int = 7
) -> KernelSpeed:
    """Time the kernel on vans that wander through a city for `days` days, with `per_van` purchases of each."""
    chance = np.random.default_rng(seed)
    rows = days * 10 * 3600 // interval_s  # ten hours a day
    in_day = rows // days
    day = np.repeat(np.arange(days), in_day)
    at_us = (day * 24 * HOUR_US + np.tile(np.arange(in_day), days) * interval_s * 1_000_000).astype(np.int64)
    steps_e7 = chance.normal(0, 4_000, (2, vans * at_us.size)).reshape(2, vans, -1).cumsum(axis=2).astype(np.int64)
    places_e7 = (steps_e7 % 2_000_000).reshape(2, -1)  # some 20 km square
    count = vans * at_us.size
    track = Track(
        starts=np.arange(vans + 1, dtype=np.int64) * at_us.size,
        time_us=np.tile(at_us, vans),
        latitude_e7=(407_000_000 + places_e7[0]).astype(np.int32),
        longitude_e7=(-742_000_000 + places_e7[1]).astype(np.int32),
        placed=np.ones(count, np.bool_),
        speed_kmh=np.full(count, 30, np.float32),
        engine=np.ones(count, np.int8),
        odometer_m=np.arange(count, dtype=np.float64),
    )
    bought = vans * per_van
    sites_e7 = chance.integers(0, 2_000_000, (2, SITES))
    site = chance.integers(0, SITES, bought)
    time_us = chance.choice(at_us, bought)
    day_us = time_us // (24 * HOUR_US) * (24 * HOUR_US)
    purchases = Purchases(
        time_us=time_us,
        timed=np.ones(bought, np.bool_),
        latitude_e7=(407_000_000 + sites_e7[0, site]).astype(np.int32),
        longitude_e7=(-742_000_000 + sites_e7[1, site]).astype(np.int32),
        placed=np.ones(bought, np.bool_),
        day_from_us=day_us,
        day_to_us=day_us + 24 * HOUR_US,
        first_van=np.zeros(bought, np.int64),
        end_van=np.full(bought, vans, np.int64),
        assigned=np.repeat(np.arange(vans), per_van).astype(np.int64),
    )
    levels = np.full(count, 50, np.float32)
    presence(track, levels, purchases)  # compiles
    began_s = perf_counter()
    found = presence(track, levels, purchases)
    seconds = perf_counter() - began_s
    return KernelSpeed(bought, count, found.van.size, seconds, bought * count / seconds)
