"""Upkeep makes things smaller and takes nothing that is still needed."""

import os
import re
import time
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

import flows.upkeep
from flows.cli import app
from flows.loading import load, merge_scattered
from flows.refresh import refresh
from flows.upkeep import shrink, upkeep
from ingest.lake import lake_files, lake_rows
from tests.builders import collected, golden_points, in_warehouse, positions, published, settings_in, yesterday_at
from warehouse.connection import open_database


def test_compaction_changes_no_number_and_readers_of_the_old_copy_still_read(tmp_path, monkeypatch):
    settings = settings_in(tmp_path)
    points = golden_points(yesterday_at(15))
    for first in range(0, 16, 4):
        collected(settings, [positions(points[first : first + 4])])
        load(settings)
    refresh(settings)
    before = published(settings, "from marts.vehicle_days")
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path))
    said = CliRunner().invoke(app, ["upkeep"]).output
    assert re.search(
        r"lake: [3-9] small files merged, 0 replaced files deleted\nwarehouse: \d+\.\d MB, 0.0 MB given back", said
    )
    assert len(lake_files(settings)["positions"].files) == 1
    assert published(settings, "select count(*) from lake.positions").item() == 16
    done = refresh(settings, full=True)
    assert done.published
    assert published(settings, "from marts.vehicle_days").equals(before)


def test_a_past_date_that_lies_scattered_is_merged_before_it_is_measured(tmp_path, monkeypatch):
    settings = settings_in(tmp_path)
    for point in golden_points(yesterday_at(15)):
        collected(settings, [positions([point])])
        load(settings)
    monkeypatch.setattr("flows.measuring.portion_size.CHUNK_POINTS", 3)
    told = []
    merge_scattered(settings, lambda *said: told.append(said))  # 5 portions of 16 files: each row 5 times
    assert told == []
    assert len(lake_files(settings)["positions"].files) == 16
    monkeypatch.setattr("flows.measuring.portion_size.CHUNK_POINTS", 2)
    collected(settings, [positions(golden_points(yesterday_at(16))[:1])])
    refresh(settings, progress=lambda *said: told.append(said))
    assert ("merge", 1, 1) in told
    assert len(lake_files(settings)["positions"].files) == 1
    assert published(settings, "select count(*) from lake.positions").item() == 17
    assert published(settings, "select sum(received_count) from core.vehicle_dates").item() == 17


def test_today_is_not_merged_however_scattered(tmp_path, monkeypatch):
    settings = settings_in(tmp_path)
    monkeypatch.setattr("flows.measuring.portion_size.CHUNK_POINTS", 1)
    now = datetime.now(UTC)
    for latitude in range(9):
        collected(settings, [positions([{"ts": now.timestamp(), "lat": latitude, "lon": 2}])])
        load(settings)
    today = [path for path in lake_files(settings)["positions"].files if now.date().isoformat() in path]
    assert len(today) == 9


@pytest.mark.campaign
def test_old_segments_expire_once_they_are_in_the_lake(tmp_path):
    settings = settings_in(tmp_path)
    points = golden_points(yesterday_at(15))
    collected(settings, [positions(points[:8])])
    load(settings)
    collected(settings, [positions(points[8:])])
    folder = settings.spool_dir / "main"
    month_ago = time.time() - 31 * 86_400
    for path in folder.glob("*.parquet"):
        os.utime(path, (month_ago, month_ago))
    assert upkeep(settings).expired_segments == 1
    assert len(list(folder.glob("*.parquet"))) == 1
    load(settings)
    assert lake_rows(settings)["positions"] == 16


def test_a_full_spool_gives_up_its_oldest_loaded_segments_first(tmp_path):
    settings = settings_in(tmp_path, spool_max_gb=1e-9)
    points = golden_points(yesterday_at(15))
    collected(settings, [positions(points[:8])])
    load(settings)
    collected(settings, [positions(points[8:])])
    assert upkeep(settings).expired_segments == 1
    load(settings)
    assert lake_rows(settings)["positions"] == 16


def test_a_warehouse_of_which_most_was_deleted_gives_its_blocks_back_and_keeps_its_rows(tmp_path, monkeypatch):
    settings = settings_in(tmp_path)
    with open_database(settings.warehouse_path) as warehouse:
        warehouse.execute("insert into core.tenants (tenant_id, name) values ('t1', 'One')")
        warehouse.execute("create table core.much as select random() as one from range(10_000_000)")
    assert shrink(settings.warehouse_path) == 0
    with open_database(settings.warehouse_path) as warehouse:
        warehouse.execute("drop table core.much; checkpoint; create table core.last as select 1 as one")
    monkeypatch.setattr(flows.upkeep, "WORTH_BYTES", 1 << 20)
    before = settings.warehouse_path.stat().st_size
    assert shrink(settings.warehouse_path) > before / 2
    assert in_warehouse(settings, "select tenant_id, name from core.tenants").rows() == [("t1", "One")]
