"""What is known of a device: heard, connected, parked, silent; and what never overwrites its last position."""

import csv
import time
from shutil import copy2
from typing import NamedTuple

import duckdb
import pytest

from flows.importing import run_import
from flows.refresh import refresh
from flows.settings import Settings
from flows.status import print_status
from tests.builders import collected, in_warehouse, message, positions, published, rebuilt, settings_in


def point(ts: float, lat: float = 40.7, *, ignition: bool = True, **more) -> dict:
    return {"ts": ts, "lat": lat, "lon": -74.0, "spd_kmh": 0, "ign": ignition, **more}


def status(state: str, boot: int, device: str = "d1", received_s: float | None = None, *, tenant: str = "t1", **more):
    body = {"v": 1, "st": state, "boot": boot, **more}
    return message(f"tm/v1/{tenant}/{device}/sta", body, received_s, retain=True)


def devices(settings) -> dict[str, dict]:
    rebuilt(settings)
    return {row["device_id"]: row for row in in_warehouse(settings, "from marts.device_status").to_dicts()}


class Told(NamedTuple):
    """What was known after the first and after the second refresh, by tenant and device, and how long that took."""

    settings: Settings
    first: dict[tuple[str, str], dict]
    second: dict[tuple[str, str], dict]
    took_s: float


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> Told:
    """A tenant for each case, in two refreshes for all of them."""
    settings = settings_in(tmp_path_factory.mktemp("devices"))
    now = time.time()
    refreshed = []
    for parts in ((*backlog(now), will(now), dead(now), boots(now), parked(now)), (later_fixes(now), reborn(now))):
        for part in parts:
            collected(settings, part)
        rebuilt(settings)
        rows = in_warehouse(settings, "from marts.device_status").to_dicts()
        refreshed.append({(row["tenant_id"], row["device_id"]): row for row in rows})
    return Told(settings, *refreshed, time.time() - now)


def backlog(now: float):
    late = positions([point(now - 500, 40.72, seq=2, his=True)], tenant="backlog")
    yield [positions([point(now - 600, 40.71, seq=1)], tenant="backlog")]
    yield [late._replace(topic="tm/v1/backlog/d1/his")]


def later_fixes(now: float):
    fixes = [point(now - 400, 40.73, seq=3), point(now - 450, 40.74, seq=4)]
    return [positions([fix], tenant="backlog") for fix in fixes]


def test_a_backlog_never_overwrites_the_last_known_position(told):
    known = [found["backlog", "d1"] for found in (told.first, told.second)]
    assert [(found["latitude"], found["position_count"], found["backlog_count"]) for found in known] == [
        (40.71, 2, 1),
        (40.73, 4, 1),
    ]


def will(now: float):
    return [
        status("online", 41, received_s=now - 90, fw="1.2", tenant="will"),
        status("offline", 41, received_s=now - 60, tenant="will"),
        status("offline", 1, "back", received_s=now - 60, tenant="will"),
        positions([point(now - 5)], "back", "will"),
    ]


def reborn(now: float):
    """It is back under the next boot before the broker notices that the old connection is dead."""
    later = {"v": 1, "dev": "d1", "boot": 43, "pts": [point(now - 4)]}
    return [
        status("online", 42, received_s=now - 50, tenant="will"),
        status("offline", 41, received_s=now - 20, tenant="will"),
        message("tm/v1/boots/d1/pos", later),
    ]


def test_a_last_will_of_an_earlier_boot_does_not_put_a_device_offline(told):
    known = [found["will", "d1"] for found in (told.first, told.second)]
    assert [(found["connection"], found["boot"], found["firmware"]) for found in known] == [
        ("offline", 41, "1.2"),
        ("online", 42, "1.2"),
    ]


def test_a_position_after_the_last_will_says_that_the_device_is_there(told):
    assert told.first["will", "back"]["connection"] == "online"


def dead(now: float):
    days = 86_400
    return [
        status("online", 3, "dead", ts=now - 5 * days, tenant="kept"),
        status("online", 3, "timeless", tenant="kept"),
        status("online", 3, "wrong-clock", ts=now + 5 * days, tenant="kept"),
        status("offline", 3, "gone", ts=now - 5 * days, tenant="kept"),
        positions([point(now - 5)], "back", "kept"),
        status("offline", 1, "back", received_s=now - 60, tenant="kept"),
    ]


def test_what_a_broker_had_kept_does_not_make_a_dead_device_look_alive(told):
    found = {device: row for (tenant, device), row in told.first.items() if tenant == "kept"}
    assert {name: (row["state"], row["connection"]) for name, row in found.items()} == {
        "dead": ("non_communicating", "online"),
        "timeless": ("never_heard", "online"),
        "wrong-clock": ("never_heard", "online"),
        "gone": ("never_heard", "offline"),
        "back": ("reporting", "online"),
    }
    since = {name: row["connection_since_utc"] for name, row in found.items()}
    assert since.pop("dead") == found["dead"]["last_seen_utc"] == found["dead"]["first_seen_utc"]
    assert set(since.values()) == {None}
    assert 0 <= found["dead"]["silent_s"] - 5 * 86_400 < told.took_s + 1


