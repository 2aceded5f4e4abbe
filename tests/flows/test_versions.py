"""What earlier versions left behind opens, gives the tables that its spool gives anew, and what is newer is refused."""

import tarfile
from datetime import date
from hashlib import sha256
from pathlib import Path
from shutil import copytree

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

import ingest.decoded_again
import warehouse.connection
from flows.cli import app
from flows.fuel.evaluating import evaluate_fuel
from flows.importing import run_import
from flows.loading import load
from flows.opening import opened_line
from flows.post.outbox import read_entries
from flows.privacy.expiring import NotMeasured, expire
from ingest.columns import DECODER, decoder_note
from ingest.decoded_again import NewerLake
from ingest.expiry import cut_segment
from ingest.spool import sealed_segments
from tests.builders import empty_warehouse, rebuilt, settings_in
from tests.data.versions.make import FILES
from warehouse.connection import KEPT_TABLES, LAYOUT, NewerWarehouse, open_database, open_warehouse, sql
from warehouse.frozen import freeze

ARCHIVES = Path(__file__).parents[1] / "data" / "versions"
ALL = sorted(path.name.removesuffix(".tar.xz") for path in ARCHIVES.glob("*.tar.xz"))
FIRST = ALL[0]
# The definitions of what is kept, by layout. Where this test fails: raise LAYOUT, and add its digest.
KEPT_IN_LAYOUT = {1: "45f16f02d77bce8c"}
# When and in which order something came or was done; what people did, and what a publication leaves.
OWN = (
    "received_utc",
    "segment",
    "spool_id",
    "segment_no",
    "load_id",
    "seconds",
    "digest",
    "inputs",
    "revision",
    "rebuilt_utc",
)
NOT_COMPARED = (
    *("core.fuel_reviews", "core.fuel_flag_history", "core.revisions", "core.imports"),
    *("core.erasures", "core.generation", "core.words_stamp", "marts.fuel_exceptions"),
)


