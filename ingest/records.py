"""What do events, states of connection and plans say, one message at a time?

Each function turns a parsed message into rows of its table, or raises Undecodable with the reason.
"""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

import msgspec

from ingest.adapters.readings import Happening
from ingest.masking import masked_document
from ingest.native import MAX_AHEAD_S, Event, Instant, Plan, Route, Status
from ingest.position_rules import GPS_ROLLOVER_S, YEAR_2015_S
from ingest.received import MICROSECONDS_PER_DAY, Received, Undecodable, reject_row

CARD_AHEAD_S = 86_400  # clocks of card terminals and planners are nobody's instrument: a day ahead is still kept
FIRST_SERVICE_DATE = date(2000, 1, 1)
PLANNED_AHEAD = timedelta(days=366)
ROUTE_WITHIN = timedelta(hours=48)  # a route leaves and returns no further than this from noon of its date, UTC

Kind = TypeVar("Kind")


def event_row(received: Received, document: dict[str, Any]) -> tuple[Any, ...]:
    """One row of events from an `evt` message."""
    event = converted(document, Event, required=("ts", "type"))
    assert received.topic is not None
    if event.dev is not None and event.dev != received.topic.sender:
        raise Undecodable("device_mismatch")
    event_us = _checked_instant(event.ts, received, MAX_AHEAD_S)
    placed = event.lat is not None and event.lon is not None and abs(event.lat) <= 90 and abs(event.lon) <= 180
    return (
        received.topic.tenant,
        received.topic.sender,
        event_us,
        event_us // MICROSECONDS_PER_DAY,
        event.type,
        event.val,
        event.unit,
        event.thr,
        round(event.lat * 1e7) if placed and event.lat is not None else None,
        round(event.lon * 1e7) if placed and event.lon is not None else None,
        event.boot,
        event.seq,
        received.retain,
        unknown_keys(masked_document(document), Event),
        *received.lineage,
    )


def happening_row(received: Received, happening: Happening, max_age_days: float) -> tuple[Any, ...]:
    """One row of events from what a foreign format told; without a time of its own it takes the receive time."""
    assert received.topic is not None
    event_us = received.received_us
    if happening.ts is not None:
        event_us = _checked_instant(happening.ts, received, MAX_AHEAD_S, may_be_old=max_age_days == 0)
    latitude, longitude = happening.lat, happening.lon
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        latitude = longitude = None
    return (
        received.topic.tenant,
        received.topic.sender,
        event_us,
        event_us // MICROSECONDS_PER_DAY,
        happening.type,
        *(None,) * 3,
        None if latitude is None else round(latitude * 1e7),
        None if longitude is None else round(longitude * 1e7),
        None,
        None,
        received.retain,
        msgspec.json.encode(dict(happening.extra)).decode() if happening.extra else None,
        *received.lineage,
    )


def status_row(received: Received, document: dict[str, Any]) -> tuple[Any, ...]:
    """One row of events from a `sta` message; without a time of its own that fits it takes the receive time.

    A last will cannot know when it is sent: one that the broker had kept has no time, whatever it says.
    """
    status = converted(document, Status, required=("st",))
    assert received.topic is not None
    event_us = received.received_us
    if status.ts is not None and (status.st == "online" or not received.retain):
        with suppress(Undecodable):
            event_us = _checked_instant(status.ts, received, MAX_AHEAD_S)
    return (
        received.topic.tenant,
        received.topic.sender,
        event_us,
        event_us // MICROSECONDS_PER_DAY,
        status.st,
        *(None,) * 5,
        status.boot,
        None,
        received.retain,
        unknown_keys(document, Status),
        *received.lineage,
    )


