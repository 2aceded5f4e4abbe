"""What is written of where numbers come from is true: every number is named, and made anew it is what is stored."""

import duckdb
import pytest

from flows.opening import lake_tables
from tests.builders import settings_in
from tests.warehouse import reference_day
from tests.warehouse.core_rows import DAY, VanDay, insert, local
from warehouse.connection import open_warehouse
from warehouse.consumption import build_consumption
from warehouse.lake import attach_lake
from warehouse.lineage import NUMERIC, listed_lineage
from warehouse.models import build_day, prepare_models

RECOMPUTED = [name for name, lineage in listed_lineage().items() if lineage.columns]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    """The reference day, with a van whose fuel is known by its gauge and an electric one."""
    settings = settings_in(tmp_path_factory.mktemp("lineage"))
    with open_warehouse(settings.warehouse_path) as connection:
        prepare_models(connection)
        attach_lake(connection, lake_tables(settings), settings.timezone)
        reference_day.build(connection)
        insert(connection, "core.vehicles", tenant_id="dax7", vehicle_id="V90", fuel_type="diesel", tank_l=80)
        insert(connection, "core.vehicles", tenant_id="dax7", vehicle_id="V91", fuel_type="electric", gvwr_lb=9000)
        gauged = VanDay(connection, "V90", "09:00", route_id="R90").run("drive", 60, miles=30).run("idle", 9)
        gauged.close(level_used_pct=12, level_sigma_pct=1.5, level_distance_m=40_000, refuel_count=1)
        electric = VanDay(connection, "V91", "07:00", route_id="R91").run("drive", 60, miles=30, energy_kwh=9)
        electric.run("ready", 20, energy_kwh=1).close(energy_used_kwh=10)
        for vehicle, route in (("V90", "R90"), ("V91", "R91")):
            insert(
                connection, "core.route_phases", tenant_id="dax7", service_date=DAY, route_id=route,
                vehicle_id=vehicle, served_stop_count=7, quality_flags=["sampling_too_coarse"] * (route == "R90"),
            )  # fmt: skip
        insert(
            connection, "core.planned_stops", tenant_id="dax7", service_date=DAY, vehicle_id="V90", route_id="R90",
            planned_seq=3, arrived_utc=local("10:01"), departed_utc=local("10:02"), match_distance_m=11.5,
        )  # fmt: skip
        connection.execute(
            "update core.ledger set jurisdictions = ['us-ny'], is_full_quality = true where state = 'idle';"
            "update core.vehicles set gvwr_lb = 11_000, fuel_type = coalesce(fuel_type, 'diesel')"
        )
        for number, litres in enumerate((40, 22.5)):
            insert(
                connection, "core.fuel_lines", tenant_id="dax7", provider="wex", provider_txn_id=f"T{number}",
                item_no=1, service_date=DAY, vehicle_id="V90", line_kind="fill", quantity_l=litres, net="71.20",
                currency="USD",
            )  # fmt: skip
        build_day(connection, DAY)
        build_consumption(connection)
        yield connection


def test_every_number_of_every_mart_has_a_lineage_and_nothing_else_has(warehouse):
    stored = warehouse.execute(
        f"select table_name, list(column_name) filter ({NUMERIC}) from duckdb_columns() join duckdb_tables()"
        " using (database_name, schema_name, table_name) where schema_name = 'marts' and table_name != 'lineage'"
        " and database_name = current_database() group by all"
    ).fetchall()
    assert {table for table, _ in stored} == listed_lineage().keys()
    for table, numbers in stored:
        lineage = listed_lineage()[table]
        if lineage.built_by is None:
            assert set(lineage.columns) == set(numbers or []), table
    listed = warehouse.execute("select table_name || '.' || column_name from marts.lineage").fetchall()
    assert len(listed) == sum(len(numbers or []) for _, numbers in stored)


@pytest.mark.parametrize("table", RECOMPUTED)
def test_a_number_made_anew_from_its_lineage_is_the_stored_one(warehouse, table):
    assert_recomputed(warehouse, table, DAY)


def assert_recomputed(connection: duckdb.DuckDBPyConnection, table: str, day: object) -> None:
    """Compare every number of a mart on a day with what its lineage makes of it; something must be there."""
    lineage, where = listed_lineage()[table], f"service_date = date '{day}'"
    connection.execute(f"create or replace temp table asked as from marts.{table} where {where}")
    simple = [name for name, origin in lineage.columns.items() if origin.formula and not lineage.terms_of(origin, ())]
    for names in [[name] for name in lineage.columns if name not in simple] + [simple] * bool(simple):
        select = lineage.recomputed(names, "true").replace(f"marts.{table} as this", "asked as this")
        made = connection.sql(select.replace("$day", f"date '{day}'")).fetchall()
        stored = connection.sql(f"select {', '.join([*lineage.key, *names])} from asked")
        kept, first = {row[: len(lineage.key)]: row for row in stored.fetchall()}, len(lineage.key)
        assert {row[:first] for row in made} == kept.keys() != set()
        for column, name in enumerate(names, first):
            slack = 5.1e-5 if "DECIMAL" in str(stored.types[column]) else 1e-9
            pairs = [(row[column], kept[row[:first]][column]) for row in made]
            assert [pair for pair in pairs if not _is_same(*pair, slack)] == [], f"{table}.{name}"


def _is_same(found: float | None, kept: float | None, slack: float) -> bool:
    if found is None or kept is None:
        return found is kept
    return float(found) == pytest.approx(float(kept), abs=slack, rel=1e-9)
