"""Fuel used with its source, learned idle rates, tank to tank, balances, economy: over rows written by hand."""

import random
from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.measuring.measure import LEVEL_RULES
from tests.warehouse.core_rows import GALLON_L, VanDay, insert, local
from warehouse.connection import prepare, sql
from warehouse.consumption import build_consumption
from warehouse.idle_rates import relearned_dates, remember_idle, reopen_learners
from warehouse.models import choose_co2_factors, prepare_models

DAY = date(2026, 2, 26)
HOUR_US = 3_600_000_000
KEY = {"tenant_id": "t", "vehicle_id": "V"}
LINE_COLUMNS = {
    "tenant_id": "varchar", "provider": "varchar", "provider_txn_id": "varchar", "item_no": "integer",
    "line_kind": "varchar", "fuel_family": "varchar", "vehicle_id": "varchar", "service_date": "date",
    "at_utc": "timestamp", "from_utc": "timestamp", "to_utc": "timestamp", "quantity_l": "double",
    "net": "decimal(18, 6)", "currency": "varchar",
}  # fmt: skip


@pytest.fixture(scope="module")
def schema():
    with duckdb.connect() as connection:
        prepare(connection)
        connection.execute(sql("schema.sql"))
        listed = ", ".join(f"{name} {kind}" for name, kind in LINE_COLUMNS.items())
        connection.execute(f"create table if not exists core.fuel_lines ({listed})")
        for name, kind in (("odometer_m", "double"), ("odometer_valid", "boolean")):
            connection.execute(f"alter table marts.fuel_purchases add column if not exists {name} {kind}")
        prepare_models(connection)
        yield connection


@pytest.fixture
def warehouse(schema):
    """An empty warehouse; what a test writes is gone after it."""
    schema.execute("begin")
    yield schema
    schema.execute("rollback")


def build(warehouse, *days, marts=("vehicle_days", "route_days", "fleet_days")):
    for day in days or (DAY,):
        for name in marts:
            warehouse.execute(f"delete from marts.{name} where service_date = $day", {"day": day})
            warehouse.execute(f"insert into marts.{name} by name {sql(f'marts/{name}.sql')}", {"day": day})


def rows(warehouse, query):
    return warehouse.sql(query).pl().to_dicts()


def one(warehouse, query):
    (found,) = rows(warehouse, query)
    return found


def van(warehouse, vehicle_id="V", day=DAY, km=100.0, route_id=None, **measured):
    """A date of one van: a drive and an hour of idling."""
    driven = VanDay(warehouse, vehicle_id, "09:00", tenant_id="t", day=day, route_id=route_id)
    driven.run("drive", 120, miles=km / 1.609344).run("idle", 60)
    driven.close(depot_id=None, **measured)
    return driven


def register(warehouse, vehicle_id="V", **more):
    given = {"fuel_type": "gasoline", "tank_l": 100.0} | more
    insert(warehouse, "core.vehicles", tenant_id="t", vehicle_id=vehicle_id, **given)


LEVELS = {
    "level_first_pct": 90.0, "level_last_pct": 78.0, "level_used_pct": 12.0, "level_sigma_pct": 0.5,
    "level_distance_m": 96_000.0, "refuel_count": 0,
}  # fmt: skip


def test_the_counter_comes_before_the_gauge_and_each_has_its_own_span_and_error(warehouse):
    register(warehouse)
    register(warehouse, "W")
    van(warehouse, fuel_used_l=11.0, fuel_sigma_l=0.04, fuel_distance_m=88_000.0, **LEVELS)
    van(warehouse, "W", **LEVELS | {"refuel_count": 1})
    build(warehouse)
    counted, gauged = rows(warehouse, "from marts.vehicle_days order by vehicle_id")
    names = ("fuel_used_source", "fuel_used_l", "fuel_used_sigma_l", "fuel_distance_m", "fuel_l_per_100km")
    assert [counted[name] for name in names] == ["counter", 11, 0.04, 88_000, 12.5]
    assert [gauged[name] for name in names] == ["level", 12, 1.0, 96_000, 12.5]
    assert (gauged["level_first_pct"], gauged["level_last_pct"], gauged["refuel_count"]) == (90, 78, 1)


