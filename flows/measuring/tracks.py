"""Tables to arrays: what do the kernels read for a chunk of whole vehicle-dates?

Groups are vehicle-dates in the order of the chunk's track.
"""

from datetime import date
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.measuring.devices import Voices, voices
from flows.measuring.meters import Counter, Reading, counter, level_pct, not_sent, reading_of
from flows.measuring.planned import (
    GROUP,
    GROUP_TYPES,
    Depots,
    Ints,
    PlannedStops,
    Routes,
    depots_of,
    planned_stops_of,
    routes_of,
)
from flows.settings import Settings
from kernels.engine import engine_state
from kernels.track import Limits, Track
from warehouse.load import Chunk

OWN_SPEED = ("native", "arrow", "openxc", "trucks")  # formats whose speed may be the vehicle's, not the receiver's
EXACT_M = 50  # a message that says it is less accurate than this proves no place


class Columns(NamedTuple):
    """Rows that count, in the order kernels read them: by group, then by fix time. None: no row has such a value.

    names, starts      of the groups
    latitude_e7, longitude_e7   0 where there is no fix
    accuracy_dm        0 where the message did not say
    median_interval_s  float64 (n_groups,)  of the steps in time that are not 0
    own_speed          bool (n_rows,)  the speed is the vehicle's own, not the receiver's
    fuel_cpct, fuel_ml  NaN where not sent
    message_route      of each row, or no elements where no message named one
    """

    names: list[tuple[str, date, str]]
    starts: Ints
    time_us: Ints
    median_interval_s: NDArray[np.float64]
    latitude_e7: NDArray[np.int32]
    longitude_e7: NDArray[np.int32]
    has_fix: NDArray[np.bool_]
    is_good: NDArray[np.bool_]
    accuracy_dm: NDArray[np.int32] | None
    speed_kmh: NDArray[np.float32]
    engine: NDArray[np.int8]
    own_speed: NDArray[np.bool_] | None
    odometer_m: NDArray[np.float64] | None
    fuel_cpct: NDArray[np.float64] | None
    fuel_ml: NDArray[np.float64] | None
    fuel_used_ml: Reading | None
    energy_out_wh: Reading | None
    message_route: pl.Series
    pto: NDArray[np.bool_] | None


class Day(NamedTuple):
    """All that is known of a chunk, by group.

    names     tenant_id, service_date, vehicle_id of each group
    track     positions as the kernels read them, those of one device at a time (`devices`); speeds as sent
    has_can   bool (n_groups,)  the van reports its engine speed, and so its own road speed
    several_devices  bool (n_groups,)  more than one device sent fixes
    devices_apart    bool (n_groups,)  one of them was elsewhere (Q11)
    fuel         litres burnt, from a cumulative counter
    energy       kWh out of the traction battery, likewise
    level_pct    float32 (n_rows,)  the fuel gauge, percent of the tank; NaN where it was not sent
    tank_l       float64 (n_groups,)  litres that the tank holds; NaN where not registered
    message_route  route_id of each row as the message said it, or None; no elements where no message named one
    pto       bool (n_rows,)  the message said that the power take-off was at work
    has_fix   bool (n_rows,)  a position was sent, of whatever quality
    is_exact  bool (n_rows,)  its quality is good, and accurate to EXACT_M where the message said how accurate it is
    """

    names: list[tuple[str, date, str]]
    track: Track
    limits: Limits
    has_can: NDArray[np.bool_]
    several_devices: NDArray[np.bool_]
    devices_apart: NDArray[np.bool_]
    median_interval_s: NDArray[np.float64]
    fuel: Counter
    energy: Counter
    level_pct: NDArray[np.float32]
    tank_l: NDArray[np.float64]
    depots: Depots
    routes: Routes
    planned: PlannedStops
    message_route: pl.Series
    pto: NDArray[np.bool_]
    has_fix: NDArray[np.bool_]
    is_exact: NDArray[np.bool_]


