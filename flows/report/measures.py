"""Which figures of the day may be shown, and why not where not?

Every ratio is a sum over a sum, and is shown only where at least 80 % of the day was heard (K22, a setting): half a
day's silence would otherwise read as a good figure.
"""

from collections.abc import Callable, Iterable, Sequence
from math import floor
from statistics import median
from typing import NamedTuple

from flows.report.rows import DailyData, FleetDay, RouteDay, VehicleDay
from flows.report.units import Units, economy


class Figure(NamedTuple):
    """A value, or the reason there is none (`n/a (data 64 %)`)."""

    value: float | None
    reason: str = ""

    def text(self, write: Callable[[float], str]) -> str:
        """Write the value, else the reason."""
        return self.reason if self.value is None else write(self.value)


def gated(value: float | None, heard: FleetDay | RouteDay | VehicleDay, *, absent: str = "n/a") -> Figure:
    """Return the value if enough was heard; `absent` is printed where there is no value at all."""
    if not heard.is_heard:
        # Rounded down, so that no gate of 80 % seems to refuse 80 %.
        return Figure(None, f"n/a (data {floor(100 * (heard.coverage or 0.0))} %)")
    return Figure(value) if value is not None else Figure(None, absent)


def share(numerator: float | None, denominator: float | None) -> float | None:
    """Return a ratio; None over nothing."""
    return None if numerator is None or not denominator else numerator / denominator


def lacks_ignition(vans: Iterable[VehicleDay] | Iterable[RouteDay]) -> bool:
    """Tell whether no engine signal was heard at all: standing time is then `parked`, never `idle` or `off`."""
    totals = [(van.idle_s + van.off_s, van.parked_s) for van in vans]
    return sum(engine for engine, _ in totals) == 0 and sum(parked for _, parked in totals) > 0


def engine_coverage(vans: Iterable[VehicleDay]) -> float | None:
    """Return the share of all observed time in which the engine's state was known."""
    known_s = all_s = 0.0
    for van in vans:
        engine_s = van.drive_s + van.idle_s + van.ready_s + van.off_s
        known_s, all_s = known_s + engine_s, all_s + engine_s + van.parked_s + van.unknown_s
    return share(known_s, all_s)


def idle_share(day: DailyData) -> Figure:
    """Return K11 of the tenant."""
    if lacks_ignition(day.vehicles):
        return Figure(None, "n/a (no ignition signal)")
    gate = gated(day.fleet.idle_share, day.fleet, absent="n/a (engine never on)")
    known = engine_coverage(day.vehicles)
    if gate.value is not None and known is not None and known < day.min_coverage:
        return Figure(None, f"n/a (engine known {100 * known:.0f} %)")
    return gate


def idle_cost(day: DailyData) -> float | None:
    """Return K14 of the tenant; None where idling is not known or not priced."""
    return None if idle_share(day).value is None else day.fleet.idle_cost


def route_idle_s(route: RouteDay, day: DailyData) -> float | None:
    """Return the idle time of a route; None without an engine signal from it or from any van of the tenant."""
    return None if lacks_ignition([route]) or lacks_ignition(day.vehicles) else route.idle_s


def route_utilization(fleet: FleetDay) -> Figure:
    """Return K7 of the tenant."""
    return gated(share(fleet.route_time_s, fleet.planned_route_time_s), fleet, absent="n/a (no plans)")


def on_time_starts(fleet: FleetDay) -> Figure:
    """Return K20 of the tenant."""
    return gated(share(fleet.on_time_starts, fleet.starts_with_plan), fleet, absent="n/a (no plans)")


def fleet_economy(fleet: FleetDay, units: Units) -> Figure:
    """Return K21 of the tenant."""
    value = economy(fleet.metered_distance_m, fleet.fuel_used_l, units)
    return gated(value, fleet, absent="n/a (no fuel counter)")


def usual(history: Sequence[FleetDay], measure: Callable[[FleetDay], float | None]) -> float | None:
    """Return the median of a ratio or cost over the same weekday of earlier weeks heard well; None without any."""
    values = counted(history, measure)
    return median(values) if values else None


def counted(history: Sequence[FleetDay], measure: Callable[[FleetDay], float | None]) -> list[float]:
    """Return the values that `usual` is the median of."""
    return [value for earlier in history if earlier.is_heard and (value := measure(earlier)) is not None]
