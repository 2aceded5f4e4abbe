"""Overnight stands are found by looking at those vans only that may have one."""

from datetime import datetime, timedelta
from random import Random

import pytest

from tests.builders import empty_warehouse
from tests.warehouse.core_rows import DAY, insert
from warehouse.connection import sql
from warehouse.load import start_place_ends
from warehouse.places import guard_places

VANS = 60
STATES = ("parked", "off", "idle", "drive", "unknown")


@pytest.fixture
def warehouse():
    with empty_warehouse() as connection:
        connection.execute("create temp table wanted (tenant_id varchar, vehicle_id varchar, service_date date)")
        start_place_ends(connection)
        random = Random(7)
        for number in range(VANS):
            key = {"tenant_id": "t1", "service_date": DAY, "vehicle_id": f"V{number}"}
            zone = random.choice(["America/New_York", "Europe/Berlin", "UTC"])
            insert(connection, "core.vehicle_dates", **key, timezone=zone)
            connection.execute(
                "insert into wanted values ('t1', $vehicle_id, $service_date)", dict(list(key.items())[1:])
            )
            now_utc = datetime.combine(DAY, datetime.min.time()) + timedelta(hours=random.uniform(-4, 20))
            for _ in range(4):
                ended_utc = now_utc + timedelta(hours=random.choice([0.5, 1.9, 2, 3]))
                insert(
                    connection, "core.ledger", **key, started_utc=now_utc, ended_utc=ended_utc,
                    state=random.choice(STATES), latitude=50 + random.randrange(99) / 10, longitude=8,
                )  # fmt: skip
                now_utc = ended_utc
        yield connection


def homes(warehouse):
    guard_places(warehouse, suppress=True, shown_tenants=[])
    return warehouse.execute("select vehicle_id, homes from core.place_guards order by vehicle_id").fetchall()


def test_vans_that_are_left_out_have_no_overnight_stand(warehouse, monkeypatch):
    found = homes(warehouse)
    looked_at = warehouse.execute("select count(*) from may_be_overnight").fetchall()[0][0]
    with_homes = sum(bool(places) for _, places in found)
    assert VANS > looked_at > with_homes > 0

    def all_vans(name):
        everything = "create or replace temp table may_be_overnight as from wanted"
        return everything if name == "work/may_be_overnight.sql" else sql(name)

    monkeypatch.setattr("warehouse.places.sql", all_vans)
    assert homes(warehouse) == found
