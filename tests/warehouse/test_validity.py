"""Of a dimension with validity ranges the row of the service date counts, everywhere; ranges never overlap."""

import re
from datetime import date, datetime, timedelta

import pytest

from flows.importing import run_import
from flows.refresh import refresh
from tests.builders import collected, empty_warehouse, golden_points, positions, published, settings_in, yesterday_at
from tests.warehouse.core_rows import DAY, VanDay, insert, local, rows_taken_back
from warehouse.connection import sql
from warehouse.dimension_columns import DIMENSIONS
from warehouse.dimensions import ImportRefused, Taken, import_dimension, read_dimension
from warehouse.lake import resolved
from warehouse.models import build_day

BEFORE = DAY - timedelta(days=1)


@pytest.fixture(scope="module")
def prepared():
    with empty_warehouse() as connection:
        connection.execute(
            "create view staging.dated_rejects as select null::varchar as tenant_id, null::varchar as vehicle_id,"
            " null::varchar as reason, 0 as seen_count, null::date as service_date where false"
        )
        yield connection


@pytest.fixture
def warehouse(prepared):
    """An empty warehouse; what a test writes is gone after it."""
    with rows_taken_back(prepared):
        yield prepared


def take(connection, folder, name: str, text: str) -> Taken:
    path = folder / f"{name}.csv"
    path.write_text(text)
    return import_dimension(connection, DIMENSIONS[name], path, "UTC")


