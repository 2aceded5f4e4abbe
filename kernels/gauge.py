"""Which readings of a fuel gauge count, and how noisy are they? Parts of `kernels.fuel_levels`, which says why.

`rows` are the rows of the readings that count; `slots` the number of the first reading of each slot, then their count.
"""

import numpy as np

from kernels.compiled import part
from kernels.states import DRIVE

NOISE_OF_STEPS = 1.4826 / np.sqrt(2.0)  # standard deviation by the median step between two values next to each other
MAX_QUANTUM_PCT, LEAST_STEPS = 12.5, 3


@part
def counted_readings(track, states, level_pct, stuck_us, first, end, rows):
    # The rows of readings that count, one for each instant.
    count = 0
    for row in range(first, end):
        if level_pct[row] > 0:
            if count > 0 and track.time_us[rows[count - 1]] == track.time_us[row]:
                count -= 1
            rows[count] = row
            count += 1
    kept = begin = 0
    while begin < count:
        until = begin + 1
        while until < count and level_pct[rows[until]] == level_pct[rows[begin]]:
            until += 1
        driven_us = np.int64(0)
        for row in range(rows[begin], rows[until - 1]):
            if states.state[row] == DRIVE:
                driven_us += states.step_us[row]
        if driven_us < stuck_us:
            for index in range(begin, until):
                rows[kept] = rows[index]
                kept += 1
        begin = until
    return kept


@part
def quantum_of(level_pct, rows):
    smallest_pct = MAX_QUANTUM_PCT
    steps = 0
    for index in range(1, rows.size):
        step_pct = abs(np.float64(level_pct[rows[index]]) - np.float64(level_pct[rows[index - 1]]))
        if step_pct > 0:
            steps += 1
            smallest_pct = min(smallest_pct, step_pct)
    return smallest_pct if steps >= LEAST_STEPS else 0.0, steps > 0


@part
def slots_of(time_us, rows, slot_us, slots):
    count = 0
    for index in range(rows.size):
        if index == 0 or time_us[rows[index]] // slot_us != time_us[rows[index - 1]] // slot_us:
            slots[count] = index
            count += 1
    slots[count] = rows.size
    return count


@part
def median_of(buffer, size):
    values = buffer[:size]
    values.sort()
    return (values[(size - 1) // 2] + values[size // 2]) / 2


@part
def level_of(level, begin, end, buffer):
    for slot in range(begin, end):
        buffer[slot - begin] = level[slot]
    return median_of(buffer, end - begin)


@part
def noise_of(level, buffer):
    if level.size < 2:
        return 0.0
    for slot in range(level.size - 1):
        buffer[slot] = abs(level[slot + 1] - level[slot])
    return NOISE_OF_STEPS * median_of(buffer, level.size - 1)


@part
def window_back(at_us, rules, last, low):
    # The first slot of a level that ends with slot `last` and does not reach below `low`.
    begin = last
    while begin > low and last - begin + 1 < rules.window:
        is_far = at_us[last] - at_us[begin - 1] > 2 * rules.window * rules.slot_us
        if is_far and last - begin + 1 >= rules.least:
            break
        begin -= 1
    return begin


@part
def window_forth(at_us, rules, begin, high):
    # Where a level that begins with slot `begin` ends, at `high` at the latest.
    end = begin + 1
    while end < high and end - begin < rules.window:
        is_far = at_us[end] - at_us[begin] > 2 * rules.window * rules.slot_us
        if is_far and end - begin >= rules.least:
            break
        end += 1
    return end


@part
def smooth(level, feet, tops, window, rows, slots, buffer, smooth_pct):
    # A ramp is smoothed by itself.
    low = 0
    for edge in range(2 * feet.size + 1):
        high = level.size
        if edge < 2 * feet.size:
            high = tops[edge // 2] if edge % 2 else feet[edge // 2] + 1
        for slot in range(low, high):
            begin, end = max(low, slot - window // 2), min(high, slot + (window + 1) // 2)
            around_pct = level_of(level, begin, end, buffer)
            for reading in range(slots[slot], slots[slot + 1]):
                smooth_pct[rows[reading]] = around_pct
        low = high
