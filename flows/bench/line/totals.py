"""State totals straight from files: what others are asked (`flows.bench.line.peers`), by our reader and one kernel.

Each of two threads takes files, and of a file row group after row group. The kernel reads their columns where they were
decoded; only the first and the last van of a row group, which may lie in two, are copied. Times stay milliseconds and
speeds hundredths of km/h: the kernel compares and adds up, whatever the unit.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kernels.states import DRIVE, IDLE, OFF
from kernels.totals import Positions, state_totals
from kernels.track import Limits
from warehouse.connection import open_database
from warehouse.row_groups import Decoded, Numbers, RowGroup, Texts, decoded, row_groups

COLUMNS = ("tenant_id", "device_id", "fix_ms", "latitude_e7", "longitude_e7", "speed_ckmh", "ignition")
GAP_MS, STOP_CKMH, MOVE_CKMH, IDLE_MS = 300_000, 300.0, 500.0, 120_000
THREADS = 2

Names = list[tuple[str, str]]
Arrays = list[NDArray[Any]]


def totals_seconds(files: Sequence[str], day: date) -> tuple[float, pa.Table]:
    """Seconds until the totals of every van stand in a table of DuckDB, and that table; no van lies in two files."""
    began_s = time.perf_counter()
    groups: dict[str, list[RowGroup]] = {}
    for group in row_groups(files, day, day):
        groups.setdefault(group.path, []).append(group)
    # Each thread has files of its own, so the kernel need not share one file's vans among threads.
    with ThreadPoolExecutor(THREADS, initializer=numba.set_num_threads, initargs=(1,)) as pool:
        opening = pool.submit(open_database)
        parts = pa.concat_tables(
            [part for found in pool.map(lambda of_file: list(_of_file(of_file)), groups.values()) for part in found]
        )
    with opening.result() as connection:
        connection.execute("create table totals as from parts")
    return time.perf_counter() - began_s, parts


def _of_file(groups: Sequence[RowGroup]) -> Iterator[pa.Table]:
    """Totals of the vans of a file; the last van of a row group waits for the next one."""
    waiting: list[Arrays] = []
    last: tuple[str, str] = ("", "")
    for group in groups:
        columns = decoded(group, COLUMNS)
        tenants, devices = columns["tenant_id"], columns["device_id"]
        assert isinstance(tenants, Texts)
        assert isinstance(devices, Texts)
        begins = devices.codes[1:] != devices.codes[:-1]
        if len(tenants.names) > 1:
            begins |= tenants.codes[1:] != tenants.codes[:-1]
        starts = np.concatenate([[0], np.flatnonzero(begins) + 1])
        names = [(tenants.names[tenants.codes[row]], devices.names[devices.codes[row]]) for row in starts.tolist()]
        arrays = _arrays(columns)
        if waiting and names[0] == last:
            end = int(starts[1]) if len(names) > 1 else group.row_count
            waiting.append([values[:end].copy() for values in arrays])
            if len(names) == 1:
                continue
            starts, names = starts[1:], names[1:]
        if waiting:
            yield _waited(last, waiting)
        first, end = int(starts[0]), int(starts[-1])
        if first < end:
            yield _table(names[:-1], starts - first, [values[first:end] for values in arrays])
        waiting, last = [[values[end:].copy() for values in arrays]], names[-1]
    if waiting:
        yield _waited(last, waiting)


def _arrays(columns: dict[str, Decoded]) -> Arrays:
    """The columns of a row group as the kernel wants them."""
    fix_ms, latitude, longitude, speed, ignition = (columns[name] for name in COLUMNS[2:])
    assert isinstance(fix_ms, Numbers)
    assert isinstance(latitude, Numbers)
    assert isinstance(longitude, Numbers)
    assert isinstance(speed, Numbers)
    assert isinstance(ignition, Numbers)
    speed_ckmh, engine = speed.values.astype(np.float32), ignition.values
    if speed.known is not None:
        speed_ckmh[~speed.known] = np.nan
    if ignition.known is not None:
        engine = np.where(ignition.known, engine, np.int8(-1))
    return [fix_ms.values, latitude.values, longitude.values, speed_ckmh, engine]


def _waited(name: tuple[str, str], parts: list[Arrays]) -> pa.Table:
    rows = [np.concatenate(values) for values in zip(*parts, strict=True)]
    return _table([name], np.array([0, rows[0].size]), rows)


def _table(names: Names, starts: NDArray[np.int64], rows: Arrays) -> pa.Table:
    count = len(names)
    limits = Limits(np.full(count, GAP_MS), np.full(count, STOP_CKMH, np.float32), np.zeros(count, np.bool_))
    found = state_totals(Positions(starts, *rows), limits, move_kmh=MOVE_CKMH, idle_us=IDLE_MS)
    return pa.table(
        {
            "tenant_id": [name[0] for name in names],
            "device_id": [name[1] for name in names],
            **{
                f"{said}_ms": found.spent_us[:, state]
                for said, state in (("off", OFF), ("drive", DRIVE), ("idle", IDLE))
            },
            "metres": found.drive_m,
        }
    )
