"""Every block of SQL in the cookbook and among the questions runs, and answers what the page says."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from examples.run import EXAMPLES, demo_in, difference
from tests.cookbook import BLOCK, PAGES, answer, demo_data

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The data are below `demo` in it."""
    return tmp_path_factory.mktemp("cookbook")


@pytest.fixture(scope="module")
def published(folder) -> Iterator[duckdb.DuckDBPyConnection]:
    """One copy for all questions."""
    with demo_data(folder / "demo") as connection:
        yield connection


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_the_answers_of_the_page_are_those_of_the_demo_data(published, page):
    blocks = BLOCK.findall(page.read_text())
    for query, printed in blocks:
        assert answer(published, query) == printed, f"{query}\nwrite the answers anew: python -m tests.cookbook"


@pytest.mark.parametrize("name", ["with_polars", "exports"])
def test_examples_that_need_nothing_else_print_what_they_should(published, folder, name):
    """The others need packages of their own: `make examples` runs them all."""
    assert difference(name, EXAMPLES[name], demo_in(folder)) == ""


def test_there_are_questions_enough_and_none_is_without_an_answer():
    cookbook, questions = (page.read_text() for page in PAGES)
    for page in (cookbook, questions):
        assert page.count("```sql") == len(BLOCK.findall(page))
    headings = [line for line in cookbook.splitlines() if line.startswith("### ")]
    assert len(headings) == len(set(headings)) == cookbook.count("```sql") >= 30


def test_the_last_place_and_level_are_those_of_the_newest_good_positions(published):
    """The view reads what the kernels kept; the lake has the points themselves."""
    places = published.sql(
        "select tenant_id, vehicle_id, arg_max(latitude, fix_utc), arg_max(longitude, fix_utc), max(fix_utc)"
        " from lake.positions where quality = 'good' and latitude is not null group by all order by all"
    ).fetchall()
    shown = "tenant_id, vehicle_id, latitude, longitude, placed_utc"
    assert published.sql(f"select {shown} from marts.last_locations order by all").fetchall() == places
    late = published.sql(
        "select count(*) filter (level_last_utc is null), count(*) filter ("
        " level_last_utc not between last_fix_utc - interval 30 minutes and last_fix_utc)"
        " from core.vehicle_dates where level_last_pct is not null"
    ).fetchall()
    assert late == [(0, 0)]
    assert published.sql("select count(level_last_utc) from core.vehicle_dates").fetchall()[0][0] > 0
