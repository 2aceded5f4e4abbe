"""A lake in an S3-compatible store gives the tables that a lake in a folder gives, and its errors are one line each."""

import os
import shutil

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from flows.backup.taking import take_backup
from flows.opening import opened_line
from flows.querying import QueryFailed, ask, open_locked
from flows.refresh import is_news, refresh
from flows.settings import Settings
from flows.upkeep import upkeep
from ingest.columns import LAKE_TABLES
from ingest.commits import LakeChanged
from ingest.expiry import partitions, replace_partition
from ingest.lake import load_spool, opened_table
from ingest.settings import SettingsError
from ingest.stores import StoreFailed, files_at
from tests.builders import collected, golden_points, message, positions, settings_in, yesterday_at
from warehouse.lake_store import store_at

pytestmark = pytest.mark.campaign

TABLES = ("lake.positions", "lake.rejects", "core.ledger", "marts.vehicle_days", "marts.stops")


def three_days(settings: Settings) -> None:
    """Positions of two vans on two days, a repeat, and a message that is no JSON; in two spools."""
    for hour, collector in ((15, "east"), (17, "west")):
        messages = [positions(golden_points(yesterday_at(hour) - 86_400 * back), f"d{back}") for back in (0, 1)]
        collected(settings, [*messages, messages[0], message("tm/v1/t1/d1/pos", b"{")], collector)


@pytest.fixture(scope="module")
def pair(new_bucket, tmp_path_factory):
    """The same messages through a lake in a folder and through one in a store, refreshed."""
    folder = tmp_path_factory.mktemp("stores")
    local = settings_in(folder / "local")
    three_days(local)
    remote = settings_in(folder / "remote", lake_url=f"{new_bucket('fleet')}/odograph/lake")
    shutil.copytree(local.spool_dir, remote.spool_dir)
    for settings in (local, remote):
        refresh(settings)
    return local, remote


@pytest.mark.parametrize("table", TABLES)
def test_a_lake_in_a_store_gives_equal_tables(pair, table):
    local, remote = (ask(settings, f"from {table} order by all").rows for settings in pair)
    assert local.height > 0
    assert local.equals(remote)


def test_after_a_refresh_there_is_no_news(pair):
    _, remote = pair
    done = refresh(remote)
    assert (done.loaded.messages, done.rebuilt, done.published) == (0, [], False)


def test_a_copy_made_for_a_lake_in_a_folder_is_news_once_the_lake_is_in_a_store(pair):
    local, remote = pair
    assert not is_news(local)
    assert is_news(local.model_copy(update={"lake_url": remote.lake_url}))


@pytest.mark.parametrize(
    "path",
    [
        "{root}/../../secret.csv",
        "{root}/positions/../../../secret.csv",
        "{bucket}/secret.csv",
        "/etc/passwd",
        "{root}//secret.csv",
    ],
)
def test_a_query_reads_nothing_but_the_lake(pair, path):
    _, remote = pair
    bucket = remote.lake_root.removesuffix("/odograph/lake")
    files, where = files_at(bucket)
    with files.open_output_stream(f"{where}/secret.csv") as secret:
        secret.write(b"word\nhush\n")
    with open_locked(remote.published_path, remote.lake_root) as published:
        assert published.execute("select count(*) from lake.positions").fetchall() == [(64,)]
        with pytest.raises(duckdb.Error):
            published.execute(f"from read_csv('{path.format(root=remote.lake_root, bucket=bucket)}')").fetchall()


def test_an_analyst_cannot_write_into_the_lake(pair):
    _, remote = pair
    with (
        open_locked(remote.published_path, remote.lake_root) as published,
        pytest.raises(duckdb.Error, match="read only"),
    ):
        published.execute(f"copy (select 1) to '{remote.lake_root}/planted.parquet'")


def test_upkeep_merges_and_forgets_in_a_store_as_in_a_folder(pair):
    done = [upkeep(settings) for settings in pair]
    assert done[0].merged > 0
    assert done[0] == done[1]
    merged = [opened_table(LAKE_TABLES[0], settings) for settings in pair]
    assert {len(handle.file_uris()) for handle in merged} == {len(merged[0].partitions())}
    rows = [pl.DataFrame(handle.to_pyarrow_table()).sort(pl.all()) for handle in merged]
    assert rows[0].equals(rows[1])


