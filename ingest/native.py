"""What does a native message look like?

The types are those of the native payload (`docs/messages.md`): field names carry their units, unknown keys are
kept and never an error, and a value of the wrong type is. msgspec checks the types while it parses.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

VERSION = 1
MAX_POINTS = 500
MAX_PAYLOAD_BYTES = 64 * 1024
MAX_AHEAD_S = 120  # a device clock may run ahead of the receive time by this much

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Switch = bool | Literal[0, 1]  # some firmware sends 0 and 1
Instant = float | str  # epoch seconds, or ISO 8601 with an offset


class Point(Struct, kw_only=True, forbid_unknown_fields=True):
    """One fix. Required: ts, and lat and lon unless `nofix`."""

    ts: float | None = None  # fix time, epoch seconds UTC
    seq: Int64 | None = None  # monotonic within a boot
    lat: float | None = None  # WGS 84 degrees
    lon: float | None = None
    nofix: Switch | None = None
    alt_m: float | None = None
    spd_kmh: float | None = None
    hdg_deg: float | None = None  # clockwise from north
    hdop: float | None = None
    sat: int | None = None
    acc_m: float | None = None
    valid: Switch | None = None
    ign: Switch | None = None
    pto: Switch | None = None  # power take-off at work
    rpm: float | None = None
    odo_m: float | None = None
    fuel_pct: float | None = None
    fuel_l: float | None = None
    fuel_used_l: float | None = None
    batt_v: float | None = None
    soc_pct: float | None = None
    energy_out_kwh: float | None = None
    charging: Switch | None = None
    his: Switch | None = None
    private: Switch | None = None  # the driver's private mode: the place goes no further than the spool
    route_id: str | None = None


class Positions(Struct, kw_only=True, forbid_unknown_fields=True):
    """A `pos` or `his` message in which every key is known and every type is right."""

    v: int
    dev: str
    pts: list[Point]
    boot: Int64 | None = None
    sent: float | None = None


class Event(Struct, kw_only=True):
    """An `evt` message."""

    v: int
    ts: float
    type: str
    dev: str | None = None
    seq: Int64 | None = None
    boot: Int64 | None = None
    val: float | None = None
    unit: str | None = None
    thr: float | None = None
    lat: float | None = None
    lon: float | None = None


class Status(Struct, kw_only=True):
    """A `sta` message: the birth of a connection, or its last will (which cannot know the time)."""

    v: int
    st: Literal["online", "offline"]
    ts: float | None = None
    boot: Int64 | None = None


class Purchase(Struct, kw_only=True):
    """A `txn` message: the canonical record of one line of a fuel-card transaction."""

    v: int
    event_type: Literal["auth", "auth_reversal", "decline", "clear", "post", "adjust"]
    provider_txn_id: str | None = None
    provider: str | None = None
    item_no: Annotated[int, Meta(ge=1, le=10_000)] = 1
    seq: str | int | None = None
    card_id: str | None = None
    card_last4: str | None = None
    vehicle_ref: str | None = None
    driver_ref: str | None = None
    ts_utc: Instant | None = None
    ts_local: str | None = None
    tz: str | None = None
    ts_quality: str | None = None
    posted_date: date | None = None
    site_id: str | None = None
    site_name: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    postcode: str | None = None
    lat: float | None = None
    lon: float | None = None
    geo_quality: str | None = None
    code_set: str | None = None
    product_code: str | None = None
    product_raw: str | None = None
    product: str | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    unit_price: Decimal | None = None
    gross: Decimal | None = None
    discount: Decimal | None = None
    tax: Decimal | None = None
    exempt_tax: Decimal | None = None
    fees: Decimal | None = None
    net: Decimal | None = None
    currency: str | None = None
    odometer_typed: Int64 | None = None
    odometer_unit: str | None = None
    service_type: str | None = None
    auth_code: str | None = None
    batch_id: str | None = None
    source_file: str | None = None
    source_row: Int64 | None = None
    provider_tz: str | None = None


Count = Annotated[int, Meta(ge=0, le=1_000_000)]


class PlannedStop(Struct, kw_only=True):
    """One stop of a planned route."""

    seq: Count
    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    planned_service_s: float | None = None
    packages: Count | None = None


class Route(Struct, kw_only=True):
    """One route of a plan."""

    route_id: str
    vehicle_id: str
    driver_id: str | None = None
    role: Literal["primary", "rescue"] = "primary"
    planned_exit_utc: Instant | None = None
    planned_return_utc: Instant | None = None
    planned_stops: Count | None = None
    planned_packages: Count | None = None
    stops: list[PlannedStop] = []


class Plan(Struct, kw_only=True):
    """The envelope of a `plan` message; its routes are checked one by one."""

    v: int
    service_date: date
    issued_utc: Instant | None = None
