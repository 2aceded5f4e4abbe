"""What is a figure of the network called, how is it written, and when do two differ beyond chance?"""

import re
from collections.abc import Callable
from math import hypot
from typing import NamedTuple

from flows.report.network.data import Depot, DepotEstimate, Estimate, NetworkData
from flows.report.style import Style
from flows.report.units import economy

# Of a network one change is looked at, of depots hundreds: at two standard errors one in twenty would be chance.
BEYOND_CHANCE, BEYOND_CHANCE_OF_MANY = 2.0, 3.0
LEAST_RANKED = 2  # one depot is not a ranking


class Measure(NamedTuple):
    """One figure: `read` turns what is stored into the reader's unit; `less_is_better` None: neither is."""

    key: str
    name: str
    read: Callable[[float], float]
    write: Callable[[float, str | None], str]
    less_is_better: bool | None
    is_share: bool = False


def measures(style: Style) -> list[Measure]:
    """Return the figures in the order of interest; `less_is_better` is of the value as it is read."""
    units = style.units

    def same(value: float) -> float:
        return value

    def per_distance(value: float) -> float:
        return value * units.metres / 1000

    def share(value: float, _: str | None) -> str:
        return style.percent(value, 1)

    def money(value: float, currency: str | None) -> str:
        return style.money(value, currency, cents=True)

    def of_share(key: str, name: str, less_is_better: bool | None) -> Measure:
        return Measure(key, name, same, share, less_is_better, is_share=True)

    return [
        of_share("idle_share", "Idle share", less_is_better=True),
        Measure("cost_per_stop", "Cost per stop", same, money, less_is_better=True),
        of_share("on_time_start_share", "On-time start", less_is_better=False),
        of_share("route_utilization", "Route utilization", less_is_better=None),
        Measure(
            "fuel_l_per_100km_counter",
            f"Fuel economy, {units.economy}",
            lambda value: economy(100_000.0, value, units) or 0.0,
            lambda value, _: style.number(value, 1),
            less_is_better=not units.economy_is_distance_per_fuel,
        ),
        of_share("routed_not_heard_share", "Planned, not heard", less_is_better=True),
        Measure(
            "stops_per_hour", "Stops per hour", same, lambda value, _: style.number(value, 1), less_is_better=False
        ),
        of_share("productive_share", "Productive share", less_is_better=False),
        of_share("stem_share", "Stem share", less_is_better=True),
        Measure("cost_per_km", f"Cost per {units.distance}", per_distance, money, less_is_better=True),
        Measure(
            "co2_kg_per_km",
            f"CO2 per {units.distance}",
            per_distance,
            lambda value, _: f"{style.number(value, 3)} kg",
            less_is_better=True,
        ),
        of_share("day_utilization", "Days used", less_is_better=False),
        of_share("coverage", "Data heard", less_is_better=False),
    ]


def text(measure: Measure, estimate: Estimate | DepotEstimate) -> str:
    """Write its value in the reader's unit; empty where it is not known."""
    return "" if estimate.value is None else measure.write(measure.read(estimate.value), estimate.currency)


def interval(measure: Measure, estimate: Estimate | DepotEstimate) -> tuple[float, float] | None:
    """Return its bounds in the reader's unit, lower first; None without."""
    if estimate.ci_low is None or estimate.ci_high is None:
        return None
    ends = [
        measure.read(end)
        for end in (estimate.ci_low, estimate.ci_high)
        if end > 0 or not measure.name.startswith("Fuel")
    ]
    return (min(ends), max(ends)) if len(ends) == 2 else None


def interval_text(measure: Measure, estimate: Estimate | DepotEstimate) -> str:
    """Write its bounds, `28.1 % to 31.4 %`; empty without."""
    bounds = interval(measure, estimate)
    return (
        f"{measure.write(bounds[0], estimate.currency)} to {measure.write(bounds[1], estimate.currency)}"
        if bounds
        else ""
    )


def short_interval(measure: Measure, estimate: Estimate | DepotEstimate) -> str:
    """Write its bounds for a narrow cell, below a value that has the unit: `28.1–31.4`; empty without."""
    bounds = interval(measure, estimate)
    ends = [re.sub(r"[^\d.,]", "", measure.write(end, estimate.currency)) for end in bounds or ()]
    return "–".join(ends)


def moved(now: Estimate, before: Estimate | None) -> bool:
    """Tell whether a figure of all fleets changed beyond chance."""
    return before is not None and _apart(
        now.value, before.value, now.standard_error, before.standard_error, BEYOND_CHANCE
    )


def depot_moved(depot: DepotEstimate) -> bool:
    """Tell whether a figure of a depot changed beyond chance, of which there are hundreds."""
    return _apart(
        depot.value, depot.value_before, depot.standard_error, depot.standard_error_before, BEYOND_CHANCE_OF_MANY
    )


def _apart(
    value: float | None, other: float | None, error: float | None, other_error: float | None, limit: float
) -> bool:
    if value is None or other is None or error is None or other_error is None:
        return False
    return abs(value - other) > limit * hypot(error, other_error)


def side(measure: Measure, depot: DepotEstimate, network: Estimate | None) -> str:
    """Return `above` or `below` where the interval of a depot leaves the network's value out; else empty."""
    bounds = interval(measure, depot)
    if bounds is None or network is None or network.value is None or network.currency != depot.currency:
        return ""
    value = measure.read(network.value)
    return "above" if bounds[0] > value else "below" if bounds[1] < value else ""


def tone(measure: Measure, way: str) -> str:
    """Return good, poor or empty for a depot above or below the network."""
    if not way or measure.less_is_better is None:
        return ""
    return "good" if (way == "below") == measure.less_is_better else "poor"


def is_heard(depot: Depot, data: NetworkData) -> bool:
    """Tell whether enough of a depot was heard to stand beside others."""
    return depot.coverage is None or depot.coverage >= data.min_coverage


def ranking(measure: Measure, data: NetworkData) -> list[Depot]:
    """Return the depots that can be ranked by a figure, best first; those heard too little are left out."""
    found = [
        depot
        for depot in data.depots
        if (figure := depot.figures.get(measure.key)) and figure.rank is not None and is_heard(depot, data)
    ]
    return sorted(found, key=lambda depot: (depot.figures[measure.key].rank or 0, depot.tenant_id, depot.depot_id))


def ranked(data: NetworkData, style: Style, most: int) -> list[Measure]:
    """Return the figures most depots can be compared by: at most so many, in the order of interest."""
    found = [measure for measure in measures(style) if measure.less_is_better is not None and measure.key != "coverage"]
    return [measure for measure in found if len(ranking(measure, data)) >= LEAST_RANKED][:most]


def apart(data: NetworkData, measure: Measure | None) -> list[tuple[Depot, str]]:
    """Return the depots that are not ranked by a figure, and why."""
    found = []
    for depot in data.depots:
        figure = depot.figures.get(measure.key) if measure else None
        if not is_heard(depot, data):
            found.append((depot, "heard"))
        elif figure is None:
            found.append((depot, "nothing"))
        elif figure.rank is None:
            found.append((depot, "engine" if figure.value is None else "few"))
    return found
