"""Suggestions: each planted one is found with its saving, homes are never told, and little evidence makes none."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.report.actions import actions, considered, vans_needed
from flows.report.finders.found import Question, Weighed
from flows.report.finders.hot_spots import HotSpot, hot_spots, weigh_hot_spots, when
from flows.report.finders.peers import weigh_idle_peers
from flows.report.finders.stations import weigh_stations
from flows.report.finders.vans import weigh_vans
from flows.report.rendered import Period, month_period
from flows.report.style import Style
from flows.report.units import METRIC
from tests.report.planted_fleet import DATES, OF_ONE_VAN, SPOT, THIS_WEEK, WEEK, build, fill
from tests.warehouse.core_rows import local

STYLE = Style()
KINDS = {
    "hot_spot": weigh_hot_spots,
    "vans": weigh_vans,
    "stations": weigh_stations,
    "idle_peers": weigh_idle_peers,
}
# A detour of 2 x 1.3 x 300 m at 17.26 L/100 km and 30 km/h.
DETOUR_L, DETOUR_H = 780 * 17.26e-5, 0.78 / 30


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    """A data directory with the planted fleet as its published copy."""
    folder = tmp_path_factory.mktemp("planted")
    build(folder / "published" / "odograph.duckdb")
    return folder


@pytest.fixture(scope="module")
def fleet(data_dir) -> Iterator[duckdb.DuckDBPyConnection]:
    """The planted fleet; tests that change it take that back."""
    copied = shutil.copy(data_dir / "published" / "odograph.duckdb", data_dir / "changed.duckdb")
    with duckdb.connect(str(copied)) as connection:
        yield connection


@pytest.fixture
def explain(data_dir, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(data_dir))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *asked: CliRunner().invoke(app, ["explain", "actions", *asked])


@contextmanager
def changed(fleet: duckdb.DuckDBPyConnection) -> Iterator[None]:
    fleet.execute("begin")
    try:
        yield
    finally:
        fleet.execute("rollback")


def weighed(fleet: duckdb.DuckDBPyConnection, kind: str, period: Period = WEEK) -> list[Weighed]:
    return KINDS[kind](Question(fleet, "t1", period), STYLE)


def spot_at(fleet: duckdb.DuckDBPyConnection, latitude: float) -> list[HotSpot]:
    found = hot_spots(Question(fleet, "t1", WEEK))
    return [spot for spot in found if spot.latitude is not None and abs(spot.latitude - latitude) < 0.01]


def test_the_best_three_by_saving_are_taken_and_the_rest_says_why_it_is_not(fleet):
    taken = actions(fleet, "t1", WEEK, STYLE)
    assert [action.kind for action in taken] == ["vans", "stations", "hot_spot"]
    assert [action.saving for action in taken] == sorted((action.saving for action in taken), reverse=True)
    everything = considered(fleet, "t1", WEEK, STYLE)
    assert all(each.is_taken != bool(each.reason) for each in everything)
    assert [each.action for each in everything if each.is_taken] == taken
    assert any(each.reason == "3 others save more" for each in everything)


def test_a_hot_spot_is_told_with_place_hours_vans_and_what_is_above_the_median_stand(fleet):
    (spot,) = spot_at(fleet, SPOT[0])
    assert abs(spot.latitude - SPOT[0]) < 125 / 111_195 + 1e-4
    assert (spot.event_count, spot.day_count, spot.vehicles) == (10, 5, ["V1 (5)", "V2 (5)"])
    assert spot.usual_s == 60
    assert spot.excess_s == 10 * (600 - 60)
    assert spot.excess_cost == pytest.approx(10 * 1.00 * 540 / 600)
    assert when(spot) == "10:00 to 12:00"
    (action,) = [each.action for each in weighed(fleet, "hot_spot") if "north-east" in each.action.title]
    assert action.saving == pytest.approx(9.00)
    assert action.saving_text == "$9.00 a week"
    assert action.confidence == "likely"
    assert action.title == "Switch engines off 8.7 mi north-east of depot D1"
    assert action.formula.startswith("90 min beyond the usual stand of 60 s = ")
    assert "around 40.6010, -74.3003, the middle of a cell of 250 m" in action.evidence


def test_a_place_near_a_home_is_never_told(fleet):
    hidden = [spot for spot in hot_spots(Question(fleet, "t1", WEEK)) if spot.hidden == "home"]
    assert len(hidden) == 2
    for spot in hidden:
        assert (spot.latitude, spot.longitude, spot.vehicles, spot.site_name, spot.depot_m) == (None,) * 5
        assert spot.started_us == []
    said = repr(considered(fleet, "t1", WEEK, STYLE))
    for digits in ("40.70", "40.69", "40.80", "40.79", "-74.20", "-74.19", "-74.10", "-74.09"):
        assert digits not in said
    refused = [each.refusal for each in weighed(fleet, "hot_spot") if "not shown" in each.action.title]
    assert all("not shown" in refusal for refusal in refused)


def test_a_home_known_from_another_week_still_hides_its_neighbourhood(fleet):
    with changed(fleet):
        fleet.execute(
            "update core.place_guards set service_date = $day where vehicle_id = 'V3'",
            {"day": WEEK.first - timedelta(days=28)},
        )
        assert not spot_at(fleet, 40.70)
        fleet.execute(
            "update core.place_guards set service_date = $day where vehicle_id = 'V3'",
            {"day": WEEK.first - timedelta(days=29)},
        )
        assert spot_at(fleet, 40.70)


def test_a_place_of_one_van_is_told_only_where_a_stop_was_planned(fleet):
    assert not spot_at(fleet, OF_ONE_VAN[0])
    with changed(fleet):
        fill(
            fleet, "marts.planned_stops",
            [{"service_date": THIS_WEEK[0], "vehicle_id": "V4", "latitude": OF_ONE_VAN[0], "longitude": OF_ONE_VAN[1]}],
        )  # fmt: skip
        assert [spot.vehicles for spot in spot_at(fleet, OF_ONE_VAN[0])] == [["V4 (5)"]]


def test_off_duty_traffic_rough_places_and_two_events_make_no_spot(fleet):
    assert not [spot for latitude in (40.55, 40.57) for spot in spot_at(fleet, latitude)]
    with changed(fleet):
        fleet.execute(
            "update marts.idle_events set place_precision_m = 1000 where started_utc < $noon",
            {"noon": local("12:00", THIS_WEEK[4])},
        )
        assert not spot_at(fleet, SPOT[0])


def test_the_depot_is_one_place_and_its_usual_stand_is_left_out(fleet):
    (depot,) = [spot for spot in hot_spots(Question(fleet, "t1", WEEK)) if spot.depot_id]
    assert (depot.depot_id, depot.event_count, depot.excess_s) == ("D1", 5, 5 * (600 - 300))


def test_without_a_price_fuel_is_saved_and_comes_after_money(fleet):
    with changed(fleet):
        fleet.execute("update marts.idle_events set cost = null, currency = null")
        last = [each.action for each in considered(fleet, "t1", WEEK, STYLE)][-1]
        assert (last.kind, last.saving) == ("hot_spot", None)
        (spot,) = [each.action for each in weighed(fleet, "hot_spot") if "north-east" in each.action.title]
        assert spot.saving_text == "0.9 gal a week"


def test_vans_beyond_the_peak_and_a_reserve_are_named_the_least_used_first(fleet):
    (need,) = vans_needed(fleet, "t1", WEEK)
    assert (need.peak, need.reserve, need.needed, need.available, need.surplus) == (4, 1, 5, 8, 3)
    assert [van.vehicle_id for van in need.least_used] == ["V6", "V7", "V8"]
    (action,) = [each.action for each in weighed(fleet, "vans")]
    assert action.saving == 3 * 60 * 5
    assert action.title == "Give back or move 3 vans of depot D1"
    assert "8 available − 4 out at once at most − 1 in reserve = 3" in action.formula


def test_a_van_never_heard_is_not_known_to_be_spare_and_one_planned_and_silent_is_out(fleet):
    with changed(fleet):
        fleet.execute(
            "update marts.status_days set fleet_status = 'non_communicating' where vehicle_id in ('V7', 'V8')"
        )
        (need,) = vans_needed(fleet, "t1", WEEK)
        assert (need.available, need.unheard, need.surplus) == (6, 2, 1)
        fill(
            fleet, "marts.route_days",
            [{
                "service_date": THIS_WEEK[0], "vehicle_id": "V8", "depot_id": "D1", "route_id": "R8", "role": "primary",
                "planned_exit_utc": local("10:00", THIS_WEEK[0]), "planned_return_utc": local("16:00", THIS_WEEK[0]),
            }],
        )  # fmt: skip
        (need,) = vans_needed(fleet, "t1", WEEK)
        assert (need.peak, need.peak_date, need.surplus) == (5, THIS_WEEK[0], 0)


def test_vans_of_two_waves_need_half_an_hour_in_between(fleet):
    with changed(fleet):
        fleet.execute(
            "update marts.route_days set depot_exit_utc = depot_return_utc + interval 29 minute,"
            " depot_return_utc = depot_return_utc + interval 8 hour where vehicle_id = 'V1'"
        )
        assert vans_needed(fleet, "t1", WEEK)[0].peak == 4
        fleet.execute(
            "update marts.route_days set depot_exit_utc = depot_exit_utc + interval 1 minute where vehicle_id = 'V1'"
        )
        assert vans_needed(fleet, "t1", WEEK)[0].peak == 3


def test_a_depot_short_of_vans_has_a_negative_surplus_and_no_suggestion(fleet):
    with changed(fleet):
        fleet.execute("update marts.status_days set is_available = false where vehicle_id >= 'V5'")
        assert [need.surplus for need in vans_needed(fleet, "t1", month_period(WEEK.first))] == [-1]
        assert not weighed(fleet, "vans")


def test_three_weeks_are_too_few_to_give_vans_back(fleet):
    with changed(fleet):
        fleet.execute("delete from marts.status_days where service_date < $day", {"day": DATES[5]})
        (left,) = weighed(fleet, "vans")
        assert left.refusal == "dates with vans out: 15; 16 in 4 weeks are needed to judge"


def test_without_the_cost_of_a_van_the_saving_is_in_vans_and_says_how_to_get_money(fleet):
    with changed(fleet):
        fleet.execute("update core.vehicles set fixed_cost_per_day = null")
        (left,) = weighed(fleet, "vans")
        assert (left.action.saving, left.action.saving_text) == (None, "3 vans every week, cost not known")
        assert "fixed_cost_per_day" in left.action.formula


def test_a_cheaper_station_on_the_way_saves_its_price_less_the_detour(fleet):
    (found,) = weighed(fleet, "stations")
    assert not found.refusal
    assert found.action.title == "Fuel at CHEAP when a route passes it"
    each = 20 * 0.50 - DETOUR_L * 3.40 / 3.785411784 - DETOUR_H * 22.50
    assert found.action.saving == pytest.approx(4 * each, rel=1e-3)
    assert "$40.00 of price on 80.0 gal" in found.action.formula
    assert "$3.400/gal" in found.action.why


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("delete from core.ledger where vehicle_id in ('V1', 'V2')", "2 fills could have gone there, 3 needed"),
        ("delete from core.ledger", None),
        ("update core.ledger set latitude = latitude + 0.02", None),
        ("update core.ledger set place_precision_m = 1000", None),
        ("update marts.fuel_purchases set match_state = 'mismatch' where site_name = 'DEAR'", None),
        ("update marts.fuel_purchases set product = 'diesel_2' where site_name = 'DEAR'", None),
        ("update marts.fuel_purchases set service_date = service_date - 8 where site_name = 'CHEAP'", None),
        ("delete from marts.fuel_purchases where provider_txn_id in ('C0', 'C1', 'C2')", None),
        ("update marts.fuel_purchases set discount = -10.20 where site_name = 'DEAR'", None),
        ("update core.depots set wage_per_h = 500", None),
    ],
)
def test_a_station_off_the_way_or_hardly_known_or_no_cheaper_is_not_suggested(fleet, change, reason):
    with changed(fleet):
        fleet.execute(change)
        assert [each.refusal for each in weighed(fleet, "stations")] == ([reason] if reason else [])


def test_a_van_that_idles_far_above_the_others_on_its_route_is_looked_into(fleet):
    with changed(fleet):
        # They change routes every day, so that each route knows all of them.
        fleet.execute(
            "update marts.route_days set route_id = 'R' || (vehicle_id[2]::int + dayofyear(service_date)) % 4"
        )
        fleet.execute("update marts.route_days set idle_s = 5400 where vehicle_id = 'V2'")
        (found,) = weighed(fleet, "idle_peers")
        assert found.action.title == "Look into why V2 idles more than other vans on the same routes"
        assert found.action.saving == pytest.approx(5 * 3_600 * 2 / 1_800)
        assert found.action.confidence == "likely"
        fleet.execute("update marts.route_days set idle_s = 1800 where service_date < $day", {"day": THIS_WEEK[3]})
        (found,) = weighed(fleet, "idle_peers")
        assert found.refusal == "above the others on 2 of 5 days only"


def test_a_month_is_brought_to_a_week(fleet):
    month = month_period(WEEK.first)
    (action,) = [each.action for each in weighed(fleet, "hot_spot", month) if "north-east" in each.action.title]
    assert action.saving == pytest.approx(9.00 / 4)
    assert action.formula.endswith("= $9.00, brought to a week")


def test_the_order_of_rows_decides_nothing(fleet):
    before = considered(fleet, "t1", WEEK, STYLE)
    with changed(fleet):
        for table in ("marts.idle_events", "marts.fuel_purchases", "marts.status_days", "core.place_guards"):
            fleet.execute(f"create or replace temp table shuffled as from {table} order by hash(rowid)")
            fleet.execute(f"delete from {table}")
            fleet.execute(f"insert into {table} from shuffled")
        assert considered(fleet, "t1", WEEK, STYLE) == before


def test_rows_of_another_tenant_with_the_same_vans_change_nothing(fleet):
    before = considered(fleet, "t1", WEEK, STYLE)
    with changed(fleet):
        for table, differing in (
            ("marts.idle_events", "cost * 9 as cost"),
            ("marts.stops", "9.0 as engine_on_s"),
            ("core.place_guards", f"[{{'latitude': {SPOT[0]}, 'longitude': {SPOT[1]}}}] as homes"),
            ("marts.vehicle_days", "9.0 as fuel_used_l"),
            ("marts.route_days", "depot_return_utc + interval 3 hour as depot_return_utc"),
            ("marts.status_days", "true as is_dispatched"),
            ("marts.fuel_purchases", "price_per_l / 2 as price_per_l, gross / 2 as gross"),
            ("core.ledger", "latitude + 0.002 as latitude"),
            ("core.vehicles", "9 as fixed_cost_per_day"),
            ("core.depots", "99 as wage_per_h"),
        ):
            fleet.execute(f"insert into {table} select * replace ('t2' as tenant_id, {differing}) from {table}")
        assert considered(fleet, "t1", WEEK, STYLE) == before
        assert considered(fleet, "t2", WEEK, STYLE) != before


def test_nothing_is_suggested_of_nothing_or_of_another_tenant(fleet):
    assert considered(fleet, "nobody", WEEK, STYLE) == []
    assert vans_needed(fleet, "nobody", WEEK) == []


def test_figures_are_written_in_the_units_and_locale_of_the_reader(fleet):
    said = str([*considered(fleet, "t1", WEEK, Style(METRIC, "de_DE"))]).replace(r"\xa0", " ")
    assert "14,0 km north-east of depot D1" in said
    assert "0,898 $/L" in said
    assert "around 40,6010; -74,3003, the middle" in said
    assert " gal" not in said


def test_explain_prints_what_was_weighed_with_its_numbers_and_why_it_was_left(explain):
    shown = explain("--tenant", "t1", "--week", "2026-W09").stdout
    assert "Suggestions for t1, 2026-02-23 to 2026-03-01 (2026-W09): 3 of" in shown
    assert "1. Give back or move 3 vans of depot D1: $900 a week\n   taken" in shown
    assert "likely (n = 20): 8 available − 4 out at once at most − 1 in reserve = 3; $180.00 a day" in shown
    assert "left: near a place where a van stood overnight: not shown" in shown
    assert "at most 4 out at once" in shown
    assert "40.7" not in shown


def test_explain_takes_the_newest_whole_week_of_the_only_tenant_and_says_what_it_cannot_find(explain):
    assert "2026-02-16 to 2026-02-22 (2026-W08)" in explain().stdout  # data end on a Friday
    assert "no tenant t9; there are t1" in explain("--tenant", "t9").output
    for week in ("2026-09", "2026-W54"):
        refused = explain("--week", week)
        assert (refused.exit_code, f"a week is written 2026-W09, not {week}" in refused.output) == (1, True)
