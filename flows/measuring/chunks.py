"""In which portions are the vehicle-dates of a service date measured, and by which way do their positions come?

Portions are whole vehicle-dates, so that memory does not depend on how many there are. A date with many positions
comes straight from the files of the lake (`points`), in portions of about as many positions each, and the
next portion is read while one is measured. What that way does not take, a small date, and everything where
ODOGRAPH_PLAIN is set, comes through the warehouse (`warehouse.load.read_chunk`). Both give the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import NamedTuple

import duckdb

from flows.measuring import portion_size
from flows.measuring.planned import GROUP, GROUP_TYPES
from flows.measuring.points import Points, Reader
from flows.measuring.tracks import Day, day_from, day_of
from flows.settings import Settings
from warehouse.lake import LakeTableFiles
from warehouse.load import Chunk, chunk_without_track, positions_known, read_chunk, read_stretches
from warehouse.row_groups import row_groups
from warehouse.work import VehicleDate

CHUNK_VEHICLE_DATES = 100
FAST_FROM_POINTS = 500_000  # to ask where everything lies takes a tenth of a second, in which SQL reads that many


class Portion(NamedTuple):
    """Some whole vehicle-dates, ready for the kernels."""

    vehicle_dates: Sequence[VehicleDate]
    chunk: Chunk
    day: Day


def portions(
    warehouse: duckdb.DuckDBPyConnection,
    lake: Mapping[str, LakeTableFiles],
    settings: Settings,
    day: date,
    vehicle_dates: Sequence[VehicleDate],
) -> Iterator[Portion]:
    """All vehicle-dates of one service date, each in one portion."""
    left: list[VehicleDate] = list(vehicle_dates)
    files = lake["positions"].files
    if not settings.plain and vehicle_dates:
        known = positions_known(warehouse, vehicle_dates, day)
        if sum(known.values()) >= FAST_FROM_POINTS:
            left = []
            yield from _fast(warehouse, files, settings, day, vehicle_dates, known, left)
    for first in range(0, len(left), CHUNK_VEHICLE_DATES):
        chunk_of = left[first : first + CHUNK_VEHICLE_DATES]
        chunk = read_chunk(warehouse, chunk_of, settings.timezone)
        yield Portion(chunk_of, chunk, day_of(chunk, settings))


def _fast(
    warehouse: duckdb.DuckDBPyConnection,
    files: Sequence[str],
    settings: Settings,
    day: date,
    vehicle_dates: Sequence[VehicleDate],
    known: Mapping[VehicleDate, int],
    left: list[VehicleDate],
) -> Iterator[Portion]:
    """Portions straight from files; adds to `left` what has to come another way."""
    stretches = read_stretches(warehouse, vehicle_dates, settings.timezone)
    first, last = max(stretches.first, day - timedelta(days=2)), min(stretches.last, day + timedelta(days=3))
    reader = Reader(row_groups(files, first, last), stretches.rows, settings)
    waiting = _of_about(reader.in_order_of_files(vehicle_dates), known)
    with ThreadPoolExecutor(1, thread_name_prefix="reader") as ahead:
        coming = ahead.submit(reader.read, next(waiting))
        for following in waiting:
            points = coming.result()
            coming = ahead.submit(reader.read, following)
            yield from _portion(warehouse, settings, points, left)
        yield from _portion(warehouse, settings, coming.result(), left)


def _portion(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings, points: Points, left: list[VehicleDate]
) -> Iterator[Portion]:
    left += points.left
    names = points.columns.names
    if not names:
        return
    vehicle_dates = [VehicleDate(tenant, vehicle, of_day) for tenant, of_day, vehicle in names]
    chunk = chunk_without_track(warehouse, vehicle_dates, points.counted, points.ends)
    groups = points.counted.select(GROUP).cast(GROUP_TYPES)  # type: ignore[arg-type]
    vans = groups.join(chunk.vans, on=GROUP, how="left", maintain_order="left")
    yield Portion(vehicle_dates, chunk, day_from(points.columns, vans, chunk, settings))


def _of_about(vehicle_dates: Sequence[VehicleDate], known: Mapping[VehicleDate, int]) -> Iterator[list[VehicleDate]]:
    """Vehicle-dates that have some `CHUNK_POINTS` positions together, as far as is known beforehand."""
    taken: list[VehicleDate] = []
    points = 0
    for found in vehicle_dates:
        if taken and points + known.get(found, 0) > portion_size.CHUNK_POINTS:
            yield taken
            taken, points = [], 0
        taken.append(found)
        points += known.get(found, 0)
    yield taken
