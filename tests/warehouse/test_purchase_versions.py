"""Any order of arrival gives the same current version of a purchase."""

import itertools
import random

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ingest.columns import PURCHASES
from ingest.decode import decode
from ingest.received import Received, payload_hash
from tests.builders import empty_warehouse, examples
from tests.ingest.test_decode import NOW_S, received
from warehouse.connection import sql
from warehouse.fuel_lines import replace_lines

LINE = {"v": 1, "provider_txn_id": "A-17", "ts_utc": NOW_S, "card_id": "C1", "currency": "USD", "unit": "gal"}
VERSIONS = st.fixed_dictionaries(
    {"event_type": st.sampled_from(["auth", "auth_reversal", "decline", "clear", "post", "adjust"])},
    optional={
        "seq": st.sampled_from([1, "1", 2, "10", "b"]),
        "posted_date": st.sampled_from(["2026-02-27", "2026-02-28"]),
        "gross": st.sampled_from(["94.43", "94.44"]),
        "item_no": st.sampled_from([1, 2]),
        "source_file": st.sampled_from(["a.csv", "b.csv"]),
        "source_row": st.integers(2, 4),
    },
)


@pytest.fixture(scope="module")
def warehouse():
    with empty_warehouse() as connection:
        connection.execute("create schema if not exists staging; create schema if not exists lake")
        yield connection


def arrived(messages: list[Received]) -> list[Received]:
    """Messages with the receive times and segments of the order they are in."""
    return [
        message._replace(received_us=message.received_us + place, segment_no=1 + place // 2)
        for place, message in enumerate(messages)
    ]


def current(connection: duckdb.DuckDBPyConnection, messages: list[Received]) -> pl.DataFrame:
    rows = pl.DataFrame(decode(arrived(messages), max_age_days=30).purchases)
    assert rows.columns == PURCHASES.schema.names
    connection.sql("create or replace table staging.read_purchases as select * from rows")
    connection.execute(sql("lake/purchases.sql"))
    return mart(connection)


@pytest.mark.campaign
@given(st.lists(st.lists(VERSIONS, min_size=1, max_size=5), min_size=1, max_size=20), st.randoms(use_true_random=False))
@settings(max_examples=examples(6), deadline=None)
def test_versions_in_any_order_and_repeated_have_one_current_version(warehouse, purchases, chance: random.Random):
    messages = [
        received("fc/v1/t1/wex/txn", LINE | version | {"provider_txn_id": f"A-{number}", "card_id": f"C{number}"})
        for number, versions in enumerate(purchases)
        for version in versions
    ]
    expected = current(warehouse, messages)
    shuffled = messages + chance.sample(messages, chance.randint(0, len(messages)))
    chance.shuffle(shuffled)
    assert_frame_equal(current(warehouse, shuffled), expected, check_exact=True)


def test_versions_that_tie_are_told_apart_by_what_they_say_not_by_where_they_were_found(warehouse):
    contents = [{"gross": "94.43"}, {"gross": "94.44"}]
    lineages = [{"source_file": file, "source_row": row} for file in ("a.csv", "z.csv") for row in (2, 7)]
    kept = set()
    for first, second in itertools.product(lineages, lineages):
        pair = [
            received("fc/v1/t1/wex/txn", LINE | {"event_type": "post"} | content | lineage)
            for content, lineage in zip(contents, (first, second), strict=True)
        ]
        row = warehouse_row(warehouse, pair)
        kept.add(row["gross"])
        assert row["version_count"] == 2
        assert "order_unknown" in row["quality_flags"]
    assert len(kept) == 1


def test_a_line_found_in_two_files_is_one_version(warehouse):
    found = [
        received("fc/v1/t1/wex/txn", LINE | {"event_type": "post", "source_file": file, "batch_id": file})
        for file in ("a.csv", "b.csv")
    ]
    assert payload_hash(found[0].payload) != payload_hash(found[1].payload)
    assert warehouse_row(warehouse, found)["version_count"] == 1


def test_the_provider_says_the_order_as_text_or_as_a_number(warehouse):
    versions = [
        received("fc/v1/t1/wex/txn", LINE | {"event_type": "clear", "seq": seq, "gross": f"{gross}"})
        for seq, gross in (("9", 1), (10, 2))
    ]
    row = warehouse_row(warehouse, versions)
    assert row["gross"] == 2
    assert "order_unknown" not in row["quality_flags"]


def mart(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    replace_lines(connection, "UTC", lambda places: [None] * len(places))
    rows = connection.sql(f"{sql('marts/fuel_purchases.sql')} order by all").pl()
    assert rows.height
    return rows


def warehouse_row(connection: duckdb.DuckDBPyConnection, messages: list[Received]) -> dict:
    (row,) = current(connection, messages).to_dicts()
    return row
