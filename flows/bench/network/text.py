"""What do messages of positions look like as JSON? Written at the speed of arrays, straight into one buffer.

Python's own way takes longer for a point than the whole line does, so that most of a run would be making up.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 190  # of a point; of a message beside its points fewer as well


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


HEAD, POINTS = _bytes('{"v":1,"dev":"D'), _bytes('","boot":1,"pts":[')
TIME, SEQ, LATITUDE, LONGITUDE = _bytes('{"ts":'), _bytes(',"seq":'), _bytes(',"lat":'), _bytes(',"lon":')
ALTITUDE, SPEED, HEADING = _bytes(',"alt_m":'), _bytes(',"spd_kmh":'), _bytes(',"hdg_deg":')
HDOP, SATELLITES, IGNITION = _bytes(',"hdop":'), _bytes(',"sat":'), _bytes(',"ign":')
TRUE, FALSE, NEXT, END = _bytes("true}"), _bytes("false}"), _bytes(","), _bytes("]}")


@numba.njit(nogil=True, cache=True)
def write_messages(  # type: ignore[no-untyped-def]
    van, first_row, points, later_ms, north_e7, rows_a_life, fix_ms, latitude_e7, longitude_e7, altitude_dm,
    speed_ckmh, heading_ddeg, hdop_c, satellites, ignition, text, ends,
):  # fmt: skip
    """Write one message after the other into `text`, and into `ends` where each of them ends."""
    place = 0
    for message in range(van.size):
        place = _text(text, place, HEAD)
        place = _number(text, place, van[message], 6, 0)
        place = _text(text, place, POINTS)
        for row in range(first_row[message], first_row[message] + points[message]):
            if row > first_row[message]:
                place = _text(text, place, NEXT)
            place = _number(text, _text(text, place, TIME), fix_ms[row] + later_ms[message], 1, 3)
            place = _number(text, _text(text, place, SEQ), row % rows_a_life, 1, 0)
            place = _number(text, _text(text, place, LATITUDE), latitude_e7[row] + north_e7[message], 1, 7)
            place = _number(text, _text(text, place, LONGITUDE), longitude_e7[row], 1, 7)
            place = _number(text, _text(text, place, ALTITUDE), altitude_dm[row], 1, 1)
            place = _number(text, _text(text, place, SPEED), speed_ckmh[row] // 10, 1, 1)
            place = _number(text, _text(text, place, HEADING), heading_ddeg[row], 1, 1)
            place = _number(text, _text(text, place, HDOP), hdop_c[row], 1, 2)
            place = _number(text, _text(text, place, SATELLITES), satellites[row], 1, 0)
            place = _text(text, _text(text, place, IGNITION), TRUE if ignition[row] else FALSE)
        place = _text(text, place, END)
        ends[message] = place


@numba.njit(nogil=True, cache=True)
def _text(text: Any, place: Any, added: Any) -> Any:
    for index in range(added.size):
        text[place + index] = added[index]
    return place + added.size


@numba.njit(nogil=True, cache=True)
def _number(text: Any, place: Any, value: Any, digits: Any, decimals: Any) -> Any:
    """A whole number with so many digits at least, of which `decimals` more stand behind a point."""
    left = np.int64(value)
    if left < 0:
        text[place] = 45  # minus
        place += 1
        left = -left
    size = digits + decimals
    while left >= 10**size:
        size += 1
    end = place + size + (1 if decimals else 0)
    spot = end
    for digit in range(size):
        if decimals and digit == decimals:
            spot -= 1
            text[spot] = 46  # point
        spot -= 1
        text[spot] = 48 + left % 10
        left //= 10
    return end
