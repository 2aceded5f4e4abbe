"""Where do vans idle again and again, and what would it save if a stand there idled like the median one?

The grid and what is left out are in `sql/actions/hot_spots.sql`. It takes three events on two days. No place near a
home is told, nor one that a single van visits without a plan (docs/actions.md).
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flows.report.finders.found import Action, Question, Weighed
from flows.report.style import Style
from warehouse.places import NEAR_M

CELL_M = 250  # domain 14.3
STEP_DEG = CELL_M / 111_195  # of latitude; cells are as wide as they are high
LEAST_EVENTS, LEAST_DAYS = 3, 2
LIKELY_EVENTS, LIKELY_DAYS = 10, 3
HOME_DAYS = 28  # nights before the period that still tell where homes are
SLACK_MIN = 60  # around the scheduled window, as in K28
MOST = 60  # places weighed, the dearest first
TELLING_SHARE = 0.8  # of the events: the hours named hold this many
DIRECTIONS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
CONTEXTS = {
    "hand_off": "at stops",
    "depot": "at the depot",
    "fuel_site": "at the fuel station",
    "break": "in breaks",
    "other": "on the way",
}
HIDDEN = {
    "home": "near a place where a van stood overnight: not shown",
    "one_van": "visited by one van without a plan: may be somebody's own place, not shown",
}


class HotSpot(NamedTuple):
    """A cell of the grid, or a depot; of a hidden one neither place nor vans are known.

    latitude, longitude  middle of the cell; None: a depot, or hidden
    excess_s             idling beyond that of the median stand of its context (`usual_s`)
    started_us           of every event, Unix time
    """

    depot_id: str | None
    latitude: float | None
    longitude: float | None
    site_name: str | None
    near_depot_id: str | None
    depot_m: float | None
    bearing_deg: float | None
    hidden: str | None
    contexts: list[str]
    vehicles: list[str] | None
    vehicle_count: int
    event_count: int
    day_count: int
    idle_s: float
    excess_s: float
    excess_l: float | None
    excess_cost: float | None
    currency: str | None
    usual_s: float | None
    started_us: list[int]
    timezone: str


def hot_spots(asked: Question) -> list[HotSpot]:
    """Return the places with repeated idling of a period, the dearest first; hidden ones without their place."""
    return asked.rows(
        "hot_spots",
        HotSpot,
        cell_m=CELL_M,
        step_deg=STEP_DEG,
        guard_m=NEAR_M,
        home_days=HOME_DAYS,
        least_events=LEAST_EVENTS,
        least_days=LEAST_DAYS,
        slack_min=SLACK_MIN,
        most=MOST,
    )


def weigh_hot_spots(asked: Question, style: Style) -> list[Weighed]:
    """Return every place with repeated idling as a suggestion, or why it is none."""
    return [Weighed(_action(asked, spot, style), HIDDEN.get(spot.hidden or "", "")) for spot in hot_spots(asked)]


def where(spot: HotSpot, style: Style) -> str:
    """Write a place: the depot, a station, or how far and where from the nearest depot, with the middle of its cell."""
    if spot.hidden or spot.latitude is None:
        return _name(spot, style)
    return f"{_name(spot, style)} ({middle(spot, style)})"


def middle(spot: HotSpot, style: Style) -> str:
    """Write the middle of its cell: as exact as the grid."""
    return style.position(spot.latitude, spot.longitude)


def when(spot: HotSpot) -> str:
    """Write the shortest stretch of local hours that holds most of the events, `10:00 to 12:00`; hidden: not shown."""
    if spot.hidden:
        return "not shown"
    zone = ZoneInfo(spot.timezone)
    hours = Counter(
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(zone).hour for us in spot.started_us
    )
    stretches = [(last - first, first) for first in range(24) for last in range(first, 24)]
    for length, first in sorted(stretches):
        if sum(hours[hour] for hour in range(first, first + length + 1)) >= TELLING_SHARE * spot.event_count:
            return f"{first:02}:00 to {(first + length + 1) % 24:02}:00"
    raise AssertionError("the whole day holds every event")


def _name(spot: HotSpot, style: Style) -> str:
    if spot.hidden:
        return "a place not shown"
    if spot.depot_id or spot.site_name:
        return f"depot {spot.depot_id}" if spot.depot_id else f"{spot.site_name}"
    if spot.depot_m is None or spot.bearing_deg is None:
        return "a place on the way"
    direction = DIRECTIONS[round(spot.bearing_deg / 45) % 8]
    return f"{style.distance(spot.depot_m, 1)} {direction} of depot {spot.near_depot_id}"


def _action(asked: Question, spot: HotSpot, style: Style) -> Action:
    context = spot.contexts[0]
    at = "at " if spot.hidden or spot.depot_id or spot.site_name or spot.depot_m is None else ""
    saving = None if spot.excess_cost is None else asked.a_week(spot.excess_cost)
    fuel = None if spot.excess_l is None else style.volume(asked.a_week(spot.excess_l))
    usual = style.minutes(spot.usual_s or 0)
    excess = f"{style.minutes(spot.idle_s)} in {style.counted(spot.event_count, 'event')}, {usual} of each usual"
    terms = [f"{style.minutes(spot.excess_s)} beyond the usual stand of {usual}"]
    if spot.excess_l is not None:
        terms.append(f"{style.volume(spot.excess_l)} of fuel")
    if spot.excess_cost is not None:
        terms.append(style.money(spot.excess_cost, spot.currency, cents=True))
    is_likely = spot.event_count >= LIKELY_EVENTS and spot.day_count >= LIKELY_DAYS
    evidence = [f"{excess} ({style.listed([CONTEXTS.get(each, each) for each in spot.contexts])})"]
    if spot.vehicles:
        evidence.append(f"vans (events): {style.listed(spot.vehicles)}")
        evidence.append(f"mostly {when(spot)}, local time")
    if spot.latitude is not None:
        evidence.append(f"around {middle(spot, style)}, the middle of a cell of {CELL_M} m")
    return Action(
        kind="hot_spot",
        title=f"Switch engines off {at}{_name(spot, style)}",
        saving=saving,
        saving_text=(
            f"{style.money(saving, spot.currency)} a week"
            if saving is not None
            else f"{fuel} a week"
            if fuel
            else f"{style.minutes(asked.a_week(spot.excess_s))} of idling a week"
        ),
        why=(
            f"{style.counted(spot.vehicle_count, 'van')} idled {style.minutes(spot.idle_s)} there on"
            f" {style.counted(spot.day_count, 'day')}, {CONTEXTS.get(context, context)}."
        ),
        evidence=evidence,
        formula=" = ".join(terms) + ("" if asked.a_week(1) == 1 else ", brought to a week"),
        n=spot.event_count,
        confidence="likely" if is_likely else "possible",
        changes="heating, cooling or loading gear that needs the engine; a price of fuel that differs",
    )
