"""Order does not matter: late, shuffled, repeated and split input gives the tables of the tidy one."""

import random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows.chaos.evidence import ARRIVAL
from flows.importing import run_import
from flows.refresh import refresh
from ingest.columns import POSITIONS, SEGMENT_COLUMNS
from ingest.simulation import simulate
from ingest.spool import Message, Spool
from tests.builders import (
    all_published,
    collected,
    in_warehouse,
    positions,
    published,
    rebuilt,
    settings_in,
    yesterday_at,
)
from warehouse.connection import sql

pytestmark = pytest.mark.campaign

TABLES = (
    "marts.vehicle_days",
    "marts.route_days",
    "marts.idle_events",
    "marts.stops",
    "marts.planned_stops",
    "marts.idle_by_definition",
    "marts.legal_idle_events",
    "marts.fuel_purchases",
    "marts.status_days",
    "marts.fleet_days",
    "marts.data_health",
    "core.ledger",
    "core.refuels",
    "marts.refuels",
    "core.planned_routes",
    "core.plan_windows",
    "lake.positions",
    "lake.events",
)
DIMENSIONS = ("vehicles", "depots", "drivers", "assignments", "prices", "stations")


def tables(settings, tenant: str | None = None) -> dict[str, pl.DataFrame]:
    """Every table but what depends on arrival; of a tenant, where one is given, its name left out."""
    ignored = ARRIVAL if tenant is None else (*ARRIVAL, "tenant_id")
    rows = "" if tenant is None else f" where tenant_id = '{tenant}'"
    select = f"select columns(lambda name: name not in {ignored})"
    return all_published(settings, {name: f"{select} from {name}{rows} order by all" for name in TABLES})


def spooled(settings, messages, collector: str = "main") -> None:
    with Spool.open(settings.spool_dir / collector) as spool:
        for first in range(0, len(messages), 500):
            spool.append(messages[first : first + 500])


@pytest.mark.parametrize(("vans", "days"), [(1, 1), pytest.param(3, 2, marks=pytest.mark.campaign)])
def test_a_simulated_fleet_shuffled_repeated_and_split_gives_equal_tables(tmp_path, vans, days):
    fleet = simulate(vans=vans, days=days, seed=11)
    fleet.write_dimensions(tmp_path)
    received_us = max(found.due_us for found in fleet.messages)
    messages = [Message(found.topic, found.payload, received_us, 1, False, None) for found in fleet.messages]

    tidy = settings_in(tmp_path / "tidy")
    for name in DIMENSIONS:
        run_import(tidy, name, [tmp_path / f"{name}.csv"])
    spooled(tidy, messages)
    refresh(tidy)

    untidy = settings_in(tmp_path / "untidy")
    chance = random.Random(1)
    shuffled = messages + chance.sample(messages, len(messages) * 3 // 10)
    chance.shuffle(shuffled)
    imports = list(DIMENSIONS)
    chance.shuffle(imports)
    for part in range(2):
        spooled(untidy, shuffled[part::2])
        rebuilt(untidy)
        for name in imports[part::2]:
            run_import(untidy, name, [tmp_path / f"{name}.csv"])
    refresh(untidy)

    expected, found = tables(tidy), tables(untidy)
    for name in TABLES:
        assert_frame_equal(found[name], expected[name], check_exact=True)
    assert expected["core.ledger"].height > 170 * vans * days


def test_of_copies_the_fuller_wins_however_they_were_batched(tmp_path):
    start = yesterday_at(15)
    plain = [{"ts": start + 10 * n, "seq": n, "lat": 40.7, "lon": -74.0, "spd_kmh": 0} for n in range(13)]
    full = [
        point | {"charging": True, "soc_pct": 40 + n, "energy_out_kwh": 100 + n, "route_id": "R1"}
        for n, point in enumerate(plain)
    ]
    settings = settings_in(tmp_path)
    batches = [
        positions(points[at : at + size], tenant=f"by{size}")
        for size in (13, 1, 5)
        for points in (full, plain)
        for at in range(0, 13, size)
    ]
    collected(settings, batches)
    refresh(settings)
    expected, *others = (tables(settings, f"by{size}") for size in (13, 1, 5))
    for found in others:
        for name in TABLES:
            assert_frame_equal(found[name], expected[name], check_exact=True)
    conflicts = published(settings, "select tenant_id, conflict_count from core.vehicle_dates order by all")
    assert conflicts.rows() == [("by1", 13), ("by13", 13), ("by5", 13)]
    assert expected["marts.vehicle_days"]["energy_used_kwh"].item() == 12


def test_every_value_of_a_position_decides_which_copy_is_the_fuller():
    text = sql("staging/ranked_positions.sql")
    identity = {"tenant_id", "device_id", "fix_ms", "fix_date", "boot", "seq", "point_index", "longitude_e7"}
    about = {"backlog", "flags", "source_format", "quality", *(name for name, _ in SEGMENT_COLUMNS)}
    values = set(POSITIONS.schema.names) - identity - about
    assert {name for name in values if f"({name} is not null)::int" not in text} == set()
    compared = text[text.index("hash(") : text.index(") as content")]
    assert {name for name in values if name not in compared} == set()


def test_a_redelivered_message_revises_nothing_and_moves_no_last_bit_of_fuel(tmp_path):
    settings = settings_in(tmp_path)
    start = yesterday_at(15)
    messages = []
    for van in range(6):
        points = [
            {"ts": start + 10 * n, "seq": n, "lat": 40.7, "lon": -74.0, "spd_kmh": 30 * (n // 5 % 2), "ign": True}
            | {"fuel_used_l": 0.111 * (van + 1) + 0.037 * n}
            for n in range(60)
        ]
        messages.append(positions(points, f"d{van}"))
    collected(settings, messages)
    rebuilt(settings)
    query = "select vehicle_id, started_utc, fuel_l from core.ledger order by all"
    before = in_warehouse(settings, query)
    for again in (messages[5], messages[2], messages[0]):
        collected(settings, [again])
        rebuilt(settings)
    assert_frame_equal(in_warehouse(settings, query), before, check_exact=True)
    assert in_warehouse(settings, "select max(revision) from core.revisions").item() == 1
    assert before["fuel_l"].sum() > 1
