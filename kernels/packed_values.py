"""How are the values of packed messages read, column by column?

A number has one to eight bytes of seven bits, whose top bit says whether more follow. One by one they are read slowly:
where the next begins is known when this one is read. But what a van says changes little, so most numbers have one byte
or two, and eight bytes at once show it: eight numbers, or four, are then taken apart without asking each, and where all
are zero nothing is taken apart at all.

Columns are summed as whole numbers first; a second loop, over what lies together, divides by the units.
"""

import numpy as np
from numba import prange

from kernels.compiled import kernel, part
from kernels.packed_format import COLUMNS, HEAD, SHARE, UNITS, number_at
from kernels.point_cells import KEYS, ROUTE, SAID, SWITCH_SHIFT, SWITCHES

_MS_PER_S = 1000.0
_MOST = 2**53  # exact as float64
_SMALL = 2**51
_SLOW = 2**38  # of a step in time; 7,200 of these stay within 2**51
_LONGS = np.uint64(0x8080808080808080)
_SHORTS, _PAIRS = (
    np.uint64(0),
    np.uint64(0x0080008000800080),
)  # what the top bits of eight numbers, or of four pairs, are
_FIRST_SEVEN = np.uint64(0x0080808080808080)  # what follows the last byte is not seen
_LONG, _LOW_BITS = np.uint8(0x80), np.uint8(0x7F)
_MOST_BYTES = 56  # bits of a number: eight bytes of seven
_LEAST_SAT, _MOST_SAT = -1, 999  # outside of it the slow decoder clips

_TS, _SEQ, _SAT = KEYS.index("ts"), KEYS.index("seq"), KEYS.index("sat")
_BOOT_COLUMN, _SEQ_COLUMN, _ROUTE_COLUMN = (COLUMNS.index(name) for name in ("boot", "seq", "route_id"))
_KEY_OF = np.array([KEYS.index(name) if name in KEYS else -1 for name in COLUMNS])
_UNITS = np.array([float(UNITS.get(name, 0)) for name in COLUMNS])  # 0 for what is no number
_SWITCH_OF = np.array([SWITCHES.index(name) if name in SWITCHES else -1 for name in COLUMNS])
_MAY_HAVE_GAPS = sum(1 << bit for bit, name in enumerate(COLUMNS) if name not in ("boot", "seq", "route_id"))
_MAY_BE_STEADY = sum(1 << bit for bit, name in enumerate(COLUMNS) if name in UNITS)


