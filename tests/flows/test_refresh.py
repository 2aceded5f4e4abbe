"""The line from a sealed spool to the published copy."""

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows.refresh import publish_copy, refresh
from flows.reporting import run_report
from flows.settings import Settings
from flows.status import print_status
from tests.builders import (
    all_published,
    collected,
    golden_points,
    in_warehouse,
    message,
    positions,
    published,
    rebuilt,
    settings_in,
    yesterday_at,
)
from warehouse import tenancy
from warehouse.checks import parsed
from warehouse.connection import WarehouseBusy, open_database, open_warehouse, sql, writer_lock
from warehouse.custody import known_before
from warehouse.parts import digest_parts

MARTS = ("vehicle_days", "route_days", "idle_events", "stops", "idle_by_definition", "fleet_days")
# What "equal" leaves out: when things arrived and were computed.
ARRIVAL = ["received_utc", "segment"]
REVISION = "columns(lambda name: name != 'revision')"


def tables(settings) -> dict[str, pl.DataFrame]:
    queries = {name: f"select {REVISION} from marts.{name} order by all" for name in MARTS}
    queries["ledger"] = "from core.ledger order by all"
    queries["positions"] = (
        f"select * exclude ({', '.join(ARRIVAL)}) from lake.positions order by tenant_id, device_id, fix_utc, seq"
    )
    return all_published(settings, queries)


def assert_same_tables(one, other) -> None:
    expected, found = tables(one), tables(other)
    for name, frame in expected.items():
        assert_frame_equal(frame, found[name], check_exact=True)


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    """The golden trace, refreshed once: to be read, or to be copied and gone on with."""
    return refreshed_golden(tmp_path_factory.mktemp("golden"))


def refreshed_golden(folder):
    settings = settings_in(folder)
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    assert refresh(settings).published
    return settings


def copied(settings, folder):
    """Settings of a copy of a refreshed folder; its next refresh publishes, because the lake has moved."""
    shutil.copytree(settings.data_dir, folder, symlinks=True)
    return settings_in(folder)


def test_the_golden_trace_gives_its_times_and_events(golden):
    day = published(golden, "from marts.vehicle_days").row(0, named=True)
    assert [day[name] for name in ("off_s", "idle_s", "drive_s", "unknown_s")] == [180, 540, 120, 460]
    assert (day["engine_on_s"], day["excess_idle_s"], round(day["idle_share"], 4)) == (660, 540, 0.8182)
    events = published(golden, "select duration_s from marts.idle_events order by started_utc")
    assert events["duration_s"].to_list() == [120, 240, 180]
    by_definition = published(golden, "from marts.idle_by_definition where definition_id = 'geotab_altitude'")
    assert by_definition.row(0, named=True)["idle_s"] == 40  # the only run of at least 200 s, less its first 200 s


def test_a_second_refresh_without_news_changes_nothing_and_each_opens_the_warehouse_once(tmp_path, monkeypatch):
    opened = []

    def counted(path, **given):
        opened.append(path)
        return open_warehouse(path, **given)

    monkeypatch.setattr("flows.opening.open_warehouse", counted)
    settings = refreshed_golden(tmp_path)
    assert len(opened) == 1
    before = settings.published_path.resolve()
    again = refresh(settings)
    assert len(opened) == 2
    assert (again.loaded.messages, again.rebuilt, again.published) == (0, [], False)
    assert settings.published_path.resolve() == before


def test_shuffled_duplicated_and_split_over_two_refreshes_it_gives_the_same(golden, tmp_path):
    untidy = settings_in(tmp_path)
    points = golden_points(yesterday_at(15))
    single = [positions([point]) for point in points] * 2
    random.Random(5).shuffle(single)
    collected(untidy, single[:11])
    rebuilt(untidy)
    collected(untidy, [*single[11:], *single[:3]])
    refresh(untidy)
    assert_same_tables(golden, untidy)
    health = published(untidy, "from marts.data_health").row(0, named=True)
    assert (health["received_count"], health["accepted_count"], health["duplicate_count"]) == (35, 16, 19)


