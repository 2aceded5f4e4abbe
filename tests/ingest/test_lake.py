"""Segments reach the lake once, and every tool that reads Delta finds them there."""

from datetime import UTC, date, datetime, timedelta

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from deltalake import ColumnProperties, DeltaTable, WriterProperties, write_deltalake

import ingest.lake
from ingest.columns import LAKE_TABLES, POSITIONS
from ingest.compaction import compact
from ingest.lake import lake_files, load_spool, writer_properties
from ingest.listing import is_written_since, spool_folders
from ingest.reached import waiting_segments
from ingest.scanned import Scanners
from tests.builders import collected, golden_points, message, positions, settings_in, yesterday_at


def rows(settings, table: str = "positions") -> int:
    return DeltaTable(f"{settings.lake_root}/{table}").to_pyarrow_table().num_rows


@pytest.fixture
def settings(tmp_path):
    return settings_in(tmp_path)


def test_a_segment_is_loaded_once(settings):
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    assert load_spool(settings).positions == 16
    assert load_spool(settings).messages == 0
    assert rows(settings) == 16


def test_a_spool_tells_by_its_folder_whether_files_came(settings):
    assert not is_written_since(settings.spool_dir, 0)
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    (folder,) = spool_folders(settings.spool_dir)
    written_ns = folder.stat().st_mtime_ns
    assert is_written_since(settings.spool_dir, written_ns - 1)
    load_spool(settings)
    assert not is_written_since(settings.spool_dir, written_ns)


def test_few_messages_are_read_before_compiled_code_is_loaded_and_many_by_it(settings, monkeypatch):
    asked = []

    def scanner(payloads):
        asked.append(payloads.begins.size)
        raise ValueError("not today")

    by = Scanners(native=scanner, packed=scanner)
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    load_spool(settings, scanners=by)
    assert (asked, rows(settings)) == ([], 16)
    many = [positions(golden_points(yesterday_at(16)))] * 200  # which few sealed bytes say as well
    collected(settings, many)
    load_spool(settings, scanners=by)
    assert (asked, rows(settings)) == ([200], 201 * 16)


def test_repeats_are_kept_in_the_lake(settings):
    collected(settings, [positions(golden_points(yesterday_at(15)))] * 2)
    load_spool(settings)
    assert rows(settings) == 32


def test_a_load_that_dies_between_two_tables_is_finished_without_repeats(settings, monkeypatch):
    collected(settings, [positions(golden_points(yesterday_at(15))), message("tm/v1/t1/d1/pos", b"{")])
    write = ingest.lake.write_deltalake

    def dies_at_the_rejects(handle, *given, **more):
        if "rejects" in handle.table_uri:
            raise KeyboardInterrupt
        write(handle, *given, **more)

    monkeypatch.setattr(ingest.lake, "write_deltalake", dies_at_the_rejects)
    with pytest.raises(KeyboardInterrupt):
        load_spool(settings)
    assert len(next(iter(waiting_segments(settings).values()))) == 1
    monkeypatch.undo()
    collected(settings, [positions(golden_points(yesterday_at(16)))])
    load_spool(settings)
    assert (rows(settings), rows(settings, "rejects")) == (32, 1)


def test_two_spools_are_told_apart(settings):
    for collector in ("east", "west"):
        collected(settings, [positions(golden_points(yesterday_at(15)))], collector)
    load_spool(settings)
    table = DeltaTable(f"{settings.lake_root}/positions").to_pyarrow_table()
    assert len(set(table["spool_id"].to_pylist())) == 2
    assert table.num_rows == 32


def test_a_spool_that_was_thrown_away_and_begun_anew_is_loaded_again(settings):
    for _ in range(2):
        collected(settings, [positions(golden_points(yesterday_at(15)))])
        load_spool(settings)
        for path in (settings.spool_dir / "main").iterdir():
            path.unlink()
    assert rows(settings) == 32


