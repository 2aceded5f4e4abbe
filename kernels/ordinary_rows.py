"""Are all rows of a group ordinary, and if so, what are its states and metres? Parts of `kernels.ordinary`.

Loops over rows have an unsigned row number and no branch, so that they are done on whole registers.
"""

import math

import numpy as np

from kernels.compiled import light_part, part
from kernels.distance import TICKS_A_METRE, in_ticks
from kernels.geometry import EARTH_RADIUS_M, HIGH_LATITUDE_E7, RADIANS_PER_E7, cosine
from kernels.places import LEAST_STEP_US
from kernels.states import DRIVE, IDLE, NO_STATE, OFF, PARKED, READY, UNKNOWN

BLOCK = np.uintp(1024)
ONE = np.uintp(1)
PIECE_ROWS = 16  # a multiple of those the processor takes at a time
LONGEST_HOP_US = 40_000_000  # hops as long as the greatest speed allows in that time are counted in 32 bits
METRES_PER_E7 = EARTH_RADIUS_M * RADIANS_PER_E7
SAFE = 0.999  # single precision is exact to a ten-millionth


@light_part
def coded(own, rules, state_rules, gap_max_us, stop_kmh, gps_speed, code):
    """Code what decides the state of each row.

    Returns the greatest cosine of a latitude in single precision, and the time in coarse intervals, which is -1 where
    the group is not ordinary.
    """
    refused = np.float32(0), np.int64(-1)
    row_count = np.uintp(own.time_us.size)
    least_e7 = most_e7 = own.latitude_e7[0]
    for begin in range(np.uintp(0), row_count, BLOCK):
        low_e7, high_e7 = _reach(own.latitude_e7, begin, min(begin + BLOCK, row_count))
        least_e7, most_e7 = min(least_e7, low_e7), max(most_e7, high_e7)
    nearest_e7 = 0 if least_e7 < 0 < most_e7 else min(abs(least_e7), abs(most_e7))
    if max(abs(least_e7), abs(most_e7)) > HIGH_LATITUDE_E7:
        return refused
    cosine_most = np.float32(cosine(nearest_e7 * RADIANS_PER_E7) * 1.000001)
    coarse_us = np.int64(0)
    for begin in range(np.uintp(0), row_count, BLOCK):
        end = min(begin + BLOCK, row_count)
        inner = begin if begin > 0 else ONE
        shortest_us, longest_us = _steps(own.time_us, inner, end)
        if shortest_us <= 0 or _odd_rows(own, state_rules.wiring_kmh, begin, end) > 0:
            return refused
        if _long_hops(own, rules, state_rules, cosine_most, shortest_us, inner, end) > 0 and (
            _odd_hops(own, rules, state_rules, cosine_most, gps_speed, inner, end) > 0
        ):
            return refused
        _write_codes(own, stop_kmh, state_rules.move_kmh, begin, end, code)
        if longest_us > min(rules.coarse_us, gap_max_us):
            for row in range(inner, end):
                step_us = own.time_us[row] - own.time_us[row - ONE]
                if step_us > gap_max_us:
                    code[row - ONE] = np.uint8(code[row - ONE] + np.uint8(16))
                elif step_us > rules.coarse_us and own.engine[row - ONE] != 0:
                    coarse_us += step_us
    return cosine_most, coarse_us


@light_part
def _reach(values, begin, end):
    low = high = values[begin]
    for row in range(begin, end):
        low = min(low, values[row])
        high = max(high, values[row])
    return low, high


@light_part
def _steps(time_us, begin, end):
    shortest_us, longest_us = np.int64(2**62), np.int64(0)
    for row in range(begin, end):
        step_us = time_us[row] - time_us[row - ONE]
        shortest_us = min(shortest_us, step_us)
        longest_us = max(longest_us, step_us)
    return shortest_us, longest_us


