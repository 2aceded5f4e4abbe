"""What is the week in one line, and in one sentence?

The subject carries the five figures an owner asks for; the verdict names the largest change against the four-week
median, what it costs, and who made it.
"""

from typing import NamedTuple

from flows.report.style import Style
from flows.report.weekly.economy import trends
from flows.report.weekly.measures import Measure, idle_cost, idle_share, lacks_ignition, measures, usual
from flows.report.weekly.routes import over_plan
from flows.report.weekly.rows import WeeklyData

LEAST_MADE = 0.1  # of all idling: vans that made less are not its cause
LEAST_CHANGE = 0.03  # [P] of what it is a change of: less is a week as usual


class Change(NamedTuple):
    """What a change against the usual week costs (below 0: saves), and the sentence that says so."""

    cost: float
    share: float  # of what it is a change of
    sentence: str


def place(data: WeeklyData, style: Style) -> str:
    """Name what the report is about: the depot if there is one, else the tenant."""
    if len(data.depots) == 1:
        depot_id = data.depots[0].depot_id
        return depot_id if depot_id.lower().startswith("depot") else f"Depot {depot_id}"
    return f"{data.tenant_id} ({style.counted(len(data.depots), 'depot')})" if data.depots else data.tenant_id


def dates(data: WeeklyData, style: Style) -> str:
    """Return the dates of the week, `Mon 23 Feb – Sun 1 Mar`: a number of a week says too little."""
    return f"{style.day(data.period.first)} – {style.day(data.period.last)}"


def when(data: WeeklyData, style: Style) -> str:
    """Return the dates with their year, and how far the data reaches where the week seems not to be over."""
    text = f"{dates(data, style)} {data.period.last.year}"
    if data.is_unfinished and data.health.newest_date:
        return f"{text}, {_days(data, style)}, up to {style.day(data.health.newest_date)}"
    return text


def _days(data: WeeklyData, style: Style) -> str:
    return f"{style.number(data.week.days_with_data)} of 7 days"


def subject(data: WeeklyData, style: Style) -> str:
    """Return `Depot DAX7 · Mon 23 Feb – Sun 1 Mar · 72/72 routes · idle 24.6 % (▲2.4) · 13.7 mpg · … · 1 fuel flag`."""
    week = data.week
    parts = [place(data, style), dates(data, style) + (f" ({_days(data, style)})" if data.is_unfinished else "")]
    planned = f"/{style.number(week.routes_planned)}" if week.routes_planned else ""
    parts.append(
        f"{style.number(week.routes_run)}{planned} routes" if week.routes_run or planned else _heard(data, style)
    )
    idle = idle_share(week, data.min_coverage, style)
    parts.append(
        "idle n/a" if idle.value is None else f"idle {style.percent(idle.value, 1)}{_arrow(data, idle.value, style)}"
    )
    by_name = {measure.name: measure for measure in measures(style)}
    fuel = by_name[f"Fuel economy, {style.units.economy}"].of(week, data.min_coverage, style)
    if fuel.value is not None:
        parts.append(f"{style.number(fuel.value, 1)} {style.units.economy}")
    starts = by_name["On-time start"].of(week, data.min_coverage, style)
    if starts.value is not None:
        parts.append(f"{style.percent(starts.value)} on time")
    if week.purchase_count or week.fuel_flag_count:
        parts.append(flag_words(data, style))
    # A header is one line, whatever the ids that came in by message hold.
    return " ".join(" · ".join(parts).split())


def flag_words(data: WeeklyData, style: Style) -> str:
    """Return `2 fuel flags`, or what is known instead."""
    if data.week.fuel_flag_count:
        return style.counted(data.week.fuel_flag_count, "fuel flag")
    return "no fuel flags" if data.week.verified_count else "fuel not checked"


def compared(data: WeeklyData, style: Style) -> str:
    """Return what differences are measured against, and how those of totals are."""
    text = _usual_weeks(data, style)
    if data.has_other_days:
        days = style.counted(data.week.days_with_data, "day")
        return f"{text} Totals of weeks with more or fewer days are brought to the {days} of this one."
    return text