def refused(connection, folder, name: str, text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(ImportRefused) as raised:
        take(connection, folder, name, text)
    return raised.value.problems


def unread(folder, name: str, text: str) -> list[tuple[int | None, str]]:
    path = folder / f"{name}.csv"
    path.write_text(text)
    with pytest.raises(ImportRefused) as raised:
        read_dimension(DIMENSIONS[name], path)
    return raised.value.problems


def test_rows_of_one_thing_follow_each_other_and_never_overlap(warehouse, tmp_path):
    header = "tenant_id,depot_id,timezone,wage_per_h,valid_from,valid_to\n"
    assert take(warehouse, tmp_path, "depots", header + "t1,D,UTC,20,,2026-03-01\nt1,D,UTC,21,2026-03-01,\n") == (
        2,
        0,
        0,
    )
    wages = warehouse.sql(
        "select day::date, wage_per_h::int from range(date '2026-02-28', date '2026-03-02', interval 1 day) as d (day),"
        " lateral (select wage_per_h from staging.depot_ranges where day >= from_date and day < to_date) order by 1"
    ).fetchall()
    assert wages == [(date(2026, 2, 28), 20), (date(2026, 3, 1), 21)]
    problems = refused(warehouse, tmp_path, "depots", header + "t1,E,UTC,9,,\nt1,D,UTC,22,2026-02-01,2026-02-02\n")
    assert problems == [(2, "valid_from: t1/D already has a row that is valid from the beginning to 2026-03-01")]
    assert warehouse.sql("select count(*) from core.depots").fetchall() == [(2,)]


def test_bad_values_and_overlaps_are_listed_in_one_go(warehouse, tmp_path):
    text = (
        "tenant_id,driver_id,name,valid_from,valid_to\n"
        "t1,D1,Rowan Wren,2026-01-01,\nt1,D1,Rowan Lark,2026-02-01,\n"
        "t1,D2,Elm Kite,2026-03-01,2026-02-28\n,D3,Oak Jay,x,\n"
    )
    problems = refused(warehouse, tmp_path, "drivers", text)
    assert [row_no for row_no, _ in problems] == [2, 3, 4, 4]  # an overlap within the file is the later row's
    already = (
        "valid_from: t1/D1 already has a row that is valid from 2026-01-01 and has no valid_to, which it needs too"
    )
    assert problems[0][1] == already
    assert problems[1][1] == "valid_to: not after valid_from"


def test_a_row_that_should_never_have_been_is_taken_back_by_one_that_ends_where_it_begins(warehouse, tmp_path):
    header = "tenant_id,driver_id,name,valid_from,valid_to\n"
    take(warehouse, tmp_path, "drivers", header + "t1,D1,Rowan Wren,,2026-03-01\nt1,D1,Rowan Lark,2062-03-01,\n")
    right = header + "t1,D1,,2062-03-01,2062-03-01\nt1,D1,Rowan Lark,2026-03-01,\nt1,D1,,2026-02-01,2026-02-01\n"
    for removed in (1, 0):
        assert take(warehouse, tmp_path, "drivers", right) == (1, 2, removed)
        found = warehouse.sql("select name, valid_from from core.drivers order by valid_from nulls first").fetchall()
        assert found == [("Rowan Wren", None), ("Rowan Lark", date(2026, 3, 1))]
    header = "tenant_id,kind,id,vehicle_id,from_utc,to_utc\n"
    for to, expected in (("", (1, 0, 0)), ("2026-01-01", (0, 1, 1))):
        assert take(warehouse, tmp_path, "assignments", f"{header}t1,device,d1,V1,2026-01-01,{to}\n") == expected
    assert warehouse.sql("from core.assignments").fetchall() == []


def test_a_file_without_ranges_replaces_its_rows_as_ever(warehouse, tmp_path):
    for name in ("Rowan Wren", "Rowan Lark"):
        take(warehouse, tmp_path, "drivers", f"tenant_id,driver_id,name\nt1,D1,{name}\n")
    assert warehouse.sql("select name, valid_from, valid_to from core.drivers").fetchall() == [
        ("Rowan Lark", None, None)
    ]


def test_the_number_of_a_card_is_neither_taken_nor_repeated(warehouse, tmp_path):
    text = "tenant_id,card_id,last4,status\nt1,4111 1111 1111 1111,1111,active\nt1,card-7,12a4,active\n"
    problems = refused(warehouse, tmp_path, "cards", text)
    assert "whole card number" in problems[0][1]
    assert "4111 1111" not in problems[0][1]
    assert problems[1] == (2, "last4='12a4': expected four digits")


NUMBER = "4111 1111 1111 1111"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("assignments", f"tenant_id,kind,id,vehicle_id\nt1,card,{NUMBER},V1\n"),
        ("assignments", f"tenant_id,kind,id,vehicle_id\nt1,driver,{NUMBER.replace(' ', '')},V1\n"),
        ("assignments", f"tenant_id,kind,id,vehicle_id\nt1,driver,D1,{NUMBER}\n"),
        ("cards", f"tenant_id,card_id,last4\nt1,card-7,{NUMBER}\n"),
        ("drivers", f"tenant_id,driver_id\nt1,{NUMBER.replace(' ', '-')}\n"),
        ("drivers", f"tenant_id,driver_id,name\nt1,D1,Rowan Wren (card {NUMBER})\n"),
        ("vehicles", "tenant_id,vehicle_id\nt1,378282246310005\n"),
        ("timeclock", "tenant_id,driver_id,service_date,clock_in_utc,clock_out_utc\n"
         f"t1,{NUMBER},2026-02-26,2026-02-26T09:00,2026-02-26T19:00\n"),
    ],
)  # fmt: skip
def test_a_whole_card_number_is_refused_wherever_one_could_stand(tmp_path, name, text):
    ((row_no, reason),) = unread(tmp_path, name, text)
    assert row_no == 1
    assert "1111" in reason or "0005" in reason
    assert not re.search("(4111|3782)", reason)


def test_a_tracker_keeps_its_number_and_other_columns_hide_those_of_cards(warehouse, tmp_path):
    imei = "356938035643809"  # passes the check of card numbers as well
    header = "tenant_id,device_id,model,IMEI,note\n"
    take(warehouse, tmp_path, "devices", f"{header}t1,{imei},FMC003,{imei},card {NUMBER}\n")
    take(warehouse, tmp_path, "vehicles", f"tenant_id,vehicle_id\nt1,{imei}\n")
    take(warehouse, tmp_path, "assignments", f"tenant_id,kind,id,vehicle_id\nt1,device,{imei},{imei}\n")
    (found,) = warehouse.sql(
        "select device_id, extra ->> 'IMEI', extra ->> 'note' from core.registered_devices"
    ).fetchall()
    assert found == (imei, imei, "card **** **** **** 1111")


@pytest.mark.parametrize("name", [name for name, kind in DIMENSIONS.items() if kind.columns[0].name == "tenant_id"])
def test_a_tenant_that_can_be_no_level_of_a_topic_and_no_file_is_a_row_error(tmp_path, name):
    names = ["../evil", "ac/me", "*", "+", "a" * 129, ".hidden", "a b"]
    header = ",".join(column.name for column in DIMENSIONS[name].columns if column.is_required)
    text = "".join(f"{tenant_id}{',' * header.count(',')}\n" for tenant_id in names)
    found = [row_no for row_no, reason in unread(tmp_path, name, f"{header}\n{text}") if reason[:10] == "tenant_id="]
    assert found == list(range(1, len(names) + 1))


