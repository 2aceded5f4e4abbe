"""State totals straight from files: what others are asked (`flows.bench.line.peers`), by our reader and one kernel.

Each of two threads takes files, and of a file row group after row group. What the kernel wants of it is written to
arrays that are used again: memory that was never touched costs as much as the kernel.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

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
GAP_US, STOP_KMH, MOVE_KMH, IDLE_US = 300_000_000, 3.0, 5.0, 120_000_000
THREADS = 2

Names = list[tuple[str, str]]


def totals_seconds(files: Sequence[str], day: date) -> tuple[float, pa.Table]:
    """Seconds until the totals of every van stand in a table of DuckDB, and that table; no van lies in two files."""
    began_s = time.perf_counter()
    groups: dict[str, list[RowGroup]] = {}
    for group in row_groups(files, day, day):
        groups.setdefault(group.path, []).append(group)
    # Each thread has files of its own, so the kernel need not share one file's vans among threads.
    with ThreadPoolExecutor(THREADS, initializer=numba.set_num_threads, initargs=(1,)) as pool:
        parts = pa.concat_tables(
            [part for found in pool.map(lambda of_file: list(_of_file(of_file)), groups.values()) for part in found]
        )
    with open_database() as connection:
        connection.execute("create table totals as from parts")
    return time.perf_counter() - began_s, parts


class _Room:
    """Columns for so many rows, as the kernel wants them; the first `carried` rows are those of the last van so far."""

    def __init__(self, row_count: int) -> None:
        types = (np.int64, np.int32, np.int32, np.float32, np.int8)
        self.columns: list[NDArray[np.generic]] = [np.empty(row_count, dtype) for dtype in types]
        self.carried = 0

    def add(self, columns: dict[str, Decoded], row_count: int) -> None:
        """Write the rows of a row group after those that are carried."""
        end = self.carried + row_count
        if end > self.columns[0].size:
            self.columns = [np.concatenate([values[: self.carried], np.empty_like(values)]) for values in self.columns]
        time_us, latitude_e7, longitude_e7, speed_kmh, engine = (values[self.carried : end] for values in self.columns)
        fix_ms, latitude, longitude, speed, ignition = (columns[name] for name in COLUMNS[2:])
        assert isinstance(fix_ms, Numbers)
        np.multiply(fix_ms.values, 1000, out=time_us)
        for place, out in ((latitude, latitude_e7), (longitude, longitude_e7)):
            assert isinstance(place, Numbers)
            out[:] = place.values
        _write(speed, speed_kmh, np.float32(np.nan))
        np.divide(speed_kmh, np.float32(100), out=speed_kmh)
        _write(ignition, engine, np.int8(-1))

    def carry(self, first_row: int, end: int) -> None:
        """Keep these rows for the next row group, and no others."""
        for values in self.columns:
            values[: end - first_row] = values[first_row:end].copy()
        self.carried = end - first_row


def _write(column: Decoded, out: NDArray[np.generic], unknown: np.generic) -> None:
    if not isinstance(column, Numbers):
        out[:] = unknown
        return
    out[:] = column.values
    if column.known is not None:
        np.copyto(out, unknown, where=~column.known)


def _of_file(groups: Sequence[RowGroup]) -> Iterator[pa.Table]:
    """Totals of the vans of a file; the last van of a row group waits for the next one."""
    room = _Room(2 * max(group.row_count for group in groups))
    last: tuple[str, str] | None = None
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
        if last is not None and names[0] != last:
            yield _table([last], np.array([0, room.carried]), room)
            room.carried = 0
        room.add(columns, group.row_count)
        starts[1:] += room.carried
        if len(names) > 1:
            yield _table(names[:-1], starts, room)
        room.carry(int(starts[-1]), room.carried + group.row_count)
        last = names[-1]
    if last is not None:
        yield _table([last], np.array([0, room.carried]), room)


def _table(names: Names, starts: NDArray[np.int64], room: _Room) -> pa.Table:
    count = len(names)
    rows = [values[: int(starts[-1])] for values in room.columns]
    positions = Positions(starts.astype(np.int64), *rows)  # type: ignore[arg-type]
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