def _usual_weeks(data: WeeklyData, style: Style) -> str:
    if not data.before:
        return "No history yet: this is the first week with data."
    if not data.usual:
        return "No usual week yet: none of the four weeks before was whole and heard well."
    if len(data.usual) == 1:
        return f"Usual: the week from {style.day(data.usual[0].date_from)}, the only one of four whole and heard well."
    if len(data.usual) == 4:
        return "Usual: the median of the four weeks before."
    return f"Usual: the median of {len(data.usual)} of the four weeks before, those whole and heard well."


def verdict(data: WeeklyData, style: Style) -> str:
    """Return one or two sentences: the largest change and its cost, then the fuel flags."""
    week = data.week
    if not week.is_heard:
        first = _poorly_heard(data, style)
    elif not data.usual:
        first = _without_history(data, style)
    else:
        found = changes(data, style)
        moved = [change for change in found if change.share >= LEAST_CHANGE]
        if not found:
            first = _without_cost(data, style)
        elif not moved:
            first = f"A week as usual: {_ran(data, style)}. {found[0].sentence}"
        else:
            first = max(moved, key=lambda change: abs(change.cost)).sentence
    return f"{first} {_flag_sentence(data, style)}".strip()


def changes(data: WeeklyData, style: Style) -> list[Change]:
    """Return the changes against the usual week that have a price, idling first."""
    found = (_idling(data, style), _fuel(data, style), _route_time(data, style))
    return [change for change in found if change is not None]


def _median_of(data: WeeklyData) -> str:
    number = {2: "two", 3: "three", 4: "four"}.get(len(data.usual))
    return f"your {number}-week median" if number else "your only usual week"


def _idling(data: WeeklyData, style: Style) -> Change | None:
    now = idle_cost(data.week, data.min_coverage, style).value
    before = usual(_measure("Idle cost", style), data, style)
    if now is None or not before:
        return None
    gap, currency = now - before, data.week.currency
    side = "above" if gap >= 0 else "below"
    sentence = (
        f"Idling cost {style.money(now, currency)}, {style.money(abs(gap), currency)} {side} {_median_of(data)}"
        f"{' for as many days' if data.has_other_days else ''}{_most_idle(data, style)}."
    )
    return Change(gap, abs(gap) / before, sentence)


def _most_idle(data: WeeklyData, style: Style) -> str:
    top = [van for van in data.vans if van.idle_s > 0][:3]
    if len(data.vans) <= len(top) or not data.week.idle_s:
        return ""
    made = sum(van.idle_s for van in top) / data.week.idle_s
    if made < LEAST_MADE:
        return ""
    return f"; {style.listed([van.vehicle_id for van in top])} made {style.percent(made)} of it"


def _fuel(data: WeeklyData, style: Style) -> Change | None:
    """What the fuel of this week's distance cost more than at the usual economy."""
    measure = _measure(f"Fuel economy, {style.units.economy}", style)
    now = measure.of(data.week, data.min_coverage, style).value
    before = usual(measure, data, style)
    if now is None or not before or not data.week.fuel_cost:
        return None
    ratio = now / before if style.units.economy_is_distance_per_fuel else before / now
    gap = data.week.fuel_cost * (1 - ratio)
    unit, currency = style.units.economy, data.week.currency
    more = "more" if gap >= 0 else "less"
    way = "worsened" if gap >= 0 else "improved"
    sentence = (
        f"Fuel economy {way} to {style.number(now, 1)} {unit} from {_median_of(data)} of {style.number(before, 1)}: "
        f"about {style.money(abs(gap), currency)} {more} for the fuel of the week"
    )
    worst = trends(data, style)
    if gap >= 0 and worst:
        sentence += f"; {worst[0].vehicle_id} is furthest behind the other vans"
    return Change(gap, abs(1 - ratio), f"{sentence}.")


