"""The monthly report says what a route, stop and mile cost, of how many of them, and what changed."""

import csv
import io
from datetime import date, timedelta

import duckdb
import fastexcel
import pytest

from flows.report.kinds import KINDS, Asked
from flows.report.monthly.data import NothingThatMonth, read_month
from flows.report.monthly.fleet_size import fleet_size
from flows.report.rendered import month_period
from flows.report.style import Style
from flows.report.units import METRIC
from tests.report.months import empty_copy, fleet
from tests.warehouse.core_rows import insert, local

FEBRUARY = month_period(date(2026, 2, 26))
DAY = date(2026, 2, 10)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    path = empty_copy(tmp_path_factory.mktemp("monthly"))
    with duckdb.connect(str(path)) as copy:
        fleet(copy, "dax7", "2026-01-01", "2026-01-31")
        fleet(copy, "dax7", "2026-02-01", "2026-02-28", wage=205.0)
        fleet(copy, "yearly", "2025-02-01", "2025-02-28", wage=300.0)
        fleet(copy, "yearly", "2026-02-01", "2026-02-28")
        fleet(copy, "deaf", "2026-02-01", "2026-02-28", has_engine=False, has_fuel=False, is_priced=False)
        fleet(copy, "loose", "2026-02-01", "2026-02-28", has_routes=False)
        fleet(copy, "patchy", "2026-02-01", "2026-02-28", coverage=0.61)
        fleet(copy, "alone", "2026-02-20", "2026-02-22", vans=1)
        fleet(copy, "large", "2026-02-01", "2026-02-28", vans=400)
        _fuel(copy)
        for van in ("V001", "V002"):
            insert(
                copy, "marts.legal_idle_events", tenant_id="dax7", service_date=DAY, vehicle_id=van,
                definition_id="legal_nj", started_utc=local("11:00", DAY), excess_s=150.0,
            )  # fmt: skip
    return path


def _fuel(copy):
    """Six fills, half of them at a station that takes a tenth more; and flags in every state."""
    for number in range(6):
        is_dear = number % 2 == 0
        insert(
            copy, "marts.fuel_purchases", tenant_id="dax7", provider="wex", provider_txn_id=f"T{number}", item_no=1,
            service_date=DAY, line_kind="fill", match_state="match", fuel_family="gasoline", quantity_l=40.0,
            net="44.00" if is_dear else "40.00", currency="USD", site_name="Dear" if is_dear else "Cheap",
            city="Edison", state="NJ",
        )  # fmt: skip
    for number, state in enumerate(("open", "explained", "dismissed", "confirmed")):
        insert(
            copy, "marts.fuel_exceptions", tenant_id="dax7", provider="wex", provider_txn_id=f"T{number}", item_no=1,
            service_date=DAY, rule_id="F4", severity="high", state=state, cost="44.00", currency="USD", evidence="{}",
        )  # fmt: skip
    for minute, change in ((1, "opened"), (2, "closed")):  # withdrawn by late data
        insert(
            copy, "core.fuel_flag_history", tenant_id="dax7", provider="wex", provider_txn_id="T4", item_no=1,
            rule_id="F4", changed_utc=local(f"10:0{minute}", DAY), change=change, severity="high", evidence="{}",
        )  # fmt: skip


def rendered(published, tenant_id, style=Style()):  # noqa: B008
    return KINDS["monthly"].render(Asked(published, tenant_id, FEBRUARY, style))


@pytest.fixture(scope="module")
def report(published):
    return rendered(published, "dax7")


def plain(report):
    return " ".join(report.text.split())


def table(report, name):
    return list(csv.DictReader(io.StringIO(report.attachments[name].decode("utf-8-sig"))))


