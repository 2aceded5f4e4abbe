"""The weekly report: what it says beside the weeks before, what it refuses to say, and how it looks."""

import csv
import io
import re
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import fastexcel
import polars as pl
import pytest
from PIL import Image

from flows.report.data import NothingToReport
from flows.report.kinds import KINDS, Asked
from flows.report.page import html, text
from flows.report.rendered import Report, week_period
from flows.report.style import Style
from flows.report.units import METRIC
from flows.report.weekly.data import read_week, read_week_from
from flows.report.weekly.page import contents
from flows.report.weekly.rows import WeeklyData
from flows.report.weekly.vans import as_csv
from tests.report.weekly_fixture import DEAF, FIRST, LAST, LONG_IDLER, THIRSTY, Fleet, build
from tests.warehouse.core_rows import GALLON_L, MILE_M

WEEK = week_period(FIRST)
STYLE = Style()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fleets = {
        "dax7": Fleet(),
        "deaf": DEAF,
        "one": Fleet(vans=1, weeks=1, has_plans=False, has_fuel=False, has_window=False),
        "gaps": Fleet(vans=5, weeks=2, unknown_share=0.21),
    }
    return build(tmp_path_factory.mktemp("published") / "weeks.duckdb", fleets)


@pytest.fixture(scope="module")
def data(published: Path) -> WeeklyData:
    return read_week(published, "dax7", WEEK)


@pytest.fixture(scope="module")
def report(published: Path) -> Report:
    return KINDS["weekly"].render(Asked(published, "dax7", WEEK))


def changed(published: Path, folder: Path, *statements: str) -> Path:
    """Return a copy of the published file after some statements."""
    copy = folder / "changed.duckdb"
    copy.write_bytes(published.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        for statement in statements:
            connection.execute(statement)
    return copy


def words(path: Path, tenant_id: str = "dax7", style: Style = STYLE) -> str:
    """Return the plain text, for which no picture has to be drawn."""
    return text("weekly.txt.j2", contents(Asked(path, tenant_id, WEEK, style)).page)


def part(text: str, title: str) -> str:
    """Return the part of the plain text below a heading, in one line."""
    after = text.split(f"\n{title.upper()}\n", 1)[1]
    return " ".join(re.split(r"\n[A-Z][A-Z:, ]{8,}\n", after)[0].split())


def score(text: str, name: str) -> str:
    """Return the line of the scorecard, and the one below it, of a measure."""
    lines = text.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith(name))
    return " ".join(" ".join(lines[place : place + 2]).split())


# ---------------------------------------------------------------------------------------------- figures


def test_the_subject_says_place_dates_and_five_figures(report):
    assert report.subject == (
        "Depot DAX7 · Mon 23 Feb – Sun 1 Mar · 72/72 routes · idle 24.6 % (▲2.3) · 13.7 mpg · 94 % on time"
        " · 1 fuel flag"
    )


def test_the_verdict_is_the_largest_change_that_is_one_and_its_cost(report):
    # Route time moved by 1 %, which costs more and is scatter; idling moved by 13 %.
    assert "\nIdling cost $118, $14 above your four-week median; V03, V09 and V04 made 30 %\n" in report.text


def test_a_week_like_the_others_says_so(published, tmp_path):
    calm = "update marts.fleet_days set idle_cost = 18, idle_s = 45000 where service_date > date '2026-01-01'"
    said = " ".join(words(changed(published, tmp_path, calm)).split())
    assert "A week as usual: 72 of 72 planned routes ran. Idling cost $108, $0.00 above" in said


def test_figures_of_the_week_are_those_of_the_weekly_view(published, data):
    with duckdb.connect(str(published), read_only=True) as connection:
        view = connection.execute(
            "select idle_share, route_utilization, idle_cost::double, cost_per_stop::double, coverage"
            " from marts.fleet_weeks where date_from = $first and tenant_id = 'dax7'",
            {"first": FIRST},
        ).fetchone()
    week = data.week
    assert (week.idle_share, week.route_utilization, week.idle_cost, week.cost_per_stop, week.coverage) == view


def test_the_usual_week_is_the_median_of_the_four_before(data, report):
    costs = sorted(week.idle_cost for week in data.before[:4])
    assert f"usual {STYLE.money((costs[1] + costs[2]) / 2, 'USD').rjust(8)}" in report.text
    assert len(data.usual) == 4


