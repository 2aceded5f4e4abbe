"""What should somebody look at today, where, and what can they do about it?

At most ten rows, dearest first. What has no price (a silent tracker, stops not seen) cannot be ordered by cost and must
not be crowded out by what has one, so up to four such rows follow the priced ones.
"""

from collections.abc import Iterator

from flows.report.measures import lacks_ignition
from flows.report.page import Attention
from flows.report.rows import DailyData, FuelException, IdleContext, RouteDay, SilentVehicle, VehicleDay
from flows.report.style import Style
from flows.report.words import late_s, overrun_s

MOST_ROWS = 10
MOST_WITHOUT_PRICE = 4

# [P] Below these a row would not be worth somebody's morning.
LONG_IDLE_S = 30 * 60  # in events of two minutes and more, traffic left out
OVERRUN_S = 30 * 60
LATE_EXIT_S = 15 * 60
MISSED_STOP_SHARE = 0.05
SILENCE_S = 60 * 60

ACTIONS = {
    "depot": "Start the engine when the van leaves, not while loading.",
    "hand_off": "Engine off at hand-offs; show the driver the minutes.",
    "break": "Engine off in breaks; ask about cabin heat or cooling.",
    "fuel_site": "Engine off while fuelling.",
}
OTHER_ACTION = "Ask the driver what kept the engine on."
PLACES = {
    "hand_off": "at hand-offs",
    "depot": "at the depot",
    "break": "in a break",
    "fuel_site": "at a fuel site",
}


def attention(data: DailyData, style: Style) -> list[Attention]:
    """Return at most ten rows, dearest first, those without a price at the end."""
    rows = [
        *_idling(data, style),
        *_routes(data, style),
        *_fuel(data, style),
        *_silent(data, style),
        *_gaps(data, style),
    ]
    priced = sorted((row for row in rows if row.cost is not None), key=lambda row: -(row.cost or 0.0))
    unpriced = [row for row in rows if row.cost is None][: max(MOST_WITHOUT_PRICE, MOST_ROWS - len(priced))]
    return priced[: MOST_ROWS - len(unpriced)] + unpriced


def _idling(data: DailyData, style: Style) -> Iterator[Attention]:
    by_van: dict[str, list[IdleContext]] = {}
    for row in data.idle_contexts:
        # A driver can do nothing about a queue.
        if row.context != "traffic":
            by_van.setdefault(row.vehicle_id, []).append(row)
    for vehicle_id, contexts in by_van.items():
        idle_s = sum(row.idle_s for row in contexts)
        if idle_s < LONG_IDLE_S:
            continue
        # What is asked of the driver is about the place where most was idled, and so is the longest event told.
        most = max(contexts, key=lambda row: row.idle_s)
        costs = [row.cost for row in contexts if row.cost is not None]
        cost = sum(costs) if costs else None
        events = style.counted(sum(row.event_count for row in contexts), "event")
        of_it = f"{style.minutes(most.idle_s)} of it " if len(contexts) > 1 else ""
        where = f"{of_it}{PLACES.get(most.context, 'elsewhere')}"
        longest = f"{style.minutes(most.longest_s)} at {style.clock(most.longest_started_utc, data.timezone)}"
        yield Attention(
            vehicle_id,
            f"Long idling: {events}, {where}, the longest there {longest}",
            style.minutes(idle_s),
            cost,
            style.money(cost, data.fleet.currency, cents=True),
            ACTIONS.get(most.context, OTHER_ACTION),
        )


