"""Flags open, change, close and come back with a reason; what people said of them stays."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import duckdb
import pytest

from tests.warehouse.core_rows import rows_taken_back
from tests.warehouse.fuel_rows import AWAY, PRESENCE, Purchase, Rows, add_fleet, after, buy, warehouse_of_rules
from warehouse.connection import KEPT_TABLES, ensure_schema
from warehouse.fuel_exceptions import evaluate_rules
from warehouse.fuel_reviews import NoSuchFlag, NoSuchPurchase, SeveralPurchases, record_review
from warehouse.fuel_rules import Threshold, listed_rules

MISMATCH = {"match_state": "mismatch"}
ELSEWHERE = Purchase(presence=AWAY, match=MISMATCH)
START = datetime(2026, 2, 27, 6)
FLAG = "provider_txn_id = 'P1' and rule_id = 'F4'"


@pytest.fixture(scope="module")
def shared() -> duckdb.DuckDBPyConnection:
    return warehouse_of_rules()


@pytest.fixture
def empty(shared) -> Iterator[duckdb.DuckDBPyConnection]:
    with rows_taken_back(shared):
        yield shared


@pytest.fixture
def warehouse(empty):
    return holding(empty, ELSEWHERE)


def holding(warehouse: duckdb.DuckDBPyConnection, *purchases: Purchase) -> duckdb.DuckDBPyConnection:
    rows = Rows()
    add_fleet(rows)
    for purchase in purchases:
        buy(rows, purchase)
    rows.put_into(warehouse)
    evaluate_rules(warehouse, now=START)
    return warehouse


def evaluated(warehouse: duckdb.DuckDBPyConnection, hours: int) -> None:
    evaluate_rules(warehouse, now=START + timedelta(hours=hours))


def history(warehouse: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    return warehouse.execute(
        f"select change, why, state from core.fuel_flag_history where {FLAG} order by changed_utc"
    ).fetchall()


def state(warehouse: duckdb.DuckDBPyConnection) -> list[tuple[str]]:
    return warehouse.execute(f"select state from marts.fuel_exceptions where {FLAG}").fetchall()


def van_was_there(warehouse: duckdb.DuckDBPyConnection, metres: float = 12.0) -> None:
    found = "match" if metres < 250 else "mismatch"
    warehouse.execute(
        "update core.fuel_presence set nearest_10_m = $m, nearest_15_m = $m, nearest_60_m = $m, day_nearest_m = $m",
        {"m": metres},
    )
    warehouse.execute("update marts.fuel_purchases set match_state = ?", [found])


def explained(warehouse: duckdb.DuckDBPyConnection, hours: int = 1, **given: object) -> None:
    said = {"reviewer": "Ana", "note": "lent to V2"} | given
    record_review(warehouse, "P1", "F4", "explained", now=START + timedelta(hours=hours), **said)


def test_without_news_a_second_evaluation_notes_nothing(warehouse):
    before = warehouse.sql("select * exclude (evaluated_utc) from marts.fuel_exceptions").pl()
    evaluated(warehouse, 1)
    assert history(warehouse) == [("opened", "first evaluation", "open")]
    assert warehouse.sql("select * exclude (evaluated_utc) from marts.fuel_exceptions").pl().equals(before)
    [row] = warehouse.execute("select first_opened_utc, evaluated_utc from marts.fuel_exceptions").fetchall()
    assert row == (START, START + timedelta(hours=1))


def test_late_positions_close_a_flag_and_more_of_them_open_it_again(warehouse):
    van_was_there(warehouse)
    evaluated(warehouse, 1)
    assert state(warehouse) == []
    van_was_there(warehouse, 9_000)
    evaluated(warehouse, 2)
    assert history(warehouse) == [
        ("opened", "first evaluation", "open"),
        ("closed", "late GPS", "open"),
        ("reopened", "late GPS", "open"),
    ]
    assert warehouse.execute(f"select first_opened_utc from marts.fuel_exceptions where {FLAG}").fetchall() == [
        (START,)
    ]


def test_a_later_version_closes_a_flag(warehouse):
    warehouse.execute("update core.fuel_lines set line_kind = 'void', event_type = 'auth_reversal', version_count = 2")
    evaluated(warehouse, 1)
    assert history(warehouse)[1:] == [("closed", "later version", "open")]


def test_another_threshold_closes_a_flag(warehouse):
    wider = [
        rule._replace(thresholds=rule.thresholds | {"probable_m": Threshold(7_000, "m")})
        if rule.rule_id == "F4"
        else rule
        for rule in listed_rules()
    ]
    evaluate_rules(warehouse, wider, START + timedelta(hours=1))
    assert history(warehouse)[1:] == [("closed", "rule version", "open")]


def test_what_is_none_of_these_is_other(warehouse):
    warehouse.execute("update core.fuel_lines set geo_quality = 'city'")
    evaluated(warehouse, 1)
    assert history(warehouse)[1:] == [("closed", "other", "open")]


def test_a_card_that_was_another_vans_closes_a_flag(warehouse):
    warehouse.execute("update core.fuel_lines set vehicle_id = 'V2'")
    warehouse.execute("update core.fuel_presence set vehicle_id = 'V2', nearest_15_m = 12, nearest_60_m = 12")
    evaluated(warehouse, 1)
    assert history(warehouse)[1:] == [("closed", "assignment", "open")]


def test_a_review_stays_when_everything_is_evaluated_again(warehouse):
    explained(warehouse)
    assert state(warehouse) == [("explained",)]
    evaluated(warehouse, 2)
    row = warehouse.execute(
        f"select state, reviewer, note, reviewed_utc from marts.fuel_exceptions where {FLAG}"
    ).fetchone()
    assert row == ("explained", "Ana", "lent to V2", START + timedelta(hours=1))
    assert history(warehouse)[1:] == [("reviewed", "review", "explained")]


def test_a_closed_flag_comes_back_in_the_state_of_its_review(warehouse):
    explained(warehouse)
    van_was_there(warehouse)
    evaluated(warehouse, 2)
    van_was_there(warehouse, 9_000)
    evaluated(warehouse, 3)
    assert [row[0] for row in history(warehouse)] == ["opened", "reviewed", "closed", "reopened"]
    assert state(warehouse) == [("explained",)]


def test_evidence_that_changed_after_a_review_is_noted_and_the_state_kept(warehouse):
    explained(warehouse)
    van_was_there(warehouse, 2_000)
    evaluated(warehouse, 2)
    assert history(warehouse)[2:] == [("changed", "late GPS", "explained")]
    evaluated(warehouse, 3)
    assert len(history(warehouse)) == 3
    assert state(warehouse) == [("explained",)]


def test_evidence_that_reads_the_same_is_no_change(warehouse):
    van_was_there(warehouse, 6_801.0)  # 4.2 mi as before
    evaluated(warehouse, 1)
    assert history(warehouse) == [("opened", "first evaluation", "open")]


def test_the_clearing_of_a_provisional_flag_is_a_change(empty):
    line = {"line_kind": "pending", "event_type": "auth", "quantity": None, "quantity_l": None, "is_final": False}
    warehouse = holding(empty, ELSEWHERE._replace(line=line))
    warehouse.execute("update core.fuel_lines set line_kind = 'fill', event_type = 'clear', version_count = 2")
    evaluated(warehouse, 1)
    assert history(warehouse) == [("opened", "first evaluation", "open"), ("changed", "later version", "open")]
    assert warehouse.execute(f"select is_provisional from marts.fuel_exceptions where {FLAG}").fetchall() == [(False,)]


def test_the_last_review_counts_and_open_is_one(warehouse):
    explained(warehouse)
    record_review(warehouse, "P1", "F4", "confirmed", reviewer="Ben", note="asked", now=START + timedelta(hours=2))
    evaluated(warehouse, 3)
    assert state(warehouse) == [("confirmed",)]
    record_review(warehouse, "P1", "F4", "open", reviewer="Ben", note=None, now=START + timedelta(hours=4))
    evaluated(warehouse, 5)
    assert state(warehouse) == [("open",)]


def test_what_cannot_be_reviewed_is_said(warehouse):
    with pytest.raises(NoSuchPurchase, match="no purchase 'P9'"):
        record_review(warehouse, "P9", "F4", "explained", reviewer="Ana", note="x")
    with pytest.raises(NoSuchFlag, match="F1 has no flag on P1; flags of it: F4"):
        record_review(warehouse, "P1", "F1", "explained", reviewer="Ana", note="x")
    with pytest.raises(ValueError, match="state='fine'"):
        record_review(warehouse, "P1", "F4", "fine", reviewer="Ana", note="x")


def test_of_several_lines_with_one_id_the_right_one_must_be_named(empty):
    warehouse = holding(
        empty, ELSEWHERE, ELSEWHERE._replace(key={"provider": "voyager"}, line={"card_id": "c2", "site_id": "S2"})
    )
    with pytest.raises(SeveralPurchases, match="P1 names 2 lines; say which by --tenant, --provider and --item"):
        explained(warehouse)
    explained(warehouse, provider="voyager")
    rows = warehouse.execute("select provider, state from marts.fuel_exceptions where rule_id = 'F4' order by all")
    assert rows.fetchall() == [("voyager", "explained"), ("wex", "open")]


def test_reviews_and_history_survive_a_change_of_the_schema():
    warehouse = holding(warehouse_of_rules(), ELSEWHERE)  # its own: all else is dropped
    explained(warehouse)
    assert {"fuel_reviews", "fuel_flag_history"} <= set(KEPT_TABLES)
    warehouse.execute("update core.schema_stamp set digest = 'older'")
    ensure_schema(warehouse)
    assert warehouse.execute("select state, note from core.fuel_reviews").fetchall() == [("explained", "lent to V2")]
    assert [row[0] for row in history(warehouse)] == ["opened", "reviewed"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_rows_changes_nothing(shared, seed):
    purchases = [
        Purchase(
            {"at_utc": after(minutes), "quantity": 9, "card_id": card, "vehicle_id": van},
            {"vehicle_id": van, **away},
            MISMATCH if away else {},
            {"provider_txn_id": f"P{number}"},
            others=({**PRESENCE, "is_assigned": False, "vehicle_id": "V3", "nearest_10_m": 50.0},)
            if number % 2
            else (),
        )
        for number, (minutes, card, van, away) in enumerate(
            (10 * n % 70, f"c{n % 3}", f"V{n % 3}", AWAY if n % 4 == 0 else {}) for n in range(24)
        )
    ]
    shuffled = random.Random(seed).sample(purchases, len(purchases))
    tables = []
    for those in (purchases, shuffled):
        with rows_taken_back(shared):
            tables.append(flags(holding(shared, *those)))
    assert len(tables[0]) > 20
    assert tables[0] == tables[1]


def flags(warehouse: duckdb.DuckDBPyConnection) -> list[tuple]:
    return warehouse.execute("from marts.fuel_exceptions order by all").fetchall()


def test_a_flag_closes_when_no_line_is_left_at_all(warehouse):
    assert state(warehouse) == [("open",)]
    warehouse.execute("delete from core.fuel_lines")
    evaluated(warehouse, hours=1)
    assert state(warehouse) == []
    assert [change for change, _, _ in history(warehouse)] == ["opened", "closed"]
