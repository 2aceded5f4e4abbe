"""The questions of the field on small days written by hand, each with a case that rows instead of time get wrong."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import duckdb
import pytest

from tests.builders import settings_in
from tests.warehouse.core_rows import DAY, MILE_M, VanDay, insert, local
from warehouse.connection import open_warehouse
from warehouse.models import SHARED_SQL, prepare_models

BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)


@pytest.fixture(scope="module")
def days(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    """One van for each case."""
    settings = settings_in(tmp_path_factory.mktemp("field"))
    with open_warehouse(settings.warehouse_path) as warehouse:
        prepare_models(warehouse)
        _ledgers(warehouse)
        _marts(warehouse)
        yield warehouse


def _ledgers(warehouse: duckdb.DuckDBPyConnection) -> None:
    # What each did from 10:00 to 10:10 local time.
    VanDay(warehouse, "stood", "09:00").run("idle", 60).run("off", 60)
    VanDay(warehouse, "crept", "09:00").run("idle", 65).run("drive", 0.5).run("idle", 60)
    VanDay(warehouse, "fell_silent", "09:00").run("off", 62).run("unknown", 60)
    VanDay(warehouse, "heard_later", "10:05").run("off", 60)
    # 12:00 to 16:00. Stands of three minutes every hour.
    steady = VanDay(warehouse, "steady", "11:30")
    for _ in range(6):
        steady.run("drive", 57).run("idle", 3)
    # Drives as long in all, and rests for 25 minutes in the middle.
    VanDay(warehouse, "rested", "12:00").run("drive", 110).run("off", 25).run("drive", 105)
    # Nobody knows what it did for 25 minutes: no session goes over it, and none of it is driving.
    VanDay(warehouse, "unheard", "12:00").run("drive", 110).run("unknown", 25).run("drive", 105)
    # One good fix in each ten minutes: what is known is a minute of driving in each.
    sparse = VanDay(warehouse, "sparse", "12:00")
    for _ in range(24):
        sparse.run("drive", 1).run("unknown", 9)
    # Two sessions of 40 and 20 minutes, with a hand-off within the first.
    calls = VanDay(warehouse, "calls", "08:00", day=AFTER)
    calls.run("drive", 15).run("idle", 5).run("drive", 20).run("off", 30).run("drive", 20).run("off", 5)
    # Over midnight UTC: one session, though a date of the clock ends in it.
    VanDay(warehouse, "evening", "18:00", day=AFTER).run("off", 30).run("drive", 60).run("off", 30)
    # Nobody heard it over night.
    VanDay(warehouse, "overnight", "22:00").run("off", 5).run("drive", 30)
    VanDay(warehouse, "overnight", "08:00", day=AFTER).run("drive", 30).run("off", 5)
    broke_down = VanDay(warehouse, "broke_down", "10:00", route_id="R1")
    broke_down.run("off", 180, phase="pre").run("drive", 30, phase="stem_out", miles=10)
    broke_down.run("idle", 20, phase="on_route").run("unknown", 130, phase="on_route")
    lunch = VanDay(warehouse, "lunch", "10:00", route_id="R2")
    lunch.run("drive", 30, phase="stem_out").run("off", 45, phase="on_route").run("drive", 30, phase="stem_back")
    lunch.run("off", 300, phase="post")
    # Not heard again: its plan has it back at 15:00, others are heard until the evening. The second one was due back.
    for van, latitude in (("lost", 39.5), ("due", None)):
        lost = VanDay(warehouse, van, "09:00", tenant_id="missed", route_id=van)
        lost.run("off", 30, phase="pre").run("drive", 120, phase="stem_out").run("off", 15, phase="on_route")
        lost.close(last_latitude=latitude, last_longitude=latitude and -75.0)
        insert(
            warehouse, "core.planned_routes", tenant_id="missed", service_date=DAY, route_id=van, vehicle_id=van,
            planned_return_utc=local("15:00" if van == "lost" else "12:30"),
        )  # fmt: skip
    VanDay(warehouse, "unplanned", "09:00", tenant_id="missed", route_id="R9").run(
        "drive", 240, phase="on_route"
    ).close()
    home = VanDay(warehouse, "home", "09:00", tenant_id="missed", route_id="R8")
    home.run("drive", 60, phase="stem_back").run("off", 5, phase="post").close()
    VanDay(warehouse, "late", "17:00", tenant_id="missed").run("drive", 60).close()
    # The only one of its fleet: it is missed as far as it is known that it did not come back.
    alone = VanDay(warehouse, "alone", "09:00", tenant_id="small", route_id="R1")
    alone.run("drive", 60, phase="stem_out").close()
    insert(
        warehouse, "core.planned_routes", tenant_id="small", service_date=DAY, route_id="R1", vehicle_id="alone",
        planned_return_utc=local("17:00"),
    )  # fmt: skip
    towed = VanDay(warehouse, "towed", "10:00", route_id="R3")
    towed.run("drive", 30, phase="stem_out").run("off", 150, phase="on_route").run("drive", 30, phase="stem_back")


def _marts(warehouse: duckdb.DuckDBPyConnection) -> None:
    def place(van: str, day: date, clock: str, heard: str, latitude: float | None, **more: object) -> None:
        placed_utc = local(clock, day) if latitude is not None else None
        insert(
            warehouse, "core.vehicle_dates", tenant_id="dax7", service_date=day, vehicle_id=van, timezone="UTC",
            first_fix_utc=local("06:00", day), last_fix_utc=local(heard, day), last_placed_utc=placed_utc,
            last_latitude=latitude, last_longitude=-75.0 if latitude is not None else None, distance_source="gps",
            **more,
        )  # fmt: skip

    place("V1", BEFORE, "18:00", "18:00", 39.1)
    place("V1", DAY, "17:00", "17:30", 39.2)
    place("V2", BEFORE, "18:00", "18:00", 39.3)
    place("V2", DAY, "17:00", "17:20", None)  # heard, and never with a good place
    place("low", BEFORE, "18:00", "18:00", 39.0, level_last_pct=40, level_last_utc=local("17:50", BEFORE))
    place("low", DAY, "18:00", "18:00", 39.0, level_last_pct=8, level_last_utc=local("16:00"))
    place("full", DAY, "18:00", "18:00", 39.0, level_last_pct=60, level_last_utc=local("16:00"))
    place("quiet_gauge", BEFORE, "18:00", "18:00", 39.0, level_last_pct=9, level_last_utc=local("17:00", BEFORE))
    place("quiet_gauge", DAY, "18:00", "18:00", 39.0)
    for kind, clock, litres in (("fill", "15:00", 50), ("fill", "16:30", 30), ("decline", "16:40", 70)):
        insert(
            warehouse, "marts.fuel_purchases", tenant_id="dax7", provider_txn_id=clock, vehicle_id="low",
            ts_utc=local(clock), quantity_l=litres, line_kind=kind,
        )  # fmt: skip
    for day, van, planned, capacity, hours in (
        (DAY, "V1", 95, 100, 8), (DAY, "V2", 90, 100, 4), (DAY, "V3", 20, 100, None), (BEFORE, "V1", 99, 100, 8),
        (DAY, "V4", 100, None, 8),
    ):  # fmt: skip
        insert(
            warehouse, "marts.route_days", tenant_id="dax7", service_date=day, route_id=f"R{van}", vehicle_id=van,
            planned_package_count=planned, package_capacity=capacity, route_time_s=hours and hours * 3600,
            capacity_utilization=None if capacity is None else planned / capacity,
        )  # fmt: skip
    for day, van, drive_h, unknown_h in ((BEFORE, "V1", 0, 1), (DAY, "V1", 4.5, 0), (AFTER, "V1", 3, 2)):
        insert(
            warehouse, "marts.vehicle_days", tenant_id="dax7", service_date=day, vehicle_id=van,
            drive_s=drive_h * 3600, off_s=3600, unknown_s=unknown_h * 3600, distance_m=drive_h * 1000,
        )  # fmt: skip
    # Litres over kilometres, by van and date, and what the file says.
    for tenant, van, day, litres, km, source in (
        ("burns", "rated", DAY, 12, 100, "counter"),
        ("burns", "own", DAY, 30, 200, "counter"),
        ("burns", "own", BEFORE, 10, 100, "counter"),
        ("burns", "new", DAY, 20, 100, "counter"),
        ("burns", "gauge", DAY, 20, 100, "level"),
        ("burns", "none", DAY, None, 100, "none"),
    ):
        insert(
            warehouse, "marts.vehicle_days", tenant_id=tenant, vehicle_id=van, service_date=day,
            fuel_used_source=source, fuel_used_l=litres, fuel_distance_m=km * 1000, distance_m=km * 1000,
            fuel_type="gasoline",
        )  # fmt: skip
        if day == DAY:
            insert(
                warehouse, "core.vehicles", tenant_id=tenant, vehicle_id=van, fuel_type="gasoline",
                extra='{"rated_l_per_100km": "10"}' if van == "rated" else None,
            )  # fmt: skip
    insert(
        warehouse, "marts.fleet_days", tenant_id="dax7", service_date=DAY, vehicles_on_books=5, vehicles_heard=4,
        vehicles_active=3, vehicles_non_communicating=1, engine_on_s=10 * 3600, ready_s=2 * 3600, known_s=30 * 3600,
        observed_s=36 * 3600,
    )  # fmt: skip
    insert(
        warehouse, "marts.vehicle_days", tenant_id="dax7", service_date=DAY, vehicle_id="broke_down",
        distance_m=10 * MILE_M, fuel_type="gasoline",
    )  # fmt: skip
    insert(
        warehouse, "marts.vehicle_days", tenant_id="dax7", service_date=DAY, vehicle_id="towed", distance_m=1000,
        fuel_type="diesel",
    )  # fmt: skip


def rows(days: duckdb.DuckDBPyConnection, query: str, **given: object) -> list[tuple]:
    return days.execute(query, given or None).fetchall()


def window(macro: str, begins: str, ends: str, more: str = "") -> str:
    return f"marts.{macro}(timestamp '{local(begins)}', timestamp '{local(ends)}'{more})"


def test_the_last_place_is_that_of_the_last_good_fix_and_says_how_long_it_was_not_heard(days):
    found = rows(
        days,
        "select vehicle_id, latitude, placed_utc, heard_utc, behind_fleet_s from marts.last_locations"
        " where vehicle_id in ('V1', 'V2') order by all",
    )
    assert found == [
        ("V1", 39.2, local("17:00"), local("17:30"), 1800),
        ("V2", 39.3, local("18:00", BEFORE), local("17:20"), 2400),
    ]


def test_low_fuel_goes_by_the_last_known_level_and_tells_what_was_bought_since(days):
    """A last row without a reading is not a full tank."""
    found = rows(days, "select vehicle_id, level_pct, level_utc, bought_since_l from marts.low_fuel() order by all")
    assert found == [("low", 8, local("16:00"), 30), ("quiet_gauge", 9, local("17:00", BEFORE), None)]
    assert rows(days, "select count(*) from marts.low_fuel(below_pct := 61)") == [(3,)]


def test_high_load_is_planned_packages_over_capacity_on_the_last_date_or_one_that_is_asked_for(days):
    assert rows(days, "select vehicle_id, load_share from marts.high_load()") == [("V1", 0.95)]
    earlier = "select vehicle_id, load_share from marts.high_load(day := $day, above := 0.5)"
    assert rows(days, earlier, day=BEFORE) == [("V1", 0.99)]


def test_only_a_van_known_to_stand_for_all_of_the_time_is_stationary(days):
    """Its mean speed is below 1 km/h as well where it crept, and where one fix is all that was heard."""
    found = rows(
        days,
        f"select vehicle_id, stood_s, idle_s from {window('stationary_vehicles', '10:00', '10:10')}"
        " where vehicle_id not in ('broke_down')",
    )
    assert found == [("stood", 600, 0)]
    most = rows(
        days,
        "select vehicle_id, stood_s, drive_s, unknown_s, round(stood_share, 3) from"
        f" {window('stationary_vehicles', '10:00', '10:10', ', least_share := 0.5')}"
        " where vehicle_id in ('crept', 'fell_silent', 'heard_later') order by all",
    )
    assert most == [("crept", 570, 30, 0, 0.95), ("heard_later", 300, 0, 300, 0.5)]


def test_a_session_counts_with_its_part_inside_and_ends_with_a_rest_or_with_silence(days):
    """By ten minutes, of which more than 22 were driven, `rested` would pass for steady, and so would `sparse`."""
    found = rows(
        days,
        "select vehicle_id, started_utc, ended_utc, session_s, drive_s, stood_s, unknown_s, is_cut from"
        f" {window('long_driving_sessions', '12:00', '16:00')} order by all",
    )
    assert found == [("steady", local("12:00"), local("16:00"), 14400, 13680, 720, 0, True)]
    shorter = window("long_driving_sessions", "12:00", "16:00", ", more_than_s := 6000")
    parts = rows(days, f"select vehicle_id, drive_s, is_cut from {shorter} where vehicle_id != 'steady' order by all")
    # 110 and 105 minutes; beside silence, or the edge of what is asked, it may have been more.
    assert parts == [("rested", 6300, True), ("rested", 6600, True), ("unheard", 6300, True), ("unheard", 6600, True)]


def test_silence_within_a_session_is_not_driving(days):
    asked = window("long_driving_sessions", "12:00", "16:00", ", more_than_s := 0")
    found = rows(days, f"select session_s, drive_s, unknown_s from {asked} where vehicle_id = 'sparse'")
    assert found == [(23 * 600 + 60, 24 * 60, 23 * 540)]


def test_a_long_day_is_the_sum_of_what_was_driven_inside(days):
    asked = window("long_daily_sessions", "12:00", "16:00", ", more_than_s := 12600")
    found = rows(days, f"select vehicle_id, drive_s, stood_s, unknown_s from {asked} order by all")
    assert found == [("rested", 12900, 1500, 0), ("steady", 13680, 720, 0), ("unheard", 12900, 0, 1500)]
    assert rows(days, f"select count(*) from {window('long_daily_sessions', '00:00', '23:59')}") == [(0,)]


def test_hours_at_the_wheel_are_not_cut_to_whole_ones_nor_taken_over_dates_that_were_not_driven(days):
    found = rows(
        days,
        "select heard_days, driving_days, drive_s, drive_s_per_driving_day, drive_s_per_heard_day, coverage"
        " from marts.daily_driving($first, $last) where vehicle_id = 'V1'",
        first=BEFORE,
        last=AFTER,
    )
    driven_s = 7.5 * 3600
    assert found == [(3, 2, driven_s, driven_s / 2, driven_s / 3, 10.5 / 13.5)]


def test_sessions_of_a_day_keep_their_first_and_last_and_do_not_end_at_midnight(days):
    found = rows(
        days,
        "select vehicle_id, session_count, cut_session_count, mean_session_s, longest_session_s, drive_s"
        " from marts.daily_driving_sessions($day, $day) where vehicle_id in ('calls', 'evening') order by all",
        day=AFTER,
    )
    assert found == [("calls", 2, 1, 1800, 2400, 3300), ("evening", 1, 0, 3600, 3600, 3600)]
    without_a_pause = rows(
        days,
        "select session_count from marts.daily_driving_sessions($day, $day, break_s := 0) where vehicle_id = 'calls'",
        day=AFTER,
    )
    assert without_a_pause == [(3,)]


def test_a_hole_between_two_dates_is_silence_as_well(days):
    found = rows(
        days,
        "select service_date, session_count, cut_session_count, drive_s"
        " from marts.daily_driving_sessions($first, $last) where vehicle_id = 'overnight' order by all",
        first=DAY,
        last=AFTER,
    )
    assert found == [(DAY, 1, 1, 1800), (AFTER, 1, 1, 1800)]


def test_the_average_load_weighs_routes_by_what_they_could_hold_or_by_their_hours(days):
    found = rows(
        days,
        "select vehicle_count, route_days, load_share, timed_load_share, timed_route_days"
        " from marts.average_load($day, $day)",
        day=DAY,
    )
    assert found == [(3, 3, 205 / 300, pytest.approx((95 * 8 + 90 * 4) / 1200), 2)]


def test_fuel_is_compared_with_the_file_then_the_van_then_the_others_and_never_across_sources(days):
    found = rows(
        days,
        "select vehicle_id, round(l_per_100km, 3), projection_source, round(projected_l_per_100km, 3),"
        " round(above_projection_l, 3) from marts.fuel_against_projection($day, $day)"
        " where tenant_id = 'burns' order by all",
        day=DAY,
    )
    peers = round((12 + 30) / 300 * 100, 3)
    assert found == [
        ("gauge", 20, "none", None, None),
        ("new", 20, "peers", peers, round(20 - peers, 3)),
        ("own", 15, "own", 10, 10),
        ("rated", 12, "rated", 10, 2),
    ]


def test_activity_is_time_and_vans_that_nobody_heard_are_counted(days):
    found = rows(days, "from marts.daily_activity($day, $day)", day=DAY)
    hour = 3600
    assert found == [("dax7", DAY, 5, 4, 3, 1, 12 * hour, 18 * hour, 6 * hour, 3 * hour, 0.4)]


def test_a_van_that_stands_or_is_silent_for_hours_on_its_route_is_a_lead_and_lunch_is_not(days):
    found = rows(
        days,
        "select vehicle_id, route_id, started_utc, duration_s, unknown_s, drove_on"
        " from marts.suspected_breakdowns($day, $day) where tenant_id = 'dax7' order by all",
        day=DAY,
    )
    assert found == [
        ("broke_down", "R1", local("13:30"), 9000, 7800, False),
        ("towed", "R3", local("10:30"), 9000, 0, True),
    ]
    shorter = (
        "select vehicle_id from marts.suspected_breakdowns($day, $day, least_s := 2700)"
        " where tenant_id = 'dax7' order by all"
    )
    assert rows(days, shorter, day=DAY) == [("broke_down",), ("lunch",), ("towed",)]


def test_a_van_that_is_not_heard_again_is_missed_until_it_should_be_back(days):
    found = rows(
        days,
        "select vehicle_id, started_utc, ended_utc, unknown_s, drove_on, latitude"
        " from marts.suspected_breakdowns($day, $day) where tenant_id in ('missed', 'small') order by all",
        day=DAY,
    )
    assert found == [
        ("lost", local("11:30"), local("15:00"), 195 * 60, False, 39.5),
        ("unplanned", local("13:00"), local("18:00"), 300 * 60, False, None),
    ]
    # Once a later day is heard, it is known that the only van did not come back.
    days.execute("begin")
    VanDay(days, "alone", "09:00", tenant_id="small", day=AFTER).run("off", 60).close()
    later = "select started_utc, ended_utc from marts.suspected_breakdowns($day, $day) where tenant_id = 'small'"
    found = rows(days, later, day=DAY)
    days.execute("rollback")
    assert found == [(local("10:00"), local("17:00"))]


def test_breakdowns_are_counted_against_the_metres_of_all_vans(days):
    found = rows(
        days,
        "select fuel_type, vehicle_count, judged_vehicle_days, breakdown_count, stopped_count, breakdowns_per_100000_km"
        " from marts.breakdown_frequency($day, $day) where tenant_id = 'dax7' order by all",
        day=DAY,
    )
    assert found == [
        ("diesel", 1, 1, 1, 0, 1e8 / 1000),
        ("gasoline", 1, 1, 1, 1, pytest.approx(1e8 / (10 * MILE_M))),
        (None, 1, 0, None, None, None),  # nobody knows whether it was on a route
    ]


def test_instants_and_dates_may_be_given_as_text(days):
    assert rows(days, "from marts.stationary_vehicles('2026-02-26 15:00', '2026-02-26 15:10')")
    assert rows(days, "select count(*) from marts.long_daily_sessions('2026-02-26', '2026-02-27')") == [(0,)]
    assert rows(days, f"select count(*) from marts.fuel_against_projection('{DAY}', '{DAY}')") == [(4,)]


def test_an_instant_with_a_zone_is_that_instant_whatever_zone_the_session_is_in(days):
    asked = (
        ("stationary_vehicles", "10:00", "10:10", ""),
        ("long_driving_sessions", "12:00", "16:00", ", more_than_s := 6000"),
        ("long_daily_sessions", "12:00", "16:00", ", more_than_s := 12600"),
    )
    for macro, begins, ends, more in asked:
        expected = rows(days, f"from {window(macro, begins, ends, more)} order by all")
        assert expected
        zoned = (
            f"from marts.{macro}(timestamptz '{local(begins)}+00', timestamptz '{local(ends)}+00'{more}) order by all"
        )
        days.execute("set TimeZone = 'America/New_York'")
        found = [rows(days, query) for query in (zoned, f"from {window(macro, begins, ends, more)} order by all")]
        days.execute("set TimeZone = 'UTC'")
        assert found == [expected, expected], macro


def test_a_window_that_ends_before_it_begins_has_nothing_in_it(days):
    for macro in ("stationary_vehicles", "long_driving_sessions", "long_daily_sessions"):
        for begins, ends in (("12:00", "10:00"), ("10:05", "10:05")):
            more = {"stationary_vehicles": ", least_share := 0"}.get(macro, ", more_than_s := -1")
            assert rows(days, f"from {window(macro, begins, ends, more)}") == [], macro


def test_nothing_is_heard_of_an_instant_without_a_ledger(days):
    later = datetime(2027, 1, 1)
    assert rows(days, "from marts.stationary_vehicles($a, $b)", a=later, b=later + timedelta(minutes=10)) == []


def test_the_shared_sql_names_every_file_of_the_field():
    assert [name for name in SHARED_SQL if name.startswith("field/")] == [
        "field/places.sql", "field/driving.sql", "field/loads.sql", "field/activity.sql"
    ]  # fmt: skip
