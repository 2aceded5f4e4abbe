"""Several machines write one lake in a store: nothing is there twice, and nothing is lost."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

import ingest.compaction
import ingest.lake
from ingest.columns import LAKE_TABLES
from ingest.commits import only_on_top
from ingest.compaction import compact
from ingest.lake import lake_rows, load_spool
from tests.builders import collected, golden_points, in_warehouse, positions, rebuilt, settings_in, yesterday_at

pytestmark = pytest.mark.campaign

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hosts(tmp_path, bucket):
    """Settings of two machines with one lake and one place where segments are handed over."""
    return [
        settings_in(tmp_path / name, lake_url=f"{bucket}/lake", spool_url=f"{bucket}/spool") for name in ("one", "two")
    ]


def sealed(settings, hours, collector: str = "main") -> None:
    for hour in hours:
        collected(settings, [positions(golden_points(yesterday_at(hour)), collector)], collector)


def same_spool(hosts) -> None:
    """Give both machines the very same segments, as if both had fetched them."""
    one, two = hosts
    sealed(one, range(1, 7))
    two.spool_dir.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-r", str(one.spool_dir), str(two.spool_dir)], check=True)


def test_two_processes_that_load_the_same_segments_at_once_load_each_once(hosts, monkeypatch):
    same_spool(hosts)
    code = (
        "import sys, ingest.lake; ingest.lake.GROUP_SEGMENTS = 1\n"  # as many commits as there are segments
        "from flows.settings import Settings\n"
        "settings = Settings.read(); ingest.lake.lake_files(settings)\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(ingest.lake.load_spool(settings).positions)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | {"ODOGRAPH_DATA_DIR": str(host.data_dir), "ODOGRAPH_LAKE_URL": str(host.lake_url)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for host in hosts
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert lake_rows(hosts[0])["positions"] == 6 * 16
    table = DeltaTable(f"{hosts[0].lake_root}/positions")
    assert len(set(table.to_pyarrow_table()["segment_no"].to_pylist())) == 6


def test_a_loader_that_comes_second_adds_what_the_first_did_not_bring(hosts, monkeypatch):
    """The second decodes segments 1 to 6 at once; the first brings 1 to 3 before it commits."""
    same_spool(hosts)
    one, two = hosts
    for number in range(4, 7):
        (one.spool_dir / "main" / f"{number:012d}.parquet").unlink()
    append, seen = ingest.lake._append, []

    def comes_second(table, handle, rows, spool_id, last):
        if table.name == "positions" and not seen:
            seen.append(table.name)
            monkeypatch.setattr(ingest.lake, "_append", append)
            load_spool(one)
        append(table, handle, rows, spool_id, last)

    monkeypatch.setattr(ingest.lake, "_append", comes_second)
    load_spool(two)
    assert seen == ["positions"]
    assert lake_rows(two)["positions"] == 6 * 16


def test_a_commit_is_good_only_on_top_of_the_version_it_was_decided_on(hosts):
    """Also where delta-rs would see no conflict: the other brought segments of another spool."""
    handle = ingest.lake.opened_table(LAKE_TABLES[0], hosts[0])
    late = DeltaTable(handle.table_uri)
    rows = LAKE_TABLES[0].schema.empty_table()
    ingest.lake._append(LAKE_TABLES[0], handle, rows, "east", 3)
    given = {"mode": "append", "commit_properties": only_on_top([Transaction("west", 1)])}
    with pytest.raises(CommitFailedError):
        write_deltalake(late, rows, **given)
    late.update_incremental()
    write_deltalake(late, rows, **given)


def test_rows_that_are_loaded_while_files_are_merged_stay(hosts, monkeypatch):
    one, two = hosts
    sealed(one, (1, 2, 3), "east")
    load_spool(one)
    sealed(one, (4,), "east")
    load_spool(one)
    sealed(two, (5,), "west")
    written, times = ingest.compaction._written, []

    def loaded_meanwhile(rows, table, partition, scratch):
        merged = written(rows, table, partition, scratch)
        times.append(partition)
        if len(times) == 1:
            load_spool(two)
        return merged

    monkeypatch.setattr(ingest.compaction, "_written", loaded_meanwhile)
    before = lake_rows(one)["positions"]
    compact(one, datetime.now(UTC).date() + timedelta(days=1))
    assert lake_rows(one)["positions"] == before + 16
    assert len(times) > len(set(times))  # the one that lost was done again
    table = DeltaTable(f"{one.lake_root}/positions")
    assert len(table.file_uris()) == len(table.partitions())


def test_tables_that_two_machines_make_at_once_are_made(hosts):
    with ThreadPoolExecutor(2) as both:
        made = list(both.map(lake_rows, hosts))
    assert made[0] == made[1] == dict.fromkeys(made[0], 0)


def test_two_warehouses_over_one_lake_show_the_same(hosts):
    one, two = hosts
    sealed(one, (1, 15), "east")
    sealed(two, (17,), "west")
    load_spool(one)
    for host in (two, one):
        rebuilt(host)
    shown = [in_warehouse(host, "from marts.vehicle_days order by all") for host in hosts]
    assert shown[0].height > 0
    assert shown[0].equals(shown[1])
