"""What is attached for those who want to calculate: every route and every van of the month, as numbers."""

from collections.abc import Callable, Sequence

from flows.report.csv_file import csv_file
from flows.report.monthly.measures import gated, lacks_ignition, scaled
from flows.report.monthly.rows import MonthlyData, Route, Vehicle
from flows.report.style import Style

ROUTE_COLUMNS = (
    "month", "route_id", "days", "days_priced", "vehicles", "distance_{distance}", "stops_seen", "stops_counted",
    "stops_per_hour", "route_utilization", "idle_min", "idle_share", "stem_share", "on_time_start_share", "co2_kg",
    "cost", "cost_per_route", "cost_per_stop", "cost_per_stop_month_before", "cost_per_{distance}", "currency",
    "coverage",
)  # fmt: skip
VAN_COLUMNS = (
    "month", "vehicle_id", "days_with_data", "days_on_a_route", "days_available", "day_utilization",
    "distance_{distance}", "engine_on_h", "idle_min", "idle_share", "idle_cost", "fuel_used_{fuel}",
    "fuel_distance_{distance}", "fuel_cost", "co2_kg", "route_cost", "cost_per_{distance}", "currency", "coverage",
)  # fmt: skip
STATION_COLUMNS = (
    "month", "station", "town", "fuel", "purchases", "volume_{fuel}", "net", "currency", "price_per_{fuel}",
    "mean_price_per_{fuel}",
)  # fmt: skip


def files(data: MonthlyData, style: Style) -> dict[str, bytes]:
    """Return the attachments by file name; units are in the names of the columns."""
    key = data.period.key
    return {
        f"routes-{key}.csv": csv_file(
            _named(ROUTE_COLUMNS, style), (_route(route, data, style) for route in data.routes)
        ),
        f"vans-{key}.csv": csv_file(_named(VAN_COLUMNS, style), (_van(van, data, style) for van in data.vehicles)),
        **(
            {f"stations-{key}.csv": csv_file(_named(STATION_COLUMNS, style), _stations(data, style))}
            if data.stations
            else {}
        ),
    }


def _named(columns: Sequence[str], style: Style) -> list[str]:
    return [name.format(distance=style.units.distance, fuel=style.units.volume.lower()) for name in columns]


def _gate(heard: Route | Vehicle) -> Callable[[float | None], float | None]:
    return lambda value: _rounded(gated(value, heard, "").value, 4)


def _route(route: Route, data: MonthlyData, style: Style) -> list[object]:
    ratio, metres = _gate(route), style.units.metres
    has_engine = not lacks_ignition(data.month)
    return [
        data.period.key, route.route_id, route.route_day_count, route.costed_count, " ".join(route.vehicle_ids),
        _per(route.distance_m, metres), route.stop_count, route.counted_stop_count, ratio(route.stops_per_hour),
        ratio(route.route_utilization), _per(route.idle_s, 60) if has_engine else None,
        ratio(route.idle_share) if has_engine else None, ratio(route.stem_share), ratio(route.on_time_start_share),
        _rounded(route.co2_kg, 2), _rounded(route.cost, 2), _rounded(route.cost_per_route, 2),
        _rounded(route.cost_per_stop, 4), _rounded(route.cost_per_stop_before, 4),
        _rounded(scaled(route.cost_per_km, metres / 1000), 4), route.currency, _rounded(route.coverage, 4),
    ]  # fmt: skip


def _van(van: Vehicle, data: MonthlyData, style: Style) -> list[object]:
    ratio, metres, litres = _gate(van), style.units.metres, style.units.litres
    has_engine = not lacks_ignition(van)
    return [
        data.period.key, van.vehicle_id, van.days_with_data, van.dispatched_days, van.available_days,
        _rounded(van.day_utilization, 4), _per(van.distance_m, metres), _per(van.engine_on_s, 3600),
        _per(van.idle_s, 60) if has_engine else None, ratio(van.idle_share) if has_engine else None,
        _rounded(van.idle_cost, 2) if has_engine else None, _per(van.fuel_used_l, litres),
        _per(van.metered_distance_m, metres), _rounded(van.fuel_cost, 2), _rounded(van.co2_kg, 2),
        _rounded(van.cost, 2), _rounded(scaled(van.cost_per_km, metres / 1000), 4), van.currency,
        _rounded(van.coverage, 4),
    ]  # fmt: skip


def _stations(data: MonthlyData, style: Style) -> list[list[object]]:
    litres = style.units.litres
    return [
        [
            data.period.key, station.station, station.town, station.fuel, station.purchase_count,
            _per(station.quantity_l, litres), _rounded(station.net, 2), station.currency,
            _rounded(scaled(station.price_per_l, litres), 4), _rounded(scaled(station.mean_price_per_l, litres), 4),
        ]
        for station in data.stations
    ]  # fmt: skip


def _per(value: float | None, size: float) -> float | None:
    return None if value is None else round(value / size, 2)


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)
