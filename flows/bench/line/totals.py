"""State totals straight from files: what others are asked (`flows.bench.line.peers`), by our reader and one kernel."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kernels.states import DRIVE, IDLE, OFF
from kernels.totals import Positions, state_totals
from kernels.track import Limits
from warehouse.connection import open_database
from warehouse.row_groups import Numbers, Texts, decoded, row_groups

COLUMNS = ("tenant_id", "device_id", "fix_ms", "latitude_e7", "longitude_e7", "speed_ckmh", "ignition")
GAP_US, STOP_KMH, MOVE_KMH, IDLE_US = 300_000_000, 3.0, 5.0, 120_000_000

Arrays = list[NDArray[np.generic]]


def totals_seconds(files: Sequence[str], day: date) -> tuple[float, pa.Table]:
    """Seconds until the totals of every van stand in a table of DuckDB, and that table; no van lies in two files."""
    began_s = time.perf_counter()
    paths = sorted({group.path for group in row_groups(files, day, day)})
    with ThreadPoolExecutor(2) as pool:
        parts = pa.concat_tables(
            [part for found in pool.map(lambda path: list(_of_file(path, day)), paths) for part in found]
        )
    with open_database() as connection:
        connection.execute("create table totals as from parts")
    return time.perf_counter() - began_s, parts


def _of_file(path: str, day: date) -> Iterator[pa.Table]:
    """Totals of the vans of a file; the last van of a row group waits for the next one."""
    waiting: Arrays = []
    name: tuple[str, str] = ("", "")
    for group in row_groups([path], day, day):
        columns = decoded(group, COLUMNS)
        tenants, devices = columns["tenant_id"], columns["device_id"]
        assert isinstance(tenants, Texts)
        assert isinstance(devices, Texts)
        arrays = [found.values for found in (columns[name] for name in COLUMNS[2:]) if isinstance(found, Numbers)]
        begins = (devices.codes[1:] != devices.codes[:-1]) | (tenants.codes[1:] != tenants.codes[:-1])
        starts = np.concatenate([[0], np.flatnonzero(begins) + 1])
        names = [(tenants.names[tenants.codes[row]], devices.names[devices.codes[row]]) for row in starts.tolist()]
        if waiting and names[0] == name:
            arrays = [np.concatenate(both) for both in zip(waiting, arrays, strict=True)]
            starts = np.concatenate([[0], starts[1:] + waiting[0].size])
        elif waiting:
            yield _table([name], np.array([0, waiting[0].size]), waiting)
        last = int(starts[-1])
        if last:
            yield _table(names[:-1], starts, [array[:last] for array in arrays])
        waiting, name = [array[last:].copy() for array in arrays], names[-1]
    if waiting:
        yield _table([name], np.array([0, waiting[0].size]), waiting)


def _table(names: list[tuple[str, str]], starts: NDArray[np.int64], arrays: Arrays) -> pa.Table:
    fix_ms, latitude_e7, longitude_e7, speed_ckmh, ignition = arrays
    count = len(names)
    positions = Positions(
        starts.astype(np.int64),
        fix_ms.astype(np.int64) * 1000,
        latitude_e7.astype(np.int32, copy=False),
        longitude_e7.astype(np.int32, copy=False),
        speed_ckmh.astype(np.float32) / np.float32(100),
        ignition.astype(np.int8, copy=False),
    )
    limits = Limits(np.full(count, GAP_US), np.full(count, STOP_KMH, np.float32), np.zeros(count, np.bool_))
    found = state_totals(positions, limits, move_kmh=MOVE_KMH, idle_us=IDLE_US)
    return pa.table(
        {
            "tenant_id": [name[0] for name in names],
            "device_id": [name[1] for name in names],
            **{
                f"{said}_ms": found.spent_us[:, state] // 1000
                for said, state in (("off", OFF), ("drive", DRIVE), ("idle", IDLE))
            },
            "metres": found.drive_m,
        }
    )
