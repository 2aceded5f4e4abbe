"""Arrays to tables: which rows of core come out of a measured chunk?"""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.measuring.areas import lists_of_names
from flows.measuring.measure import Measured, is_listed
from flows.measuring.measured_fuel import fuel_columns, refuel_rows, used_in_runs
from flows.measuring.planned import GROUP, GROUP_TYPES, Ints
from flows.measuring.route_labels import NO_ROUTE
from flows.measuring.tracks import Day
from kernels.distance import SOURCE_NAMES
from kernels.kinds import BREAK, CONTEXT_NAMES, KIND_NAMES, PLANNED, UNPLANNED
from kernels.phases import NOT_KNOWN, PHASE_NAMES, Instants
from kernels.sampling import longest_steps_us
from kernels.states import STATE_NAMES
from warehouse.load import Chunk


def measured_rows(chunk: Chunk, day: Day, measured: Measured) -> dict[str, pl.DataFrame]:
    """The rows of `core.vehicle_dates`, `ledger`, `stops`, `planned_stops`, `route_phases` and `refuels`, by table."""
    return {
        "vehicle_dates": _vehicle_dates(chunk, day, measured),
        "ledger": _ledger(day, measured),
        "stops": _stops(day, measured),
        "planned_stops": _planned_stops(day, measured),
        "route_phases": _route_phases(day, measured),
        "refuels": refuel_rows(day, measured),
    }


def _vehicle_dates(chunk: Chunk, day: Day, measured: Measured) -> pl.DataFrame:
    starts, time_us = day.track.starts, day.track.time_us
    found = measured.by_group
    frame = _names(day, np.arange(len(day.names))).with_columns(
        _instants("first_fix_utc", time_us[starts[:-1]]),
        _instants("last_fix_utc", time_us[starts[1:] - 1]),
        *_last_place(day, measured),
        pl.Series("jump_count", found.jump_count),
        pl.Series("median_interval_s", day.median_interval_s).fill_nan(None),
        pl.Series("longest_gap_s", longest_steps_us(day.track) / 1e6),
        pl.Series("distance_m", found.distance_m),
        _names_of("distance_source", found.distance_source, SOURCE_NAMES),
        pl.Series("energy_used_kwh", day.energy.in_all).fill_nan(None),
        *fuel_columns(day, measured),
    )
    frame = frame.join(chunk.counts, on=GROUP, how="left", maintain_order="left")
    has_plan = np.isin(np.arange(len(day.names)), day.routes.group)
    flags = {
        "ign_wiring": found.wired_wrong,
        "odometer_rejected": found.odometer_rejected,
        "position_jumps": found.jump_count > 0,
        "position_frozen": found.is_frozen,
        "speed_frozen": found.speed_frozen,
        "two_devices": day.several_devices,
        "devices_apart": day.devices_apart,
        "sampling_too_coarse": found.is_coarse,
        "no_depot": np.isnan(day.depots.radius_m),
        "no_plan": ~has_plan,
        "unregistered": ~frame["is_registered"].to_numpy(),
    }
    return frame.with_columns(_flags(flags, frame["flags"])).drop("flags", "is_registered")


def _last_place(day: Day, measured: Measured) -> list[pl.Series]:
    """When and where each group was placed for the last time; null where it never was."""
    track, placed = day.track, measured.placed
    last = track.starts[1:] - 1
    for group in np.flatnonzero(~placed[last]):
        rows = np.flatnonzero(placed[track.starts[group] : last[group]])
        last[group] = track.starts[group] + rows[-1] if rows.size else -1
    is_placed = last >= 0
    last = last[is_placed]
    return [
        _where("last_placed_utc", is_placed, track.time_us[last], pl.Int64).cast(pl.Datetime("us")),
        _where("last_latitude", is_placed, track.latitude_e7[last] / 1e7, pl.Float64),
        _where("last_longitude", is_placed, track.longitude_e7[last] / 1e7, pl.Float64),
    ]


def _ledger(day: Day, measured: Measured) -> pl.DataFrame:
    runs, track = measured.ledger, day.track
    placed = measured.placed[runs.first_row]
    return _names(day, runs.group).with_columns(
        _instants("started_utc", runs.started_us),
        _instants("ended_utc", runs.ended_us),
        pl.Series("duration_us", runs.duration_us),
        _names_of("state", runs.state, STATE_NAMES),
        _names_of("context", runs.context, CONTEXT_NAMES),
        _route_names(day, measured, runs.route),
        _names_of("phase", runs.phase, PHASE_NAMES),
        pl.Series("is_continued", runs.continues),
        pl.Series("distance_m", runs.distance_m),
        _degrees("latitude", track.latitude_e7[runs.first_row], placed),
        _degrees("longitude", track.longitude_e7[runs.first_row], placed),
        pl.Series("fuel_l", used_in_runs(day.fuel.step, runs)).fill_nan(None),
        pl.Series("energy_kwh", used_in_runs(day.energy.step, runs)).fill_nan(None),
        pl.Series("is_pto", runs.pto),
        pl.Series("is_full_quality", _is_full_quality(day, measured)),
        lists_of_names("jurisdictions", measured.in_area, measured.area_names),
    )


