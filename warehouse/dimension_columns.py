"""Which columns do the files of each dimension have, and how does their text become values?"""

from collections.abc import Callable, Mapping
from datetime import datetime, time
from types import MappingProxyType
from typing import Any, NamedTuple

from warehouse.dimension_values import (
    amount,
    as_it_is,
    count,
    currency,
    day,
    hidden,
    instant,
    last4,
    locale,
    number,
    one_of,
    plain,
    tenant,
    van,
    vehicle_status,
    weekday,
    zone,
)
from warehouse.geojson import bounds, geometry
from warehouse.retention import kinds

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
    stored_as: str = ""  # the table in core, where it has another name
    refusal: Callable[[dict[str, Any]], str | None] = lambda _: None  # what is wrong with a row as a whole

    @property
    def table(self) -> str:
        """The table its rows are kept in."""
        return f"core.{self.stored_as or self.name}"

    @property
    def subject(self) -> tuple[str, ...]:
        """The columns that name the thing a row is about: its key without the time from which the row holds."""
        return tuple(name for name in self.key if name not in ("valid_from", "from_utc"))


def _subject(row: dict[str, Any]) -> str | None:
    """What can be assigned once at a time: a device, card or driver to one van, a van to one depot."""
    subject: str | None = row["vehicle_id"] if row["kind"] == "depot" else row["id"]
    return subject


def _names_a_card(row: dict[str, Any]) -> str | None:
    if row["id"] is None or row["kind"] == "device":
        return None
    try:
        plain(row["id"])
    except ValueError as error:
        return f"id={hidden(row['id'])!r}: {error}"
    return None


def _side(side: str) -> Callable[[dict[str, Any]], float | None]:
    def derive(row: dict[str, Any]) -> float | None:
        return getattr(bounds(row["geometry"]), side) if row["geometry"] else None

    return derive


def _too_short(row: dict[str, Any]) -> str | None:
    kind = kinds().get(row["data"] or "")
    if kind is None or row["keep_days"] is None or row["keep_days"] >= kind.least_days:
        return None
    return f"keep_days: {kind.data} are kept {kind.least_days} days at least"


_TENANT = Column("tenant_id", tenant, is_required=True)
_LATITUDE, _LONGITUDE = number(-90, 90), number(-180, 180)
# From its first date on to the date on which it no longer holds; empty: always, and still so.
_VALID = (Column("valid_from", day), Column("valid_to", day))

