"""The daily report in the reader's locale, and the numbers a correction would compare."""

import re
from collections.abc import Iterator
from html import unescape
from math import inf
from pathlib import Path

import duckdb
import pytest

from flows.report.daily import daily_report, render
from flows.report.kinds import Asked
from flows.report.queries import rows
from flows.report.rendered import Report, day_period
from flows.report.rows import SilentVehicle
from flows.report.style import Style
from flows.report.units import METRIC, US
from tests.flows.published_fixture import DAY, build, pictures_left_out
from tests.report.months import empty_copy, fill


@pytest.fixture(scope="module", autouse=True)
def _no_pictures() -> Iterator[None]:
    with pictures_left_out():
        yield


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("published") / "history.duckdb", weeks_of_history=4)


@pytest.fixture(scope="module")
def german(published: Path) -> Report:
    return daily_report(published, "dax7", DAY, style=Style(METRIC, "de_DE"))


def test_a_german_reads_the_whole_page_in_german_numbers(german):
    assert german.subject == "Depot DAX7 · Do., 26. Feb. · 23/24 vans · idle 28,7 % (▲3,1) · 2 fuel flags"
    words = " ".join(german.text.split())
    for written in (
        "Idling cost 55 $",
        "▲3,1 pt",
        "39,9 h, 55 $",
        "72,45 $",
        "41 of 92.041",
        "79,5 L",
        "98,1 % of 194",
    ):
        assert written in words.replace("\u00a0", " "), written
    # No figure with a point before one or two last digits is left, but in factors and in what the rules wrote.
    left = re.sub(r"EPA tailpipe \S+|the nearest was 4\.2 mi away|routes-\S+", "", german.text)
    assert not re.findall(r"\d\.\d{1,2}(?!\d)", left)


def test_an_american_who_reads_spanish_has_miles_and_spanish_days(published):
    report = daily_report(published, "dax7", DAY, style=Style(US, "es_US"))
    assert report.subject == "Depot DAX7 · jue, 26 de feb · 23/24 vans · idle 28.7 % (▲3.1) · 2 fuel flags"
    assert "Fuel economy, mpg" in report.text
    assert "$72.45" in report.text


def test_the_page_says_the_same_figures_as_the_text(german):
    page = unescape(re.sub(r"<[^>]+>", " ", german.html.partition("</style>")[2])).replace("\u00a0", " ")
    for figure in ("28,7 %", "72,45 $", "92.041", "79,5 L", "17,", "95,8 %"):
        assert figure in page, figure


def test_headlines_are_the_tiles_as_numbers(published):
    headlines = {line.name: line for line in daily_report(published, "dax7", DAY).headlines}
    assert headlines["Idle share"].value == pytest.approx(0.287, abs=0.0005)
    assert headlines["Idle share"].text == "28.7 %"
    assert headlines["Idle cost"].move == pytest.approx(0.1 * headlines["Idle cost"].value)
    assert (headlines["Routes run"].value, headlines["Routes run"].move) == (23, 1)
    assert (headlines["Fuel flags"].value, headlines["Fuel flags"].move) == (2, 1)


def test_a_headline_that_is_not_shown_has_no_value(published):
    headlines = {line.name: line for line in daily_report(published, "buses", DAY).headlines}
    assert (headlines["Idle share"].value, headlines["Fuel economy"].value) == (None, None)
    assert headlines["Idle cost"].move == inf