def test_without_counter_gauge_or_tank_nothing_is_said(warehouse):
    register(warehouse, tank_l=None)
    van(warehouse, **LEVELS)
    van(warehouse, "X")
    register(warehouse, "E", fuel_type="electric")
    van(warehouse, "E", **LEVELS)
    build(warehouse)
    for found in rows(warehouse, "from marts.vehicle_days"):
        names = ("fuel_used_l", "fuel_used_sigma_l", "fuel_distance_m", "fuel_l_per_100km")
        assert [found[name] for name in ("fuel_used_source", *names)] == ["none", None, None, None, None]


def test_litres_of_two_sources_are_never_in_one_ratio(warehouse):
    for number, (counter_m, level_m) in enumerate([(50_000.0, 0.0), (0.0, 40_000.0), (0.0, 30_000.0)]):
        vehicle_id = f"V{number}"
        register(warehouse, vehicle_id)
        if counter_m:
            van(warehouse, vehicle_id, fuel_used_l=5.0, fuel_distance_m=counter_m)
        else:
            van(warehouse, vehicle_id, **LEVELS | {"level_distance_m": level_m, "level_used_pct": level_m / 5000})
    build(warehouse)
    fleet = one(warehouse, "from marts.fleet_days")
    names = ("fuel_used_source", "fuel_used_l", "metered_distance_m", "fuel_l_per_100km")
    assert [fleet[name] for name in names] == ["level", 14, 70_000, 20]
    assert (fleet["counter_fuel_l"], fleet["counter_distance_m"]) == (5, 50_000)
    assert fleet["co2_kg"] == pytest.approx((14 + 5) / GALLON_L * 8.887)
    total = one(warehouse, f"from core.fleet_totals(date '{DAY}', date '{DAY}')")
    assert [total[name] for name in names] == ["level", 14, 70_000, 20]
    vans = rows(warehouse, f"from core.vehicle_totals(date '{DAY}', date '{DAY}') order by vehicle_id")
    assert [found["fuel_used_source"] for found in vans] == ["counter", "level", "level"]


def test_over_a_period_the_source_that_saw_more_metres_is_taken_whole(warehouse):
    register(warehouse)
    days = [DAY - timedelta(days=number) for number in range(3)]
    van(warehouse, day=days[0], fuel_used_l=10.0, fuel_distance_m=80_000.0)
    for day in days[1:]:
        van(warehouse, day=day, **LEVELS | {"level_distance_m": 60_000.0})
    build(warehouse, *days)
    total = one(warehouse, f"from core.vehicle_totals(date '{days[2]}', date '{DAY}')")
    assert (total["fuel_used_source"], total["fuel_l_per_100km"]) == ("level", 20)
    both = rows(warehouse, f"from marts.fuel_economy(date '{days[2]}', date '{DAY}') order by source")
    assert [(found["source"], found["l_per_100km"]) for found in both] == [("counter", 12.5), ("level", 20)]
    assert [round(found["coverage"], 3) for found in both] == [round(80 / 300, 3), round(120 / 300, 3)]
    assert both[1]["sigma_l"] == pytest.approx((2 * 0.5) * 1.0)


def test_a_route_takes_the_day_of_its_van_only_where_it_is_its_only_route(warehouse):
    register(warehouse)
    register(warehouse, "W")
    for vehicle_id, routes in (("V", ["R1"]), ("W", ["R2", "R3"])):
        van(warehouse, vehicle_id, route_id=routes[0], **LEVELS)
        for route_id in routes:
            insert(
                warehouse, "core.route_phases", tenant_id="t", service_date=DAY, vehicle_id=vehicle_id,
                route_id=route_id, is_planned=True,
            )  # fmt: skip
    build(warehouse)
    found = rows(warehouse, "from marts.route_days order by route_id")
    assert [route["fuel_used_source"] for route in found] == ["level", "none", "none"]
    assert [route["fuel_used_l"] for route in found] == [12, None, None]
    assert (found[0]["fuel_distance_m"], found[0]["fuel_l_per_100km"]) == (96_000, 12.5)