def test_the_verdict_names_the_part_of_the_cost_that_moved_and_what_it_makes_in_all(report):
    """Van 1 rests on four Sundays: 24 + 28 priced routes; 15 + 205 + 60 instead of 15 + 200 + 60."""
    assert (
        plain(report)
        .split("priced")[0]
        .find(
            "A route cost $280.00 in February 2026, $5.00 (1.8 %) more than the month before:"
            " paid time rose by $5.00 a route, $260 over 52 routes."
        )
        > 0
    )
    assert report.subject == "dax7 · February 2026 · $280.00 a route (▲1.8 %) · $1.56 a stop · 3 vans · 2.6 t CO2"


def test_costs_say_of_how_many_routes_they_are_and_add_up(report):
    assert "$280.00 ▲1.8 % · 52 of 80 routes priced" in plain(report)
    assert "Of 52 routes of 80. Paid time of 52 is estimated" in plain(report)
    assert "Not known: paid time of 28." in plain(report)
    lines = [line.split() for line in report.text.splitlines()]
    amounts = {line[0]: line for line in lines if line and line[0] in ("Paid", "Vans,", "Fuel", "Together")}
    assert amounts["Paid"][2:] == ["$10,660", "73", "%", "$205.00", "$1.14", "$3.30"]
    assert amounts["Together"][1:] == ["$14,560", "100", "%", "$280.00", "$1.56", "$4.51"]


def test_a_change_is_judged_where_it_is_noteworthy_and_better_has_a_side(published):
    """A wage of 300 a year ago changes nothing against the month before, which is not there."""
    text = plain(rendered(published, "yearly"))
    assert "there is no earlier month to compare with" in text
    assert "February 2026 February 2025" in text
    assert "$275.00 $375.00" in text
    assert "worse" not in text


def test_totals_of_months_are_compared_per_day_with_data(report):
    """31 days before: with fewer days a month does not drive less."""
    assert "Idle cost $240 $267 ▼0.5 % a day" in plain(report)
    assert "January 2026, of which 31 days had data. This one has 28: totals are compared per day." in plain(report)


def test_without_engine_fuel_and_wage_nothing_is_invented(published):
    report = rendered(published, "deaf")
    assert "what a route cost is not known: no fuel and no wage" in plain(report)
    assert "Idle cost n/a no ignition signal" in plain(report)
    assert "CO2 per mi n/a no fuel" in plain(report)
    assert "$0" not in report.text
    assert all(row["idle_share"] == "" and row["route_cost"] == "" for row in table(report, "vans-2026-02.csv"))
    assert {headline.name: headline.value for headline in report.headlines}["Idle share"] is None


def test_without_routes_it_says_so_and_still_counts_vans(published):
    report = rendered(published, "loose")
    assert "without routes nothing says what one costs. Idling cost $240." in plain(report)
    assert "No routes: no plans" in plain(report)
    assert "Days used" not in report.text.partition("HOW MUCH VANS WERE USED")[2]
    assert "$84" in report.text  # idling has its currency all the same
    assert len(table(report, "vans-2026-02.csv")) == 3


def test_a_month_poorly_heard_shows_no_ratio(published):
    text = plain(rendered(published, "patchy"))
    assert "Only 61 % of February 2026 was heard, so ratios are not shown." in text
    assert "Cost per stop n/a data 61 %" in text
    assert "$275" not in text  # what a route cost is a ratio, too


def test_a_van_alone_for_two_days_is_a_report(published):
    report = rendered(published, "alone")
    assert "2 of 28 with data" in plain(report)
    assert "van-days@odograph" not in report.images


def test_a_reserve_that_is_lacking_is_not_vans_that_are_and_says_what_it_costs(published, report):
    assert "Depot DAX7 needs 4 vans: 3 were out at once on Sat 28 Feb, and 1 in reserve (n = 28 days)." in plain(report)
    assert "It has 3: no reserve when all 3 are out." in plain(report)
    data = read_month(published, "dax7", FEBRUARY)
    (depot,) = data.needed
    for changes, said in (
        ({"cost_per_day": 40.0}, "It has 3: no reserve when all 3 are out; 1 more would cost about $1,200 a month."),
        ({"reserve": 2, "available": 4}, "It has 4: only 1 van in reserve when 3 are out."),
        ({"available": 2, "surplus": -2, "cost_per_day": 40.0}, "It has 2: add 2, about $2,400 a month."),
    ):
        (sentence,) = fleet_size(data._replace(needed=[depot._replace(**changes)]), Style())
        assert sentence.endswith(said)