def test_the_status_of_a_van_is_one_of_four_however_it_is_said(warehouse, tmp_path):
    said = ["Active", "in service", "MAINTENANCE", "Service", "out-of-service", "broken", "Sold", ""]
    text = "".join(f"t1,V{number},{status}\n" for number, status in enumerate(said))
    take(warehouse, tmp_path, "vehicles", f"tenant_id,vehicle_id,status\n{text}")
    kept = [status for (status,) in warehouse.sql("select status from core.vehicles order by vehicle_id").fetchall()]
    workshop, out = ["workshop"] * 2, ["out_of_service"] * 2
    assert kept == ["active", "active", *workshop, *out, "sold", None]
    assert take(warehouse, tmp_path, "vehicles", "tenant_id,vehicle_id,status\nt1,V1,repair\n")
    ((row_no, reason),) = unread(tmp_path, "vehicles", "tenant_id,vehicle_id,status\nt1,V1,resting\n")
    assert (row_no, reason[:26]) == (1, "status='resting': expected")
    assert "workshop (or maintenance, in maintenance" in reason


def test_a_tenant_says_how_it_counts_and_reads(warehouse, tmp_path):
    header = "tenant_id,name,timezone,currency,units,locale,week_start\n"
    take(warehouse, tmp_path, "tenants", header + "t1,Northwind,America/Chicago,usd,metric,en_US,Monday\n")
    row = warehouse.sql("select currency, units, week_start from core.tenants_on(current_date)").fetchall()
    assert row == [("USD", "metric", "monday")]
    problems = refused(warehouse, tmp_path, "tenants", header + "t2,,Mars,dollars,si,English,someday\n")
    assert len(problems) == 5


def test_the_zone_is_that_of_the_depots_row_else_of_the_tenant(warehouse):
    for start, end, zone in ((None, DAY, "UTC"), (DAY, None, "America/Los_Angeles")):
        insert(
            warehouse, "core.depots", tenant_id="t1", depot_id="D", timezone=zone, valid_from=start, valid_to=end,
        )  # fmt: skip
    insert(warehouse, "core.tenants", tenant_id="t1", timezone="Asia/Tokyo")
    insert(
        warehouse, "core.assignments", tenant_id="t1", kind="depot", id="D", vehicle_id="V1", subject_id="V1",
        from_utc=datetime(1970, 1, 1), to_utc=datetime(9999, 12, 31),
    )  # fmt: skip
    warehouse.execute(
        "create temp table fixes as select tenant_id, device_id, at_utc from (values ('t1', 'V1'), ('t1', 'V2'),"
        " ('t2', 'V1')) as vans (tenant_id, device_id),"
        " (values ($before::timestamp), ($night), ($morning)) as times (at_utc)",
        # The first date in California begins at noon, UTC: midnight there and four hours more.
        {
            "before": datetime(2026, 2, 25, 12),
            "night": datetime(2026, 2, 26, 11, 59),
            "morning": datetime(2026, 2, 26, 12),
        },
    )
    warehouse.execute(
        "create view staging.device_spans as select null::varchar as tenant_id, null::varchar as device_id,"
        " null::varchar as vehicle_id, null::timestamp as from_utc, null::timestamp as to_utc where false"
    )
    warehouse.execute(sql("staging/spans.sql"))
    found = warehouse.sql(
        "select tenant_id, vehicle_id, depot_id, list((timezone, service_date::varchar) order by at_utc)"
        f" from ({resolved('fixes', 'America/New_York')}) group by all order by all"
    ).fetchall()
    utc, california = "UTC", "America/Los_Angeles"
    assert found == [
        ("t1", "V1", "D", [(utc, "2026-02-25"), (utc, "2026-02-26"), (california, "2026-02-26")]),
        ("t1", "V2", None, [("Asia/Tokyo", day) for day in ("2026-02-25", "2026-02-26", "2026-02-26")]),
        ("t2", "V1", None, [("America/New_York", day) for day in ("2026-02-25", "2026-02-26", "2026-02-26")]),
    ]


