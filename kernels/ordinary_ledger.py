"""Which runs make up the day of an ordinary group: `kernels.ledger`, but from runs of states instead of rows?

Context, phase and route change at few rows, and those are known: where a park episode or a piece of a phase begins or
ends. So the runs of states are cut there, and what the two sides have in common is put together again. A drive that is
cut is measured anew on one side of the cut; all others keep their metres.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel
from kernels.distance import TICKS_A_METRE
from kernels.gathering import firsts_in
from kernels.kinds import context_of
from kernels.ledger import Ledger, ledger_of
from kernels.ordinary import StateRuns
from kernels.ordinary_rows import ticks_between
from kernels.states import DRIVE, UNKNOWN
from kernels.stops import Stops
from kernels.track import Codes, Ints, Track, column, shaped, starts_of_groups


class Labels(NamedTuple):
    """Stretches of rows with one phase and one route, in the order of rows; all of the day belongs to one.

    first_row  int64 (n_stretches,)
    phase      int8 (n_stretches,)   see `kernels.phases`
    route      int64 (n_stretches,)
    """

    first_row: Ints
    phase: Codes
    route: Ints


def ordinary_ledger(track: Track, runs: StateRuns, stops: Stops, kinds: Codes, labels: Labels) -> Ledger:
    """Find the maximal runs of equal state, context, phase and route in the groups that have runs of states.

    stops   park episodes of all groups
    kinds   int8 (n_stops,)  from `kernels.kinds`
    """
    track = shaped(track)
    group_count = track.starts.size - 1
    kinds = column("kinds", kinds, np.int8, stops.group.size)
    stop_starts = starts_of_groups(stops.group, group_count)
    label_starts = np.searchsorted(labels.first_row, track.starts)
    offsets = runs.starts + 2 * stop_starts + label_starts
    capacity = int(offsets[-1])
    found = np.empty((capacity, 6), np.int64)  # first row, state, context, phase, route, ticks
    counts = np.zeros(group_count, np.int64)
    _cut(track, runs, stop_starts, stops.first_row, stops.end_row, kinds, label_starts, labels, offsets, counts, found)
    run_starts = np.append(0, counts.cumsum())
    group = np.repeat(np.arange(group_count), counts)
    first_row, state, context, phase, route, ticks = firsts_in(found, offsets, run_starts)
    end_row = track.starts[group + 1] - 1
    goes_on = group[1:] == group[:-1]
    end_row[:-1] = np.where(goes_on, first_row[1:], end_row[:-1])
    return ledger_of(
        track,
        group,
        first_row,
        end_row,
        state=state.astype(np.int8),
        context=context.astype(np.int8),
        phase=phase.astype(np.int8),
        route=route,
        pto=np.zeros(group.size, np.bool_),
        distance_m=ticks / TICKS_A_METRE,
    )


@kernel
def _cut(
    track,
    runs,
    stop_starts,
    stop_first,
    stop_end,
    kinds,
    label_starts,
    labels,
    offsets,
    counts,
    found,
):
    for group in prange(track.starts.size - 1):
        run, run_end = runs.starts[group], runs.starts[group + 1]
        if run == run_end:
            continue
        stop, label = stop_starts[group], label_starts[group]
        row, last = track.starts[group], track.starts[group + 1] - 1
        begin = out = offsets[group]
        while row < last:
            while run + 1 < run_end and runs.first_row[run + 1] <= row:
                run += 1
            while label + 1 < label_starts[group + 1] and labels.first_row[label + 1] <= row:
                label += 1
            while stop < stop_starts[group + 1] and stop_end[stop] <= row:
                stop += 1
            run_until = runs.first_row[run + 1] if run + 1 < run_end else last
            until = run_until
            if label + 1 < label_starts[group + 1]:
                until = min(until, labels.first_row[label + 1])
            kind = np.int8(-1)
            if stop < stop_starts[group + 1]:
                if stop_first[stop] <= row:
                    kind = kinds[stop]
                    until = min(until, stop_end[stop])
                else:
                    until = min(until, stop_first[stop])
            now = runs.state[run]
            now_context = context_of(now, kind)
            is_first = row == runs.first_row[run]
            now_phase, now_route = labels.phase[label], labels.route[label]
            ticks = np.int64(0)
            if is_first and until == run_until:
                ticks = runs.ticks[run]
            elif now == DRIVE:
                departs = is_first and row > track.starts[group] and runs.state[run - 1] != UNKNOWN
                ticks = ticks_between(track, row, until, departs)
            if (
                out > begin
                and found[out - 1, 1] == now
                and found[out - 1, 2] == now_context
                and found[out - 1, 3] == now_phase
                and found[out - 1, 4] == now_route
            ):
                found[out - 1, 5] += ticks
            else:
                found[out, 0], found[out, 1], found[out, 2] = row, now, now_context
                found[out, 3], found[out, 4], found[out, 5] = now_phase, now_route, ticks
                out += 1
            row = until
        counts[group] = out - begin