def day_of(chunk: Chunk, settings: Settings) -> Day:
    """Lay a chunk out for the kernels; vehicle-dates without positions have no group."""
    rows = chunk.track
    groups = rows.group_by(GROUP, maintain_order=True).agg(pl.len().alias("row_count"))
    vans = groups.select(GROUP).join(chunk.vans, on=GROUP, how="left", maintain_order="left")
    engine = _engine_of(rows, settings)
    heard = voices(rows, _starts(groups), engine, vans["reporting_interval_s"], settings.gap_max_s)
    rows = rows.filter(pl.Series(heard.counts))
    starts = _starts(rows.group_by(GROUP, maintain_order=True).agg(pl.len().alias("row_count")))
    time_us = rows["fix_ms"].to_numpy().astype(np.int64) * 1000
    columns = Columns(
        names=list(groups.select(GROUP).iter_rows()),
        starts=starts,
        time_us=time_us,
        median_interval_s=_median_interval_s(starts, time_us),
        latitude_e7=rows["latitude_e7"].fill_null(0).to_numpy().astype(np.int32),
        longitude_e7=rows["longitude_e7"].fill_null(0).to_numpy().astype(np.int32),
        has_fix=_truth(rows["latitude_e7"].is_not_null()),
        is_good=_truth(rows["quality"] == "good"),
        accuracy_dm=_sent(rows["accuracy_dm"].fill_null(0), np.int32),
        speed_kmh=_singles(rows["speed_ckmh"], 100),
        engine=engine[heard.counts],
        own_speed=_truth(rows["rpm"].is_not_null() & rows["source_format"].is_in(OWN_SPEED)),
        odometer_m=_floats(rows["odometer_m"]),
        fuel_cpct=_sent_floats(rows["fuel_cpct"]),
        fuel_ml=_sent_floats(rows["fuel_ml"]),
        fuel_used_ml=reading_of(rows["fuel_used_ml"]),
        energy_out_wh=reading_of(rows["energy_out_wh"]),
        message_route=rows["route_id"],
        pto=_truth(rows["pto"].fill_null(value=False)),
    )
    return day_from(columns, vans, chunk, settings, heard=heard)


def day_from(
    columns: Columns,
    vans: pl.DataFrame,
    chunk: Chunk,
    settings: Settings,
    *,
    heard: Voices | None = None,
) -> Day:
    """Put together what is known of the groups of some columns; `vans` has a row for each, in their order.

    heard  what the devices of each group were found to be, where any group has several
    """
    starts, row_count = columns.starts, columns.time_us.size
    number = pl.DataFrame(columns.names, schema=GROUP_TYPES, orient="row").with_row_index("group")
    routes = routes_of(chunk.routes, number, starts, columns.time_us)
    tank_l = _floats(vans["tank_l"])
    # A tracker of ours that reports the engine's speed reports the vehicle's own road speed as well. Platforms and
    # phones send the receiver's speed, also where they know the engine's.
    has_can = np.zeros(len(columns.names), np.bool_)
    if columns.own_speed is not None:
        has_can = _any_in_group(columns.own_speed, starts)
    one_device = np.zeros(len(columns.names), np.bool_)
    placed = columns.has_fix & columns.is_good
    is_exact = columns.is_good
    if columns.accuracy_dm is not None:
        is_exact = is_exact & (columns.accuracy_dm <= EXACT_M * 10)
    return Day(
        names=columns.names,
        track=_track(columns, placed),
        limits=_limits(vans, has_can, columns.median_interval_s, settings),
        has_can=has_can,
        several_devices=one_device if heard is None else heard.several,
        devices_apart=one_device if heard is None else heard.apart,
        median_interval_s=columns.median_interval_s,
        fuel=counter(columns.fuel_used_ml, starts),
        energy=counter(columns.energy_out_wh, starts),
        level_pct=level_pct(columns.fuel_cpct, columns.fuel_ml, starts, tank_l),
        tank_l=tank_l,
        depots=depots_of(vans),
        routes=routes,
        planned=planned_stops_of(chunk.planned_stops, number, routes, len(columns.names)),
        message_route=columns.message_route,
        pto=np.zeros(row_count, np.bool_) if columns.pto is None else columns.pto,
        has_fix=columns.has_fix,
        is_exact=is_exact,
    )