def plan_rows(received: Received, document: dict[str, Any]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The routes of a `plan` message as rows of plans, and a reject for each route that is not one."""
    plan = converted(document, Plan, required=("service_date",))
    routes = document.get("routes")
    if routes is None:
        raise Undecodable("missing_field")
    if not isinstance(routes, list):
        raise Undecodable("wrong_type")
    if not routes:
        raise Undecodable("no_points")
    issued_us = None if plan.issued_utc is None else not_ahead(instant_us(plan.issued_utc), received)
    if not FIRST_SERVICE_DATE <= plan.service_date <= _received_date(received) + PLANNED_AHEAD:
        raise Undecodable("time_out_of_range")
    rows, bad = [], []
    for index, route in enumerate(routes):
        try:
            rows.append(_plan_row(received, plan, issued_us, route))
        except Undecodable as problem:
            bad.append(reject_row(received, problem.reason, index, msgspec.json.encode(route)))
    return rows, bad


def _plan_row(received: Received, plan: Plan, issued_us: int | None, document: Any) -> tuple[Any, ...]:
    if not isinstance(document, dict):
        raise Undecodable("wrong_type")
    route = converted(document, Route, required=("route_id", "vehicle_id"))
    exit_us, return_us = _planned_times(route, plan.service_date)
    assert received.topic is not None
    return (
        received.topic.tenant,
        received.topic.sender,
        plan.service_date,
        issued_us,
        route.route_id,
        route.vehicle_id,
        route.driver_id,
        route.role,
        exit_us,
        return_us,
        route.planned_stops,
        route.planned_packages,
        msgspec.json.encode(route.stops).decode(),
        unknown_keys(document, Route),
        received.received_us // MICROSECONDS_PER_DAY,
        *received.lineage,
    )


def converted(document: dict[str, Any], kind: type[Kind], *, required: tuple[str, ...]) -> Kind:
    """Check a document against a message kind; `required` may not be null."""
    if any(document.get(name) is None for name in required):
        raise Undecodable("missing_field")
    try:
        return msgspec.convert(document, kind, strict=True)
    except msgspec.ValidationError as error:
        raise Undecodable("wrong_type") from error


def unknown_keys(document: dict[str, Any], kind: type[msgspec.Struct]) -> str | None:
    """The keys that a message kind does not have, as JSON."""
    known = {*kind.__struct_fields__, "routes"}
    unknown = {key: value for key, value in document.items() if key not in known}
    return msgspec.json.encode(unknown).decode() if unknown else None


def instant_us(instant: Instant) -> int:
    """An instant as microseconds: epoch seconds, or ISO 8601 text with an offset."""
    if isinstance(instant, str):
        try:
            moment = datetime.fromisoformat(instant)
            seconds = moment.timestamp() if moment.tzinfo is not None else None
        except (ValueError, OverflowError) as error:
            raise Undecodable("wrong_type") from error
        if seconds is None:
            raise Undecodable("wrong_type")
        instant = seconds
    if not 0 <= instant < 1e11:
        raise Undecodable("wrong_type")
    return round(instant * 1e6)


def not_ahead(instant_us: int, received: Received) -> int:
    """An instant that no clock of a card terminal or planner can be wrong by."""
    if instant_us > received.received_us + CARD_AHEAD_S * 1_000_000:
        raise Undecodable("clock_ahead")
    return instant_us


def _received_date(received: Received) -> date:
    return datetime.fromtimestamp(received.received_us / 1e6, UTC).date()


def _planned_times(route: Route, service_date: date) -> tuple[int | None, int | None]:
    """Exit and return in microseconds; times that cannot belong to the date would take other dates' fixes away."""
    noon_us = round(datetime.combine(service_date, time(12), UTC).timestamp() * 1e6)
    within_us = round(ROUTE_WITHIN.total_seconds() * 1e6)
    planned = [
        None if instant is None else instant_us(instant)
        for instant in (route.planned_exit_utc, route.planned_return_utc)
    ]
    if any(abs(found - noon_us) > within_us for found in planned if found is not None):
        raise Undecodable("time_out_of_range")
    if planned[0] is not None and planned[1] is not None and planned[1] < planned[0]:
        raise Undecodable("time_out_of_range")
    return planned[0], planned[1]


def _checked_instant(instant_s: float, received: Received, ahead_s: float, *, may_be_old: bool = False) -> int:
    """Epoch seconds to microseconds, by the clock rules (Q3) that need no setting."""
    late_s = received.received_us / 1e6 - instant_s
    if -ahead_s <= late_s - GPS_ROLLOVER_S <= ahead_s:
        instant_s += GPS_ROLLOVER_S
    elif late_s < -ahead_s:
        raise Undecodable("clock_ahead")
    elif instant_s < (0 if may_be_old else YEAR_2015_S):
        raise Undecodable("before_2015")
    return round(instant_s * 1e6)
