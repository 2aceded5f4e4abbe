"""Where did the van of an ordinary group stand? Parts of `kernels.ordinary`: `kernels.stops`, but by stands."""

import math

import numpy as np

from kernels.compiled import light_part, part
from kernels.ordinary_rows import METRES_PER_E7, SAFE
from kernels.places import mark_stuck
from kernels.states import IDLE, OFF, PARKED, READY, States
from kernels.stops import goes_on, is_here, is_standing, mean_of, with_fix

BOX_M, BOX_ROWS = 100.0, 50_000  # whatever fits into these can be summed in 32 bits


@part
def episodes(own, state, rules, stop_rules, limits, run_count, run_row, run_state, cosine_most, stops):
    """Write the park episodes; return their number, or -1 where a 0 is sent under way."""
    states = States(state, own.time_us, limits.electric)  # no interval is without duration
    row_count = own.time_us.size
    count = 0
    begin = stand_end = -1
    centre = (np.int64(0), np.int64(0), np.int64(0), np.int64(0))
    anchor = -1
    on_us = off_us = np.int64(0)  # of the open episode; -1 where it has to be counted
    run = 0
    while run < run_count:
        if not is_standing(run_state[run]):
            run += 1
            continue
        first, end = run_row[run], run_row[run]
        stand_on_us = stand_off_us = np.int64(0)
        while run < run_count and is_standing(run_state[run]):
            end = run_row[run + 1] if run + 1 < run_count else row_count - 1
            run_us = own.time_us[end] - own.time_us[run_row[run]]
            if run_state[run] == OFF:
                stand_off_us += run_us
            elif run_state[run] != PARKED:
                stand_on_us += run_us
            run += 1
        if begin >= 0 and (
            own.time_us[first] - own.time_us[stand_end] > stop_rules.merge_us
            or not goes_on(own, states, stop_rules, centre, anchor, stand_end, first, row_count)
        ):
            count = _kept(own, state, stop_rules, begin, stand_end, centre, on_us, off_us, stops, count)
            begin = -1
        south_e7, north_e7, west_e7, east_e7 = _box(own, np.uintp(first), np.uintp(end))
        across_m = _across_m(south_e7, north_e7, west_e7, east_e7, cosine_most)
        if own.speed_kmh[end] == 0:
            south_e7, north_e7 = min(south_e7, own.latitude_e7[end]), max(north_e7, own.latitude_e7[end])
            west_e7, east_e7 = min(west_e7, own.longitude_e7[end]), max(east_e7, own.longitude_e7[end])
        within_m = _across_m(south_e7, north_e7, west_e7, east_e7, cosine_most)
        if within_m > SAFE * rules.stuck_m and mark_stuck(
            own, rules.stuck_m, first, end + 1, np.zeros(row_count, np.bool_)
        ):
            return -1
        is_small = across_m <= SAFE * min(stop_rules.radius_m, BOX_M) and end - first <= BOX_ROWS
        if begin < 0 and is_small:
            begin, stand_end = first, end
            north, east = _sums(own, first, end)
            centre = (np.int64(end - first), np.int64(first), north, east)
            anchor = end - 1 if own.time_us[end - 1] - own.time_us[first] >= stop_rules.settle_us else -1
            on_us, off_us = stand_on_us, stand_off_us
            continue
        for row in range(first, end):
            if row > first and not goes_on(own, states, stop_rules, centre, anchor, stand_end, row, row_count):
                count = _kept(own, state, stop_rules, begin, stand_end, centre, on_us, off_us, stops, count)
                begin = -1
            if begin < 0:
                begin = row
                centre = (np.int64(0), np.int64(0), np.int64(0), np.int64(0))
                anchor = -1
            on_us = np.int64(-1)
            if is_here(own, row, centre, anchor, stop_rules.radius_m):
                centre = with_fix(own, row, centre)
                if own.time_us[row] - own.time_us[begin] >= stop_rules.settle_us:
                    anchor = row
            stand_end = row + 1
    if begin >= 0:
        count = _kept(own, state, stop_rules, begin, stand_end, centre, on_us, off_us, stops, count)
    return count


@light_part
def _kept(own, state, stop_rules, begin, stand_end, centre, on_us, off_us, stops, count):
    if own.time_us[stand_end] - own.time_us[begin] < stop_rules.min_us:
        return count
    if on_us < 0:
        centre, on_us, off_us = _describe(own, state, begin, stand_end)
    north_e7, east_e7 = mean_of(own, centre)
    stops[count, 0], stops[count, 1] = begin, stand_end
    stops[count, 2], stops[count, 3] = north_e7, east_e7
    stops[count, 4], stops[count, 5] = on_us, off_us
    return count + 1


@light_part
def _box(own, begin, end):
    south_e7 = north_e7 = own.latitude_e7[begin]
    west_e7 = east_e7 = own.longitude_e7[begin]
    for row in range(begin, end):
        south_e7 = min(south_e7, own.latitude_e7[row])
        north_e7 = max(north_e7, own.latitude_e7[row])
        west_e7 = min(west_e7, own.longitude_e7[row])
        east_e7 = max(east_e7, own.longitude_e7[row])
    return south_e7, north_e7, west_e7, east_e7


@light_part
def _across_m(south_e7, north_e7, west_e7, east_e7, cosine_most):
    # Two opposite corners of a box; further than any two places in it are.
    high_e7 = np.float64(north_e7) - np.float64(south_e7)
    wide_e7 = (np.float64(east_e7) - np.float64(west_e7)) * cosine_most
    return METRES_PER_E7 * math.sqrt(high_e7 * high_e7 + wide_e7 * wide_e7)


@light_part
def _sums(own, begin, end):
    # Of latitudes and longitudes, relative to the first; for rows that are close to each other and not too many.
    north_e7 = east_e7 = np.int32(0)
    from_north_e7, from_east_e7 = own.latitude_e7[begin], own.longitude_e7[begin]
    for row in range(np.uintp(begin), np.uintp(end)):
        north_e7 = np.int32(north_e7 + np.int32(own.latitude_e7[row] - from_north_e7))
        east_e7 = np.int32(east_e7 + np.int32(own.longitude_e7[row] - from_east_e7))
    return np.int64(north_e7), np.int64(east_e7)


@light_part
def _describe(own, state, begin, end):
    # The sums of the places of standing rows relative to the first, and how long the engine was on and off.
    count = north_e7 = east_e7 = on_us = off_us = np.int64(0)
    for row in range(begin, end):
        if not is_standing(state[row]):
            continue
        count += 1
        north_e7 += np.int64(own.latitude_e7[row]) - np.int64(own.latitude_e7[begin])
        east_e7 += np.int64(own.longitude_e7[row]) - np.int64(own.longitude_e7[begin])
        step_us = own.time_us[row + 1] - own.time_us[row]
        if state[row] == OFF:
            off_us += step_us
        elif state[row] == IDLE or state[row] == READY:
            on_us += step_us
    return (count, np.int64(begin), north_e7, east_e7), on_us, off_us