def _is_full_quality(day: Day, measured: Measured) -> NDArray[np.bool_]:
    """Which runs have a fix, and only fixes that are good, exact and no jumps."""
    bad = day.has_fix & ~(day.is_exact & measured.placed)
    if day.has_fix.all() and not bad.any():
        return np.ones(measured.ledger.group.size, np.bool_)
    fix_count, bad_count = (np.concatenate([[0], truth.cumsum(dtype=np.int32)]) for truth in (day.has_fix, bad))
    first, end = measured.ledger.first_row, measured.ledger.end_row
    result: NDArray[np.bool_] = (fix_count[end] > fix_count[first]) & (bad_count[end] == bad_count[first])
    return result


def _stops(day: Day, measured: Measured) -> pl.DataFrame:
    stops, matches = measured.stops, measured.matches
    is_planned = measured.kinds == PLANNED
    planned_seq = day.planned.planned_seq[matches.planned_of_stop[is_planned]]
    return (
        _names(day, stops.group)
        .with_columns(
            _route_names(day, measured, measured.stop_route),
            _instants("arrived_utc", stops.arrived_us),
            _instants("departed_utc", stops.departed_us),
            pl.Series("duration_us", stops.departed_us - stops.arrived_us),
            pl.Series("engine_on_us", stops.engine_on_us),
            _names_of("kind", measured.kinds, KIND_NAMES),
            _where("planned_seq", is_planned, planned_seq, pl.Int64),
            pl.Series("planned_stop_count", _served_count(measured).astype(np.int32)),
            _where("match_distance_m", is_planned, matches.stop_metres[is_planned], pl.Float64),
            _degrees("latitude", stops.latitude_e7, stops.placed),
            _degrees("longitude", stops.longitude_e7, stops.placed),
        )
        .filter(pl.Series(is_listed(measured.kinds)))
    )


def _planned_stops(day: Day, measured: Measured) -> pl.DataFrame:
    planned, stops, served_by = day.planned, measured.stops, measured.matches.stop_of_planned
    is_served = served_by >= 0
    stop = served_by[is_served]
    group = np.repeat(np.arange(len(day.names)), np.diff(planned.starts))
    return _names(day, group).with_columns(
        _route_names(day, measured, planned.route),
        pl.Series("planned_seq", planned.planned_seq),
        pl.Series("latitude", planned.latitude_e7 / 1e7),
        pl.Series("longitude", planned.longitude_e7 / 1e7),
        _where("arrived_utc", is_served, stops.arrived_us[stop], pl.Int64).cast(pl.Datetime("us")),
        _where("departed_utc", is_served, stops.departed_us[stop], pl.Int64).cast(pl.Datetime("us")),
        pl.Series("match_distance_m", measured.matches.metres).fill_nan(None),
        _where("is_group", is_served, _served_count(measured)[stop] > 1, pl.Boolean).fill_null(value=False),
    )


def _served_count(measured: Measured) -> Ints:
    """How many planned stops each episode served."""
    served_by = measured.matches.stop_of_planned
    return np.bincount(served_by[served_by >= 0], minlength=measured.stops.group.size).astype(np.int64)


def _route_phases(day: Day, measured: Measured) -> pl.DataFrame:
    return pl.concat([_planned_route_phases(day, measured), _message_route_phases(day, measured)])


def _planned_route_phases(day: Day, measured: Measured) -> pl.DataFrame:
    parts, phases = measured.parts, measured.phases
    chosen = np.flatnonzero((parts.route != NO_ROUTE) & (parts.route < day.routes.group.size))
    route = parts.route[chosen]
    served_of_route = _counts(measured.stop_route[_delivered(measured)], day.routes.group.size)
    with_places = np.bincount(day.planned.route[day.planned.route >= 0], minlength=day.routes.group.size) > 0
    completed = _counts(day.planned.route[measured.matches.stop_of_planned >= 0], day.routes.group.size)
    is_coarse = measured.by_group.is_coarse[parts.group[chosen]]
    flags = _phase_flags(phases, chosen) | {
        "no_stops": served_of_route[route] == 0,
        "sampling_too_coarse": is_coarse,
    }
    return _names(day, parts.group[chosen]).with_columns(
        pl.Series("route_id", [day.routes.route_id[number] for number in route], pl.String),
        pl.lit(value=True).alias("is_planned"),
        *_phase_columns(phases, chosen),
        pl.Series("served_stop_count", served_of_route[route], pl.Int32),
        pl.Series("completed_stop_count", completed[route], pl.Int32).set(
            pl.Series(~with_places[route] | is_coarse), None
        ),
        _flags(flags, None),
    )