def test_the_verdict_names_what_changed_most(published, tmp_path):
    """Routes were on time in the weeks before: what they take longer today is a larger change than the idling."""
    copy = tmp_path / "changed.duckdb"
    copy.write_bytes(published.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        connection.execute(
            "insert into marts.route_days select routes.* replace (service_date - (7 * week)::integer as service_date,"
            " planned_route_time_s as route_time_s) from marts.route_days as routes, range(1, 5) as weeks(week)"
            " where tenant_id = 'dax7'"
        )
    words = " ".join(daily_report(copy, "dax7", DAY).text.split())
    assert "ran 75 min over plan, about $28 in wages, $28 above your median of 4 Thursdays at the same number" in words


def told(published: Path, copy: Path, *changes: str) -> str:
    """Return the text of the day after changes to a copy, in one line."""
    copy.write_bytes(published.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        for change in changes:
            connection.execute(change)
    return " ".join(daily_report(copy, "dax7", DAY).text.split())


# A day whose idling, overruns and late starts are those of the weeks before.
AS_USUAL = "update marts.fleet_days set idle_share = 0.287, starts_with_plan = 0 where service_date < date '2026-02-26'"


def test_a_day_without_a_change_worth_a_headline_is_one_as_usual(published, tmp_path):
    words = told(published, tmp_path / "usual.duckdb", AS_USUAL)
    assert "A day as usual: 23 of 23 planned routes ran. Idling cost $55, $0.0" in words


def test_fewer_vans_out_are_no_saving(published, tmp_path):
    """Twice the vans idled as large a part of their engine hours on the Thursdays before."""
    double = "update marts.fleet_days set idle_cost = 2 * idle_cost, idle_s = 2 * idle_s where service_date < date"
    words = told(published, tmp_path / "double.duckdb", AS_USUAL, f"{double} '{DAY}'")
    assert "A day as usual: 23 of 23 planned routes ran. Idling cost $55, $0.0" in words


def test_late_starts_are_a_cost_too(published, tmp_path):
    words = told(
        published,
        tmp_path / "late.duckdb",
        AS_USUAL,
        "update marts.fleet_days set starts_with_plan = 23 where service_date < date '2026-02-26'",
        "insert into marts.route_days select routes.* replace (service_date - (7 * week)::integer as service_date,"
        " planned_exit_utc as depot_exit_utc, true as on_time_start) from marts.route_days as routes,"
        " range(1, 4) as weeks(week) where tenant_id = 'dax7'",
        "update marts.route_days set depot_exit_utc = planned_exit_utc + interval 2 hour, on_time_start = false"
        " where route_id in ('R216', 'R217') and service_date = date '2026-02-26'",
    )
    late = "3 routes left 4 h 7 min late, about $93 in wages, $93 above your median of 3 Thursdays at the same number"
    assert late in words


def test_a_planned_route_that_did_not_run_comes_first(published, tmp_path):
    plan = (
        "insert into core.planned_routes by name select tenant_id, service_date, route_id, vehicle_id, depot_id, role"
        " from marts.route_days where tenant_id = 'dax7'"
    )
    words = told(
        published,
        tmp_path / "missed.duckdb",
        plan,
        "update marts.route_days set stop_count = 0, drive_s = 0 where route_id = 'R203'",
        "update marts.fleet_days set routes_run = 22 where tenant_id = 'dax7' and service_date = date '2026-02-26'",
    )
    assert "R203 (V03) was planned and not seen to run; 22 of 23 planned routes ran. Idling cost $55" in words


def test_a_tile_says_in_a_word_whether_it_got_better(published):
    lines = daily_report(published, "dax7", DAY).text.splitlines()
    said = {line[:13].strip(): line for line in lines if " · " in line}
    assert "▲3.1 pt worse" in said["Idle share"]
    assert "▲4.3 pt better" in said["On-time start"]
    assert "▼0.4 worse" in said["Fuel economy,"]
    assert "▲2 worse" in said["Fuel flags"]


def test_what_to_do_about_idling_is_about_the_place_that_is_named(published, tmp_path):
    """The longest event was at the depot, most of the idling at hand-offs: both halves speak of hand-offs."""
    row = (
        "insert into marts.idle_events by name select * replace ('depot' as context, 700 as duration_s) from"
        " marts.idle_events where vehicle_id = 'V20' and duration_s >= 120 limit 1"
    )
    more = (
        "insert into marts.idle_events by name select told.* replace ('hand_off' as context, 600 as duration_s)"
        " from marts.idle_events as told, range(4) where vehicle_id = 'V20' and context = 'depot' and duration_s = 700"
    )
    words = told(published, tmp_path / "places.duckdb", row, more)
    assert re.search(
        r"\d+ min of it at hand-offs, the longest there 10 min at [\d:]+[^$]*\$[\d.]+ Engine off at", words
    )


def test_a_spare_van_left_with_its_engine_off_did_not_fall_silent(tmp_path):
    """All three were heard the day before: one parked, one parked with a route today, one while it drove."""
    with duckdb.connect(str(empty_copy(tmp_path))) as copy:
        heard = "from (values ('V1', 'off'), ('V2', 'off'), ('V3', 'drive')) as runs(vehicle_id, state)"
        key = f"select 't' as tenant_id, date '{DAY}' - 1 as service_date, vehicle_id,"
        end = "service_date + interval 22 hour"
        fill(copy, "marts.vehicle_days", f"{key} {end} as last_fix_utc {heard}")
        fill(copy, "core.ledger", f"{key} state, service_date::timestamp as started_utc, {end} as ended_utc {heard}")
        planned = f"select 't' as tenant_id, date '{DAY}' as service_date, 'V2' as vehicle_id, 'R1' as route_id"
        fill(copy, "core.planned_routes", planned)
        silent = rows(copy, "silent_vehicles", SilentVehicle, tenant_id="t", service_date=DAY)
    assert [van.vehicle_id for van in silent] == ["V2", "V3"]


def test_a_mail_promises_only_what_it_carries(published):
    asked = Asked(published, "dax7", day_period(DAY))
    words = " ".join(render(asked).text.split())
    assert "Also attached as routes-2026-02-26.csv and daily-2026-02-26.xlsx, with more columns." in words
    bare = render(asked._replace(formats=frozenset({"html", "text"})))
    assert not re.search("attached|workbook", bare.text + bare.html)


def test_who_gets_several_tenants_reads_which_one_it_is(published):
    asked = Asked(published, "dax7", day_period(DAY), names_tenant=True)
    assert render(asked).subject.startswith("dax7 · Depot DAX7 · Thu 26 Feb · 23/24 vans")
    buses = render(asked._replace(tenant_id="buses")).subject
    assert buses.startswith("buses ·")
    assert buses.count("buses") == 1


def test_words_are_explained_in_the_mail_itself(published):
    words = " ".join(daily_report(published, "dax7", DAY).text.split())
    assert "Stem: distance before the first and after the last stop, over all." in words
    assert "docs/" not in words
