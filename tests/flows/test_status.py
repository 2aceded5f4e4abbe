"""The screen says what is wrong and what to do about it, and its exit status is 1 only for what needs a person."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from flows.backup.last import note_backup
from flows.findings import backup, collector, disk_room, shown_age
from flows.refresh import refresh
from flows.status import print_status, rising_rejects
from ingest.health import Health, write_health
from ingest.sharing import ALONE, Asked, Role
from ingest.spool import Spool
from ingest.topics import SUBSCRIPTIONS
from tests.builders import collected, golden_points, positions, settings_in, yesterday_at

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WELL = Health(
    written_s=NOW.timestamp() - 2,
    disconnected_s=0,
    last_message_s=NOW.timestamp() - 3,
    reconnect_count=0,
    write_error=None,
    clock_jump_count=0,
)


def judged(**said: object):
    return collector("main", ALONE, WELL._replace(**said), NOW.timestamp())


def test_a_collector_that_is_well_says_when_it_heard_something_last():
    assert judged() == ("collector main", "running, newest message 3 s ago", False)
    assert judged(reconnect_count=1, clock_jump_count=2).text.endswith("1 reconnect, 2 clock jumps")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            {"write_error": "No space left on device"},
            "cannot write its spool (No space left on device): it acknowledges",
        ),
        ({"disconnected_s": 300}, "no connection to the broker for 5 min"),
        ({"written_s": NOW.timestamp() - 7300}, "said nothing for 2 h"),
    ],
)
def test_a_collector_that_runs_and_does_not_do_its_work_needs_a_person(said, text):
    found = judged(**said)
    assert found.needs_person
    assert text in found.text


def test_a_short_break_of_the_connection_needs_nobody():
    assert not judged(disconnected_s=20).needs_person


@pytest.mark.parametrize(
    ("free", "words", "needs_person"), [(0, "full,", True), (4e9, "nearly full,", True), (6e9, "6.0 GB of", False)]
)
def test_a_full_disk_says_that_nothing_is_acknowledged_and_what_to_do(free, words, needs_person):
    found = disk_room(int(free), int(100e9))
    assert found.text.startswith(words)
    assert found.needs_person == needs_person
    assert ("acknowledge nothing" in found.text and "free space" in found.text) == needs_person


def test_ages_are_told_as_people_do():
    assert [shown_age(seconds) for seconds in (0, 90, 300, 7300, 90_000, 864_000)] == [
        "0 s",
        "90 s",
        "5 min",
        "2 h",
        "25 h",
        "10 days",
    ]


@pytest.mark.parametrize(
    ("days", "words", "needs_person"),
    [
        (None, "none was made here", False),
        (1.5, "36 h ago, /mnt/backups/one", False),
        (9, "the last one is old: 9 days ago", True),
    ],
)
def test_a_backup_that_is_old_needs_a_person_and_one_that_never_was_is_told(tmp_path, days, words, needs_person):
    settings = settings_in(tmp_path)
    if days is not None:
        note_backup(settings.data_dir, datetime.now(UTC) - timedelta(days=days), Path("/mnt/backups/one"))
    found = backup(settings)
    assert words in found.text
    assert found.needs_person is needs_person


def rejects(counts: dict[float, int], first_load_days: float = 30) -> duckdb.DuckDBPyConnection:
    """A copy with so many rejects of one reason so many days ago, and a few of another every day."""
    made = duckdb.connect()
    now = NOW.replace(tzinfo=None)
    made.execute("create schema core; create schema lake; create table core.loads (rebuilt_utc timestamp)")
    made.execute("create table lake.rejects (reason varchar, received_utc timestamp)")
    made.execute("insert into core.loads values ($1)", [now - timedelta(days=first_load_days)])
    for days_ago, count in counts.items():
        at = now - timedelta(days=days_ago)
        made.execute("insert into lake.rejects select 'not_json', $1 from range($2)", [at, count])
        made.execute("insert into lake.rejects select 'clock_ahead', $1 from range(20)", [at])
    return made


@pytest.mark.parametrize(
    ("counts", "rising"),
    [
        ({0.5: 300, 1.5: 100, 6.5: 20}, [("not_json", 300, 100)]),
        ({0.5: 120}, [("not_json", 120, 0)]),
        ({0.5: 299, 1.5: 100}, []),
        ({0.5: 99}, []),
        ({0.5: 300, 8.5: 500}, [("not_json", 300, 0)]),
        ({1.5: 5000}, []),
    ],
)
def test_rejects_rise_when_a_day_brings_three_times_the_worst_of_the_week_before(counts, rising):
    assert rising_rejects(rejects(counts), NOW) == rising


def test_nothing_rises_in_the_first_two_days():
    assert rising_rejects(rejects({0.5: 5000}, first_load_days=1.5), NOW) == []


def shown(settings, capsys) -> tuple[bool, str]:
    """Whether all is well, and the screen as one line."""
    is_well = print_status(settings)
    return is_well, " ".join(capsys.readouterr().out.split())


def test_a_day_on_the_screen_from_well_to_worse(tmp_path, capsys):
    settings = settings_in(tmp_path)
    collected(settings, [positions(golden_points(yesterday_at(12)))])
    refresh(settings)
    is_well, screen = shown(settings, capsys)
    assert is_well
    assert "spool main 1 segment, 0.0 MB, all in the lake" in screen

    folder = settings.spool_dir / "main"
    (folder / "000000000007.torn").write_bytes(bytes(1200))
    is_well, screen = shown(settings, capsys)
    assert is_well
    assert "000000000007.torn (1.2 kB)" in screen

    with Spool.open(folder):
        write_health(folder, WELL._replace(written_s=datetime.now(UTC).timestamp(), write_error="No space left"))
        is_well, screen = shown(settings, capsys)
    assert not is_well
    assert "attention collector main running, cannot write its spool (No space left)" in screen

    with duckdb.connect(str(settings.published_path.resolve())) as copy:
        copy.execute("alter table marts.fleet_days rename coverage to known_share")
    assert "attention published copy made by an earlier version" in shown(settings, capsys)[1]

    (folder / "000000000008.damaged").write_bytes(b"x")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    is_well, screen = shown(settings_in(tmp_path, broker_url=f"mqtt://me:hush@127.0.0.1:{port}"), capsys)
    assert not is_well
    assert "attention damaged main 000000000008.damaged (0.0 kB)" in screen
    assert f"attention broker mqtt://127.0.0.1:{port} does not answer (Connection refused): start it" in screen
    assert "attention collector main not running: start `odograph collect` with ODOGRAPH_COLLECTOR=main" in screen
    assert "hush" not in screen


def begun(settings, name: str, role: Role, *, was_let_in: bool = True) -> Path:
    """The spool of a collector that began to collect, and ended."""
    collected(settings, [], name)
    folder = settings.spool_dir / name
    asked = Asked(folder, role, role.subscriptions(SUBSCRIPTIONS))
    if was_let_in:
        asked.settle()
    return folder


def test_only_a_running_collector_makes_up_for_a_part_that_nobody_keeps(tmp_path, capsys):
    settings = settings_in(tmp_path)
    begun(settings, "one", Role(1, 2))
    begun(settings, "all", ALONE)
    collected(settings, [positions(golden_points(yesterday_at(12)))], "of-an-earlier-version")
    assert "nobody keeps part 2 of 2" in shown(settings, capsys)[1]
    with Spool.open(settings.spool_dir / "all"):
        assert "nobody keeps" not in shown(settings, capsys)[1]


def test_a_collector_that_never_came_in_is_no_member(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    settings = settings_in(tmp_path)
    folder = begun(settings, "mian", Role(group="fleet"), was_let_in=False)
    assert f"ok collector mian never began to collect; delete {folder} if it is not to" in shown(settings, capsys)[1]
    begun(settings, "one", Role(1, 2))
    begun(settings, "two", Role(2, 2), was_let_in=False)
    assert "nobody keeps part 2 of 2" in shown(settings, capsys)[1]
    begun(settings, "two", Role(2, 2))
    screen = shown(settings, capsys)[1]
    assert "nobody keeps" not in screen
    assert "attention collector two not running, keeps part 2 of 2" in screen


def test_a_collector_that_is_retired_is_missed_by_nobody(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    settings = settings_in(tmp_path)
    folder = begun(settings, "old", Role(2, 2))
    begun(settings, "one", Role(1, 2))
    collected(settings, [positions(golden_points(yesterday_at(12)))], "old")
    assert f"or, if it is not to come back, `touch {folder}/retired`" in shown(settings, capsys)[1]
    (folder / "retired").touch()
    screen = shown(settings, capsys)[1]
    assert "ok collector old retired" in screen
    assert "spool old 1 segment, 0.0 MB, 1 not yet in the lake" in screen
    assert "nobody keeps part 2 of 2" in screen
    begun(settings, "old", Role(2, 2))
    assert not (folder / "retired").exists()


def test_a_member_of_a_shared_group_is_retired_only_once_the_broker_deals_it_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")
    settings = settings_in(tmp_path)
    folder = begun(settings, "two", Role(group="fleet"))
    first = "start it once with ODOGRAPH_COLLECTOR=two and without ODOGRAPH_SHARED_GROUP"
    assert f"or, if it is not to come back, {first}" in shown(settings, capsys)[1]
    (folder / "retired").touch()
    assert (
        f"attention collector two retired too early, the broker goes on dealing to it and parks that: {first}"
        in (shown(settings, capsys)[1])
    )
    begun(settings, "two", ALONE, was_let_in=False)
    (folder / "retired").touch()
    assert "attention collector two retired too early" in shown(settings, capsys)[1]
    begun(settings, "two", ALONE)
    (folder / "retired").touch()
    assert "ok collector two retired" in shown(settings, capsys)[1]


def test_somebody_is_missed_where_every_collector_is_retired(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    settings = settings_in(tmp_path)
    for name in ("one", "two"):
        (begun(settings, name, ALONE) / "retired").touch()
    missed = "attention collectors every one is retired, so nobody keeps what is sent: start `odograph collect`"
    assert missed in shown(settings, capsys)[1]
    with Spool.open(settings.spool_dir / "one"):
        assert "every one is retired" not in shown(settings, capsys)[1]
    begun(settings, "two", ALONE)
    assert "every one is retired" not in shown(settings, capsys)[1]


@pytest.mark.parametrize("columns", [80, 140])
def test_no_line_is_wider_than_the_screen(tmp_path, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    settings = settings_in(tmp_path, broker_url="mqtt://127.0.0.1:1")
    collected(settings, [])
    print_status(settings)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= columns