def test_a_partial_week_and_one_that_was_hardly_heard_are_no_measure_of_the_usual(published, tmp_path):
    week, two_weeks = FIRST - timedelta(days=7), FIRST - timedelta(days=14)
    path = changed(
        published,
        tmp_path,
        f"delete from marts.fleet_days where service_date > '{week}' and service_date < '{FIRST}'",
        "update marts.fleet_days set known_s = observed_s / 2"
        f" where service_date >= '{two_weeks}' and service_date < '{week}'",
    )
    usual = read_week(path, "dax7", WEEK).usual
    assert [week.date_from for week in usual] == [FIRST - timedelta(days=21), FIRST - timedelta(days=28)]


def test_totals_are_compared_for_as_many_days_and_a_week_not_over_says_so(published, tmp_path):
    """Without its Saturday the week has five dates of each van, all others have six."""
    path = changed(
        published, tmp_path,
        *(f"delete from marts.{mart} where service_date = '2026-02-28'" for mart in ("fleet_days", "vehicle_days")),
        "update marts.fleet_days set idle_cost = 18, idle_s = 45000 where service_date > date '2026-01-01'",
    )  # fmt: skip
    text = words(path)
    assert score(text, "Idle cost").startswith("Idle cost $90 usual $90 last $108")
    assert score(text, "Idle cost").endswith("good · as usual")
    assert "as usual" in score(text, "Routes run")
    said = " ".join(text.split())
    assert "Totals of weeks with more or fewer days are brought to the 5 days of this one." in said
    assert "$0.00 above your four-week median for as many days" in said
    assert "Mon 23 Feb – Sun 1 Mar 2026, 5 of 7 days, up to Fri 27 Feb" in said
    assert "of 7 days" not in words(published)


def test_the_scorecard_has_a_word_a_difference_and_eight_weeks_of_each_measure(report):
    assert score(report.text, "Idle share") == "Idle share 24.6 % usual 22.2 % last 22.2 % ▅▆▆▆▆▆▆█ good · +2.3 pt"
    assert score(report.text, "Fuel flags").endswith("to look at · as usual")
    assert len(re.findall(r"border-bottom: \d+px solid #2b6cb0", report.html)) == 10


def test_the_week_is_that_of_the_tenant(published, tmp_path):
    path = changed(published, tmp_path, "update core.tenants set week_start = null")
    sunday = read_week(path, "dax7", WEEK).period
    assert (sunday.first, sunday.last, sunday.key) == (date(2026, 2, 22), date(2026, 2, 28), WEEK.key)
    assert read_week(path, "dax7", sunday).period == sunday


def test_a_week_without_data_is_nothing_to_report(published):
    with pytest.raises(NothingToReport, match="from 2026-03-09 to 2026-03-15, the newest day before it is 2026-02-28"):
        read_week(published, "dax7", week_period(LAST + timedelta(days=10)))


# ---------------------------------------------------------------------------------------------- parts


def test_hours_of_a_van_add_up_to_its_engine_time(published, data):
    with duckdb.connect(str(published), read_only=True) as connection:
        spent = dict(
            connection.execute(
                "select vehicle_id, sum(engine_on_s) from marts.vehicle_days where service_date >= $first"
                " and tenant_id = 'dax7' group by all",
                {"first": FIRST},
            ).fetchall()
        )
    by_van: dict[str, float] = {}
    for hour in data.hours:
        by_van[hour.vehicle_id] = by_van.get(hour.vehicle_id, 0.0) + hour.engine_on_s
    assert by_van == pytest.approx(spent, abs=0.01)
    assert {hour.hour for hour in data.hours} == set(range(9, 18))
    noon = next(hour for hour in data.hours if (hour.vehicle_id, hour.hour) == (LONG_IDLER, 12))
    assert noon.heard_s == 6 * 3600
    assert noon.engine_on_s == pytest.approx(0.98 * noon.heard_s)
    assert noon.unknown_s == pytest.approx(0.02 * noon.heard_s)


