"""What is attached to the daily report: a workbook and CSV, for people who calculate."""

import csv
import io
import zipfile
from pathlib import Path

import duckdb
import fastexcel
import polars as pl
import pytest

from flows.report.daily import daily_report
from flows.report.rendered import Report
from flows.report.style import Style
from flows.report.units import METRIC
from tests.flows.published_fixture import DAY, MILE_M, build

BOOK = "daily-2026-02-26.xlsx"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = build(tmp_path_factory.mktemp("published") / "plain.duckdb")
    with duckdb.connect(str(path)) as connection:
        connection.execute("update marts.route_days set route_id = '=1+1' where route_id = 'R201'")
    return path


@pytest.fixture(scope="module")
def report(published: Path) -> Report:
    return daily_report(published, "dax7", DAY)


@pytest.fixture(scope="module")
def sheets(report: Report) -> dict[str, pl.DataFrame]:
    book = fastexcel.read_excel(report.attachments[BOOK])
    return {name: book.load_sheet(name, header_row=None).to_polars() for name in book.sheet_names}


def test_the_workbook_has_the_routes_the_vans_and_what_their_columns_mean(sheets):
    assert list(sheets) == ["Routes", "Vans", "Definitions"]
    assert (sheets["Routes"].height, sheets["Vans"].height) == (2 + 23, 2 + 23)
    columns = [name for title in ("Routes", "Vans") for name in sheets[title].row(0)]
    assert [row[1] for row in sheets["Definitions"].rows()[2:]] == columns
    assert all(row[3] for row in sheets["Definitions"].rows()[2:]), "a column without a meaning"


def test_units_stand_below_the_names_and_the_words_are_in_them(sheets):
    units = dict(zip(sheets["Vans"].row(0), sheets["Vans"].row(1), strict=True))
    assert (units["distance_mi"], units["idle_min"], units["fuel_used_gal"]) == ("mi", "min", "gal")
    said = {row[1]: row for row in sheets["Definitions"].rows() if row[0] == "Vans"}
    assert said["distance_mi"][3] == "distance driven, miles"
    assert said["idle_share"][4:] == ("case when not is_electric then idle_s / nullif(engine_on_s, 0) end", "K11")


def test_an_id_is_never_a_formula_and_the_header_stays(report):
    with zipfile.ZipFile(io.BytesIO(report.attachments[BOOK])) as book:
        routes = book.read("xl/worksheets/sheet1.xml").decode()
    assert "=1+1" in routes
    assert "<f>" not in routes
    assert 'ySplit="2"' in routes
    assert "'=1+1" in report.attachments["routes-2026-02-26.csv"].decode("utf-8-sig")


def test_the_csv_of_van_days_adds_up_to_the_fleet(report, published):
    rows = list(csv.DictReader(io.StringIO(report.attachments["vans-2026-02-26.csv"].decode("utf-8-sig"))))
    with duckdb.connect(str(published), read_only=True) as connection:
        fleet = "select idle_s / 60, distance_m from marts.fleet_days where tenant_id = 'dax7'"
        idle_min, distance_m = connection.execute(fleet).fetchall()[0]
    assert len(rows) == 23
    assert sum(float(row["idle_min"]) for row in rows) == pytest.approx(idle_min, abs=0.2)
    assert sum(float(row["distance_mi"]) for row in rows) == pytest.approx(distance_m / MILE_M, abs=0.2)


def test_a_van_half_heard_has_its_minutes_and_no_ratios(report):
    rows = list(csv.DictReader(io.StringIO(report.attachments["vans-2026-02-26.csv"].decode("utf-8-sig"))))
    deaf = next(row for row in rows if row["vehicle_id"] == "V07")
    assert float(deaf["unknown_min"]) == pytest.approx(190, abs=1)
    assert (deaf["idle_share"], deaf["economy"]) == ("", "")


def test_metric_sheets_are_in_kilometres_and_litres(published):
    report = daily_report(published, "dax7", DAY, style=Style(METRIC, "de_DE"))
    header = report.attachments["vans-2026-02-26.csv"].decode("utf-8-sig").splitlines()[0].split(",")
    assert {"distance_km", "fuel_used_l"} <= set(header)
