"""Files of fuel-card providers on the whole line: shown, taken whole or not at all, harmless when they come again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from flows.cli import app
from flows.findings import spools
from flows.fuel_cards import CannotImport, Cards, run_fuel_cards
from flows.importing import run_import
from flows.refresh import refresh
from ingest.lake import load_spool
from ingest.settings import IngestSettings, SettingsError
from ingest.spool import IMPORTS, read_segment, sealed_segments
from tests.builders import collected, positions, published, settings_in, yesterday_at
from tests.ingest.fuel_cards.files import wex_rows, write_csv

ROOT = Path(__file__).parents[2]
WEX = Cards("wex", "urbana", None, "America/Chicago", is_dry_run=False)
ALL_BUT_LINEAGE = "select * exclude (source_file, source_row) from marts.fuel_purchases order by all"


def payloads(settings) -> list[bytes]:
    segments = sealed_segments(settings.spool_dir / IMPORTS)
    return [payload for segment in segments for payload in read_segment(segment.path)["payload"].to_pylist()]


@pytest.mark.campaign
def test_an_overlapping_file_changes_nothing(tmp_path, capsys):
    settings = settings_in(tmp_path / "data")
    rows = wex_rows()
    assert run_fuel_cards(settings, [write_csv(tmp_path / "november.csv", rows[:9])], WEX)
    assert "9 lines imported for tenant urbana" in (said := capsys.readouterr().out)
    assert "odograph refresh" in said
    refresh(settings)
    before = published(settings, ALL_BUT_LINEAGE)
    assert before.height == 9
    assert set(before["version_count"]) == {1}
    again = write_csv(tmp_path / "again.csv", [*reversed(rows[:9])])
    assert run_fuel_cards(settings, [again], WEX)
    refresh(settings)
    assert_frame_equal(published(settings, ALL_BUT_LINEAGE), before)
    assert run_fuel_cards(settings, [write_csv(tmp_path / "december.csv", rows[4:])], WEX)
    refresh(settings)
    after = published(settings, ALL_BUT_LINEAGE)
    assert after.height == 13
    assert_frame_equal(after.join(before, on=["provider_txn_id", "item_no"], how="semi"), before)
    flags = published(settings, "select quality_flags from marts.fuel_purchases where product = 'other'")
    assert "needs_review" in flags["quality_flags"][0].to_list()


def test_a_file_with_a_bad_line_leaves_nothing_behind(tmp_path, capsys):
    settings = settings_in(tmp_path / "data")
    rows = wex_rows()
    rows[3] = rows[3] | {"Transaction Date": "31/12/2017"}
    rows[7] = rows[7] | {"Gross Cost": "4111111111111111,5"}
    bad = write_csv(tmp_path / "bad.csv", rows)
    assert not run_fuel_cards(settings, [bad], WEX)
    said = capsys.readouterr()
    assert "nothing imported, 2 problems" in said.err
    assert "line 5: Transaction Date='31/12/2017" in said.err
    assert "line 9: Gross Cost=" in said.err
    assert "41111111" not in said.err
    assert not (settings.spool_dir / IMPORTS).exists()


@pytest.mark.parametrize(("killed_at", "count"), [("ingest.open_segment.write_all", 0), ("ingest.spool.seal", 13)])
def test_an_import_that_is_killed_has_happened_or_has_not(tmp_path, killed_at, count):
    settings = settings_in(tmp_path / "data")
    path = write_csv(tmp_path / "export.csv", wex_rows())
    module, name = killed_at.rsplit(".", 1)
    program = (
        f"import os, signal, {module} as module; from flows.cli import app\n"
        f"module.{name} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"app(['import', 'fuel-card', {str(path)!r}, '--provider', 'wex', '--tenant', 't1'])"
    )
    environment = os.environ | {"ODOGRAPH_DATA_DIR": str(settings.data_dir)}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert load_spool(settings).purchases == count
    assert run_fuel_cards(settings, [path], WEX._replace(tenant="t1"))
    assert load_spool(settings).purchases == 13


def test_a_good_file_beside_a_bad_one_is_taken(tmp_path):
    settings = settings_in(tmp_path / "data")
    good = write_csv(tmp_path / "good.csv", wex_rows())
    assert not run_fuel_cards(settings, [tmp_path / "absent.csv", good], WEX)
    assert len(payloads(settings)) == 13


def test_a_dry_run_shows_lines_with_units_and_writes_nothing(tmp_path, capsys):
    settings = settings_in(tmp_path / "data")
    before = sorted(settings.data_dir.rglob("*"))
    rows = wex_rows()
    rows[1] = rows[1] | {"Units": "many", "Card Number ID": "4111111111111111"}
    rows[2] = rows[2] | {"Card Number ID": "4111 1111 1111 1111"}
    path = write_csv(tmp_path / "export.csv", rows)
    assert not run_fuel_cards(settings, [path], WEX._replace(is_dry_run=True))
    said = capsys.readouterr()
    assert "16.12 gal" in said.out
    assert "2017-10-26T12:01:22 America/Chicago" in said.out
    assert "diesel (wex_text DSL)" in said.out
    assert "line 3: Units='many': is no number" in said.err
    assert "1111 1111" not in said.out
    assert sorted(settings.data_dir.rglob("*")) == before


def test_card_numbers_are_masked_before_they_are_written(tmp_path):
    settings = settings_in(tmp_path / "data")
    rows = [row | {"Card Number ID": "4111111111111111", "Department": "5500005555555559"} for row in wex_rows()]
    assert run_fuel_cards(settings, [write_csv(tmp_path / "export.csv", rows)], WEX)
    written = b"".join(path.read_bytes() for path in (settings.spool_dir / IMPORTS).iterdir() if path.is_file())
    assert b"4111111111111111" not in written + b"".join(payloads(settings))
    assert b"5500005555555559" not in b"".join(payloads(settings))
    assert b"************1111" in b"".join(payloads(settings))


def test_without_a_tenant_the_only_one_known_is_meant(tmp_path, capsys):
    settings = settings_in(tmp_path / "data")
    cards = WEX._replace(tenant=None)
    path = write_csv(tmp_path / "export.csv", wex_rows())
    with pytest.raises(CannotImport, match="no tenant is known yet"):
        run_fuel_cards(settings, [path], cards)
    vehicles = tmp_path / "vehicles.csv"
    vehicles.write_text("tenant_id,vehicle_id\nacme,V1\n")
    assert run_import(settings, "vehicles", [vehicles])
    assert run_fuel_cards(settings, [path], cards)
    assert "for tenant acme" in capsys.readouterr().out
    vehicles.write_text("tenant_id,vehicle_id\nnorth,V1\n")
    assert run_import(settings, "vehicles", [vehicles])
    with pytest.raises(CannotImport, match="several tenants are known, name one with --tenant: acme, north"):
        run_fuel_cards(settings, [path], cards)


@pytest.mark.parametrize("change", [{"tenant": "a/b"}, {"tenant": "+"}, {"provider": "wex"}, {"timezone": "Mars"}])
def test_what_would_be_no_topic_is_refused(tmp_path, change):
    cards = WEX._replace(mapping="wex")._replace(**change)
    if change == {"provider": "wex"}:
        cards = cards._replace(provider="we#x")
    with pytest.raises(CannotImport, match="--"):
        run_fuel_cards(settings_in(tmp_path), [tmp_path / "export.csv"], cards)


def test_the_spool_of_imports_is_no_collector(tmp_path):
    settings = settings_in(tmp_path / "data", broker_url="mqtt://127.0.0.1:1")
    assert run_fuel_cards(settings, [write_csv(tmp_path / "export.csv", wex_rows())], WEX)
    collected(settings, [positions([{"ts": yesterday_at(9), "lat": 1, "lon": 2}])])
    (settings.spool_dir / "main" / "role").write_text('{"number": 1, "of_parts": 2, "group": null}')
    found = {finding.topic: finding for finding in spools(settings)}
    assert "spool imports" in found
    assert "collector imports" not in found
    assert "nobody keeps part 2 of 2" in found["collectors"].text
    with pytest.raises(SettingsError, match="imported files"):
        IngestSettings.read(_env_file=None, collector="imports")


def test_the_command_explains_what_it_lacks(tmp_path, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path / "data"))
    path = write_csv(tmp_path / "export.csv", wex_rows())
    ask = ["import", "fuel-card", str(path)]
    assert CliRunner().invoke(app, ask).exit_code == 2
    unknown = CliRunner().invoke(app, [*ask, "--provider", "shell", "--tenant", "t1"])
    assert (unknown.exit_code, "no mapping is called 'shell'; there are cfn_pt" in unknown.output) == (1, True)
    assert CliRunner().invoke(app, ["import", "vehicles", str(path), "--dry-run"]).exit_code == 2
    dry = CliRunner().invoke(app, [*ask, "--provider", "wex", "--tenant", "t1", "--dry-run"])
    assert (dry.exit_code, "13 lines can be read" in dry.output) == (0, True)
    assert not (tmp_path / "data" / "spool").exists()
    listed = CliRunner().invoke(app, ["mappings", "list"])
    assert (listed.exit_code, "samsara" in listed.output, "traccar/positions" in listed.output) == (0, True, True)