def boots(now: float):
    return [status("online", 42, tenant="boots"), positions([point(now - 5)], tenant="boots")]


def test_the_boot_of_a_device_is_its_newest_whether_a_birth_or_a_position_told_it(told):
    assert [found["boots", "d1"]["boot"] for found in (told.first, told.second)] == [42, 43]


def parked(now: float):
    hours = 3600.0
    heard = {"awake": (0.01, True), "asleep": (30, False), "fell-silent": (2, True), "lost": (30, True)}
    for device, (silent_h, ignition) in heard.items():
        at = now - silent_h * hours
        sent = positions([point(at, ignition=ignition)], device, "parked")
        yield sent._replace(received_us=round(at * 1e6) + 500_000)


def test_offline_is_not_parked(told):
    found = {device: row for (tenant, device), row in told.first.items() if tenant == "parked"}
    assert {name: row["state"] for name, row in found.items()} == {
        "awake": "reporting",
        "asleep": "parked",
        "fell-silent": "silent",
        "lost": "non_communicating",
    }
    assert round(found["lost"]["lag_s"], 2) == 0.5


@pytest.mark.campaign
def test_a_position_that_came_again_counts_once_whether_in_one_load_or_later(tmp_path):
    settings = settings_in(tmp_path)
    now = time.time()
    first, late = positions([point(now - 600, seq=1), point(now - 500, seq=2)]), positions([point(now - 90_000, seq=3)])
    backlog = positions([point(now - 400, seq=4, his=True)])._replace(topic="tm/v1/t1/d1/his")
    collected(settings, [first, first])
    before = devices(settings)["d1"]
    assert before["position_count"] == 2
    collected(settings, [late, first, backlog], "other")
    collected(settings, [backlog])
    found = devices(settings)["d1"]
    assert (found["position_count"], found["backlog_count"]) == (4, 1)
    rebuilt(settings, full=True)
    again = devices(settings)["d1"]
    assert (again["position_count"], again["backlog_count"]) == (4, 1)
    assert again["first_seen_utc"] == found["first_seen_utc"] == before["first_seen_utc"]


def test_devices_nobody_registered_and_registered_ones_never_heard_are_listed(tmp_path, capsys):
    settings = settings_in(tmp_path)
    with (tmp_path / "assignments.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["tenant_id", "kind", "id", "vehicle_id", "from_utc", "to_utc"])
        writer.writerow(["t1", "device", "d7", "V7", "2020-01-01T00:00:00Z", ""])
        writer.writerow(["t1", "device", "d8", "V8", "2020-01-01T00:00:00Z", ""])
    run_import(settings, "assignments", [tmp_path / "assignments.csv"])
    collected(settings, [positions([point(time.time() - 5)], device) for device in ("d7", "stray")])
    refresh(settings)
    found = {row["device_id"]: row for row in published(settings, "from marts.device_status").to_dicts()}
    assert {name: (row["vehicle_id"], row["is_registered"], row["state"]) for name, row in found.items()} == {
        "d7": ("V7", True, "reporting"),
        "d8": ("V8", True, "never_heard"),
        "stray": ("stray", False, "reporting"),
    }
    print_status(settings)
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 never_heard, 2 reporting" in shown
    assert "not registered: t1/stray" in shown


def test_a_device_is_registered_where_its_vehicle_dates_are(tmp_path):
    settings = settings_in(tmp_path)
    (tmp_path / "vehicles.csv").write_text("tenant_id,vehicle_id\nt1,d1\nt1,device:d1\nt1,d2\n")
    run_import(settings, "vehicles", [tmp_path / "vehicles.csv"])
    collected(settings, [positions([point(time.time() - 5)], device) for device in ("d1", "d2", "stray")])
    found = {name: (row["vehicle_id"], row["is_registered"]) for name, row in devices(settings).items()}
    assert found == {"d1": ("device:d1", True), "d2": ("device:d2", False), "stray": ("stray", False)}
    days = in_warehouse(settings, "select vehicle_id, quality_flags from marts.vehicle_days order by all").rows()
    assert {vehicle: "unregistered" not in flags for vehicle, flags in days} == dict(found.values())


def test_a_device_falls_silent_without_a_refresh(told, tmp_path):
    assert told.second["kept", "back"]["state"] == "reporting"
    with duckdb.connect(str(copy2(told.settings.warehouse_path, tmp_path))) as copy:
        copy.execute("update core.devices set last_seen_utc = last_seen_utc - interval 1 hour")
        found = copy.execute(
            "select state, silent_s > 3600 from marts.device_status where tenant_id = 'kept' and device_id = 'back'"
        )
        assert found.fetchall() == [("silent", True)]
