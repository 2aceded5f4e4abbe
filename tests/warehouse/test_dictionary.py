"""Everything in a published copy says what it means, with its unit."""

import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files

import duckdb
import pytest

from flows.opening import lake_tables
from flows.refresh import publish_copy, refresh
from tests.builders import settings_in
from warehouse.connection import open_warehouse
from warehouse.dictionary import BadComment, add_comments, combined, dictionary, named, tables_of
from warehouse.lake import attach_lake

NUMBERS = ("DOUBLE", "FLOAT", "DECIMAL", "BIGINT", "INTEGER", "UBIGINT", "SMALLINT", "TINYINT", "HUGEINT", "UINTEGER")
UNIT_IN_NAME = re.compile(
    r"_(id|us|s|min|h|m|mi|km|ft|l|gal|kg|kwh|lb|pct|deg|kmh|v|count|days|utc|no|version)$"
    r"|_per_(min|h|km|mi|stop|hour|route_hour|100km|l|gal)$|^(mpg|seconds|item_no|latitude|longitude|revision|version)$|_kg_per_|_per_day$"
)
UNIT_IN_WORDS = re.compile(
    r"\b(seconds?|microseconds?|milliseconds?|metres?|km/h|km|kilometres?|miles?|feet|litres?|gallons?|kg|kWh|volts?"
    r"|degrees|percent|share|ratio|0 to 1|number|revolutions|bytes|currency|hash|in unit|odometer_unit|how often"
    r"|counted|money|service dates)\b"
)