@pytest.mark.parametrize(
    ("own", "counted", "expected"),
    [
        (None, None, (0.40 * GALLON_L, "table")),
        (2.0, None, (2.0, "vehicle")),
        (2.0, (1, HOUR_US, 1.2), (1.2, "learned")),
        (2.0, (28, HOUR_US, 1.2), (1.2, "learned")),
        (2.0, (29, HOUR_US, 1.2), (2.0, "vehicle")),
        (2.0, (1, HOUR_US - 1, 1.2), (2.0, "vehicle")),
        (2.0, (1, HOUR_US, 0.0), (2.0, "vehicle")),
    ],
)
def test_idle_fuel_is_learned_else_registered_else_from_the_table(warehouse, own, counted, expected):
    register(warehouse, idle_l_per_h=own)
    van(warehouse)
    if counted:
        days_before, idle_us, litres = counted
        earlier = DAY - timedelta(days=days_before)
        van(warehouse, day=earlier, counted_idle_us=idle_us, counted_idle_l=litres)
    build(warehouse)
    found = one(warehouse, f"from marts.vehicle_days where service_date = date '{DAY}'")
    assert (round(found["idle_fuel_l"], 6), found["idle_fuel_source"]) == (round(expected[0], 6), expected[1])


def test_what_was_counted_that_day_comes_first(warehouse):
    register(warehouse, idle_l_per_h=2.0)
    van(warehouse, day=DAY - timedelta(days=1), counted_idle_us=HOUR_US, counted_idle_l=1.2)
    VanDay(warehouse, "V", "09:00", tenant_id="t").run("idle", 60, fuel_l=0.9).close(depot_id=None)
    build(warehouse)
    found = one(warehouse, f"from marts.vehicle_days where service_date = date '{DAY}'")
    assert (found["idle_fuel_l"], found["idle_fuel_source"]) == (0.9, "counter")


