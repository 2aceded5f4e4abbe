"""What do positions hold of each sender and quarter of an hour: how many, from when to when, in which segments?

Rows are looked at once, in the order they are given. A cell is a stretch of neighbours of one sender and one quarter of
an hour whose times do not fall; a run is what lies in a cell of one spool, is whole or not, and is new or not. Where
rows are sorted by sender and time, as in the files of the lake, a sender has one cell a quarter; in any other order
there are more of them and all that is said of each is still true.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernels.compiled import serial_kernel
from kernels.track import Ints, column, columns

QUARTER_MS, SECOND_MS = 900_000, 1000
NEVER = np.iinfo(np.int64).min


class Heard(NamedTuple):
    """Positions as they lie in a file; every field has the shape (n_rows,).

    sender       int32  number of the device
    spool        int32  number of the spool its message came through
    fix_ms       int64  when it was measured
    segment_no   int64  segment of that spool
    received_us  int64  when it was received
    is_live      bool   not sent after a dead zone
    is_whole     bool   not what is left of a thinned date
    """

    sender: NDArray[np.int32]
    spool: NDArray[np.int32]
    fix_ms: Ints
    segment_no: Ints
    received_us: Ints
    is_live: NDArray[np.bool_]
    is_whole: NDArray[np.bool_]


_TYPES = (np.int32, np.int32, np.int64, np.int64, np.int64, np.bool_, np.bool_)


class Quarters(NamedTuple):
    """Runs in the order of rows; every field is int64 (n_runs,).

    cell         number of the run's cell
    first_row    its first row; sender, spool, quarter and whether it is whole are those of that row
    is_new       1 where its segments are after those that were reached
    last_ms      time of its last row; that of its first row is the earliest
    newest_row   the first of its newest live rows, -1 where none is live
    backlog_count, position_count   rows
    second_count   different seconds that no row of the cell before it is of
    """

    cell: Ints
    first_row: Ints
    is_new: Ints
    last_ms: Ints
    first_segment_no: Ints
    last_segment_no: Ints
    first_received_us: Ints
    last_received_us: Ints
    newest_row: Ints
    position_count: Ints
    backlog_count: Ints
    second_count: Ints


def quarters_heard(heard: Heard, reached: Ints) -> Quarters:
    """Find the runs of some rows; `reached` is the last segment of each spool that is not new, -1 where all are."""
    size = np.asarray(heard.fix_ms).size
    rows = columns(heard, _TYPES, size)
    # As long as if every row were a run of its own; memory that is not written to is none.
    found = [np.empty(size, np.int64) for _ in Quarters._fields]
    count = _find_runs(*rows, column("reached", reached, np.int64), *found)
    return Quarters(*(values[:count].copy() for values in found))


@serial_kernel
def _find_runs(
    sender, spool, fix_ms, segment_no, received_us, is_live, is_whole, reached, cells, first_rows, news, last_ms,
    first_segments, last_segments, first_received, last_received, newest_rows, position_counts, backlog_counts,
    second_counts,
):  # fmt: skip
    run = cell = -1
    quarter_end_ms = second_end_ms = NEVER
    begin, newest, backlog_count, second_count = 0, -1, 0, 0
    was_new = False
    first_segment = last_segment = first_us = last_us = np.int64(0)
    for row in range(fix_ms.size + 1):
        is_end = row == fix_ms.size
        is_new, is_cell = False, True
        if not is_end:
            is_new = segment_no[row] > reached[spool[row]]
            is_cell = row == 0 or sender[row] != sender[row - 1] or fix_ms[row] < fix_ms[row - 1]
            is_cell = is_cell or fix_ms[row] >= quarter_end_ms
        if is_cell or is_new != was_new or spool[row] != spool[row - 1] or is_whole[row] != is_whole[row - 1]:
            if row > 0:
                run += 1
                cells[run], first_rows[run], news[run], last_ms[run] = cell, begin, was_new, fix_ms[row - 1]
                first_segments[run], last_segments[run] = first_segment, last_segment
                first_received[run], last_received[run] = first_us, last_us
                newest_rows[run], position_counts[run] = newest, row - begin
                backlog_counts[run], second_counts[run] = backlog_count, second_count
            if is_end:
                break
            if is_cell:
                cell += 1
                quarter_end_ms = (fix_ms[row] // QUARTER_MS + 1) * QUARTER_MS
                second_end_ms = NEVER
            begin, newest, backlog_count, second_count, was_new = row, -1, 0, 0, is_new
            first_segment = last_segment = segment_no[row]
            first_us = last_us = received_us[row]
        first_segment, last_segment = min(first_segment, segment_no[row]), max(last_segment, segment_no[row])
        first_us, last_us = min(first_us, received_us[row]), max(last_us, received_us[row])
        if not is_live[row]:
            backlog_count += 1
        elif newest < 0 or fix_ms[row] > fix_ms[newest]:
            newest = row
        if fix_ms[row] >= second_end_ms:
            second_count += 1
            second_end_ms = (fix_ms[row] // SECOND_MS + 1) * SECOND_MS
    return run + 1
