"""Settings, schema, docs and commands agree with each other."""

import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.settings import Settings
from ingest.columns import LAKE_TABLES
from ingest.settings import IngestSettings, SettingsError
from tests.builders import ONE_COPY
from warehouse.connection import sql
from warehouse.consumption import CONSUMPTION_MARTS
from warehouse.models import DATED_MARTS, WHOLE_MARTS

ROOT = Path(__file__).parents[1]
COMMANDS = [
    "demo",
    "collect",
    "ship",
    "refresh",
    "backfill",
    "upkeep",
    "backup",
    "restore",
    "report",
    "serve",
    "serve-sql",
    "simulate",
    "replay",
    "import",
    "query",
    "explain",
    "fuel",
    "mail",
    "privacy",
    "broker-config",
    "bench",
    "chaos",
    "status",
]


def test_the_example_environment_lists_every_setting_with_its_default_and_no_other(monkeypatch):
    for name in ONE_COPY:
        monkeypatch.delenv(name)
    lines = (ROOT / ".env.example").read_text().splitlines()
    listed = dict(line.split("=", 1) for line in lines if line.startswith("ODOGRAPH_"))
    assert listed.keys() == {f"ODOGRAPH_{name.upper()}" for name in Settings.model_fields}
    assert Settings(_env_file=ROOT / ".env.example") == Settings(_env_file=None)


def test_all_that_is_wrong_with_the_settings_is_reported_together(monkeypatch):
    monkeypatch.setenv("ODOGRAPH_TIMEZONE", "Mars/Olympus")
    monkeypatch.setenv("ODOGRAPH_BROKER_URL", "http://user:secret@example")
    with pytest.raises(SettingsError) as raised:
        IngestSettings.read()
    assert {problem.split(":")[0].split("=")[0] for problem in raised.value.problems} == {
        "ODOGRAPH_TIMEZONE",
        "ODOGRAPH_BROKER_URL",
    }
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert (result.exit_code, "Usage" in result.output) == (0, True)


def test_a_wrong_setting_ends_with_status_2_and_no_traceback(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "flows", "status"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "ODOGRAPH_STOP_KMH": "slow", "ODOGRAPH_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert "ODOGRAPH_STOP_KMH='slow'" in result.stderr
    assert "Traceback" not in result.stderr


def test_every_table_of_the_schema_says_what_a_row_is_or_stands_under_a_heading():
    text = sql("schema.sql")
    tables = re.findall(r"create table if not exists (\w+\.\w+) \(\n(.*?)\n\);", text, re.DOTALL)
    assert len(tables) > 20
    with duckdb.connect() as connection:
        connection.execute(text)
        rows = connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
    assert {name for name, _ in tables} == {row[0] for row in rows}


@pytest.mark.parametrize("name", [*DATED_MARTS, *WHOLE_MARTS, *CONSUMPTION_MARTS])
def test_every_mart_has_a_model_that_names_it_in_its_first_line(name):
    assert sql(f"marts/{name}.sql").startswith(f"-- marts.{name}: ")


def test_every_lake_table_has_a_view():
    views = {found.name for found in (files("warehouse") / "sql" / "lake").iterdir()}
    assert {f"{table.name}.sql" for table in LAKE_TABLES} <= views


@pytest.mark.parametrize("name", ["requirements.lock", "examples/requirements.lock", "tests/requirements.lock"])
def test_the_lock_holds_hashes_and_no_address(name):
    lock = (ROOT / name).read_text()
    assert "://" not in lock
    assert "index" not in lock.split("--hash")[0]
    requirements = re.split(r"\n(?=\S)", lock.strip())
    assert all("--hash=sha256:" in requirement for requirement in requirements)


def test_what_the_campaign_installs_changes_no_version_of_the_rest():
    rest, campaign = (
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "tests/requirements.lock")
    )
    assert {name for name, version in campaign.items() if rest.get(name, version) != version} == set()
    assert "ray" in campaign.keys() - rest.keys()


def test_every_module_begins_with_what_it_is_about():
    modules = [
        path for package in ("flows", "ingest", "kernels", "warehouse") for path in (ROOT / package).rglob("*.py")
    ]
    silent = [str(path) for path in modules if not path.read_text().startswith('"""')]
    assert silent == []


def test_no_module_is_longer_than_three_hundred_lines():
    packages = ("flows", "ingest", "kernels", "warehouse")
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for package in packages
        for path in (ROOT / package).rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_databases_are_opened_in_one_place_with_the_settings_of_all():
    packages = ("flows", "warehouse")
    opening = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if "duckdb.connect(" in path.read_text()
    }
    # Analysts of the benchmark are clients of their own.
    assert opening == {"warehouse/connection.py", "flows/bench/readers/analyst.py"}


PAGES = sorted(str(path.relative_to(ROOT)) for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", PAGES)
def test_files_that_the_docs_name_exist(page):
    text = (ROOT / page).read_text()
    named = re.findall(r"`((?:flows|ingest|kernels|warehouse|tests|docs|examples)/[\w./-]+)[` ]", text)
    linked = re.findall(r"\]\(([\w./-]+)(?:#[^)]*)?\)|src=\"([\w./-]+)\"", text)
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [name for name in map("".join, linked) if not ((ROOT / page).parent / name).exists()]
    assert missing == []


@pytest.mark.parametrize("page", ["README.md", "docs/tour.md", "docs/tools.md"])
def test_commands_that_the_docs_name_exist(page):
    text = (ROOT / page).read_text()
    for command in re.findall(r"odograph (\w[\w-]*)", text):
        assert command in COMMANDS, command


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("ingest.collector", {"polars", "deltalake", "duckdb", "numba"}),
        ("flows.status", {"polars", "pyarrow", "numpy", "deltalake", "jinja2", "numba", "paho.mqtt.client"}),
        ("flows.querying", {"pyarrow", "numpy", "deltalake", "jinja2", "numba", "polars"}),
        ("flows.refresh", {"numba", "kernels", "jinja2", "prefect"}),
    ],
)
def test_a_command_loads_nothing_that_only_others_need(module, unneeded):
    code = f"import sys, {module}; print({unneeded} & sys.modules.keys())"
    asked = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert asked.stdout == "set()\n"


def closing(text: str, after: int) -> int:
    """Just behind the parenthesis that closes the one that was opened just before a place."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[after], 0)
        after += 1
    return after


def test_no_sql_leaves_the_order_of_what_it_lists_to_chance():
    sorted_later = "".join(rf"(?<!{outer}\()" for outer in ("list_sort", "list_distinct", "list_distinct\\(flatten"))
    listing = re.compile(sorted_later + r"\b(?:json_group_\w+|string_agg|list|first|last|mode)\(")
    for path in sorted(path for package in ("flows", "warehouse") for path in (ROOT / package).rglob("*.sql")):
        text = path.read_text()
        for found in listing.finditer(text):
            end = closing(text, found.end())
            listed = text[found.start() : end]
            assert "order by" in listed or text[end:].startswith(" over ("), f"{path.name}: {listed}"
