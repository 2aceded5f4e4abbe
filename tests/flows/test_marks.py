"""What a run of the ledger says of itself beside its state: power take-off, and whether its fixes prove its place."""

import shutil

import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from flows.refresh import refresh
from flows.upkeep import upkeep
from ingest.columns import POSITIONS
from tests.builders import (
    collected,
    golden_points,
    in_warehouse,
    positions,
    published,
    rebuilt,
    settings_in,
    yesterday_at,
)


def runs(settings, columns: str) -> list[tuple]:
    return in_warehouse(settings, f"select {columns} from core.ledger order by started_utc").rows()


def golden(start_s: float, **more: dict[int, object]) -> list[dict[str, object]]:
    """The golden trace, with further values for some of its rows: `golden(t, pto={7: True})`."""
    points = golden_points(start_s)
    for name, values in more.items():
        for row, value in values.items():
            points[row] |= {name: value}
    return points


def measured(folder, points):
    settings = settings_in(folder)
    collected(settings, [positions(points)])
    rebuilt(settings)
    return settings


def test_the_ledger_splits_where_the_power_take_off_goes_on_or_off(tmp_path):
    settings = measured(tmp_path, golden(yesterday_at(15), pto={6: False, 7: True, 8: 1}))
    idle = in_warehouse(
        settings, "select duration_us / 1e6 as s, is_pto from core.ledger where state = 'idle' order by started_utc"
    )
    assert idle.rows() == [(120, False), (30, False), (150, True), (60, False), (180, False)]
    assert in_warehouse(settings, "select count(*) from lake.positions where pto").item() == 2
    assert in_warehouse(settings, "select idle_s, pto_s from marts.vehicle_days").row(0) == (540, 150)


def test_silence_says_nothing_of_the_power_take_off(tmp_path):
    settings = measured(tmp_path, golden(yesterday_at(15), pto={11: True, 12: True}))
    assert runs(settings, "state, is_pto")[5:] == [("unknown", False), ("idle", True), ("idle", False), ("off", False)]


def test_a_run_is_of_full_quality_when_all_its_fixes_are_exact_and_there_is_one(tmp_path):
    """The run of 240 s, rows 6 to 9, of one van for each case."""
    cases = [
        ({}, True),
        ({"acc_m": {7: 50.0}}, True),
        ({"acc_m": {7: 50.1}}, False),
        ({"hdop": {9: 5.5}}, False),  # Q2
        ({"lat": {8: 41.9}}, False),  # Q4: a jump
        ({"nofix": {8: True}}, True),  # no fix is no bad fix
        ({"nofix": dict.fromkeys(range(6, 10), True)}, False),  # nothing but the speed is known
        ({"acc_m": {5: 80.0, 10: 80.0}}, True),  # the fixes before and after are not its own
    ]
    settings = settings_in(tmp_path)
    start = yesterday_at(15)
    collected(settings, [positions(golden(start, **more), f"d{case}") for case, (more, _) in enumerate(cases)])
    rebuilt(settings)
    found = in_warehouse(
        settings,
        "select is_full_quality from core.ledger where state = 'idle' and duration_us = 240e6 order by vehicle_id",
    )
    assert found["is_full_quality"].to_list() == [expected for _, expected in cases]


@pytest.mark.campaign
def test_a_lake_begun_without_a_column_is_read_and_goes_on(tmp_path):
    settings = measured(tmp_path, golden_points(yesterday_at(15)))
    _forget_column(settings, "pto")
    settings.warehouse_path.unlink()
    rebuilt(settings)  # nothing has arrived since
    assert in_warehouse(settings, "select count(*), count(pto) from lake.positions").row(0) == (16, 0)
    assert not any(is_pto for (is_pto,) in runs(settings, "is_pto"))

    collected(settings, [positions([{"ts": yesterday_at(9), "seq": 99, "lat": 40.7, "lon": -74.0, "pto": True}])])
    rebuilt(settings)
    assert in_warehouse(settings, "select count(*), count(pto) from lake.positions").row(0) == (17, 1)
    upkeep(settings)
    refresh(settings, full=True)
    assert published(settings, "select count(*), count(pto) from lake.positions").row(0) == (17, 1)


def _forget_column(settings, name: str) -> None:
    """Write the lake's positions anew as a version that did not know this column did."""
    where = f"{settings.lake_root}/positions"
    handle = DeltaTable(where)
    rows = handle.to_pyarrow_table().select(POSITIONS.schema.names).drop_columns([name])
    (spool_id,) = set(rows["spool_id"].to_pylist())
    last = handle.transaction_version(spool_id)
    shutil.rmtree(where)
    write_deltalake(
        where,
        rows,
        partition_by=[POSITIONS.partition_by],
        commit_properties=CommitProperties(app_transactions=[Transaction(spool_id, last)]),
    )
