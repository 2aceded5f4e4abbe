"""Which measures does the scorecard have, when may each be shown, and what is good?

Every ratio is a sum over a sum, and is shown only where at least 80 % of the week was heard (K22, a setting).
"""

from collections.abc import Callable
from math import floor, inf
from statistics import median
from typing import NamedTuple

from flows.report.measures import Figure, share
from flows.report.rendered import Headline
from flows.report.style import Style
from flows.report.units import economy
from flows.report.weekly.rows import Week, WeeklyData

GOOD_COVERAGE = 0.95  # [P] above the gate, and still worth a look below this


class Measure(NamedTuple):
    """One row of the scorecard. `rate` gives good, fair, poor or no word from this week's value and the usual one.

    `is_total` grows with the days of the week.
    """

    name: str
    of: Callable[[Week, float, Style], Figure]  # by the least coverage
    write: Callable[[float, Week, Style], str]
    difference: Callable[[float, Week, Style], str]
    rate: Callable[[float, float | None, Style], str | None]
    move: Callable[[float], float]  # a change of this much is worth a correction, in units of the value
    is_total: bool = False


def measures(style: Style) -> list[Measure]:
    """Return the measures in the order of reading."""
    return [
        Measure("Routes run", _routes, _write_routes, _count, lambda *_: None, lambda _: 1, is_total=True),
        Measure("Route utilization", _utilization, _percent, _points, _rate_utilization, lambda _: 0.02),
        Measure("Idle share", idle_share, _percent, _points, _rate_idle, lambda _: 0.02),
        Measure("Idle cost", idle_cost, _money, _amount, _less_is_better(0.05, 0.15), _tenth, is_total=True),
        Measure(f"Fuel economy, {style.units.economy}", _economy, _tenths, _difference, _rate_economy, _twentieth),
        Measure("On-time start", _starts, _percent, _points, _rate_starts, lambda _: 0.05),
        Measure("Stops per hour", _stops, _tenths, _difference, _more_is_better(0.03, 0.08), _twentieth),
        Measure("Cost per stop", _cost_per_stop, _cents, _cent_difference, _less_is_better(0.03, 0.08), _twentieth),
        Measure("Fuel flags", _flags, _whole, _count, _rate_flags, lambda _: 1, is_total=True),
        Measure("Coverage", _coverage, _percent, _points, _rate_coverage, lambda _: inf),
    ]


def usual(measure: Measure, data: WeeklyData, style: Style) -> float | None:
    """Return the median of a measure over the usual weeks; None where none of them has it.

    Totals are brought to as many days with data as this week has: six days cost less than seven for that alone.
    """
    values = []
    for week in data.usual:
        value = measure.of(week, data.min_coverage, style).value
        if value is not None:
            days = data.week.days_with_data / max(1, week.days_with_data)
            values.append(value * days if measure.is_total else value)
    return median(values) if values else None


def headlines(week: Week, min_coverage: float, style: Style) -> tuple[Headline, ...]:
    """Return the figures people act on."""
    found = []
    for measure in measures(style):
        figure = measure.of(week, min_coverage, style)
        if measure.move(figure.value or 0.0) < inf:
            text = figure.text(lambda value, measure=measure: measure.write(value, week, style))  # type: ignore[misc]
            found.append(Headline(measure.name, figure.value, text, measure.move(figure.value or 0.0)))
    return tuple(found)


def lacks_ignition(week: Week) -> bool:
    """Tell whether no engine signal was heard at all: standing time is then `parked`, never `idle` or `off`."""
    return week.idle_s + (week.off_s or 0.0) == 0 and (week.parked_s or 0.0) > 0


def gated(value: float | None, coverage: float | None, is_heard: bool, absent: str) -> Figure:
    """Return the value if enough was heard; `absent` is printed where there is no value at all."""
    if not is_heard:
        # Rounded down, so that no gate of 80 % seems to refuse 80 %.
        return Figure(None, f"n/a (data {floor(100 * (coverage or 0.0))} %)")
    return Figure(value) if value is not None else Figure(None, f"n/a ({absent})")


def _gated(week: Week, value: float | None, absent: str) -> Figure:
    return gated(value, week.coverage, week.is_heard, absent)


def _routes(week: Week, _min: float, _style: Style) -> Figure:
    if not week.routes_run and not week.routes_planned:
        return Figure(None, "n/a (no routes known)")
    return Figure(float(week.routes_run))


def _utilization(week: Week, _min: float, _style: Style) -> Figure:
    return _gated(week, week.route_utilization, "no plans")


def idle_share(week: Week, min_coverage: float, _style: Style) -> Figure:
    """Return K11 of the tenant."""
    if lacks_ignition(week):
        return Figure(None, "n/a (no ignition signal)")
    gate = _gated(week, week.idle_share, "engine never on")
    engine_s = week.drive_s + week.idle_s + (week.ready_s or 0.0) + (week.off_s or 0.0)
    known = share(engine_s, engine_s + (week.parked_s or 0.0) + (week.unknown_s or 0.0))
    if gate.value is not None and known is not None and known < min_coverage:
        return Figure(None, f"n/a (engine known {floor(100 * known)} %)")
    return gate


