"""In which phase of its route was the van, and when did it leave and return?

Here a group is one route of one van. A stand at the depot between two served stops, such as one for a second
wave, cuts it into segments, and every segment passes through the phases:

    pre         until the exit: the last leaving of the depot before the first served stop
    stem_out    until the arrival at the first served stop
    on_route    until the departure from the last served stop
    stem_back   until the return: the first presence at the depot after that
    post        from the last return on; the time at the depot between two segments is `pre` of the next
    none        what cannot be told

Presence at the depot comes from good fixes only. A van is in when a fix is inside the circle. It is out
again when a fix is more than FENCE_M outside it, or two fixes in a row are outside; it left at the first
of them. A fix after the arrival at the first served stop proves no leaving before it. Everything is at the
time of a row.

    no served stop             all none, and no instant is known
    no depot                   none up to the first served stop and after the last; on_route between
    never seen in the depot    stem_out from the first row, the exit is not known
    never seen out of it       pre up to the first served stop, the exit is not known
    never seen back            stem_back up to the end, the return is not known

A stand at the depot proves presence also where none of its fixes shows it: the van is back when it begins.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from kernels.compiled import kernel, light_part
from kernels.geometry import hop_m
from kernels.searching import first_at
from kernels.stops import Stops, checked_stops
from kernels.track import Codes, Degrees, Flags, Ints, Speeds, Track, column, firsts_of, shaped, starts_of_groups

PRE, STEM_OUT, ON_ROUTE, STEM_BACK, POST, NO_PHASE = map(np.int8, range(6))
PHASE_NAMES = ("pre", "stem_out", "on_route", "stem_back", "post", "none")
NOT_KNOWN, FOREVER_US = np.iinfo(np.int64).min, np.iinfo(np.int64).max
PHASES_A_SEGMENT = 5
FENCE_M = 25.0  # fixes of a van parked at the fence wander this far


class Instants(NamedTuple):
    """When each group changed its phase; NOT_KNOWN where there is no such instant.

    exit_us        int64 (n_groups,)  the van left the depot for its first served stop
    first_stop_us  int64 (n_groups,)  it arrived there
    last_stop_us   int64 (n_groups,)  it departed from the last served stop
    return_us      int64 (n_groups,)  it was at the depot again, for good
    segment_count  int64 (n_groups,)  segments; 0 without a served stop
    """

    exit_us: Ints
    first_stop_us: Ints
    last_stop_us: Ints
    return_us: Ints
    segment_count: Ints


class Pieces(NamedTuple):
    """Stretches of rows of one phase, in the order of rows. A piece ends where the next one, or the group, does.

    group      int64 (n_pieces,)
    first_row  int64 (n_pieces,)
    phase      int8 (n_pieces,)   a code, see PHASE_NAMES
    """

    group: Ints
    first_row: Ints
    phase: Codes


def route_phases(
    track: Track,
    stops: Stops,
    served: Flags,
    at_depot: Flags,
    depot_latitude_e7: Degrees,
    depot_longitude_e7: Degrees,
    depot_radius_m: Speeds,
) -> tuple[Instants, Pieces]:
    """Find the phases of every group.

    stops               episodes of this track; only group and times are read
    served              bool (n_stops,)      the episodes that delivered
    at_depot            bool (n_stops,)      the episodes at the depot
    depot_latitude_e7   int32 (n_groups,)
    depot_longitude_e7  int32 (n_groups,)
    depot_radius_m      float32 (n_groups,)  NaN where there is no depot
    """
    track = shaped(track)
    stops = checked_stops(stops)
    group_count = track.starts.size - 1
    served = column("served", served, np.bool_, stops.group.size)
    at_depot = column("at_depot", at_depot, np.bool_, stops.group.size)
    depot = (
        column("depot_latitude_e7", depot_latitude_e7, np.int32, group_count),
        column("depot_longitude_e7", depot_longitude_e7, np.int32, group_count),
        column("depot_radius_m", depot_radius_m, np.float32, group_count),
    )
    exit_us, first_stop_us, last_stop_us, return_us = (
        np.full(group_count, NOT_KNOWN, dtype=np.int64) for _ in range(4)
    )
    instants = Instants(exit_us, first_stop_us, last_stop_us, return_us, np.zeros(group_count, dtype=np.int64))
    stop_starts = starts_of_groups(stops.group, group_count)
    # A segment has a served stop and up to five phases.
    offsets = PHASES_A_SEGMENT * (stop_starts + np.arange(group_count + 1))
    piece_row, piece_phase = np.empty(offsets[-1], np.int64), np.empty(offsets[-1], np.int8)
    piece_count = np.zeros(group_count, np.int64)
    _find(
        *(track, stops, stop_starts, served, at_depot, *depot, *instants),
        *(offsets, piece_row, piece_phase, piece_count),
    )
    piece = firsts_of(offsets, piece_count)
    pieces = Pieces(np.repeat(np.arange(group_count), piece_count), piece_row[piece], piece_phase[piece])
    return instants, pieces


def phase_of_rows(starts: Ints, pieces: Pieces) -> Codes:
    """Return int8 (n_rows,): the phase of every interval."""
    ends = np.append(pieces.first_row[1:], starts[-1])
    return np.repeat(pieces.phase, ends - pieces.first_row)


@kernel
def _find(
    track,
    stops,
    stop_starts,
    served,
    at_depot,
    depot_latitude_e7,
    depot_longitude_e7,
    depot_radius_m,
    exit_us,
    first_stop_us,
    last_stop_us,
    return_us,
    segment_count,
    offsets,
    piece_row,
    piece_phase,
    piece_count,
):
    for group in prange(track.starts.size - 1):
        depot = depot_latitude_e7[group], depot_longitude_e7[group], np.float64(depot_radius_m[group])
        row, end = track.starts[group], track.starts[group + 1]  # rows before `row` belong to earlier segments
        own = piece_row[offsets[group] : offsets[group + 1]], piece_phase[offsets[group] : offsets[group + 1]]
        count = 0
        first_us = last_us = stand_us = NOT_KNOWN  # of the open segment, and of the stand at the depot after it
        for stop in range(stop_starts[group], stop_starts[group + 1]):
            if at_depot[stop] and first_us != NOT_KNOWN and stand_us == NOT_KNOWN:
                stand_us = stops.arrived_us[stop]
            if not served[stop]:
                continue
            if stand_us != NOT_KNOWN:
                served_us = first_us, last_us, stand_us
                row, left_us, _, count = _close(
                    track, depot, row, end, served_us, segment_count[group], False, own, count
                )
                if segment_count[group] == 0:
                    exit_us[group], first_stop_us[group] = left_us, first_us
                segment_count[group] += 1
                first_us = stand_us = NOT_KNOWN
            if first_us == NOT_KNOWN:
                first_us = stops.arrived_us[stop]
            last_us = stops.departed_us[stop]
        if first_us == NOT_KNOWN:
            _, count = _piece(track, row, end, FOREVER_US, NO_PHASE, own, count)
            piece_count[group] = count
            continue
        served_us = first_us, last_us, stand_us
        _, left_us, back_us, count = _close(track, depot, row, end, served_us, segment_count[group], True, own, count)
        if segment_count[group] == 0:
            exit_us[group], first_stop_us[group] = left_us, first_us
        last_stop_us[group], return_us[group] = last_us, back_us
        segment_count[group] += 1
        piece_count[group] = count


@light_part
def _close(track, depot, first, end, served_us, segments_before, is_last, pieces, count):
    # Writes the pieces of the segment that begins at row `first`. Returns where the next one begins, the exit, the
    # return and the number of pieces. `served_us` are the first arrival, the last departure, and the stand at the depot
    # after it, NOT_KNOWN if there is none. The last segment goes on to the end of the group.
    first_us, last_us, stand_us = served_us
    exit_us, back_us = NOT_KNOWN, NOT_KNOWN if is_last else stand_us
    before = after = NO_PHASE  # the phases next to on_route
    if not np.isnan(depot[2]):
        exit_us, was_in = _exit(track, depot, first, end, first_us, segments_before > 0)
        back_us = _return(track, depot, first, end, last_us, stand_us)
        before = PRE if was_in and exit_us == NOT_KNOWN else STEM_OUT
        after = STEM_BACK
    following = end if is_last else first_at(track.time_us, first, end, back_us)
    row, count = _piece(track, first, following, exit_us, PRE, pieces, count)
    row, count = _piece(track, row, following, first_us, before, pieces, count)
    row, count = _piece(track, row, following, last_us, ON_ROUTE, pieces, count)
    row, count = _piece(track, row, following, FOREVER_US if back_us == NOT_KNOWN else back_us, after, pieces, count)
    row, count = _piece(track, row, following, FOREVER_US, POST, pieces, count)
    return following, exit_us, back_us, count


@light_part
def _piece(track, row, end, until_us, phase, pieces, count):
    # The rows before that instant. Returns where they end, and the number of pieces.
    until = first_at(track.time_us, row, end, until_us)
    if until > row:
        piece_row, piece_phase = pieces
        piece_row[count], piece_phase[count] = row, phase
        count += 1
    return until, count


@light_part
def _exit(track, depot, first, end, first_us, was_in):
    # Returns the last leaving of the depot, and whether the van was there at all. `was_in`: it is known to be there
    # when the segment begins.
    exit_us = out_since_us = NOT_KNOWN
    present = was_in
    row = first
    while row < end and track.time_us[row] <= first_us:
        if track.placed[row]:
            outside_m = _outside_m(track, depot, row)
            if outside_m <= 0:
                present = was_in = True
                out_since_us = NOT_KNOWN
            elif present:
                if out_since_us == NOT_KNOWN:
                    out_since_us = track.time_us[row]
                if outside_m > FENCE_M or track.time_us[row] > out_since_us:
                    present = False
                    exit_us, out_since_us = out_since_us, NOT_KNOWN
        row += 1
    return exit_us, was_in


@light_part
def _return(track, depot, first, end, last_us, stand_us):
    # The first presence from the last departure on, at the latest the stand at the depot.
    for row in range(first_at(track.time_us, first, end, last_us), end):
        if stand_us != NOT_KNOWN and track.time_us[row] >= stand_us:
            break
        if track.placed[row] and _outside_m(track, depot, row) <= 0:
            return track.time_us[row]
    return stand_us


@light_part
def _outside_m(track, depot, row):
    latitude_e7, longitude_e7, radius_m = depot
    return hop_m(latitude_e7, longitude_e7, track.latitude_e7[row], track.longitude_e7[row]) - radius_m
