"""What is the day in one line, and in one sentence?

The subject carries the five figures a manager asks for; the verdict names planned routes that were not run, and the
cost that moved most and who made it.
"""

from collections.abc import Callable
from typing import NamedTuple

from flows.report.measures import (
    counted,
    gated,
    idle_cost,
    idle_share,
    lacks_ignition,
    share,
    usual,
)
from flows.report.rows import DailyData, FleetDay, RouteDay
from flows.report.style import Style

# [P] Less is a day as usual: of the usual cost, and in money.
LEAST_CHANGE = 0.03
LEAST_AMOUNT = 5.0

Measure = Callable[[FleetDay], float | None]


class Cost(NamedTuple):
    """What a part of the day cost, what it usually costs for as much work (None without history), and the sentence."""

    cost: float
    before: float | None
    sentence: str

    @property
    def gap(self) -> float:
        """Above what is usual; below 0: less."""
        return self.cost - (self.before or 0.0)

    @property
    def has_moved(self) -> bool:
        """Whether the gap is worth a headline."""
        return abs(self.gap) >= max(LEAST_AMOUNT, LEAST_CHANGE * (self.before or 0.0))


def place(data: DailyData, style: Style) -> str:
    """Name what the report is about: the depot if there is one, else the tenant."""
    if len(data.depots) == 1:
        depot_id = data.depots[0].depot_id
        return depot_id if depot_id.lower().startswith("depot") else f"Depot {depot_id}"
    return f"{data.tenant_id} ({style.counted(len(data.depots), 'depot')})" if data.depots else data.tenant_id


def subject(data: DailyData, style: Style) -> str:
    """Return `Depot DAX7 · Thu 26 Feb · 23/24 vans · idle 28.7 % (▲3.1) · 2 fuel flags`."""
    idle = idle_share(data)
    parts = [place(data, style), style.day(data.service_date), _vans(data, style)]
    parts.append(
        f"idle {style.percent(idle.value, 1)}{_arrow(data, style, idle.value)}"
        if idle.value is not None
        else "idle n/a"
    )
    if data.fuel.purchase_count or data.exceptions:
        parts.append(fuel_flags(data, style))
    # A header is one line, whatever the ids that came in by message hold.
    return " ".join(" · ".join(parts).split())


def fuel_flags(data: DailyData, style: Style) -> str:
    """Return `2 fuel flags`, or what is known instead."""
    if data.exceptions:
        return style.counted(len(data.exceptions), "fuel flag")
    return "no fuel flags" if data.fuel.verified_count else "fuel not checked"


def _vans(data: DailyData, style: Style) -> str:
    fleet = data.fleet
    if fleet.vehicles_available and fleet.available_dispatched:
        return f"{fleet.available_dispatched}/{fleet.vehicles_available} vans"
    return f"{style.counted(fleet.vehicles_heard, 'vehicle')} heard"


def _arrow(data: DailyData, style: Style, idle: float | None) -> str:
    before = usual(data.history, lambda fleet: fleet.idle_share)
    if before is None or idle is None:
        return ""
    points = round(100 * (idle - before), 1)
    return f" ({'▲' if points > 0 else '▼'}{style.number(abs(points), 1)})" if points else " (±0)"


def history_label(data: DailyData, style: Style) -> str:
    """Return what differences are measured against, `the median of the last 4 Thursdays heard`."""
    weekday = f"{data.service_date:%A}"
    if len(data.history) == 1:
        return f"{style.day(data.history[0].service_date)}"
    return f"the median of the last {len(data.history)} {weekday}s heard"


def verdict(data: DailyData, *, is_clear: bool, style: Style) -> str:
    """Return a few sentences: planned routes not run, the cost that moved most and who made it, then the fuel flags."""
    if not data.fleet.is_heard:
        first = _poorly_heard(data, style)
    elif is_clear:
        first = f"All clear: {_routes_run(data, style)}, and nothing needs attention."
    else:
        first = f"{_missed(data, style)} {_largest_change(data, style)}"
    return f"{first} {_flag_sentence(data, style)}".strip()


def _largest_change(data: DailyData, style: Style) -> str:
    found = costs(data, style)
    # What has no history cannot have changed; without any history the largest cost is said.
    known = [cost for cost in found if cost.before is not None]
    moved = [cost for cost in known if cost.has_moved]
    if moved:
        return max(moved, key=lambda cost: abs(cost.gap)).sentence
    if known:
        largest = max(known, key=lambda cost: cost.cost).sentence
        return largest if data.missed else f"A day as usual: {_routes_run(data, style)}. {largest}"
    return max(found, key=lambda cost: cost.cost).sentence if found else _without_cost(data, style)


def costs(data: DailyData, style: Style) -> list[Cost]:
    """Return what the day cost beyond its work, as far as it has a price."""
    found = (_idling(data, style), _overruns(data, style), _late_starts(data, style))
    return [cost for cost in found if cost is not None]


def _missed(data: DailyData, style: Style) -> str:
    """Name the planned routes that were not run, where they are more than usual."""
    before = usual(data.history, lambda fleet: float(max(0, fleet.routes_planned - fleet.routes_run)))
    if len(data.missed) <= (before or 0.0):
        return ""
    names = [f"{route.route_id} ({route.vehicle_id})" if route.vehicle_id else route.route_id for route in data.missed]
    verb = "was" if len(names) == 1 else "were"
    return f"{style.listed(names)} {verb} planned and not seen to run; {_routes_run(data, style)}."


def overrun_s(route: RouteDay) -> float | None:
    """Return the seconds a route took beyond its plan; None where that is not known."""
    if route.planned_route_time_s is None or gated(route.route_time_s, route).value is None:
        return None
    return max(0.0, (route.route_time_s or 0.0) - route.planned_route_time_s)