def test_a_full_refresh_gives_the_same_tables(golden, tmp_path):
    settings = copied(golden, tmp_path / "copied")
    done = refresh(settings, full=True)
    assert done.rebuilt == [datetime.fromtimestamp(yesterday_at(15), UTC).date()]
    assert_same_tables(golden, settings)


class Twice(NamedTuple):
    """A folder that was rebuilt twice, with news in between: a tenant for each case, and the dates each had."""

    settings: Settings
    before: dict[str, list[date]]
    after: dict[str, list[date]]


@pytest.fixture(scope="module")
def twice(tmp_path_factory) -> Twice:
    settings = settings_in(tmp_path_factory.mktemp("twice"), timezone="UTC")
    known: list[dict[str, list[date]]] = []
    for arrived in zip(late_points(), late_plan(), newest_plan(), far_plan(), strict=True):
        collected(settings, [found for messages in arrived for found in messages])
        rebuilt(settings)
        dates: dict[str, list[date]] = {}
        for tenant, day in in_warehouse(
            settings, "select tenant_id, service_date from marts.vehicle_days order by all"
        ).rows():
            dates.setdefault(tenant, []).append(day)
        known.append(dates)
    return Twice(settings, *known)


def late_points():
    points = golden_points(yesterday_at(15))
    yield [positions(points, device, "late-points") for device in ("d1", "d2")]
    yield [
        positions([{"ts": yesterday_at(16), "seq": 99, "lat": 40.7, "lon": -74.0, "ign": False}], "d1", "late-points")
    ]


def test_late_points_reopen_only_the_vehicle_date_they_touch(twice):
    loads = "select vehicle_date_count from core.loads where tenant_id = 'late-points' order by load_id"
    assert in_warehouse(twice.settings, loads).rows() == [(2,), (1,)]
    assert len(twice.after["late-points"]) == 2


