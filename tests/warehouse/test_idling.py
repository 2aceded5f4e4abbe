"""What a build lays out of a date is what the views over all dates say of it."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.builders import empty_warehouse
from tests.warehouse import reference_day
from tests.warehouse.core_rows import DAY, VanDay, insert, rows_taken_back
from warehouse.idling import forget_day, judge_day, lay_out_day, standing_rows

STATES = ("idle", "idle", "idle", "off", "drive", "unknown", "parked")
CONTEXTS = ("other", "traffic", "depot", "fuel_site", "hand_off", "break")
PLACES = ((None, None), (40.7, -74.0), (39.1, -77.0))
AREAS = ([], ["us-nj"], ["us-ny", "us-ny-nyc"], ["us-vt"], ["us-wv"])
JUDGED = (
    "select tenant_id, service_date, vehicle_id, definition_id, sum(counted_us) as counted_us,"
    " count(*) filter (verdict = 'taken') as taken, sum(if_applied_us) as if_applied_us,"
    " count(*) filter (is_over) as over, case when bool_or(applies) then true"
    " when bool_or(applies is null) then null else false end as applies from {} group by all"
)
TAKEN = "select * exclude ({}) from {} where verdict = 'taken'"  # rows of legal_idle_events are some of these
LEFT_OUT = "reason, context, unit, duration_us, is_pto"


@pytest.fixture(scope="module")
def prepared():
    with empty_warehouse() as connection:
        yield connection


@pytest.fixture
def warehouse(prepared):
    with rows_taken_back(prepared) as connection:
        yield connection


def random_day(warehouse: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Some vans of two tenants whose runs begin, are continued and change in every way; also the day before."""
    random = Random(seed)
    for number in range(5):
        tenant, vehicle = f"t{number % 2}", f"V{number // 2}"
        fuel = random.choice(["gasoline", "diesel", "electric", None])
        insert(
            warehouse, "core.vehicles", tenant_id=tenant, vehicle_id=vehicle, fuel_type=fuel,
            gvwr_lb=random.choice([None, 9000, 20000]),
        )  # fmt: skip
        for day in (DAY, DAY - timedelta(days=1)):
            van = VanDay(warehouse, vehicle, "09:00", tenant_id=tenant, day=day)
            rows = list(runs_of(van, random))
            frame = pl.DataFrame(rows, infer_schema_length=None)
            assert frame.height
            warehouse.execute("insert into core.ledger by name select * from frame")
            van.now_utc = rows[-1]["ended_utc"]
            van.close()


def runs_of(van: VanDay, random: Random) -> Iterator[dict[str, Any]]:
    """Rows that never begin at one instant: which of two is the first would be anybody's guess."""
    now_utc, state = van.begins_utc, ""
    for _ in range(30):
        before, state = state, random.choice(STATES)
        ended_utc = now_utc + timedelta(seconds=random.choice([0, 20, 60, 120, 121, 180, 299, 300, 700, 2000]))
        latitude, longitude = random.choice(PLACES)
        yield {
            **van.key, "started_utc": now_utc, "ended_utc": ended_utc,
            "duration_us": (ended_utc - now_utc) // timedelta(microseconds=1), "state": state,
            "context": random.choice(CONTEXTS), "route_id": random.choice([None, "R1", "R2"]), "phase": "none",
            "is_continued": state == before and random.random() < 0.7, "is_pto": random.random() < 0.2,
            "distance_m": 0.0, "latitude": latitude, "longitude": longitude, "jurisdictions": random.choice(AREAS),
            "fuel_l": random.choice([None, 0.1, 0.2]), "is_full_quality": random.random() < 0.8,
        }  # fmt: skip
        now_utc = ended_utc + timedelta(seconds=1)


def assert_laid_out_as_the_views_say(warehouse: duckdb.DuckDBPyConnection) -> None:
    of_day = f"service_date = date '{DAY}'"
    lay_out_day(warehouse, DAY)
    judge_day(warehouse, DAY)
    verdicts = f"core.idle_verdicts(date '{DAY}')"
    assert warehouse.execute("select count(*) from day_verdicts").fetchall() != [(0,)]
    laid_out = (
        "tenant_id, vehicle_id, started_utc, ended_utc, duration_us, run_no, stretch_no, run_us, route_id, is_pto"
    )
    for ours, theirs in (
        (f"select {laid_out} from day_idle_rows", f"select {laid_out} from staging.idle_rows where {of_day}"),
        ("from day_idle_units", f"from staging.idle_units where {of_day}"),
        ("from day_idle_runs", f"from staging.idle_runs where {of_day}"),
        (JUDGED.format("day_verdicts"), JUDGED.format(verdicts)),
        (TAKEN.format("service_date", "day_verdicts"), TAKEN.format(f"service_date, {LEFT_OUT}", verdicts)),
    ):
        assert difference(warehouse, ours, theirs) == []
    forget_day(warehouse)


def difference(warehouse: duckdb.DuckDBPyConnection, one: str, other: str) -> list[tuple[object, ...]]:
    """Rows that only one of two selects has, as often as it has them; columns by name."""
    names = [row[0] for row in warehouse.execute(f"describe {other}").fetchall()]
    listed = ", ".join(f'"{name}"' for name in names)
    both = [f"(select {listed} from ({text}))" for text in (one, other)]
    return warehouse.execute(
        f"({both[0]} except all {both[1]}) union all ({both[1]} except all {both[0]}) limit 3"
    ).fetchall()


def test_the_reference_day_is_laid_out_as_the_views_say(warehouse):
    reference_day.build(warehouse)
    assert_laid_out_as_the_views_say(warehouse)


@pytest.mark.parametrize("seed", range(3))
def test_any_day_is_laid_out_as_the_views_say(warehouse, seed):
    random_day(warehouse, seed)
    assert_laid_out_as_the_views_say(warehouse)


def test_a_day_is_laid_out_for_some_tenants_alone(warehouse):
    random_day(warehouse, 9)
    lay_out_day(warehouse, DAY, ["t1"])
    found = warehouse.execute("select distinct tenant_id from day_idle_units").fetchall()
    judge_day(warehouse, DAY)
    forget_day(warehouse)
    assert found == [("t1",)]


def test_stands_of_some_rows_of_the_ledger_are_those_of_the_view(warehouse):
    random_day(warehouse, 4)
    ledger = f"(from core.ledger where service_date = date '{DAY}' and tenant_id = 't0')"
    of_view = f"from staging.standing_rows where service_date = date '{DAY}' and tenant_id = 't0'"
    assert difference(warehouse, f"from ({standing_rows(ledger)})", of_view) == []
