"""Which columns do the files of each dimension have, and how does their text become values?"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import available_timezones

import polars as pl

from warehouse.geojson import bounds, geometry

ALWAYS, FOR_EVER = datetime(1970, 1, 1), datetime(9999, 12, 31)


class Column(NamedTuple):
    """One column of a file: how its text becomes a value, and whether it may be empty."""

    name: str
    parse: Callable[[str], Any]
    is_required: bool = False
    default: Any = None


class Dimension(NamedTuple):
    """One kind of file: its table, its columns, and which of them tell rows apart."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    derived: Mapping[str, Callable[[dict[str, Any]], Any]] = MappingProxyType(
        {}
    )  # further columns, from the parsed ones


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError as error:
            raise ValueError("expected a number") from error
        if not low <= value <= high:
            raise ValueError(f"expected {low:g} to {high:g}")
        return value

    return parse


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("expected a number") from error
    if not value.is_finite() or not 0 <= value < 1_000_000:
        raise ValueError("expected 0 to 1000000")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 1_000_000:
        raise ValueError("expected 0 to 1000000")
    return value


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if not 1900 < moment.year < 9999:
        raise ValueError("expected a year from 1901 to 9998; leave it empty for ever")
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _zone(text: str) -> str:
    if text not in available_timezones() - {"localtime"}:
        raise ValueError("expected an IANA time zone such as America/New_York")
    return text


def _one_of(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
        return text

    return parse


def _subject(row: dict[str, Any]) -> str | None:
    """What can be assigned once at a time: a device, card or driver to one van, a van to one depot."""
    subject: str | None = row["vehicle_id"] if row["kind"] == "depot" else row["id"]
    return subject


def _side(side: str) -> Callable[[dict[str, Any]], float | None]:
    def derive(row: dict[str, Any]) -> float | None:
        return getattr(bounds(row["geometry"]), side) if row["geometry"] else None

    return derive


def _text(text: str) -> str:
    return text


_TENANT = Column("tenant_id", _text, is_required=True)
_LATITUDE, _LONGITUDE = _number(-90, 90), _number(-180, 180)

DIMENSIONS = {
    dimension.name: dimension
    for dimension in (
        Dimension(
            "vehicles",
            (
                _TENANT,
                Column("vehicle_id", _text, is_required=True),
                Column("fuel_type", str.lower),
                Column("tank_l", _number(0, 2_000)),
                Column("gvwr_lb", _number(0, 200_000)),
                Column("idle_l_per_h", _number(0, 50)),
                Column("fixed_cost_per_day", _decimal),
                Column("package_capacity", _count),
                Column("status", str.lower),
                Column("valid_from", date.fromisoformat),
                Column("valid_to", date.fromisoformat),
            ),
            ("tenant_id", "vehicle_id", "valid_from"),
        ),
        Dimension(
            "depots",
            (
                _TENANT,
                Column("depot_id", _text, is_required=True),
                Column("timezone", _zone, is_required=True),
                Column("latitude", _LATITUDE),
                Column("longitude", _LONGITUDE),
                Column("radius_m", _number(10, 10_000)),
                Column("window_start", time.fromisoformat),
                Column("window_end", time.fromisoformat),
                Column("wage_per_h", _decimal),
            ),
            ("tenant_id", "depot_id"),
        ),
        Dimension(
            "drivers",
            (_TENANT, Column("driver_id", _text, is_required=True), Column("name", _text)),
            ("tenant_id", "driver_id"),
        ),
        Dimension(
            "assignments",
            (
                _TENANT,
                Column("kind", _one_of("device", "card", "driver", "depot"), is_required=True),
                Column("id", _text, is_required=True),
                Column("vehicle_id", _text, is_required=True),
                Column("from_utc", _instant, default=ALWAYS),
                Column("to_utc", _instant, default=FOR_EVER),
            ),
            ("tenant_id", "kind", "subject_id", "from_utc"),
            derived={"subject_id": _subject},
        ),
        Dimension(
            "stations",
            (
                Column("station_id", _text, is_required=True),
                Column("name", _text),
                Column("latitude", _LATITUDE, is_required=True),
                Column("longitude", _LONGITUDE, is_required=True),
                Column("state", _text),
                Column("timezone", _zone),
            ),
            ("station_id",),
        ),
        Dimension(
            "prices",
            (
                Column("region", _text, is_required=True),
                Column("product", str.lower, is_required=True),
                Column("from_date", date.fromisoformat, is_required=True),
                Column("price", _decimal, is_required=True),
                Column("unit", str.lower, is_required=True),
                Column("currency", str.upper, is_required=True),
            ),
            ("region", "product", "from_date"),
        ),
        Dimension(
            "timeclock",
            (
                _TENANT,
                Column("driver_id", _text, is_required=True),
                Column("service_date", date.fromisoformat, is_required=True),
                Column("clock_in_utc", _instant, is_required=True),
                Column("clock_out_utc", _instant, is_required=True),
                Column("unpaid_break_s", _number(0, 86_400)),
            ),
            ("tenant_id", "driver_id", "service_date", "clock_in_utc"),
        ),
        Dimension(
            "deliveries",
            (
                _TENANT,
                Column("service_date", date.fromisoformat, is_required=True),
                Column("route_id", _text, is_required=True),
                Column("vehicle_id", _text, is_required=True),
                Column("completed_stop_count", _count),
                Column("dispatched_package_count", _count),
                Column("delivered_package_count", _count),
            ),
            ("tenant_id", "service_date", "route_id", "vehicle_id"),
        ),
        Dimension(
            "jurisdictions",
            (
                Column("jurisdiction_id", _text, is_required=True),
                Column("name", _text),
                Column("geometry", geometry, is_required=True),
                Column("margin_m", _number(0, 10_000), default=0.0),
            ),
            ("jurisdiction_id", "name"),
            derived={side: _side(side) for side in ("south", "north", "west", "east")},
        ),
    )
}


_TYPES: dict[str, Any] = {
    **dict.fromkeys(
        ("package_capacity", "completed_stop_count", "dispatched_package_count", "delivered_package_count"), pl.Int32
    ),
    "fixed_cost_per_day": pl.Decimal(18, 4),
    "wage_per_h": pl.Decimal(18, 4),
    "price": pl.Decimal(18, 6),
    "valid_from": pl.Date,
    "valid_to": pl.Date,
    "from_date": pl.Date,
    "service_date": pl.Date,
    "from_utc": pl.Datetime("us"),
    "to_utc": pl.Datetime("us"),
    "clock_in_utc": pl.Datetime("us"),
    "clock_out_utc": pl.Datetime("us"),
    "window_start": pl.Time,
    "window_end": pl.Time,
    "row_no": pl.Int64,
    "unpaid_break_s": pl.Float64,
    **dict.fromkeys(("tank_l", "gvwr_lb", "idle_l_per_h", "latitude", "longitude", "radius_m"), pl.Float64),
    **dict.fromkeys(("margin_m", "south", "north", "west", "east"), pl.Float64),
}


def column_type(name: str) -> Any:
    """The polars type of a column of any dimension."""
    return _TYPES.get(name, pl.String)