@light_part
def _odd_rows(own, wiring_kmh, begin, end):
    # Rows without a fix or a speed, with an odometer, or fast with the engine off.
    fast_kmh = np.float32(SAFE * wiring_kmh)
    count = np.int32(0)
    for row in range(begin, end):
        count = np.int32(count + np.int32(not own.placed[row]))
    for row in range(begin, end):
        silent = not own.speed_kmh[row] < np.float32(np.inf)
        count = np.int32(count + np.int32(silent | ((own.speed_kmh[row] >= fast_kmh) & (own.engine[row] == 0))))
    for row in range(begin, min(end, np.uintp(own.odometer_m.size))):  # without rows where no van has an odometer
        count = np.int32(count + np.int32(own.odometer_m[row] == own.odometer_m[row]))
    return count


@light_part
def _long_hops(own, rules, state_rules, cosine_most, shortest_us, begin, end):
    # Hops of no length, and those that would need a second look if they took no longer than the shortest of them does.
    shortest_us = min(max(shortest_us, LEAST_STEP_US), LONGEST_HOP_US)
    most_m = min(rules.most_kmh / 3.6e6 * shortest_us, state_rules.tow_m)
    most_e7 = np.float32(SAFE * most_m / METRES_PER_E7)
    least, most = np.float32(0), np.float32(most_e7 * most_e7)
    count = np.int32(0)
    for row in range(begin, end):
        north_e7 = np.float32(np.int32(own.latitude_e7[row] - own.latitude_e7[row - ONE]))
        east_e7 = np.float32(np.int32(own.longitude_e7[row] - own.longitude_e7[row - ONE])) * cosine_most
        square = north_e7 * north_e7 + east_e7 * east_e7
        count = np.int32(count + np.int32((square > most) | (square <= least)))
    return count


@light_part
def _odd_hops(own, rules, state_rules, cosine_most, gps_speed, begin, end):
    # Hops that could be a jump or a tow, and rows that repeat a place and a speed.
    e7_a_us = np.float32(SAFE * rules.most_kmh / 3.6e6 / METRES_PER_E7)
    tow_e7 = np.float32(SAFE * state_rules.tow_m / METRES_PER_E7)
    frozen_kmh = np.float32(rules.frozen_kmh)
    count = np.int32(0)
    for row in range(begin, end):
        step_us = min(max(own.time_us[row] - own.time_us[row - ONE], LEAST_STEP_US), LONGEST_HOP_US)
        north_e7 = np.float32(np.int32(own.latitude_e7[row] - own.latitude_e7[row - ONE]))
        east_e7 = np.float32(np.int32(own.longitude_e7[row] - own.longitude_e7[row - ONE])) * cosine_most
        most_e7 = e7_a_us * np.float32(np.int32(step_us))
        square = north_e7 * north_e7 + east_e7 * east_e7
        count += np.int32(square > most_e7 * most_e7)
        count += np.int32((square > tow_e7 * tow_e7) & (own.engine[row - ONE] == 0))
        fast = (own.speed_kmh[row] >= frozen_kmh) & (own.speed_kmh[row - ONE] >= frozen_kmh)
        parked = (own.engine[row] != 1) & (own.speed_kmh[row] > 0) & (own.speed_kmh[row] == own.speed_kmh[row - ONE])
        count += np.int32((square == 0) & (fast | (parked & gps_speed)))
    return count


@light_part
def _write_codes(own, stop_kmh, move_kmh, begin, end, code):
    # What decides the state of each row, but for the silence after it: speed and engine.
    moves_kmh = np.float32(move_kmh)  # checked to be exact
    for row in range(begin, end):
        speed = np.uint8(own.speed_kmh[row] > stop_kmh) + np.uint8(2) * np.uint8(own.speed_kmh[row] >= moves_kmh)
        code[row] = np.uint8(speed + np.uint8(4) * np.uint8(own.engine[row] + np.int8(1)))


@part
def state_runs(own, code, electric, state, run_row, run_state):
    """Write the maximal runs and the state of every row; return the number of runs."""
    last = own.time_us.size - 1  # has no interval
    words = code.view(np.uint64)
    count = 0
    moving, after_break = False, True
    row = np.int64(0)
    while row < last:
        now = code[row]
        faster, moves, engine = (now & 1) > 0, (now & 2) > 0, np.int64(now >> 2 & 3) - 1
        if engine == 0:
            found, moving, after_break = OFF, False, True
        elif now & 16:
            found, after_break = UNKNOWN, True
        else:
            moving = faster if after_break or moving else moves
            after_break = False
            if moving:
                found = DRIVE
            elif engine == 1:
                found = READY if electric else IDLE
            else:
                found = PARKED
        until = _end_of_code(code, words, row, last)
        for same in range(row, until):
            state[same] = found
        if count == 0 or run_state[count - 1] != found:
            run_row[count], run_state[count] = row, found
            count += 1
        row = until
    state[last] = NO_STATE
    return count


