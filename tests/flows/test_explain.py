"""`odograph explain` leads from a number to the runs, the rules and the messages behind it."""

from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.importing import run_import
from flows.refresh import refresh
from tests.builders import collected, golden_points, positions, published, settings_in, yesterday_at


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    settings = settings_in(tmp_path_factory.mktemp("explain"), timezone="UTC")
    # At a depot of the tenant, where nobody lives.
    depots = "".join(f"{tenant},DEP,UTC,40.7,-74.0,150\n" for tenant in ("t1", "t2"))
    (settings.data_dir / "depots.csv").write_text(f"tenant_id,depot_id,timezone,latitude,longitude,radius_m\n{depots}")
    run_import(settings, "depots", [settings.data_dir / "depots.csv"])
    points = golden_points(yesterday_at(15))
    for tenant, device in (("t1", "d1"), ("t1", "d2"), ("t2", "d2")):
        collected(settings, [positions(points[:8], device, tenant), positions(points[8:], device, tenant)])
        refresh(settings)
    return settings


@pytest.fixture
def explain(line, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(line.data_dir))
    monkeypatch.setenv("COLUMNS", "200")
    day = datetime.fromtimestamp(yesterday_at(15), UTC).date().isoformat()

    def run(*more: str, vehicle: str = "d1", date: str = day):
        return CliRunner().invoke(app, ["explain", "idle", "--vehicle", vehicle, "--date", date, *more])

    return run


def test_the_runs_of_a_day_are_listed_with_what_took_or_left_each(explain):
    shown = explain().stdout
    assert "engine on 11 min 00 s, idle 9 min 00 s" in shown
    assert "counted 9 min 00 s: 3 of 3 runs" in shown
    assert [line.split()[:3] for line in shown.splitlines() if "taken: at least 120 s" in line] == [
        ["1", "15:01:00", "15:03:00"],
        ["2", "15:04:00", "15:08:00"],
        ["3", "15:16:40", "15:19:40"],
    ]
    assert "revision 1" in shown


def test_another_definition_takes_other_runs_of_the_same_ledger(explain, line):
    shown = explain("--definition", "geotab").stdout
    assert "counted 4 min 00 s: 1 of 3 runs" in shown
    assert shown.count("left: shorter than 200 s") == 2
    by_mart = "select idle_s from marts.idle_by_definition where vehicle_id = 'd1' and definition_id = 'geotab'"
    assert published(line, by_mart).item() == 240


def test_behind_a_run_are_its_positions_and_whole_messages(explain):
    shown = explain("--run", "2", "--raw").stdout
    assert "5 positions; the last one ended the run" in shown
    assert "2 messages" in shown
    assert '"spd_kmh": 0.8' in shown
    assert "tm/v1/t1/d1/pos" in shown
    assert "tm/v1/t1/d2/pos" not in shown


def test_words_of_the_registry_are_printed_as_they_are(tmp_path, monkeypatch):
    settings = settings_in(tmp_path, timezone="UTC")
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    (tmp_path / "vehicles.csv").write_text("tenant_id,vehicle_id,fuel_type,gvwr_lb\nt1,[b]v,[/red],9000\n")
    (tmp_path / "assignments.csv").write_text("tenant_id,kind,id,vehicle_id\nt1,device,d1,[b]v\n")
    for kind in ("vehicles", "assignments"):
        run_import(settings, kind, [tmp_path / f"{kind}.csv"])
    refresh(settings)
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path))
    day = datetime.fromtimestamp(yesterday_at(15), UTC).date().isoformat()
    asked = ["explain", "idle", "--vehicle", "[b]v", "--date", day, "--definition", "legal_nj"]
    for more in ([], ["--run", "1"]):
        result = CliRunner().invoke(app, asked + more)
        assert (result.exit_code, "[b]v" in result.stdout) == (0, True), result.output


def test_messages_that_the_spool_no_longer_has_are_counted_and_not_invented(tmp_path, monkeypatch):
    settings = settings_in(tmp_path, timezone="UTC")
    collected(settings, [positions(golden_points(yesterday_at(15)))])
    refresh(settings)
    for segment in settings.spool_dir.glob("*/*.parquet"):
        segment.unlink()
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path))
    day = datetime.fromtimestamp(yesterday_at(15), UTC).date().isoformat()
    result = CliRunner().invoke(app, ["explain", "idle", "--vehicle", "d1", "--date", day, "--run", "1"])
    assert (result.exit_code, "0 messages; 1 more are no longer in the spool" in result.stdout) == (0, True)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"vehicle": "d2"}, "choose one with --tenant: t1, t2"),
        ({"vehicle": "D1"}, "no vehicle D1; on"),
        ({"vehicle": "d1", "more": ("--tenant", "t2")}, "no vehicle d1 of tenant t2; on"),
        ({"date": "2020-01-01"}, "d1 was not heard on 2020-01-01; newest service dates:"),
        ({"more": ("--definition", "geotap")}, "no definition geotap; there are azuga"),
        ({"more": ("--run", "4")}, "no run 4: this vehicle-date has 3"),
    ],
)
def test_what_cannot_be_explained_says_what_there_is(explain, given, says):
    result = explain(*given.pop("more", ()), **given)
    assert result.exit_code == 1
    assert says in result.stderr
    assert "Traceback" not in result.output
