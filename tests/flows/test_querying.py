"""The published copy can be asked, described, shown and exported; a query changes nothing and reads no other file."""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import fastexcel
import polars as pl
import pytest
from typer.testing import CliRunner

from flows.answers import readable_text, unit_of
from flows.cli import app
from flows.describing import markdown
from flows.querying import QueryFailed, ask, open_locked
from flows.refresh import refresh
from flows.workbook import Heading, TooManyRows, write_workbook
from tests.builders import collected, golden_points, message, positions, settings_in, yesterday_at

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    settings = settings_in(tmp_path_factory.mktemp("asked"))
    collected(settings, [positions(golden_points(yesterday_at(15))), message("tm/v1/t1/d1/pos", b"{\xff\x1b[2J")])
    refresh(settings)
    return settings


@pytest.fixture
def run(settings, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *words: CliRunner().invoke(app, ["query", *words])


def test_a_narrow_answer_is_a_table_with_numbers_to_the_right(run):
    result = run("select vehicle_id, idle_s from marts.vehicle_days")
    assert result.exit_code == 0
    assert "│ vehicle_id ┆  idle_s │" in result.stdout
    assert "│ d1         ┆ 540.000 │" in result.stdout


def test_rows_that_do_not_fit_are_shown_one_below_the_other_unless_a_table_is_asked_for(run):
    lines = run("marts.vehicle_days").stdout.splitlines()
    assert lines[0].startswith("-[ 1 ]-")
    assert [line.split(" | ")[1] for line in lines if line.split(" | ")[0].strip() == "idle_s"] == ["540.000"]
    assert max(map(len, run("marts.vehicle_days", "--table").stdout.splitlines())) > 500
    assert run("select 1 as one", "--vertical").stdout.splitlines()[1] == "one | 1"


@pytest.mark.parametrize(
    "short", ["vehicle_days", "marts.vehicle_days", "from marts.vehicle_days", "Marts.Vehicle_Days;"]
)
def test_a_name_is_short_for_all_of_that_table(settings, short):
    answer = ask(settings, short)
    assert (answer.rows["idle_s"].to_list(), answer.tables) == ([540], {"marts.vehicle_days"})


def test_an_answer_knows_what_its_columns_mean(settings):
    comments = ask(settings, "select vehicle_id, idle_s, 1 as one from marts.vehicle_days").comments
    assert comments["idle_s"].startswith("idling: engine on and standing, seconds")
    assert comments["one"] == ""


def test_json_and_csv_show_payloads_as_text_and_lists(run):
    result = run("select payload, reason from lake.rejects", "--format", "json")
    assert json.loads(result.stdout) == {"payload": "{\ufffd\x1b[2J", "reason": "not_json"}
    assert "not_json" in run("from lake.rejects", "--format", "csv").stdout
    flags = run("select quality_flags from marts.vehicle_days", "--format", "csv").stdout.splitlines()
    assert flags[1].split(";") == sorted(flags[1].split(";"))


def test_a_payload_cannot_move_the_cursor_of_a_terminal(run):
    for way in ("--table", "--vertical"):
        shown = run("select payload from lake.rejects", way).stdout
        assert "[2J" in shown
        assert "\x1b" not in shown


def test_the_suffix_of_a_file_says_its_format(run, tmp_path):
    for suffix in ("parquet", "csv", "json", "xlsx"):
        assert run("marts.vehicle_days", "--out", str(tmp_path / f"days.{suffix}")).exit_code == 0
    assert pl.read_parquet(tmp_path / "days.parquet")["idle_s"].to_list() == [540]
    assert pl.read_csv(tmp_path / "days.csv")["idle_s"].to_list() == [540]
    assert json.loads((tmp_path / "days.json").read_text())["idle_s"] == 540
    sheet = fastexcel.read_excel(tmp_path / "days.xlsx").load_sheet(0, header_row=None).to_polars()
    rows = [dict(zip(sheet.row(0), sheet.row(number), strict=True)) for number in (1, 2)]
    assert {name: rows[0][name] for name in ("idle_s", "distance_m", "coverage", "first_fix_utc", "vehicle_id")} == {
        "idle_s": "s",
        "distance_m": "m",
        "coverage": "0 to 1",
        "first_fix_utc": "UTC",
        "vehicle_id": "",
    }
    assert float(rows[1]["idle_s"]) == 540


def test_a_workbook_keeps_types_and_takes_no_text_for_a_formula(tmp_path):
    path = tmp_path / "types.xlsx"
    at, price, odd = datetime(2026, 2, 26, 15, 5), Decimal("1.10"), "a\x00<b>&"
    values = ("=1+1", 7, 0.125, price, date(2026, 2, 26), at, True, None, odd)
    write_workbook(path, "from x/[y]", [Heading(str(number), "") for number in range(len(values))], [values, values])
    book = fastexcel.read_excel(path)
    row = book.load_sheet(0, header_row=None, skip_rows=2).to_polars().row(1)
    assert book.sheet_names == ["from x  y"]
    assert row == ("=1+1", 7, 0.125, 1.1, datetime(2026, 2, 26), at, True, None, "a\ufffd<b>&")


def test_a_workbook_that_would_not_hold_the_rows_is_not_begun(tmp_path):
    with pytest.raises(TooManyRows, match="1048574 rows and these are 1048575"):
        write_workbook(tmp_path / "all.xlsx", "x", [], [()] * 1_048_575)
    assert list(tmp_path.iterdir()) == []


def test_a_spreadsheet_needs_a_file(run):
    assert (run("select 1", "--format", "xlsx").exit_code, run("select 1", "--format", "markdown").exit_code) == (2, 2)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("selec 1", 'syntax error at or near "selec"'),
        ("drop table marts.vehicle_days", "drop: the published copy is read-only"),
        ("delete from core.ledger", "delete: the published copy is read-only"),
        ("create temp table mine as select 1", "create: the published copy is read-only"),
        ("from nowhere", "there is no nowhere"),
        ("from marts.vehicle_day", "there is no vehicle_day; did you mean marts.vehicle_days"),
        ("vehicel_days", "did you mean marts.vehicle_days"),
        ("select idle from marts.vehicle_days", 'Referenced column "idle" not found'),
        ("select 1; select 2", "one query at a time"),
        ("-- nothing", "an empty query"),
    ],
)
def test_a_query_that_is_wrong_or_would_change_something_ends_with_one_line_of_reason(run, sql, said):
    result = run("--", sql)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "from read_csv('/etc/passwd')",
        "from read_text('/etc/passwd')",
        "select content from READ_TEXT('/etc/passwd')",
        "from '/etc/passwd'",
        "from query('from read_text(''/etc/passwd'')')",
        "from query_table(['/etc/passwd'])",
        "with inner_one as (select (select content from read_text('/etc/passwd')) as it) from inner_one",
        "pivot (from read_csv('/etc/passwd')) on column0 using count(*)",
        "from glob('/etc/*')",
        "from marts.stops where exists (from read_blob('{lake}/*/*'))",
        "from read_parquet('{lake}/rejects/*/*.parquet')",
        "from '{lake}/rejects/x.parquet'",
        "copy (select 1) to '{out}'",
        "copy (select 1) to '{lake}/positions/new.parquet'",
        "explain analyze copy (select 1) to '{lake}/positions/new.parquet'",
        "explain (analyze) copy (select 1) to '{lake}/positions/new.parquet'",
        "export database '{out}'",
        "attach '{out}' as other",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "pragma enable_profiling",
        "call enable_logging(storage = 'file', storage_path = '{out}')",
        "from enable_logging(storage = 'file', storage_path = '{out}')",
    ],
)
def test_a_query_reads_and_writes_no_file_of_the_machine(run, settings, tmp_path, sql):
    lake, out = settings.data_dir / "lake", tmp_path / "out"
    before = sorted(path for path in lake.rglob("*"))
    result = run(sql.format(lake=lake, out=out))
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert sorted(path for path in lake.rglob("*")) == before
    assert not out.exists()


