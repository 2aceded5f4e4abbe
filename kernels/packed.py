"""What do packed messages say, read from their bytes straight into columns?

The format is that of docs/messages.md; `ingest.packed` has the reference. Differences are added up as they are read, so
a value takes its few bytes, one addition and one division. A message with anything wrong or unusual (an unknown column,
a number too large, bytes too few or too many, another device) is left to the slow decoder, which says what is wrong.
"""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from kernels.compiled import kernel, part
from kernels.point_cells import (
    KEYS,
    NUMBERS,
    PADDING,
    ROUTE,
    SAID,
    SWITCH_SHIFT,
    SWITCHES,
    PointCells,
    empty_cells,
)
from kernels.track import Ints, column

MAX_PACKED_POINTS = 7_200
VERSION = 1
MAGIC = b"\xd0oP"
UNITS = {
    **{"lat": 10_000_000, "lon": 10_000_000, "spd_kmh": 100, "hdg_deg": 10, "alt_m": 10, "hdop": 100, "acc_m": 10},
    **{"rpm": 1, "odo_m": 1, "fuel_pct": 100, "fuel_l": 1_000, "fuel_used_l": 1_000, "batt_v": 1_000},
    **{"soc_pct": 100, "energy_out_kwh": 1_000, "sat": 1},
}
COLUMNS = (
    *("lat", "lon", "spd_kmh", "hdg_deg", "ign", "boot", "seq", "odo_m", "fuel_pct", "rpm", "sat", "hdop", "acc_m"),
    *("alt_m", "batt_v", "fuel_used_l", "fuel_l", "route_id", "soc_pct", "energy_out_kwh", "charging", "pto", "valid"),
    *("nofix", "his", "private"),
)

_HEAD = np.frombuffer(MAGIC + bytes([VERSION]), np.uint8)
_MS_PER_S = 1000.0
_MOST = 2**53  # exact as float64
_SMALL = 2**52
_LONG, _LOW_BITS = np.uint8(0x80), np.uint8(0x7F)
_MOST_BYTES = 56  # bits of a number: eight bytes of seven
_LEAST_SAT, _MOST_SAT = -1, 999  # outside of it the slow decoder clips
_SHARE = 64  # messages that one thread reads at a time

_TS, _SEQ, _SAT = KEYS.index("ts"), KEYS.index("seq"), KEYS.index("sat")
_BOOT_COLUMN, _SEQ_COLUMN, _ROUTE_COLUMN = (COLUMNS.index(name) for name in ("boot", "seq", "route_id"))
_KEY_OF = np.array([KEYS.index(name) if name in KEYS else -1 for name in COLUMNS])
_UNITS = np.array([float(UNITS.get(name, 0)) for name in COLUMNS])  # 0 for what is no number
_SWITCH_OF = np.array([SWITCHES.index(name) if name in SWITCHES else -1 for name in COLUMNS])
_MAY_HAVE_GAPS = sum(1 << bit for bit, name in enumerate(COLUMNS) if name not in ("boot", "seq", "route_id"))
_MAY_BE_STEADY = sum(1 << bit for bit, name in enumerate(COLUMNS) if name in UNITS)
assert set(UNITS) | {"ts", "seq"} == {*NUMBERS, "seq", "sat"}


def packed_points(
    text: NDArray[np.uint8], begins: Ints, ends: Ints, senders: list[bytes], sender_of: Ints
) -> PointCells:
    """Read the points of the messages `text[begins[n]:ends[n]]`, each sent by `senders[sender_of[n]]`.

    `text` ends with PADDING zero bytes that belong to no message.
    """
    if text.size < PADDING or text[-PADDING:].any() or (ends.size and ends.max() > text.size - PADDING):
        raise ValueError("the text does not end with its padding")
    text, sender_of = column("text", text, np.uint8), column("sender_of", sender_of, np.int64)
    begins, ends = (column("message", bounds, np.int64, sender_of.size) for bounds in (begins, ends))
    points_of, value_starts = np.zeros(begins.size, np.int64), np.zeros(begins.size, np.int64)
    names = np.frombuffer(b"".join(senders) or b"\0", np.uint8)
    name_starts = np.cumsum([0, *map(len, senders)])
    _read_heads(text, begins, ends, names, name_starts, sender_of, points_of, value_starts)
    found = empty_cells(points_of)
    _read_values(text, begins, ends, value_starts, *found)
    return found


