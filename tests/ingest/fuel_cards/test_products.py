"""A code means what its set says, and nothing without one."""

import csv
from importlib.resources import files

import pytest

from ingest.fuel_cards.products import bought, code_sets, products_by_name

BLENDS = ("b2", "b5", "b10", "b11", "b15", "b20", "b100")
EVERY_SET = {
    # Conexxus, Visa Fleet, Mastercard Fleet, Voyager
    "gasoline_regular": ("001", "01", "01", "01"),
    "gasoline_mid": ("002", "02", "02", "02"),
    "gasoline_premium": ("003", "03", "03", "04"),
    "gasoline_e10_regular": ("042", "42", "19", "D3"),
    "gasoline_e10_mid": ("043", "43", "20", "D6"),
    "gasoline_e10_premium": ("044", "44", "21", "D9"),
    "gasoline_e5_7_regular": ("011", "11", None, "D1"),
    "gasoline_e5_7_premium": ("013", "13", "22", "D7"),
    "e85": ("026", "26", "18", "66"),
    "diesel_2": ("019", "19", None, None),
    "diesel_2_premium": ("020", "20", "13", None),
    "diesel_1": ("021", None, None, None),
    "diesel": (None, "21", "12", "05"),
    "ulsd_1": ("052", "52", None, None),
    "ulsd_2": ("053", "53", None, None),
    "ulsd_2_premium": ("054", "54", None, None),
    "ulsd": (None, None, "29", None),
    "biodiesel": (None, None, "28", "D0"),
    **{f"biodiesel_{blend}": (f"0{45 + place}", f"{45 + place}", None, None) for place, blend in enumerate(BLENDS)},
    **{f"ulsd_{blend}": (f"0{55 + place}", f"{55 + place}", None, None) for place, blend in enumerate(BLENDS)},
    "diesel_taxexempt": ("033", "33", "26", "65"),
    "renewable_diesel": ("071", None, None, None),
    "cng": ("022", "22", "16", "59"),
    "lpg": ("023", "23", "15", "62"),
    "lng": ("024", "24", None, "67"),
    "def": ("062", None, "47", "DF"),
    "misc_fuel": ("099", "99", "99", "63"),
    "oil": ("101", "30", "30", "09"),
    "car_wash": ("102", "45", "45", "27"),
    "oil_change": ("103", "31", "31", "18"),
    "tires": ("109", "41", "41", "23"),
    "parts": ("119", None, "37", "19"),
    "wipers": ("130", None, None, "43"),
}
SETS = ("conexxus", "visa_fleet", "mastercard_fleet", "voyager")
GOODS = ("oil", "car_wash", "oil_change", "tires", "parts", "wipers")


@pytest.mark.parametrize(
    ("code_set", "code", "product"),
    [
        (code_set, code, product)
        for product, codes in EVERY_SET.items()
        for code_set, code in zip(SETS, codes, strict=True)
        if code is not None
    ],
)
def test_every_code_of_the_networks_means_its_product(code_set, code, product):
    found = bought(code_set, code, "each" if product in GOODS else "gal", None)
    assert (found.product, found.is_fuel) == (product, product not in (*GOODS, "def"))


@pytest.mark.parametrize(
    ("code_set", "code", "product"),
    [
        *(("wex_legacy", str(code), "gasoline_regular") for code in (3, 7, 12, 15)),
        *(("wex_legacy", str(code), "gasoline_premium") for code in (4, 6, 8, 13, 14, 16, 17, 20)),
        *(("wex_legacy", str(code), "diesel") for code in (2, 9)),
        ("wex_legacy", "1", "e85"),
        ("wex_legacy", "11", "cng"),
        ("wex_legacy", "10", "lpg"),
        ("wex_legacy", "55", "non_fuel"),
        ("wex_text", "UN+", "gasoline_mid"),
        ("wex_text", "sup", "gasoline_premium"),
        ("wex_text", "DS+", "diesel_2_premium"),
        ("wex_text", "PRO", "lpg"),
        ("wex_text", "DISC", "discount"),
    ],
)
def test_the_codes_of_wex(code_set, code, product):
    assert bought(code_set, code, None, None).product == product


def test_one_number_is_another_product_in_another_set():
    assert [bought(code_set, "3", "gal", None).product for code_set in ("wex_legacy", "conexxus")] == [
        "gasoline_regular",
        "gasoline_premium",
    ]
    assert [bought(code_set, "19", "gal", None).family for code_set in ("visa_fleet", "mastercard_fleet")] == [
        "diesel",
        "gasoline",
    ]


@pytest.mark.parametrize("code", ["1", "01", "001", "0001", " 001 "])
def test_leading_zeros_come_and_go(code):
    assert bought("Conexxus", code, "gal", None).product == "gasoline_regular"
    assert bought("wex_legacy", code, "gal", None).product == "e85"


@pytest.mark.parametrize(
    ("code", "product"),
    [("148", "automotive"), ("310", "other_fuel"), ("444", "merchandise"), ("805", "debit_surcharge"),
     ("913", "discount"), ("999", "administrative"), ("070", "misc_fuel")],
)  # fmt: skip
def test_a_code_without_a_line_of_its_own_is_what_its_range_is(code, product):
    assert bought("conexxus", code, None, None).product == product


def test_a_code_that_is_a_fuel_and_goods_goes_by_its_unit():
    found = [bought("visa_fleet", "45", unit, None) for unit in ("gal", "each", None)]
    assert [one.product for one in found] == ["biodiesel_b2", "car_wash", None]
    assert found[2].flags == ("code_ambiguous",)


def test_what_cannot_be_told_is_null_and_says_so():
    assert bought(None, "3", "gal", "diesel_2") == (None, None, None, ("code_set_missing",))
    assert bought("nobody", "3", "gal", None) == (None, None, None, ("code_set_unknown",))
    assert bought("wex_legacy", "5", "gal", None) == (None, None, None, ("code_unknown",))
    assert bought(None, None, "gal", "jungle juice").flags == ("product_unknown",)


def test_the_code_wins_over_the_product_that_was_sent():
    assert bought("conexxus", "001", "gal", "diesel_2")[::3] == ("gasoline_regular", ("product_conflict",))
    # Unless the network's code has only a common name for what was sent.
    assert bought("voyager", "05", "gal", "diesel_2")[::3] == ("diesel_2", ())


def test_kilowatt_hours_are_electricity_whatever_the_code():
    assert bought("conexxus", "500", "kwh", None)[::3] == ("electricity", ("product_conflict",))
    assert bought(None, None, "charging_minute", None)[:3] == ("electricity", "electricity", True)


def test_every_code_has_a_source_and_a_known_product():
    text = (files("ingest") / "fuel_cards" / "product_codes.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["product"] for row in rows} <= products_by_name().keys()
    assert all(row["source"] for row in rows)
    assert code_sets() == {*SETS, "wex_legacy", "wex_text"}
