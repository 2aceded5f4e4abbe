"""How was the day spent of vans whose rows need judgement? Every kernel over every row, for some groups of a chunk.

What it finds has the numbers of rows and groups that the whole chunk has.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flows.measuring.planned import Ints
from flows.measuring.tracks import Day
from flows.settings import Settings
from kernels.distance import DistanceRules, Distances, distances
from kernels.kinds import contexts
from kernels.ledger import Ledger, ledger
from kernels.places import frozen_places, frozen_speeds, good_places, stuck_speeds
from kernels.sampling import coarse_share
from kernels.speeds import known_speeds
from kernels.states import UNKNOWN, StateRules, States, classify
from kernels.stops import StopRules, Stops, park_episodes
from kernels.track import Limits, Track

WIRING_KMH, WIRING_S = 10.0, 60  # Q9: moving like that with the ignition off is a wiring fault
MAX_KMH = 180.0  # Q4: faster between two fixes is a jump
DISTANCE = DistanceRules(
    odometer_share=0.9, odometer_factor=1.5, odometer_slack_m=5_000, odometer_jump_m=500_000, hop_kmh=MAX_KMH
)
MERGE_S = 20  # a longer drive between two stands of one place ends the first
WAIT_S = 120  # hardly anybody waits in traffic for longer
COARSE_S, COARSE_SHARE = 20.0, 0.1  # under way with fewer fixes for longer than that share: hand-offs go unseen


class ByRow(NamedTuple):
    """What the kernels found of some groups.

    groups  int64 (n,)  which
    row     int64 (n,)  what is added to a row of `track` for its number in the chunk, for each of them
    track   the rows of these groups: fixes judged, speeds derived
    stops   park episodes, in the numbers of the chunk
    """

    groups: Ints
    row: Ints
    whole: Ints  # starts of the chunk
    track: Track
    states: States
    distances: Distances
    jump_count: Ints
    is_coarse: NDArray[np.bool_]
    is_frozen: NDArray[np.bool_]
    speed_frozen: NDArray[np.bool_]
    stops: Stops

    def put(self, column: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
        """A column of the chunk with these values in the rows of these groups."""
        if not self.groups.size:
            return column
        if rows.size == column.size:
            return rows
        column = column.copy()
        self.write(column, rows)
        return column

    def write(self, column: NDArray[Any], rows: NDArray[Any]) -> None:
        """Write these values to the rows of these groups in a column of the chunk."""
        starts = self.track.starts
        for number, group in enumerate(self.groups):
            column[self.whole[group] : self.whole[group + 1]] = rows[starts[number] : starts[number + 1]]

    def taken(self, column: NDArray[Any]) -> NDArray[Any]:
        """The rows of these groups out of a column of the chunk."""
        return _taken(column, self.whole, self.groups)

    def numbers(self) -> Ints:
        """The numbers in the chunk of the rows of these groups."""
        spans = [np.arange(self.whole[group], self.whole[group + 1]) for group in self.groups]
        return np.concatenate(spans) if spans else np.zeros(0, np.int64)


def state_rules(settings: Settings) -> StateRules:
    """Where one state ends and the next begins."""
    return StateRules(settings.move_kmh, settings.tow_m, WIRING_KMH, WIRING_S * 1_000_000)


def stop_rules(settings: Settings) -> StopRules:
    """What one stand is."""
    return StopRules(
        int(settings.stop_min_s * 1e6),
        settings.stop_radius_m,
        merge_us=MERGE_S * 1_000_000,
        settle_us=WAIT_S * 1_000_000,
    )


def by_row(day: Day, groups: Ints, settings: Settings) -> ByRow:
    """Run the kernels from places to stops over these groups."""
    whole = day.track.starts
    if not groups.size:
        return _of_nobody(day, groups)
    starts = np.append(0, np.cumsum(whole[groups + 1] - whole[groups]))
    track = Track(starts, *(_taken(column, whole, groups) for column in day.track[1:]))
    limits = Limits._make(np.ascontiguousarray(column[groups]) for column in day.limits)
    places = good_places(track, max_kmh=MAX_KMH)
    track = track._replace(placed=places.placed)
    disbelieved = frozen_speeds(track, ~day.has_can[groups]) | stuck_speeds(track)
    track = track._replace(speed_kmh=np.where(disbelieved, np.float32(np.nan), track.speed_kmh))
    track = track._replace(speed_kmh=known_speeds(track, limits))
    is_frozen = frozen_places(track)
    states = classify(track, limits, state_rules(settings))
    found = distances(track, states, is_frozen, DISTANCE)
    share = coarse_share(track, states, int(COARSE_S * 1e6), settings.stop_radius_m)
    is_coarse = np.nan_to_num(share) > COARSE_SHARE
    stops = _listed(park_episodes(track, states, stop_rules(settings)), states, is_coarse)
    row = whole[groups] - starts[:-1]
    shift = row[stops.group]
    return ByRow(
        groups=groups,
        row=row,
        whole=whole,
        track=track,
        states=states,
        distances=found,
        jump_count=places.jump_count,
        is_coarse=is_coarse,
        is_frozen=is_frozen,
        speed_frozen=_any_in(disbelieved, starts),
        stops=stops._replace(
            group=groups[stops.group], first_row=stops.first_row + shift, end_row=stops.end_row + shift
        ),
    )


def _of_nobody(day: Day, nobody: Ints) -> ByRow:
    """What is found of no group; a process that has only such days need not even load the kernels."""
    whole = day.track.starts
    track = Track(np.zeros(1, np.int64), *(_taken(column, whole, nobody) for column in day.track[1:]))
    rows, truths, codes, metres = track.time_us, track.placed, track.engine, track.odometer_m
    return ByRow(
        groups=nobody,
        row=rows,
        whole=whole,
        track=track,
        states=States(codes, rows, truths),
        distances=Distances(metres, codes, truths),
        jump_count=rows,
        is_coarse=truths,
        is_frozen=truths,
        speed_frozen=truths,
        stops=Stops(*5 * (rows,), track.latitude_e7, track.longitude_e7, truths, rows, rows),
    )


def ledger_by_row(
    found: ByRow, stops: Stops, kinds: NDArray[np.int8], phase: NDArray[np.int8], route: Ints, pto: NDArray[np.bool_]
) -> Ledger:
    """The ledger of these groups; stops are those of the chunk, the other columns have the rows of these groups."""
    number = np.full(found.whole.size - 1, -1)
    number[found.groups] = np.arange(found.groups.size)
    chosen = number[stops.group] >= 0
    own = Stops._make(np.ascontiguousarray(column[chosen]) for column in stops)
    group = number[own.group]
    own = own._replace(group=group, first_row=own.first_row - found.row[group], end_row=own.end_row - found.row[group])
    runs = ledger(
        found.track,
        found.states,
        found.distances.step_m,
        contexts(found.track, found.states, own, np.ascontiguousarray(kinds[chosen])),
        phase,
        route,
        pto & (found.states.state != UNKNOWN),  # silence says nothing of it
    )
    shift = found.row[runs.group]
    return runs._replace(group=found.groups[runs.group], first_row=runs.first_row + shift, end_row=runs.end_row + shift)


def _listed(stops: Stops, states: States, is_coarse: NDArray[np.bool_]) -> Stops:
    """Where sampling is too coarse for hand-offs only what was surely seen: by two fixes, or with the engine off."""
    if not is_coarse.any():
        return stops
    intervals = np.concatenate([[0], np.cumsum(states.step_us > 0)])
    seen_count = intervals[stops.end_row] - intervals[stops.first_row]
    keep = ~is_coarse[stops.group] | (seen_count >= 2) | (stops.off_us > 0)
    return Stops._make(np.ascontiguousarray(column[keep]) for column in stops)


def _taken(column: NDArray[Any], starts: Ints, groups: Ints) -> NDArray[Any]:
    if groups.size == starts.size - 1:
        return column
    if not groups.size:
        return column[:0]
    return np.concatenate([column[starts[group] : starts[group + 1]] for group in groups])


def _any_in(truth: NDArray[np.bool_], starts: Ints) -> NDArray[np.bool_]:
    so_far = np.append(0, np.cumsum(truth))
    result: NDArray[np.bool_] = so_far[starts[1:]] > so_far[starts[:-1]]
    return result
