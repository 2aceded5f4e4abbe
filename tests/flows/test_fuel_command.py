"""`odograph fuel` lists flags, shows what is behind one, and keeps what people say of it."""

import shutil

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.copies import publish_parts
from flows.opening import lake_tables
from flows.refresh import is_news, refresh
from tests.builders import collected, message, settings_in
from tests.warehouse.fuel_rows import AWAY, Purchase, Rows, add_fleet, buy
from warehouse.connection import open_warehouse
from warehouse.fuel_exceptions import evaluate_rules
from warehouse.lake import attach_lake
from warehouse.models import add_device_status, prepare_models
from warehouse.publish import publish

UNSEEN = {"match_state": "unverifiable"}
ELSEWHERE = {"match_state": "mismatch", "match_distance_m": 6800.0, "match_offset_s": -900.0}
VOYAGER = {"provider": "voyager"}
MAY = {"off_hours_allowed": "true"}
DIESEL = {"product": "diesel_2", "fuel_family": "diesel"}
PURCHASES = (
    Purchase(presence=AWAY, match=ELSEWHERE),
    Purchase({"vehicle_id": "V2", "card_id": "c2", "quantity": 27.3}, None, UNSEEN, VOYAGER, MAY),
    Purchase(
        {"vehicle_id": "V3", "card_id": "c3", "site_name": "[red]S[/x]"} | DIESEL,
        None, UNSEEN, {"provider_txn_id": "P2"}, MAY,
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    settings = settings_in(tmp_path_factory.mktemp("fuel"), timezone="UTC")
    version = {"v": 1, "provider_txn_id": "P1", "card_id": "c1", "quantity": 18, "unit": "gal", "currency": "USD"}
    records = [version | {"event_type": "auth", "gross": 125}, version | {"event_type": "clear", "gross": 62.1}]
    collected(settings, [message("fc/v1/t1/wex/txn", record) for record in records])
    refresh(settings)
    with open_warehouse(settings.warehouse_path) as warehouse:
        warehouse.execute(
            "delete from core.fuel_lines; delete from core.fuel_presence; delete from marts.fuel_purchases"
        )
        rows = Rows()
        add_fleet(rows)
        for purchase in PURCHASES:
            buy(rows, purchase)
        rows.put_into(warehouse)
    published_again(settings)
    return settings


@pytest.fixture
def line(base, tmp_path):
    """A copy that a test may change."""
    shutil.copytree(base.data_dir, tmp_path / "data", symlinks=True)
    return settings_in(tmp_path / "data", timezone="UTC")


def published_again(settings) -> None:
    lake = lake_tables(settings)
    with open_warehouse(settings.warehouse_path) as warehouse:
        prepare_models(warehouse)
        attach_lake(warehouse, lake, settings.timezone)
        add_device_status(warehouse)
        evaluate_rules(warehouse)
        copy = publish(warehouse, settings.published_dir, lake, settings.timezone, "test")
    publish_parts(settings, copy, lake)


@pytest.fixture
def fuel(line, monkeypatch):
    monkeypatch.setenv("ODOGRAPH_DATA_DIR", str(line.data_dir))
    monkeypatch.setenv("COLUMNS", "240")
    return lambda *more, command="fuel": CliRunner().invoke(app, [command, *more])


def test_flags_are_listed_with_their_sentence_and_that_they_are_no_proof(fuel):
    shown = fuel("list").stdout
    assert [row.split()[3:7] for row in shown.splitlines() if row.startswith("2026-02-26")] == [
        ["P1", "F1", "high", "open"],
        ["P1", "F4", "high", "open"],
        ["P2", "F11", "high", "open"],
    ]
    assert "whose tank holds 25.0 gal (94.6 L)" in shown
    assert "A flag is a lead, not proof" in shown


@pytest.mark.parametrize(
    ("narrowed", "rules"),
    [
        (["--rule", "f04"], ["F4"]),
        (["--state", "explained"], []),
        (["--from", "2026-02-27"], []),
        (["--to", "2026-02-26", "--tenant", "t1"], ["F1", "F4", "F11"]),
        (["--tenant", "t2"], []),
    ],
)
def test_the_list_can_be_narrowed_down(fuel, narrowed, rules):
    shown = fuel("list", *narrowed).stdout
    assert [row.split()[4] for row in shown.splitlines() if row.startswith("2026-02-26")] == rules
    assert ("no flags" in shown) == (not rules)


def test_behind_a_flag_are_versions_vans_levels_thresholds_and_history(fuel):
    shown = fuel("show", "P1", "--provider", "wex").stdout
    assert "Purchase t1 wex/P1/1 (times in America/New_York)" in shown
    assert "2026-02-26 14:00 (exact), SHELL 12, Edison, NJ: 18 gal gasoline_regular, 62.10 USD" in shown
    assert "van V1: mismatch, 6800 m from the site at -900 s" in shown
    versions = [row.split()[0] for row in shown.splitlines() if "main-" in row]
    assert versions == ["auth", "clear"]
    [van] = [row.split() for row in shown.splitlines() if row.startswith("V1 (of the card)")]
    assert van[4:] == ["6,800", "m", "-20", "s", "120", "25", "%", "97", "%"]
    assert 'thresholds: {"match_m": 250, "probable_m": 805}' in shown
    assert "F4 opened, open: first evaluation" in shown
    assert "voyager" not in shown
    assert fuel("fuel", "P1", "--provider", "wex", command="explain").stdout == shown


def test_words_of_providers_are_printed_as_they_are(fuel):
    result = fuel("show", "P2")
    assert (result.exit_code, "[red]S[/x]" in result.stdout) == (0, True)


def test_a_review_is_news_and_is_shown_once_published(fuel, line):
    published_again(line)  # a folder that was copied is news by itself
    assert not is_news(line)
    said = fuel("review", "P1", "--rule", "F4", "--state", "explained", "--note", "lent [to] V2", "--by", "Ana")
    assert (said.exit_code, said.stdout) == (
        0,
        "F4 of t1 wex/P1/1: explained; readers see it after the next refresh (odograph refresh)\n",
    )
    assert is_news(line)
    assert "no flags" in fuel("list", "--state", "explained").stdout
    published_again(line)
    assert "F4" in fuel("list", "--state", "explained").stdout
    shown = fuel("show", "P1").stdout
    assert "explained, by Ana: lent [to] V2" in shown
    assert "F4 reviewed, explained by Ana: lent [to] V2" in shown


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        (["P1", "--rule", "F4", "--state", "explained"], 2, "say why, by --note"),
        (["P1", "--rule", "F22", "--state", "open"], 2, "there is no rule F22"),
        (["P1", "--rule", "F9", "--state", "open"], 1, "F9 has no flag on P1; flags of it: F1, F4"),
        (["P9", "--rule", "F9", "--state", "open"], 1, "no purchase 'P9'"),
        (["P1", "--rule", "F4", "--state", "fine"], 2, "fine"),
    ],
)
def test_what_cannot_be_reviewed_is_said_in_a_line(fuel, asked, status, said):
    result = fuel("review", *asked)
    assert (result.exit_code, said in result.output) == (status, True), result.output
    assert "Traceback" not in result.output


def test_a_copy_of_an_older_version_is_news(line):
    with open_warehouse(line.published_path.resolve()) as copy:
        copy.execute("drop table core.fuel_reviews")
    assert is_news(line)
