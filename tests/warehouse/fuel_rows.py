"""Purchases as the rules see them, written by hand: a fleet with routes, and lines that differ where a test says so."""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import duckdb
import polars as pl

from tests.warehouse.core_rows import EMPTY, required_columns
from warehouse.connection import ensure_schema, prepare
from warehouse.models import prepare_models

DAY = date(2026, 2, 26)
AT = datetime(2026, 2, 26, 19)  # 14:00 in New York
GALLON_L = 3.785411784
MILE_M = 1609.344
INSTANTS = {"DATE": DAY, "TIMESTAMP": AT}
KEY = {"tenant_id": "t1", "provider": "wex", "provider_txn_id": "P1", "item_no": 1}

# A fill of 20 gal regular at 14:00, the van at the pump from 13:58, its tank a quarter full before and full after.
LINE: dict[str, Any] = {
    "event_type": "clear", "card_id": "c1", "card_last4": "0001", "vehicle_ref": "V1", "driver_ref": "D1",
    "ts_quality": "exact", "site_id": "S1", "site_name": "SHELL 12", "city": "Edison", "state": "NJ",
    "geo_quality": "provider", "code_set": "conexxus", "product_code": "001", "product_raw": "UNLEADED REGULAR",
    "product": "gasoline_regular", "quantity": 18, "unit": "gal", "unit_price": 3.45, "gross": 62.10, "net": 62.10,
    "currency": "USD", "odometer_typed": 50_000, "odometer_unit": "mi", "payload_hash": 1, "version_count": 1,
    "first_event_type": "clear", "is_final": True, "line_kind": "fill", "fuel_family": "gasoline",
    "quantity_l": 18 * GALLON_L, "price_per_l": 3.45 / GALLON_L, "at_utc": AT, "time_source": "offset",
    "zone": "America/New_York", "service_date": DAY, "site_latitude": 40.5, "site_longitude": -74.4,
    "site_source": "record", "vehicle_id": "V1", "match_method": "card", "driver_id": "D1", "is_card_known": True,
    "is_vehicle_known": True, "is_driver_known": True, "vehicle_fuel_type": "gasoline", "tank_l": 25 * GALLON_L,
}  # fmt: skip
PRESENCE: dict[str, Any] = {
    "candidate": 1, "is_assigned": True, "fix_count_60": 120, "fix_count_15": 30, "fix_count_3": 6,
    "nearest_10_m": 12.0, "nearest_15_m": 12.0, "nearest_60_m": 12.0, "nearest_offset_s": -20.0,
    "day_nearest_m": 12.0, "day_fix_count": 900, "min_speed_3_kmh": 0.0, "engine_on_site_s": 20.0,
    "level_before_pct": 25.0, "level_before_age_s": 240.0, "level_after_pct": 97.0, "level_after_age_s": 400.0,
    "level_count_day": 800, "level_span_day_pct": 80.0, "odometer_m": 50_000 * MILE_M,
}  # fmt: skip
MATCH: dict[str, Any] = {
    "match_state": "match",
    "match_candidate": 1,
    "odometer_m": 50_000 * MILE_M,
    "odometer_valid": True,
}
AWAY = {"nearest_10_m": 9_000.0, "nearest_15_m": 8_500.0, "nearest_60_m": 6_800.0, "day_nearest_m": 6_700.0}

SHOWN = ("ts_quality", "site_name", "city", "state", "product", "quantity", "unit", "gross", "net", "currency")
MONEY = ("quantity", "unit_price", "gross", "net", "discount", "tax")


NOTHING: Mapping[str, Any] = MappingProxyType({})


class Purchase(NamedTuple):
    """A line and what is known around it; only what differs from an honest fill is given."""

    line: Mapping[str, Any] = NOTHING
    presence: Mapping[str, Any] | None = NOTHING  # None: nothing known of where the van was
    match: Mapping[str, Any] = NOTHING
    key: Mapping[str, Any] = NOTHING
    options: Mapping[str, str] = NOTHING
    card_options: Mapping[str, str] = NOTHING
    others: tuple[dict[str, Any], ...] = ()


