"""The published copy can be asked, exported, and not changed."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.refresh import refresh
from tests.builders import collected, golden_points, message, positions, settings_in, yesterday_at


@pytest.fixture
def ask(tmp_path, monkeypatch):
    settings = settings_in(tmp_path)
    collected(settings, [positions(golden_points(yesterday_at(15))), message("tm/v1/t1/d1/pos", b"{\xff")])
    refresh(settings)
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(tmp_path))
    return lambda *words: CliRunner().invoke(app, ["query", *words])


def test_a_table_shows_rows_and_columns(ask):
    result = ask("select vehicle_id, idle_s from marts.vehicle_days")
    assert (result.exit_code, "540" in result.stdout, "vehicle_id" in result.stdout) == (0, True, True)


def test_json_and_csv_show_payloads_as_text_and_lists(ask):
    result = ask("select payload, reason from lake.rejects", "--format", "json")
    assert json.loads(result.stdout) == {"payload": "{\ufffd", "reason": "not_json"}
    assert "not_json" in ask("from lake.rejects", "--format", "csv").stdout
    flags = ask("select quality_flags from marts.vehicle_days", "--format", "csv").stdout.splitlines()
    assert flags[1].split(";") == sorted(flags[1].split(";"))


def test_parquet_goes_to_a_file(ask, tmp_path):
    path = tmp_path / "days.parquet"
    assert ask("from marts.vehicle_days", "--format", "parquet", "--out", str(path)).exit_code == 0
    assert pl.read_parquet(path)["idle_s"].to_list() == [540]


@pytest.mark.parametrize("sql", ["selec 1", "drop table marts.vehicle_days", "delete from core.ledger", "from nowhere"])
def test_a_query_that_is_wrong_or_would_change_something_ends_with_one_line_of_reason(ask, sql):
    result = ask(sql)
    assert (result.exit_code, "Traceback" in result.output) == (1, False)
    assert result.output.strip()