def unpacked(version: str, folder: Path) -> Path:
    """The data directory of a version."""
    with tarfile.open(ARCHIVES / f"{version}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "data"


def tables(settings) -> dict[str, pl.DataFrame]:
    with open_database(settings.warehouse_path, read_only=True) as connection:
        columns = connection.execute(
            "select schema_name || '.' || table_name, list(column_name) from duckdb_columns()"
            " semi join duckdb_tables() using (schema_name, table_name) where schema_name in ('core', 'marts')"
            " and column_name not in $own and not ends_with(column_name, 'ed_utc') group by all",
            {"own": OWN},
        ).fetchall()
        return {
            name: connection.sql(f"select {', '.join(names)} from {name} order by all").pl()
            for name, names in columns
            if name not in NOT_COMPARED
        }


@pytest.fixture(
    scope="module",
    params=[pytest.param(version, marks=pytest.mark.campaign) for version in ALL],
)
def opened(request, tmp_path_factory):
    """A data directory of an earlier version after a refresh of this one, and what its spool gives anew."""
    folder = tmp_path_factory.mktemp("version")
    settings = settings_in(unpacked(request.param, folder))
    anew = settings_in(folder / "anew")
    for name, text in FILES.items():
        (folder / f"{name}.csv").write_text(text)
        assert run_import(anew, name, [folder / f"{name}.csv"])
    for name in ("spool", "privacy"):
        if (settings.data_dir / name).exists():
            copytree(settings.data_dir / name, anew.data_dir / name)
    for found in (settings, anew):
        rebuilt(found)
        with opened_line(found) as line:
            evaluate_fuel(line.warehouse, found)
    return settings, anew


def test_a_refresh_gives_the_tables_that_the_spool_gives_anew(opened):
    found, expected = (tables(settings) for settings in opened)
    assert expected["marts.vehicle_days"]["vehicle_id"].to_list()[:1] == ["V1"]
    assert expected["core.fuel_lines"]["is_fuel"].to_list() == [True, False, True]
    assert expected["marts.vehicle_days"].filter(vehicle_id="d2")["pto_s"].item() > 0
    assert found.keys() == expected.keys()
    assert [name for name, table in expected.items() if not found[name].equals(table)] == []


def test_what_people_did_stays(opened):
    settings, _ = opened
    with open_database(settings.warehouse_path, read_only=True) as connection:
        reviews = connection.execute("select provider_txn_id, rule_id, state, note from core.fuel_reviews").fetchall()
        vehicles = connection.execute("select distinct vehicle_id from marts.vehicle_days").fetchall()
        revised = connection.execute("select count(*) from core.revisions where vehicle_id = 'V1'").fetchall()
    mails = read_entries(settings.mail_dir / "sent.jsonl")
    assert [mail.state for mail in mails.values()] == ["written"]
    assert revised[0][0] > 0
    if (settings.data_dir / "privacy").exists():
        assert reviews == [("W3", "F1", "explained", "two vans")]
        assert ("d3",) not in vehicles
    else:
        assert ("d3",) in vehicles


@pytest.fixture
def first(tmp_path):
    """The first version's data directory, as it left it."""
    return settings_in(unpacked(FIRST, tmp_path))


def lake_rows(settings) -> pl.DataFrame:
    return pl.DataFrame(DeltaTable(f"{settings.lake_root}/positions").to_pyarrow_table())


def told_pto(settings) -> dict[int, tuple[int, int]]:
    """How many positions each segment gave, and of how many it is said whether power take-off was at work."""
    counted = lake_rows(settings).group_by("segment_no").agg(pl.len(), pl.col("pto").count())
    return {number: (rows, told) for number, rows, told in counted.rows()}


def test_who_reads_an_old_copy_is_answered_and_told_to_refresh(first, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(first.data_dir))
    asked = CliRunner().invoke(
        app, ["query", "select vehicle_id from marts.vehicle_days order by all", "--format", "csv"]
    )
    assert (asked.exit_code, asked.output.split()) == (0, ["vehicle_id", "V1", "d2", "d3"]), asked.output
    of_lake = CliRunner().invoke(app, ["query", "select count(*) from lake.positions"])
    assert of_lake.exit_code == 1
    assert "run `odograph refresh`" in of_lake.output
    assert "made by an earlier version" in " ".join(CliRunner().invoke(app, ["status"]).output.split())


def test_a_segment_that_lost_messages_keeps_its_rows(first):
    begun = sealed_segments(first.spool_dir / "main")[0]
    cut_segment(begun, lambda received: received.topic_text != "tm/v1/northwind/d2/pos")
    load(first)
    assert told_pto(first) == {1: (690, 0), 2: (120, 120), 3: (60, 60), 4: (60, 60)}


def test_what_was_thinned_is_not_brought_back(first):
    with open_warehouse(first.warehouse_path) as warehouse:
        freeze(warehouse, "(select 't' as tenant_id, 'v' as vehicle_id, date '2026-11-01' as service_date)", "thinned")
    load(first)
    assert told_pto(first) == {1: (690, 0), 2: (120, 0), 3: (60, 60), 4: (60, 60)}


def test_nothing_expires_before_it_is_measured_by_this_version(first):
    with pytest.raises(NotMeasured, match="odograph refresh"):
        expire(first, today=date(2027, 3, 1))
    assert lake_rows(first).height == 810


def test_decoding_that_was_cut_short_is_done_once_more_and_then_never_again(first, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(ingest.decoded_again, "_note", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            load(first)
    load(first)
    version = DeltaTable(f"{first.lake_root}/positions").version()
    load(first)
    assert DeltaTable(f"{first.lake_root}/positions").version() == version
    assert told_pto(first) == {1: (690, 690), 2: (120, 120), 3: (60, 60), 4: (60, 60)}


def test_a_lake_that_a_later_version_wrote_is_refused(first, monkeypatch):
    load(first)
    monkeypatch.setattr(ingest.decoded_again, "DECODER", DECODER - 1)
    with pytest.raises(NewerLake, match="restore a backup"):
        load(first)


def test_a_warehouse_that_a_later_version_wrote_is_refused_whole(tmp_path, monkeypatch):
    settings = settings_in(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(warehouse.connection, "LAYOUT", LAYOUT + 1)
        with open_warehouse(settings.warehouse_path) as connection:
            connection.execute("create table core.of_tomorrow as select 1 as one")
    with pytest.raises(NewerWarehouse, match="restore a backup"), open_warehouse(settings.warehouse_path):
        pass
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        assert connection.execute("from core.of_tomorrow").fetchall() == [(1,)]


def test_a_kept_table_that_changes_is_another_layout():
    with empty_warehouse() as connection:
        columns = connection.execute(
            "select table_name, column_name, data_type, is_nullable from duckdb_columns()"
            " where schema_name = 'core' and list_contains(?, table_name) order by all",
            [list(KEPT_TABLES)],
        ).fetchall()
    assert len({name for name, *_ in columns}) == len(KEPT_TABLES)
    assert {LAYOUT: sha256(repr(columns).encode()).hexdigest()[:16]}.items() <= KEPT_IN_LAYOUT.items()


def test_core_is_made_anew_where_rows_of_the_lake_are():
    assert f"from rows of the lake by decoder {DECODER}.\n" in sql("schema.sql")


def test_a_new_lake_is_noted_to_be_by_this_decoder(opened):
    for name in ("positions", "rejects"):
        table = DeltaTable(f"{opened[1].lake_root}/{name}")
        spool_id = (opened[1].spool_dir / "main" / "id").read_text().strip()
        assert table.transaction_version(decoder_note(spool_id)) == DECODER
        assert table.transaction_version(spool_id) == 4
