"""Order does not matter: late, shuffled, repeated and split input gives the tables of the tidy one."""

import random

import polars as pl
from polars.testing import assert_frame_equal

from flows.importing import run_import
from flows.refresh import refresh
from ingest.simulation import simulate
from ingest.spool import Message, Spool
from tests.builders import published, settings_in

# What "equal" leaves out: when things arrived and were computed, and how often.
ARRIVAL = [
    "received_utc",
    "segment",
    "median_delay_s",
    "p95_delay_s",
    "peak_messages_per_min",
    "received_count",
    "duplicate_count",
    "revision",
]
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
    "core.planned_routes",
    "core.plan_windows",
    "lake.positions",
    "lake.events",
)
DIMENSIONS = ("vehicles", "depots", "drivers", "assignments", "prices", "stations")


def tables(settings) -> dict[str, pl.DataFrame]:
    select = f"select columns(lambda name: name not in {tuple(ARRIVAL)})"
    return {name: published(settings, f"{select} from {name} order by all") for name in TABLES}


def spooled(settings, messages) -> None:
    with Spool.open(settings.spool_dir / "main") as spool:
        for first in range(0, len(messages), 500):
            spool.append(messages[first : first + 500])


def test_a_simulated_fleet_shuffled_repeated_and_split_gives_equal_tables(tmp_path):
    fleet = simulate(vans=3, days=2, seed=11)
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
    for part in range(3):
        spooled(untidy, shuffled[part::3])
        refresh(untidy)
        for name in imports[part::3]:
            run_import(untidy, name, [tmp_path / f"{name}.csv"])
    refresh(untidy)

    expected, found = tables(tidy), tables(untidy)
    for name in TABLES:
        assert_frame_equal(found[name], expected[name], check_exact=True)
    assert expected["core.ledger"].height > 1000
