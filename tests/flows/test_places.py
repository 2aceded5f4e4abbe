"""Where a driver lives, and where a van is out of hours, is shown to nobody; who looks at a track is written down."""

import json
import stat
from datetime import UTC, datetime
from math import cos, hypot, radians

import duckdb
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.importing import run_import
from flows.privacy.access import access_path, expire_access, read_accesses, reads_places, record_access
from flows.querying import open_published
from flows.refresh import refresh
from tests.builders import collected, message, positions, published, settings_in, yesterday_at

DEPOT, CUSTOMER, HOME, AWAY = (40.7, -74.0), (40.72, -74.02), (40.7513, -74.0512), (40.9012, -74.3013)
DAY = datetime.fromtimestamp(yesterday_at(12), UTC).date()
FILES = {
    "depots": "tenant_id,depot_id,timezone,latitude,longitude,radius_m,window_start,window_end\n"
    "t1,DEP,UTC,40.7,-74.0,150,08:30,17:30\n",
    "vehicles": "tenant_id,vehicle_id,fuel_type\nt1,d1,diesel\n",
    "assignments": "tenant_id,kind,id,vehicle_id\nt1,device,d1,d1\nt1,depot,DEP,d1\n",
}


def stand(place, hour: int, minute: int, minutes: int, *, engine: bool) -> list[dict]:
    start_s = yesterday_at(hour, minute)
    return [
        {
            "ts": start_s + at_s,
            "lat": place[0],
            "lon": place[1],
            "spd_kmh": 0,
            "ign": engine,
            "sat": 9,
            "address": "Elm",
        }
        for at_s in range(0, minutes * 60 + 1, 30)
    ]


def drive(start, end, hour: int, minute: int, minutes: int) -> list[dict]:
    start_s, count = yesterday_at(hour, minute), minutes * 2
    return [
        {"ts": start_s + step * 30, "lat": start[0] + (end[0] - start[0]) * step / count,
         "lon": start[1] + (end[1] - start[1]) * step / count, "spd_kmh": 40, "hdg_deg": 90, "alt_m": 7,
         "odo_m": int(start_s + 30 * step - yesterday_at(0)) * 10, "ign": True, "sat": 9}
        for step in range(1, count)
    ]  # fmt: skip


POINTS = [
    *stand(HOME, 7, 0, 40, engine=False),
    *drive(HOME, DEPOT, 7, 40, 20),
    *stand(DEPOT, 8, 0, 30, engine=False),
    *drive(DEPOT, CUSTOMER, 8, 30, 10),
    *stand(CUSTOMER, 8, 40, 10, engine=True),
    *drive(CUSTOMER, HOME, 8, 50, 15),
    *stand(HOME, 9, 5, 4, engine=True),  # at home in working hours: an idle event
    *drive(HOME, AWAY, 19, 0, 40),
    *stand(AWAY, 19, 40, 5, engine=True),
    *drive(AWAY, HOME, 19, 45, 40),
    *stand(HOME, 20, 25, 10, engine=False),
]