def test_rows_lie_in_the_partition_of_their_utc_fix_date(settings):
    midnight = yesterday_at(0)
    points = [{"ts": midnight + shift, "lat": 1, "lon": 2} for shift in (-1, 1)]
    collected(settings, [positions(points)])
    load_spool(settings)
    partitions = {found["fix_date"] for found in DeltaTable(f"{settings.lake_root}/positions").partitions()}
    assert len(partitions) == 2


def test_compaction_keeps_every_row_sorted_in_one_file_a_date(settings):
    points = golden_points(yesterday_at(15))
    for point in reversed(points):
        collected(settings, [positions([point])])
        load_spool(settings)
    assert len(lake_files(settings)["positions"].files) == 16
    before = rows(settings)
    assert compact(settings, datetime.now(UTC).date()) >= 15
    assert rows(settings) == before
    files = lake_files(settings)["positions"].files
    assert len(files) == 1
    fix_ms = pl.read_parquet(files[0])["fix_ms"]
    assert fix_ms.is_sorted()
    load_spool(settings)
    assert rows(settings) == before


def test_a_merged_file_says_which_columns_have_a_value_in_every_row_and_takes_rows_without(settings):
    """Such columns are read in half the time; the table goes on allowing rows without."""
    points = golden_points(yesterday_at(15))
    for first in (0, 1):
        collected(settings, [positions([point | {"spd_kmh": 30} for point in points[first::2]])])
        load_spool(settings)
    assert compact(settings, datetime.now(UTC).date()) > 0
    required = required_columns(settings)
    assert {"tenant_id", "device_id", "fix_ms", "speed_ckmh", "received_us"} <= required
    assert "odometer_m" not in required

    later = golden_points(yesterday_at(16))[:3]
    collected(settings, [positions([{name: point[name] for name in ("ts", "lat", "lon")} for point in later])])
    load_spool(settings)
    before = pl.read_delta(f"{settings.lake_root}/positions").sort(pl.all())
    assert before["speed_ckmh"].null_count() == 3
    assert compact(settings, datetime.now(UTC).date()) > 0
    assert pl.read_delta(f"{settings.lake_root}/positions").sort(pl.all()).equals(before)
    assert required_columns(settings) == required - {"speed_ckmh", "ignition", "seq"}


def test_no_column_is_marked_where_a_file_does_not_tell(settings):
    for hour in (15, 17):
        collected(settings, [positions(golden_points(yesterday_at(hour)))])
        load_spool(settings)
    compact(settings, datetime.now(UTC).date())
    assert required_columns(settings)
    table = DeltaTable(f"{settings.lake_root}/positions")
    untold = WriterProperties(default_column_properties=ColumnProperties(statistics_enabled="NONE"))
    write_deltalake(table, table.to_pyarrow_table(), mode="append", writer_properties=untold)
    compact(settings, datetime.now(UTC).date())
    assert rows(settings) == 64
    assert required_columns(settings) == set()


def test_rows_are_deleted_from_files_with_the_mark_and_without(settings):
    points = golden_points(yesterday_at(15))
    for first in (0, 1):
        collected(settings, [positions(points[first::2])])
        load_spool(settings)
    compact(settings, datetime.now(UTC).date())
    collected(settings, [positions([{name: points[0][name] for name in ("ts", "lat", "lon")}], device="d2")])
    load_spool(settings)
    table = DeltaTable(f"{settings.lake_root}/positions")
    table.delete("seq < 10 or device_id = 'd2'", writer_properties=writer_properties(POSITIONS))
    found = pl.read_delta(f"{settings.lake_root}/positions")
    assert sorted(found["seq"].to_list()) == [10, 11, 12, 13, 14, 15]
    assert found["device_id"].unique().to_list() == ["d1"]


def required_columns(settings):
    (path,) = lake_files(settings)["positions"].files
    schema = pq.ParquetFile(path).schema
    return {
        schema.column(index).name for index in range(len(schema.names)) if not schema.column(index).max_definition_level
    }