def test_the_file_system_itself_is_closed_to_a_query_but_for_the_lake(settings):
    """What the statement looks like does not matter here: this is what holds if a query gets past that."""
    with open_locked(settings.published_path, settings.lake_root) as connection:
        assert connection.execute("select count(*) from lake.positions").fetchone()[0] > 0
        for sql in (
            "from read_text('/etc/passwd')",
            f"copy (select 1) to '{settings.data_dir}/x.csv'",
            f"attach '{settings.warehouse_path}'",
            "set enable_external_access = true",
        ):
            with pytest.raises(Exception, match=r"disabled by configuration|has been locked"):
                connection.execute(sql)


def test_a_lake_in_an_object_store_stays_within_reach_and_other_stores_do_not(settings):
    with open_locked(settings.published_path, "s3://telematics/lake") as connection:
        with pytest.raises(Exception, match="httpfs"):
            connection.execute("from read_parquet('s3://telematics/lake/positions/x.parquet')")
        for other in ("s3://telematics/lake2/x.parquet", "s3://elsewhere/x.parquet"):
            with pytest.raises(Exception, match="disabled by configuration"):
                connection.execute(f"from read_parquet('{other}')")


@pytest.mark.parametrize(
    "sql",
    [
        "explain select 1",
        "describe marts.stops",
        "show tables from marts",
        "summarize marts.fleet_days",
        "pivot marts.vehicle_days on distance_source using count(*)",
        "select * from core.vehicle_totals(date '2020-01-01', date '2040-01-01')",
        "select 'read_csv(1)' as said",
    ],
)
def test_everything_that_only_asks_is_answered(settings, sql):
    assert ask(settings, sql).rows.height > 0