@pytest.mark.campaign
def test_four_hundred_vans_fit_a_mail_and_all_are_attached(published):
    report = rendered(published, "large")
    assert len(report.html.encode()) < 80_000
    assert "380 vans between these are in the attached vans-2026-02.csv" in plain(report)
    assert len(table(report, "vans-2026-02.csv")) == len(table(report, "routes-2026-02.csv")) == 400
    assert report.html.count("<tr") < 200
    assert len(report.images) == 6
    assert max(len(png) for png in report.images.values()) < 100_000


def test_the_workbook_has_all_rows_and_says_what_columns_mean(report):
    book = fastexcel.read_excel(report.attachments["monthly-2026-02.xlsx"])
    assert book.sheet_names == ["Routes", "Vans", "Stations", "Definitions"]
    sheets = {name: book.load_sheet(name, header_row=None).to_polars().rows() for name in book.sheet_names}
    assert len(sheets["Routes"]) == 2 + 3  # names, units, rows
    costs = dict(zip(sheets["Routes"][0], sheets["Routes"][2], strict=True))
    assert (costs["route_id"], costs["cost_per_route"], costs["days_priced"]) == ("R202", "280", "28")
    meanings = {(row[0], row[1]): row[3] for row in sheets["Definitions"]}
    assert "K25" in meanings["Routes", "cost_per_stop"]
    assert "miles" in meanings["Vans", "distance_mi"]


def test_pictures_are_drawn_for_both_widths_and_say_what_they_found(report):
    assert set(report.images) == {
        f"{narrow}{cid}@odograph" for cid in ("weeks", "cost-by-route", "van-days") for narrow in ("", "narrow-")
    }
    assert "Days on a route by van: V001 least, 24 of 28; all vans 95 % of their days." in plain(report)


def test_stations_are_compared_with_what_all_took(report):
    lines = [line.split() for line in report.text.splitlines()]
    dear, cheap = (next(line for line in lines if line[:1] == [name]) for name in ("Dear", "Cheap"))
    assert dear[1:] == ["3", "32", "gal", "$132", "$4.164", "+4.8", "%"]
    assert cheap[1:] == ["3", "32", "gal", "$120", "$3.785", "−4.8", "%"]


def test_flags_are_told_with_what_became_of_them(report):
    row = next(line.split() for line in report.text.splitlines() if line.startswith("F4"))
    assert row[-5:] == ["5", "1", "3", "1", "$88.00"]  # explained, dismissed and withdrawn are cleared
    assert "A flag is a lead, not proof" in plain(report)


def test_possible_idling_over_limits_is_counted_apart(report):
    assert "New Jersey 2 2 5 min 2 min" in plain(report)


def test_units_and_numbers_are_the_readers(published):
    text = plain(rendered(published, "dax7", Style(METRIC, "de_DE")))
    for written in ("Februar 2026", "280,00 $", "12,0", "Cost per km 2,80 $"):
        assert written in text


def test_headlines_are_what_the_report_printed(report):
    told = {headline.name: headline for headline in report.headlines}
    assert told["Cost per route"].value == pytest.approx(280.0)
    assert told["Cost per route"].move == pytest.approx(2.80)
    assert told["Routes run"].text == "80"
    assert all(headline.value is None or headline.text in report.text for headline in report.headlines)


def test_a_month_without_data_names_the_newest_before_it(published):
    with pytest.raises(NothingThatMonth, match="in 2026-03, the newest month before it is 2026-02"):
        KINDS["monthly"].render(Asked(published, "dax7", month_period(FEBRUARY.last + timedelta(days=1))))


def test_a_mail_without_attachments_promises_none(published):
    report = KINDS["monthly"].render(Asked(published, "dax7", FEBRUARY, formats=frozenset({"html"})))
    assert "attached" not in report.text + report.html
