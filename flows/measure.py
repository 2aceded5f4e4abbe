"""Arrays through the kernels: how was each van's day spent?

The only place where kernels are called. `flows.tracks` lays tables out for it, `flows.measured` turns the result
back into rows.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.areas import NamedAreas
from flows.settings import Settings
from flows.tracks import Day, Ints, e7
from kernels.distance import DistanceRules, Distances, distances
from kernels.fuel_levels import LevelRules, Levels, Refuels, fuel_levels
from kernels.geometry import metres_between
from kernels.kinds import BREAK as BREAK_KIND
from kernels.kinds import DEPOT, PLANNED, TRAFFIC, UNPLANNED, KindRules, contexts, stop_kinds
from kernels.ledger import Ledger, ledger
from kernels.matching import Matches, match_plan, nearest_site
from kernels.phases import Phases, route_phases
from kernels.places import Places, frozen_places, frozen_speeds, good_places, stuck_speeds
from kernels.polygons import Areas, in_areas
from kernels.sampling import coarse_share
from kernels.speeds import known_speeds
from kernels.states import IDLE, UNKNOWN, StateRules, States, classify
from kernels.stops import StopRules, Stops, park_episodes
from kernels.track import Track
from kernels.traffic import plan_sides, wait_odds

WIRING_KMH, WIRING_S = 10.0, 60  # Q9: moving like that with the ignition off is a wiring fault
MAX_KMH = 180.0  # Q4: faster between two fixes is a jump
DISTANCE = DistanceRules(
    odometer_share=0.9, odometer_factor=1.5, odometer_slack_m=5_000, odometer_jump_m=500_000, hop_kmh=MAX_KMH
)
SERVED_S = 30  # without a served planned stop: a stand this long outside depot and fuel sites
MERGE_S = 20  # a longer drive between two stands of one place ends the first
WAIT_S, BREAK_S = 120, 600  # hardly anybody waits in traffic for longer than the first; a break from the second on
COARSE_S, COARSE_SHARE = 20.0, 0.1  # under way with fewer fixes for longer than that share: hand-offs go unseen
LEVEL_RULES = LevelRules(
    slot_us=30_000_000, window=10, least=5, stand_us=60_000_000, stuck_us=7_200_000_000, rise_pct=8.0
)
NO_ROUTE = -1


class RouteParts(NamedTuple):
    """Stretches of rows that belong to one route, or to a vehicle-date without one.

    starts  int64 (n_parts + 1,)  first row of each part, then the row count
    group   int64 (n_parts,)      the vehicle-date
    route   int64 (n_parts,)      the planned route; without a plan the only one that messages name, else NO_ROUTE
    """

    starts: Ints
    group: Ints
    route: Ints


class Measured(NamedTuple):
    """What the kernels found, by row, stop, part or group; see the kernels for shapes."""

    places: Places
    states: States
    distances: Distances
    is_coarse: NDArray[np.bool_]  # (n_groups,) hand-offs went unseen
    is_frozen: NDArray[np.bool_]  # (n_groups,) moved fast with a position that stood still (Q7)
    speed_frozen: NDArray[np.bool_]  # (n_groups,) repeated a speed while parked, or a 0 under way
    stops: Stops  # every park episode, waits in traffic included
    kinds: NDArray[np.int8]  # (n_stops,)
    matches: Matches
    parts: RouteParts
    phases: Phases  # by part
    route: Ints  # (n_rows,) label of the row's route: planned routes first, then `message_routes`
    message_routes: list[str]
    ledger: Ledger
    levels: Levels
    refuels: Refuels
    area_names: list[str]
    in_area: NDArray[np.bool_]  # (n_runs, n_areas) which areas hold the beginning of a run; idle runs only


def measure(day: Day, stations: pl.DataFrame, areas: NamedAreas, settings: Settings) -> Measured:
    """Run every kernel over a chunk of whole vehicle-dates."""
    places = good_places(day.track, max_kmh=MAX_KMH)
    track = day.track._replace(placed=places.placed)
    disbelieved = frozen_speeds(track, ~day.has_can) | stuck_speeds(track)
    track = track._replace(speed_kmh=np.where(disbelieved, np.float32(np.nan), track.speed_kmh))
    track = track._replace(speed_kmh=known_speeds(track, day.limits))
    is_frozen = frozen_places(track)
    rules = StateRules(settings.move_kmh, settings.tow_m, WIRING_KMH, WIRING_S * 1_000_000)
    states = classify(track, day.limits, rules)
    found = distances(track, states, is_frozen, DISTANCE)
    share = coarse_share(track, states, int(COARSE_S * 1e6), settings.stop_radius_m)
    is_coarse = np.nan_to_num(share) > COARSE_SHARE
    stops = _listed_stops(track, states, is_coarse, settings)
    matches = match_plan(
        stops,
        day.planned.starts,
        day.planned.latitude_e7,
        day.planned.longitude_e7,
        settings.stop_match_m,
        (stops.off_us == 0) & (stops.departed_us - stops.arrived_us < WAIT_S * 1_000_000),
    )
    kinds = _kinds(day, track, stops, matches, stations, settings)
    said, message_routes = _message_routes(day)
    parts = route_parts(day, said)
    phases = _phases(day, track, stops, kinds, parts)
    route = _route_of_rows(said, parts)
    group_of_row = np.repeat(np.arange(len(day.names)), np.diff(track.starts))
    levels, refuels = fuel_levels(track, states, day.level_pct, LEVEL_RULES)
    runs = ledger(
        track,
        states,
        found.step_m,
        contexts(track, states, stops, kinds),
        phases.phase,
        route,
        day.pto & (states.state != UNKNOWN),  # silence says nothing of it
    )
    return Measured(
        places=places,
        states=states,
        distances=found,
        is_coarse=is_coarse,
        is_frozen=is_frozen,
        speed_frozen=np.bincount(group_of_row[disbelieved], minlength=len(day.names)) > 0,
        stops=stops,
        kinds=kinds,
        matches=matches,
        parts=parts,
        phases=phases,
        route=route,
        message_routes=message_routes,
        ledger=runs,
        levels=levels,
        refuels=refuels,
        area_names=areas.names,
        in_area=_areas_of_idle_runs(track, runs, areas.areas),
    )


def route_parts(day: Day, said: Ints) -> RouteParts:
    """Cut the rows of each vehicle-date where one planned route of it ends and the next begins.

    `said` is the route that the message of each row named. A vehicle-date without a plan whose messages name one
    route belongs to it as a whole, as it would to a plan.
    """
    firsts, groups, routes = [], [], []
    planned = dict[int, list[int]]()
    for route, group in enumerate(day.routes.group.tolist()):
        planned.setdefault(group, []).append(route)
    for group in range(len(day.names)):
        named = said[day.track.starts[group] : day.track.starts[group + 1]]
        named = named[named != NO_ROUTE]
        only = int(named[0]) if named.size and (named == named[0]).all() else NO_ROUTE
        for route in planned.get(group, [only]):
            is_first = group not in planned or route == planned[group][0]
            firsts.append(day.track.starts[group] if is_first else day.routes.first_row[route])
            groups.append(group)
            routes.append(route)
    starts = np.array([*firsts, day.track.time_us.size], dtype=np.int64)
    return RouteParts(starts, np.array(groups, dtype=np.int64), np.array(routes, dtype=np.int64))


def _listed_stops(track: Track, states: States, is_coarse: NDArray[np.bool_], settings: Settings) -> Stops:
    """Where sampling is too coarse for hand-offs only what was surely seen: by two fixes, or with the engine off."""
    rules = StopRules(
        int(settings.stop_min_s * 1e6),
        settings.stop_radius_m,
        merge_us=MERGE_S * 1_000_000,
        settle_us=WAIT_S * 1_000_000,
    )
    stops = park_episodes(track, states, rules)
    intervals = np.concatenate([[0], np.cumsum(states.step_us > 0)])
    seen_count = intervals[stops.end_row] - intervals[stops.first_row]
    keep = ~is_coarse[stops.group] | (seen_count >= 2) | (stops.off_us > 0)
    return Stops._make(np.ascontiguousarray(column[keep]) for column in stops)


def _kinds(
    day: Day, track: Track, stops: Stops, matches: Matches, stations: pl.DataFrame, settings: Settings
) -> NDArray[np.int8]:
    depots = day.depots
    away_m = metres_between(
        stops.latitude_e7,
        stops.longitude_e7,
        depots.latitude_e7[stops.group],
        depots.longitude_e7[stops.group],
    )
    at_depot = stops.placed & (away_m <= depots.radius_m[stops.group])
    sites = nearest_site(stops, e7(stations["latitude"]), e7(stations["longitude"]), settings.site_radius_m)
    at_site = (sites.site >= 0) & (stops.departed_us - stops.arrived_us >= WAIT_S * 1_000_000)
    sides = plan_sides(stops, matches, np.diff(day.planned.starts) > 0)
    odds = wait_odds(track, stops, ~(at_depot | at_site), sides, WAIT_S * 1_000_000)
    return stop_kinds(stops, matches, at_depot, at_site, odds, KindRules(BREAK_S * 1_000_000))


def _phases(day: Day, track: Track, stops: Stops, kinds: NDArray[np.int8], parts: RouteParts) -> Phases:
    part_of_stop = np.searchsorted(parts.starts[1:-1], stops.first_row, side="right").astype(np.int64)
    is_planned = kinds == PLANNED
    planned_in_part = np.bincount(part_of_stop[is_planned], minlength=parts.group.size) > 0
    is_long = stops.departed_us - stops.arrived_us >= SERVED_S * 1_000_000
    is_other = np.isin(kinds, (UNPLANNED, BREAK_KIND)) & is_long
    return route_phases(
        track._replace(starts=parts.starts),
        stops._replace(group=part_of_stop),
        is_planned | (is_other & ~planned_in_part[part_of_stop]),
        kinds == DEPOT,
        np.ascontiguousarray(day.depots.latitude_e7[parts.group]),
        np.ascontiguousarray(day.depots.longitude_e7[parts.group]),
        np.ascontiguousarray(day.depots.radius_m[parts.group]),
    )


def _areas_of_idle_runs(track: Track, runs: Ledger, areas: Areas) -> NDArray[np.bool_]:
    begins = runs.first_row
    asked = np.flatnonzero((runs.state == IDLE) & track.placed[begins])
    found = np.zeros((begins.size, areas.margin_m.size), dtype=np.bool_)
    found[asked] = in_areas(track.latitude_e7[begins[asked]], track.longitude_e7[begins[asked]], areas)
    return found


def _message_routes(day: Day) -> tuple[Ints, list[str]]:
    """The route that the message of each row named, numbered after the planned ones, and their names."""
    names = day.message_route.drop_nulls().unique().sort().to_list()
    if not names:
        return np.full(day.track.time_us.size, NO_ROUTE, dtype=np.int64), []
    number = {name: index + day.routes.group.size for index, name in enumerate(names)}
    said = day.message_route.replace_strict(number, default=NO_ROUTE, return_dtype=pl.Int64).to_numpy()
    return said.astype(np.int64), names


def _route_of_rows(said: Ints, parts: RouteParts) -> Ints:
    """The route of every row: its part's, else the one its message named."""
    of_part = np.repeat(parts.route, np.diff(parts.starts))
    return np.where(of_part != NO_ROUTE, of_part, said)


def is_listed(kinds: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which park episodes are stops; a wait in traffic is none."""
    return np.not_equal(kinds, TRAFFIC)