@part
def _number(text, at):
    """A number of seven bits a byte, shifted left by eight, plus how many bytes it took; 0 for one that is too long."""
    value, size = np.int64(0), np.int64(0)
    while size < 8:
        byte = np.int64(text[at + size])
        value |= (byte & 0x7F) << 7 * size
        size += 1
        if byte < 0x80:
            return value << 8 | size
    return np.int64(0)


@kernel
def _read_heads(text, begins, ends, names, name_starts, sender_of, points_of, value_starts):
    for share in prange((begins.size + _SHARE - 1) // _SHARE):
        until = min((share + 1) * _SHARE, begins.size)
        _read_share_of_heads(
            share * _SHARE, until, text, begins, ends, names, name_starts, sender_of, points_of, value_starts
        )


@part
def _read_share_of_heads(first, until, text, begins, ends, names, name_starts, sender_of, points_of, value_starts):
    for message in range(first, until):
        at, end = begins[message], ends[message]
        is_packed = end - at > _HEAD.size
        for place in range(_HEAD.size):
            is_packed &= text[at + place] == _HEAD[place]
        at += _HEAD.size
        for _ in range(3):
            found = _number(text, at)
            is_packed &= found > 0
            at += found & 0xFF
            is_packed &= at < end
            if not is_packed:
                break
        if not is_packed:
            continue
        found = _number(text, at)
        at += found & 0xFF
        sender = sender_of[message]
        length = name_starts[sender + 1] - name_starts[sender]
        if found == 0 or found >> 8 != length or at + length >= end:
            continue
        for place in range(length):
            is_packed &= text[at + place] == names[name_starts[sender] + place]
        at += length
        found = _number(text, at)
        at += found & 0xFF
        # Every point has a byte at least, that of its time: so nothing is made room for that is not there.
        if is_packed and 0 < found >> 8 <= min(MAX_PACKED_POINTS, end - at):
            points_of[message] = found >> 8
            value_starts[message] = at


@kernel
def _read_values(text, begins, ends, value_starts, is_read, starts, boot, has_boot, values, cells):
    for share in prange((begins.size + _SHARE - 1) // _SHARE):
        until = min((share + 1) * _SHARE, begins.size)
        _read_share_of_values(
            share * _SHARE, until, text, begins, ends, value_starts, is_read, starts, boot, has_boot, values, cells
        )


@part
def _read_share_of_values(
    first, until, text, begins, ends, value_starts, is_read, starts, boot, has_boot, values, cells
):
    one = np.uint64(1)
    for message in range(first, until):
        first_row, last_row = starts[message], starts[message + 1]
        if first_row == last_row:
            continue
        at, end = begins[message] + _HEAD.size, ends[message]
        found = _number(text, at)
        at += found & 0xFF
        is_there = found >> 8
        found = _number(text, at)
        at += found & 0xFF
        has_gaps = found >> 8
        is_steady = _number(text, at) >> 8
        is_fine = is_there >> len(COLUMNS) == 0 and (has_gaps | is_steady) & ~is_there == 0
        is_fine &= has_gaps & ~_MAY_HAVE_GAPS == 0 and is_steady & ~_MAY_BE_STEADY == 0
        at = value_starts[message]
        bitmap_bytes = (last_row - first_row + 7) // 8
        spare_bits = bitmap_bytes * 8 - (last_row - first_row)
        said_by_all = np.int64(1) << _TS
        for row in range(first_row, last_row):
            cells[SAID, row] = 0
        # The first column is time, which has neither bit nor unit of its own.
        bit = -1
        while is_fine and bit < len(COLUMNS):
            if bit >= 0 and is_there >> bit & 1 == 0:
                bit += 1
                continue
            gaps = np.int64(-1)
            if bit >= 0 and has_gaps >> bit & 1:
                gaps = at
                at += bitmap_bytes
                if at > end or (spare_bits > 0 and text[at - 1] >> (8 - spare_bits) != 0):
                    is_fine = False
                    break
            if bit >= 0 and _SWITCH_OF[bit] >= 0:
                on_bits = at
                at += bitmap_bytes
                if at > end or (spare_bits > 0 and text[at - 1] >> (8 - spare_bits) != 0):
                    is_fine = False
                    break
                key_bit = np.int64(1) << _KEY_OF[bit]
                switch_bit = np.int64(1) << (SWITCH_SHIFT + _SWITCH_OF[bit])
                holders = np.int64(0)
                for row in range(first_row, last_row):
                    place, shift = (row - first_row) >> 3, (row - first_row) & 7
                    is_on = text[on_bits + place] >> shift & 1
                    if gaps >= 0 and text[gaps + place] >> shift & 1 == 0:
                        is_fine &= is_on == 0
                        continue
                    holders += 1
                    cells[SAID, row] |= key_bit | switch_bit if is_on else key_bit
                is_fine &= holders > 0
            elif bit == _ROUTE_COLUMN:
                found = _number(text, at)
                at += found & 0xFF
                length = found >> 8
                if found == 0 or at + length > end:
                    is_fine = False
                    break
                for place in range(at, at + length):
                    is_fine &= 32 <= text[place] < 127
                for row in range(first_row, last_row):
                    cells[ROUTE, row] = at << 16 | length
                said_by_all |= np.int64(1) << _KEY_OF[bit]
                at += length
            else:
                # Everything else is numbers: one for the message, one for all points, or one for each.
                is_of_message = bit in (_BOOT_COLUMN, _SEQ_COLUMN)
                is_once = is_of_message or (bit >= 0 and is_steady >> bit & 1 == 1)
                is_time = bit < 0
                key = _TS if is_time else _KEY_OF[bit]
                units = _MS_PER_S if is_time else _UNITS[bit]
                key_bit = np.int64(1) << key if key >= 0 else np.int64(0)
                total, step = np.int64(0), np.int64(0)
                is_begun = False
                is_plain = gaps < 0 and not is_once and not is_time and key != _SAT
                point = np.int64(first_row) - np.int64(1)
                while point + 1 < last_row:
                    point += np.int64(1)
                    # Behind the first, nearly every number has one or two bytes, which cannot add up to too much.
                    # Unsigned, so that nobody has to look whether they are counted from the end.
                    if is_plain and is_begun and -_SMALL < total < _SMALL:
                        near, fast_point = np.uint64(at), np.uint64(point)
                        while fast_point < np.uint64(last_row) and near < np.uint64(end - 1):
                            low, high = text[near], text[near + one]
                            is_long = low >> np.uint8(7)
                            if is_long and high >= _LONG:
                                break
                            number = np.int64(low & _LOW_BITS) | np.int64(high) << 7 if is_long else np.int64(low)
                            near += one + np.uint64(is_long)
                            total += number >> 1 ^ -(number & 1)
                            values[key, fast_point] = total / units
                            fast_point += one
                        at, point = np.int64(near), np.int64(fast_point)
                    if point == last_row:
                        break
                    if gaps >= 0 and text[gaps + ((point - first_row) >> 3)] >> ((point - first_row) & 7) & 1 == 0:
                        continue
                    if not is_begun or not is_once:
                        number = np.int64(text[at])
                        at += 1
                        if number >= 0x80:
                            number &= 0x7F
                            shift = np.int64(7)
                            while text[at] >= 0x80 and shift < _MOST_BYTES - 7:
                                number |= np.int64(text[at] & 0x7F) << shift
                                shift += 7
                                at += 1
                            number |= np.int64(text[at]) << shift
                            is_fine &= text[at] < 0x80
                            at += 1
                        if at > end:
                            is_fine = False
                            break
                        number = number >> 1 ^ -(number & 1)
                        if is_time and is_begun:
                            step += number
                            is_fine &= -_MOST <= step <= _MOST
                            number = step
                        total += number
                        if total < -_MOST or total > _MOST:
                            is_fine = False
                            break
                        is_begun = True
                    if is_of_message:
                        break
                    if key == _SAT:
                        cells[_SAT, point] = total
                        is_fine &= _LEAST_SAT <= total <= _MOST_SAT
                    else:
                        values[key, point] = total / units
                    if gaps >= 0:
                        cells[SAID, point] |= key_bit
                is_fine &= is_begun
                if gaps < 0 and not is_of_message:
                    said_by_all |= key_bit
                if bit == _BOOT_COLUMN:
                    boot[message] = total
                    has_boot[message] = True
                elif bit == _SEQ_COLUMN:
                    for row in range(first_row, last_row):
                        cells[_SEQ, row] = total + row - first_row
                    said_by_all |= np.int64(1) << _SEQ
            bit += 1
        for row in range(first_row, last_row):
            cells[SAID, row] |= said_by_all
        is_read[message] = is_fine and at == end