COUNTED = st.one_of(st.none(), st.sampled_from([(HOUR_US, 1.1), (2 * HOUR_US, 1.7), (HOUR_US // 2, 0.9), (0, 0.0)]))
ARRIVALS = st.lists(st.tuples(st.sampled_from([0, 1, 2, 27, 28, 29, 40]), COUNTED), min_size=1, max_size=12)


def arrive(warehouse, built, day, counted):
    """Measure a date anew and note the rates that a refresh would then build with."""
    remember_idle(warehouse, day)
    warehouse.execute("delete from core.vehicle_dates where service_date = $day", {"day": day})
    idle_us, litres = counted or (None, None)
    insert(
        warehouse, "core.vehicle_dates", **KEY, service_date=day, first_fix_utc=day, last_fix_utc=day,
        counted_idle_us=idle_us, counted_idle_l=litres,
    )  # fmt: skip
    reopen_learners(warehouse, day)
    for touched in (day, *relearned_dates(warehouse)):
        built[touched] = warehouse.execute(
            "select idle_l_per_h from core.learned_idle_on($day::date)", {"day": touched}
        ).fetchall()
    warehouse.execute("delete from core.reopened")


@pytest.mark.campaign
@given(ARRIVALS, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=15)
def test_the_order_in_which_days_arrive_changes_no_idle_rate(schema, arrivals, chance):
    last = dict(arrivals)
    shuffled = list(last.items())
    chance.shuffle(shuffled)
    found = []
    for order in (sorted(last.items()), arrivals, shuffled):
        built = {}
        for number, counted in order:
            arrive(schema, built, DAY + timedelta(days=number), counted)
        schema.execute("delete from core.vehicle_dates")
        found.append({day: rate for day, rate in built.items() if last[(day - DAY).days] is None})
    assert found[1] == found[0]
    assert found[2] == found[0]


def test_only_dates_that_may_have_learned_are_reopened(warehouse):
    register(warehouse)
    for number in (1, 28, 29):
        van(warehouse, day=DAY + timedelta(days=number))
    van(warehouse, day=DAY + timedelta(days=2), counted_idle_us=HOUR_US, counted_idle_l=1.0)
    van(warehouse, "W", day=DAY + timedelta(days=1))
    remember_idle(warehouse, DAY)
    reopen_learners(warehouse, DAY)
    assert relearned_dates(warehouse) == []
    van(warehouse, counted_idle_us=HOUR_US, counted_idle_l=1.0)
    reopen_learners(warehouse, DAY)
    reopened = warehouse.execute("select vehicle_id, service_date, reason from core.reopened order by all").fetchall()
    assert reopened == [("V", DAY + timedelta(days=number), "idle_rate") for number in (1, 28)]


@pytest.mark.parametrize(
    ("name", "fuel", "kg_per_gal", "stored"),
    [
        ("tailpipe", "gasoline", 8.887, "EPA tailpipe 8.887/10.180"),
        ("tailpipe", "diesel", 10.180, "EPA tailpipe 8.887/10.180"),
        ("inventory", "gasoline", 8.78, "Inventory 8.78/10.21"),
        ("inventory", "diesel_step_van", 10.21, "Inventory 8.78/10.21"),
        ("fossil", "gasoline", 8.020, "Fossil part of E10 8.020, diesel 10.180"),
        ("inventory", "e85", 6.295, "Inventory 8.78/10.21"),
        ("inventory", "cng", 7.030, "Inventory 8.78/10.21"),
    ],
)
def test_the_chosen_set_of_factors_is_used_and_stored(schema, name, fuel, kg_per_gal, stored):
    choose_co2_factors(schema, name)
    try:
        schema.execute("begin")
        register(schema, fuel_type=fuel)
        van(schema, fuel_used_l=10 * GALLON_L)
        build(schema)
        found = one(schema, "from marts.vehicle_days")
        assert found["co2_kg"] == pytest.approx(10 * kg_per_gal)
        assert found["co2_factor_set"] == stored == one(schema, "from marts.fleet_days")["co2_factor_set"]
    finally:
        schema.execute("rollback")
        schema.execute("delete from core.co2_choice")


def test_a_rise_between_two_dates_belongs_to_the_later_one(warehouse):
    register(warehouse, tank_l=50.0)
    van(warehouse, day=DAY - timedelta(days=3), **LEVELS | {"level_last_pct": 20.0})
    van(warehouse, day=DAY - timedelta(days=2))  # no gauge that day
    van(warehouse, **LEVELS)
    van(warehouse, day=DAY + timedelta(days=1), **LEVELS | {"level_first_pct": 85.9})  # not above the least rise
    noisy = LEVELS | {"level_first_pct": 90.0, "level_sigma_pct": 3.0}
    van(warehouse, day=DAY + timedelta(days=2), **noisy)
    insert(
        warehouse, "core.refuels", **KEY, service_date=DAY, started_utc=local("10:00"), ended_utc=local("10:10"),
        from_pct=30.0, to_pct=80.0, litres=25.0,
    )  # fmt: skip
    build_consumption(warehouse)
    seen, unseen = rows(warehouse, "from marts.refuels order by is_between_dates")
    assert (seen["is_between_dates"], seen["litres"]) == (False, 25)
    assert (unseen["service_date"], unseen["from_pct"], unseen["to_pct"], unseen["litres"]) == (DAY, 20, 90, 35)
    assert (unseen["started_utc"], unseen["ended_utc"]) == (
        local("12:00", DAY - timedelta(days=3)),
        local("09:00"),
    )


def test_the_least_rise_is_the_same_within_a_date_and_between_two(warehouse):
    assert warehouse.sql("select core.refuel_rise_pct()").fetchall() == [(LEVEL_RULES.rise_pct,)]


def bought(warehouse, number, day, clock="12:00", litres=40.0, kind="fill", family="gasoline", **more):
    """A line of a card, and its purchase with the odometers `odometer_m` and `typed_km`."""
    at_utc = more.pop("at_utc", local(clock, day))
    key = {"tenant_id": "t", "provider": "p", "provider_txn_id": f"T{number}", "item_no": 1}
    odometer_m, typed_km = more.pop("odometer_m", None), more.pop("typed_km", None)
    insert(
        warehouse, "core.fuel_lines", **key, vehicle_id="V", service_date=day, line_kind=kind, fuel_family=family,
        quantity_l=litres, at_utc=at_utc, net=litres, currency="USD", **more,
    )  # fmt: skip
    insert(
        warehouse, "marts.fuel_purchases", **key, vehicle_id="V", odometer_m=odometer_m, odometer_typed=typed_km,
        odometer_unit="km", odometer_valid=typed_km is not None,
    )  # fmt: skip


def weekly(number):
    return DAY + timedelta(days=7 * number)


def test_tank_to_tank_divides_a_fill_by_the_metres_since_the_last_one(warehouse):
    for number in range(3):
        bought(warehouse, number, weekly(number), litres=40 + number, odometer_m=1e6 + 400_000 * number)
    build_consumption(warehouse)
    first, second = rows(warehouse, "from marts.fuel_intervals order by to_utc")
    assert (first["provider_txn_id"], first["litres"], first["distance_m"]) == ("T1", 41, 400_000)
    assert (first["distance_source"], first["l_per_100km"]) == ("odometer", 10.25)
    assert (first["from_utc"], first["to_utc"]) == (local("12:00", DAY), local("12:00", weekly(1)))
    assert round(second["mpg"], 3) == round(235.214583 / 10.5, 3)
    assert (first["is_full"], first["full_source"], first["quality_flags"]) == (True, "assumed", [])


def test_without_odometer_the_metres_are_those_of_the_dates_and_of_the_ledger_within_them(warehouse):
    for number in range(8):
        van(warehouse, day=DAY + timedelta(days=number))
    build(warehouse, *(DAY + timedelta(days=number) for number in range(8)))
    bought(warehouse, 0, DAY, "10:00")  # half of the drive of 100 km from 09:00 to 11:00
    bought(warehouse, 1, weekly(1), "11:30", litres=75.0, typed_km=999)
    build_consumption(warehouse)
    found = one(warehouse, "from marts.fuel_intervals")
    assert (found["distance_source"], round(found["distance_m"])) == ("days", 750_000)
    assert (found["coverage"], round(found["l_per_100km"], 6)) == (1, 10)


def test_the_typed_odometer_is_last_and_no_metres_are_no_ratio(warehouse):
    bought(warehouse, 0, DAY, typed_km=1000)
    bought(warehouse, 1, weekly(1), typed_km=1400)
    bought(warehouse, 2, weekly(2))
    build_consumption(warehouse)
    typed, unknown = rows(warehouse, "from marts.fuel_intervals order by to_utc")
    assert (typed["distance_source"], typed["l_per_100km"]) == ("typed", 10)
    assert (unknown["distance_source"], unknown["l_per_100km"], unknown["quality_flags"]) == (
        "none",
        None,
        ["no_distance"],
    )


def test_dates_hardly_heard_give_no_ratio(warehouse):
    for number in range(8):
        day = DAY + timedelta(days=number)
        VanDay(warehouse, "V", "09:00", tenant_id="t", day=day).run("drive", 60, miles=60).run("unknown", 60).close(
            depot_id=None
        )
    build(warehouse, *(DAY + timedelta(days=number) for number in range(8)))
    bought(warehouse, 0, DAY)
    bought(warehouse, 1, weekly(1))
    build_consumption(warehouse)
    found = one(warehouse, "from marts.fuel_intervals")
    assert (found["coverage"], found["quality_flags"], found["l_per_100km"]) == (0.5, ["low_coverage"], None)


def refuelled(warehouse, day, clock, to_pct):
    started_utc = local(clock, day)
    insert(
        warehouse, "core.refuels", **KEY, service_date=day, started_utc=started_utc,
        ended_utc=started_utc + timedelta(minutes=10), from_pct=20.0, to_pct=to_pct,
    )  # fmt: skip


def test_a_partial_fill_is_burnt_in_the_interval_of_the_next_full_one(warehouse):
    for number, litres in enumerate((40.0, 15.0, 65.0)):
        bought(warehouse, number, weekly(number), litres=litres, odometer_m=400_000.0 * number)
    refuelled(warehouse, weekly(1), "11:55", 50.0)
    refuelled(warehouse, weekly(2), "11:55", 95.0)
    build_consumption(warehouse)
    partial, full = rows(warehouse, "from marts.fuel_intervals order by to_utc")
    assert (partial["is_full"], partial["quality_flags"], partial["l_per_100km"]) == (False, ["not_full"], None)
    assert (full["full_source"], full["litres"], full["fill_count"], full["l_per_100km"]) == ("level", 80, 2, 10)


def test_what_is_bought_within_the_hour_is_one_fill(warehouse):
    bought(warehouse, 0, DAY, odometer_m=0.0)
    bought(warehouse, 1, weekly(1), "12:00", litres=25.0, odometer_m=400_000.0)
    bought(warehouse, 2, weekly(1), "12:20", litres=15.0, odometer_m=400_000.0)
    build_consumption(warehouse)
    found = one(warehouse, "from marts.fuel_intervals")
    assert (found["provider_txn_id"], found["litres"], found["l_per_100km"]) == ("T2", 40, 10)


def test_a_fill_nobody_bought_is_seen_by_the_gauge(warehouse):
    bought(warehouse, 0, DAY, odometer_m=0.0)
    bought(warehouse, 1, weekly(1), odometer_m=400_000.0)
    refuelled(warehouse, DAY + timedelta(days=3), "15:00", 95.0)
    build_consumption(warehouse)
    found = one(warehouse, "from marts.fuel_intervals")
    assert (found["quality_flags"], found["l_per_100km"], found["litres"]) == (["missed_fill"], None, 40)


@pytest.mark.parametrize(("km", "flags"), [(639, []), (641, ["missed_fill"])])
def test_a_fill_much_too_small_for_its_metres_was_not_the_only_one(warehouse, km, flags):
    odometer_m = 0.0
    for number, driven_km in enumerate((0, 400, 400, 400, km)):
        odometer_m += driven_km * 1000
        bought(warehouse, number, weekly(number), odometer_m=odometer_m)
    build_consumption(warehouse)
    found = rows(warehouse, "from marts.fuel_intervals order by to_utc")
    assert [interval["quality_flags"] for interval in found] == [[], [], [], flags]


def test_what_is_no_fill_of_motor_fuel_makes_no_interval(warehouse):
    bought(warehouse, 0, DAY, odometer_m=0.0)
    for number, (kind, family) in enumerate([("credit", "gasoline"), ("void", "gasoline"), ("fill", "def")], 1):
        bought(warehouse, number, weekly(number), kind=kind, family=family)
    bought(warehouse, 4, weekly(4), at_utc=None, odometer_m=800_000.0, from_utc=local("00:00", weekly(4)),
           to_utc=local("00:00", weekly(4) + timedelta(days=1)))  # fmt: skip
    build_consumption(warehouse)
    found = one(warehouse, "from marts.fuel_intervals")
    assert (found["provider_txn_id"], found["litres"], found["to_utc"]) == ("T4", 40, local("12:00", weekly(4)))
    assert warehouse.sql("select count(*) from marts.card_days").fetchall() == [(2,)]


def test_the_order_of_rows_changes_no_interval(schema):
    days = [DAY + timedelta(days=5 * number) for number in range(5)]
    found = []
    for seed in range(3):
        schema.execute("begin")
        order = list(enumerate(days))
        random.Random(seed).shuffle(order)
        for number, day in order:
            bought(schema, number, day, litres=30.1 + number, odometer_m=333_333.3 * number)
            van(schema, day=day, **LEVELS)
        build_consumption(schema)
        found.append([rows(schema, f"from marts.{name} order by all") for name in ("fuel_intervals", "refuels")])
        schema.execute("rollback")
    assert found[0] == found[1] == found[2]


def fortnight(warehouse, days=14, **levels):
    register(warehouse, tank_l=80.0)
    for number in range(days):
        van(warehouse, day=DAY + timedelta(days=number), fuel_used_l=10.0, **LEVELS | levels)
    for number in (0, 6, days - 1):
        bought(warehouse, number, DAY + timedelta(days=number), litres=60.0)
    build_consumption(warehouse)
    return rows(warehouse, "from marts.fuel_balances order by to_date")


def test_a_balance_is_card_less_counter_less_what_is_in_the_tank(warehouse):
    (found,) = fortnight(warehouse)
    assert (found["from_date"], found["to_date"]) == (DAY, DAY + timedelta(days=13))
    assert (found["card_l"], found["counter_l"]) == (180, 140)
    assert found["level_change_l"] == pytest.approx(-0.12 * 80)
    assert found["gap_l"] == pytest.approx(180 - 140 + 9.6)
    assert (found["gap_share"], found["coverage"]) == (pytest.approx(49.6 / 180), 1)


def test_without_a_gauge_or_a_whole_fortnight_there_is_no_gap(warehouse):
    (found,) = fortnight(warehouse, level_first_pct=None, level_last_pct=None)
    assert (found["level_change_l"], found["gap_l"], found["gap_share"]) == (None, None, None)


def test_a_van_that_was_not_there_for_a_fortnight_has_no_balance(warehouse):
    assert fortnight(warehouse, days=13) == []


def test_economy_is_sums_over_sums_by_van_route_and_driver_with_cards_beside(warehouse):
    register(warehouse)
    insert(
        warehouse, "core.prices", region="US", product="gasoline", from_date="2026-01-01", price="1.00", unit="l",
        currency="USD",
    )  # fmt: skip
    days = [DAY, DAY + timedelta(days=1)]
    for day, litres, km, route in ((days[0], 10.0, 100.0, "R1"), (days[1], 30.0, 200.0, "R2")):
        key = van(warehouse, day=day, km=km, route_id=route, fuel_used_l=litres, fuel_sigma_l=0.3).key
        insert(warehouse, "core.route_phases", **key, route_id=route, is_planned=True)
        insert(warehouse, "core.planned_routes", **key, route_id=route, driver_id="D1", role="primary")
    bought(warehouse, 0, days[0], litres=50.0, odometer_m=0.0)
    bought(warehouse, 1, days[1], litres=20.0, odometer_m=160_000.0)
    build(warehouse, *days)
    build_consumption(warehouse)
    query = f"from marts.fuel_economy(date '{days[0]}', date '{days[1]}')"
    found = {(row["subject"], row["subject_id"], row["source"]): row for row in rows(warehouse, query)}
    assert set(found) == {
        ("van", "V", "counter"), ("van", "V", "card"), ("driver", "D1", "counter"), ("route", "R1", "counter"),
        ("route", "R2", "counter"),
    }  # fmt: skip
    of_van = found["van", "V", "counter"]
    assert (of_van["litres"], round(of_van["distance_m"]), of_van["coverage"]) == (40, 300_000, pytest.approx(1))
    assert of_van["l_per_100km"] == pytest.approx(40 / 3)  # not 12.5, the mean of the two days
    assert of_van["mpg"] == pytest.approx(235.214583 / (40 / 3))
    assert of_van["sigma_l"] == pytest.approx(0.3 * 2**0.5)
    assert (of_van["card_l"], float(of_van["card_cost"]), of_van["card_currency"]) == (70, 70, "USD")
    assert (float(of_van["fuel_cost"]), of_van["co2_factor_set"]) == (40, "EPA tailpipe 8.887/10.180")
    by_card = found["van", "V", "card"]
    assert (by_card["litres"], by_card["l_per_100km"]) == (20, 12.5)
    assert found["driver", "D1", "counter"]["l_per_100km"] == of_van["l_per_100km"]
    assert found["route", "R1", "counter"]["l_per_100km"] == pytest.approx(10)
