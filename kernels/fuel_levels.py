"""How full was the tank, how much was burnt, and when was it filled up?

A level sensor swings with the fuel, climbs for some seconds after it is switched on, repeats itself when it is broken,
moves in steps, and sends 0 when it has nothing to say. So

- A reading of 0 or less is none. Nor are equal readings in a row while which the van drove for `stuck_us` or longer.
- Readings are taken together in slots of `slot_us` of the clock: the level of a slot is their median, one reading for
  each instant (the last). A level is the median of up to `window` slots next to each other, no further than twice
  `window` slots of time apart unless they are fewer than `least`.
- Refuelled is where the level after a cut between two slots is higher than the level before it by more than the bound,
  at least `least` slots on either side, with a stand of `stand_us` or longer about the cut. What is not driving may be
  a stand, silence too. Of cuts less than `window` slots apart the one with the greatest step counts. A refuel goes from
  the foot of its ramp to its top: the slots about the cut that are each higher than the one before by RISING bounds.
- The bound is the greatest of `rise_pct`, four times the noise (1.4826 / sqrt 2 of the median step from slot to slot)
  and two quanta (the smallest step from reading to reading, up to an eighth of the tank; 0 with fewer than three).
- Used is the first level less the last one and all rises between. Not known with fewer than twice `least` slots, or
  if no reading ever differs from the one before though the van drove.

What happened between two groups, such as overnight, is not seen here.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel, part
from kernels.gauge import (
    counted_readings,
    level_of,
    median_of,
    noise_of,
    quantum_of,
    slots_of,
    smooth,
    window_back,
    window_forth,
)
from kernels.states import DRIVE, States, checked_states
from kernels.track import Ints, Metres, Speeds, Track, checked, column

MEDIAN_ERROR = 1.2533  # of the median of many normal values, in standard errors of their mean
BOUND_NOISES, BOUND_QUANTA = 4.0, 2.0
RISING = 1 / 8  # of the bound


class LevelRules(NamedTuple):
    """What a level and a refuel are; see above.

    slot_us   readings within this time are one
    window    slots that a level is the median of
    least     slots on either side of a refuel, at the least
    stand_us  nobody fills up in less
    stuck_us  driving this long without any change of the reading
    rise_pct  the least rise that is a refuel, percent of the tank
    """

    slot_us: int
    window: int
    least: int
    stand_us: int
    stuck_us: int
    rise_pct: float


class Levels(NamedTuple):
    """Levels by group (percent of the tank, NaN where not known) and by row.

    first_pct   float64 (n_groups,)
    last_pct    float64 (n_groups,)
    used_pct    float64 (n_groups,)  refuels taken into account
    sigma_pct   float64 (n_groups,)  standard error of one level: of the first, of the last, of one end of a rise
    first_row   int64 (n_groups,)    a reading in the middle of those of the first level; -1 without
    last_row    int64 (n_groups,)    the same of the last level
    smooth_pct  float32 (n_rows,)    the level around each reading; NaN without a reading that counts
    """

    first_pct: Metres
    last_pct: Metres
    used_pct: Metres
    sigma_pct: Metres
    first_row: Ints
    last_row: Ints
    smooth_pct: Speeds


class Refuels(NamedTuple):
    """Refuels in the order of rows; every field has the shape (n_refuels,).

    group      int64
    first_row  int64    the last reading before
    end_row    int64    the first reading after
    stand_row  int64    where the van stood longest without a report in between
    from_pct   float64
    to_pct     float64
    """

    group: Ints
    first_row: Ints
    end_row: Ints
    stand_row: Ints
    from_pct: Metres
    to_pct: Metres


def fuel_levels(track: Track, states: States, level_pct: Speeds, rules: LevelRules) -> tuple[Levels, Refuels]:
    """Follow the fuel of every group.

    level_pct  float32 (n_rows,)  readings, percent of the tank; NaN where none was sent
    """
    track = checked(track)
    states = checked_states(states, track.time_us.size)
    level_pct = column("level_pct", level_pct, np.float32, track.time_us.size)
    rules = LevelRules._make([*map(int, rules[:5]), float(rules.rise_pct)])
    if rules.slot_us < 1 or rules.least < 1 or rules.window < rules.least:
        raise ValueError("rules: expected slots of at least 1 us, and a window of at least `least` slots")
    group_count = track.starts.size - 1
    by_group = np.full((4, group_count), np.nan)
    first_row, last_row = (np.full(group_count, -1, dtype=np.int64) for _ in range(2))
    smooth_pct = np.full(level_pct.size, np.nan, dtype=np.float32)
    # At most one refuel begins at a row. Pages of these that none touches cost no memory.
    end_row, stand_row = (np.zeros(level_pct.size, dtype=np.int64) for _ in range(2))
    from_pct, to_pct = (np.zeros(level_pct.size) for _ in range(2))
    reading = np.zeros(group_count + 1, dtype=np.int64)
    _count_readings(track.starts, level_pct, reading)
    _follow(
        *(track, states, level_pct, rules, np.cumsum(reading), by_group, first_row, last_row, smooth_pct),
        *(end_row, stand_row, from_pct, to_pct),
    )
    begins = np.flatnonzero(end_row).astype(np.int64, copy=False)
    group = np.searchsorted(track.starts, begins, side="right").astype(np.int64, copy=False) - 1
    refuels = Refuels(group, begins, end_row[begins], stand_row[begins], from_pct[begins], to_pct[begins])
    return Levels(by_group[0], by_group[1], by_group[2], by_group[3], first_row, last_row, smooth_pct), refuels


@kernel
def _count_readings(starts, level_pct, reading):
    for group in prange(starts.size - 1):
        count = np.int64(0)
        for row in range(starts[group], starts[group + 1]):
            if level_pct[row] > 0:
                count += 1
        reading[group + 1] = count


@kernel
def _follow(
    track,
    states,
    level_pct,
    rules,
    reading,
    by_group,
    first_row,
    last_row,
    smooth_pct,
    end_row,
    stand_row,
    from_pct,
    to_pct,
):
    for group in prange(track.starts.size - 1):
        most = reading[group + 1] - reading[group]
        if most == 0:
            continue
        first, end = track.starts[group], track.starts[group + 1]
        rows = np.empty(most, dtype=np.int64)
        count = counted_readings(track, states, level_pct, rules.stuck_us, first, end, rows)
        if count == 0:
            continue
        rows = rows[:count]
        buffer = np.empty(max(count, rules.window), dtype=np.float64)
        quantum_pct, has_steps = quantum_of(level_pct, rows)
        slots = np.empty(count + 1, dtype=np.int64)  # the first reading of each slot, then their count
        slot_count = slots_of(track.time_us, rows, rules.slot_us, slots)
        level = np.empty(slot_count, dtype=np.float64)
        for slot in range(slot_count):
            size = slots[slot + 1] - slots[slot]
            for index in range(size):
                buffer[index] = level_pct[rows[slots[slot] + index]]
            level[slot] = median_of(buffer, size)
        at_us = track.time_us[rows[slots[:slot_count]]]
        noise_pct = noise_of(level, buffer)
        bound_pct = max(rules.rise_pct, BOUND_NOISES * noise_pct, BOUND_QUANTA * quantum_pct)
        step = _candidates(states, rules, first, end, rows, slots, level, at_us, bound_pct, buffer)
        cuts = _chosen(step, rules.window)

        feet = np.empty(cuts.size + 1, dtype=np.int64)
        tops = np.empty(cuts.size, dtype=np.int64)
        risen = _ramps(level, cuts, bound_pct * RISING, feet, tops)
        feet[risen] = slot_count - 1
        risen_pct = 0.0
        kept = low = 0
        for ramp in range(risen):
            foot, top = feet[ramp], tops[ramp]
            before_pct = level_of(level, window_back(at_us, rules, foot, low), foot + 1, buffer)
            after_pct = level_of(level, top, window_forth(at_us, rules, top, feet[ramp + 1] + 1), buffer)
            if not after_pct - before_pct > bound_pct:
                continue
            begin, until = rows[slots[foot + 1] - 1], rows[slots[top]]
            end_row[begin], from_pct[begin], to_pct[begin] = until, before_pct, after_pct
            stand_row[begin] = _longest_stand(states, rows[slots[foot]], until)
            risen_pct += after_pct - before_pct
            low = top
            feet[kept], tops[kept] = foot, top
            kept += 1

        feet, tops = feet[:kept], tops[:kept]
        high = feet[0] + 1 if kept else (slot_count + 1) // 2
        low = tops[-1] if kept else slot_count // 2
        high = window_forth(at_us, rules, 0, high)
        low = window_back(at_us, rules, slot_count - 1, low)
        by_group[0, group] = level_of(level, 0, high, buffer)
        by_group[1, group] = level_of(level, low, slot_count, buffer)
        first_row[group] = rows[slots[(high - 1) // 2]]
        last_row[group] = rows[slots[(low + slot_count) // 2]]
        taken = min(high, slot_count - low)
        by_group[3, group] = np.sqrt((MEDIAN_ERROR * noise_pct) ** 2 / taken + quantum_pct**2 / 12)
        if slot_count >= 2 * rules.least and (has_steps or not _drove(states, first, end)):
            by_group[2, group] = by_group[0, group] - by_group[1, group] + risen_pct
        smooth(level, feet, tops, rules.window, rows, slots, buffer, smooth_pct)


@part
def _candidates(states, rules, first, end, rows, slots, level, at_us, bound_pct, buffer):
    # The step from each slot to the next where a refuel may have been; else -inf.
    step = np.full(level.size, -np.inf)
    for cut in range(rules.least - 1, level.size - rules.least):
        after_pct = level_of(level, cut + 1, window_forth(at_us, rules, cut + 1, level.size), buffer)
        before_pct = level_of(level, window_back(at_us, rules, cut, 0), cut + 1, buffer)
        if after_pct - before_pct > bound_pct and _stood(
            states, rows[slots[cut]], rows[slots[cut + 1]], first, end, rules.stand_us
        ):
            step[cut] = level[cut + 1] - level[cut]
    return step


@part
def _stood(states, begin, until, first, end, stand_us):
    # Whether a stand that long reaches into the rows begin..until - 1.
    row = begin
    while row > first and states.state[row] != DRIVE and states.state[row - 1] != DRIVE:
        row -= 1
    stood_us = np.int64(0)
    while row < end:
        if states.state[row] == DRIVE:
            stood_us = np.int64(0)
        else:
            stood_us += states.step_us[row]
        if stood_us >= stand_us:
            return True
        row += 1
        if row >= until and states.state[row - 1] == DRIVE:
            return False
    return False


@part
def _chosen(step, window):
    # Cuts in order, the greatest step first served.
    chosen = np.zeros(step.size, dtype=np.bool_)
    while True:
        cut = np.argmax(step)
        if step[cut] == -np.inf:
            break
        chosen[cut] = True
        step[max(0, cut - window + 1) : cut + window] = -np.inf
    return np.flatnonzero(chosen)


@part
def _longest_stand(states, begin, end):
    longest = begin
    longest_us = np.int64(-1)
    for row in range(begin, end):
        if states.state[row] != DRIVE and states.step_us[row] > longest_us:
            longest, longest_us = row, states.step_us[row]
    return longest


@part
def _drove(states, first, end):
    return np.any((states.state[first:end] == DRIVE) & (states.step_us[first:end] > 0))


@part
def _ramps(level, cuts, rising_pct, feet, tops):
    # The last slot before each ramp and the first after it; cuts within one ramp are one.
    count = 0
    for cut in cuts:
        if count > 0 and cut < tops[count - 1]:
            continue
        foot, top = cut, cut + 1
        while foot > (tops[count - 1] if count > 0 else 0) and level[foot] - level[foot - 1] > rising_pct:
            foot -= 1
        while top + 1 < level.size and level[top + 1] - level[top] > rising_pct:
            top += 1
        feet[count], tops[count] = foot, top
        count += 1
    return count
