"""What the newest lines of a table's log say is what the whole of it says."""

import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

import ingest.reached
from ingest.columns import LAKE_TABLES, POSITIONS
from ingest.lake import load_spool, opened_table
from ingest.reached import NEWEST, TABLES, waiting_segments
from tests.builders import collected, golden_points, positions, settings_in, yesterday_at


def numbers(settings) -> dict[str, list[int]]:
    return {folder.name: [found.number for found in left] for folder, left in waiting_segments(settings).items()}


def commit(settings, spool_id: str, number: int) -> None:
    for table in LAKE_TABLES:
        write_deltalake(
            opened_table(table, settings),
            table.schema.empty_table(),
            mode="append",
            commit_properties=CommitProperties(app_transactions=[Transaction(spool_id, number)]),
        )


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Two spools of two segments each in the lake."""
    settings = settings_in(tmp_path_factory.mktemp("reached"))
    for hour in (15, 16):
        for collector in ("east", "west"):
            collected(settings, [positions(golden_points(yesterday_at(hour)))], collector)
    assert numbers(settings) == {"east": [1, 2], "west": [1, 2]}  # there is no lake yet
    load_spool(settings)
    return settings


def test_the_tables_are_those_of_the_lake():
    assert [table.name for table in LAKE_TABLES] == list(TABLES)


def test_what_is_in_every_table_does_not_wait(loaded, monkeypatch):
    monkeypatch.setattr(ingest.reached, "_told", None)  # the newest lines are enough
    assert numbers(loaded) == {"east": [], "west": []}


def test_a_log_that_is_longer_than_what_is_looked_through_is_read_whole(loaded):
    for number in range(NEWEST + 1):
        commit(loaded, "another", number + 1)
    collected(loaded, [positions(golden_points(yesterday_at(17)))], "east")
    assert numbers(loaded) == {"east": [3], "west": []}
    spool_id = (loaded.spool_dir / "east" / "id").read_text()
    assert DeltaTable(f"{loaded.lake_root}/{POSITIONS.name}").transaction_version(spool_id) == 2
    commit(loaded, spool_id, 3)
    assert numbers(loaded) == {"east": [], "west": []}