def test_a_day_is_built_from_the_rows_that_hold_on_it(warehouse):
    for start, end, opens, wage in ((None, DAY, "08:00", 20), (DAY, None, "09:00", 30)):
        insert(
            warehouse, "core.depots", tenant_id="dax7", depot_id="DAX7", timezone="America/New_York",
            window_start=opens, window_end="19:00", wage_per_h=wage, valid_from=start, valid_to=end,
        )  # fmt: skip
        insert(
            warehouse, "core.vehicles", tenant_id="dax7", vehicle_id="V1", fuel_type="gasoline", valid_from=start,
            valid_to=end, target_km_per_day=wage, fixed_cost_per_day=wage, extra='{"target_km_per_day": "7"}',
        )  # fmt: skip
    insert(
        warehouse, "core.vehicles", tenant_id="dax7", vehicle_id="RENTED", status="active", lease_from=BEFORE,
        lease_to=DAY,
    )  # fmt: skip
    for day in (BEFORE, DAY):
        van = VanDay(warehouse, "V1", "10:00", day=day, route_id="R1").run("drive", 60)
        van.close()
        insert(
            warehouse, "core.route_phases", **van.key, route_id="R1", is_planned=False,
            depot_exit_utc=local("10:00", day), depot_return_utc=local("11:00", day),
        )  # fmt: skip
        build_day(warehouse, day)
    days = warehouse.sql(
        "select available_window_s / 3600, target_distance_m from marts.vehicle_days order by all desc"
    )
    assert days.fetchall() == [(11, 20_000), (10, 30_000)]
    routes = warehouse.sql("select wage_cost::int, fixed_cost::int from marts.route_days order by service_date")
    assert routes.fetchall() == [(20, 20), (30, 30)]
    books = warehouse.sql("select vehicles_on_books from marts.fleet_days order by service_date").fetchall()
    assert books == [(2,), (1,)]
    assert warehouse.sql("select distinct depot_id from marts.status_days where vehicle_id = 'V1'").fetchall() == [
        ("DAX7",)
    ]


def test_what_is_spoken_of_and_in_no_list_is_listed(warehouse):
    insert(warehouse, "core.depots", tenant_id="t1", depot_id="OLD", timezone="UTC", valid_to=DAY)
    insert(warehouse, "core.drivers", tenant_id="t1", driver_id="D1")
    for day in (BEFORE, DAY):
        insert(
            warehouse, "core.planned_routes", tenant_id="t1", depot_id="OLD", service_date=day, route_id="R",
            vehicle_id="V1", driver_id="D1", role="primary",
        )  # fmt: skip
    VanDay(warehouse, "V1", "10:00", tenant_id="t1").run("drive", 60).close()
    insert(warehouse, "core.device_dates", tenant_id="t1", device_id="d1", fix_date=DAY)
    columns = "kind, id, mentioned_by, first_date, last_date, date_count"
    expected = [("depot", "OLD", ["plans"], DAY, DAY, 1), ("vehicle", "V1", ["plans", "positions"], BEFORE, DAY, 2)]
    assert warehouse.sql(f"select {columns} from marts.unlisted order by kind").fetchall() == expected
    # A tenant that keeps no list of its devices is not told that they are missing from it.
    insert(warehouse, "core.registered_devices", tenant_id="t1", device_id="d2")
    assert ("device", "d1", ["positions"], DAY, DAY, 1) in warehouse.sql(
        f"select {columns} from marts.unlisted"
    ).fetchall()


@pytest.mark.campaign
def test_the_registered_interval_of_a_device_decides_what_silence_is_known_and_the_zone_of_a_tenant_the_date(tmp_path):
    settings = settings_in(tmp_path)
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    refresh(settings)
    spent = "select idle_s, unknown_s from marts.vehicle_days"
    assert published(settings, spent).rows() == [(540, 460)]
    for interval_s, expected in ((60, (540, 460)), (230, (1000, 0))):
        path = tmp_path / "devices.csv"
        path.write_text(f"tenant_id,device_id,model,reporting_interval_s\nt1,d1,FMC003,{interval_s}\n")
        assert run_import(settings, "devices", [path])
        assert refresh(settings).rebuilt
        assert published(settings, spent).rows() == [expected]
    before = published(settings, "select service_date from marts.vehicle_days").item()
    path = tmp_path / "tenants.csv"
    path.write_text("tenant_id,timezone\nt1,Pacific/Kiritimati\n")
    assert run_import(settings, "tenants", [path])
    refresh(settings)
    assert published(settings, "select service_date from marts.vehicle_days").to_series().to_list() == [
        before + timedelta(days=1)
    ]
