"""`odograph explain MART.COLUMN` leads from any number to its terms, its runs, its load and its messages."""

from datetime import date

import duckdb
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.refresh import refresh
from flows.traced import shown
from ingest.simulation import simulate
from tests.builders import published, settings_in, simulated
from tests.warehouse.test_lineage import assert_recomputed

pytestmark = pytest.mark.campaign

SIMULATED = ("vehicle_days", "route_days", "fleet_days", "idle_events", "stops", "planned_stops", "data_health")


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """Two simulated vans of one day, refreshed."""
    folder = tmp_path_factory.mktemp("numbers")
    settings = settings_in(folder)
    simulated(settings, simulate(vans=2, days=1, seed=5), folder / "truth", keep_every=6)
    assert refresh(settings).failed == []
    return settings


@pytest.fixture(scope="module")
def day(line) -> date:
    return published(line, "select max(service_date) from marts.fleet_days").item()


@pytest.fixture
def explain(line, day, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(line.data_dir))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*more: str, date: str | None = str(day)):
        result = CliRunner().invoke(app, ["explain", *more, *(["--date", date] if date else [])])
        assert "Traceback" not in result.output
        return result

    return run


def van(line, column: str) -> object:
    return published(line, f"select {column} from marts.vehicle_days where vehicle_id = 'V001'").item()


@pytest.mark.parametrize("table", SIMULATED)
def test_the_lineage_is_true_of_a_simulated_day(line, day, table):
    with duckdb.connect(str(line.published_path.resolve()), read_only=True) as copy:
        assert_recomputed(copy, table, day)


def test_a_ratio_is_printed_with_its_terms_down_to_the_ledger(explain, line):
    said = explain("vehicle_days.idle_share", "--vehicle", "V001").stdout
    idle, engine_on = van(line, "idle_s"), van(line, "engine_on_s")
    assert f"= {shown('idle_share', van(line, 'idle_share'))}" in said
    assert f"  idle_s = {shown('idle_s', idle)}  <- coalesce(sum(duration_us), 0) / 1e6 from core.ledger" in said
    assert f"  engine_on_s = {shown('engine_on_s', engine_on)}  = drive_s + idle_s" in said
    assert f"    drive_s = {shown('drive_s', van(line, 'drive_s'))}" in said
    assert said.count("idle_s = ") == 1
    assert "means: idle_s / engine_on_s, 0 to 1 (K11); null for an electric van, which has ready_s" in said
    assert "\nload " in said
    assert "revision 1, " in said
    assert "made anew now" not in said


def test_the_runs_are_those_of_the_number_and_lead_to_messages(explain, line):
    said = explain("vehicle_days.excess_idle_s", "--vehicle", "V001", "--all").stdout
    count = van(line, "idle_event_count")
    assert f"{count} runs behind it" in said
    assert "definition odograph, version 2" in said
    assert "threshold core.idle_event_s() = 120" in said
    behind = explain("vehicle_days.excess_idle_s", "--vehicle", "V001", "--run", "1").stdout
    assert "positions; the last one ended the run" in behind
    assert "tm/v1/northwind/" in behind
    assert explain("vehicle_days.excess_idle_s", "--vehicle", "V001", "--run", str(count + 1)).exit_code == 1


def test_a_number_of_a_fleet_is_told_by_its_vans(explain, line):
    said = explain("marts.fleet_days.idle_cost").stdout
    worst = published(line, "select vehicle_id from marts.vehicle_days order by idle_cost desc limit 1").item()
    assert "2 rows of vehicle_days, the largest first" in said
    assert f"further down: odograph explain vehicle_days.idle_cost --vehicle {worst}" in said


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["route_days.stem_out_m", "--vehicle", "V001"], "from core.ledger where phase = 'stem_out'"),
        (["route_days.cost", "--vehicle", "V001"], "wage_per_h = "),
        (["idle_by_definition.idle_s", "--vehicle", "V001", "--definition", "geotab"], "definition geotab, version"),
        (["data_health.coverage", "--vehicle", "V001"], "coverage from marts.vehicle_days"),
        (["vehicle_days.distance_m", "--vehicle", "V001"], "distance_m from core.vehicle_dates"),
        (["fleet_days.peak_concurrent_vehicles"], "made of: "),
    ],
)
def test_every_kind_of_number_is_explained(explain, asked, says):
    result = explain(*asked)
    assert (result.exit_code, says in result.stdout) == (0, True), result.output


def test_an_event_is_found_by_the_time_it_began(explain, line):
    several = explain("idle_events.cost", "--vehicle", "V001")
    assert (several.exit_code, "choose one with --at: " in several.stderr) == (1, True)
    first = several.stderr.split("--at: ")[1].split(",")[0].strip()
    assert "price_per_l = " in explain("idle_events.cost", "--vehicle", "V001", "--at", first).stdout
    none = explain("idle_events.cost", "--vehicle", "V001", "--at", "03:33:33")
    assert (none.exit_code, f"nothing began at 03:33:33, but at {first}" in none.stderr) == (1, True)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["vehicle_day.idle_s"], "no mart vehicle_day; there are card_days"),
        (["vehicle_days.idle"], "no number idle in vehicle_days; there are idle_s"),
        (["fleet_days.idle_s", "--vehicle", "V001"], "fleet_days is not by vehicle: leave out --vehicle"),
        (["vehicle_days.idle_s"], "2 rows: choose one with --vehicle: V001, V002"),
        (["vehicle_days.idle_s", "--vehicle", "V9"], "no row of vehicle_days with service_date"),
    ],
)
def test_what_cannot_be_explained_says_what_there_is(explain, asked, says):
    result = explain(*asked)
    assert (result.exit_code, says in result.stderr) == (1, True), result.output


def test_a_number_that_would_be_another_now_says_so(line, day, explain, monkeypatch, tmp_path):
    copy = tmp_path / "published" / "odograph.duckdb"
    copy.parent.mkdir()
    copy.write_bytes(line.published_path.resolve().read_bytes())
    with duckdb.connect(str(copy)) as changed:
        changed.execute("update marts.vehicle_days set idle_s = idle_s + 1")
        changed.execute(f"insert into core.held_back values ('northwind', date '{day}', 'time_adds_up', 1, now())")
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path))
    said = explain("vehicle_days.idle_s", "--vehicle", "V001").stdout
    assert f"made anew now it would be {shown('idle_s', van(line, 'idle_s'))}" in said
    assert "held back: newer data did not pass time_adds_up; this is the last good number" in said