def test_extreme_but_valid_messages_go_through_to_the_report(tmp_path):
    settings = settings_in(tmp_path)
    start = yesterday_at(15)
    odd = "\x00'\"; drop table core.ledger; --\u2603" + "x" * 5_000
    most, least = 2**63 - 1, -(2**63)
    extremes = [
        {
            "ts": start,
            "lat": 90,
            "lon": 180,
            "seq": most,
            "route_id": odd,
            "odo_m": 5e9,
            "fuel_used_l": 1e9,
            "sat": 10**30,
        },
        {"ts": start + 1e-7, "lat": -90, "lon": -180, "seq": least, "alt_m": 1e300, "hdop": 1e300, "acc_m": 1e-300},
        {"ts": start + 2, "lat": 1e-300, "lon": -1e-300, "hdg_deg": 1e300, "batt_v": -1e300, "energy_out_kwh": 1e300},
        {"ts": start + 3, "nofix": True, "soc_pct": 1e300, "fuel_l": 1e300, "x": {odd[:50]: [None, {}]}},
    ]
    day = str(datetime.fromtimestamp(start, UTC).date())
    route = {"route_id": odd, "vehicle_id": odd, "driver_id": odd, "role": "rescue", "planned_stops": 1_000_000}
    stops = [{"seq": number, "lat": 90, "lon": 180, "planned_service_s": 1e300} for number in (0, 0, 1_000_000)]
    purchase = {"v": 1, "event_type": "adjust", "provider_txn_id": odd, "quantity": 999_999_999_999, "unit": odd[:9]}
    collected(
        settings,
        [
            positions(golden_points(start)),
            positions(extremes, device="d'2", boot=least),
            positions(extremes, device="d'2", boot=most),
            message("rt/v1/t1/x/plan", {"v": 1, "service_date": day, "routes": [route, route | {"stops": stops}]}),
            message("rt/v1/t1/y/plan", {"v": 1, "service_date": day, "routes": [route | {"vehicle_id": "d'2"}]}),
            message("fc/v1/t1/w'x/txn", purchase | {"unit_price": 999_999_999_999, "gross": -999_999_999_999}),
            *(
                message("fc/v1/t1/w'x/txn", purchase | {"provider_txn_id": when, "ts_local": when, "unit": "gal"})
                for when in ("infinity", "-infinity", "290000-01-01", "0001-01-01")
            ),
            positions(golden_points(start), device="$\\frac{$"),
            message("fc/v1/t1/w'x/txn", purchase | {"ts_local": odd, "posted_date": "0001-01-01", "seq": "9" * 99}),
            message("tm/v1/t1/d'2/evt", {"v": 1, "ts": start, "type": odd, "val": -1e300, "lat": 1e300, "lon": 1}),
        ],
    )
    done = refresh(settings)
    assert published(settings, "select reason, topic, payload from lake.rejects").rows() == []
    assert (done.failed, done.published) == ([], True)
    assert published(settings, "select idle_s from marts.vehicle_days where vehicle_id = 'd1'").item() == 540
    # Only days that are over are sent, and yesterday's of UTC may be today west of it.
    over = settings.model_copy(update={"timezone": "UTC"})
    assert run_report(over, "daily", day=None, tenant="t1", send=True, out=None)


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A folder that was refreshed once: what one refresh is asked for, each in a tenant of its own."""
    settings = settings_in(tmp_path_factory.mktemp("line"))
    messages = [*busy(), *fuller(), *broken(), *flagged(), *placeless(), *fuelled(), *silent(), *carded()]
    collected(settings, [*messages, *untimed(), *rescued(), *stopping()])
    assert refresh(settings).failed == []
    return settings


def planned(tenant: str, start: float, *routes: dict):
    day = str(datetime.fromtimestamp(start, UTC).date())
    return message(f"rt/v1/{tenant}/x/plan", {"v": 1, "service_date": day, "routes": routes})


def busy():
    points, minute_s = golden_points(yesterday_at(12)), yesterday_at(13)
    batches = [(points[:2], 0), (points[2:3], 10), (points[3:9], 59), (points[9:], 60)]
    return [
        message("tm/v1/busy/d1/pos", {"v": 1, "dev": "d1", "boot": 1, "pts": batch}, received_s=minute_s + after_s)
        for batch, after_s in batches
    ]


def test_the_busiest_minute_counts_messages_and_not_points(line):
    peak = published(line, "select peak_messages_per_min from marts.data_health where tenant_id = 'busy'")
    assert peak.item() == 3


def fuller():
    full = {"ts": yesterday_at(12), "seq": 1, "lat": 40.0, "lon": -74.0, "rpm": 690, "ign": True, "fuel_pct": 50}
    poor = {"ts": yesterday_at(12), "seq": 1, "lat": 41.0, "lon": -75.0}
    for tenant, order in (("full-first", [full, poor]), ("poor-first", [poor, full])):
        yield from (positions([point], tenant=tenant) for point in order)


@pytest.mark.parametrize("tenant", ["full-first", "poor-first"])
def test_of_two_contents_with_one_key_the_fuller_wins_whatever_came_first(line, tenant):
    fixes = published(line, f"select rpm, fuel_pct from lake.positions where tenant_id = '{tenant}'")
    assert fixes.rows() == [(690, 50.0)]
    conflicts = published(line, f"select conflict_count from marts.data_health where tenant_id = '{tenant}'")
    assert conflicts.item() == 1


def broken():
    yield from (message("tm/v1/broken/d1/pos", b"{broken %d" % (number % 40)) for number in range(80))
    yield positions(golden_points(yesterday_at(15)), tenant="broken")


def test_rejects_are_counted_once_and_good_messages_are_all_there(line):
    rejects = published(
        line,
        "select count(*), sum(seen_count), any_value(reason) from lake.rejects where tenant_id = 'broken'",
    )
    assert rejects.row(0) == (40, 80, "not_json")
    assert published(line, "select count(*) from lake.positions where tenant_id = 'broken'").item() == 16


def flagged():
    points = golden_points(yesterday_at(15))
    points[3] |= {"spd_kmh": 410.4, "rpm": 9000}
    return [positions([*points, points[5] | {"lat": 91}], tenant="flagged")]


def test_flags_of_single_points_reach_their_vehicle_day_and_rejects_its_data_health(line):
    day = published(line, "select quality_flags from marts.vehicle_days where tenant_id = 'flagged'")
    flags = day.item().to_list()
    assert {"rpm_refused", "speed_refused"} <= set(flags)
    assert flags == sorted(flags)
    health = published(line, "from marts.data_health where tenant_id = 'flagged'").row(0, named=True)
    assert health["accepted_count"] == 16


def placeless():
    start = yesterday_at(15)
    lost = [{"ts": start + number, "seq": number, "fuel_pct": 40 + number} for number in range(3)]
    return [positions(lost, tenant="placeless")] * 2


def test_the_status_of_every_point_without_a_place_is_an_event_of_its_own(line):
    events = published(line, "select type, seq from lake.events where tenant_id = 'placeless' order by seq")
    assert events.rows() == [("status", 0), ("status", 1), ("status", 2)]


def fuelled():
    one, sparse, dense = (golden_points(yesterday_at(15)) for _ in range(3))
    one[0]["fuel_used_l"] = 100.0
    sparse[0]["fuel_used_l"], sparse[9]["fuel_used_l"] = 100.0, 101.0
    for number, point in enumerate(dense):
        point["fuel_used_l"] = 100 + number / 10
    return [positions(points, van, "fuelled") for van, points in (("one", one), ("sparse", sparse), ("dense", dense))]


def test_a_single_fuel_reading_is_no_consumption_and_sparse_ones_tell_no_idle_fuel(line):
    days = published(
        line,
        "select vehicle_id, fuel_used_l, idle_fuel_l, idle_fuel_source from marts.vehicle_days"
        " where tenant_id = 'fuelled' order by 1",
    )
    assert days.rows() == [
        ("dense", pytest.approx(1.5), pytest.approx(0.9), "counter"),
        ("one", None, None, None),
        ("sparse", pytest.approx(1.0), None, None),
    ]


def silent():
    start = yesterday_at(12)
    route = {"route_id": "R1", "vehicle_id": "V1", "planned_exit_utc": start, "planned_return_utc": start + 3600}
    rejected = positions([{"ts": start, "lat": 0, "lon": 0}], device="V1", tenant="silent")
    return [planned("silent", start, route), rejected]


def test_a_tenant_whose_planned_vans_are_all_silent_has_a_row_and_a_report(line):
    row = published(line, "from marts.fleet_days where tenant_id = 'silent'").row(0, named=True)
    assert (row["routes_planned"], row["routes_run"], row["vehicles_heard"], row["vehicles_dispatched"]) == (1, 0, 0, 0)
    health = published(line, "from marts.data_health where tenant_id = 'silent'").row(0, named=True)
    assert (health["rejected_count"], health["accepted_count"]) == (1, 0)
    assert run_report(line, "daily", day=None, tenant="silent", send=False, out=None)


def carded():
    return [message("fc/v1/carded/wex/txn", b'{"card":"4111111111111111"')]


def test_card_payloads_that_were_rejected_are_not_shown(line):
    rejects = published(line, "select payload, reason from lake.rejects where tenant_id = 'carded'")
    assert rejects.rows() == [(None, "not_json")]


def untimed():
    start = yesterday_at(12)
    routes = [
        {"route_id": "R1", "vehicle_id": "d1", "planned_exit_utc": start, "planned_return_utc": start + 500},
        {"route_id": "R2", "vehicle_id": "d1", "planned_exit_utc": start + 700, "planned_return_utc": start + 1300},
        {"route_id": "R3", "vehicle_id": "d1"},
    ]
    return [planned("untimed", start, *routes), positions(golden_points(start), tenant="untimed")]


def test_a_route_without_times_takes_nothing_from_those_that_have_them(line):
    rows = published(
        line,
        "select route_id, idle_s, unknown_s, off_s from marts.route_days where tenant_id = 'untimed' order by all",
    ).rows()
    assert rows == [("R1", 360, 460, 60), ("R2", 180, 0, 120), ("R3", 0, 0, 0)]


def rescued():
    start = yesterday_at(12)
    times = {"planned_exit_utc": start, "planned_return_utc": start + 3600}
    routes = [
        {"route_id": "R1", "vehicle_id": vehicle, "role": role} | times
        for vehicle, role in (("V1", "primary"), ("V1", "rescue"), ("V2", "rescue"))
    ]
    vans = [positions(golden_points(start + 60 * late), f"V{late + 1}", "rescued") for late in (0, 1)]
    return [planned("rescued", start, *routes), *vans]


def test_a_rescue_is_a_row_of_its_own_van_and_nobody_rescues_itself(line):
    rows = published(
        line, "select vehicle_id, role, idle_s from marts.route_days where tenant_id = 'rescued' order by all"
    ).rows()
    assert rows == [("V1", "primary", 540), ("V2", "rescue", 540)]


def stopping():
    start = yesterday_at(15)
    points = [
        {"ts": start + 10 * seq, "seq": seq, "lat": 40.7 + 0.002 * (seq // 8), "lon": -74.0}
        | ({"spd_kmh": 30, "ign": True} if seq % 8 == 7 else {"spd_kmh": 0, "ign": False})
        for seq in range(32)
    ]
    on_route = [point | {"route_id": "R1"} for point in points[:16]]
    return [positions(on_route, "d1", "stopping"), positions(points, "d2", "stopping")]


def test_stops_of_a_van_without_a_route_do_not_count_for_the_route_of_the_van_before(line):
    of_tenant = "where tenant_id = 'stopping' order by all"
    days = published(line, f"select vehicle_id, stop_count from marts.vehicle_days {of_tenant}").rows()
    routes = published(line, f"select vehicle_id, route_id, stop_count from marts.route_days {of_tenant}").rows()
    assert days == [("d1", 2), ("d2", 4)]
    assert routes == [("d1", "R1", 2)]


def late_plan():
    start = yesterday_at(2)  # before 04:00: without a plan this is the day before
    route = {"route_id": "R1", "vehicle_id": "d1", "planned_exit_utc": start, "planned_return_utc": start + 3600}
    yield [positions(golden_points(start), tenant="late-plan")]
    yield [planned("late-plan", start, route)]


def test_a_plan_that_arrives_later_takes_over_the_dates_it_touches(twice):
    day = datetime.fromtimestamp(yesterday_at(2), UTC).date()
    assert [found < day for found in twice.before["late-plan"]] == [True]
    assert twice.after["late-plan"] == [day]
    row = in_warehouse(twice.settings, "from marts.route_days where tenant_id = 'late-plan'").row(0, named=True)
    assert (row["route_id"], row["idle_s"], row["planned_route_time_s"]) == ("R1", 540, 3600)


def newest_plan():
    start = yesterday_at(12)
    day = str(datetime.fromtimestamp(start, UTC).date())

    def plan(tenant: str, vehicle: str, issued: float):
        route = {"route_id": "R1", "vehicle_id": vehicle, "planned_exit_utc": start, "planned_return_utc": start + 60}
        return message(f"rt/v1/{tenant}/x/plan", {"v": 1, "service_date": day, "issued_utc": issued, "routes": [route]})

    for of_last, of_first in ((("V1", 1e9), ("V2", 1.7e9)), (("V2", 1.7e9), ("V1", 1e9))):
        yield [plan("newest-last", *of_last), plan("newest-first", *of_first)]


def test_the_newest_plan_wins_whatever_the_order_they_arrive_in(twice):
    of_tenants = "select tenant_id, vehicle_id from marts.route_days where tenant_id like 'newest-%' order by all"
    assert in_warehouse(twice.settings, of_tenants).rows() == [("newest-first", "V2"), ("newest-last", "V2")]


FAR_DAY = datetime.fromtimestamp(yesterday_at(12), UTC).date() - timedelta(days=2)


def far_plan():
    noon = datetime.combine(FAR_DAY, datetime.min.time(), UTC).timestamp() + 12 * 3600
    times = {"planned_exit_utc": noon + 32 * 3600, "planned_return_utc": noon + 46 * 3600}

    def plan(vehicle: str, issued: float):
        body = {"v": 1, "service_date": str(FAR_DAY), "issued_utc": issued}
        return message("rt/v1/far/x/plan", body | {"routes": [{"route_id": "R1", "vehicle_id": vehicle} | times]})

    yield [plan("d1", 1e9), positions(golden_points(noon + 44 * 3600), tenant="far")]
    yield [plan("d9", 1.1e9)]


def test_no_stale_vehicle_date_is_left_where_a_plan_far_from_its_date_changes(twice):
    assert twice.before["far"] == [FAR_DAY]
    assert twice.after["far"] == [FAR_DAY + timedelta(days=2)]


def test_the_second_of_two_refreshes_waits_and_then_says_so(tmp_path):
    with (
        writer_lock(tmp_path / "lock", wait_s=0),
        pytest.raises(WarehouseBusy),
        writer_lock(tmp_path / "lock", wait_s=0.3),
    ):
        pass


def test_who_waits_for_the_lock_gets_it_before_one_who_lets_go_and_takes_it_again(tmp_path):
    order = []

    def wait():
        with writer_lock(tmp_path / "lock", wait_s=30):
            order.append("refresh")

    waiter = threading.Thread(target=wait)
    for number in range(3):  # as a backfill, date by date
        with writer_lock(tmp_path / "lock", wait_s=30):
            order.append(f"date {number}")
            if not number:
                waiter.start()
            time.sleep(0.5)
    waiter.join()
    assert order == ["date 0", "refresh", "date 1", "date 2"]


@pytest.mark.campaign
def test_a_reader_that_holds_the_old_copy_keeps_working(tmp_path):
    settings = settings_in(tmp_path)
    points = golden_points(yesterday_at(15))
    collected(settings, [positions(points[:8])])
    refresh(settings)
    with duckdb.connect(str(settings.published_path.resolve()), read_only=True) as reader:
        before = reader.sql("from lake.positions order by all").fetchall()
        collected(settings, [positions(points[8:12])])
        refresh(settings)
        for _ in range(3):  # with the one before more than the versions that are kept
            publish_copy(settings)
        assert reader.sql("from lake.positions order by all").fetchall() == before
    assert published(settings, "select count(*) from lake.positions").item() == 12
    assert len(list(settings.published_dir.glob("odograph-*.duckdb"))) == 3


@pytest.mark.campaign
def test_readers_see_one_whole_generation_while_refreshes_run(tmp_path):
    settings = settings_in(tmp_path)
    start = yesterday_at(10)
    collected(settings, [positions(golden_points(start))])
    refresh(settings)
    stopping, seen, problems = threading.Event(), 0, []

    def read() -> None:
        nonlocal seen
        while not stopping.is_set():
            try:
                rows = published(
                    settings,
                    "select (select count(*) from lake.positions) as positions,"
                    " (select sum(accepted_count) from marts.data_health) as accepted",
                ).row(0)
                seen += 1
                if rows[0] != rows[1]:
                    problems.append(rows)
                time.sleep(0.3)  # a reader that never rests takes half the time of the refreshes it should meet
            except Exception as error:  # whatever a reader gets to see is a finding
                problems.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 4):
        collected(settings, [positions(golden_points(start + 3600 * number), device=f"d{number}")])
        refresh(settings)
        deadline_s = time.monotonic() + 60
        while seen < 2 * number and not problems and time.monotonic() < deadline_s:  # on a machine that is busy
            time.sleep(0.05)
    stopping.set()
    reader.join()
    assert (problems, seen > 5) == ([], True)


@pytest.fixture(scope="module")
def thirty_vans(tmp_path_factory):
    """Thirty vans, refreshed, and what they sent."""
    settings = settings_in(tmp_path_factory.mktemp("thirty"))
    messages = [positions(golden_points(yesterday_at(10)), device=f"d{number}") for number in range(30)]
    collected(settings, messages)
    refresh(settings)
    return settings, messages


@pytest.mark.parametrize(
    "kill_at",
    [
        pytest.param("load", marks=pytest.mark.campaign),
        "measure 0",  # rebuilding
        pytest.param("measure 1", marks=pytest.mark.campaign),  # publishing
    ],
)
def test_a_refresh_that_is_killed_is_finished_by_the_next_one(thirty_vans, tmp_path, kill_at):
    tidy, messages = thirty_vans
    killed = settings_in(tmp_path)
    collected(killed, messages)
    code = (
        "from pathlib import Path; from flows.refresh import refresh; from flows.settings import Settings;"
        f"print('load', flush=True); refresh(Settings(_env_file=None, data_dir=Path({str(killed.data_dir)!r})),"
        " progress=lambda stage, done, total: print(stage, done, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert any(line.startswith(kill_at) for line in process.stdout)
        time.sleep(0.1)  # into the stage
        process.send_signal(signal.SIGKILL)
    refresh(killed)
    assert_same_tables(tidy, killed)


NO_D2 = parsed(
    "nothing_may_exist",
    "-- No d2.\n-- severity: error\n\n"
    "select tenant_id, service_date, vehicle_id from core.ledger where service_date = $day and vehicle_id = 'd2'",
)
VEHICLES = "select tenant_id || '/' || vehicle_id as vehicle from marts.vehicle_days order by service_date, 1"


@pytest.mark.campaign
def test_a_failed_check_holds_back_its_tenant_and_date_only_and_keeps_the_work(golden, tmp_path, monkeypatch, capsys):
    settings = copied(golden, tmp_path / "copied")
    monkeypatch.setattr(
        "warehouse.checks.listed_checks", lambda folder="checks": (NO_D2,) if folder == "checks" else ()
    )
    yesterday = datetime.fromtimestamp(yesterday_at(15), UTC).date()
    collected(settings, [positions(golden_points(yesterday_at(15))[:8], device="d1", tenant="t2")])
    collected(settings, [positions(golden_points(yesterday_at(16)), device="d2")])
    collected(settings, [positions(golden_points(yesterday_at(15) - 86_400), device="d3")])
    done = refresh(settings)
    assert [(failure.day, failure.failures) for failure in done.failed] == [
        (yesterday, {"t1": {"nothing_may_exist": 8}})
    ]
    assert yesterday in done.rebuilt  # for t2
    assert published(settings, VEHICLES)["vehicle"].to_list() == ["t1/d3", "t1/d1", "t2/d1"]
    held = published(settings, "select tenant_id, service_date, check_name, row_count from core.held_back").rows()
    assert held == [("t1", yesterday, "nothing_may_exist", 8)]
    said = published(
        settings,
        "select tenant_id, row_count, sample from core.check_results"
        f" where service_date = date '{yesterday}' and check_name = 'nothing_may_exist' order by 1",
    )
    assert said.rows()[1] == ("t2", 0, None)
    assert (said.row(0)[:2], "d2" in said.row(0)[2]) == (("t1", 8), True)
    loads = "select tenant_id, vehicle_date_count from core.loads order by load_id, 1"
    assert published(settings, loads).rows() == [("t1", 1), ("t1", 1), ("t2", 1)]

    assert not refresh(settings).published  # tried again, with the same end
    collected(settings, [positions(golden_points(yesterday_at(15))[8:], device="d1", tenant="t2")])
    assert refresh(settings).published  # t2 goes on
    assert published(settings, "select sum(accepted_count) from marts.data_health where tenant_id = 't2'").item() == 16
    assert published(settings, "select accepted_count from marts.data_health where vehicle_id = 'd1'").rows() == [
        (16,),
        (16,),
    ]
    assert not print_status(settings)
    assert f"t1 {yesterday}: nothing_may_exist (8 rows)" in " ".join(capsys.readouterr().out.split())

    monkeypatch.undo()
    assert refresh(settings).failed == []
    assert published(settings, VEHICLES)["vehicle"].to_list() == ["t1/d3", "t1/d1", "t1/d2", "t2/d1"]
    assert published(settings, "select count(*) from core.held_back").item() == 0
    assert print_status(settings)


@pytest.mark.campaign
def test_what_was_rebuilt_before_a_crash_is_published_by_the_next_refresh(tmp_path, monkeypatch):
    settings = refreshed_golden(tmp_path)
    collected(settings, [positions(golden_points(yesterday_at(15)), device="d2")])
    monkeypatch.setattr("flows.refresh.publish_copy", lambda *_, **_known: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        refresh(settings)
    monkeypatch.undo()
    assert refresh(settings).published
    assert published(settings, "select count(*) from marts.vehicle_days").item() == 2

    assert known_of(settings).files
    collected(settings, [positions(golden_points(yesterday_at(15)), device="d3")])
    monkeypatch.setattr("flows.refresh.publish_copy", lambda *_, **_known: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        refresh(settings)
    monkeypatch.undo()
    assert not known_of(settings).files


@pytest.mark.campaign
def test_digests_that_are_known_after_a_refresh_are_those_of_all_rows(tmp_path):
    settings = refreshed_golden(tmp_path).model_copy(update={"tenant_copies": "all"})
    for device in ("d2", "d3"):
        collected(settings, [positions(golden_points(yesterday_at(15)), device=device)])
        assert refresh(settings).published
    with open_database() as connection:
        connection.execute(f"attach '{settings.published_path.resolve()}' as everyone (read_only)")
        found = []
        for known in (None, known_of(settings)):
            digest_parts(connection, tenancy.tables(connection, "everyone"), known)
            found.append(connection.execute("from temp.parts order by all").fetchall())
    assert found[0] == found[1]
    assert known.touched == frozenset()

    with open_warehouse(settings.warehouse_path) as warehouse:  # somebody else's doing, on another date
        warehouse.execute(
            "insert into core.ledger by name select * replace (service_date - 9 as service_date) from core.ledger"
        )
    collected(settings, [positions(golden_points(yesterday_at(15)), device="d4")])
    assert refresh(settings).published
    [copy] = settings.tenants_dir.glob("*.duckdb")
    counts = "select service_date, count(*) as row_count from core.ledger group by all order by all"
    with open_database(copy.resolve(), read_only=True) as of_tenant:
        rows = of_tenant.execute(counts).fetchall()
    assert rows == published(settings, counts).rows()
    assert len(rows) == 2


def known_of(settings):
    return known_before(settings.known_dir, settings.warehouse_path)


@pytest.mark.campaign
def test_a_warehouse_of_an_older_schema_is_built_anew_and_keeps_its_dimensions(tmp_path):
    settings = settings_in(tmp_path)
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    settings.warehouse_path.unlink()
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute(
            sql("schema.sql").replace("    gvwr_lb double,", "--").replace("    idle_s double not null,", "--")
        )
        warehouse.execute(
            "create table core.schema_stamp (digest varchar); insert into core.schema_stamp values ('old')"
        )
        warehouse.execute("insert into core.vehicles (tenant_id, vehicle_id, tank_l) values ('t1', 'd9', 95)")
        warehouse.execute("insert into core.absorbed values ('main', 99)")
    assert refresh(settings).published
    assert published(settings, "select idle_s from marts.vehicle_days").item() == 540
    assert published(settings, "select tank_l from core.vehicles").item() == 95