def test_a_backup_says_that_the_lake_is_not_in_it(pair, tmp_path):
    _, remote = pair
    taken = take_backup(remote, tmp_path, keep=1)
    assert taken.lake_url == remote.lake_url
    assert not [path for path in taken.folder.rglob("*") if "positions" in str(path)]


@pytest.fixture
def waiting(tmp_path, bucket):
    """Settings with a lake in an empty bucket and one message that waits for it."""
    settings = settings_in(tmp_path, lake_url=f"{bucket}/lake")
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    return settings


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"AWS_ACCESS_KEY_ID": "stolen"}, "does not know this key: correct AWS_ACCESS_KEY_ID"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "does not answer: is it up, and is AWS_ENDPOINT_URL right?"),
        ({"AWS_ALLOW_HTTP": "false"}, "AWS_ALLOW_HTTP=true allows it"),
        ({"bucket": "gone"}, "there is no such bucket"),
    ],
)
def test_what_is_wrong_with_a_store_is_said_in_one_line_and_nothing_is_lost(waiting, monkeypatch, wrong, said):
    asked = waiting
    for name, value in wrong.items():
        if name == "bucket":
            asked = waiting.model_copy(update={"lake_url": f"s3://nobody-made-{value}/lake"})
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(StoreFailed, match=said) as failed:
        load_spool(asked)
    assert "\n" not in str(failed.value)
    monkeypatch.undo()
    assert load_spool(waiting).positions == 16


def test_a_store_in_which_one_writer_overwrites_another_is_refused(new_bucket, tmp_path):
    settings = settings_in(tmp_path, lake_url=f"{new_bucket('careless')}/lake")
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    with pytest.raises(StoreFailed, match="conditional writes"):
        load_spool(settings)


def test_a_query_of_a_store_that_is_away_says_so_and_marts_still_answer(pair, monkeypatch):
    _, remote = pair
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        store_at.cache_clear()  # a process that begins now
        assert ask(remote, "select count(*) from marts.vehicle_days").rows.item() > 0
        with pytest.raises(QueryFailed, match=r"^the store at s3://.* cannot be read: NETWORK_CONNECTION") as failed:
            ask(remote, "select count(*) from lake.positions")
        assert "\n" not in str(failed.value)
    store_at.cache_clear()


def test_rows_of_a_partition_that_another_machine_wrote_meanwhile_are_not_replaced(waiting):
    load_spool(waiting)
    positions_table = LAKE_TABLES[0]
    handle = opened_table(positions_table, waiting)
    (day,) = partitions(waiting, positions_table)
    rows = handle.to_pyarrow_table()
    read = handle.file_uris()
    collected(waiting, [positions(golden_points(yesterday_at(15)), "d2")])
    load_spool(waiting)
    with pytest.raises(LakeChanged):
        replace_partition(waiting, positions_table, day, rows.to_reader(), read)
    assert DeltaTable(f"{waiting.lake_root}/positions").to_pyarrow_table().num_rows == 32


def test_a_data_directory_that_was_copied_reads_the_lake_of_its_settings(pair, new_bucket, tmp_path):
    """Its warehouse notes the store of the first one, as that of a restored backup may."""
    _, remote = pair
    shutil.copytree(remote.data_dir, tmp_path / "copy", symlinks=True)
    moved = settings_in(tmp_path / "copy", lake_url=f"{new_bucket('moved')}/lake")
    load_spool(moved)
    with opened_line(moved) as opened:
        assert opened.warehouse.execute("select count(*) from staging.read_positions").fetchall() == [(96,)]


@pytest.mark.parametrize("url", ["gs://bucket/lake", "s3://", "s3://b", "s3://bucket/../other", "s3://bucket/a?b=c"])
def test_a_url_that_is_no_store_we_know_is_refused_at_the_start(url, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_LAKE_URL", url)
    with pytest.raises(SettingsError, match="expected s3://bucket/prefix"):
        Settings.read()


def test_keys_in_the_env_file_reach_the_clients_of_stores(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("AWS_REGION=eu-west-3\nAWS_PROFILE=fleet\nODOGRAPH_TIMEZONE=Europe/Paris\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    assert Settings.read().timezone == "Europe/Paris"
    assert (os.environ["AWS_REGION"], os.environ.pop("AWS_PROFILE")) == ("us-west-2", "fleet")
