"""Dimension files are taken whole or not at all, and what they change is rebuilt."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

import duckdb
import polars as pl
import pytest

from flows.importing import run_import
from flows.refresh import refresh
from flows.settings import Settings
from tests.builders import (
    collected,
    golden_points,
    in_warehouse,
    positions,
    published,
    rebuilt,
    settings_in,
    yesterday_at,
)
from warehouse.connection import open_warehouse
from warehouse.dimension_columns import DIMENSIONS
from warehouse.dimensions import ImportRefused, read_dimension

ASSIGNED = "tenant_id,kind,id,vehicle_id,from_utc,to_utc\n"


def csv(folder, name: str, text: str):
    path = folder / f"{name}.csv"
    path.write_text(text)
    return path


class Line(NamedTuple):
    """A tenant for each case, refreshed before files of theirs were taken and after."""

    settings: Settings
    before: dict[str, list[str]]  # the vans of each tenant

    def day(self, tenant: str) -> dict:
        return in_warehouse(self.settings, f"from marts.vehicle_days where tenant_id = '{tenant}'").row(0, named=True)


@pytest.fixture(scope="module")
def line(tmp_path_factory) -> Line:
    settings, folder = settings_in(tmp_path_factory.mktemp("line")), tmp_path_factory.mktemp("files")
    counter_kwh = [100, 100, 100.1, 100.2, 100.3, 101, 102, 102.1, 102.2, 102.3, 102.4, 103.4, 103.4, 0.5, 0.6, 0.6]
    points = golden_points(yesterday_at(15))
    counted = [point | {"energy_out_kwh": kwh} for point, kwh in zip(points, counter_kwh, strict=True)]
    sent = {"later": points, "unassigned": points, "wrong": points, "books": points, "electric": counted}
    collected(settings, [positions(found, tenant=tenant) for tenant, found in sent.items()])

    def imported(kind: str, text: str) -> None:
        assert run_import(settings, kind, [csv(folder, kind, text)])

    vehicles = "tenant_id,vehicle_id,fuel_type\n"
    imported("vehicles", vehicles + "unassigned,d1,\nelectric,V12,electric\n")
    imported("assignments", ASSIGNED + "electric,device,d1,V12,,\nwrong,device,d1,V1,2020-01-01,\n")
    rebuilt(settings)
    before: dict[str, list[str]] = {}
    for tenant, vehicle in in_warehouse(settings, VANS).rows():
        before.setdefault(tenant, []).append(vehicle)
    imported("vehicles", vehicles + "later,V12,Gasoline\nbooks,SILENT,\n")
    imported("assignments", ASSIGNED + "later,device,d1,V12,,\nwrong,device,d1,V2,2020-01-01,\n")
    rebuilt(settings)
    return Line(settings, before)


VANS = "select tenant_id, vehicle_id from marts.vehicle_days order by all"


def vans(line: Line, tenant: str) -> list[str]:
    return [vehicle for found, vehicle in in_warehouse(line.settings, VANS).rows() if found == tenant]


def test_a_device_that_is_assigned_later_moves_its_dates_to_its_van(line):
    assert (line.before["later"], vans(line, "later")) == (["d1"], ["V12"])
    day = line.day("later")
    assert day["idle_fuel_l"] == pytest.approx(540 / 3600 * 0.40 * 3.785411784)
    assert "unregistered" not in day["quality_flags"]
    found = in_warehouse(line.settings, "select distinct vehicle_id from lake.positions where tenant_id = 'later'")
    assert found.rows() == [("V12",)]


def test_an_unassigned_device_never_takes_the_name_of_a_registered_van(line):
    assert line.before["unassigned"] == vans(line, "unassigned") == ["device:d1"]


def test_an_assignment_to_the_wrong_van_is_corrected_by_the_same_row_with_the_right_one(line):
    assert (line.before["wrong"], vans(line, "wrong")) == (["V1"], ["V2"])


def test_a_van_that_sent_nothing_is_on_the_books_of_days_that_are_there_already(line):
    fleet = "select vehicles_on_books, vehicles_non_communicating from marts.fleet_days where tenant_id = 'books'"
    assert in_warehouse(line.settings, fleet).rows() == [(1, 1)]
    revised = in_warehouse(line.settings, "select vehicle_id from core.revisions where tenant_id = 'books'")
    assert revised.rows() == [("d1",)]


def test_the_energy_counter_of_an_electric_van_gives_its_day_and_what_standing_ready_took(line):
    van = line.day("electric")
    assert (van["ready_s"], van["idle_s"], van["idle_share"]) == (540, 0, None)
    assert van["energy_used_kwh"] == pytest.approx(3.5)  # a counter that begins anew adds nothing
    assert van["ready_energy_kwh"] == pytest.approx(0.3 + 0.4 + 0.1)
    assert van["fuel_used_l"] is None


def test_a_van_takes_the_zone_of_its_depot(tmp_path):
    settings = settings_in(tmp_path, timezone="UTC")
    collected(settings, [positions(golden_points(yesterday_at(6)))])
    depot = "tenant_id,depot_id,timezone,window_start,window_end\nt1,west,America/Los_Angeles,08:30,19:30\n"
    run_import(settings, "depots", [csv(tmp_path, "d", depot)])
    run_import(settings, "assignments", [csv(tmp_path, "a", ASSIGNED + "t1,depot,west,d1,,\n")])
    rebuilt(settings)
    row = in_warehouse(settings, "from marts.vehicle_days").row(0, named=True)
    assert (row["first_fix_utc"].date() - row["service_date"]).days == 1  # 06:00 UTC is the evening before
    assert row["available_window_s"] == 11 * 3600
    assert row["time_utilization"] == pytest.approx(660 / 39600)


def test_every_bad_row_is_listed_and_nothing_is_taken(tmp_path, capsys):
    settings = settings_in(tmp_path)
    text = (
        "tenant_id,vehicle_id,tank_l,valid_from\nt1,V1,95,2026-01-01\nt1,,x,2026-13-01\n,V3,-4,\nt1,V1,95,2026-01-01\n"
    )
    assert not run_import(settings, "vehicles", [csv(tmp_path, "v", text)])
    printed = capsys.readouterr().err
    for expected in (
        "row 2: vehicle_id: missing",
        "row 2: tank_l='x'",
        "row 2: valid_from='2026-13-01'",
        "row 3: tenant_id: missing",
        "row 3: tank_l='-4': expected 0 to 2000",
        "row 4: same tenant_id, vehicle_id, valid_from as row 1",
    ):
        assert expected in printed
    with open_warehouse(settings.warehouse_path) as warehouse:
        assert warehouse.sql("select count(*) from core.vehicles").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("vehicles", "tenant_id,vehicle_id,package_capacity\nt1,V1,99999999999\n"),
        ("vehicles", "tenant_id,vehicle_id,fixed_cost_per_day\nt1,V1,1e20\n"),
        ("prices", "region,product,from_date,price,unit,currency\nUS,gasoline,2026-01-01,1e17,gal,usd\n"),
        ("assignments", ASSIGNED + "t1,device,d1,V1,,9999-12-31T23:59:59-05:00\n"),
        ("assignments", ASSIGNED + "t1,device,d1,V1,0001-01-01T00:00:00+05:00,\n"),
        ("depots", "tenant_id,depot_id,timezone\nt1,x,posixrules\n"),
        ("depots", "tenant_id,depot_id,timezone\nt1,x,localtime\n"),
    ],
)
def test_values_nothing_can_hold_are_row_errors(tmp_path, capsys, kind, text):
    settings = settings_in(tmp_path)
    assert not run_import(settings, kind, [csv(tmp_path, "file", text)])
    assert "row 1: " in capsys.readouterr().err


def test_one_device_cannot_be_in_two_vans_at_once(tmp_path, capsys):
    settings = settings_in(tmp_path)
    text = ASSIGNED + "t1,device,d1,V1,2026-01-01,2026-02-01\nt1,device,d1,V2,2026-01-15,\n"
    assert not run_import(settings, "assignments", [csv(tmp_path, "a", text)])
    assert "row 2: device d1 is already assigned to V1 from 2026-01-01" in (printed := capsys.readouterr().err)
    assert "row 1: " not in printed
    swapped = ASSIGNED + "t1,device,d1,V1,2026-01-01,2026-01-15\nt1,device,d1,V2,2026-01-15T00:00:00Z,\n"
    assert run_import(settings, "assignments", [csv(tmp_path, "b", swapped)])


def test_other_columns_are_kept_and_parquet_is_read_too(tmp_path):
    path = tmp_path / "v.parquet"
    pl.DataFrame({"tenant_id": ["t1"], "vehicle_id": ["V1"], "tank_l": [95.0], "colour": ["blue"]}).write_parquet(path)
    row = read_dimension(DIMENSIONS["vehicles"], path).row(0, named=True)
    assert (row["tank_l"], row["extra"]) == (95.0, '{"colour": "blue"}')


def test_a_missing_column_names_what_is_expected(tmp_path):
    with pytest.raises(ImportRefused) as refused:
        read_dimension(DIMENSIONS["depots"], csv(tmp_path, "d", "tenant_id,depot_id\n"))
    assert "missing columns: timezone" in refused.value.problems[0][1]


def test_an_import_that_touches_no_van_is_published_all_the_same(tmp_path):
    settings = settings_in(tmp_path)
    refresh(settings)
    assert not refresh(settings).published
    run_import(settings, "drivers", [csv(tmp_path, "d", "tenant_id,driver_id,name\nt1,D1,Rowan Wren\n")])
    assert refresh(settings).published
    assert published(settings, "select name from core.drivers").item() == "Rowan Wren"
    assert not refresh(settings).published


def test_importing_a_row_again_replaces_it(tmp_path):
    settings = settings_in(tmp_path)
    for price in ("3.10", "3.45"):
        text = f"region,product,from_date,price,unit,currency\nUS,gasoline,2026-01-01,{price},gal,usd\n"
        run_import(settings, "prices", [csv(tmp_path, "p", text)])
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        assert [str(row[0]) for row in warehouse.sql("select price from core.prices").fetchall()] == ["3.450000"]


def test_working_hours_and_scans_are_taken_into_the_days_they_are_about_and_no_others(tmp_path):
    settings = settings_in(tmp_path)
    days = [yesterday_at(15) - 86_400, yesterday_at(15)]
    collected(settings, [positions([point | {"route_id": "R1"} for point in golden_points(day)]) for day in days])
    run_import(settings, "assignments", [csv(tmp_path, "a", ASSIGNED + "t1,driver,D7,d1,,\n")])
    rebuilt(settings)
    before, day = in_warehouse(settings, "select service_date from marts.route_days order by all")["service_date"]
    clock = "tenant_id,driver_id,service_date,clock_in_utc,clock_out_utc,unpaid_break_s\n"
    hours = csv(tmp_path, "h", f"{clock}t1,D7,{day},{day}T09:20:00-05:00,{day}T19:05:00-05:00,1800\n")
    assert run_import(settings, "timeclock", [hours])
    with open_warehouse(settings.warehouse_path) as warehouse:
        reopened = warehouse.sql("select vehicle_id, service_date from core.reopened").fetchall()
    assert reopened == [("d1", day)]
    scans = "tenant_id,service_date,route_id,vehicle_id,completed_stop_count\n"
    assert run_import(settings, "deliveries", [csv(tmp_path, "s", f"{scans}t1,{before},R1,d1,7\n")])
    assert rebuilt(settings) == [before, day]
    routes = in_warehouse(settings, "from marts.route_days order by service_date").to_dicts()
    assert [(route["paid_s"], route["paid_source"]) for route in routes] == [(1120, "estimated"), (33_300, "timeclock")]
    assert [route["completed_stop_count"] for route in routes] == [7, None]


def test_a_shift_that_ends_before_it_begins_is_a_row_error(tmp_path, capsys):
    settings = settings_in(tmp_path)
    columns = "tenant_id,driver_id,service_date,clock_in_utc,clock_out_utc\n"
    text = columns + "t1,D7,2026-02-26,2026-02-26T19:00,2026-02-26T09:00\n"
    assert not run_import(settings, "timeclock", [csv(tmp_path, "h", text)])
    assert "row 1: clock_out_utc: not after clock_in_utc" in capsys.readouterr().err


def test_the_weekly_prices_of_the_eia_are_taken_as_they_are_published(tmp_path):
    rows = {
        "date": [date(2025, 5, 26), date(2025, 6, 2)],
        "region": ["Gulf Coast"] * 2,
        "usd_per_us_gallon": [2.74, 2.69],
    }
    pl.DataFrame(rows).write_parquet(tmp_path / "eia.parquet")
    settings = settings_in(tmp_path / "data")
    assert run_import(settings, "prices", [tmp_path / "eia.parquet"])
    with open_warehouse(settings.warehouse_path) as warehouse:
        found = warehouse.execute("select * exclude (extra) from core.prices order by from_date").fetchall()
    assert found[1] == ("Gulf Coast", "gasoline_regular", date(2025, 6, 2), Decimal("2.69"), "gal", "USD")
    assert len(found) == 2