def idle_cost(week: Week, min_coverage: float, style: Style) -> Figure:
    """Return K14 of the tenant; none where idling is not known or not priced."""
    gate = idle_share(week, min_coverage, style)
    return gate if gate.value is None else _gated(week, week.idle_cost, "no price set")


def _economy(week: Week, _min: float, style: Style) -> Figure:
    return _gated(week, economy(week.metered_distance_m, week.fuel_used_l, style.units), "no fuel counter or gauge")


def _starts(week: Week, _min: float, _style: Style) -> Figure:
    return _gated(week, share(week.on_time_starts, week.starts_with_plan), "no plans")


def _stops(week: Week, _min: float, _style: Style) -> Figure:
    return _gated(week, week.stops_per_hour, "stops not seen")


def _cost_per_stop(week: Week, _min: float, _style: Style) -> Figure:
    return _gated(week, week.cost_per_stop, "costs not known")


def _flags(week: Week, _min: float, _style: Style) -> Figure:
    if not week.purchase_count and not week.fuel_flag_count:
        return Figure(None, "n/a (no purchases)")
    if not week.verified_count and not week.fuel_flag_count:
        return Figure(None, "n/a (not checked yet)")
    return Figure(float(week.fuel_flag_count))


def _coverage(week: Week, _min: float, _style: Style) -> Figure:
    return Figure(week.coverage) if week.coverage is not None else Figure(None, "n/a")


def _write_routes(value: float, week: Week, style: Style) -> str:
    return (
        f"{style.number(value)} of {style.number(week.routes_planned)}" if week.routes_planned else style.number(value)
    )


def _percent(value: float, _week: Week, style: Style) -> str:
    return style.percent(value, 1)


def _money(value: float, week: Week, style: Style) -> str:
    return style.money(value, week.currency)


def _cents(value: float, week: Week, style: Style) -> str:
    return style.money(value, week.currency, cents=True)


def _whole(value: float, _week: Week, style: Style) -> str:
    return style.number(value)


def _tenths(value: float, _week: Week, style: Style) -> str:
    return style.number(value, 1)


def _count(value: float, _week: Week, style: Style) -> str:
    return style.signed(value)


def _difference(value: float, _week: Week, style: Style) -> str:
    return style.signed(value, 1)


def _points(value: float, _week: Week, style: Style) -> str:
    text = style.signed(100 * value, 1)
    return text if text == "±0" else f"{text} pt"


def _amount(value: float, week: Week, style: Style) -> str:
    return f"{'+' if value >= 0 else ''}{style.money(value, week.currency)}"


def _cent_difference(value: float, week: Week, style: Style) -> str:
    return f"{'+' if value >= 0 else ''}{style.money(value, week.currency, cents=True)}"


def _tenth(value: float) -> float:
    return 0.1 * abs(value)


def _twentieth(value: float) -> float:
    return 0.05 * abs(value)


def _rating(value: float, *, good: float, fair: float) -> str:
    """Return the word for a value of which more is better; a bound is not missed by the last bit of a ratio."""
    slack = 1e-9
    return "good" if value >= good - slack else "fair" if value >= fair - slack else "poor"


def _rate_utilization(value: float, _usual: float | None, _style: Style) -> str:
    # [P] within 10 % of plan is good, within 15 % fair, either way: a short day is a plan that does not fit, too.
    return _rating(-abs(value - 1), good=-0.10, fair=-0.15)


def _rate_idle(value: float, _usual: float | None, _style: Style) -> str:
    # A vendor scores 30 % total idle as the goal and 36 % as the worst (docs/definitions.md, K11).
    return _rating(-value, good=-0.30, fair=-0.36)


def _rate_economy(value: float, before: float | None, style: Style) -> str | None:
    if not before:
        return None
    gain = value / before - 1 if style.units.economy_is_distance_per_fuel else before / value - 1
    return _rating(gain, good=-0.03, fair=-0.08)


def _rate_starts(value: float, _usual: float | None, _style: Style) -> str:
    return _rating(value, good=0.95, fair=0.85)


def _rate_flags(value: float, _usual: float | None, _style: Style) -> str:
    return "fair" if value else "good"


def _rate_coverage(value: float, _usual: float | None, _style: Style) -> str:
    # What is below the gate of the ratios is poor: n/a stands in their rows.
    return _rating(value, good=GOOD_COVERAGE, fair=0.80)


def _more_is_better(good: float, fair: float) -> Callable[[float, float | None, Style], str | None]:
    def rate(value: float, before: float | None, _style: Style) -> str | None:
        return _rating(value / before - 1, good=-good, fair=-fair) if before else None

    return rate


def _less_is_better(good: float, fair: float) -> Callable[[float, float | None, Style], str | None]:
    def rate(value: float, before: float | None, _style: Style) -> str | None:
        return _rating(1 - value / before, good=-good, fair=-fair) if before else None

    return rate