def test_runs_longer_than_an_hour_are_cut_at_local_hours(published, tmp_path):
    # A zone of half an hour: 09:15 to 11:45 UTC is 14:45 to 17:15 in Kolkata.
    path = changed(
        published,
        tmp_path,
        "delete from core.ledger; update core.vehicle_dates set timezone = 'Asia/Kolkata'",
        "insert into core.ledger by name select 'dax7' as tenant_id, 'V01' as vehicle_id, date '2026-02-23' as"
        " service_date, timestamp '2026-02-23 09:15' as started_utc, timestamp '2026-02-23 11:45' as ended_utc,"
        " 9000000000 as duration_us, 'idle' as state, 'other' as context, 'none' as phase, false as is_continued,"
        " 0 as distance_m, false as is_pto, true as is_full_quality, [] as jurisdictions",
    )
    hours = {hour.hour: hour.engine_on_s for hour in read_week(path, "dax7", WEEK).hours}
    assert hours == {14: 900, 15: 3600, 16: 3600, 17: 900}


def test_the_busiest_and_the_least_busy_van_are_named(report):
    assert "V03 had its engine on 49 % of its available time, most of all; V07 43 %, least" in part(
        report.text, "When each van worked"
    )


def test_actions_come_with_their_saving_and_hot_spots_with_their_hours(report, published):
    todo = part(report.text, "Worth doing next week")
    assert "1. Switch engines off at depot DAX7 ($13 a week, likely)" in todo
    assert f"2. Look into why {LONG_IDLER} idles more" in todo
    assert "depot DAX7 12 72 6 9 h 7 min 9 h 7 min $13 mostly 09:00 to 10:00" in part(report.text, "Where vans idled")
    assert "Nothing to suggest this week" in part(words(published, "deaf"), "Worth doing next week")


def test_idling_by_place_is_all_of_it(data):
    assert sum(row.idle_s for row in data.contexts) == pytest.approx(data.week.idle_s, abs=0.1)
    assert {row.context for row in data.contexts} == {"hand_off", "depot", "break"}


def test_possible_legal_events_stand_beside_idle_time(report):
    law = part(report.text, "Idling and the law")
    assert "New Jersey 3 min 44 h 6 1 3 h 37 min 39 min" in law
    assert "New York City 3 min 41 h 0 – – –" in law
    assert "leads and not proof" in law


def test_an_event_over_the_limits_of_a_city_and_its_state_is_one_event(published, tmp_path):
    both = changed(
        published, tmp_path, "insert into marts.legal_idle_events by name select * replace ('us-ny' as jurisdiction)"
        " from marts.legal_idle_events"
    )  # fmt: skip
    said = words(both)
    assert "New Jersey 3 min 44 h 6 1 3 h 37 min" in part(said, "Idling and the law")
    assert "6 possible events over a legal limit." in part(said, "Idling and the law")
    assert "6 possible idle events over a legal limit." in part(said, "Exceptions opened and closed")


def test_a_route_over_plan_is_named_with_its_time(report):
    routes = part(report.text, "Routes against plan, and their stem")
    assert "Half of 72 route-days took between 97 % and 102 % of plan" in routes
    assert "R205 took longest against plan, 109 %" in routes
    assert "R205 6 109 % 109 % 4 h 30 min 29 % 29 %" in routes


def test_the_van_that_burns_more_than_the_others_stands_out(report):
    assert f"{THIRSTY} (13 %) is behind the median of the vans" in part(report.text, "Fuel economy, van by van")


def test_fuel_is_compared_with_the_price_of_its_area_not_of_the_country(report, published, tmp_path):
    assert "gasoline regular 120.0 gal $3.450 $3.200 +$0.250 +$30" in part(report.text, "Fuel price paid")
    country = changed(published, tmp_path, "delete from core.prices where region = 'New Jersey'")
    assert "No price of the area is known for them" in part(words(country), "Fuel price paid")


def test_flags_are_counted_as_new_settled_and_open(report):
    assert "Fuel flags: 1 new, 1 settled, 2 open. 6 possible idle events over a legal limit. 1 van silent" in part(
        report.text, "Exceptions opened and closed"
    )


def test_the_verdict_counts_the_new_flags_and_says_so(report):
    assert re.search(r"\b1 new fuel flag \S*is open\.", " ".join(report.text.split()))