def _route_time(data: WeeklyData, style: Style) -> Change | None:
    """What the time of the routes beyond its usual share of plan cost in wages."""
    measure = _measure("Route utilization", style)
    now = measure.of(data.week, data.min_coverage, style).value
    before = usual(measure, data, style)
    wages = [(depot.wage_per_h, depot.vehicle_count) for depot in data.depots if depot.wage_per_h is not None]
    if now is None or before is None or not wages:
        return None
    wage_per_h = sum(wage * count for wage, count in wages) / sum(count for _, count in wages)
    gap = (now - before) * (data.week.planned_route_time_s or 0.0) / 3600 * wage_per_h
    more = "more" if gap >= 0 else "less"
    sentence = (
        f"Routes took {style.percent(now, 1)} of plan, {_median_of(data)} is {style.percent(before, 1)}: about "
        f"{style.money(abs(gap), data.week.currency)} {more} in wages"
    )
    worst = over_plan(data)
    if gap >= 0 and worst:
        sentence += f"; {worst[0][1].route_id} ran {style.minutes(worst[0][0])} over"
    return Change(gap, abs(now - before), f"{sentence}.")


def _measure(name: str, style: Style) -> Measure:
    return next(measure for measure in measures(style) if measure.name == name)


def _arrow(data: WeeklyData, idle: float, style: Style) -> str:
    before = usual(_measure("Idle share", style), data, style)
    if before is None:
        return ""
    points = round(100 * (idle - before), 1)
    return f" ({'▲' if points > 0 else '▼'}{style.number(abs(points), 1)})" if points else " (±0)"


def _heard(data: WeeklyData, style: Style) -> str:
    return f"{style.counted(data.week.vehicle_count, 'van')} heard"


def _ran(data: WeeklyData, style: Style) -> str:
    week = data.week
    if week.routes_planned:
        return f"{style.number(week.routes_run)} of {style.counted(week.routes_planned, 'planned route')} ran"
    if week.routes_run:
        return f"{style.counted(week.routes_run, 'route')} ran"
    return _heard(data, style)


def _without_history(data: WeeklyData, style: Style) -> str:
    cost = idle_cost(data.week, data.min_coverage, style).value
    if cost is None:
        return _without_cost(data, style)
    yet = "there is no usual week to compare with yet"
    return f"Idling cost {style.money(cost, data.week.currency)}{_most_idle(data, style)}; {yet}."


def _without_cost(data: WeeklyData, style: Style) -> str:
    known = f"{_ran(data, style)}, {style.distance(data.week.distance_m)} in all"
    idle = idle_share(data.week, data.min_coverage, style)
    if lacks_ignition(data.week):
        return f"{known}; no ignition signal was received, so idling cannot be told from parking."
    if idle.value is None:
        return f"{known}; idling is {idle.reason}."
    hours = style.minutes(data.week.idle_s)
    return f"{known}; {hours} of idling, {style.percent(idle.value, 1)} of engine-on time, has no price set."


def _poorly_heard(data: WeeklyData, style: Style) -> str:
    deaf = sorted((van for van in data.vans if not van.is_heard), key=lambda van: (van.coverage or 0.0, van.vehicle_id))
    whole = int(100 * (data.week.coverage or 0.0))
    sentence = f"Only {whole} % of the week was heard, so ratios are not shown"
    names = style.listed([van.vehicle_id for van in deaf[:3]])
    return f"{sentence}; least was heard of {names}." if names else f"{sentence}."


def _flag_sentence(data: WeeklyData, style: Style) -> str:
    count = sum(row.new_open_count for row in data.flags)
    if not count:
        return ""
    worth = [row for row in data.flags if row.new_open_count and row.open_cost]
    amount = ""
    if worth and all(row.open_count == row.new_open_count and row.currency == worth[0].currency for row in worth):
        amount = f" ({style.money(sum(row.open_cost or 0.0 for row in worth), worth[0].currency)})"
    verb = "is" if count == 1 else "are"
    return f"{style.counted(count, 'new fuel flag')}{amount} {verb} open."