def late_s(route: RouteDay) -> float:
    """Return the seconds a route left behind its plan; below 0: early; 0 where that is not known."""
    if route.depot_exit_utc is None or route.planned_exit_utc is None:
        return 0.0
    return (route.depot_exit_utc - route.planned_exit_utc).total_seconds()


def _compared(data: DailyData, style: Style, cost: float, before: float | None, measure: Measure, same: str) -> str:
    """Return `, $12 above your median of 4 Thursdays at the same engine hours`; empty without history."""
    if before is None:
        return ""
    gap, count, weekday = cost - before, len(counted(data.history, measure)), f"{data.service_date:%A}"
    median = f"your median of {count} {weekday}s" if count > 1 else f"the one {weekday} heard before"
    amount = style.money(abs(gap), data.fleet.currency)
    return f", {amount} {'above' if gap >= 0 else 'below'} {median} at the same {same}"


def _idling(data: DailyData, style: Style) -> Cost | None:
    cost, now = idle_cost(data), idle_share(data).value
    if not cost or not now:
        return None

    def of(fleet: FleetDay) -> float | None:
        return fleet.idle_share

    # With fewer vans out less is idled: a usual day is one of as many engine hours as today's.
    usual_share = usual(data.history, of)
    before = None if usual_share is None else cost * usual_share / now
    against = _compared(data, style, cost, before, of, "engine hours")
    against = against or f", {style.minutes(data.fleet.idle_s)} of engine-on standing"
    top = [van for van in data.vehicles if van.idle_s > 0][:3]
    made = sum(van.idle_s for van in top) / data.fleet.idle_s
    names = style.listed([van.vehicle_id for van in top])
    tail = f"; {names} made {style.percent(made)} of it" if len(data.vehicles) > len(top) else ""
    return Cost(cost, before, f"Idling cost {style.money(cost, data.fleet.currency)}{against}{tail}.")


def _overruns(data: DailyData, style: Style) -> Cost | None:
    def of(fleet: FleetDay) -> float | None:
        return share(fleet.overrun_s, fleet.routes_run)

    lost = [(overrun_s(route) or 0.0, route) for route in data.routes]
    return _wages(data, style, lost, "ran {time} over plan", of, data.fleet.routes_run, "number of routes")


def _late_starts(data: DailyData, style: Style) -> Cost | None:
    def of(fleet: FleetDay) -> float | None:
        return share(fleet.late_start_s, fleet.starts_with_plan)

    lost = [(late_s(route) if route.on_time_start is False else 0.0, route) for route in data.routes]
    return _wages(data, style, lost, "left {time} late", of, data.fleet.starts_with_plan, "number of starts")


def _wages(
    data: DailyData,
    style: Style,
    lost: list[tuple[float, RouteDay]],
    did: str,
    measure: Measure,
    count: int,
    same: str,
) -> Cost | None:
    """Return what lost time cost in wages; `measure` is the seconds lost in one of the `count` today, on any day."""
    lost = sorted((pair for pair in lost if pair[0] > 0), key=lambda pair: -pair[0])
    cost = sum(seconds / 3600 * route.wage_per_h for seconds, route in lost if route.wage_per_h is not None)
    if not cost:
        return None
    total_s, (worst_s, worst) = sum(seconds for seconds, _ in lost), lost[0]
    usual_s = usual(data.history, measure)
    before = None if usual_s is None else usual_s * count * cost / total_s
    against = _compared(data, style, cost, before, measure, same)
    return Cost(
        cost,
        before,
        f"{style.counted(len(lost), 'route')} {did.format(time=style.minutes(total_s))}, about "
        f"{style.money(cost, data.fleet.currency)} in wages{against}; {worst.route_id} ({worst.vehicle_id}) "
        f"made {style.minutes(worst_s)} of it.",
    )


def _poorly_heard(data: DailyData, style: Style) -> str:
    silent = sorted(data.vehicles, key=lambda van: -van.unknown_s)[:3]
    names = style.listed([van.vehicle_id for van in silent if van.unknown_s > 0])
    heard = f"Only {style.percent(data.fleet.coverage)} of the day was heard"
    return f"{heard}, so ratios are not shown; the longest silence was on {names}."


def _without_cost(data: DailyData, style: Style) -> str:
    fleet = data.fleet
    known = f"{_routes_run(data, style)}, {style.distance(fleet.distance_m)} in all"
    idle = idle_share(data)
    if lacks_ignition(data.vehicles):
        return f"{known}; no ignition signal was received, so idling cannot be told from parking."
    if idle.value is None:
        return f"{known}; idling is {idle.reason}."
    share = style.percent(idle.value, 1)
    return f"{known}; {style.minutes(fleet.idle_s)} of idling, {share} of engine-on time, has no price set."


def _routes_run(data: DailyData, style: Style) -> str:
    fleet = data.fleet
    if fleet.routes_planned:
        return f"{fleet.routes_run} of {style.counted(fleet.routes_planned, 'planned route')} ran"
    if fleet.routes_run:
        return f"{style.counted(fleet.routes_run, 'route')} ran"
    return f"{style.counted(fleet.vehicles_heard, 'vehicle')} heard"


def _flag_sentence(data: DailyData, style: Style) -> str:
    if not data.exceptions:
        return ""
    purchases = {row.purchase_key: row.net or 0.0 for row in data.exceptions}
    amount = sum(purchases.values())
    worth = f" ({style.money(amount, data.exceptions[0].currency)})" if amount else ""
    verb = "has a flag" if len(purchases) == 1 else "have flags"
    return f"{style.counted(len(purchases), 'fuel purchase')}{worth} {verb} to look at."
