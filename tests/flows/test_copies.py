"""Beside the copy for all: tenants' copies with and without a lake, the network's, and who may still need old ones."""

import shutil
import subprocess
import sys
from threading import Event
from time import monotonic, sleep

import duckdb
import pytest
from typer.testing import CliRunner

from flows.bench.readers.analyst import TRUTHS, Analyst, links
from flows.cli import app
from flows.copies_behind import are_parts_current
from flows.explaining import NothingToExplain, behind_run
from flows.querying import open_published
from flows.refresh import is_news, publish_copy, refresh
from flows.status import print_status
from flows.upkeep import upkeep
from tests.builders import ONE_COPY, collected, golden_points, message, positions, published, settings_in, yesterday_at
from warehouse import network_copy
from warehouse.connection import open_database
from warehouse.dictionary import dictionary
from warehouse.network_copy import SUMMED, allowed_columns
from warehouse.publish import lake_versions_in_use
from warehouse.versions import delete_old, is_open, next_generation

pytestmark = pytest.mark.campaign

TENANTS = ("acme", "birch")
SERVED = {"ODOGRAPH_SERVE_SQL": "quack:localhost", "ODOGRAPH_SERVE_SQL_TOKEN": "secret"}


def settings_of(folder, **given):
    return settings_in(folder, **{"tenant_copies": "all", "tenant_lake": True, "network_copy": True} | given)


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """Two tenants with a van of their own, each with a message that was refused, and one of nobody."""
    settings = settings_of(tmp_path_factory.mktemp("copies"))
    points = golden_points(yesterday_at(15))
    sent = [positions(points, device=f"{tenant}-van", tenant=tenant) for tenant in TENANTS]
    sent += [message(f"tm/v1/{tenant}/{tenant}-van/pos", f"{{{tenant} broken".encode()) for tenant in TENANTS]
    collected(settings, [*sent, message("unknown/topic", b"birch and acme")])
    refresh(settings)
    return settings


def asked(path, query):
    with duckdb.connect(str(path.resolve()), read_only=True) as copy:
        return copy.execute(query).fetchall()


def everything(path):
    """Every row of every table and view of a copy, as text, by name; but display views, which show the same rows."""
    with duckdb.connect(str(path.resolve()), read_only=True) as copy:
        names = copy.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where not internal union all"
            " select schema_name || '.' || view_name from duckdb_views() where not internal"
            " and schema_name not in ('us', 'metric')"
        ).fetchall()
        return {
            name: [text for (text,) in copy.execute(f"select (found)::varchar from {name} as found").fetchall()]
            for (name,) in names
        }


def test_no_table_and_no_view_of_a_copy_shows_another_tenant(line):
    found = everything(line.tenants_dir / "acme.duckdb")
    assert {"marts.vehicle_days", "lake.positions", "lake.rejects", "marts.device_status"} <= found.keys()
    for name, rows in found.items():
        assert not [row for row in rows if "birch" in row], name
    assert [len(found[name]) for name in ("lake.positions", "lake.rejects", "marts.vehicle_days")] == [16, 1, 1]


def test_a_tenants_figures_are_those_of_the_copy_for_all(line):
    for name in ("marts.vehicle_days", "marts.fleet_days", "core.ledger", "lake.positions"):
        query = f"from {name} where tenant_id = 'acme' order by all"
        rows = asked(line.tenants_dir / "acme.duckdb", query)
        assert rows == asked(line.published_path, query)
        assert rows


def test_query_asks_the_copy_of_a_tenant(line, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(line.data_dir))
    own = CliRunner().invoke(app, ["query", "--tenant", "acme", "from marts.vehicle_days", "-f", "csv"])
    assert (own.exit_code, "acme-van" in own.stdout, "birch" in own.stdout) == (0, True, False)
    for name in ("nobody", "../odograph", "../../published/odograph"):
        refused = CliRunner().invoke(app, ["query", "--tenant", name, "select 1"])
        assert (refused.exit_code, refused.output.count("\n"), name in refused.output) == (1, 1, True)


