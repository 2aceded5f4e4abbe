"""Positions straight from files are those that come through the warehouse."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.measuring import chunks, portion_size
from flows.measuring.chunks import portions
from flows.settings import Settings
from ingest.columns import LAKE_TABLES, POSITIONS
from ingest.lake import sorted_rows
from tests.builders import empty_warehouse, examples
from warehouse.lake import LakeTableFiles, attach_lake
from warehouse.work import VehicleDate

pytestmark = pytest.mark.campaign

DAY = date(2026, 3, 8)  # clocks change in New York
NOON_MS = int(datetime(2026, 3, 8, 12, tzinfo=UTC).timestamp() * 1000)
ZONES = ("America/New_York", "Pacific/Auckland", "Asia/Kathmandu")
VANS = ("v1", "v2", "d1", "d2", "d3", "device:d1")


@pytest.fixture(scope="module")
def warehouse():
    with empty_warehouse() as connection:
        yield connection


def lake_of(folder, parts: list[list[dict[str, Any]]]) -> dict[str, LakeTableFiles]:
    """A lake with these positions, each part in files of its own; row groups are small."""
    paths = []
    for number, rows in enumerate(parts):
        table = sorted_rows(pa.Table.from_pylist(rows, schema=POSITIONS.schema), POSITIONS)
        for fix_date in sorted(set(table["fix_date"].to_pylist())):
            path = folder / f"fix_date={fix_date}" / f"part-{number}.parquet"
            path.parent.mkdir(exist_ok=True)
            of_date = table.filter(pa.compute.equal(table["fix_date"], fix_date)).drop_columns(["fix_date"])
            pq.write_table(of_date, path, row_group_size=7)
            paths.append(str(path))
    return {
        table.name: LakeTableFiles(
            0, paths if table is POSITIONS else [], False, table.partition_by, pl.DataFrame(table.schema.empty_table())
        )
        for table in LAKE_TABLES
    }


def by_van(connection, lake, plain: bool, fast_from: int) -> dict[tuple, dict[str, Any]]:
    """Everything a kernel reads, and what was counted, for each vehicle-date."""
    wanted = [VehicleDate("t1", vehicle_id, DAY) for vehicle_id in VANS]
    line = Settings(_env_file=None, timezone="America/New_York", plain=plain)  # type: ignore[call-arg]
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "FAST_FROM_POINTS", fast_from)
        patch.setattr(portion_size, "CHUNK_POINTS", 40)
        for portion in portions(connection, lake, line, DAY, wanted):
            for group, name in enumerate(portion.day.names):
                assert name not in found
                found[name] = of_group(portion, group) | {
                    "guarded": connection.execute(
                        "select arg_min(place, fix_ms), arg_max(place, fix_ms)"
                        " from (select *, (latitude_e7, longitude_e7) as place from ranked_positions)"
                        " where copy_rank = 1 and quality = 'good' and latitude_e7 is not null and vehicle_id = $van",
                        {"van": name[2]},
                    ).fetchall()
                }
    return found


def of_group(portion, group: int) -> dict[str, Any]:
    day = portion.day
    first, end = day.track.starts[group], day.track.starts[group + 1]
    rows = slice(int(first), int(end))
    track = {name: value[rows] for name, value in day.track._asdict().items() if name != "starts"}
    routes = day.message_route[rows].to_list() if len(day.message_route) else [None] * int(end - first)
    counters = {}
    for name, counter in (("fuel", day.fuel), ("energy", day.energy)):
        counters[f"{name}_step"] = counter.step[rows]
        counters[f"{name}_in_all"], counters[f"{name}_sigma"] = counter.in_all[group], counter.sigma[group]
        for end, row in (("first", counter.first_row[group]), ("last", counter.last_row[group])):
            counters[f"{name}_{end}"] = row - first if row >= 0 else row
    counted = portion.chunk.counts.filter(pl.col("vehicle_id") == day.names[group][2]).drop("flags").row(0)
    flags = portion.chunk.counts.filter(pl.col("vehicle_id") == day.names[group][2])["flags"].to_list()[0]
    return {
        **track,
        **counters,
        **{name: value[group] for name, value in day.limits._asdict().items()},
        **{f"depot_{name}": value[group] for name, value in day.depots._asdict().items()},
        **{name: getattr(day, name)[rows] for name in ("pto", "has_fix", "is_exact", "level_pct")},
        **{
            name: getattr(day, name)[group]
            for name in ("has_can", "several_devices", "devices_apart", "median_interval_s", "tank_l")
        },
        "routes": routes,
        "counted": counted,
        "flags": sorted(flags or []),
    }


def assert_same(found: dict[tuple, dict[str, Any]], expected: dict[tuple, dict[str, Any]]) -> None:
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        for key, value in values.items():
            if key == "counted":
                # SQL may add the parts of a quantile in another order: the delays are equal to twelve digits.
                assert found[name][key] == tuple(
                    pytest.approx(part, rel=1e-12) if isinstance(part, float) else part for part in value
                ), name
            elif isinstance(value, list):
                assert found[name][key] == value, (name, key)
            else:
                np.testing.assert_array_equal(found[name][key], value, err_msg=f"{name} {key}")


def position(device: str, fix_ms: int, seq: int, **given: Any) -> dict[str, Any]:
    digest = hash((device, fix_ms, seq, *sorted(given.items()))) >> 8
    return {
        "tenant_id": "t1", "device_id": device, "fix_ms": fix_ms, "latitude_e7": 407000000 + seq, "longitude_e7": -seq,
        "fix_date": datetime.fromtimestamp(fix_ms / 1000, UTC).date(), "speed_ckmh": seq * 10, "ignition": True,
        "boot": 1, "seq": seq, "quality": "good", "flags": "", "source_format": "native", "point_index": 0,
        "spool_id": "main", "segment_no": 1, "payload_hash": digest, "received_us": fix_ms * 1000 + 2_000_000,
    } | given  # fmt: skip


GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "latitude_e7": st.none(),
        "speed_ckmh": st.none() | st.integers(0, 9_000),
        "ignition": st.none() | st.booleans(),
        "rpm": st.integers(0, 3_000),
        "pto": st.booleans(),
        "charging": st.booleans(),
        "battery_mv": st.integers(11_000, 14_500),
        "odometer_m": st.integers(0, 10**9),
        "fuel_cpct": st.integers(0, 10_000),
        "fuel_ml": st.integers(0, 80_000),
        "fuel_used_ml": st.integers(0, 10**6),
        "energy_out_wh": st.integers(0, 10**6),
        "accuracy_dm": st.integers(0, 2_000),
        "quality": st.sampled_from(("good", "low")),
        "flags": st.sampled_from(("", "clock_fixed", "a,b", "thinned")),
        "route_id": st.sampled_from(("R1", "R2")),
        "source_format": st.sampled_from(("native", "owntracks")),
        "received_us": st.integers(NOON_MS * 1000, NOON_MS * 1000 + 10**8),
    },
)
TIMES = st.integers(-40, 50).map(lambda steps: NOON_MS + steps * 1_800_000) | st.integers(0, 40).map(
    lambda seconds: NOON_MS + 1000 * seconds
)
POSITION = st.builds(
    lambda device, fix_ms, seq, given: position(device, fix_ms, seq, **given),
    st.sampled_from(("d1", "d2", "d3")),
    TIMES,
    st.integers(0, 3),
    GIVEN,
)
INSTANTS = st.integers(-20, 30).map(lambda hours: datetime(2026, 3, 8, 12) + timedelta(hours=hours, milliseconds=hours))
SPANS = st.lists(
    st.tuples(st.sampled_from(("d1", "d2")), st.sampled_from(("v1", "v2")), INSTANTS, INSTANTS), max_size=3
)


@given(
    rows=st.lists(POSITION, min_size=1, max_size=60),
    cut=st.integers(0, 60),
    repeats=st.lists(st.integers(0, 59), max_size=3),
    spans=SPANS,
    zones=st.tuples(st.sampled_from(ZONES), st.sampled_from(ZONES)),
    window=st.none() | st.tuples(INSTANTS, INSTANTS),
)
@settings(deadline=None, max_examples=examples(12))
def test_any_positions_are_read_alike(warehouse, tmp_path_factory, rows, cut, repeats, spans, zones, window):
    rows = [*rows, *(rows[number] for number in repeats if number < len(rows))]
    lake = lake_of(tmp_path_factory.mktemp("lake"), [part for part in (rows[:cut], rows[cut:]) if part])
    told(warehouse, spans, zones, window)
    attach_lake(warehouse, lake, "America/New_York")
    expected = by_van(warehouse, lake, plain=True, fast_from=0)
    assert_same(by_van(warehouse, lake, plain=False, fast_from=0), expected)


def told(connection: duckdb.DuckDBPyConnection, spans, zones, window) -> None:
    """Fill the dimensions: who carried which device, where vans belong, and one plan's window."""
    for name in ("assignments", "depots", "vehicles", "plan_windows", "device_dates"):
        connection.execute(f"delete from core.{name}")
    for number, zone in enumerate(zones):
        connection.execute(
            "insert into core.depots (tenant_id, depot_id, timezone, latitude, longitude)"
            " values ('t1', $id, $zone, 1, 2)",
            {"id": f"p{number}", "zone": zone},
        )
        connection.execute(
            "insert into core.assignments (tenant_id, kind, id, vehicle_id, subject_id, from_utc, to_utc) values"
            " ('t1', 'depot', $id, $van, $van, $at, '9999-12-31')",
            {"id": f"p{number}", "van": ("v1", "d3")[number], "at": datetime(2026, 3, 8, 2 + number)},
        )
    taken: dict[str, datetime] = {}
    for device, vehicle, one, other in spans:
        first, last = min(one, other), max(one, other)
        first = max(first, taken.get(device, first))
        if first < last:
            taken[device] = last
            connection.execute(
                "insert into core.assignments (tenant_id, kind, id, vehicle_id, subject_id, from_utc, to_utc) values"
                " ('t1', 'device', $device, $van, $device, $first, $last)",
                {"device": device, "van": vehicle, "first": first, "last": last},
            )
    if window is not None and window[0] != window[1]:
        connection.execute(
            "insert into core.plan_windows by name select 't1' as tenant_id, 'v1' as vehicle_id, $day as service_date,"
            " $first as from_utc, $last as planned_to_utc, $last as latest_utc, $last as to_utc",
            {"day": DAY, "first": min(window), "last": max(window)},
        )
