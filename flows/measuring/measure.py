"""Arrays through the kernels: how was each van's day spent?

Kernels are called here and in `by_row`. `tracks` lays tables out for them, `measured` turns the
result back into rows.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.measuring.areas import NamedAreas
from flows.measuring.both_ways import all_stops, states_of_rows, whole_ledger
from flows.measuring.by_row import (
    COARSE_S,
    COARSE_SHARE,
    MAX_KMH,
    WAIT_S,
    ByRow,
    by_row,
    state_rules,
    stop_rules,
)
from flows.measuring.meters import may_be_sent
from flows.measuring.planned import Ints, e7
from flows.measuring.route_labels import (
    NO_ROUTE,
    RouteParts,
    RoutesHeard,
    route_of_rows,
    route_parts,
    routes_heard,
    said_routes,
)
from flows.measuring.tracks import Day
from flows.settings import Settings
from kernels.distance import GPS, TICKS_A_METRE
from kernels.fuel_levels import LevelRules, Levels, Refuels, fuel_levels
from kernels.gathering import values_at
from kernels.geometry import metres_between
from kernels.kinds import BREAK as BREAK_KIND
from kernels.kinds import DEPOT, PLANNED, TRAFFIC, UNPLANNED, KindRules, stop_kinds
from kernels.ledger import Ledger
from kernels.matching import Matches, match_plan, nearest_site
from kernels.ordinary import Ordinary, OrdinaryRules, ordinary_groups
from kernels.phases import Instants, Pieces, route_phases
from kernels.places import FAST_KMH, STUCK_M
from kernels.polygons import Areas, in_areas
from kernels.states import IDLE, States
from kernels.stops import Stops
from kernels.track import Track
from kernels.traffic import plan_sides, wait_odds

SERVED_S = 30  # without a served planned stop: a stand this long outside depot and fuel sites
BREAK_S = 600  # a break from that duration on
LEVEL_RULES = LevelRules(
    slot_us=30_000_000, window=10, least=5, stand_us=60_000_000, stuck_us=7_200_000_000, rise_pct=8.0
)


class ByGroup(NamedTuple):
    """What was found of each group; every field has the shape (n_groups,).

    is_coarse     hand-offs went unseen
    is_frozen     moved fast with a position that stood still (Q7)
    speed_frozen  repeated a speed while parked, or a 0 under way
    fuel_m        metres from the first reading of the fuel counter to the last; NaN without
    level_m       the same of the fuel gauge
    """

    jump_count: Ints
    wired_wrong: NDArray[np.bool_]
    distance_m: NDArray[np.float64]
    distance_source: NDArray[np.int8]
    odometer_rejected: NDArray[np.bool_]
    is_coarse: NDArray[np.bool_]
    is_frozen: NDArray[np.bool_]
    speed_frozen: NDArray[np.bool_]
    fuel_m: NDArray[np.float64]
    level_m: NDArray[np.float64]


class Measured(NamedTuple):
    """What the kernels found, by stop, part, run or group; see the kernels for shapes."""

    placed: NDArray[np.bool_]  # (n_rows,) which fixes are good
    by_group: ByGroup
    stops: Stops  # every park episode, waits in traffic included
    kinds: NDArray[np.int8]  # (n_stops,)
    stop_route: Ints  # (n_stops,) label of the route: planned routes first, then `message_routes`
    matches: Matches
    parts: RouteParts
    phases: Instants  # by part
    message_routes: list[str]
    route_of_message: RoutesHeard
    ledger: Ledger
    levels: Levels
    refuels: Refuels
    area_names: list[str]
    in_area: NDArray[np.bool_]  # (n_runs, n_areas) which areas hold the beginning of a run; idle runs only


def measure(day: Day, stations: pl.DataFrame, areas: NamedAreas, settings: Settings) -> Measured:
    """Run every kernel over a chunk of whole vehicle-dates.

    Ordinary groups take the short way (`kernels.ordinary`); all others, and with `settings.plain` all, go row by row.
    """
    said, message_names = said_routes(day)
    parts = route_parts(day, said)
    has_rows = _has_meters(day)
    ordinary = _ordinary(day, parts, said, has_rows, settings)
    unusual = by_row(day, np.flatnonzero(~ordinary.is_ordinary), settings)
    track = day.track._replace(placed=unusual.put(day.track.placed, unusual.track.placed))
    stops = all_stops(track, ordinary, unusual)
    matches = match_plan(
        stops,
        day.planned.starts,
        day.planned.latitude_e7,
        day.planned.longitude_e7,
        settings.stop_match_m,
        (stops.off_us == 0) & (stops.departed_us - stops.arrived_us < WAIT_S * 1_000_000),
    )
    speeds = track._replace(speed_kmh=unusual.put(track.speed_kmh, unusual.track.speed_kmh))
    kinds = _kinds(day, speeds, stops, matches, stations, settings)
    phases, pieces = _phases(day, track, stops, kinds, parts)
    runs = whole_ledger(day, track, ordinary, unusual, stops, kinds, parts, pieces, said)
    states, step_m = states_of_rows(has_rows, ordinary, unusual)
    levels, refuels = _levels(day, track, states)
    return Measured(
        placed=track.placed,
        by_group=_by_group(
            ordinary,
            unusual,
            fuel_m=_driven_m(step_m, day.fuel.first_row, day.fuel.last_row),
            level_m=_driven_m(step_m, levels.first_row, levels.last_row),
        ),
        stops=stops,
        kinds=kinds,
        stop_route=route_of_rows(said, parts, stops.first_row),
        matches=matches,
        parts=parts,
        phases=phases,
        message_routes=message_names,
        route_of_message=routes_heard(day, said, parts),
        ledger=runs,
        levels=levels,
        refuels=refuels,
        area_names=areas.names,
        in_area=_areas_of_idle_runs(track, runs, areas.areas),
    )


def _has_meters(day: Day) -> NDArray[np.bool_]:
    """Which groups have a fuel gauge or counter, so that metres between two of their rows are asked for."""
    has_meters = day.fuel.first_row >= 0
    if _has_levels(day):
        has_meters = has_meters | _any_in_group(day.level_pct > 0, day.track.starts)
    return has_meters


def _has_levels(day: Day) -> bool:
    return may_be_sent(day.level_pct) and bool((day.level_pct > 0).any())


def _any_in_group(truth: NDArray[np.bool_], starts: Ints) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.logical_or.reduceat(truth, starts[:-1])
    return found


def _ordinary(day: Day, parts: RouteParts, said: Ints, has_rows: NDArray[np.bool_], settings: Settings) -> Ordinary:
    """Ordinary groups have one route at a time and no power take-off at work, beside what the kernel asks for."""
    is_asked = np.full(len(day.names), not settings.plain)
    if day.pto.any():
        is_asked &= ~_any_in_group(day.pto, day.track.starts)
    if said.size:
        for part in np.flatnonzero(parts.route == NO_ROUTE):
            is_asked[parts.group[part]] &= not np.any(said[parts.starts[part] : parts.starts[part + 1]] != NO_ROUTE)
    rules = OrdinaryRules(MAX_KMH, FAST_KMH, STUCK_M, int(COARSE_S * 1e6), COARSE_SHARE)
    return ordinary_groups(
        *(day.track, day.limits, ~day.has_can, is_asked, has_rows, rules),
        *(state_rules(settings), stop_rules(settings)),
        has_odometer=may_be_sent(day.track.odometer_m),
    )


def _by_group(
    ordinary: Ordinary, unusual: ByRow, *, fuel_m: NDArray[np.float64], level_m: NDArray[np.float64]
) -> ByGroup:
    runs, groups, starts = ordinary.runs, unusual.groups, unusual.track.starts
    size = ordinary.is_ordinary.size
    driven = np.bincount(np.repeat(np.arange(size), np.diff(runs.starts)), weights=runs.ticks, minlength=size)
    found = ByGroup(
        jump_count=np.zeros(size, np.int64),
        wired_wrong=np.zeros(size, np.bool_),
        distance_m=driven / TICKS_A_METRE,
        distance_source=np.full(size, GPS),
        odometer_rejected=np.zeros(size, np.bool_),
        is_coarse=np.zeros(size, np.bool_),
        is_frozen=np.zeros(size, np.bool_),
        speed_frozen=np.zeros(size, np.bool_),
        fuel_m=fuel_m,
        level_m=level_m,
    )
    if groups.size:
        found.jump_count[groups] = unusual.jump_count
        found.wired_wrong[groups] = unusual.states.wired_wrong
        found.distance_m[groups] = np.add.reduceat(unusual.distances.step_m, starts[:-1])
        found.distance_source[groups] = unusual.distances.source
        found.odometer_rejected[groups] = unusual.distances.odometer_rejected
        found.is_coarse[groups] = unusual.is_coarse
        found.is_frozen[groups] = unusual.is_frozen
        found.speed_frozen[groups] = unusual.speed_frozen
    return found


def _levels(day: Day, track: Track, states: States) -> tuple[Levels, Refuels]:
    if _has_levels(day):
        return fuel_levels(track, states, day.level_pct, LEVEL_RULES)
    size = len(day.names)
    unknown, nowhere = np.full(size, np.nan), np.full(size, -1)
    no_rows, no_levels = np.zeros(0, np.int64), np.zeros(0)
    levels = Levels(*4 * (unknown,), nowhere, nowhere, np.full(0, np.nan, np.float32))
    return levels, Refuels(no_rows, no_rows, no_rows, no_rows, no_levels, no_levels)


def _driven_m(step_m: NDArray[np.float64], first_row: Ints, last_row: Ints) -> NDArray[np.float64]:
    """Metres driven from one row to another, each interval in whole millimetres; NaN without rows."""
    found = np.full(first_row.size, np.nan)
    for group in np.flatnonzero(first_row >= 0):
        found[group] = np.rint(step_m[first_row[group] : last_row[group]] * 1000).astype(np.int64).sum() / 1000
    return found


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


def _phases(
    day: Day, track: Track, stops: Stops, kinds: NDArray[np.int8], parts: RouteParts
) -> tuple[Instants, Pieces]:
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
    asked = np.flatnonzero(runs.state == IDLE)
    asked = asked[values_at(track.placed, runs.first_row[asked])]
    begins = runs.first_row[asked]
    found = np.zeros((runs.first_row.size, areas.margin_m.size), dtype=np.bool_)
    found[asked] = in_areas(values_at(track.latitude_e7, begins), values_at(track.longitude_e7, begins), areas)
    return found


def is_listed(kinds: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which park episodes are stops; a wait in traffic is none."""
    return np.not_equal(kinds, TRAFFIC)
