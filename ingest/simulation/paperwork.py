"""Which plans and fuel-card records go with the simulated vans?

Plans are issued early in the morning, a few routes to a message so that each stays far below 64 KiB. A fuel
stop gives an `auth` at the pump and a `clear` ninety minutes later. Some fuel records are made wrong on
purpose; `Fault` says which, and which rule should notice.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ingest.outbox import Outgoing
from ingest.simulation.city import Depot, Station, place
from ingest.simulation.day import Day
from ingest.simulation.fleet import LITRES_PER_GALLON, Van
from ingest.simulation.uplink import encode

PROVIDER = "fuelnet"
ROUTES_PER_PLAN = 2
ISSUED_S = -2.5 * 3600  # 05:30 local, on the day's own clock
CLEARED_AFTER_S = 5400.0
METRES_PER_MILE = 1609.344
PRICES = {"gasoline_regular": Decimal("3.459"), "diesel_2": Decimal("3.899")}  # USD per US gallon
PRODUCTS = {"gasoline": "gasoline_regular", "diesel": "diesel_2"}
CODES = {"gasoline_regular": ("001", "UNLEADED REGULAR"), "diesel_2": ("019", "DIESEL NO 2")}


class Planned(NamedTuple):
    """A van and its day, as a planner and a cashier see them."""

    van: Van
    day: Day
    clock_s: float  # Unix time at which the day's own clock is zero


class Fill(NamedTuple):
    """A van at a pump: when (Unix time), where, how much, and its odometer."""

    van: Van
    time_s: float
    station: Station
    litres: float
    odometer_m: float


class Fault(NamedTuple):
    """A fuel record that is wrong on purpose, and the rule that should notice."""

    tenant_id: str
    vehicle_id: str
    provider: str
    provider_txn_id: str
    purchased_utc: datetime
    rule_id: str
    description: str


def plan_messages(days: list[Planned], *, tenant: str, service_date: date) -> list[Outgoing]:
    """Write the plans of one service date, by depot."""
    messages = []
    by_depot: dict[Depot, list[Planned]] = {}
    for planned in days:
        by_depot.setdefault(planned.van.depot, []).append(planned)
    for depot, routes in by_depot.items():
        for first in range(0, len(routes), ROUTES_PER_PLAN):
            some = routes[first : first + ROUTES_PER_PLAN]
            issued_s = some[0].clock_s + ISSUED_S + first
            body = {
                "v": 1,
                "service_date": service_date.isoformat(),
                "issued_utc": _text_utc(issued_s),
                "routes": [_route(planned) for planned in some],
            }
            due_us = round(issued_s * 1_000_000)
            messages.append(Outgoing(due_us, f"rt/v1/{tenant}/{depot.depot_id}/plan", encode(body), retain=True))
    return messages


def _route(planned: Planned) -> dict[str, Any]:
    van, day = planned.van, planned.day
    stops = []
    for seq, door in enumerate(day.doors, start=1):
        latitude, longitude = place(van.depot, door.x_m, door.y_m)
        stops.append(
            {
                "seq": seq,
                "lat": latitude,
                "lon": longitude,
                "planned_service_s": 50,
                "packages": door.packages,
            }
        )
    return {
        "route_id": van.route_id,
        "vehicle_id": van.vehicle_id,
        "driver_id": van.driver_id,
        "planned_exit_utc": _text_utc(planned.clock_s + day.planned_exit_s),
        "planned_return_utc": _text_utc(planned.clock_s + day.planned_return_s),
        "planned_stops": len(stops),
        "planned_packages": sum(door.packages for door in day.doors),
        "stops": stops,
    }


def fuel_messages(fill: Fill, product: str, *, tenant: str, timezone: str) -> list[Outgoing]:
    """Write what the card provider sends about one purchase: the authorisation, then the clearing."""
    record = _record(fill, timezone, product)
    topic = f"fc/v1/{tenant}/{PROVIDER}/txn"
    amounts = ("quantity", "unit_price", "gross", "discount", "net")
    auth = {key: value for key, value in record.items() if key not in amounts}
    auth |= {"event_type": "auth", "seq": 1, "gross": Decimal("125.00")}
    clear = record | {"event_type": "clear", "seq": 2}
    due_us = round((fill.time_s + 2.0) * 1_000_000)
    return [
        Outgoing(due_us, topic, encode(auth)),
        Outgoing(due_us + round(CLEARED_AFTER_S * 1_000_000), topic, encode(clear)),
    ]


def transaction_id(fill: Fill) -> str:
    """Name the purchase of a van at an instant."""
    return f"FN-{round(fill.time_s)}-{fill.van.number:04d}"


def _record(fill: Fill, timezone: str, product: str) -> dict[str, Any]:
    van, station = fill.van, fill.station
    latitude, longitude = place(van.depot, station.x_m, station.y_m)
    quantity = Decimal(fill.litres / LITRES_PER_GALLON).quantize(Decimal("0.001"))
    gross = (quantity * PRICES[product]).quantize(Decimal("0.01"))
    discount = -(quantity * Decimal("0.05")).quantize(Decimal("0.01"))
    product_code, product_raw = CODES[product]
    return {
        "v": 1,
        "provider": PROVIDER,
        "provider_txn_id": transaction_id(fill),
        "item_no": 1,
        "card_id": van.card_id,
        "card_last4": van.card_last4,
        "vehicle_ref": van.vehicle_id,
        "driver_ref": van.driver_id,
        "ts_utc": _text_utc(fill.time_s),
        "ts_local": datetime.fromtimestamp(round(fill.time_s), ZoneInfo(timezone)).strftime("%Y-%m-%dT%H:%M:%S"),
        "tz": timezone,
        "ts_quality": "exact",
        "site_id": station.station_id,
        "site_name": station.name,
        "state": "NJ",
        "lat": latitude,
        "lon": longitude,
        "geo_quality": "provider",
        "code_set": "conexxus",
        "product_code": product_code,
        "product_raw": product_raw,
        "product": product,
        "quantity": quantity,
        "unit": "gal",
        "unit_price": PRICES[product],
        "gross": gross,
        "discount": discount,
        "net": gross + discount,
        "currency": "USD",
        "odometer_typed": round(fill.odometer_m / METRES_PER_MILE),
        "odometer_unit": "mi",
        "service_type": "self",
    }


def utc(time_s: float) -> datetime:
    """Return the instant of a Unix time, exact to the microsecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(time_s * 1_000_000))


def _text_utc(time_s: float) -> str:
    return utc(round(time_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