def metres(one, other) -> float:
    return 111_195 * hypot(one[0] - other[0], (one[1] - other[1]) * cos(radians(one[0])))


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A van that its driver takes home: the window of its depot is 08:30 to 17:30."""
    folder = tmp_path_factory.mktemp("places")
    settings = settings_in(folder, timezone="UTC")
    for kind, text in FILES.items():
        (folder / f"{kind}.csv").write_text(text)
        run_import(settings, kind, [folder / f"{kind}.csv"])
    points = [point | {"seq": seq} for seq, point in enumerate(POINTS)]
    private = {"ts": yesterday_at(11), "lat": 40.8, "lon": -74.1, "odo_m": 5000, "private": True, "seq": 9999}
    messages = [positions(points[first : first + 100], "d1") for first in range(0, len(points), 100)]
    nowhere = {"ts": yesterday_at(12, 30), "nofix": True, "seq": 9998, "address": "Elm"}
    doors = [
        {"v": 1, "dev": "d1", "ts": yesterday_at(*at), "seq": seq, "type": "door", "street": "5 Oak", **where}
        for seq, (at, where) in enumerate({
            (8, 45): {"lat": CUSTOMER[0], "lon": CUSTOMER[1]},
            (9, 6): {"lat": HOME[0], "lon": HOME[1]},
            (12, 0): {},
            (20, 0): {"lat": AWAY[0], "lon": AWAY[1]},
        }.items())
    ]  # fmt: skip
    events = [message("tm/v1/t1/d1/evt", door) for door in doors]
    collected(settings, [*messages, positions([nowhere, private], "d1"), *events])
    refresh(settings)
    return settings


@pytest.fixture
def asked(line, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(line.data_dir))
    monkeypatch.setenv("ODOGRAPH_USER", "ana")
    monkeypatch.setenv("COLUMNS", "200")
    access_path(line.data_dir).unlink(missing_ok=True)
    return lambda *command: CliRunner().invoke(app, list(command))


def test_nothing_of_the_published_copy_tells_a_home_or_a_place_out_of_hours(line):
    tables = published(
        line,
        "select schema_name || '.' || table_name, column_name, replace(column_name, 'latitude', 'longitude')"
        " from duckdb_columns() where database_name = current_database()"
        " and column_name like '%latitude' and schema_name in ('core', 'marts', 'lake') order by all",
    )
    looked_at = 0
    for table, latitude, longitude in tables.rows():
        for place in published(
            line, f"select {latitude}, {longitude} from {table} where {latitude} is not null"
        ).rows():
            assert min(metres(place, HOME), metres(place, AWAY), metres(place, (40.8, -74.1))) > 300, table
            looked_at += 1
    assert looked_at > 100
    assert published(line, "select count(*) from core.devices where fix.latitude is not null").item() == 0


def test_where_a_place_is_not_exact_nothing_leads_to_it_from_one_that_is(line):
    telling = ("speed_kmh", "heading_deg", "altitude_m", "odometer_m", "extra")
    counts = ", ".join(f"count({name})" for name in telling)
    by_precision = f"select place_precision_m, {counts} from lake.positions where flags = '' group by 1"
    found = {row[0]: row[1:] for row in published(line, by_precision).rows()}
    assert all(found[0])
    assert found[1000] == found[-1] == (0,) * len(telling)
    events = "select event_utc::time::varchar, place_precision_m, extra from lake.events where type = 'door' order by 1"
    assert published(line, events).rows() == [
        ("08:45:00", 0, '{"street":"5 Oak"}'), ("09:06:00", 1000, None), ("12:00:00", None, None),
        ("20:00:00", -1, None),
    ]  # fmt: skip
    nowhere = "select count(*), count(extra) from lake.positions where quality = 'no_fix' and flags = ''"
    assert published(line, nowhere).row(0) == (1, 0)


def test_at_work_places_are_exact_and_near_home_they_are_a_cell_of_a_kilometre(line):
    stops = "select latitude, longitude, place_precision_m from marts.stops order by arrived_utc"
    found = {precision: [] for precision in (0, 1000, -1)}
    for latitude, longitude, precision in published(line, stops).rows():
        found[precision].append((latitude, longitude))
    assert min(metres(place, CUSTOMER) for place in found[0]) < 1
    assert all(300 < metres(place, HOME) < 1_000 for place in found[1000])
    assert found[1000]
    assert set(found[-1]) == {(None, None)}
    event = "select place_precision_m from marts.idle_events order by started_utc"
    assert published(line, event)["place_precision_m"].to_list() == [0, 1000, -1]


def test_every_second_and_metre_is_counted_all_the_same(line):
    day = published(line, "from marts.vehicle_days").row(0, named=True)
    states = ("drive_s", "idle_s", "off_s", "ready_s", "parked_s", "unknown_s")
    assert sum(day[name] for name in states) == (day["last_fix_utc"] - day["first_fix_utc"]).total_seconds()
    assert day["after_hours_m"] > 40_000


def test_private_mode_leaves_time_and_odometer(line):
    private = "select latitude, odometer_m, quality, flags from lake.positions where flags like '%private_mode%'"
    assert published(line, private).rows() == [(None, 5000, "no_fix", "private_mode")]
    with duckdb.connect(str(line.warehouse_path), read_only=True) as warehouse:
        assert warehouse.sql("select count(latitude_e7) from staging.read_positions where flags != ''").fetchall() == [
            (0,)
        ]


def test_what_is_behind_a_run_is_shown_at_work_only_and_is_written_down(line, asked):
    explain = ("explain", "idle", "--vehicle", "d1", "--date", DAY.isoformat(), "--raw")
    assert asked(*explain).exit_code == 0
    assert read_accesses(access_path(line.data_dir)) == []  # sums and times only
    at_home = asked(*explain, "--run", "2", "--purpose", "complaint 7")
    assert "not shown" in at_home.stdout
    assert "40.7513" not in at_home.stdout
    [read] = read_accesses(access_path(line.data_dir))
    assert read[1:] == ("ana", "explain", "t1", "vehicle", "d1", f"{DAY}", f"{DAY}", "complaint 7")
    assert stat.S_IMODE(access_path(line.data_dir).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("select count(*) from marts.vehicle_days", False),
        ("select state, sum(duration_us) from core.ledger group by all", False),
        ("select * from core.depots", False),
        ("from core.ledger", True),
        ("select vehicle_id, arrived_utc, latitude from marts.planned_stops", True),
        ("select max(longitude) from marts.stops where kind = 'depot'", True),
        ("select vehicle_id from core.stops where latitude > 40.7", True),
        ("from lake.positions", True),
        ("select vehicle_id, latitude from marts.device_status", True),
        (f"from core.idle_verdicts(date '{DAY}')", True),
        ("select 1; with x as (from lake.position_sources) from x", True),
        ("select fix_ms from read_parquet('*.parquet')", True),
        ("describe core.ledger", False),
        ("selekt", False),
    ],
)
def test_a_query_for_places_is_told_by_its_plan(line, text, reads):
    with open_published(line.published_path) as copy:
        assert reads_places(copy, text) is reads


def test_queries_for_places_are_written_down_before_they_read(line, asked, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_PURPOSE", "audit")
    for text in ("from marts.vehicle_days", "select latitude from lake.positions"):
        assert asked("query", text).exit_code == 0
    shown = asked("privacy", "access").stdout
    assert "ana  query  query select latitude from lake.positions: audit" in shown
    assert "vehicle_days" not in shown
    record_access(line, "explain", "vehicle", "d2", tenant="t1")
    record_access(line, "query", "query", "from lake.events", tenant="t2")
    for option, listed in {("--subject", "d1"): 2, ("--subject", "d2"): 3, ("--tenant", "t1"): 2}.items():
        told = asked("privacy", "access", *option).stdout.splitlines()
        assert (len(told), f"latitude from lake.positions (may include {option[1]})" in told[0]) == (listed, True)
    assert asked("privacy", "access", "--from", "2999-01-01").stdout == "no such read is written down\n"
    path = access_path(line.data_dir)
    path.unlink()
    path.mkdir()
    refused = asked("query", "select latitude from lake.positions")
    path.rmdir()
    assert (refused.exit_code, "so nothing was read" in refused.output, "40.7" in refused.output) == (1, True, False)


def test_what_has_yet_to_expire_can_be_looked_at_and_not_deleted(line, asked):
    ahead = f"{DAY.year + 9}-01-01"
    refused = asked("privacy", "expire", "--date", ahead)
    assert (refused.exit_code, "only a dry run can look ahead" in refused.output) == (2, True)
    shown = asked("privacy", "expire", "--dry-run", "--date", ahead)
    assert [row.split()[0] for row in shown.stdout.splitlines()[1:4]] == ["raw_messages", "thinned_positions", "events"]
    assert shown.stdout.splitlines()[-1] == "dry run: nothing was changed"
    assert published(line, "select count(*) from lake.positions").item() == len(POINTS) + 2


def test_a_torn_line_spoils_no_other_and_old_ones_expire(line, asked):
    path = access_path(line.data_dir)
    path.write_text(json.dumps(["2020-01-01T00:00:00"])[:-3])
    record_access(line, "query", "query", "one")
    old = read_accesses(path)[0]._replace(at_utc="2020-01-01T00:00:00.000+00:00")
    with path.open("a") as log:
        log.write(json.dumps(old._asdict()) + "\n")
    assert expire_access(path, DAY, dry_run=True)[0].row_count == 1
    assert len(read_accesses(path)) == 2
    expire_access(path, DAY, dry_run=False)
    assert [found.subject for found in read_accesses(path)] == ["one"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