def test_the_network_copy_has_sums_and_nothing_of_a_van_a_person_or_a_place(line):
    path = line.published_dir / "network.duckdb"
    columns = {
        name
        for (name,) in asked(
            path, "select column_name from duckdb_columns() where not internal and table_name != 'dictionary'"
        )
    }
    told = ("vehicle_id", "driver", "device", "latitude", "longitude", "name")
    assert not [name for name in columns if name.startswith(told) or name.endswith(told)]
    found = everything(path)
    assert {"marts.fleet_days", "marts.data_health_days", "marts.definitions", "core.generation"} <= found.keys()
    assert not [name for name, rows in found.items() if any("acme-van" in row for row in rows)]
    assert b"acme-van" not in path.read_bytes()
    mine, all_of_it = (
        asked(found, "select sum(idle_s) from marts.fleet_days") for found in (path, line.published_path)
    )
    assert (mine, mine) == (all_of_it, [(1080.0,)])
    health = asked(path, "select tenant_id, sum(accepted_count) from marts.data_health_days group by 1 order by 1")
    assert health == [("acme", 16), ("birch", 16)]


def test_the_network_copy_has_every_column_of_its_sums_with_the_words_of_the_copy_for_all(line):
    query = (
        "select table_name, column_name, comment from duckdb_columns() where schema_name = 'marts'"
        f" and regexp_full_match(table_name, '{SUMMED.pattern}') order by all"
    )
    path = line.published_dir / "network.duckdb"
    assert asked(path, query) == asked(line.published_path, query)
    silent = "select table_name from duckdb_tables() where comment is null union all"
    silent += " select table_name || '.' || column_name from duckdb_columns() where not internal and comment is null"
    assert asked(path, silent) == []
    assert {level for (level,) in asked(path, "select level from marts.network_weeks")} >= {"network", "tenant"}
    told = dict(asked(path, "select name, comment from marts.dictionary where kind = 'table'"))
    assert told["fleet_weeks"] == dictionary().comment("marts.fleet_weeks")


def test_the_network_sees_no_column_of_a_sum_that_nobody_named(tmp_path):
    with duckdb.connect() as connection:
        connection.execute(
            "attach ':memory:' as everyone; create schema everyone.marts; create table everyone.marts.depot_days"
            " (tenant_id varchar, depot_id varchar, idle_s double, cost decimal(18, 4), service_date date,"
            " latitude double, depot_longitude double, best_driver varchar, vehicle_id bigint, van_count uinteger,"
            " vans varchar[], detail json, last_utc timestamp, is_open boolean)"
        )
        assert allowed_columns(connection) == {
            "depot_days": ["tenant_id", "depot_id", "idle_s", "cost", "service_date", "van_count", "is_open"]
        }


def test_a_data_directory_that_was_copied_reads_its_own_lake(line, tmp_path, monkeypatch):
    shutil.copytree(line.data_dir, tmp_path / "copied", symlinks=True)
    copied = settings_of(tmp_path / "copied")
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(copied.data_dir))
    told = CliRunner().invoke(app, ["query", "lake.positions"])
    assert (told.exit_code, "was made for a lake elsewhere; run `odograph refresh`" in told.output) == (1, True)
    with open_published(copied.published_path) as copy, pytest.raises(NothingToExplain, match="a lake elsewhere"):
        behind_run(copy, copied, {})
    assert (is_news(line), refresh(copied).published, refresh(copied).published) == (False, True, False)
    shutil.rmtree(line.data_dir / "lake")
    for path in (copied.published_path, copied.tenants_dir / "acme.duckdb"):
        assert asked(path, "select count(*) from lake.positions where tenant_id = 'acme'") == [(16,)]
    shutil.copytree(copied.data_dir / "lake", line.data_dir / "lake")


def test_a_tenants_copy_without_a_lake_says_so(line, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(line.data_dir))
    publish_copy(settings_of(line.data_dir, tenant_lake=False))
    for text in ("from lake.positions", "lake.positions"):
        told = CliRunner().invoke(app, ["query", "--tenant", "acme", text])
        assert (told.exit_code, "ODOGRAPH_TENANT_LAKE=true" in told.output) == (1, True)
    assert "did you mean" in CliRunner().invoke(app, ["query", "--tenant", "acme", "marts.vehicle_dayz"]).output
    publish_copy(line)


def test_copies_of_tenants_that_a_dead_run_did_not_finish_are_news(line):
    assert (is_news(line), are_parts_current(line)) == (False, True)
    (line.tenants_dir / "complete").write_text("20260101T000000000000 tenants: all lake: True network: True\n")
    assert is_news(line)
    assert refresh(line).published
    assert not is_news(line)
    assert is_news(settings_of(line.data_dir, tenant_copies="acme"))


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """A line with the settings it comes with, as far as copies go: none has a lake. The tests below change it."""
    settings = settings_of(tmp_path_factory.mktemp("usual"), tenant_lake=False)
    heard_more(settings, slice(8))
    assert refresh(settings).not_copied == ""
    return settings