def test_every_van_day_is_attached_in_the_units_of_the_reader(published, report):
    rows = list(csv.DictReader(io.StringIO(report.attachments[f"vans-{FIRST}-{LAST}.csv"].decode("utf-8-sig"))))
    assert len(rows) == 72
    assert float(rows[0]["drive_min"]) > 100
    with duckdb.connect(str(published), read_only=True) as connection:
        (metres,) = connection.execute(
            "select sum(distance_m) from marts.vehicle_days where service_date >= $first and tenant_id = 'dax7'",
            {"first": FIRST},
        ).fetchone() or (0,)
    assert sum(float(row["distance_mi"]) for row in rows) == pytest.approx(metres / MILE_M, abs=0.05 * len(rows))


def test_the_workbook_has_types_units_and_a_sheet_of_definitions(report):
    book = report.attachments[f"vans-{FIRST}-{LAST}.xlsx"]
    sheets = fastexcel.read_excel(book)
    assert sheets.sheet_names == ["Vans", "Definitions"]
    vans, words = (sheets.load_sheet(name, header_row=None).to_polars() for name in sheets.sheet_names)
    units = dict(zip(vans.row(0), vans.row(1), strict=True))
    assert (units["distance_mi"], units["drive_min"], units["idle_share_pct"]) == ("mi", "min", "%")
    typed = sheets.load_sheet("Vans", header_row=None, skip_rows=2).to_polars()
    types = dict(zip(vans.row(0), typed.dtypes, strict=True))
    assert typed.height == 72
    assert (types["service_date"], types["distance_mi"]) == (pl.Datetime("ms"), pl.Float64)
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        assert 'ySplit="2"' in parts.read("xl/worksheets/sheet1.xml").decode()
    meanings = {name: meaning for name, _, meaning in words.iter_rows()}
    assert set(vans.row(0)) < set(meanings)
    assert meanings["distance_mi"]


def test_metric_readers_in_germany_see_their_units_and_numbers(published):
    said = words(published, style=Style(METRIC, "de_DE"))
    assert "idle 24,6 % (▲2,3) · 17,2 L/100 km" in said
    assert "V07 (13 %)" in part(said, "Fuel economy, van by van")
    assert f"{120 * GALLON_L:.1f} L".replace(".", ",") in said
    assert not re.search(r"\d mi\b|mpg|\d gal\b", said)


# ---------------------------------------------------------------------------------------------- what is not known


def test_without_ignition_idling_is_not_zero_but_not_known(published):
    said = words(published, "deaf")
    assert "idle n/a" in said.splitlines()[0]
    assert score(said, "Idle share").endswith("no ignition signal")
    assert "no ignition signal" in part(said, "When each van worked")
    assert "Idle time is n/a (no ignition signal)." in part(said, "Where vans idled")
    assert "IDLING AND THE LAW" not in said


def test_a_first_week_of_one_van_without_plans_and_fuel_is_honest(published):
    said = words(published, "one")
    assert "No history yet: this is the first week with data." in said
    assert "Idling cost $9.09; there is no usual week to compare with yet." in said
    assert score(said, "Route utilization").endswith("no plans")
    assert "No plan to compare route times with" in part(said, "Routes against plan, and their stem")
    assert "no van sends a fuel counter or gauge" in part(said, "Fuel economy, van by van")
    assert "V01 had its engine on longest, 29 h" in part(said, "When each van worked")


def test_a_week_heard_too_little_shows_no_ratios(published):
    said = words(published, "gaps")
    assert "Only 79 % of the week was heard, so ratios are not shown" in said
    for name in ("Route utilization", "Idle share", "Cost per stop", "On-time start"):
        assert score(said, name).endswith("data 79 %")
    assert "Too little was heard of 5 vans" in part(said, "When each van worked")


# ---------------------------------------------------------------------------------------------- mail