@kernel
def read_values(text, words, begins, ends, value_starts, is_read, starts, boot, has_boot, values, cells):
    for share in prange((begins.size + SHARE - 1) // SHARE):
        until = min((share + 1) * SHARE, begins.size)
        _read_share_of_values(
            share * SHARE, until, text, words, begins, ends, value_starts, is_read, starts, boot, has_boot, cells
        )


@part
def _read_share_of_values(
    first, until, text, words, begins, ends, value_starts, is_read, starts, boot, has_boot, cells
):
    one, four, eight, sixteen = np.uint64(1), np.uint64(4), np.uint64(8), np.uint64(16)
    for message in range(first, until):
        first_row, last_row = starts[message], starts[message + 1]
        if first_row == last_row:
            continue
        at, end = begins[message] + HEAD.size, ends[message]
        found = number_at(text, at)
        at += found & 0xFF
        is_there = found >> 8
        found = number_at(text, at)
        at += found & 0xFF
        has_gaps = found >> 8
        is_steady = number_at(text, at) >> 8
        is_fine = is_there >> len(COLUMNS) == 0 and (has_gaps | is_steady) & ~is_there == 0
        is_fine &= has_gaps & ~_MAY_HAVE_GAPS == 0 and is_steady & ~_MAY_BE_STEADY == 0
        at = value_starts[message]
        bitmap_bytes = (last_row - first_row + 7) // 8
        spare_bits = bitmap_bytes * 8 - (last_row - first_row)
        said_by_all = np.int64(1) << _TS
        if has_gaps != 0:
            for row in range(first_row, last_row):
                cells[SAID, row] = 0
        is_said_begun = has_gaps != 0
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
                if gaps < 0:
                    shift_to = np.int64(SWITCH_SHIFT + _SWITCH_OF[bit])
                    to, last = np.uint64(first_row), np.uint64(last_row)
                    for place in range(np.uint64(on_bits), np.uint64(at)):
                        byte = np.int64(text[place])
                        for lane in range(min(eight, last - to)):
                            is_on = (byte >> np.int64(lane) & 1) << shift_to
                            cells[SAID, to + lane] = cells[SAID, to + lane] | is_on if is_said_begun else is_on
                        to += eight
                    is_said_begun = True
                    said_by_all |= key_bit
                    bit += 1
                    continue
                for row in range(first_row, last_row):
                    place, shift = (row - first_row) >> 3, (row - first_row) & 7
                    is_on = text[on_bits + place] >> shift & 1
                    if text[gaps + place] >> shift & 1 == 0:
                        is_fine &= is_on == 0
                        continue
                    holders += 1
                    cells[SAID, row] |= key_bit | switch_bit if is_on else key_bit
                is_fine &= holders > 0
            elif bit == _ROUTE_COLUMN:
                found = number_at(text, at)
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
                is_plain = gaps < 0 and not is_once
                point = np.int64(first_row) - np.int64(1)
                while point + 1 < last_row:
                    point += np.int64(1)
                    # Behind the first, nearly every number has one or two bytes, which cannot add up to too much. Where
                    # eight have one byte each, or four have two, they are told apart without looking at each of them.
                    # Unsigned, so that nobody has to look whether they are counted from the end.
                    if is_plain and is_begun and -_SMALL < total < _SMALL and -_SLOW < step < _SLOW:
                        near, to, last = np.uint64(at), np.uint64(point), np.uint64(last_row)
                        while to < last and near < np.uint64(end - 1):
                            word = words[near]
                            longs = word & _LONGS
                            if word == np.uint64(0) and to + eight <= last and near + eight <= np.uint64(end):
                                # Nothing has changed: a van that stands, or that says something once a second.
                                change = step if is_time else np.int64(0)
                                for lane in range(eight):
                                    cells[key, to + lane] = total + change * np.int64(lane + one)
                                total += change * np.int64(eight)
                                near += eight
                                to += eight
                                continue
                            if longs == _SHORTS and to + eight <= last and near + eight <= np.uint64(end):
                                for lane in range(eight):
                                    number = np.int64(word >> lane * eight & np.uint64(0x7F))
                                    number = number >> 1 ^ -(number & 1)
                                    step += number
                                    total += step if is_time else number
                                    cells[key, to + lane] = total
                                near += eight
                                to += eight
                                continue
                            if longs == _PAIRS and to + four <= last and near + eight <= np.uint64(end):
                                for lane in range(four):
                                    pair = word >> lane * sixteen
                                    number = np.int64(pair & np.uint64(0x7F) | (pair & np.uint64(0x7F00)) >> one)
                                    number = number >> 1 ^ -(number & 1)
                                    step += number
                                    total += step if is_time else number
                                    cells[key, to + lane] = total
                                near += eight
                                to += four
                                continue
                            # Four that are mixed, of one byte or two each: taken off the word one after the other.
                            if longs & (longs >> eight) & _FIRST_SEVEN == np.uint64(0) and to + four <= last:
                                taken = np.uint64(0)
                                for lane in range(four):
                                    is_long = word >> np.uint64(7) & one
                                    number = np.int64(
                                        word & np.uint64(0x7F) | (word >> one & np.uint64(0x3F80)) * is_long
                                    )
                                    size = eight + (is_long << np.uint64(3))
                                    word >>= size
                                    taken += size
                                    number = number >> 1 ^ -(number & 1)
                                    step += number
                                    total += step if is_time else number
                                    cells[key, to + lane] = total
                                near += taken >> np.uint64(3)
                                to += four
                                continue
                            low, high = text[near], text[near + one]
                            is_big = low >> np.uint8(7)
                            if is_big and high >= _LONG:
                                break
                            number = np.int64(low & _LOW_BITS) | np.int64(high) << 7 if is_big else np.int64(low)
                            near += one + np.uint64(is_big)
                            number = number >> 1 ^ -(number & 1)
                            step += number
                            total += step if is_time else number
                            cells[key, to] = total
                            to += one
                        at, point = np.int64(near), np.int64(to)
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
                    cells[key, point] = total
                    if gaps >= 0:
                        cells[SAID, point] |= key_bit
                is_fine &= is_begun
                if key == _SAT:
                    for row in range(first_row, last_row):
                        # Cells of points without it hold nothing.
                        said = gaps < 0 or cells[SAID, row] & key_bit != 0
                        is_fine &= not said or _LEAST_SAT <= cells[key, row] <= _MOST_SAT
                elif not is_of_message:
                    for row in range(np.uint64(first_row), np.uint64(last_row)):
                        cells[key, row] = np.float64(cells[key, row] / units).view(np.int64)
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
            cells[SAID, row] = cells[SAID, row] | said_by_all if is_said_begun else said_by_all
        is_read[message] = is_fine and at == end