SCHEMA = """
-- ---------------------- a heading

-- One row per thing,
-- and no more.
create table if not exists core.things (
    thing_id varchar not null,          -- what it is called
    inner struct(                       -- made of parts
        a int, b int
    ),
    weight_kg double,                   -- how heavy; a kilogram
                                        -- is a thousand grams
    -- Further columns.
    note varchar,
    primary key (thing_id)
);
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    settings = settings_in(tmp_path_factory.mktemp("words"))
    refresh(settings)
    publish_copy(settings)  # the second copy of a file that has its words: nothing may get lost on the way
    with duckdb.connect(str(settings.published_path.resolve()), read_only=True) as connection:
        yield connection


def test_nothing_that_is_published_is_without_a_comment(copy):
    silent = []
    for one in named(copy):
        if one.schema != "staging":
            silent += [one.title] * (not one.comment)
            silent += [f"{one.title}.{column}" for column, _, said in one.columns if not said]
    assert silent == []


def test_every_schema_is_described(copy):
    described = copy.execute(
        "select schema_name from marts.dictionary where kind = 'schema' and comment != ''"
    ).fetchall()
    schemas = copy.execute(
        "select schema_name from duckdb_schemas() where database_name = current_database() and not internal"
        " and schema_name != 'main'"
    ).fetchall()
    assert len(schemas) >= 6
    assert set(schemas) <= set(described)


def test_every_number_has_its_unit_in_its_name_or_in_its_comment(copy):
    bare = [
        f"{one.title}.{column}: {said}"
        for one in named(copy)
        if one.schema != "staging"
        for column, kind, said in one.columns
        if kind.startswith(NUMBERS)
        and not kind.endswith("[]")
        and not UNIT_IN_NAME.search(column)
        and not UNIT_IN_WORDS.search(said or "")
    ]
    assert bare == []


def test_a_comment_in_the_file_is_the_one_that_is_written(copy):
    words = {(one.title, column): said for one in named(copy) for column, _, said in one.columns}
    assert words["lake.positions", "speed_kmh"] == "speed, km/h"
    assert words["marts.vehicle_days", "pto_s"] == dictionary().column("marts.vehicle_days", "pto_s")
    assert words["us.vehicle_days", "drive_min"] == "driving, minutes"


def test_the_dictionary_can_be_searched(copy):
    found = copy.execute(
        "select schema_name || '.' || name from marts.dictionary where column_name = 'idle_share' and kind = 'column'"
    ).fetchall()
    assert ("marts.vehicle_days",) in found


def test_comments_that_are_there_are_not_written_again(tmp_path):
    with duckdb.connect() as connection:
        connection.execute("create schema core; create table core.drivers (driver_id varchar)")
        assert add_comments(connection) == 2
        assert add_comments(connection) == 0
        connection.execute("comment on column core.drivers.driver_id is 'other words'")
        assert add_comments(connection) == 1


def test_no_column_is_described_that_its_table_does_not_have(copy):
    columns = {one.title: {column for column, _, _ in one.columns} for one in named(copy)}
    assert [
        f"{title}.{column}"
        for title, entry in dictionary().entries.items()
        if columns.get(title)
        for column in entry.columns
        if column not in columns[title]
    ] == []


def test_comments_of_a_schema_stand_above_tables_and_behind_columns():
    entry = tables_of(SCHEMA)["core.things"]
    assert entry.comment == "One row per thing, and no more."
    assert entry.columns == {
        "thing_id": "what it is called",
        "inner": "made of parts",
        "weight_kg": "how heavy; a kilogram is a thousand grams",
    }


def test_a_column_takes_its_words_from_its_own_table_then_from_those_like_it_then_from_common():
    words = combined(
        SCHEMA,
        {
            "a.toml": "[common]\nnote = 'common'\nweight_kg = 'common'\nsize_m = 'common'",
            "b.toml": "['marts.heavy']\ncomment = 'x'\nlike = ['core.things']\ncolumns = { thing_id = 'own' }",
        },
    )
    found = [words.column("marts.heavy", name) for name in ("thing_id", "weight_kg", "note", "size_m", "colour")]
    assert found == ["own", "how heavy; a kilogram is a thousand grams", "common", "common", None]


def test_nothing_is_described_in_two_files():
    folder = files("warehouse") / "comments"
    said: dict[str, str] = {}
    for file in folder.iterdir():
        parsed = tomllib.loads(file.read_text(encoding="utf-8"))
        titles = [*parsed.keys() - {"common"}, *(f"[common] {name}" for name in parsed.get("common", {}))]
        assert [f"{title}: {said[title]}, {file.name}" for title in titles if title in said] == []
        said |= dict.fromkeys(titles, file.name)


def test_a_file_that_says_something_odd_is_refused():
    with pytest.raises(BadComment, match=r"a\.toml: x\.y has remark; there are comment, columns, like"):
        combined("", {"a.toml": "['x.y']\nremark = 'x'"})


def test_views_over_the_lake_stay_with_their_comments_until_they_read_otherwise(tmp_path):
    settings = settings_in(tmp_path)
    said = "select comment, contains(sql, 'Europe/Berlin') from duckdb_views() where view_name = 'positions'"
    with open_warehouse(settings.warehouse_path) as warehouse:
        attach_lake(warehouse, lake_tables(settings), settings.timezone)
        warehouse.execute("comment on view lake.positions is 'by hand'")
        attach_lake(warehouse, lake_tables(settings), settings.timezone)
        assert warehouse.execute(said).fetchall() == [("by hand", False)]
        attach_lake(warehouse, lake_tables(settings), "Europe/Berlin")
        assert warehouse.execute(said).fetchall() == [(None, True)]


def test_readers_stay_until_files_columns_or_owner_are_others(tmp_path):
    settings = settings_in(tmp_path)
    said = "select comment from duckdb_views() where view_name = 'read_positions'"
    first = lake_tables(settings)
    with open_warehouse(settings.warehouse_path) as warehouse:

        def stays(*given, **which):
            warehouse.execute("comment on view staging.read_positions is 'by hand'")
            attach_lake(warehouse, *given, settings.timezone, **which)  # which makes a view without a comment
            return warehouse.execute(said).fetchall() == [("by hand",)]

        attach_lake(warehouse, first, settings.timezone)
        assert stays(first)
        assert not stays(first, only_tenant="acme")
        assert not stays(first, only_tenant="birch")
        more = first["positions"].empty.with_columns(other=1)
        assert not stays({**first, "positions": first["positions"]._replace(empty=more)})
        assert not stays(first)
        warehouse.execute("drop view lake.positions")
        assert not stays(first)
        assert warehouse.execute("select count(*) from lake.positions").fetchall() == [(0,)]
