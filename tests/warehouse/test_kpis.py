"""K1-K29: every worked example of the field, and the edge cases beside them."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pytest

from flows.opening import lake_tables
from flows.refresh import publish_copy
from tests.builders import settings_in
from tests.warehouse import reference_day
from tests.warehouse.core_rows import DAY, GALLON_L, MILE_M, VanDay, insert
from warehouse.checks import check_day
from warehouse.connection import open_warehouse
from warehouse.lake import attach_lake
from warehouse.models import build_day, prepare_models

DEFINITIONS = Path(__file__).parents[2] / "docs" / "definitions.md"
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)  # clocks change in New York
BEFORE = DAY - timedelta(days=1)

FLEET = f"from marts.fleet_days where tenant_id = 'dax7' and service_date = date '{DAY}'"
VAN = f"from marts.vehicle_days where tenant_id = 'dax7' and service_date = date '{DAY}' and vehicle_id = 'V12'"
ROUTE = f"from marts.route_days where tenant_id = 'dax7' and service_date = date '{DAY}' and route_id = 'R207'"
EXAMPLES = [
    ("K1", f"select 100 * asset_utilization {FLEET}", "95.8"),
    ("K1", f"select 100 * books_utilization {FLEET}", "88.5"),
    (
        "K2",
        "select 100 * day_utilization from core.day_utilization(date '2025-01-01', date '2025-12-31')"
        " where vehicle_id = 'V1'",
        "74.7",
    ),
    ("K3", f"select 100 * time_utilization {VAN}", "54.8"),
    ("K4", f"select 100 * distance_utilization {VAN}", "85.5"),
    ("K5", f"select 100 * capacity_utilization {ROUTE}", "85.0"),
    ("K6", f"select 100 * engine_productivity {VAN}", "71.3"),
    ("K7", f"select 100 * route_utilization {ROUTE}", "95.2"),
    ("K8", f"select 100 * productive_share {ROUTE}", "88.3"),
    ("K9", f"select 100 * paid_productive_share {ROUTE}", "81.8"),
    ("K9", f"select paid_s / 60 {ROUTE}", "555"),
    ("K10", f"select idle_s / 60 {VAN}", "104"),
    ("K11", f"select 100 * idle_share {VAN}", "28.7"),
    ("K12", f"select excess_idle_s / 60 {VAN}", "71"),
    ("K12", f"select idle_event_count {VAN}", "15"),
    ("K12", f"select long_idle_s / 60 {VAN}", "38"),
    ("K12", f"select long_idle_event_count {VAN}", "4"),
    ("K13", f"select idle_fuel_l / {GALLON_L} {VAN}", "0.693"),
    ("K14", f"select idle_cost {VAN}", "2.39"),
    ("K14", f"select idle_co2_kg {VAN}", "6.16"),
    ("K15", f"select stem_m / {MILE_M} {ROUTE}", "23.9"),
    ("K15", f"select 100 * stem_share {ROUTE}", "34.9"),
    ("K16", f"select stem_s / 60 {ROUTE}", "60"),
    ("K17", f"select mean_dwell_s {ROUTE}", "83.1"),
    ("K18", f"select stops_per_hour {ROUTE}", "23.7"),
    ("K18", f"select stops_per_route_hour {ROUTE}", "20.9"),
    ("K19", f"select 100 * stop_completion {ROUTE}", "98.4"),
    ("K19", f"select 100 * package_completion {ROUTE}", "98.5"),
    ("K20", f"select 100 * on_time_start_share {FLEET}", "95.7"),  # 22 of the 23 that left
    ("K21", f"select distance_m / {MILE_M} / (fuel_used_l / {GALLON_L}) {VAN}", "13.63"),
    ("K21", f"select fuel_l_per_100km {VAN}", "17.26"),
    ("K22", "select 100 * coverage from marts.vehicle_days where vehicle_id = 'V25'", "60"),
    ("K22", "select 100 * window_coverage from marts.vehicle_days where vehicle_id = 'V25'", "75"),
    ("K23", f"select co2_kg {ROUTE}", "44.61"),
    ("K23", f"select co2_kg_per_km * {MILE_M / 1000} {ROUTE}", "0.652"),
    ("K23", f"select co2_kg_per_stop {ROUTE}", "0.249"),
    ("K24", f"select cost {ROUTE}", "288.64"),
    ("K25", f"select cost_per_stop {ROUTE}", "1.61"),
    ("K25", f"select cost_per_km::double * {MILE_M / 1000} {ROUTE}", "4.22"),
    ("K26", f"select fuel_cost_per_km::double * {MILE_M / 1000} {ROUTE}", "0.253"),
    ("K27", f"select unplanned_stop_count {VAN}", "2"),
    ("K27", f"select unplanned_stop_s / 60 {VAN}", "32"),
    ("K28", f"select after_hours_m / {MILE_M} from marts.vehicle_days where vehicle_id = 'V22'", "10.0"),
    ("K28", f"select after_hours_m {VAN}", "0"),
    ("K29", f"select vehicles_active {FLEET}", "23"),
    ("K29", f"select vehicles_stationary {FLEET}", "1"),
    ("K29", f"select vehicles_inactive {FLEET}", "1"),
    ("K29", f"select vehicles_non_communicating {FLEET}", "1"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Settings whose warehouse holds the reference day and the days of the edge cases, built and checked."""
    settings = settings_in(tmp_path_factory.mktemp("kpis"))
    with open_warehouse(settings.warehouse_path) as warehouse:
        prepare_models(warehouse)
        attach_lake(warehouse, lake_tables(settings), settings.timezone)
        reference_day.build(warehouse)
        _mixed_fleet(warehouse)
        _changing_books(warehouse)
        _driven_all_the_same(warehouse)
        _clock_changes(warehouse)
        tenants = [row[0] for row in warehouse.execute("select distinct tenant_id from core.vehicle_dates").fetchall()]
        for day in (BEFORE, DAY, SPRING, AUTUMN):
            build_day(warehouse, day)
            check_day(warehouse, day, tenants)
        _year_of_one_van(warehouse)
    publish_copy(settings)
    return settings


