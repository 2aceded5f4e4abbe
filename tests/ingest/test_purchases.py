"""What a `txn` message says is kept exactly, and what is odd about it is a flag, not a reject."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import decode
from ingest.purchases import FLAGS
from tests.ingest.test_decode import NOW_S, received

TOPIC = "fc/v1/t1/wex/txn"
FILL = {
    "v": 1, "event_type": "clear", "provider_txn_id": "A-17", "ts_utc": NOW_S, "quantity": "27.3", "unit": "gal",
    "unit_price": "3.459", "gross": "94.43", "net": "94.43", "currency": "USD",
}  # fmt: skip


def row_of(**change: object) -> dict:
    result = decode([received(TOPIC, FILL | change)], max_age_days=30)
    assert result.rejects.num_rows == 0, result.rejects.to_pylist()
    return result.purchases.to_pylist()[0]


@pytest.mark.parametrize("event_type", ["auth", "auth_reversal", "decline", "clear", "post", "adjust"])
def test_every_event_of_a_purchases_life_decodes(event_type):
    assert row_of(event_type=event_type)["event_type"] == event_type


def test_a_decline_needs_neither_quantity_nor_product():
    payload = {"v": 1, "event_type": "decline", "card_id": "C1", "ts_local": "2026-02-27T10:02:00", "gross": 120}
    (row,) = decode([received(TOPIC, payload)], max_age_days=30).purchases.to_pylist()
    assert (row["quantity"], row["product"], row["is_fuel"], row["flags"]) == (None, None, None, "")
    assert row["provider_txn_id"].startswith("natural-")


@pytest.mark.parametrize(
    ("change", "flags"),
    [
        ({}, ""),
        ({"gross": "94.93"}, "arithmetic,net_differs"),
        ({"gross": "94.92", "net": "94.92"}, ""),  # 0.02 and half a per cent
        ({"gross": "94.93", "net": "94.93"}, "arithmetic"),
        ({"exempt_tax": "-4.29", "net": "90.14"}, ""),
        ({"exempt_tax": "-4.29", "discount": "-1", "fees": "2", "net": "91.14"}, ""),
        ({"exempt_tax": "-4.29", "discount": "-1", "fees": "2", "net": "91.12"}, "net_differs"),
        ({"net": "94.42"}, ""),
        ({"unit": "firkin"}, "unit_unknown"),
        ({"product_code": "3"}, "code_set_missing"),
        ({"product_code": "3", "product": "diesel_2"}, "code_set_missing"),
        ({"product_code": "001", "code_set": "conexxus", "product": "diesel_2"}, "product_conflict"),
        ({"product_code": "OTH", "code_set": "wex_text"}, "needs_review"),
    ],
)
def test_what_is_odd_about_a_line_is_a_flag_of_it(change, flags):
    assert row_of(**change)["flags"] == flags
    assert set(filter(None, flags.split(","))) <= FLAGS.keys()


def test_the_code_decides_the_product_over_mqtt_too():
    row = row_of(product_code="001", code_set="Conexxus", product="diesel_2")
    assert (row["product"], row["product_family"], row["is_fuel"]) == ("gasoline_regular", "gasoline", True)
    assert row_of(product_code="3", product="diesel_2")["product"] is None
    assert row_of(product="diesel_2")["product_family"] == "diesel"
    assert row_of(unit="Kilowatt_Hour", unit_price=None)["product"] == "electricity"


def test_units_have_one_name_and_strange_ones_stay():
    assert [row_of(unit=unit)["unit"] for unit in ("GA", "US Gallon", "Ltr", "kWh", "EA", "firkin")] == [
        "gal", "gal", "l", "kwh", "each", "firkin",
    ]  # fmt: skip


@pytest.mark.parametrize("change", [
    {"source_file": "b.csv", "source_row": 9, "batch_id": "2"},
    {"quantity": 27.3, "gross": "94.430"},
    {"ts_utc": "2026-02-27T16:02:05Z"},
    {"seq": 7},
])  # fmt: skip
def test_where_and_how_a_line_was_written_is_not_what_it_says(change):
    base = {"seq": "7"} if "seq" in change else {}
    assert row_of(**base | change)["content_hash"] == row_of(**base)["content_hash"]


@pytest.mark.parametrize("change", [{"gross": "94.44"}, {"card_id": "C2"}, {"note": "x"}, {"product": "diesel"}])
def test_what_a_line_says_is_its_content(change):
    assert row_of(**change)["content_hash"] != row_of()["content_hash"]


def test_a_natural_key_does_not_depend_on_how_numbers_and_times_are_written():
    bare = {"provider_txn_id": None, "card_id": "C1", "ts_utc": None}
    keys = {
        row_of(**bare, ts_local=local, quantity=quantity)["provider_txn_id"]
        for local in ("2026-02-27T10:02", "2026-02-27 10:02:59")
        for quantity in ("27.3", 27.3, "27.300")
    }
    assert len(keys) == 1
    assert row_of(**bare, ts_local="2026-02-27T10:03")["provider_txn_id"] not in keys


@given(st.decimals(-99_999, 99_999, places=3), st.decimals(0, 99, places=3), st.decimals(-99_999, 99_999, places=2))
def test_no_amounts_cost_a_line(quantity, unit_price, gross):
    row = row_of(quantity=str(quantity), unit_price=str(unit_price), gross=str(gross), net=None)
    assert (row["quantity"], row["gross"]) == (quantity, gross)
    is_off = abs(quantity * unit_price - gross) > Decimal("0.02") + abs(gross) / 200
    assert row["flags"] == ("arithmetic" if is_off else "")


def test_the_zone_of_a_provider_has_to_be_one():
    assert row_of(provider_tz="America/Chicago")["provider_tz"] == "America/Chicago"
    bad = decode([received(TOPIC, json.dumps(FILL | {"provider_tz": "Mars"}).encode())], max_age_days=30)
    assert bad.rejects["reason"].to_pylist() == ["wrong_type"]