DIMENSIONS = {
    dimension.name: dimension
    for dimension in (
        Dimension(
            "tenants",
            (
                _TENANT,
                Column("name", plain),
                Column("timezone", zone),
                Column("currency", currency),
                Column("units", one_of("us", "metric")),
                Column("locale", locale),
                Column("week_start", weekday),
                *_VALID,
            ),
            ("tenant_id", "valid_from"),
        ),
        Dimension(
            "vehicles",
            (
                _TENANT,
                Column("vehicle_id", van, is_required=True),
                Column("fuel_type", str.lower),
                Column("tank_l", number(0, 2_000)),
                Column("gvwr_lb", number(0, 200_000)),
                Column("idle_l_per_h", number(0, 50)),
                Column("fixed_cost_per_day", amount),
                Column("package_capacity", count),
                Column("status", vehicle_status),
                Column("vin", str.upper),
                Column("plate", plain),
                Column("lease_from", day),
                Column("lease_to", day),
                Column("target_km_per_day", number(0, 2_000)),
                Column("reporting_interval_s", number(0, 86_400)),
                *_VALID,
            ),
            ("tenant_id", "vehicle_id", "valid_from"),
        ),
        Dimension(
            "depots",
            (
                _TENANT,
                Column("depot_id", plain, is_required=True),
                Column("timezone", zone, is_required=True),
                Column("latitude", _LATITUDE),
                Column("longitude", _LONGITUDE),
                Column("radius_m", number(10, 10_000)),
                Column("window_start", time.fromisoformat),
                Column("window_end", time.fromisoformat),
                Column("wage_per_h", amount),
                *_VALID,
            ),
            ("tenant_id", "depot_id", "valid_from"),
        ),
        Dimension(
            "drivers",
            (_TENANT, Column("driver_id", plain, is_required=True), Column("name", plain), *_VALID),
            ("tenant_id", "driver_id", "valid_from"),
        ),
        Dimension(
            "cards",
            (
                _TENANT,
                Column("card_id", plain, is_required=True),
                Column("provider", plain),
                Column("last4", last4),
                Column("status", str.lower),
                Column("limit_per_purchase", amount),
                Column("limit_per_day", amount),
                Column("currency", currency),
                Column("purchases_per_day", count),
                *_VALID,
            ),
            ("tenant_id", "card_id", "valid_from"),
        ),
        Dimension(
            "devices",
            (
                _TENANT,
                Column("device_id", as_it_is, is_required=True),
                Column("model", plain),
                Column("adapter", str.lower),
                Column("reporting_interval_s", number(0, 86_400)),
                *_VALID,
            ),
            ("tenant_id", "device_id", "valid_from"),
            stored_as="registered_devices",
        ),
        Dimension(
            "assignments",
            (
                _TENANT,
                Column("kind", one_of("device", "card", "driver", "depot"), is_required=True),
                Column("id", as_it_is, is_required=True),
                Column("vehicle_id", van, is_required=True),
                Column("from_utc", instant, default=ALWAYS),
                Column("to_utc", instant, default=FOR_EVER),
            ),
            ("tenant_id", "kind", "subject_id", "from_utc"),
            derived={"subject_id": _subject},
            refusal=_names_a_card,
        ),
        Dimension(
            "stations",
            (
                Column("station_id", as_it_is, is_required=True),
                Column("name", plain),
                Column("latitude", _LATITUDE, is_required=True),
                Column("longitude", _LONGITUDE, is_required=True),
                Column("state", plain),
                Column("timezone", zone),
                *_VALID,
            ),
            ("station_id", "valid_from"),
        ),
        Dimension(
            "prices",
            (
                Column("region", as_it_is, is_required=True),
                Column("product", str.lower, is_required=True),
                Column("from_date", day, is_required=True),
                Column("price", amount, is_required=True),
                Column("unit", str.lower, is_required=True),
                Column("currency", str.upper, is_required=True),
            ),
            ("region", "product", "from_date"),
        ),
        Dimension(
            "timeclock",
            (
                _TENANT,
                Column("driver_id", plain, is_required=True),
                Column("service_date", day, is_required=True),
                Column("clock_in_utc", instant, is_required=True),
                Column("clock_out_utc", instant, is_required=True),
                Column("unpaid_break_s", number(0, 86_400)),
            ),
            ("tenant_id", "driver_id", "service_date", "clock_in_utc"),
        ),
        Dimension(
            "deliveries",
            (
                _TENANT,
                Column("service_date", day, is_required=True),
                Column("route_id", as_it_is, is_required=True),
                Column("vehicle_id", van, is_required=True),
                Column("completed_stop_count", count),
                Column("dispatched_package_count", count),
                Column("delivered_package_count", count),
            ),
            ("tenant_id", "service_date", "route_id", "vehicle_id"),
        ),
        Dimension(
            "jurisdictions",
            (
                Column("jurisdiction_id", as_it_is, is_required=True),
                Column("name", plain),
                Column("geometry", geometry, is_required=True),
                Column("margin_m", number(0, 10_000), default=0.0),
            ),
            ("jurisdiction_id", "name"),
            derived={side: _side(side) for side in ("south", "north", "west", "east")},
        ),
        Dimension(
            "retention",
            (
                _TENANT,
                Column("data", one_of(*kinds()), is_required=True),
                Column("keep_days", count, is_required=True),
                Column("reason", plain),
            ),
            ("tenant_id", "data"),
            refusal=_too_short,
        ),
    )
}
