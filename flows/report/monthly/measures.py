"""Which figures does a month have, how are they written, and what does a change of each mean?

Ratios are those of `marts.fleet_months` (docs/definitions.md, K numbers), shown only where at least 80 % of the month
was heard. What covers a part of the routes only says which part.
"""

from collections.abc import Callable
from math import floor
from typing import NamedTuple

from flows.report.measures import Figure
from flows.report.monthly.rows import Month, Route, Vehicle, Week
from flows.report.style import Style
from flows.report.units import economy

# [P] A month against the one before: less is what weather and the number of working days do.
NOTEWORTHY_SHARE = 0.02  # of the value before
NOTEWORTHY_POINTS = 0.01


class Measure(NamedTuple):
    """One figure of a month; `is_share` changes in points, `is_total` grows with the days and is not judged."""

    name: str
    figure: Callable[[Month], Figure]
    write: Callable[[float, str | None], str]  # the value and its currency
    less_is_better: bool | None = None
    is_share: bool = False
    is_total: bool = False


class Change(NamedTuple):
    """A difference as it is printed, with a word for good or bad; both empty where nothing is compared."""

    text: str
    word: str
    tone: str


def measures(style: Style) -> dict[str, Measure]:
    """Return the figures of a month by name, in the order of reading."""
    units = style.units
    per_distance_m = units.metres / 1000

    def money(value: float, currency: str | None) -> str:
        return style.money(value, currency, cents=True)

    def whole(value: float, currency: str | None) -> str:
        return style.money(value, currency)

    def share(value: float, _: str | None) -> str:
        return style.percent(value, 1)

    listed = [
        Measure("Cost per route", cost_per_route, money, less_is_better=True),
        Measure("Cost per stop", lambda month: priced(month.cost_per_stop, month), money, less_is_better=True),
        Measure(
            f"Cost per {units.distance}",
            lambda month: priced(scaled(month.cost_per_km, per_distance_m), month),
            money,
            less_is_better=True,
        ),
        Measure(
            f"Fuel cost per {units.distance}",
            lambda month: gated(scaled(month.fuel_cost_per_km, per_distance_m), month, "n/a (no fuel or no price)"),
            lambda value, currency: money(value, currency),
            less_is_better=True,
        ),
        Measure(
            f"Fuel economy, {units.economy}",
            lambda month: gated(economy(month.metered_distance_m, month.fuel_used_l, units), month, "n/a (no counter)"),
            lambda value, _: style.number(value, 1),
            less_is_better=not units.economy_is_distance_per_fuel,
        ),
        Measure(
            f"CO2 per {units.distance}",
            lambda month: gated(scaled(month.co2_kg_per_km, per_distance_m), month, "n/a (no fuel)"),
            lambda value, _: f"{style.number(value, 3)} kg",
            less_is_better=True,
        ),
        Measure(
            "CO2 per stop",
            lambda month: gated(month.co2_kg_per_stop, month, "n/a (no fuel or stops)"),
            lambda value, _: f"{style.number(value, 3)} kg",
            less_is_better=True,
        ),
        Measure("Idle share", idle_share, share, less_is_better=True, is_share=True),
        Measure(
            "Route utilization",
            lambda month: gated(month.route_utilization, month, "n/a (no plans)"),
            share,
            is_share=True,
        ),
        Measure(
            "On-time start",
            lambda month: gated(month.on_time_start_share, month, "n/a (no plans)"),
            share,
            less_is_better=False,
            is_share=True,
        ),
        Measure(
            "Days used",
            lambda month: Figure(month.day_utilization, "n/a (no vans listed)"),
            share,
            less_is_better=False,
            is_share=True,
        ),
        Measure(
            "Routes run",
            lambda month: Figure(float(month.routes_run)),
            lambda value, _: style.number(value),
            is_total=True,
        ),
        Measure(
            "Distance", lambda month: Figure(month.distance_m), lambda value, _: style.distance(value), is_total=True
        ),
        Measure("Cost of routes", lambda month: Figure(month.cost, unpriced(month)), whole, is_total=True),
        Measure("Idle cost", idle_cost, whole, is_total=True),
        Measure(
            "CO2",
            lambda month: Figure(month.co2_kg, "n/a (no fuel)"),
            lambda value, _: f"{style.number(value / 1000, 1)} t",
            is_total=True,
        ),
        Measure("Data heard", lambda month: Figure(month.coverage, "n/a"), share, is_share=True),
    ]
    return {measure.name: measure for measure in listed}