def engine_of(
    settings: Settings,
    ignition: NDArray[np.int8],
    speed_kmh: NDArray[np.float32],
    *,
    rpm: NDArray[np.float32] | None,
    charging: NDArray[np.bool_] | None,
    battery_v: NDArray[np.float32] | None,
) -> NDArray[np.int8]:
    """The engine of each row; None where no row has such a value."""
    if rpm is None and charging is None and battery_v is None:
        return ignition
    plugged = np.zeros(speed_kmh.size, np.bool_) if charging is None else charging & ~(speed_kmh > settings.stop_kmh)
    missing = not_sent(speed_kmh.size, np.float32)
    return engine_state(missing if rpm is None else rpm, ignition, plugged, missing if battery_v is None else battery_v)


def _engine_of(rows: pl.DataFrame, settings: Settings) -> NDArray[np.int8]:
    return engine_of(
        settings,
        rows["ignition"].cast(pl.Int8).fill_null(-1).to_numpy().astype(np.int8),
        _singles(rows["speed_ckmh"], 100),
        rpm=_singles(rows["rpm"]),
        charging=rows["charging"].fill_null(value=False).to_numpy().astype(np.bool_),
        battery_v=_singles(rows["battery_mv"], 1000),
    )


def _starts(groups: pl.DataFrame) -> Ints:
    return np.concatenate([[0], groups["row_count"].to_numpy().cumsum()]).astype(np.int64)


def _track(columns: Columns, placed: NDArray[np.bool_]) -> Track:
    everywhere = bool(placed.all())
    latitude_e7, longitude_e7 = (
        degrees if everywhere else np.where(placed, degrees, np.int32(0))
        for degrees in (columns.latitude_e7, columns.longitude_e7)
    )
    return Track(
        starts=columns.starts,
        time_us=columns.time_us,
        latitude_e7=latitude_e7,
        longitude_e7=longitude_e7,
        placed=np.ascontiguousarray(placed),
        speed_kmh=columns.speed_kmh,
        engine=columns.engine,
        odometer_m=not_sent(columns.time_us.size) if columns.odometer_m is None else columns.odometer_m,
    )


def _limits(
    vans: pl.DataFrame, has_can: NDArray[np.bool_], median_s: NDArray[np.float64], settings: Settings
) -> Limits:
    interval_s = vans["reporting_interval_s"].to_numpy().astype(np.float64)
    interval_s = np.where(np.isnan(interval_s), median_s, interval_s)
    gap_max_s = np.maximum(settings.gap_max_s, 2 * np.nan_to_num(interval_s))
    return Limits(
        gap_max_us=(gap_max_s * 1e6).astype(np.int64),
        stop_kmh=np.where(has_can, settings.can_stop_kmh, settings.stop_kmh).astype(np.float32),
        electric=vans["is_electric"].fill_null(value=False).to_numpy().astype(np.bool_),
    )


def _median_interval_s(starts: Ints, time_us: Ints) -> NDArray[np.float64]:
    medians = np.full(starts.size - 1, np.nan)
    for group in range(starts.size - 1):
        steps = np.diff(time_us[starts[group] : starts[group + 1]])
        if (steps := steps[steps > 0]).size:
            medians[group] = np.median(steps) / 1e6
    return medians


def _any_in_group(truth: NDArray[np.bool_], starts: Ints) -> NDArray[np.bool_]:
    if not truth.size:
        return np.zeros(starts.size - 1, np.bool_)
    return np.logical_or.reduceat(truth, starts[:-1])


def _sent(series: pl.Series, dtype: type[np.generic]) -> NDArray[Any] | None:
    return None if series.null_count() == series.len() else series.to_numpy().astype(dtype)


def _sent_floats(series: pl.Series) -> NDArray[np.float64] | None:
    return None if series.null_count() == series.len() else _floats(series)


def _truth(series: pl.Series) -> NDArray[np.bool_]:
    return np.ascontiguousarray(series.to_numpy().astype(np.bool_))


def _floats(series: pl.Series) -> NDArray[np.float64]:
    return np.ascontiguousarray(series.cast(pl.Float64).fill_null(np.nan).to_numpy())


def _singles(series: pl.Series, divided_by: float = 1) -> NDArray[np.float32]:
    return (_floats(series) / divided_by).astype(np.float32)
