"""The bench of questions: both sides answer, and the benchmark's own SQL gets wrong what docs/questions.md says."""

from datetime import datetime, timedelta

import duckdb
import pytest
from typer.testing import CliRunner

from flows.bench.queries.campaign import Row, Side, Size, run_campaign
from flows.bench.queries.printed import lines
from flows.bench.queries.questions import QUESTIONS, is_same, text_of
from flows.cli import app

NOON = datetime(2026, 2, 26, 12)


@pytest.mark.campaign
def test_a_small_fleet_answers_every_question_on_both_sides(tmp_path):
    told = []
    (outcome,) = run_campaign(tmp_path, [Size(8, 1)], 1, lambda *words: told.append(words))
    assert outcome.proof_holds
    assert [row.question.name for row in outcome.rows] == [question.name for question in QUESTIONS]
    assert len(QUESTIONS) == 13
    by_name = {row.question.name: row for row in outcome.rows}
    assert (by_name["last_location"].is_same, by_name["last_locations"].is_same) == (True, True)
    driven, bucketed = (side.figure for side in by_name["daily_driving"][2:4])
    assert 3 < driven < 5 < bucketed  # hand-offs of a minute or two vanish in ten minutes
    assert told[-1] == ("ask 8 vans, 1 days", 13, 13)
    shown = "\n".join(lines([outcome]))
    assert "| last_location | 1 |" in shown
    assert shown.endswith("holds: what must be equal is")
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


def test_an_answer_that_must_be_equal_and_is_not_fails():
    side = Side(1, 1, 1)
    assert is_same([("V1", 40.0)], [("V1", 40.0 + 1e-12)])
    assert not is_same([("V1", 40.0)], [("V1", 40.1)])
    assert not is_same([("V1",)], [])
    assert Row(QUESTIONS[0], 1, side, side._replace(p50_ms=3), is_same=False).ratio == 3


def test_a_size_is_vans_by_days():
    assert CliRunner().invoke(app, ["bench", "queries", "--size", "40"]).exit_code == 2


@pytest.fixture
def points():
    """Points of ten-second vans, each a list of (seconds, km/h): the benchmark's SQL asks them."""
    connection = duckdb.connect()

    def of(**vans: list[tuple[float, float]]) -> duckdb.DuckDBPyConnection:
        connection.execute(
            "create or replace table points (tenant_id varchar, vehicle_id varchar, at_utc timestamp,"
            " speed_kmh double, status int)"
        )
        for van, given in vans.items():
            connection.executemany(
                "insert into points values ('t', ?, ?, ?, 0)",
                [(van, NOON + timedelta(seconds=at_s), kmh) for at_s, kmh in given],
            )
        return connection

    return of


def every(seconds: float, first_s: float, until_s: float, kmh: float) -> list[tuple[float, float]]:
    return [(first_s + step * seconds, kmh) for step in range(round((until_s - first_s) / seconds))]


def asked(points: duckdb.DuckDBPyConnection, name: str, **given: object) -> list[tuple]:
    return sorted(points.execute(text_of("raw", name), given or None).fetchall())


def test_in_the_original_one_fix_stands_for_ten_minutes_and_a_burst_weighs_more(points):
    once = points(once=[(300, 0)], burst=every(60, 0, 540, 0) + every(1, 540, 600, 30))
    given = {"tenant": "t", "from_utc": NOON}
    assert asked(once, "stationary_vehicles", **given) == [("once",)]
    # Nine tenths of the time at a stand, and a mean of 26 km/h.


def test_in_the_original_five_minutes_in_every_ten_are_a_long_session(points):
    half = [point for begin in range(0, 14400, 600) for point in every(10, begin, begin + 300, 30)]
    given = {"tenant": "t", "from_utc": NOON}
    assert asked(points(half=half), "long_driving_sessions", **given) == [("half",)]


def test_in_the_original_hours_are_cut_to_whole_ones(points):
    assert asked(points(van=every(60, 0, 59 * 60, 30)), "daily_driving") == [("t", "van", 1)]
    assert asked(points(van=every(60, 0, 49 * 60, 30)), "daily_driving") == [("t", "van", 0)]


def test_in_the_original_the_first_and_the_last_session_are_lost_and_silence_is_driven_through(points):
    first_and_last = every(60, 0, 1200, 30) + every(60, 1200, 2400, 0) + every(60, 2400, 3600, 30)
    assert asked(points(van=first_and_last), "daily_driving_sessions") == [("van", NOON.replace(hour=0), None)]
    silent = every(60, 0, 600, 0) + every(60, 600, 1200, 30) + every(60, 11400, 12000, 0)
    assert asked(points(van=silent), "daily_driving_sessions")[0][2] == 180


def test_in_the_original_activity_counts_rows_where_it_means_ten_minutes(points):
    assert asked(points(slow=every(60, 0, 43200, 0)), "daily_activity")[0][2] == 720 // 144
    assert asked(points(fast=every(10, 0, 43200, 0)), "daily_activity")[0][2] == 4320 // 144


def test_in_the_original_nothing_ever_breaks_down(points):
    broken = points(van=every(60, 0, 3600, 30))
    broken.execute(
        "update points set status = case when at_utc < $half then 1 else 0 end", {"half": NOON.replace(minute=30)}
    )
    assert asked(broken, "breakdown_frequency") == []
