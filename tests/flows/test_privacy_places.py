"""Mails, homes and judgements: the corners where a name or a place outlived its erasure."""

import json
from datetime import date

import pytest

from flows.post.mail import message
from flows.privacy.erasing import mentioned_in
from flows.privacy.proving import in_reports, listed_register
from flows.report.rendered import Report, day_period
from flows.status import later_erasures
from ingest.register import append_entry, register_path
from ingest.tombstones import Tombstone, Tombstones, keyed_digest
from tests.builders import settings_in
from tests.post.delivering import deliver
from tests.warehouse.core_rows import insert
from warehouse.connection import open_warehouse
from warehouse.erasing import erase_coordinates, erase_texts, fill_subject, places_left
from warehouse.subjects import Known, Subject

DAY, NEXT_DAY = date(2026, 2, 26), date(2026, 2, 27)
DRIVER = Subject("t1", "driver", "D7", None, None)
KNOWN = Known([(date.min, date.max)], ["Änne Quodlibet"], [("V1", DAY)], [], [])
KEY = b"k" * 32


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    with open_warehouse(tmp_path_factory.mktemp("places") / "odograph.duckdb") as connection:
        yield connection


def mailed(settings, tenant, day, text):
    """A mail as `odograph report daily --send` writes it: no header says the tenant, and the text is folded."""
    report = Report("daily", tenant, day_period(day), f"Depot nj1 · {day:%a %d %b}", f"<p>{text}</p>", text, {}, {})
    mail = message(report, sender="Odograph <o@example.com>", recipient="Owner <owner@example.com>")
    return deliver([mail], smtp_url=None, mail_dir=settings.mail_dir).files[0]


def test_a_real_mail_of_the_tenant_and_date_is_found_and_verify_reads_what_it_says(tmp_path):
    settings = settings_in(tmp_path)
    text = f"{'ü ' * 60}\nV1, driven by Änne Quodlibet."
    own = mailed(settings, "t1", DAY, text)
    mailed(settings, "t1", NEXT_DAY, "V1 stood")
    mailed(settings, "t1.2", DAY, text)
    assert b"Quodlibet" not in own.read_bytes() or "Änne".encode() not in own.read_bytes()
    assert mentioned_in(settings, DRIVER, KNOWN) == [own]
    names = frozenset(keyed_digest(KEY, "driver", "t1", name) for name in ("D7", "Änne Quodlibet"))
    vans = frozenset([keyed_digest(KEY, "vehicle", "t1", "V1")])
    gone = Tombstones(
        KEY,
        [
            Tombstone("E1", "t1", "driver", names, True, [(date.min, date.max)], {}, frozenset()),
            Tombstone("E2", "t1", "vehicle", vans, False, [(DAY, DAY)], {}, frozenset()),
        ],
    )
    assert list(in_reports(settings, gone)) == [f"{own}: names an erased driver", f"{own}: names an erased vehicle"]
    own.unlink()
    assert list(in_reports(settings, gone)) == []


def test_the_register_is_told_in_words(tmp_path):
    settings = settings_in(tmp_path)
    due = {"data": "positions", "tenant_id": "t1", "before_date": "2026-01-01", "row_count": 7, "byte_count": None}
    facts = {"kind": "driver", "subject": "f" * 32, "tenant_id": "t1", "reason": "request 5"}
    always, until = ["0001-01-01", "9999-12-31"], ["0001-01-01", "2026-02-26"]
    for kind, told in (
        ("expire", {"today": "2026-03-01", "due": [due]}),
        ("retention", {"periods": [["t1", "fuel", 2555, "tax law"]]}),
        ("erase", facts | {"periods": [always]}),
        ("erase", facts | {"periods": [until]}),
    ):
        append_entry(register_path(tmp_path), kind, told, by="ana")
    assert [line.partition("ana: ")[2] for line in listed_register(settings)] == [
        "expired as of 2026-03-01: 7 rows of positions of t1 before 2026-01-01",
        "periods of tenants: fuel of t1 2555 days (tax law)",
        "erasure E3 begun: driver ffffffffffff… of t1, all dates: request 5",
        "erasure E4 begun: driver ffffffffffff… of t1, all up to 2026-02-26: request 5",
    ]


def test_status_names_erasures_that_a_restored_copy_does_not_know(warehouse, tmp_path):
    settings = settings_in(tmp_path)
    append_entry(register_path(tmp_path), "erase", {"reason": "request 5"}, by="ana")
    for made, is_older in (("2999-01-01", False), ("2026-01-01", True)):
        warehouse.execute("delete from core.generation")
        insert(warehouse, "core.generation", published_utc=made)
        found = later_erasures(warehouse, settings)
        assert [("E1 (request 5)" in each.text, each.needs_person) for each in found] == [(True, True)] * is_older


def test_homes_go_with_the_places_of_an_erased_date_and_of_no_other(warehouse):
    home = [{"latitude": 40.805, "longitude": -74.212}]
    for day in (DAY, NEXT_DAY):
        insert(warehouse, "core.place_guards", tenant_id="t1", vehicle_id="V1", service_date=day, homes=home)
    insert(
        warehouse, "core.frozen_dates", tenant_id="t1", vehicle_id="V1", service_date=DAY, why="erased",
        frozen_utc="2026-03-01",
    )  # fmt: skip
    assert places_left(warehouse) == ["core.place_guards"]
    fill_subject(warehouse, DRIVER, KNOWN)
    erase_coordinates(warehouse)
    assert warehouse.execute("select homes from core.place_guards order by service_date").fetchall() == [([],), (home,)]
    assert places_left(warehouse) == []


def test_what_a_purchase_of_others_was_judged_by_forgets_an_erased_van(warehouse):
    for txn, van in (("TX-1", "V1"), ("TX-2", "V12")):
        insert(
            warehouse, "core.fuel_flag_history", tenant_id="t1", provider_txn_id=txn, evidence="{}",
            basis={"version": "1", "vehicle": json.dumps({"vehicle": van}), "positions": "", "rule": ""},
        )  # fmt: skip
    erase_texts(warehouse, Subject("t1", "vehicle", "V1", None, None), KNOWN)
    left = warehouse.execute("select provider_txn_id, basis is null from core.fuel_flag_history order by 1").fetchall()
    assert left == [("TX-1", True), ("TX-2", False)]