def test_without_a_query_it_shows_what_can_be_asked(run):
    result = run()
    assert (result.exit_code, result.stdout.count("odograph query ")) == (0, 5)


def test_describe_lists_schemas_and_tables_with_their_rows(run):
    lines = run("--describe").stdout.splitlines()
    days = next(line for line in lines if line.startswith("marts.vehicle_days "))
    assert days.split()[1] == "1"
    assert any(line.startswith("lake.positions") and " view " in line for line in lines)
    assert any(line.startswith("core.vehicle_totals(from_day, to_day)") for line in lines)
    assert not any(line.startswith("marts.") for line in run("--describe", "lake").stdout.splitlines())


def test_describe_tells_of_one_table_or_macro_what_it_is(run):
    table = run("--describe", "idle_events").stdout
    assert all(
        word in table for word in ("marts.idle_events, table", "duration_s", "DOUBLE", "how long it lasted, seconds")
    )
    macro = run("--describe", "core.day_utilization()").stdout
    assert all(
        word in macro for word in ("from_day: the first service date", "from core.day_utilization(", "day_utilization")
    )
    assert re.search(r"idle_share is a column of .*marts.fleet_days", run("--describe", "idle_share").stdout)
    wrong = run("--describe", "idle_event")
    assert (wrong.exit_code, "did you mean marts.idle_events" in wrong.stderr) == (1, True)


def test_the_page_of_tables_is_the_one_the_copy_would_write(settings):
    with open_locked(settings.published_path, settings.lake_root) as published:
        page = markdown(published)
    # To mend it: odograph query --describe --format markdown > docs/tables.md
    assert (DOCS / "tables.md").read_text() == page


@pytest.mark.parametrize(
    ("name", "comment", "unit"),
    [
        ("idle_s", "", "s"),
        ("distance_mi", "", "mi"),
        ("idle_share_pct", "", "%"),
        ("coverage", "known share, 0 to 1", "0 to 1"),
        ("fuel_l_per_100km", "litres per 100 km", "l/100 km"),
        ("cost_per_stop", "in currency per stop", "currency/stop"),
        ("vehicle_id", "the van", ""),
        ("m", "", ""),
    ],
)
def test_the_unit_of_a_column_is_in_its_name_or_its_comment(name, comment, unit):
    assert unit_of(name, comment) == unit


def test_records_say_null_and_keep_long_texts_whole():
    frame = pl.DataFrame({"a": [None], "text": ["x" * 300], "list": [["b", "c"]], "at": [datetime(2026, 2, 26, 15, 5)]})
    text, _ = readable_text(frame, 100)
    assert text.splitlines()[1:] == [
        "a    | null",
        f"text | {'x' * 300}",
        "list | [b, c]",
        "at   | 2026-02-26 15:05:00",
    ]


def test_a_failure_is_ours_and_not_that_of_the_library(settings):
    with pytest.raises(QueryFailed, match="Could not convert string 'a' to INT32"):
        ask(settings, "select 'a'::int")
