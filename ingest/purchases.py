"""What does a `txn` message say: one version of one line of a fuel-card transaction?

Whatever is odd about a line that can be kept is a flag of it, never a reject (`FLAGS`). Numbers are exact decimals.
"""

from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from ingest.columns import PURCHASES
from ingest.fuel_cards.products import bought, code_set_name
from ingest.fuel_cards.units import unit_of
from ingest.native import Purchase
from ingest.received import MICROSECONDS_PER_DAY, Received, Undecodable, payload_hash
from ingest.records import converted, instant_us, not_ahead, unknown_keys
from ingest.settings import is_known_zone

FLAGS = {
    "arithmetic": "quantity times unit price is not the gross amount",
    "net_differs": "net is not gross plus exempt tax, discount and fees",
    "code_set_missing": "a product code without its code set: no product",
    "code_set_unknown": "a code set we do not have",
    "code_unknown": "a code that its set does not have",
    "code_ambiguous": "a code that stands for a fuel and for goods, and no unit to tell",
    "product_conflict": "the code says another product than the one that was sent; the code counts",
    "product_unknown": "a product that was sent under a name we do not know",
    "needs_review": "a code that can hide anything",
    "unit_unknown": "a unit we do not know",
}
MINUTE_US = 60_000_000
# Where a line was found is not what it says; the instant counts as microseconds, however it was written.
NOT_CONTENT = frozenset({"source_file", "source_row", "batch_id", "ts_utc"})
_CENT = Decimal("0.000001")
_MONEY_DIGITS = 12  # before the point
_NET_TOLERANCE = Decimal("0.01")
_GROSS_TOLERANCE, _GROSS_SHARE = Decimal("0.02"), Decimal("0.005")


def purchase_row(received: Received, document: dict[str, Any]) -> tuple[Any, ...]:
    """One row of purchases."""
    purchase = converted(document, Purchase, required=("event_type",))
    assert received.topic is not None
    values = {name: getattr(purchase, name) for name in Purchase.__struct_fields__}
    for name, value in values.items():
        if isinstance(value, Decimal):
            values[name] = _money(value)
    for zone in (purchase.tz, purchase.provider_tz):
        if zone is not None and not is_known_zone(zone):
            raise Undecodable("wrong_type")
    unit = None if purchase.unit is None else unit_of(purchase.unit)
    if unit is not None:
        values["unit"] = unit
    if purchase.code_set is not None:
        values["code_set"] = code_set_name(purchase.code_set)
    purchased_us = None if purchase.ts_utc is None else not_ahead(instant_us(purchase.ts_utc), received)
    values |= {
        "tenant_id": received.topic.tenant,
        "provider": received.topic.sender,
        "seq": None if purchase.seq is None else str(purchase.seq),
        "purchased_us": purchased_us,
        "site_latitude": purchase.lat,
        "site_longitude": purchase.lon,
        "extra": unknown_keys(document, Purchase),
    }
    values["provider_txn_id"] = purchase.provider_txn_id or _natural_key(values)
    values["content_hash"] = _content_hash(values)
    found = bought(purchase.code_set, purchase.product_code, unit, purchase.product)
    flags = {*found.flags, *_money_flags(values)}
    if purchase.unit is not None and unit is None:
        flags.add("unit_unknown")
    values |= {
        "product": found.product,
        "product_family": found.family,
        "is_fuel": found.is_fuel,
        "flags": ",".join(sorted(flags)),
        "received_date": received.received_us // MICROSECONDS_PER_DAY,
        "spool_id": received.spool_id,
        "segment_no": received.segment_no,
        "payload_hash": received.payload_hash,
        "received_us": received.received_us,
    }
    return tuple(values[name] for name in PURCHASES.schema.names)


def _money_flags(values: dict[str, Any]) -> list[str]:
    flags = []
    quantity, unit_price, gross, net = (values[name] for name in ("quantity", "unit_price", "gross", "net"))
    if quantity is not None and unit_price is not None and gross is not None:
        tolerance = _GROSS_TOLERANCE + _GROSS_SHARE * abs(gross)
        if abs(quantity * unit_price - gross) > tolerance:
            flags.append("arithmetic")
    if gross is not None and net is not None:
        parts = (values[name] or Decimal(0) for name in ("exempt_tax", "discount", "fees"))
        if abs(sum(parts, gross) - net) > _NET_TOLERANCE:
            flags.append("net_differs")
    return flags


def _content_hash(values: dict[str, Any]) -> int:
    """A digest of all that was sent but where it was found; equal for two files that hold the same line."""
    content = {name: value for name, value in values.items() if name not in NOT_CONTENT}
    return payload_hash(msgspec.json.encode(content, order="sorted"))


def _money(value: Decimal) -> Decimal:
    if not value.is_finite() or value.adjusted() >= _MONEY_DIGITS:
        raise Undecodable("wrong_type")
    return value.quantize(_CENT) if value.adjusted() >= -7 else Decimal(0).quantize(_CENT)


def _natural_key(values: dict[str, Any]) -> str:
    """Card, minute, site, product, quantity and amount, for a provider that numbers nothing."""
    minute = _minute(values["ts_local"], values["purchased_us"])
    card = values["card_id"] or values["card_last4"]
    if not minute or not card:
        raise Undecodable("missing_field")
    site = values["site_id"] or values["site_name"]
    product = values["product_code"] or values["product_raw"] or values["product"]
    parts = (card, minute, site, product, values["quantity"], values["gross"])
    return "natural-" + blake2b("|".join(map(str, parts)).encode(), digest_size=8).hexdigest()


def _minute(local: str | None, purchased_us: int | None) -> str | None:
    if local is not None:
        try:
            return datetime.fromisoformat(local).strftime("%Y-%m-%dT%H:%M")
        except ValueError:
            return local[:16] or None
    return None if purchased_us is None else str(purchased_us // MINUTE_US)