def _routes(data: DailyData, style: Style) -> Iterator[Attention]:
    for route in data.routes:
        where = f"{route.vehicle_id} {route.route_id}"
        over_s = overrun_s(route) or 0.0
        if over_s >= OVERRUN_S:
            what = "Route ran longer than planned"
            yield _paid(
                route, style, where, what, over_s, "Compare stops and stem with the plan; move stops if it repeats."
            )
        behind_s = late_s(route)
        if behind_s >= LATE_EXIT_S:
            what = f"Left the depot late, at {style.clock(route.depot_exit_utc, data.timezone)}"
            yield _paid(route, style, where, what, behind_s, "Ask the depot: van, load or driver not ready?")
        planned, done = route.planned_stop_count or 0, route.completed_stop_count
        if done is not None and planned - done > MISSED_STOP_SHARE * planned:
            what = f"{planned - done} of {planned} planned stops not seen"
            yield Attention(where, what, "", None, "–", "Compare with dispatch: brought back, or delivered on foot?")


def _paid(route: RouteDay, style: Style, where: str, what: str, lost_s: float, action: str) -> Attention:
    """Return a row priced at the depot's wage."""
    cost = None if route.wage_per_h is None else lost_s / 3600 * route.wage_per_h
    return Attention(where, what, style.minutes(lost_s), cost, style.money(cost, route.currency, cents=True), action)


def _fuel(data: DailyData, style: Style) -> Iterator[Attention]:
    purchases: dict[str, list[FuelException]] = {}
    for row in data.exceptions:
        # Flags of low severity stand in the fuel table only.
        if row.severity != "low":
            purchases.setdefault(row.purchase_key, []).append(row)
    for rows in purchases.values():
        first = rows[0]
        rules = ", ".join(row.rule_id for row in rows)
        what = (
            f"Fuel purchase to check ({rules}), {style.volume(first.quantity_l)}, {first.site_name or 'site unknown'}"
        )
        where = first.vehicle_id or first.vehicle_ref or "no van"
        action = "See the fuel table; check the receipt with the driver."
        yield Attention(where, what, "", first.net, style.money(first.net, first.currency, cents=True), action)


def _silent(data: DailyData, style: Style) -> Iterator[Attention]:
    # Vans with a route come first: of a van in reserve a silent tracker is no surprise.
    planned = [van for van in data.silent if van.route_id]
    for van in planned:
        yield _silence(van, data, style)
    spare = [van for van in data.silent if not van.route_id]
    if len(spare) > 2:
        names = ", ".join(van.vehicle_id for van in spare[:3])
        more = f" and {len(spare) - 3} more" if len(spare) > 3 else ""
        action = "Check power and SIM, or mark them out of service."
        yield Attention(f"{len(spare)} vans", f"Not heard all day: {names}{more}", "all day", None, "–", action)
        return
    for van in spare:
        yield _silence(van, data, style)


def _silence(van: SilentVehicle, data: DailyData, style: Style) -> Attention:
    last = (
        f"last heard {style.local_day(van.last_fix_utc, data.timezone)}"
        if van.last_fix_utc
        else "not heard for two weeks"
    )
    where = f"{van.vehicle_id} {van.route_id}" if van.route_id else van.vehicle_id
    action = "Check the tracker's power and SIM." if van.route_id else "Check power and SIM, or mark it out of service."
    return Attention(where, f"Not heard all day, {last}", "all day", None, "–", action)


def _gaps(data: DailyData, style: Style) -> Iterator[Attention]:
    gaps = sorted((van for van in data.vehicles if _is_gap(van)), key=lambda van: -van.unknown_s)
    for van in gaps:
        what = f"Tracker silent for part of the day (data {style.percent(van.coverage)})"
        yield Attention(
            van.vehicle_id, what, style.minutes(van.unknown_s), None, "–", "Look for a loose plug or dead zone."
        )


def _is_gap(van: VehicleDay) -> bool:
    return not van.is_heard and van.unknown_s >= SILENCE_S


def is_all_clear(data: DailyData, rows: list[Attention]) -> bool:
    """Tell whether nothing needs attention, and enough is known to say so."""
    return (
        not rows
        and not data.exceptions
        and not data.missed
        and data.fleet.is_heard
        and not lacks_ignition(data.vehicles)
    )
