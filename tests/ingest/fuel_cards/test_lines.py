"""Lines of every kind of file become documents in our units; what cannot be read is named by line and reason."""

import json
from datetime import datetime
from decimal import Decimal

import pytest

from ingest.fuel_cards.choosing import built_in
from ingest.fuel_cards.lines import Taken, taken
from ingest.fuel_cards.mapping import read_mapping
from ingest.fuel_cards.reading import UnreadableFile
from tests.ingest.fuel_cards.files import PAYLOADS, wex_rows, write_csv, write_workbook

SMALL = """
name = "corner"
[when]
column = "Date"
format = "%d/%m/%Y %H:%M"
date_format = "%d/%m/%Y"
zone = "site"
[constants]
event_type = "post"
currency = "EUR"
[fields]
card_id = "Card"
quantity = "Menge"
unit = { column = "Einheit", values = { Stk = "each" } }
gross = { column = "Betrag" }
site_id = "Ort"
"""
COLUMNS = ["Date", "Card", "Menge", "Einheit", "Betrag", "Ort"]
FILL = {"Date": "28/02/2026 07:05", "Card": "C1", "Menge": "40.5", "Einheit": "L", "Betrag": "70.47", "Ort": "S1"}


def read(mapping: str, path, provider: str = "corner", timezone: str | None = None) -> Taken:
    if mapping in built_in():
        return taken(built_in()[mapping], path, f"fc/v1/t1/{mapping}/txn", timezone)
    file = path.with_suffix(".toml")
    file.write_text(mapping)
    return taken(read_mapping(file), path, f"fc/v1/t1/{provider}/txn", timezone)


def table(folder, *rows: dict[str, str], **form: str):
    return write_csv(folder / "fills.csv", rows, COLUMNS, **form)