@pytest.fixture(scope="module")
def copy(built) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published copy: what holds there holds for readers."""
    with duckdb.connect(str(built.published_path.resolve()), read_only=True) as connection:
        yield connection


def _mixed_fleet(warehouse: duckdb.DuckDBPyConnection) -> None:
    insert(warehouse, "core.vehicles", tenant_id="mixed", vehicle_id="E1", fuel_type="BEV")
    insert(warehouse, "core.vehicles", tenant_id="mixed", vehicle_id="G1", fuel_type="gasoline")
    electric = VanDay(warehouse, "E1", "09:00", tenant_id="mixed", route_id="E")
    electric.run("drive", 120, miles=62, energy_kwh=29).run("ready", 60, energy_kwh=2)
    electric.close(depot_id=None, energy_used_kwh=31)
    VanDay(warehouse, "G1", "09:00", tenant_id="mixed").run("drive", 30, miles=20).run("idle", 10).close(
        depot_id=None, fuel_used_l=6
    )


def _changing_books(warehouse: duckdb.DuckDBPyConnection) -> None:
    for van, status, valid_from, valid_to in (
        ("OLD", "active", None, DAY),
        ("OLD", "sold", DAY, None),
        ("RENTED", "active", DAY, DAY + timedelta(days=1)),
        ("KEPT", "active", None, None),
    ):
        insert(
            warehouse, "core.vehicles", tenant_id="books", vehicle_id=van, status=status, valid_from=valid_from,
            valid_to=valid_to,
        )  # fmt: skip
    for day in (BEFORE, DAY):
        VanDay(warehouse, "KEPT", "09:00", tenant_id="books", day=day).run("drive", 5).close(depot_id=None)


def _driven_all_the_same(warehouse: duckdb.DuckDBPyConnection) -> None:
    for van, status in (("KEPT", "active"), ("SERVICED", "service"), ("OLD", "sold"), ("STRANGER", None)):
        if status:
            insert(warehouse, "core.vehicles", tenant_id="driven", vehicle_id=van, status=status)
        out = VanDay(warehouse, van, "09:00", tenant_id="driven", route_id=van).run("drive", 5)
        out.close(depot_id=None)
        insert(warehouse, "core.route_phases", **out.key, route_id=van, is_planned=False)


def _clock_changes(warehouse: duckdb.DuckDBPyConnection) -> None:
    insert(
        warehouse, "core.depots", tenant_id="dst", depot_id="ALL", timezone="America/New_York", window_start="00:00",
        window_end="00:00",
    )  # fmt: skip
    for day in (SPRING, AUTUMN):
        VanDay(warehouse, "V1", "09:00", tenant_id="dst", day=day).run("drive", 60).close(depot_id="ALL")


def _year_of_one_van(warehouse: duckdb.DuckDBPyConnection) -> None:
    """261 days on which its fleet worked, 195 of them on a route; 30 more on which the fleet stood still."""
    warehouse.execute(
        "insert into marts.status_days select 'year', date '2025-01-01' + day::int, van, 'active', true, true,"
        " case van when 'V1' then day < 195 else day < 261 end, 'inactive', null"
        " from range(291) as days (day), (values ('V1'), ('V2')) as vans (van)"
    )


def row(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, object]:
    return connection.sql(query).pl().row(0, named=True)


@pytest.mark.parametrize(("kpi", "query", "printed"), EXAMPLES, ids=[f"{kpi}-{text}" for kpi, _, text in EXAMPLES])
def test_the_worked_example_comes_out_as_printed(copy, kpi, query, printed):
    decimals = len(printed.partition(".")[2])
    assert f"{copy.sql(query).fetchall()[0][0]:.{decimals}f}" == printed


def test_every_kpi_has_a_worked_example():
    assert {kpi for kpi, _, _ in EXAMPLES} == {f"K{number}" for number in range(1, 30)}


def test_the_definitions_give_the_columns_of_every_kpi(copy):
    listed = re.findall(r"^\| (K\d+) \| (?!`marts\.)(.+?) \| .+ \|$", DEFINITIONS.read_text(), re.MULTILINE)
    assert [kpi for kpi, _ in listed] == [f"K{number}" for number in range(1, 30)]
    marts = {"V": "vehicle_days", "R": "route_days", "F": "fleet_days", "S": "status_days"}
    for _, cell in listed:
        for part in cell.split("; "):
            places, names = re.match(r"((?:[VRFS], )*[VRFS] )?(.*)", part).groups()
            for name in re.findall(r"`([\w.]+)`", names):
                if places:
                    for letter in places.strip().split(", "):
                        assert name in copy.sql(f"from marts.{marts[letter]} limit 0").columns
                else:
                    copy.sql(f"from {name}(date '{DAY}', date '{DAY}')")


def test_every_value_is_made_of_the_terms_that_the_definitions_name(copy):
    listed = re.findall(
        r"^\| (K\d+) \| `(marts\.\w+)\.(\w+)` \| (?:`(\w+)`)? ?\| (?:`(\w+)`)? ?\| (?:`(.+?)`)? ?\|$",
        DEFINITIONS.read_text(),
        re.MULTILINE,
    )
    assert {kpi for kpi, *_ in listed} == {f"K{number}" for number in range(1, 30)}
    for kpi, table, value, numerator, denominator, formula in listed:
        terms = f"{numerator or value}::double as n, {denominator}::double as d," if formula else ""
        # Money is stored with four decimals, what it is made of with as many.
        wrong = f"abs(v - ({formula})) > 1e-4 + 1e-4 * abs(v)" if formula else "false"
        known, differing = copy.sql(
            f"select count(v), count(*) filter ({wrong}) from"
            f" (select {terms} {value if not formula else value + '::double'} as v from {table})"
        ).fetchall()[0]
        assert known > 0, (kpi, table, value)
        assert differing == 0, (kpi, table, value)


def test_money_is_rounded_once_at_the_end(copy):
    route = row(copy, f"select fuel_cost, wage_cost, fixed_cost, cost {ROUTE}")
    cent = Decimal("0.01")
    parts = [route[name].quantize(cent, ROUND_HALF_UP) for name in ("fuel_cost", "wage_cost", "fixed_cost")]
    assert (sum(parts), route["cost"].quantize(cent)) == (Decimal("288.65"), Decimal("288.64"))


def test_a_van_in_the_workshop_is_on_the_books_and_not_available(copy):
    fleet = row(copy, f"select vehicles_on_books, vehicles_out_of_service, vehicles_available {FLEET}")
    assert list(fleet.values()) == [26, 2, 24]


def test_a_sold_van_leaves_the_books_on_its_date_and_a_rented_one_counts_while_it_is_rented(copy):
    books = copy.sql(
        "select service_date, list(vehicle_id order by vehicle_id) from marts.status_days"
        " where tenant_id = 'books' and is_available group by all order by all"
    ).fetchall()
    assert books == [(BEFORE, ["KEPT", "OLD"]), (DAY, ["KEPT", "RENTED"])]


def test_no_more_of_the_vans_than_there_are_were_dispatched(copy):
    """One van in service, one sold and one that nobody registered drove as well."""
    counted = "vehicles_dispatched, available_dispatched, vehicles_available, books_dispatched, vehicles_on_books"
    ratios = "asset_utilization, books_utilization"
    fleet = row(copy, f"select {counted}, {ratios} from marts.fleet_days where tenant_id = 'driven'")
    assert list(fleet.values()) == [4, 1, 1, 2, 2, 1.0, 1.0]
    period = f"core.fleet_totals(date '{DAY}', date '{DAY}')"
    totals = row(copy, f"select {counted}, {ratios} from {period} where tenant_id = 'driven'")
    assert list(totals.values()) == list(fleet.values())


def test_an_overrun_is_more_than_all_of_the_plan(copy):
    assert row(copy, "from marts.route_days where vehicle_id = 'V03'")["route_utilization"] == 6 / 5


def test_without_a_return_the_stem_back_is_not_known_and_flagged(copy):
    route = row(copy, "from marts.route_days where vehicle_id = 'V04'")
    assert [route[name] for name in ("stem_back_m", "stem_m", "stem_share", "stem_s", "route_time_s")] == [None] * 5
    assert route["stem_out_m"] == pytest.approx(10 * MILE_M)
    assert route["quality_flags"] == ["no_return"]


def test_five_minutes_late_is_on_time_and_a_second_more_is_not(copy):
    starts = dict(copy.sql("select vehicle_id, on_time_start from marts.route_days").fetchall())
    assert (starts["V12"], starts["V01"], starts["V26"]) == (True, False, None)


def test_ratios_over_nothing_are_null(copy):
    route = row(copy, "from marts.route_days where route_id = 'R226'")
    ratios = (
        "route_utilization", "productive_share", "paid_productive_share", "idle_share", "engine_productivity",
        "coverage", "stem_share", "mean_dwell_s", "dwell_basis", "stops_per_hour", "stops_per_route_hour", "cost",
        "cost_per_stop", "cost_per_km", "fuel_l_per_100km", "co2_kg", "co2_factor_set", "paid_s", "paid_source",
        "package_completion",
    )  # fmt: skip
    assert {name: route[name] for name in ratios} == dict.fromkeys(ratios)
    van = row(copy, "from marts.vehicle_days where vehicle_id = 'V24'")
    assert [van[name] for name in ("idle_share", "engine_productivity", "distance_utilization")] == [None] * 3
    assert van["time_utilization"] == 0


def test_a_group_is_a_sum_over_a_sum(copy):
    terms = copy.sql(
        f"select route_time_s, planned_route_time_s from marts.route_days where service_date = date '{DAY}'"
        " and tenant_id = 'dax7' and route_time_s is not null"
    ).fetchall()
    expected = sum(done for done, _ in terms) / sum(planned for _, planned in terms)
    assert row(copy, f"select * {FLEET}")["route_utilization"] == pytest.approx(expected)
    mean = sum(done / planned for done, planned in terms) / len(terms)
    assert abs(mean - expected) > 0.001
    totals = row(copy, f"from core.fleet_totals(date '{BEFORE}', date '{DAY}') where tenant_id = 'dax7'")
    assert totals["route_utilization"] == pytest.approx(expected)


def test_totals_of_a_period_sum_each_numerator_over_the_days_that_have_its_denominator(copy):
    fleet = row(copy, f"from core.fleet_totals(date '{BEFORE}', date '{DAY}') where tenant_id = 'mixed'")
    assert fleet["idle_share"] == 0.25
    van = row(copy, f"from core.vehicle_totals(date '{BEFORE}', date '{DAY}') where vehicle_id = 'V12'")
    assert (round(van["idle_share"], 3), round(van["time_utilization"], 3)) == (0.287, 0.548)
    assert (round(van["distance_utilization"], 3), round(van["fuel_l_per_100km"], 2)) == (0.855, 17.26)
    route = row(copy, f"from core.route_totals(date '{BEFORE}', date '{DAY}') where route_id = 'R207'")
    assert (round(route["mean_dwell_s"], 1), round(route["stops_per_hour"], 1)) == (83.1, 23.7)
    assert round(route["cost_per_stop"], 2) == 1.61


def test_fuel_cost_per_distance_leaves_out_what_has_no_price(copy):
    fleet = row(copy, f"select * {FLEET}")
    assert fleet["metered_distance_m"] > fleet["fuel_costed_distance_m"] == pytest.approx(68.4 * MILE_M)
    assert float(fleet["fuel_cost_per_km"]) == pytest.approx(0.2532 / MILE_M * 1000, abs=1e-4)


def test_who_counted_the_stops_is_said(copy):
    basis = dict(copy.sql("select vehicle_id, dwell_basis from marts.route_days where route_id != 'R999'").fetchall())
    assert (basis["V12"], basis["V05"], basis["V02"]) == ("plan", "scans", "detected")
    scanned = row(copy, "from marts.route_days where vehicle_id = 'V05'")
    assert (scanned["mean_dwell_s"], scanned["stop_completion"]) == (300 * 60 / 120, 1.2)


def test_without_a_timeclock_paid_time_is_estimated_and_says_so(copy):
    clocked, estimated = row(copy, f"select * {ROUTE}"), row(copy, "from marts.route_days where vehicle_id = 'V02'")
    assert (clocked["paid_source"], estimated["paid_source"]) == ("timeclock", "estimated")
    assert estimated["paid_s"] == 6 * 3600


def test_the_fuel_of_a_day_is_not_given_to_one_of_two_routes(copy):
    fuel = copy.sql("select fuel_used_l from marts.route_days where vehicle_id = 'V06'").fetchall()
    assert fuel == [(None,), (None,)]


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_a_window_of_a_whole_day_has_as_many_hours_as_the_day(copy, day, hours):
    van = row(copy, f"from marts.vehicle_days where service_date = date '{day}'")
    assert (van["available_window_s"], van["time_utilization"]) == (hours * 3600, 1 / hours)


def test_an_electric_van_has_no_idle_share_and_its_energy_stands_beside_litres(copy):
    van = row(copy, "from marts.vehicle_days where vehicle_id = 'E1'")
    assert f"{van['energy_kwh_per_km'] * MILE_M / 1000:.2f}" == "0.50"
    assert (van["idle_share"], van["engine_productivity"], van["idle_fuel_l"]) == (None, None, 0)
    assert (van["ready_s"], van["ready_energy_kwh"], van["fuel_used_l"], van["fuel_l_per_100km"]) == (
        3600,
        2,
        None,
        None,
    )
    assert (van["co2_kg"], van["co2_factor_set"]) == (0, "EPA tailpipe 8.887/10.180")
    fleet = row(copy, "from marts.fleet_days where tenant_id = 'mixed'")
    assert (fleet["energy_used_kwh"], fleet["fuel_used_l"], fleet["idle_share"]) == (31, 6, 0.25)
    assert fleet["energy_distance_m"] == pytest.approx(62 * MILE_M)
    assert fleet["metered_distance_m"] == pytest.approx(20 * MILE_M)
    assert fleet["co2_kg"] == pytest.approx(6 / GALLON_L * 8.887)


def test_nobody_is_counted_on_a_day_on_which_a_fleet_was_not_heard_or_planned(copy):
    assert (
        copy.sql(f"from marts.status_days where tenant_id = 'dax7' and service_date != date '{DAY}'").fetchall() == []
    )