@light_part
def _end_of_code(code, words, row, last):
    # The next row with another code; eight at a time.
    now = code[row]
    until = row + 1
    while until < last and until % 8:
        if code[until] != now:
            return until
        until += 1
    word = np.uint64(now) * np.uint64(0x0101010101010101)
    at = np.uintp(until // 8)
    while until < last and words[at] == word:
        at += ONE
        until += 8
    if until >= last:
        return last
    # The first byte that differs is the lowest bit of the difference.
    difference = words[at] ^ word
    lowest = difference & (~difference + np.uint64(1))
    if lowest > np.uint64(0xFFFFFFFF):
        until += 4
        lowest >>= np.uint64(32)
    if lowest > np.uint64(0xFFFF):
        until += 2
        lowest >>= np.uint64(16)
    if lowest > np.uint64(0xFF):
        until += 1
    return min(until, last)


@light_part
def span(run_row, run, run_count, row_count):
    """The first row of a run, and where it ends."""
    return run_row[run], run_row[run + 1] if run + 1 < run_count else row_count - 1


@light_part
def ticks_between(track, begin, end, departs):
    """The ticks of the driving intervals of rows begin..end - 1, all with fixes no further apart than a short hop.

    departs  the hop that leads to row `begin` counts as well
    """
    ticks = np.int64(0)
    row = begin
    if departs:
        metres = _metres(track, np.uintp(begin - 1)) + _metres(track, np.uintp(begin))
        ticks += np.int64(in_ticks(metres))
        row += 1
    whole = end - (end - row) % PIECE_ROWS if end >= PIECE_ROWS else end
    for other in range(np.uintp(row), np.uintp(whole)):
        ticks += _ticks(track, other)
    if whole < end:
        # Rows left over are done one by one otherwise: so the last piece begins with rows that do not count.
        first, here = np.uintp(end - PIECE_ROWS), np.int32(end - PIECE_ROWS - whole)
        for piece in range(np.uintp(PIECE_ROWS)):
            found = _ticks(track, first + piece)
            ticks += found if here >= np.int32(0) else np.int64(0)
            here = np.int32(here + np.int32(1))
    return ticks


@light_part
def _ticks(track, row):
    return np.int64(np.int32(in_ticks(_metres(track, row))))


@light_part
def _metres(track, row):
    # `hop_m` to the next row, without its questions.
    north_e7 = np.int32(track.latitude_e7[row + ONE] - track.latitude_e7[row])
    east_e7 = np.int32(track.longitude_e7[row + ONE] - track.longitude_e7[row])
    middle = np.int32(track.latitude_e7[row] + track.latitude_e7[row + ONE]) * (RADIANS_PER_E7 / 2)
    east = east_e7 * cosine(middle)
    north = np.float64(north_e7)
    return EARTH_RADIUS_M * RADIANS_PER_E7 * math.sqrt(east * east + north * north)


@light_part
def write_rows(own, state, row_state, row_step_us, row_step_m):
    """Write state, duration and metres of every row."""
    for row in range(state.size):
        row_state[row], row_step_us[row], row_step_m[row] = state[row], 0, 0.0
    for row in range(state.size - 1):
        row_step_us[row] = own.time_us[row + 1] - own.time_us[row]
        if state[row] == DRIVE:
            departs = row > 0 and state[row - 1] != DRIVE and state[row - 1] != UNKNOWN
            # Of one row alone, which `ticks_between` would do as a piece of rows.
            ticks = ticks_between(own, row, row + 1, departs) if departs else _ticks(own, np.uintp(row))
            row_step_m[row] = ticks / TICKS_A_METRE