def heard_more(settings, some):
    points = golden_points(yesterday_at(15))[some]
    collected(settings, [positions(points, device=f"{tenant}-van", tenant=tenant) for tenant in TENANTS])


def counted(settings):
    """How many positions each copy tells of: that for all, the tenants', the network's."""
    query = "select sum(accepted_count) from {} group by tenant_id order by tenant_id"
    copies = [
        (settings.published_path, "marts.data_health"),
        *((settings.tenants_dir / f"{tenant}.duckdb", "marts.data_health") for tenant in TENANTS),
        (settings.published_dir / "network.duckdb", "marts.data_health_days"),
    ]
    return [count for path, name in copies for (count,) in asked(path, query.format(name))]


def test_news_reach_copies_without_a_lake(usual):
    assert counted(usual) == [8] * 6
    heard_more(usual, slice(8, 9))
    assert refresh(usual).not_copied == ""
    assert counted(usual) == [9] * 6  # and more news in the next test
    silent = "select table_name from duckdb_columns() where schema_name = 'marts' and comment is null"
    assert asked(usual.tenants_dir / "acme.duckdb", silent) == []
    with pytest.raises(duckdb.CatalogException):
        asked(usual.tenants_dir / "acme.duckdb", "from lake.rejects")


def test_a_copy_that_fails_stops_no_other_and_status_tells_until_it_is_made(usual, monkeypatch, capsys):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(usual.data_dir))
    for name in ONE_COPY:
        monkeypatch.delenv(name)
    acme = usual.tenants_dir / "acme.duckdb"
    last = acme.resolve()
    sound = last.read_bytes()
    last.write_bytes(b"not a database" * 1000)
    heard_more(usual, slice(9, 10))
    result = CliRunner().invoke(app, ["refresh"])
    assert (result.exit_code, "tenant acme (" in result.stderr, "birch" in result.stderr) == (1, True, False)
    assert "Traceback" not in result.output
    assert acme.resolve() == last
    last.write_bytes(sound)
    assert counted(usual) == [10, 10, 9, 10, 10, 10]
    capsys.readouterr()
    print_status(usual)
    assert "attention other copies older than they should be: tenant acme (" in " ".join(
        capsys.readouterr().out.split()
    )
    assert refresh(usual).not_copied == ""
    assert counted(usual) == [10] * 6
    print_status(usual)
    assert "ok other copies" in " ".join(capsys.readouterr().out.split())


def test_a_network_copy_of_an_earlier_generation_is_news_and_status_tells(usual, capsys):
    heard_more(usual, slice(10, 12))
    refresh(usual)
    capsys.readouterr()
    link = usual.published_dir / "network.duckdb"
    newest = link.readlink()
    link.unlink()
    link.symlink_to(sorted(usual.published_dir.glob("network-*"))[0].name)
    print_status(usual)
    assert "attention other copies older than they should be: the network's" in " ".join(
        capsys.readouterr().out.split()
    )
    assert is_news(usual)
    link.unlink()
    link.symlink_to(newest)
    assert not is_news(usual)


def test_a_copy_that_is_open_outlives_its_successors_and_keeps_its_lake_files(tmp_path):
    settings = settings_in(tmp_path)
    points = golden_points(yesterday_at(15))
    collected(settings, [positions(points[:8])])
    refresh(settings)
    oldest = settings.published_path.resolve()
    code = f"import duckdb, sys; c = duckdb.connect({str(oldest)!r}, read_only=True); print(1, flush=True); input()"
    reader = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    reader.stdout.readline()
    collected(settings, [positions([points[8]])])
    refresh(settings)
    publish_copy(settings)
    publish_copy(settings)
    assert (is_open(oldest), oldest.exists(), len(list(settings.published_dir.glob("odograph-*")))) == (True, True, 4)
    assert (
        min(lake_versions_in_use(settings.published_dir)["positions"])
        == asked(oldest, "select version from core.lake_versions where table_name = 'positions'")[0][0]
    )
    reader.communicate(b"\n")
    assert not is_open(oldest)
    upkeep(settings)
    assert (oldest.exists(), len(list(settings.published_dir.glob("odograph-*")))) == (False, 3)
    assert published(settings, "select count(*) from lake.positions").item() == 9


