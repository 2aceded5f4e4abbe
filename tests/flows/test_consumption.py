"""Fuel from a sealed spool to the published copy: gauge, counter, refuels, rates learned, whatever comes first."""

import csv
import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from flows.importing import run_import
from flows.refresh import refresh
from tests.builders import collected, in_warehouse, positions, published, rebuilt, settings_in, yesterday_at

DAY_S = 86_400
BURNT_BY_LEVEL_L = 16 - 8 * 10 / 60  # 8 l an hour; of each of four levels half of its five minutes is not seen
KM_NORTH = 1 / 111.195


def registered(settings, tenant="t1", **more):
    """The van V of a tenant, whose device is d1, with a tank of 80 l."""
    vehicle = {"tenant_id": tenant, "vehicle_id": "V", "fuel_type": "gasoline", "tank_l": 80} | more
    device = {"tenant_id": tenant, "kind": "device", "id": "d1", "vehicle_id": "V", "from_utc": "2020-01-01T00:00:00Z"}
    for name, row in (("vehicles", vehicle), ("assignments", device | {"to_utc": ""})):
        with (settings.data_dir / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, row)
            writer.writeheader()
            writer.writerow(row)
        run_import(settings, name, [settings.data_dir / f"{name}.csv"])


def driven(start_s, minutes, *, km_before=0.0, kmh=60.0, **meters):
    """Points every ten seconds of a drive north; meters are functions of the share driven."""
    count = minutes * 6
    return [
        {"ts": start_s + 10 * n, "seq": n, "lat": 40 + (km_before + kmh * n / 360) * KM_NORTH, "lon": -74.0}
        | {"spd_kmh": kmh, "ign": True, "rpm": 1800}
        | {name: meter(n / count) for name, meter in meters.items()}
        for n in range(count)
    ]


def idling(start_s, minutes, first_seq=0, **meters):
    count = minutes * 6
    return [
        {"ts": start_s + 10 * n, "seq": first_seq + n, "lat": 40.0, "lon": -74.0, "spd_kmh": 0, "ign": True, "rpm": 700}
        | {name: meter(n / count) for name, meter in meters.items()}
        for n in range(count + 1)
    ]


def sent(points, device="d1", tenant="t1"):
    """Messages of a hundred points."""
    return [positions(points[first : first + 100], device, tenant) for first in range(0, len(points), 100)]


def filled_up(start_s):
    """An hour of driving from 30 to 20 % of the tank, a fill to 95 %, an hour down to 85 %."""
    before = driven(start_s, 60, fuel_pct=lambda share: 30 - 10 * share, fuel_used_l=lambda share: 500 + 8 * share)
    after = driven(
        start_s + 70 * 60, 60, km_before=60, fuel_pct=lambda share: 95 - 10 * share,
        fuel_used_l=lambda share: 508 + 8 * share,
    )  # fmt: skip
    stop = {"ts": start_s + 3600, "lat": 40 + 60 * KM_NORTH, "lon": -74.0, "spd_kmh": 0, "ign": False, "rpm": 0}
    return [*before, stop | {"seq": 360}, *(point | {"seq": point["seq"] + 361} for point in after)]


def test_a_fill_is_found_where_it_was_and_litres_have_one_source(tmp_path):
    settings = settings_in(tmp_path)
    registered(settings)
    start_s = yesterday_at(14)
    points = filled_up(start_s)
    without_counter = [{key: value for key, value in point.items() if key != "fuel_used_l"} for point in points]
    collected(settings, [*sent(points), *sent(without_counter, "d2")])
    refresh(settings)
    refuel = published(settings, "from core.refuels where vehicle_id = 'V'").row(0, named=True)
    assert (refuel["from_pct"], refuel["to_pct"]) == (pytest.approx(20, abs=1), pytest.approx(95, abs=1))
    assert refuel["litres"] == pytest.approx(60, abs=1)
    assert refuel["latitude"] == pytest.approx(40 + 60 * KM_NORTH, abs=0.001)
    stopped_utc = datetime.fromtimestamp(start_s + 3600, UTC).replace(tzinfo=None)
    assert refuel["started_utc"] <= stopped_utc <= refuel["ended_utc"] <= stopped_utc + timedelta(minutes=12)
    day = published(settings, "from core.vehicle_dates where vehicle_id = 'V'").row(0, named=True)
    assert (day["fuel_used_l"], day["refuel_count"]) == (pytest.approx(16, abs=0.1), 1)
    assert day["level_used_pct"] * 0.8 == pytest.approx(BURNT_BY_LEVEL_L, abs=0.3)
    assert 0 < day["level_distance_m"] < day["fuel_distance_m"] <= day["distance_m"] + 1
    sources = published(
        settings, "select vehicle_id, fuel_used_source, fuel_used_l from marts.vehicle_days order by all"
    )
    assert sources.rows()[0][:2] == ("V", "counter")
    assert sources.rows()[1] == ("d2", "none", None)  # its tank is not registered
    assert published(settings, "select litres from marts.refuels order by 1").rows()[0][0] == refuel["litres"]