class Rows:
    """Rows to be, by table; a warehouse takes them at once. Required columns that are not given are empty or 0."""

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {}

    def add(self, table: str, **values: Any) -> None:
        self.tables.setdefault(table, []).append(values)

    def change(self, table: str, tenant: str, **values: Any) -> None:
        for row in self.tables[table]:
            if row["tenant_id"] == tenant:
                row.update(values)

    def drop(self, tenant: str, *tables: str) -> None:
        for table in tables:
            self.tables[table] = [row for row in self.tables[table] if row["tenant_id"] != tenant]

    def put_into(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        for table, rows in self.tables.items():
            empty = {column: (EMPTY | INSTANTS).get(kind, 0) for column, kind in required_columns(table).items()}
            frame = pl.DataFrame([empty | row for row in rows], infer_schema_length=None)
            assert frame.height
            warehouse.execute(f"insert into {table} by name from frame")
        self.tables = {}


def warehouse_of_rules() -> duckdb.DuckDBPyConnection:
    """An empty warehouse in memory with the tables that rules read."""
    warehouse = duckdb.connect()
    prepare(warehouse)
    ensure_schema(warehouse)
    prepare_models(warehouse)
    return warehouse


def add_fleet(rows: Rows, tenant: str = "t1") -> None:
    """Vans V1 and V2 with a covered day, V1 on a route from 09:40 to 18:00 local, a card and a driver."""
    for van in ("V1", "V2"):
        day = {"tenant_id": tenant, "service_date": DAY, "vehicle_id": van, "first_fix_utc": AT, "last_fix_utc": AT}
        rows.add("core.vehicles", tenant_id=tenant, vehicle_id=van, status="active", fuel_type="gasoline")
        rows.add("core.vehicle_dates", **day, timezone="America/New_York")
        rows.add("marts.vehicle_days", **day, coverage=0.97, revision=1)
    rows.add("core.drivers", tenant_id=tenant, driver_id="D1")
    rows.add(
        "core.assignments", tenant_id=tenant, kind="card", id="c1", vehicle_id="V1", subject_id="c1",
        from_utc=datetime(2026, 1, 1), to_utc=datetime(2099, 1, 1),
    )  # fmt: skip
    route(rows, "V1", DAY, tenant)


def route(rows: Rows, van: str, day: date, tenant: str = "t1") -> None:
    """A planned route of a van from 09:40 to 18:00 local."""
    rows.add(
        "core.planned_routes", tenant_id=tenant, depot_id="X", service_date=day, route_id=f"R{van}", vehicle_id=van,
        role="primary", planned_exit_utc=datetime(day.year, day.month, day.day, 14, 40),
        planned_return_utc=datetime(day.year, day.month, day.day, 23),
    )  # fmt: skip


def buy(rows: Rows, purchase: Purchase, tenant: str = "t1") -> None:
    """Add a line with its presence and its match."""
    key, line = KEY | {"tenant_id": tenant} | dict(purchase.key), LINE | dict(purchase.line)
    if purchase.line.get("quantity") is not None and "quantity_l" not in purchase.line:
        line["quantity_l"] = line["quantity"] * GALLON_L
        if "gross" not in purchase.line:
            line["gross"] = line["net"] = round(line["quantity"] * (line["unit_price"] or 0), 2)
    line["vehicle_options"] = json.dumps(dict(purchase.options)) if purchase.options else None
    line["card_options"] = json.dumps(dict(purchase.card_options)) if purchase.card_options else None
    for name in MONEY:
        line[name] = None if line.get(name) is None else float(line[name])
    rows.add("core.fuel_lines", **key, **line)
    rows.add(
        "marts.fuel_purchases", **key, event_type=line["event_type"], vehicle_id=line["vehicle_id"],
        service_date=line["service_date"], **{name: line.get(name) for name in SHOWN}, **(MATCH | dict(purchase.match)),
    )  # fmt: skip
    if purchase.presence is not None and line["vehicle_id"] is not None:
        rows.add(
            "core.fuel_presence", **key, **(PRESENCE | {"vehicle_id": line["vehicle_id"]} | dict(purchase.presence))
        )
    for other in purchase.others:
        rows.add("core.fuel_presence", **key, **(PRESENCE | {"is_assigned": False} | other))


def after(minutes: float) -> datetime:
    """So much later than the honest fill."""
    return AT + timedelta(minutes=minutes)
