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
Record = dict[str, Any]  # one version of one line of a purchase
ROUTES_PER_PLAN = 2
ISSUED_S = -2.5 * 3600  # 05:30 local, on the day's own clock
READ_AFTER_S, CLEARED_AFTER_S = 2.0, 5400.0
METRES_PER_MILE = 1609.344
PRICES = {"gasoline_regular": Decimal("3.459"), "diesel_2": Decimal("3.899")}  # USD per US gallon
STATE_PRICE = {"NJ": Decimal("1.00"), "NY": Decimal("1.27")}  # NY is dearer than any rule allows within NJ
PRODUCTS = {"gasoline": "gasoline_regular", "diesel": "diesel_2"}
CODES = {  # Conexxus
    "gasoline_regular": ("001", "UNLEADED REGULAR"),
    "gasoline_premium": ("003", "UNLEADED SUPER"),
    "gasoline_e10_regular": ("042", "REGULAR E10"),
    "diesel_2": ("019", "DIESEL NO 2"),
    "ulsd_2": ("053", "ULTRA LOW SULFUR DIESEL"),
    "diesel_taxexempt": ("032", "DIESEL OFF-ROAD"),
    "def": ("062", "DIESEL EXHAUST FLUID"),
}


class Planned(NamedTuple):
    """A van and its day, as a planner and a cashier see them."""

    van: Van
    day: Day
    clock_s: float  # Unix time at which the day's own clock is zero


class Fill(NamedTuple):
    """A van at a pump: when (Unix time), where, how much, its odometer, and what was in the tank before."""

    van: Van
    time_s: float
    station: Station
    litres: float
    odometer_m: float
    before_l: float | None = None  # None: nothing went into this tank


class Fault(NamedTuple):
    """A fuel record that is wrong on purpose, and the rule that should notice.

    Records with one `fault_no` are one fault: it is found with any of them. The same columns say what else may be
    flagged because of a fault, and what must not be although it looks odd; there None means any record of the van
    or any rule.
    """

    tenant_id: str
    vehicle_id: str
    provider: str
    provider_txn_id: str | None
    purchased_utc: datetime
    rule_id: str | None
    description: str
    item_no: int = 1
    case_name: str = ""
    fault_no: int = 0


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
                "issued_utc": text_utc(issued_s),
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
        "planned_exit_utc": text_utc(planned.clock_s + day.planned_exit_s),
        "planned_return_utc": text_utc(planned.clock_s + day.planned_return_s),
        "planned_stops": len(stops),
        "planned_packages": sum(door.packages for door in day.doors),
        "stops": stops,
    }


def fuel_messages(fill: Fill, product: str, *, tenant: str, timezone: str) -> list[Outgoing]:
    """Write what the card provider sends about one purchase: the authorisation, then the clearing."""
    record = purchase_record(fill, product, PRICES[product], timezone)
    return [
        card_message(authorised(record), fill.time_s + READ_AFTER_S, tenant),
        card_message(cleared(record), fill.time_s + READ_AFTER_S + CLEARED_AFTER_S, tenant),
    ]


def authorised(record: Record) -> Record:
    """What the provider says when the card is read: an amount held back, nothing about what flows."""
    amounts = ("quantity", "unit_price", "gross", "discount", "net")
    kept = {key: value for key, value in record.items() if key not in amounts}
    return kept | {"event_type": "auth", "seq": 1, "gross": Decimal("125.00")}


def cleared(record: Record) -> Record:
    """What the provider says when the station has sent its bill."""
    return record | {"event_type": "clear", "seq": 2}


def card_message(body: Record, due_s: float, tenant: str) -> Outgoing:
    """Put one version of a purchase on the provider's topic."""
    return Outgoing(round(due_s * 1_000_000), f"fc/v1/{tenant}/{PROVIDER}/txn", encode(body))


def transaction_id(fill: Fill) -> str:
    """Name the purchase of a van in a minute; twelve digits, as more could be taken for a card's number."""
    return f"FN-{fill.van.number:04d}-{round(fill.time_s) // 60:08d}"


def purchase_record(fill: Fill, product: str, price: Decimal, timezone: str) -> Record:
    """Write a purchase as it is, without the fields that tell its versions apart."""
    van, station = fill.van, fill.station
    latitude, longitude = place(van.depot, station.x_m, station.y_m)
    quantity = Decimal(fill.litres / LITRES_PER_GALLON).quantize(Decimal("0.001"))
    gross = (quantity * price).quantize(Decimal("0.01"))
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
        "ts_utc": text_utc(fill.time_s),
        "ts_local": datetime.fromtimestamp(round(fill.time_s), ZoneInfo(timezone)).strftime("%Y-%m-%dT%H:%M:%S"),
        "tz": timezone,
        "ts_quality": "exact",
        "site_id": station.station_id,
        "site_name": station.name,
        "state": station.state,
        "lat": latitude,
        "lon": longitude,
        "geo_quality": "provider",
        "code_set": "conexxus",
        "product_code": product_code,
        "product_raw": product_raw,
        "product": product,
        "quantity": quantity,
        "unit": "gal",
        "unit_price": price,
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


def text_utc(time_s: float) -> str:
    return utc(round(time_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
