"""What files tell of new rows is what SQL counts."""

from datetime import datetime, timedelta

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.measuring import arrived
from flows.measuring.arrived import told_by_files
from tests.builders import empty_warehouse, examples
from tests.flows.test_points import NOON_MS, ZONES, lake_of, position, told
from warehouse.arrived import NewRows
from warehouse.lake import attach_lake
from warehouse.work import _reopen_resolved, absorb

pytestmark = pytest.mark.campaign

NOTED = ("reopened", "devices", "device_dates", "absorbed", "plan_windows")
BETWEEN = ("new_quarters", "newest_positions", "heard_quarters")
NEAR = st.integers(-25, 25).map(lambda steps: datetime(2026, 3, 8, 12) + timedelta(seconds=100 * steps))
CARRIED = st.lists(
    st.tuples(st.sampled_from(("d1", "d2")), st.sampled_from(("v1", "v2")), NEAR, NEAR), min_size=1, max_size=3
)
ROW = st.builds(
    lambda device, fix_ms, seq, **given: position(device, fix_ms, seq, **given),
    st.sampled_from(("d1", "d1", "d2")),
    # Crowded, so that rows share quarters, seconds and instants, and vans change among them; or on another date.
    st.integers(-9, 9).map(lambda steps: NOON_MS + steps * 100_500)
    | st.integers(0, 8).map(lambda steps: NOON_MS + 400 * steps)
    | st.sampled_from((NOON_MS, NOON_MS + 20 * 3_600_000)),
    st.integers(0, 2),
    backlog=st.sampled_from((None, False, True)),
    flags=st.sampled_from(("", "", "", "thinned")),
    spool_id=st.sampled_from(("main", "other")),
    segment_no=st.integers(1, 4),
    received_us=st.integers(NOON_MS * 1000, NOON_MS * 1000 + 10**8),
    ignition=st.sampled_from((None, False, True)),
    latitude_e7=st.none() | st.integers(0, 10),
)


@pytest.fixture(scope="module")
def warehouse():
    with empty_warehouse() as connection:
        yield connection


@given(
    rows=st.lists(ROW, min_size=20, max_size=50),
    cut=st.integers(0, 50),
    repeats=st.lists(st.integers(0, 49), max_size=3),
    reached=st.dictionaries(st.sampled_from(("main", "gone")), st.integers(0, 3), max_size=2),
    spans=CARRIED,
    window=st.none() | st.tuples(NEAR, NEAR, st.integers(1, 9)),
)
@settings(deadline=None, max_examples=examples(5))
def test_any_new_rows_are_noted_alike(warehouse, tmp_path_factory, rows, cut, repeats, reached, spans, window):
    rows = [*rows, *(rows[number] for number in repeats if number < len(rows))]
    lake = lake_of(tmp_path_factory.mktemp("lake"), [part for part in (rows[:cut], rows[cut:]) if part])
    told(warehouse, spans, ZONES[:2], window and window[:2])
    if window is not None:
        late = timedelta(minutes=7 * window[2])
        warehouse.execute("update core.plan_windows set latest_utc = to_utc + $late", {"late": late})
    attach_lake(warehouse, lake, "America/New_York")
    warehouse.execute("create or replace temp table windows as from core.plan_windows")
    expected = noted(warehouse, lake, reached, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrived, "FAST_FROM_ROWS", 0)
        assert noted(warehouse, lake, reached, told_by_files) == expected


def noted(connection, lake, reached: dict[str, int], way) -> dict[str, list[tuple]]:
    """What is written down of new rows, and what stands in between."""
    for name in ("reopened", "devices", "device_dates", "absorbed", "plan_windows"):
        connection.execute(f"delete from core.{name}")
    connection.execute("insert into core.plan_windows from windows")
    for spool_id, segment_no in reached.items():
        connection.execute("insert into core.absorbed values ($spool, $no)", {"spool": spool_id, "no": segment_no})
    absorb(connection, "America/New_York", lake, way)
    tables = [*(f"core.{name}" for name in NOTED), *BETWEEN]
    found = {name: rows_of(connection, name) for name in tables}
    if found["core.absorbed"] != sorted(reached.items()):
        by_quarter = [row for row in found["core.reopened"] if "positions" in row]
        assert of_each_row(connection) == by_quarter
    return found


def rows_of(connection, name: str) -> list[tuple]:
    columns = sorted(row[0] for row in connection.execute(f"describe {name}").fetchall() if row[0] != "noted_utc")
    return connection.execute(f"select {', '.join(columns)} from {name} order by all").fetchall()


def of_each_row(connection) -> list[tuple]:
    """The vehicle-dates of new rows, asked one by one."""
    connection.execute("delete from core.reopened")
    _reopen_resolved(connection, "new_positions", "positions", "America/New_York")
    return rows_of(connection, "core.reopened")


def test_vans_that_change_within_a_quarter_are_told_apart(warehouse, tmp_path, monkeypatch):
    monkeypatch.setattr(arrived, "FAST_FROM_ROWS", 0)
    rows = [position("d1", NOON_MS + 60_000 * minute, 0, segment_no=minute + 1) for minute in range(15)]
    lake = lake_of(tmp_path, [rows])
    changes = [datetime(2026, 3, 8, 12, minute) for minute in (0, 5, 9)]
    told(warehouse, [("d1", "v1", *changes[:2]), ("d1", "v2", *changes[1:])], ZONES[:2], None)
    attach_lake(warehouse, lake, "America/New_York")
    warehouse.execute("create or replace temp table windows as from core.plan_windows")
    for way in (None, told_by_files):
        noted(warehouse, lake, {}, way)
        found = warehouse.execute("select vehicle_id, first_segment_no, last_segment_no from core.reopened order by 1")
        assert found.fetchall() == [("d1", 10, 15), ("v1", 1, 5), ("v2", 6, 9)]


def test_a_repeat_in_another_file_is_counted_once(warehouse, tmp_path, monkeypatch):
    monkeypatch.setattr(arrived, "FAST_FROM_ROWS", 0)
    rows = [position("d1", NOON_MS + 1000 * second, 0) for second in range(20)]
    lake = lake_of(tmp_path, [rows, rows[3:5], [position("d1", NOON_MS + 30_000, 0)]])
    attach_lake(warehouse, lake, "America/New_York")
    for way in (None, told_by_files):
        warehouse.execute("create or replace temp table windows as from core.plan_windows limit 0")
        found = noted(warehouse, lake, {}, way)
        assert found["core.device_dates"] == [(0, "d1", rows[0]["fix_date"], 21, "t1")]


def test_what_files_cannot_tell_is_left_to_sql(tmp_path, monkeypatch):
    rows = [position(device, NOON_MS + 1000 * second, 0) for second in range(500) for device in ("d1", "d2")]
    files = lake_of(tmp_path, [rows])["positions"].files
    assert told_by_files(NewRows(files, files, {})) is None, "too few to be worth it"
    monkeypatch.setattr(arrived, "FAST_FROM_ROWS", 0)
    assert told_by_files(NewRows(["s3://lake/fix_date=2026-03-08/a"], [*files, "s3://lake/a"], {})) is None
    found = told_by_files(NewRows(files, files, {}))
    assert found is not None
    assert found.date_quarters["position_count"].sum() == found.date_quarters["second_count"].sum() == len(rows)
    table = pq.read_table(files[0], partitioning=None)
    mixed = files[0].replace("part-0", "part-1")
    pq.write_table(table.sort_by([("fix_ms", "ascending"), ("device_id", "ascending")]), mixed)
    assert told_by_files(NewRows([mixed], [mixed], {})) is None, "out of order"
