"""What do all kernels together say about a track: the whole chain, for properties of the whole."""

from typing import NamedTuple

import numpy as np

from kernels.distance import Distances, distances
from kernels.kinds import KindRules, contexts, stop_kinds
from kernels.ledger import Ledger, ledger
from kernels.matching import Matches, match_plan
from kernels.phases import Instants, phase_of_rows, route_phases
from kernels.places import frozen_places, frozen_speeds, good_places, stuck_speeds
from kernels.runs import IdleRuns, idle_runs
from kernels.speeds import known_speeds
from kernels.states import States, classify
from kernels.stops import Stops, park_episodes
from kernels.track import Limits, Track
from kernels.traffic import plan_sides, wait_odds
from tests.kernels.tracks import DEPOT_E7, DISTANCE_RULES, SECOND_US, STATE_RULES, STOP_RULES, metres_off

KIND_RULES = KindRules(break_us=600 * SECOND_US)
CERTAIN_US = 120 * SECOND_US
RADIUS_M = 60.0
DEPOT_RADIUS_M = 100.0


class Day(NamedTuple):
    """Everything the kernels found out."""

    track: Track
    states: States
    distances: Distances
    idle: IdleRuns
    stops: Stops
    matches: Matches
    odds: np.ndarray
    kinds: np.ndarray
    phases: Instants
    ledger: Ledger


def measured(track: Track, limits: Limits) -> Day:
    """Run all kernels on a track, with a depot in the middle of the map and a plan for two stops near it."""
    group_count, size = track.starts.size - 1, track.time_us.size
    track = track._replace(placed=good_places(track).placed)
    repeated = frozen_speeds(track, np.ones(group_count, dtype=np.bool_)) | stuck_speeds(track)
    track = track._replace(speed_kmh=np.where(repeated, np.float32(np.nan), track.speed_kmh))
    track = track._replace(speed_kmh=known_speeds(track, limits))
    states = classify(track, limits, STATE_RULES)
    found = distances(track, states, frozen_places(track), DISTANCE_RULES)
    stops = park_episodes(track, states, STOP_RULES)
    nowhere = np.zeros(stops.group.size, dtype=np.bool_)
    # Two planned stops for each group: at the depot and 64 m north of it.
    north_e7 = np.array([DEPOT_E7[0], metres_off(64)[0]], dtype=np.int32)
    matches = match_plan(
        stops,
        np.arange(0, 2 * group_count + 1, 2, dtype=np.int64),
        np.tile(north_e7, group_count),
        np.full(2 * group_count, DEPOT_E7[1], dtype=np.int32),
        RADIUS_M,
        stops.off_us == 0,
    )
    sides = plan_sides(stops, matches, np.ones(group_count, dtype=np.bool_))
    odds = wait_odds(track, stops, ~nowhere, sides, CERTAIN_US)
    kinds = stop_kinds(stops, matches, nowhere, nowhere, odds, KIND_RULES)
    at_depot = stops.placed & (stops.latitude_e7 == DEPOT_E7[0]) & (stops.longitude_e7 == DEPOT_E7[1])
    phases, pieces = route_phases(
        track,
        stops,
        ~at_depot,
        at_depot,
        np.full(group_count, DEPOT_E7[0], dtype=np.int32),
        np.full(group_count, DEPOT_E7[1], dtype=np.int32),
        np.full(group_count, DEPOT_RADIUS_M, dtype=np.float32),
    )
    context = contexts(track, states, stops, kinds)
    phase = phase_of_rows(track.starts, pieces)
    runs = ledger(track, states, found.step_m, context, phase, np.zeros(size, np.int64), np.zeros(size, np.bool_))
    return Day(track, states, found, idle_runs(track, states), stops, matches, odds, kinds, phases, runs)
