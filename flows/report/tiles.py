"""What do the six tiles at the top of the daily report say?

Each has a value, the difference to the same weekday of earlier weeks, and a word, so that nothing hangs on colour.
"""

from collections.abc import Callable

from flows.report.measures import (
    Figure,
    fleet_economy,
    idle_share,
    on_time_starts,
    route_utilization,
    usual,
)
from flows.report.page import Tile
from flows.report.rows import DailyData, FleetDay
from flows.report.style import Style


def tiles(data: DailyData, style: Style) -> list[Tile]:
    """Return the six tiles in the order of reading."""
    return [
        _routes(data, style),
        _utilization(data, style),
        _idle(data, style),
        _economy(data, style),
        _starts(data, style),
        _flags(data, style),
    ]


def _routes(data: DailyData, style: Style) -> Tile:
    fleet = data.fleet
    out = fleet.vehicles_dispatched or fleet.vehicles_heard
    detail = f"{style.number(out)} vans out, {style.number(fleet.peak_concurrent_vehicles)} at once"
    if not fleet.routes_planned:
        return _tile("Routes run", style.number(fleet.routes_run), detail, "no plans to compare", None)
    run = fleet.routes_run / fleet.routes_planned
    rating = _rating(run, good=1.0, fair=0.95)
    change = _change(data, style, lambda day: float(day.routes_run), fleet.routes_run, 0, "")
    return _tile(
        "Routes run",
        f"{style.number(fleet.routes_run)} of {style.number(fleet.routes_planned)}",
        detail,
        change,
        rating,
    )


def _utilization(data: DailyData, style: Style) -> Tile:
    fleet, figure = data.fleet, route_utilization(data.fleet)
    change = _change(data, style, lambda day: route_utilization(day).value, figure.value, 1, " pt", 100, _fit)
    # [P] within 10 % of plan is good, within 15 % fair.
    rating = None if figure.value is None else _rating(_fit(figure.value), good=-0.10, fair=-0.15)
    value, detail = _value(figure, lambda v: style.percent(v, 1))
    if figure.value is not None:
        planned = style.number((fleet.planned_route_time_s or 0) / 3600)
        detail = f"{style.number((fleet.route_time_s or 0) / 3600)} of {planned} h planned"
    return _tile("Route utilization", value, detail, change, rating)


def _fit(utilization: float) -> float:
    """Return how well a plan fits: a short day is a plan that does not fit, too."""
    return -abs(utilization - 1)


def _less(value: float) -> float:
    return -value


def _idle(data: DailyData, style: Style) -> Tile:
    figure = idle_share(data)
    change = _change(data, style, lambda day: day.idle_share, figure.value, 1, " pt", 100, _less)
    value, detail = _value(figure, lambda v: style.percent(v, 1))
    if figure.value is not None:
        hours = f"{style.number(data.fleet.idle_s / 3600, 1)} h"
        cost = data.fleet.idle_cost
        detail = hours if cost is None else f"{hours}, {style.money(cost, data.fleet.currency)}"
    # A vendor scores 30 % total idle as the goal and 36 % as the worst (docs/definitions.md, K11).
    rating = None if figure.value is None else _rating(-figure.value, good=-0.30, fair=-0.36)
    return _tile("Idle share", value, detail, change, rating)


def _economy(data: DailyData, style: Style) -> Tile:
    units = style.units

    def of(day: FleetDay) -> float | None:
        return fleet_economy(day, units).value

    figure, before = fleet_economy(data.fleet, units), usual(data.history, of)
    gain = float if units.economy_is_distance_per_fuel else _less
    change = _change(data, style, of, figure.value, 1, "", gain=gain)
    rating = None
    if figure.value is not None and before:
        part = figure.value / before if units.economy_is_distance_per_fuel else before / figure.value
        # [P] day-to-day scatter of a depot's mean is about 3 %.
        rating = _rating(part - 1, good=-0.03, fair=-0.08)
    value, detail = _value(figure, lambda v: style.number(v, 1))
    if figure.value is not None and data.fleet.fuel_used_l is not None:
        metered = sum(van.is_metered for van in data.vehicles)
        used = style.volume(data.fleet.fuel_used_l, 0)
        detail = f"{used}, {metered} of {len(data.vehicles)} vans"
    label = "Fuel economy" if figure.value is None else f"Fuel economy, {units.economy}"
    return _tile(label, value, detail, change, rating)


def _starts(data: DailyData, style: Style) -> Tile:
    figure = on_time_starts(data.fleet)
    change = _change(data, style, lambda day: on_time_starts(day).value, figure.value, 1, " pt", 100)
    value, detail = _value(figure, lambda v: style.percent(v, 1))
    if figure.value is not None:
        detail = f"{data.fleet.on_time_starts} of {data.fleet.starts_with_plan} within 5 min"
    rating = None if figure.value is None else _rating(figure.value, good=0.95, fair=0.85)
    return _tile("On-time start", value, detail, change, rating)


def _flags(data: DailyData, style: Style) -> Tile:
    fuel, count = data.fuel, data.fleet.fuel_flag_count
    detail = f"{fuel.verified_count} of {fuel.purchase_count} purchases checked"
    if not fuel.purchase_count and not count:
        return _tile("Fuel flags", "n/a", "no purchases received", "", None)
    if not fuel.verified_count and not count:
        return _tile("Fuel flags", "n/a", detail, "not evaluated yet", None)
    change = _change(data, style, lambda day: float(day.fuel_flag_count), count, 0, "", gain=_less)
    word = ("to look at", "fair") if count else ("good", "good")
    return Tile("Fuel flags", str(count), detail, change, *word)


def _value(figure: Figure, write: Callable[[float], str]) -> tuple[str, str]:
    """Return what is printed large and small: a figure that is not there shows its reason below `n/a`."""
    if figure.value is not None:
        return write(figure.value), ""
    return "n/a", figure.reason.removeprefix("n/a").strip(" ()")


def _change(
    data: DailyData,
    style: Style,
    measure: Callable[[FleetDay], float | None],
    now: float | None,
    decimals: int,
    unit: str,
    scale: float = 1.0,
    gain: Callable[[float], float] = lambda value: value,
) -> str:
    """Return the difference to the median of earlier weeks, `▲3.1 pt worse`; more of `gain` is better."""
    before = usual(data.history, measure)
    if before is None:
        return "" if now is None else "no history yet"
    if now is None:
        return f"usually {style.number(before * scale, decimals)}{unit.replace('pt', '%')}"
    change = style.signed((now - before) * scale, decimals)
    if change == "±0":
        return "as usual"
    word = "better" if gain(now) > gain(before) else "worse" if gain(now) < gain(before) else "as good"
    return f"{change.replace('+', '▲').replace('−', '▼')}{unit} {word}"


def _rating(value: float, *, good: float, fair: float) -> str:
    """Return the word for a value of which more is better."""
    # Floating-point ratios such as 0.9 - 1 must not miss a bound by the last bit.
    slack = 1e-9
    return "good" if value >= good - slack else "fair" if value >= fair - slack else "poor"


def _tile(label: str, value: str, detail: str, difference: str, rating: str | None) -> Tile:
    return Tile(label, value, detail, difference, rating or "", rating or "none")
