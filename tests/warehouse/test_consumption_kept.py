"""Intervals and balances that stay are those that would be made anew, whatever changes of one of two vans."""

from datetime import timedelta

import pytest

from tests.builders import empty_warehouse
from tests.warehouse.core_rows import insert, local
from tests.warehouse.test_consumption import DAY, LEVELS, register, van
from warehouse.consumption import BY_VAN, METRES, build_consumption

FILLS = (0, 6, 13)
LAST = f"date '{DAY + timedelta(days=13)}'"
CHANGES = {
    "a line": "update core.fuel_lines set quantity_l = quantity_l + 1",
    "a gauge": "update core.refuels set to_pct = 40",
    "metres of a date": f"update core.vehicle_dates set distance_m = distance_m + 7e4 where service_date = {LAST}",
    "how well a date is known": f"update marts.vehicle_days set unknown_s = 1e5 where service_date = {LAST}",
    "the ledger": (
        f"update core.ledger set distance_m = 9 where service_date = {LAST}; update core.revisions set revision = 2"
    ),
    "the tank": "update core.vehicles set tank_l = 50",
    "an odometer": "update marts.fuel_purchases set odometer_m = 1e6 * item_no + epoch(ts_utc) / 100",
    "no line": "delete from core.fuel_lines",
}


@pytest.fixture(scope="module")
def schema():
    with empty_warehouse() as connection:
        yield connection


@pytest.fixture
def two_vans(schema):
    """Two vans with three fills each, gone after the test."""
    schema.execute("begin")
    _fill(schema)
    yield schema
    schema.execute("rollback")


def _fill(warehouse):
    for vehicle_id in ("V", "W"):
        register(warehouse, vehicle_id)
        of_van = {"tenant_id": "t", "vehicle_id": vehicle_id}
        for number in range(14):
            day = DAY + timedelta(days=number)
            van(warehouse, vehicle_id, day=day, fuel_used_l=10.0, **LEVELS)
            insert(warehouse, "marts.vehicle_days", **of_van, service_date=day, drive_s=60.0)
            insert(warehouse, "core.revisions", **of_van, service_date=day, revision=1)
        for number in FILLS:
            day = DAY + timedelta(days=number)
            at_utc = local("10:30", day)
            key = of_van | {"provider": "p", "provider_txn_id": f"{vehicle_id}{number}", "item_no": 1}
            more = {"service_date": day, "line_kind": "fill", "quantity_l": 40.0, "net": 40, "currency": "USD"}
            insert(warehouse, "core.fuel_lines", **key, at_utc=at_utc, **more)
            insert(warehouse, "marts.fuel_purchases", **key, ts_utc=at_utc)
        second = DAY + timedelta(days=FILLS[1])
        near = {"started_utc": local("10:20", second), "ended_utc": local("10:40", second)}
        insert(warehouse, "core.refuels", **of_van, service_date=second, **near, to_pct=100.0)


def found(warehouse, vehicle_id):
    asked = [f"from marts.{name} where vehicle_id = '{vehicle_id}' order by all" for name in BY_VAN]
    return [warehouse.execute(query).fetchall() for query in asked]


def test_only_the_van_that_changed_is_made_anew_and_equals_one_made_of_all(two_vans):
    build_consumption(two_vans)
    assert [len(rows) for rows in found(two_vans, "V")] == [2, 1]
    for what, change in CHANGES.items():
        before = found(two_vans, "V")
        for statement in change.split("; "):
            two_vans.execute(f"{statement}{' and' if ' where ' in statement else ' where'} vehicle_id = 'V'")
        for name in BY_VAN:
            two_vans.execute(f"update marts.{name} set coverage = -1 where vehicle_id = 'W'")
        kept = found(two_vans, "W")
        build_consumption(two_vans, is_kept=True)
        partial = found(two_vans, "V")
        assert (partial != before, found(two_vans, "W") == kept) == (True, True), what
        build_consumption(two_vans)
        assert (partial == found(two_vans, "V"), found(two_vans, "W") == kept) == (True, False), what


@pytest.mark.parametrize("is_kept", [True, False])
def test_nothing_stays_of_other_models_or_where_somebody_else_wrote(two_vans, is_kept):
    build_consumption(two_vans)
    before = found(two_vans, "V")
    two_vans.execute("update marts.fuel_balances set coverage = -1")
    if is_kept:
        two_vans.execute("update core.models_stamp set digest = 'other models'")
    build_consumption(two_vans, is_kept=is_kept)
    assert found(two_vans, "V") == before


def test_what_else_changes_of_a_day_changes_no_interval(two_vans):
    build_consumption(two_vans)
    two_vans.execute("update marts.vehicle_days set window_known_s = 1")
    two_vans.execute("update marts.fuel_balances set coverage = -1")
    kept = found(two_vans, "V")
    build_consumption(two_vans, is_kept=True)
    assert found(two_vans, "V") == kept


def test_the_ledger_is_read_for_fills_of_dates_that_were_revised_and_for_no_other(two_vans):
    build_consumption(two_vans)
    kept = two_vans.execute(f"from {METRES} order by all").fetchall()
    assert len(kept) == 2 * len(FILLS)
    two_vans.execute("update core.ledger set distance_m = 1e6")
    two_vans.execute("update core.vehicles set tank_l = 50")
    build_consumption(two_vans, is_kept=True)
    assert two_vans.execute(f"from {METRES} order by all").fetchall() == kept
    two_vans.execute(f"update core.revisions set revision = 2 where vehicle_id = 'V' and service_date = {LAST}")
    build_consumption(two_vans, is_kept=True)
    now = two_vans.execute(f"from {METRES} order by all").fetchall()
    assert (len(now), len(set(now) & set(kept))) == (2 * len(FILLS), 2 * len(FILLS) - 1)
    two_vans.execute("delete from core.fuel_lines where vehicle_id = 'W'")
    build_consumption(two_vans)
    assert two_vans.execute(f"select count(*) from {METRES}").fetchall() == [(len(FILLS),)]
