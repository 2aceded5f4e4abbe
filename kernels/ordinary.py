"""Which groups are ordinary, and what did their vans do: states, metres and park episodes, in one pass over the rows?

Most groups have nothing in them that needs judgement: every row has a fix and a speed, no two share an instant, no hop
could be a jump, no speed and no place is repeated, nobody was towed, no wire lies, and there is no odometer. A few
comparisons for each row prove that, on whole registers, without a branch. What the kernels `places` to `stops` find
then follows from a few facts for each run of rows, while the rows are in the cache:

    states   rows are coded by what decides their state (engine, silence, speed against two thresholds). Motion can
             change only where the code does, so that only those rows are looked at
    metres   of a drive are the sum of its hops, and of the hop that leads to it. Steps are whole multiples of a
             millionth of a metre or so (`kernels.distance`), so the order of summing does not matter
    stops    where all fixes of a stand fit into a box no larger than the radius, every one of them is within the
             radius of the mean of any others: nothing to look at but the box. Other stands, and those that follow a
             short drive, go row by row through the code of `kernels.stops`

A group that is not ordinary is only named: it belongs to those kernels.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import prange
from numpy.typing import DTypeLike, NDArray

from kernels.compiled import kernel
from kernels.gathering import firsts_in
from kernels.ordinary_rows import SAFE, coded, span, state_runs, ticks_between, write_rows
from kernels.ordinary_stops import episodes
from kernels.places import STUCK_LONGEST_US
from kernels.states import DRIVE, UNKNOWN, StateRules
from kernels.stops import StopRules
from kernels.track import (
    Codes,
    Degrees,
    Flags,
    Ints,
    Limits,
    Metres,
    Track,
    checked_limits,
    column,
    shaped,
)
from kernels.untouched import untouched


class OrdinaryRules(NamedTuple):
    """What must not happen in an ordinary group; see `kernels.places` and `kernels.sampling`.

    most_kmh    between two fixes
    frozen_kmh  a van as fast as this changes its place
    stuck_m     a van that stands does not go as far as this
    coarse_us   an interval under way that is longer than this is coarse
    coarse      share of the time driven that may be spent in coarse intervals
    """

    most_kmh: float
    frozen_kmh: float
    stuck_m: float
    coarse_us: int
    coarse: float


# What is written of a run (first row, state, ticks) and of an episode (first row, end row, latitude, longitude, engine
# on, off), one beside the other.
RUN_COLUMNS = (np.int64, np.int8, np.int64)
STOP_COLUMNS = (np.int64, np.int64, np.int32, np.int32, np.int64, np.int64)


class StateRuns(NamedTuple):
    """Maximal runs of one state, by group, then by time.

    starts     int64 (n_groups + 1,)  first run of each group, then their count
    first_row  int64 (n_runs,)
    state      int8 (n_runs,)
    ticks      int64 (n_runs,)        metres in ticks of `kernels.distance`
    """

    starts: Ints
    first_row: Ints
    state: Codes
    ticks: Ints


class Episodes(NamedTuple):
    """Park episodes by group, then by time; the fields of `kernels.stops.Stops` of these names."""

    group: Ints
    first_row: Ints
    end_row: Ints
    latitude_e7: Degrees
    longitude_e7: Degrees
    engine_on_us: Ints
    off_us: Ints


class Rows(NamedTuple):
    """State, duration and metres of every row, but only of the groups for which they were wanted.

    state    int8 (n_rows,)
    step_us  int64 (n_rows,)
    step_m   float64 (n_rows,)
    """

    state: Codes
    step_us: Ints
    step_m: Metres


class Ordinary(NamedTuple):
    """What was found of the groups that are ordinary.

    is_ordinary  bool (n_groups,)   the others have no runs and no stops
    """

    is_ordinary: Flags
    runs: StateRuns
    stops: Episodes
    rows: Rows


def ordinary_groups(
    track: Track,
    limits: Limits,
    gps_speed: Flags,
    is_asked: Flags,
    has_rows: Flags,
    rules: OrdinaryRules,
    state_rules: StateRules,
    stop_rules: StopRules,
    *,
    has_odometer: bool = True,
) -> Ordinary:
    """Look at every group that is asked for.

    gps_speed  bool (n_groups,)  the speed comes from the receiver, not from the vehicle
    is_asked   bool (n_groups,)
    has_rows   bool (n_groups,)  of these groups the single rows are wanted as well
    has_odometer  False: the whole column is NaN, and need not be read
    """
    track = shaped(track)
    if not has_odometer:
        track = track._replace(odometer_m=track.odometer_m[:0])
    size, group_count = track.time_us.size, track.starts.size - 1
    limits = checked_limits(limits, group_count)
    asked = [
        column(name, array, np.bool_, group_count)
        for name, array in (("gps_speed", gps_speed), ("is_asked", is_asked), ("has_rows", has_rows))
    ]
    most_kmh, frozen_kmh, stuck_m, coarse_us, coarse = rules
    rules = OrdinaryRules(float(most_kmh), float(frozen_kmh), float(stuck_m), int(coarse_us), float(coarse))
    move_kmh, tow_m, wiring_kmh, wiring_us = state_rules
    state_rules = StateRules(float(move_kmh), float(tow_m), float(wiring_kmh), int(wiring_us))
    min_us, radius_m, merge_us, settle_us = stop_rules
    stop_rules = StopRules(int(min_us), float(radius_m), int(merge_us), int(settle_us))
    # At most one run and one episode begins at a row; hardly any group has one at each. What is found of a group lies
    # together, so that few pages are touched: the system takes longer for each than the kernel does for 100 rows.
    runs = untouched(size * len(RUN_COLUMNS), np.int64).reshape(size, len(RUN_COLUMNS))
    stops = untouched(size * len(STOP_COLUMNS), np.int64).reshape(size, len(STOP_COLUMNS))
    rows = Rows(untouched(size, np.int8), untouched(size, np.int64), untouched(size, np.float64))
    is_ordinary = np.zeros(group_count, np.bool_)
    by_group = np.zeros((2, group_count), np.int64)
    _look(track, limits, *asked, rules, state_rules, stop_rules, is_ordinary, by_group, runs, stops, *rows)
    run_starts, stop_starts = (np.append(0, count.cumsum()) for count in by_group)
    found_runs, found_stops = firsts_in(runs, track.starts, run_starts), firsts_in(stops, track.starts, stop_starts)
    return Ordinary(
        is_ordinary,
        StateRuns(run_starts, *_typed(found_runs, RUN_COLUMNS)),
        Episodes(np.repeat(np.arange(group_count), by_group[1]), *_typed(found_stops, STOP_COLUMNS)),
        rows,
    )


def _typed(found: NDArray[np.int64], types: tuple[DTypeLike, ...]) -> list[NDArray[Any]]:
    return [values.astype(dtype, copy=False) for values, dtype in zip(found, types, strict=True)]


@kernel
def _look(
    track,
    limits,
    gps_speed,
    is_asked,
    has_rows,
    rules,
    state_rules,
    stop_rules,
    is_ordinary,
    by_group,
    runs,
    stops,
    row_state,
    row_step_us,
    row_step_m,
):
    for group in prange(track.starts.size - 1):
        first, end = track.starts[group], track.starts[group + 1]
        if not is_asked[group] or end - first < 2 or limits.gap_max_us[group] <= STUCK_LONGEST_US:
            continue
        moves_kmh = state_rules.move_kmh
        if not np.float64(limits.stop_kmh[group]) < moves_kmh or np.float64(np.float32(moves_kmh)) != moves_kmh:
            continue
        # Rows are counted from the first of the group on.
        own = Track(
            track.starts,
            track.time_us[first:end],
            track.latitude_e7[first:end],
            track.longitude_e7[first:end],
            track.placed[first:end],
            track.speed_kmh[first:end],
            track.engine[first:end],
            track.odometer_m[first:end],
        )
        code = np.empty((end - first + 15) // 8 * 8, np.uint8)
        cosine_most, coarse_us = coded(
            own, rules, state_rules, limits.gap_max_us[group], limits.stop_kmh[group], gps_speed[group], code
        )
        if coarse_us < 0:
            continue
        state = np.empty(end - first, np.int8)
        own_rows, own_states, own_ticks = runs[first:end, 0], runs[first:end, 1], runs[first:end, 2]
        own_stops = stops[first:end]
        run_count = state_runs(own, code, limits.electric[group], state, own_rows, own_states)
        driven_us = np.int64(0)
        for run in range(run_count):
            begin, until = span(own_rows, run, run_count, end - first)
            if own_states[run] == DRIVE:
                driven_us += own.time_us[until] - own.time_us[begin]
        if coarse_us > SAFE * rules.coarse * driven_us:
            continue
        stop_count = episodes(
            own, state, rules, stop_rules, limits, run_count, own_rows, own_states, cosine_most, own_stops
        )
        if stop_count < 0:
            continue
        is_ordinary[group] = True
        by_group[0, group], by_group[1, group] = run_count, stop_count
        for run in range(run_count):
            begin, until = span(own_rows, run, run_count, end - first)
            if own_states[run] == DRIVE:
                own_ticks[run] = ticks_between(own, begin, until, begin > 0 and state[begin - 1] != UNKNOWN)
            else:
                own_ticks[run] = 0
        for stop in range(stop_count):
            own_stops[stop, 0] += first
            own_stops[stop, 1] += first
        if has_rows[group]:
            write_rows(own, state, row_state[first:end], row_step_us[first:end], row_step_m[first:end])
        for run in range(run_count):
            own_rows[run] += first