def _message_route_phases(day: Day, measured: Measured) -> pl.DataFrame:
    """Routes that only the messages name: the only one of a vehicle-date has phases, of several interleaved ones
    only the times are known."""
    label_count = day.routes.group.size + len(measured.message_routes)
    group, route = measured.route_of_message
    found = group * label_count + route
    route_of_stop = measured.stop_route
    of_stop = measured.stops.group * label_count + route_of_stop
    of_stop = np.sort(of_stop[_delivered(measured) & (route_of_stop != NO_ROUTE)])
    served = np.searchsorted(of_stop, found, "right") - np.searchsorted(of_stop, found, "left")
    parts = measured.parts
    # Without a plan a vehicle-date has one part.
    part = np.searchsorted(parts.group, group)
    is_only = parts.route[part] == route
    flags = {"no_plan": np.ones(found.size, np.bool_), "no_stops": is_only & (served == 0)}
    for name, truth in _phase_flags(measured.phases, part).items():
        flags[name] = truth & is_only
    return _names(day, group).with_columns(
        _route_names(day, measured, route),
        pl.lit(value=False).alias("is_planned"),
        *(column.set(pl.Series(~is_only), None) for column in _phase_columns(measured.phases, part)),
        pl.Series("served_stop_count", served, pl.Int32),
        pl.lit(None, pl.Int32).alias("completed_stop_count"),
        _flags(flags | {"sampling_too_coarse": measured.by_group.is_coarse[group]}, None),
    )


def _phase_columns(phases: Instants, part: Ints) -> list[pl.Series]:
    return [
        _instants("depot_exit_utc", phases.exit_us[part]),
        _instants("first_stop_utc", phases.first_stop_us[part]),
        _instants("last_stop_utc", phases.last_stop_us[part]),
        _instants("depot_return_utc", phases.return_us[part]),
        pl.Series("segment_count", phases.segment_count[part], pl.Int32),
    ]


def _phase_flags(phases: Instants, part: Ints) -> dict[str, NDArray[np.bool_]]:
    return {
        "no_exit": phases.exit_us[part] == NOT_KNOWN,
        "no_return": phases.return_us[part] == NOT_KNOWN,
        "second_wave": phases.segment_count[part] > 1,
    }


def _delivered(measured: Measured) -> NDArray[np.bool_]:
    return np.isin(measured.kinds, (PLANNED, UNPLANNED, BREAK))


def _names(day: Day, group: Ints) -> pl.DataFrame:
    return pl.DataFrame(day.names, schema=GROUP_TYPES, orient="row").select(pl.all().gather(pl.Series(group)))


def _names_of(name: str, codes: NDArray[np.int8], names: tuple[str, ...]) -> pl.Series:
    return pl.Series(name, names, pl.String).gather(pl.Series(codes, dtype=pl.Int64))


def _route_names(day: Day, measured: Measured, route: Ints) -> pl.Series:
    names = [*day.routes.route_id, *measured.message_routes, None]
    number = np.where(route == NO_ROUTE, len(names) - 1, route)
    return pl.Series("route_id", names, pl.String).gather(pl.Series(number))


def _instants(name: str, time_us: Ints) -> pl.Series:
    series = pl.Series(name, time_us, pl.Int64)
    return series.set(series == int(NOT_KNOWN), None).cast(pl.Datetime("us"))


def _where(name: str, chosen: NDArray[np.bool_], values: NDArray[Any], dtype: type[pl.DataType]) -> pl.Series:
    """A column with these values where `chosen` is true, in order, and nulls elsewhere."""
    column = pl.Series(name, [None], dtype).new_from_index(0, chosen.size)
    return column.scatter(np.flatnonzero(chosen), pl.Series(values, dtype=dtype))


def _degrees(name: str, degrees_e7: NDArray[np.int32], placed: NDArray[np.bool_]) -> pl.Series:
    return pl.Series(name, np.where(placed, degrees_e7 / 1e7, np.nan)).fill_nan(None)


def _counts(labels: Ints, size: int) -> Ints:
    return np.bincount(labels[(labels >= 0) & (labels < size)], minlength=size).astype(np.int64)


def _flags(truths: dict[str, NDArray[np.bool_]], others: pl.Series | None) -> pl.Series:
    """Sorted lists of the names that are true, joined with lists that exist already."""
    size = next(iter(truths.values())).size
    given = others.to_list() if others is not None else [None] * size
    lists = [
        sorted({name for name, truth in truths.items() if truth[index]} | set(given[index] or ()))
        for index in range(size)
    ]
    return pl.Series("quality_flags", lists, pl.List(pl.String))