@pytest.mark.campaign
def test_registering_the_tank_gives_litres_and_a_late_gauge_is_a_revision(tmp_path):
    settings = settings_in(tmp_path)
    registered(settings, tank_l="")
    points = filled_up(yesterday_at(14))
    bare = [{key: value for key, value in point.items() if key != "fuel_used_l"} for point in points]
    collected(settings, sent(bare[:361]))
    rebuilt(settings)
    collected(settings, sent(bare[361:]))
    rebuilt(settings)
    registered(settings)
    rebuilt(settings)
    day = in_warehouse(settings, "from marts.vehicle_days").row(0, named=True)
    assert (day["fuel_used_source"], day["fuel_used_l"]) == ("level", pytest.approx(BURNT_BY_LEVEL_L, abs=0.3))
    assert 0 < day["fuel_used_sigma_l"] < 1
    revision = in_warehouse(settings, "from core.revisions where revision = 2").row(0, named=True)
    assert {"refuels", "vehicle_dates"} <= set(revision["changed"])
    changes = json.loads(revision["changes"])
    assert changes["refuel_count"] == [0, 1]
    assert changes["level_used_pct"] == [pytest.approx(9.2, abs=0.5), pytest.approx(BURNT_BY_LEVEL_L / 0.8, abs=0.4)]


def three_days(tenant):
    """Two days with a counter that burns 1.0 and 2.0 l in an hour of idling, and one without a counter."""
    first_s = yesterday_at(14) - 2 * DAY_S
    counted = [
        sent(idling(first_s + n * DAY_S, 60, fuel_used_l=lambda share, n=n: 100 + (n + 1) * share), tenant=tenant)
        for n in range(2)
    ]
    return [*counted, sent(idling(first_s + 2 * DAY_S, 30), tenant=tenant)]


ORDERS = {"forward": (0, 1, 2), "backward": (2, 1, 0)}  # a tenant for each


@pytest.mark.campaign
def test_the_order_in_which_days_arrive_changes_no_idle_fuel(tmp_path):
    settings = settings_in(tmp_path)
    days = {tenant: three_days(tenant) for tenant in ORDERS}
    for tenant in ORDERS:
        registered(settings, tenant)
    for step in range(3):
        for tenant, order in ORDERS.items():
            collected(settings, days[tenant][order[step]])
        rebuilt(settings)
    for tenant in ORDERS:
        of_tenant = f"where tenant_id = '{tenant}' order by service_date"
        found = in_warehouse(
            settings, f"select idle_fuel_l, idle_fuel_source from marts.vehicle_days {of_tenant}"
        ).rows()
        assert found == [(1.0, "counter"), (2.0, "counter"), (pytest.approx(0.75), "learned")]
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        assert warehouse.execute("select count(*) from core.reopened").fetchall() == [(0,)]
        again = warehouse.execute(
            "select tenant_id, count(*) from core.loads where vehicle_date_count = 0 and reasons = ['idle_rate']"
            " group by 1"
        ).fetchall()
        revisions = warehouse.execute("select max(revision) from core.revisions").fetchall()
    assert again == [("backward", 2)]
    assert revisions == [(1,)]  # nothing was measured otherwise
    assert rebuilt(settings) == []


@pytest.mark.campaign
def test_the_set_of_co2_factors_is_a_setting_and_goes_with_the_copy(tmp_path):
    settings = settings_in(tmp_path, co2_factors="inventory")
    registered(settings)
    collected(settings, sent(filled_up(yesterday_at(14))))
    refresh(settings)
    query = "select co2_kg / fuel_used_l * 3.785411784, co2_factor_set, core.co2_factor_set() from marts.vehicle_days"
    assert published(settings, query).row(0) == (pytest.approx(8.78), "Inventory 8.78/10.21", "Inventory 8.78/10.21")
