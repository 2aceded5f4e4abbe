"""Display views: the reference day in units people speak, local times, and n/a where too little is known."""

from collections.abc import Iterator
from datetime import datetime

import duckdb
import pytest

from flows.opening import lake_tables
from tests.builders import settings_in
from tests.warehouse import reference_day
from tests.warehouse.core_rows import DAY, VanDay, insert
from warehouse.connection import open_warehouse
from warehouse.display import SHOWN
from warehouse.lake import attach_lake
from warehouse.models import build_day, prepare_models
from warehouse.wording import add_words

VAN = "vehicle_days where vehicle_id = 'V12'"
ROUTE = "route_days where route_id = 'R207'"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    settings = settings_in(tmp_path_factory.mktemp("display"))
    with open_warehouse(settings.warehouse_path) as connection:
        prepare_models(connection)
        attach_lake(connection, lake_tables(settings), settings.timezone)
        reference_day.build(connection)
        # No engine signal for most of the day: what is heard of it is known, but whether the engine ran is not.
        VanDay(connection, "V27", "09:00").run("idle", 60).run("drive", 60).run("parked", 180).close()
        deaf = VanDay(connection, "V1", "09:00", tenant_id="deaf", route_id="R1")
        deaf.run("drive", 60, phase="on_route").run("parked", 180, phase="on_route").close()
        insert(connection, "core.route_phases", tenant_id="deaf", service_date=DAY, route_id="R1", vehicle_id="V1")
        build_day(connection, DAY)
        add_words(connection)
        yield connection


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (f"select distance_mi, drive_min, idle_min, excess_idle_min from us.{VAN}", (68.4, 258.0, 104.0, 71.0)),
        (f"select distance_km, drive_min, idle_min, excess_idle_min from metric.{VAN}", (110.1, 258.0, 104.0, 71.0)),
        (f"select fuel_used_gal, mpg, idle_fuel_gal from us.{VAN}", (5.02, 13.6, 0.69)),
        (f"select fuel_used_l, fuel_l_per_100km, idle_fuel_l from metric.{VAN}", (19.0, 17.3, 2.62)),
        (f"select idle_share_pct, time_utilization_pct from us.{VAN}", (28.7, 54.8)),
        (f"select idle_share_pct, time_utilization_pct from metric.{VAN}", (28.7, 54.8)),
        (f"select stem_mi, stem_share_pct, mean_dwell_s, stops_per_hour from us.{ROUTE}", (23.9, 34.9, 83.1, 23.7)),
        (f"select stem_km, route_utilization_pct from metric.{ROUTE}", (38.5, 95.2)),
        ("select asset_utilization_pct from us.fleet_days where tenant_id = 'dax7'", (95.8,)),
    ],
)
def test_the_reference_day_reads_in_display_units(warehouse, asked, shown):
    assert warehouse.execute(asked).fetchone() == pytest.approx(shown)


def test_a_cost_per_mile_is_that_of_the_mart_times_the_kilometres_of_a_mile(warehouse):
    per_km, per_mile = warehouse.execute(
        "select marts.route_days.cost_per_km, us.route_days.cost_per_mi from marts.route_days"
        " join us.route_days using (service_date, route_id, vehicle_id) where route_id = 'R207'"
    ).fetchone()
    assert float(per_mile) == pytest.approx(float(per_km) * 1.609344, abs=5e-4)


def test_local_time_stands_beside_utc_in_the_zone_of_the_depot(warehouse):
    row = warehouse.execute(f"select depot_exit_utc, depot_exit_local, timezone from us.{ROUTE}").fetchone()
    assert row == (datetime(2026, 2, 26, 15, 5), datetime(2026, 2, 26, 10, 5), "America/New_York")


def test_a_ratio_is_not_shown_where_too_little_was_heard_and_the_row_says_why(warehouse):
    asked = (
        "select idle_share_pct, engine_productivity_pct, idle_min, data_note from us.vehicle_days where vehicle_id = "
    )
    assert warehouse.execute(f"{asked} 'V25'").fetchone() == (None, None, 180.0, "n/a (data 60 %)")
    assert warehouse.execute(f"{asked} 'V27'").fetchone() == (None, None, 60.0, "n/a (engine known 40 %)")
    assert warehouse.execute(f"{asked} 'V12'").fetchone() == (28.7, 71.3, 104.0, None)


def test_idling_of_a_fleet_or_a_route_is_not_shown_where_its_engine_is_not_known(warehouse):
    """A fleet of which nothing but driving is known has no idle time, and is not one that never idles."""
    nothing = (None, None, "n/a (engine known 25 %)")
    for view in ("fleet_days", "fleet_weeks", "fleet_months", "route_days", "route_weeks", "route_months"):
        asked = f"select idle_share_pct, engine_productivity_pct, data_note from us.{view} where tenant_id = "
        assert warehouse.execute(f"{asked} 'deaf'").fetchall() == [nothing], view
    share, known = warehouse.execute(
        "select idle_share_pct, data_note from us.route_weeks where route_id = 'R207'"
    ).fetchone()
    assert (share is not None, known) == (True, None)
    by_definition = "select distinct engine_coverage from marts.idle_by_definition where tenant_id = 'deaf'"
    assert warehouse.execute(by_definition).fetchall() == [(0.25,)]


def test_every_row_of_a_mart_is_one_row_of_its_display_views(warehouse):
    existing = {
        row[0] for row in warehouse.execute("select view_name from duckdb_views() where schema_name = 'us'").fetchall()
    }
    assert (
        {"vehicle_days", "route_days", "fleet_days", "idle_events", "stops", "fuel_purchases"} <= existing <= set(SHOWN)
    )
    for mart in existing:
        for system in ("us", "metric"):
            counted = f"select (select count(*) from marts.{mart}), (select count(*) from {system}.{mart})"
            rows, shown = warehouse.execute(counted).fetchone()
            assert rows == shown, (system, mart)


def test_names_of_drivers_are_in_no_display_view(warehouse):
    columns = warehouse.execute(
        "select column_name from duckdb_columns() where schema_name in ('us', 'metric') and column_name like '%name%'"
    ).fetchall()
    assert {row[0] for row in columns} <= {"site_name", "station_name"}


def test_words_are_written_once_until_they_or_the_models_change(warehouse):
    said = "select comment from duckdb_columns() where table_name = 'vehicle_days' and column_name = 'pto_s'"
    meant = warehouse.execute(said).fetchone()
    warehouse.execute("comment on column marts.vehicle_days.pto_s is 'changed by hand'")
    add_words(warehouse)
    assert warehouse.execute(said).fetchone() == ("changed by hand",)
    warehouse.execute("update core.models_stamp set digest = 'of other models'")
    add_words(warehouse)
    assert warehouse.execute(said).fetchone() == meant