def test_analysts_of_the_campaign_find_what_is_wrong_with_a_copy(line, tmp_path):
    analyst = Analyst()
    for link in links(line.published_dir):
        analyst.look(link, 0)
    assert (analyst.errors, len(analyst.open_s), analyst.query_count) == ([], 4, 2 * (3 * len(TRUTHS) + 1))
    wrong = tmp_path / "odograph.duckdb"
    wrong.write_bytes(line.published_path.read_bytes())
    with duckdb.connect(str(wrong)) as copy:
        copy.execute("delete from core.ledger where state = 'idle'; update core.generation set generation_id = '2025'")
    analyst.look(wrong, 0)
    analyst.look(tmp_path / "missing.duckdb", 0)
    assert [("ledger" in error, "2025 after" in error, "missing" in error) for error in analyst.errors] == [
        *[(True, False, False)] * 2,
        (False, True, False),
        (False, False, True),
    ]


def test_serving_over_the_network_says_in_one_line_what_it_needs(line, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(line.data_dir))
    for given, said in (({}, "set ODOGRAPH_SERVE_SQL"), (SERVED, "no extension 'quack' here")):
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(app, ["serve-sql"])
        assert (result.exit_code, result.output.count("\n"), said in result.output) == (1, 1, True), result.output
        assert "secret" not in result.output


def test_of_copies_nobody_has_open_the_last_ones_stay(tmp_path):
    copies = [tmp_path / f"{nbirch}.duckdb" for nbirch in range(4)]
    for path in copies:
        path.touch()
    assert delete_old(copies, 3) == copies[:1]
    assert delete_old(copies[1:], 3) == []


def test_generations_go_forward_when_the_clock_goes_back(tmp_path):
    ahead = tmp_path / "odograph-20991231T235959999999.duckdb"
    assert next_generation([ahead]) == "21000101T000000000000"
    assert next_generation([]) < "2099"


@pytest.fixture
def later(tmp_path):
    """A line of three service dates, and then a message of the last of them."""
    settings = settings_of(tmp_path)
    points = golden_points(yesterday_at(15))
    before = [golden_points(yesterday_at(15) - 86_400 * back) for back in (1, 2)]
    collected(settings, [positions(sent) for sent in (*before, points[:8])])
    refresh(settings)
    collected(settings, [positions(points[8:])])
    return settings


def test_the_networks_sums_are_made_ahead_and_taken_over(later, monkeypatch):
    taken = []
    bring = network_copy._bring_forward
    monkeypatch.setattr(
        network_copy, "_bring_forward", lambda copy, changes, ahead: taken.append(ahead) or bring(copy, changes, ahead)
    )
    refresh(later)
    assert [len(ahead.changed) for ahead in taken] == [1]


def test_who_fails_while_sums_are_made_is_heard_and_waits_for_none_of_them(later, monkeypatch):
    begun = Event()

    def slow(warehouse, _source):
        begun.set()
        warehouse.execute("select max(hash(one.range + two.range)) from range(1_000_000) as one, range(60_000) as two")

    def full(*_, **__):
        assert begun.wait(30)
        sleep(0.2)  # it is set just before the query begins
        raise OSError("disk full")

    monkeypatch.setattr("warehouse.network_periods._digests", slow)
    monkeypatch.setattr("flows.refresh.evaluate_fuel", full)
    began_s = monotonic()
    with pytest.raises(OSError, match="disk full"):
        publish_copy(later)
    assert monotonic() - began_s < 20
    with open_database(later.warehouse_path) as warehouse:
        warehouse.execute("create temp table one as select 1")


def test_sums_that_cannot_be_made_ahead_are_made_later(later, monkeypatch, caplog):
    def gone(*_):
        raise duckdb.OutOfMemoryException("not today\nand not tomorrow")

    monkeypatch.setattr("warehouse.network_periods._summed", gone)
    assert refresh(later).published
    assert [record.message.splitlines() for record in caplog.records if "made later" in record.message] == [
        ["the network's sums were not made ahead, and are made later: OutOfMemoryException: not today"]
    ]
    query = "select service_date, distance_m from marts.fleet_days order by all"
    found = asked(later.published_dir / "network.duckdb", query)
    assert len(found) == 3
    assert found == asked(later.published_path, query)