def test_a_sender_is_in_few_row_groups_of_what_was_loaded(settings, monkeypatch):
    monkeypatch.setattr("ingest.lake.LOADED_GROUP_ROWS", 16)
    collected(settings, [positions(golden_points(yesterday_at(15)), device=device) for device in ("c", "a", "b")])
    load_spool(settings)
    (path,) = lake_files(settings)["positions"].files
    file = pq.ParquetFile(path)
    senders = [file.read_row_group(number)["device_id"].unique().to_pylist() for number in range(file.num_row_groups)]
    assert senders == [["a"], ["b"], ["c"]]


# Three files of 24, 20 and 20 rows: one too large for a run and a run of two, or two runs.
@pytest.mark.parametrize(("merged_rows", "ranges"), [(20, 4), (40, 2)])
def test_a_date_that_is_merged_in_ranges_of_senders_is_the_one_merged_at_once(
    settings, monkeypatch, merged_rows, ranges
):
    points = golden_points(yesterday_at(15))
    for first in range(3):
        collected(
            settings,
            [
                positions(points[first::3], device=device, tenant=tenant)
                for tenant in ("t2", "t1")
                for device in ("b", "a")
            ],
        )
        load_spool(settings)
    before = pl.read_delta(f"{settings.lake_root}/positions").sort(pl.all())
    monkeypatch.setattr("ingest.merging.MERGED_ROWS", merged_rows)
    assert compact(settings, datetime.now(UTC).date()) > 0
    assert pl.read_delta(f"{settings.lake_root}/positions").sort(pl.all()).equals(before)
    (path,) = lake_files(settings)["positions"].files
    keys = list(pl.read_parquet(path)["tenant_id", "device_id", "fix_ms"].iter_rows())
    assert keys == sorted(keys)
    assert len(keys) == 64
    assert pq.ParquetFile(path).num_row_groups == ranges
    assert not list(settings.data_dir.glob("merging-*"))


def test_rejects_of_which_nobody_knows_the_sender_are_merged_as_well(settings, monkeypatch):
    for tenant in ("t1", "t2"):
        bad = [message(f"tm/v1/{tenant}/d{number}/pos", b"{") for number in range(3)]
        collected(settings, [*bad, message("nobody", f"not of {tenant}".encode())])
        load_spool(settings)
    rejects = DeltaTable(f"{settings.lake_root}/rejects")
    before = sorted(map(str, rejects.to_pyarrow_table().to_pylist()))
    assert len(before) == 8
    assert before[0] != before[1]
    monkeypatch.setattr("ingest.merging.MERGED_ROWS", 3)
    assert compact(settings, datetime.now(UTC).date() + timedelta(days=1)) > 0
    rejects.update_incremental()
    assert sorted(map(str, rejects.to_pyarrow_table().to_pylist())) == before


def test_today_is_left_alone_by_compaction(settings):
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    load_spool(settings)
    assert compact(settings, date(2020, 1, 1)) == 0


def test_positions_are_stored_small_and_delta_encoded(settings):
    start = yesterday_at(3)
    points = [
        {"ts": start + number, "lat": 40 + number * 1e-5, "lon": -74 + number * 1e-5, "spd_kmh": 30, "ign": True}
        for number in range(500)
    ]
    collected(settings, [positions([p | {"ts": p["ts"] + 500 * n} for p in points]) for n in range(40)])
    load_spool(settings)
    files = lake_files(settings)["positions"].files
    with duckdb.connect() as connection:
        encodings = dict(
            connection.execute(
                "select path_in_schema, any_value(encodings) from parquet_metadata($files) group by 1",
                {"files": files},
            ).fetchall()
        )
    for name in ("fix_ms", "latitude_e7", "longitude_e7"):
        assert "DELTA_BINARY_PACKED" in encodings[name]


def test_every_table_has_the_columns_it_says(settings):
    load_spool(settings)
    for table in LAKE_TABLES:
        found = DeltaTable(f"{settings.lake_root}/{table.name}").schema().to_arrow()
        assert [field.name for field in found] == table.schema.names
    assert POSITIONS.partition_by == "fix_date"
