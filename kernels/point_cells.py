"""Where do points that were read from bytes lie in memory, value by value?

Every value of a point has one cell of eight bytes, and a key has one row of cells, so that what one key says of all
points lies together. Cells of values that were not sent hold nothing: `SAID` tells which were.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernels.track import Ints

NUMBERS = (
    *("ts", "lat", "lon", "alt_m", "spd_kmh", "hdg_deg", "hdop", "acc_m", "rpm", "odo_m", "fuel_pct", "fuel_l"),
    *("fuel_used_l", "batt_v", "soc_pct", "energy_out_kwh"),
)
WHOLE = ("seq", "sat")
SWITCHES = ("nofix", "valid", "ign", "pto", "charging", "his", "private")
TEXTS = ("route_id",)
KEYS = (*NUMBERS, *WHOLE, *SWITCHES, *TEXTS)
ENVELOPE = ("v", "boot", "sent", "dev", "pts")

# Rows of cells: the numbers as float64, then the whole ones as int64, then these.
SAID = len(NUMBERS) + len(WHOLE)  # bit k: the key KEYS[k] was sent; bit 32 + k: the switch SWITCHES[k] is on
ROUTE = SAID + 1  # where in the text route_id begins, times 65,536, plus its length in bytes
ROWS = ROUTE + 1
SWITCH_SHIFT = 32

PADDING = 32  # zero bytes that follow the text, so that eight bytes can be read wherever a message ends


class PointCells(NamedTuple):
    """The points of many messages.

    is_read   bool (n_messages,)       whether a message was understood; the cells of one that was not say nothing
    starts    int64 (n_messages + 1,)  the first point of each message, then the number of points
    boot      int64 (n_messages,)      where `has_boot`
    has_boot  bool (n_messages,)
    values    float64 (ROWS, n_points)
    cells     int64 (ROWS, n_points)   the same memory as `values`
    """

    is_read: NDArray[np.bool_]
    starts: Ints
    boot: Ints
    has_boot: NDArray[np.bool_]
    values: NDArray[np.float64]
    cells: Ints


def empty_cells(points_of: NDArray[Any]) -> PointCells:
    """Make room for so many points of each message."""
    starts = np.zeros(points_of.size + 1, np.int64)
    np.cumsum(points_of, out=starts[1:])
    values = np.empty((ROWS, int(starts[-1])), np.float64)
    is_read, has_boot = np.zeros(points_of.size, np.bool_), np.zeros(points_of.size, np.bool_)
    boot = np.zeros(points_of.size, np.int64)
    return PointCells(is_read, starts, boot, has_boot, values, values.view(np.int64))