def only(found: Taken) -> dict:
    assert (found.problems, len(found.rows)) == ([], 1)
    return found.rows[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marks_and_delimiters_are_found(tmp_path, delimiter, encoding):
    row = only(read(SMALL, table(tmp_path, FILL | {"Ort": "Köln"}, delimiter=delimiter, encoding=encoding)))
    assert (row["site_id"], row["quantity"], row["unit"]) == ("Köln", Decimal("40.5"), "l")
    assert (row["ts_local"], row["ts_quality"], row["source_row"]) == ("2026-02-28T07:05:00", "site_local", 2)


def test_another_encoding_has_to_be_named(tmp_path):
    path = table(tmp_path, FILL | {"Ort": "Köln"}, encoding="cp1252")
    with pytest.raises(UnreadableFile, match="not utf-8, see byte"):
        read(SMALL, path)
    assert only(read('file = { encoding = "cp1252" }\n' + SMALL, path))["site_id"] == "Köln"


def test_decimal_commas_are_a_property_of_the_file(tmp_path):
    path = table(tmp_path, FILL | {"Betrag": "1.070,47", "Menge": "40,5"}, delimiter=";")
    assert [problem.line for problem in read(SMALL, path).problems] == [2]
    row = only(read('file = { decimal = "," }\n' + SMALL, path))
    assert (row["gross"], row["quantity"]) == (Decimal("1070.47"), Decimal("40.5"))


@pytest.mark.parametrize(
    ("text", "value"),
    [("$1,234.50", "1234.5"), ("(3.00)", "-3"), ("3.00-", "-3"), ("-.5", "-0.5"), ("1.2E-3", "0.0012"), ("€ 7", "7")],
)
def test_amounts_as_accountants_write_them(tmp_path, text, value):
    assert only(read(SMALL, table(tmp_path, FILL | {"Betrag": text})))["gross"] == Decimal(value)


@pytest.mark.parametrize("text", ["12,5", "1,23,456", "abc", "1.2.3", "--1", "0x10", "1e999"])
def test_what_is_no_amount_is_a_problem_of_its_line(tmp_path, text):
    found = read(SMALL, table(tmp_path, FILL, FILL | {"Betrag": text}))
    assert ([problem.line for problem in found.problems], len(found.rows)) == ([3], 1)


def test_a_workbook_keeps_its_dates_numbers_and_leading_zeros(tmp_path):
    rows = [COLUMNS, [datetime(2026, 2, 28, 7, 5), "0042", 40.5, "L", 70.47, 12], [None] * 6]
    path = write_workbook(tmp_path / "fills.xlsx", [*rows, [datetime(2026, 3, 1), "0043", 1, "Stk", 8, "x"]])
    found = read(SMALL, path)
    assert found.problems == []
    first, second = found.rows
    assert (first["ts_local"], first["card_id"], first["site_id"]) == ("2026-02-28T07:05:00", "0042", "12")
    assert (first["quantity"], first["gross"], first["source_row"]) == (Decimal("40.5"), Decimal("70.47"), 2)
    assert (second["ts_local"], second["unit"], second["source_row"]) == ("2026-03-01", "each", 4)


def test_a_line_of_totals_in_a_workbook_is_the_only_bad_one(tmp_path):
    fills = [[datetime(2026, 2, day, 7, 5), f"004{day}", 40.5, "L", 70.47, 12] for day in (1, 2)]
    path = write_workbook(tmp_path / "fills.xlsx", [COLUMNS, *fills, ["Total", "", 81, "L", 140.94, ""]])
    found = read(SMALL, path)
    assert [problem.line for problem in found.problems] == [4]
    assert [row["ts_local"] for row in found.rows] == ["2026-02-01T07:05:00", "2026-02-02T07:05:00"]


def test_a_workbook_that_is_none_is_one_line(tmp_path):
    (tmp_path / "fills.xlsx").write_bytes(b"not a workbook")
    with pytest.raises(UnreadableFile, match="not a readable workbook"):
        read(SMALL, tmp_path / "fills.xlsx")


def test_a_line_without_a_time_of_day_is_dated_only(tmp_path):
    row = only(read(SMALL, table(tmp_path, FILL | {"Date": "28/02/2026"}), timezone="Europe/Berlin"))
    assert (row["ts_local"], row["ts_quality"], row["purchased_us"]) == ("2026-02-28", "date_only", None)
    assert row["provider_tz"] == "Europe/Berlin"


def test_the_zone_is_of_the_value_of_a_column_or_of_the_provider(tmp_path):
    dated = [
        ("offset", FILL | {"Date": "2026-02-28T07:05:00-05:00"}),
        ("America/Chicago", FILL | {"Date": "2026-02-28T07:05:00"}),
        ("UTC", FILL | {"Date": "2026-02-28T07:05:00"}),
    ]
    found = []
    for zone, fill in dated:
        text = SMALL.replace("%d/%m/%Y %H:%M", "iso").replace('zone = "site"', f'zone = "{zone}"')
        row = only(read(text, table(tmp_path, fill)))
        found.append((row["purchased_us"], row["ts_local"], row["provider_tz"], row["ts_quality"]))
    utc_us = 1_772_280_300_000_000  # 2026-02-28 12:05 UTC
    assert found == [
        (utc_us, "2026-02-28T07:05:00", None, "offset"),
        (None, "2026-02-28T07:05:00", "America/Chicago", "site_local"),
        (utc_us - 5 * 3_600_000_000, None, None, "exact"),
    ]
    by_column = SMALL.replace('zone = "site"', 'zone = "site"\nzone_column = "Ort"')
    assert only(read(by_column, table(tmp_path, FILL | {"Ort": "America/Denver"})))["tz"] == "America/Denver"
    problem = read(by_column, table(tmp_path, FILL | {"Ort": "Moon/Base"})).problems[0]
    assert (problem.line, "zone is not known" in problem.reason) == (2, True)


def test_a_value_without_its_offset_is_refused_where_one_is_promised(tmp_path):
    text = SMALL.replace("%d/%m/%Y %H:%M", "iso").replace('zone = "site"', 'zone = "offset"')
    problem = read(text, table(tmp_path, FILL | {"Date": "2026-02-28T07:05:00"})).problems[0]
    assert "has no offset from UTC" in problem.reason


def test_a_unit_nobody_knows_is_a_problem_and_not_a_gallon(tmp_path):
    problem = read(SMALL, table(tmp_path, FILL | {"Einheit": "bbl"})).problems[0]
    assert problem.reason.startswith("Einheit='bbl': is none of charging_minute, each, gal")


def test_lines_that_say_the_same_are_one_and_a_key_with_two_contents_is_a_problem(tmp_path):
    found = read(SMALL, table(tmp_path, FILL, FILL, FILL | {"Betrag": "70.48"}))
    assert (len(found.messages), found.repeated, found.problems) == (2, [3], [])  # the amount is part of the key
    rows = wex_rows("fuelcard_ticket_with_carwash.json")
    path = write_csv(tmp_path / "export.csv", [row | {"Transaction Item Sequence Number": "1"} for row in rows])
    problem = read("wex", path).problems[0]
    assert (problem.line, "as line 2 with other values" in problem.reason) == (3, True)


def test_columns_that_are_missing_are_named(tmp_path):
    found = read(SMALL, write_csv(tmp_path / "fills.csv", [FILL], ["Card", "Menge", "Einheit", "Ort"]))
    assert [(problem.line, problem.reason) for problem in found.problems] == [(None, "no column Date")]
    assert found.absent == ["Betrag", "Date"]


def test_card_numbers_and_pins_are_in_no_message_and_no_reason(tmp_path):
    number = "4111 1111 1111 1111"
    columns = [*COLUMNS, "PIN", "Note"]
    good = FILL | {"Card": number, "PIN": "1234", "Note": f"card {number}"}
    path = write_csv(tmp_path / "fills.csv", [good, FILL | {"Betrag": number.replace(" ", "") + "x"}], columns)
    found = read(SMALL, path)
    said = repr([message.payload for message in found.messages]) + repr(found.problems) + repr(found.rows)
    assert "1111 1111" not in said
    assert "41111111" not in said
    assert "1234" not in said
    assert len(found.problems) == 1


def test_a_fixed_width_file_with_implied_decimals(tmp_path):
    lines = [
        "010003323700004800000023100000000004800000037490013236180626002300000000000003878868284000090620038700000",
        "010003324000000317000059100000000000317100064320033239180626003500000000000021228868674000090620212200000",
    ]
    (tmp_path / "pt.dat").write_text("\n".join(lines) + "\n")
    found = read("cfn_pt_fixed", tmp_path / "pt.dat")
    assert found.problems == []
    first, second = found.rows
    assert (first["quantity"], first["gross"], first["unit"]) == (Decimal(48), Decimal(48), "gal")
    assert (second["quantity"], second["gross"]) == (Decimal("3.171"), Decimal("3.17"))
    assert (first["provider_txn_id"], first["ts_local"]) == ("010003-3237-180626", "2018-06-26T00:23:00")
    assert (first["vehicle_ref"], first["odometer_typed"], first["site_id"]) == ("387", 3749, "010003")
    assert (first["product_code"], first["flags"]) == ("23", "code_set_unknown")


def test_a_pt_file_of_today_has_columns_and_spreadsheets_cut_its_zeros(tmp_path):
    cells = ["10003", "37", "0", "94.43", "0", "12", "FUEL", "DIESEL #2", "2.9", "27.3", "48212", "1", "55", "260228"]
    path = tmp_path / "pt.csv"
    path.write_text(",".join([*cells, "23", "0", "A1", "", "C77", "V12", *[""] * 21, "D", "CF", "", "3.459"]) + "\n")
    row = only(read("cfn_pt", path))
    assert (row["provider_txn_id"], row["ts_local"]) == ("010003-0037-260228", "2026-02-28T00:23:00")
    assert (row["quantity"], row["gross"], row["product_raw"]) == (Decimal("27.3"), Decimal("94.43"), "DIESEL #2")


def test_codes_of_a_providers_own_get_their_meaning_from_its_mapping(tmp_path):
    own = '[code_sets.corner]\n"7" = "diesel_2"\n[fields]\nproduct_code = "Ort"\n'
    text = (
        SMALL.replace("[fields]\n", own)
        .replace('site_id = "Ort"\n', "")
        .replace('currency = "EUR"', 'currency = "EUR"\ncode_set = "corner"')
    )
    row = only(read(text, table(tmp_path, FILL | {"Ort": "7"})))
    assert (row["product"], row["product_code"], row["code_set"], row["flags"]) == ("diesel_2", "7", "corner", "")
    assert only(read(text, table(tmp_path, FILL | {"Ort": "8"})))["flags"] == "code_set_unknown"


def test_amounts_in_cents_negative_for_a_purchase():
    row = only(read("stripe", PAYLOADS / "stripe_issuing_fuel.json"))
    assert (row["gross"], row["currency"], row["unit_price"]) == (Decimal(50), "USD", Decimal("1.899"))
    assert float(row["quantity"]) * 3.785411784 == pytest.approx(99.669892, abs=1e-6)
    assert (row["unit"], row["purchased_us"], row["ts_quality"]) == ("gal", 1504520977_000_000, "exact")


def test_a_refund_is_a_negative_adjustment(tmp_path):
    document = json.loads((PAYLOADS / "stripe_issuing_fuel.json").read_text())
    (tmp_path / "refund.json").write_text(json.dumps({"data": [document | {"type": "refund", "amount": 5000}]}))
    row = only(read("stripe", tmp_path / "refund.json"))
    assert (row["event_type"], row["gross"]) == ("adjust", Decimal(-50))


def test_midnight_stands_for_a_date_where_a_provider_has_no_times():
    row = only(read("geotab", PAYLOADS / "geotab_fuel_transaction.json"))
    assert (row["ts_local"], row["ts_quality"], row["purchased_us"]) == ("2023-01-01", "date_only", None)
    assert (row["quantity"], row["unit"], row["gross"], row["currency"]) == (10, "l", Decimal("10.34"), "EUR")
    assert (row["odometer_typed"], row["odometer_unit"], row["vehicle_ref"]) == (35463, "km", "licPlate1")
    assert row["provider_txn_id"].startswith("natural-")


def test_a_purchase_as_samsaras_interface_has_it(tmp_path):
    document = {
        "fuelQuantityLiters": "676.8", "transactionLocation": "40.748441, -73.985664", "iftaFuelType": "Diesel",
        "transactionPrice": {"amount": "640.2", "currency": "usd"}, "transactionReference": "5454534",
        "transactionTime": "2022-07-13T14:20:50.52-07:00", "vehicleId": "281474900488527",
        "discount": {"amount": "3.10", "currency": "usd"},
    }  # fmt: skip
    (tmp_path / "fills.json").write_text(json.dumps([document]))
    row = only(read("samsara", tmp_path / "fills.json"))
    assert (row["site_latitude"], row["site_longitude"]) == (40.748441, -73.985664)
    assert (row["gross"], row["discount"], row["currency"]) == (Decimal("640.2"), Decimal("-3.10"), "USD")
    assert (row["purchased_us"], row["product"]) == (1657747250_520_000, "diesel")
    (tmp_path / "fills.json").write_text(json.dumps([document | {"transactionTime": "2022-07-13T14:20:50"}]))
    assert "no offset" in read("samsara", tmp_path / "fills.json").problems[0].reason


def test_the_last_edit_of_a_fleetio_entry_has_the_greater_sequence(tmp_path):
    entry = {"id": "7", "vehicle_id": "12", "date": "2026-02-28T07:05:00-05:00", "us_gallons": "10.5",
             "price_per_volume_unit": "3.5", "total_amount": "36.75", "meter_value": "48212"}  # fmt: skip
    edits = ["2026-02-28T12:00:00Z", "2026-03-01T09:00:00-05:00"]
    rows = [entry | {"updated_at": edit, "total_amount": f"36.7{place}"} for place, edit in enumerate(edits)]
    found = read("fleetio", write_csv(tmp_path / "fills.csv", rows, list(rows[0])))
    assert found.problems == []
    assert int(found.rows[0]["seq"]) < int(found.rows[1]["seq"])
