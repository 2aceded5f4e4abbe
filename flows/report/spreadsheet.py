"""What is attached for those who want to calculate: every route of the day, as numbers."""

import csv
import io

from flows.report.measures import gated, route_idle_s
from flows.report.rows import DailyData, RouteDay
from flows.report.style import AMERICAN
from flows.report.units import Units, initials

COLUMNS = (
    "service_date", "route_id", "vehicle_id", "driver", "role",
    "planned_exit_local", "exit_local", "planned_return_local", "return_local",
    "route_time_min", "planned_route_time_min", "route_utilization", "productive_share",
    "distance_{distance}", "stem_share", "stops_done", "stops_planned", "stops_seen", "stops_per_hour", "mean_dwell_s",
    "idle_min", "idle_share", "fuel_used_{fuel}", "cost", "currency", "coverage",
)  # fmt: skip


def routes_csv(data: DailyData, units: Units) -> bytes:
    """Return every route with numbers, units in the names of the columns; UTF-8 with a mark that Excel understands."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(name.format(distance=units.distance, fuel=units.volume.lower()) for name in COLUMNS)
    for route in data.routes:
        writer.writerow([_cell(value) for value in _csv_values(route, data, units)])
    return out.getvalue().encode("utf-8-sig")


def _csv_values(route: RouteDay, data: DailyData, units: Units) -> list[object]:
    def ratio(value: float | None) -> float | None:
        return _rounded(gated(value, route).value, 4)

    exits = (route.planned_exit_utc, route.depot_exit_utc, route.planned_return_utc, route.depot_return_utc)
    idle_s = route_idle_s(route, data)
    return [
        data.service_date, route.route_id, route.vehicle_id, initials(route.driver_name, route.driver_id), route.role,
        *("" if at is None else AMERICAN.clock(at, data.timezone) for at in exits),
        _per(route.route_time_s, 60), _per(route.planned_route_time_s, 60), ratio(route.route_utilization),
        ratio(route.productive_share), _per(route.distance_m, units.metres), ratio(route.stem_share),
        route.completed_stop_count, route.planned_stop_count, route.stop_count,
        _rounded(route.stops_per_hour, 1), _rounded(route.mean_dwell_s, 1),
        _per(idle_s, 60), None if idle_s is None else ratio(route.idle_share),
        _per(route.fuel_used_l, units.litres), _rounded(route.cost, 2), route.currency, _rounded(route.coverage, 4),
    ]  # fmt: skip


def _per(value: float | None, size: float) -> float | None:
    return None if value is None else round(value / size, 2)


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)


def _cell(value: object) -> object:
    """Return a value that a spreadsheet will not take for a formula: ids come in by message, from anybody's device."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value
