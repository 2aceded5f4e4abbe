"""A made-up network day: vans that stop and go, a fix every second for ten hours, ten fixes a message.

Every van has a depot, some silence and much standing; positions and speeds are noisy as those of a receiver are, so
that files of them are no smaller than real ones. The same van lives the same day in every run.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.columns import POSITIONS

DAY = date(2026, 3, 2)
DAY_MS = 1_772_409_600_000  # its midnight, UTC
FROM_MS = DAY_MS + 12 * 3_600_000
POINTS = 36_000  # of a van
BATCH = 10  # points of a message
VANS_PER_TENANT = 1000
SPOOL = "main"
SEGMENT_S = 60  # a segment of the spool is sealed that often
MODE_OFF, MODE_DRIVE, MODE_IDLE = 0, 1, 2


class Van(NamedTuple):
    """Who a van is; its device sorts as it does."""

    tenant_id: str
    vehicle_id: str
    device_id: str


def van(number: int) -> Van:
    """The van of this number, from 0."""
    return Van(f"net{number // VANS_PER_TENANT:03}", f"V{number:06}", f"D{number:06}")


class Lives(NamedTuple):
    """What vans lived and sent, van by van, POINTS rows each, in the units of the lake."""

    fix_ms: NDArray[np.int64]
    received_us: NDArray[np.int64]
    payload_hash: NDArray[np.int64]
    latitude_e7: NDArray[np.int32]
    longitude_e7: NDArray[np.int32]
    altitude_dm: NDArray[np.int32]
    speed_ckmh: NDArray[np.int16]
    heading_ddeg: NDArray[np.int16]
    hdop_c: NDArray[np.int16]
    satellites: NDArray[np.int16]
    point_index: NDArray[np.int16]
    ignition: NDArray[np.bool_]


def lives(first: int, end: int) -> Lives:
    """The lives of the vans from `first` to before `end`."""
    count = (end - first) * POINTS
    kinds = (*[np.int64] * 3, *[np.int32] * 3, *[np.int16] * 5, np.bool_)
    found = Lives(*(np.empty(count, kind) for kind in kinds))
    _live(first, end, *found)
    return found


def points_of(first: int, end: int) -> pa.Table:
    """The positions of the vans from `first` to before `end`, in the order and with the columns of the lake."""
    lived = lives(first, end)
    vans = [van(number) for number in range(first, end)]
    of_van = np.repeat(np.arange(end - first, dtype=np.int32), POINTS)
    return lake_rows(
        lived._asdict()
        | {
            "tenant_id": _named(of_van, [found.tenant_id for found in vans]),
            "device_id": _named(of_van, [found.device_id for found in vans]),
            "seq": np.tile(np.arange(POINTS, dtype=np.int64), end - first),
            "spool_id": _named(np.zeros(of_van.size, np.int32), [SPOOL]),
            "segment_no": 1 + (lived.received_us // 1_000_000 - FROM_MS // 1000) // SEGMENT_S,
        }
    )


def lake_rows(known: Mapping[str, Any]) -> pa.Table:
    """Positions of native messages with these columns, and null in all others."""
    fix_ms = known["fix_ms"]
    same = np.zeros(fix_ms.size, np.int32)
    known = {
        "fix_date": pa.array((fix_ms // 86_400_000).astype(np.int32), pa.date32()),
        "boot": np.ones(fix_ms.size, np.int64),
        "quality": _named(same, ["good"]),
        "flags": _named(same, [""]),
        "source_format": _named(same, ["native"]),
        **known,
    }
    nothing = pa.nulls(fix_ms.size)
    arrays = [
        pa.array(known[field.name]).cast(field.type) if field.name in known else nothing.cast(field.type)
        for field in POSITIONS.schema
    ]
    return pa.Table.from_arrays(arrays, schema=POSITIONS.schema)


def _named(codes: np.ndarray, names: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(codes, names)


@numba.njit(parallel=True, nogil=True, cache=True)
def _live(  # type: ignore[no-untyped-def]
    first, end, fix_ms, received_us, payload_hash, latitude_e7, longitude_e7, altitude_dm, speed_ckmh, heading_ddeg,
    hdop_c, satellites, point_index, ignition,
):  # fmt: skip
    for number in numba.prange(first, end):
        np.random.seed(number)
        base = (number - first) * POINTS
        at_ms = FROM_MS + (number % 977) * 1000 + number % 7 * 100
        north_m, east_m, height_m = 0.0, 0.0, 120.0
        home_latitude = 40.0 + number % 500 * 0.01
        home_longitude = -75.0 - number % 37 * 0.02
        east_e7 = 1e7 / (111_195.0 * np.cos(np.radians(home_latitude)))
        mode, left, kmh, heading = MODE_OFF, 120 + number % 300, 0.0, np.random.random() * 6.28
        drift_north, drift_east = 0.0, 0.0
        open_sky = 8 + number % 7
        for point in range(POINTS):
            row = base + point
            if left == 0:
                chance = np.random.random()
                if mode != MODE_DRIVE:
                    mode, left = MODE_DRIVE, int(30 + np.random.random() * 240)
                elif chance < 0.55:
                    mode, left = MODE_IDLE, int(8 + np.random.random() * (60 if chance < 0.5 else 600))
                else:
                    mode, left = MODE_OFF, int(30 + np.random.random() * (120 if chance < 0.98 else 2400))
                if np.random.random() < 0.004:
                    at_ms += int(400 + np.random.random() * 3000) * 1000
            left -= 1
            if mode == MODE_DRIVE:
                kmh = min(max(kmh + np.random.normal() * 2.5 + (35 - kmh) * 0.05, 0.0), 110.0)
                heading += np.random.normal() * 0.08
            else:
                kmh = 0.0
            metres = kmh / 3.6
            north_m += metres * np.cos(heading)
            east_m += metres * np.sin(heading)
            height_m += np.random.normal() * 0.02 * metres
            # The error of a receiver wanders; it does not jump from one second to the next.
            drift_north += np.random.normal() * 0.15 - drift_north * 0.02
            drift_east += np.random.normal() * 0.15 - drift_east * 0.02
            at_ms += 1000
            fix_ms[row] = at_ms
            latitude_e7[row] = int(home_latitude * 1e7 + (north_m + drift_north) * 1e7 / 111_195.0)
            longitude_e7[row] = int(home_longitude * 1e7 + (east_m + drift_east) * east_e7)
            altitude_dm[row] = int((height_m + drift_north) * 10)
            said_kmh = max(kmh + np.random.normal() * (0.4 if kmh > 0 else 0.15), 0.0)
            speed_ckmh[row] = int(said_kmh * 10) * 10 if said_kmh > 0.3 else 0
            heading_ddeg[row] = int(heading * 572.96) % 3600
            hdop_c[row] = 80 + open_sky % 3 * 10
            satellites[row] = open_sky
            if point % 60 == 0:
                open_sky = 8 + int(np.random.random() * 7)
            ignition[row] = mode != MODE_OFF
            point_index[row] = point % BATCH
        for last in range(BATCH - 1, POINTS, BATCH):
            came_us = fix_ms[base + last] * 1000 + 40_000 + int(np.random.exponential() * 150_000)
            digest = np.int64(np.random.random() * 9e18)
            for row in range(base + last - BATCH + 1, base + last + 1):
                received_us[row], payload_hash[row] = came_us, digest