def scaled(value: float | None, size: float) -> float | None:
    """Return a value times a size; None stays None."""
    return None if value is None else value * size


def gated(value: float | None, heard: Month | Route | Vehicle, absent: str) -> Figure:
    """Return the value if enough was heard; `absent` is printed where there is no value at all."""
    if not heard.is_heard:
        # Rounded down, so that no gate of 80 % seems to refuse 80 %; a ratio of doubles may lack the last bit.
        return Figure(None, f"n/a (data {floor(100 * (heard.coverage or 0.0) + 1e-9)} %)")
    return Figure(value, "" if value is not None else absent)


def lacks_ignition(part: Month | Week | Vehicle) -> bool:
    """Tell whether no engine signal was heard: standing is then `parked`, never `idle` or `off`."""
    return part.idle_s + part.off_s == 0 and part.parked_s > 0


def idle_share(month: Month) -> Figure:
    """Return K11."""
    if lacks_ignition(month):
        return Figure(None, "n/a (no ignition signal)")
    return gated(month.idle_share, month, "n/a (engine never on)")


def idle_cost(month: Month) -> Figure:
    """Return K14; not known where idling is not."""
    if idle_share(month).value is None:
        return Figure(None, idle_share(month).reason)
    return Figure(month.idle_cost, "n/a (no price)")


def cost_per_route(month: Month) -> Figure:
    """Return K24 of a route that is priced whole."""
    return priced(month.cost / month.costed_route_count if month.cost and month.costed_route_count else None, month)


def priced(value: float | None, month: Month) -> Figure:
    """Return what is made of the cost of routes."""
    return gated(value, month, unpriced(month))


def unpriced(month: Month) -> str:
    """Return what the cost of the routes lacks, `n/a (no wage)`."""
    lacking = {
        "fuel": month.without_fuel_count,
        "wage": month.without_wage_count,
        "fixed cost": month.without_fixed_count,
    }
    missing = [name for name, count in lacking.items() if count == month.route_count]
    return f"n/a (no {' and no '.join(missing)})" if month.route_count and missing else "n/a (no routes)"


def change(measure: Measure, now: Month, before: Month | None, style: Style) -> Change:
    """Return what changed against another month: in points for a share, else in percent; totals per day with data."""
    value, earlier = measure.figure(now).value, measure.figure(before).value if before else None
    if value is None or earlier is None or before is None or (not measure.is_share and not earlier):
        return Change("", "", "none")
    is_by_day = measure.is_total and now.days_with_data != before.days_with_data
    if is_by_day:
        value, earlier = value / now.days_with_data, earlier / before.days_with_data
    gap = value - earlier if measure.is_share else value / earlier - 1
    text = style.signed(100 * gap, 1 if measure.is_share or abs(gap) < 0.1 else 0)
    text = (
        "unchanged"
        if text == "±0"
        else text.replace("+", "▲").replace("−", "▼") + (" pt" if measure.is_share else " %")
    ) + (" a day" if is_by_day else "")
    if measure.is_total or measure.less_is_better is None:
        return Change(text, "", "none")
    if abs(gap) < (NOTEWORTHY_POINTS if measure.is_share else NOTEWORTHY_SHARE):
        return Change(text, "", "none")
    return Change(text, "better", "good") if (gap < 0) == measure.less_is_better else Change(text, "worse", "poor")
