"""Ten real tickets, written as the export has them, become the purchases that the manifest expects."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ingest.fuel_cards.choosing import built_in
from ingest.fuel_cards.lines import taken
from tests.ingest.fuel_cards.files import MANIFEST, TICKETS, WEX_COLUMNS, wex_rows, write_csv

LITRES = {"gal": Decimal("3.785411784")}
METRES_PER_MILE = Decimal("1609.344")
FUELS = {"ETH": "gasoline", "UNL": "gasoline", "DSL": "diesel", "BIOD": "diesel", "E85": "e85"}
TOPIC = "fc/v1/urbana/wex/txn"


def expected_of(file: str) -> list[dict]:
    found = MANIFEST[file]["expected"]
    return found if isinstance(found, list) else [found]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    assert len(WEX_COLUMNS) == 77
    path = write_csv(tmp_path_factory.mktemp("wex") / "export.csv", wex_rows())
    found = taken(built_in()["wex"], path, TOPIC, "America/Chicago")
    assert (found.problems, found.repeated) == ([], [])
    assert [row["source_row"] for row in found.rows] == list(range(2, 15))
    return {(row["provider_txn_id"], row["item_no"]): row for row in found.rows}


def test_there_are_ten_tickets():
    assert len(TICKETS) == 10


@pytest.mark.parametrize("file", TICKETS)
def test_a_ticket_decodes_to_its_expected_values(rows, file):
    for expected in expected_of(file):
        row = rows[expected["txn_id"], expected["line"]]
        assert (row["card_id"], row["vehicle_ref"]) == (expected["card_id"], expected["vehicle_ref"])
        assert (row["ts_local"], row["ts_quality"]) == (expected["txn_time_local"], "site_local")
        at = datetime.fromisoformat(row["ts_local"]).replace(tzinfo=ZoneInfo(row["provider_tz"]))
        assert at == datetime.fromisoformat(expected["txn_time_utc"])
        assert row["posted_date"].isoformat() == expected["posted_date"]
        assert (row["product_code"], row["code_set"]) == (expected["product"], "wex_text")
        assert (float(row["gross"]), float(row["net"])) == (expected["gross"], expected["net"])
        assert row["currency"] == expected["currency"]
        assert (row["odometer_unit"], float(row["odometer_typed"] * METRES_PER_MILE)) == (
            "mi",
            pytest.approx(expected["driver_odometer_m"], abs=0.01),
        )
        litres = row["quantity"] * LITRES[row["unit"]] if row["unit"] in LITRES else None
        is_fuel = expected["kind"] == "fuel_transaction"
        assert litres is None if expected["volume_l"] is None else float(litres) == pytest.approx(expected["volume_l"])
        assert (row["is_fuel"], row["product_family"]) == (is_fuel, FUELS.get(expected["product"]))
        assert ("needs_review" in row["flags"]) == ("needs_review" in expected["flags"])


def test_what_no_field_takes_is_kept_by_the_name_of_its_column(rows):
    assert '"Tank Capacity":"500"' in rows["8629533480", 1]["extra"]


def test_a_discount_that_is_a_line_of_its_own_shows_as_a_difference_of_the_line_it_is_for(rows):
    # 10.6 gal at 2.31 are 24.49; the pump asked 25.02 and the second line takes 0.53 off.
    assert {key: row["flags"] for key, row in rows.items() if row["flags"]} == {
        ("7665725660", 1): "arithmetic",
        ("8784420640", 1): "needs_review",
    }