def test_of_many_vans_those_farthest_off_are_shown_and_the_mail_stays_small(published, tmp_path):
    # Every van eight times: 96 of them, and as many routes.
    copies = "cross join (select unnest(range(1, 8)) as copy)"
    path = changed(
        published,
        tmp_path,
        *(
            f"insert into {table} select * exclude (copy) replace (vehicle_id || 'x' || copy as vehicle_id{route})"
            f" from {table} {copies} where tenant_id = 'dax7'"
            for table, route in (
                ("marts.vehicle_days", ""),
                ("marts.route_days", ", route_id || 'x' || copy as route_id"),
                ("core.ledger", ""),
                ("core.vehicle_dates", ""),
            )
        ),
    )
    report = KINDS["weekly"].render(Asked(path, "dax7", WEEK))
    assert len(report.html.encode()) < 80_000
    assert "The 20 farthest from plan of 96 routes." in report.html
    assert "The 15 busiest and the 15 least busy of 96 vans." in report.html
    assert len(report.images) == 6
    assert all(len(png) < 100_000 for png in report.images.values())


def test_pictures_say_what_they_show_and_come_in_two_widths(report):
    alts = re.findall(r'<img[^>]*alt="([^"]*)"', report.html)
    assert len(alts) == len(report.images) == 6
    assert all(re.search(r"\b[VR]\d", alt) and re.search(r"\d\s?%", alt) for alt in alts)
    widths = sorted(Image.open(io.BytesIO(png)).width for png in report.images.values())
    assert widths == [694, 694, 694, 1104, 1104, 1104]


def test_the_page_and_the_plain_text_have_the_same_figures(report):
    page = re.sub(r"<style.*?</style>|<!--.*?-->", "", report.html, flags=re.S)
    # What a caption explains of a picture is of no use without it.
    page = re.sub(r"(<img[^>]*class=.narrow.*?</tr>\n?)<tr><td[^>]*>.*?</td></tr>", r"\1", page, flags=re.S)
    figures = set(re.findall(r"\$?\d[\d.,]*(?: %)?", re.sub(r"<[^>]+>", " ", page).replace("\u00a0", " ")))
    assert len(figures) > 80
    assert not {figure for figure in figures if figure not in " ".join(report.text.split())}


def test_headlines_are_what_corrections_compare(report):
    moves = {headline.name: (headline.text, headline.move) for headline in report.headlines}
    assert moves["Idle share"] == ("24.6 %", 0.02)
    assert moves["Routes run"] == ("72 of 72", 1)
    assert moves["Idle cost"] == ("$118", pytest.approx(11.8, abs=0.1))
    assert "Coverage" not in moves


def test_ids_from_messages_are_neither_markup_nor_formulas(published, tmp_path):
    name = "=V0<b>3"
    path = changed(
        published,
        tmp_path,
        *(
            f"update {table} set vehicle_id = '{name}' where vehicle_id = 'V03'"
            for table in ("marts.vehicle_days", "core.ledger", "core.vehicle_dates", "marts.route_days")
        ),
    )
    found = contents(Asked(path, "dax7", WEEK))
    page = html("weekly.html.j2", found.page)
    assert "=V0&lt;b&gt;3" in page
    assert "<b>3" not in re.sub(r'"[^"]*"', "", page)
    assert f"'{name}" in as_csv(found.attached).decode()


def test_the_order_of_rows_changes_nothing(published, tmp_path):
    shuffled = [
        f"create table moved as select * from {table} order by hash(vehicle_id || service_date::varchar);"
        f" delete from {table}; insert into {table} from moved; drop table moved"
        for table in ("marts.vehicle_days", "marts.route_days", "core.ledger")
    ]
    path = changed(published, tmp_path, *shuffled)
    with duckdb.connect(str(path), read_only=True) as connection:
        assert read_week_from(connection, "dax7", WEEK) == read_week(published, "dax7", WEEK)


def test_the_status_names_what_may_still_change(published, tmp_path):
    rebuilt = datetime(2026, 3, 2, 9, 12)
    path = changed(
        published,
        tmp_path,
        "insert into core.loads by name select 1 as load_id, 'dax7' as tenant_id, date '2026-02-26' as service_date,"
        f" timestamp '{rebuilt}' as rebuilt_utc, 1 as vehicle_date_count, 1 as position_count, 't' as code_version,"
        " [] as reasons, [] as segments, 1 as seconds, '' as schema_digest, '' as models_digest,"
        " '' as definitions_digest, '' as checks_digest",
    )
    assert "provisional, as of Mon 2 Mar 04:12" in words(path)


def test_a_mail_without_attachments_promises_none(published):
    report = KINDS["weekly"].render(Asked(published, "dax7", WEEK, formats=frozenset({"html"})))
    assert "attached" not in report.text + report.html
