"""What each definition of idling takes and leaves, and which reason it gives."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.refresh import refresh
from tests.builders import collected, empty_warehouse, golden_points, positions, published, settings_in, yesterday_at
from warehouse.connection import sql
from warehouse.definitions import listed_definitions, parsed, replace_definitions
from warehouse.idling import judge_day, lay_out_day, of_day
from warehouse.models import prepare_models

DAY = date(2026, 2, 26)
START = datetime(2026, 2, 26, 14)
MARTS = ("vehicle_days", "idle_events", "idle_by_definition", "legal_idle_events")
LEGAL = [definition for definition in listed_definitions() if definition.kind == "legal"]
RUN_RULES = {
    definition.definition_id
    for definition in listed_definitions()
    if definition.kind == "operational" and definition.measured_on == "idle_runs"
}


class Part(NamedTuple):
    """A row of the ledger to be: so many seconds of a state."""

    seconds: float
    state: str
    context: str = "other"
    is_pto: bool = False
    is_full_quality: bool = True
    jurisdictions: tuple[str, ...] = ()
    latitude: float | None = 40.7
    route_id: str | None = None


def idle(seconds: float, **more: Any) -> Part:
    return Part(seconds, "idle", **more)


DRIVE = Part(60, "drive", "drive")
GOLDEN = [Part(60, "off"), idle(120), DRIVE, idle(240), DRIVE, Part(460, "unknown"), idle(180), Part(120, "off")]


@pytest.fixture(scope="module")
def prepared():
    with empty_warehouse() as connection:
        yield connection


@pytest.fixture
def warehouse(prepared):
    prepared.execute("begin")
    yield prepared
    prepared.execute("rollback")


def add_van(
    connection: duckdb.DuckDBPyConnection,
    parts: Iterable[Part],
    vehicle_id: str = "V12",
    *,
    fuel_type: str | None = "diesel",
    gvwr_lb: float | None = 16_000,
    median_interval_s: float = 10,
) -> None:
    """Put a vehicle-date of consecutive ledger rows into core, with the van it is of."""
    rows, at, before = [], START, None
    for part in parts:
        ended = at + timedelta(seconds=part.seconds)
        rows.append(
            {
                "tenant_id": "t1",
                "vehicle_id": vehicle_id,
                "service_date": DAY,
                "started_utc": at,
                "ended_utc": ended,
                "duration_us": (ended - at) // timedelta(microseconds=1),
                "phase": "none",
                "is_continued": part.state == before,
                "distance_m": 0.0,
                "longitude": None if part.latitude is None else -74.0,
            }
            | {name: value for name, value in part._asdict().items() if name != "seconds"}
        )
        at, before = ended, part.state
    lists = {"jurisdictions": pl.List(pl.String), "latitude": pl.Float64, "longitude": pl.Float64}
    ledger = pl.DataFrame(rows, schema_overrides=lists | {"route_id": pl.String})
    assert ledger.height
    connection.execute("insert into core.ledger by name select * from ledger order by random()")
    connection.execute(
        "insert into core.vehicle_dates by name select 't1' as tenant_id, $day as service_date, $van as vehicle_id,"
        " 'UTC' as timezone, $first as first_fix_utc, $last as last_fix_utc, $interval_s as median_interval_s,"
        " 0 as received_count, 0 as accepted_count, 0 as duplicate_count, 0 as conflict_count,"
        " 0 as low_quality_count, 0 as jump_count, 0 as distance_m, 'none' as distance_source, [] as quality_flags",
        {"day": DAY, "van": vehicle_id, "first": START, "last": at, "interval_s": median_interval_s},
    )
    connection.execute(
        "insert into core.vehicles by name"
        " select 't1' as tenant_id, $van as vehicle_id, $fuel as fuel_type, $gvwr as gvwr_lb",
        {"van": vehicle_id, "fuel": fuel_type, "gvwr": gvwr_lb},
    )


def define(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """Let a definition of our own be the only one: its keys but for wording and source."""
    heading, keys = text.split("]", 1)
    replace_definitions(connection, parsed(f'{heading}]\nwording = "w"\nsource = "s"\n{keys}'))


def verdicts(connection: duckdb.DuckDBPyConnection, definition_id: str) -> list[tuple[str, float, str]]:
    """Verdict, counted seconds and reason of each run, in order."""
    return connection.execute(
        "select verdict, counted_us / 1e6, reason from core.idle_verdicts($day) where definition_id = $id"
        " order by vehicle_id, started_utc",
        {"day": DAY, "id": definition_id},
    ).fetchall()


def totals(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, float]]:
    """Events and counted seconds under each definition."""
    rows = connection.execute(
        "select definition_id, count(*) filter (verdict = 'taken'), sum(counted_us) / 1e6"
        " from core.idle_verdicts($day) group by all",
        {"day": DAY},
    ).fetchall()
    return {name: (events, seconds) for name, events, seconds in rows}


def build(connection: duckdb.DuckDBPyConnection) -> None:
    lay_out_day(connection, DAY)
    judge_day(connection, DAY)
    for name in MARTS:
        connection.execute(f"insert into marts.{name} by name {of_day(sql(f'marts/{name}.sql'))}", {"day": DAY})


@pytest.mark.parametrize(
    ("threshold_s", "events", "full_s", "beyond_s"),
    [(120, 3, 540, 180), (121, 2, 420, 178), (180, 2, 420, 60), (300, 0, 0, 0)],
)
def test_the_golden_trace_at_each_threshold(warehouse, threshold_s, events, full_s, beyond_s):
    add_van(warehouse, GOLDEN)
    define(warehouse, f"[operational.full]\nthreshold_s = {threshold_s}")
    assert totals(warehouse) == {"full": (events, full_s)}
    define(warehouse, f"[operational.beyond]\nthreshold_s = {threshold_s}\ncounts_first = false")
    assert totals(warehouse) == {"beyond": (events, beyond_s)}


def test_the_golden_trace_under_every_operational_definition(warehouse):
    add_van(warehouse, GOLDEN)
    found = {name: total for name, total in totals(warehouse).items() if not name.startswith("legal_")}
    assert found == {
        "every_second": (3, 540),
        "odograph": (3, 540),
        "greenroad": (3, 540),
        "gpsgate": (3, 540),
        "smartrak": (3, 180),
        "white_label": (2, 60),
        "geotab": (1, 240),
        "geotab_altitude": (1, 40),
        "digital_matter": (0, 0),
        "verizon": (0, 0),
        "azuga": (0, 0),
        "colorado": (0, 0),
        "samsara": (0, 0),
    }


@pytest.mark.parametrize(
    ("seconds", "taken"),
    [
        (119, {"every_second"}),
        (120, {"odograph", "greenroad", "gpsgate", "smartrak"}),
        (179, set()),
        (180, {"white_label"}),
        (199, set()),
        (200, {"geotab", "geotab_altitude"}),
        (299, set()),
        (300, {"digital_matter", "verizon"}),
        (599, set()),
        (600, {"azuga", "colorado"}),
    ],
)
def test_a_run_of_just_the_threshold_is_taken_and_one_shorter_by_a_second_is_not(warehouse, seconds, taken):
    add_van(warehouse, [DRIVE, idle(seconds), DRIVE])
    found = {name for name, (events, _) in totals(warehouse).items() if events} & RUN_RULES
    shorter = {"every_second"}
    for at, names in [(120, ("odograph", "greenroad", "gpsgate", "smartrak")), (180, ("white_label",)),
                      (200, ("geotab", "geotab_altitude")), (300, ("digital_matter", "verizon"))]:  # fmt: skip
        shorter |= set(names) if at < seconds else set()
    assert found == shorter | taken


def test_nine_minutes_are_reported_as_six_where_the_first_three_do_not_count(warehouse):
    add_van(warehouse, [DRIVE, idle(540), DRIVE])
    assert verdicts(warehouse, "white_label") == [("taken", 360, "at least 180 s, the time up to it not counted")]
    assert verdicts(warehouse, "smartrak")[0][1] == 420
    assert verdicts(warehouse, "gpsgate") == [("taken", 540, "at least 120 s")]
    assert verdicts(warehouse, "azuga") == [("left", 0, "shorter than 600 s")]


def test_power_take_off_suppresses_where_the_rule_knows_it_and_ends_a_run_there(warehouse):
    # 100 + 400 + 250 s of one stretch: a vendor that does not know power take-off sees 750 s.
    add_van(warehouse, [DRIVE, idle(100), idle(400, is_pto=True), idle(250), DRIVE])
    assert verdicts(warehouse, "azuga") == [("taken", 750, "at least 600 s")]
    assert verdicts(warehouse, "odograph") == [
        ("left", 0, "shorter than 120 s"),
        ("left", 0, "power take-off was on"),
        ("taken", 250, "at least 120 s"),
    ]
    assert verdicts(warehouse, "verizon") == [
        ("left", 0, "shorter than 300 s"),
        ("left", 0, "power take-off was on"),
        ("left", 0, "shorter than 300 s"),
    ]
    assert verdicts(warehouse, "digital_matter") == [("taken", 750, "at least 300 s")]


def test_power_take_off_is_idle_time_but_no_idle_event_and_no_excess_idle(warehouse):
    on_route = {"route_id": "R1"}
    add_van(warehouse, [DRIVE, idle(100, **on_route), idle(400, is_pto=True, **on_route), idle(250, **on_route), DRIVE])
    warehouse.execute(
        "insert into core.route_phases by name select 't1' as tenant_id, $day as service_date, 'R1' as route_id,"
        " 'V12' as vehicle_id, false as is_planned, 0 as served_stop_count, [] as quality_flags",
        {"day": DAY},
    )
    build(warehouse)
    warehouse.execute(f"insert into marts.route_days by name {sql('marts/route_days.sql')}", {"day": DAY})
    assert warehouse.sql("select idle_s, excess_idle_s from marts.route_days").fetchall() == [(750, 250)]
    day = warehouse.sql("select idle_s, pto_s, excess_idle_s, idle_event_count from marts.vehicle_days").fetchall()
    assert day == [(750, 400, 250, 1)]
    events = warehouse.sql("select duration_s, definition_id, definition_version from marts.idle_events").fetchall()
    version = next(found.version for found in listed_definitions() if found.definition_id == "odograph")
    assert events == [(250, "odograph", version)]


def test_verizon_waits_for_two_reporting_intervals(warehouse):
    add_van(warehouse, [DRIVE, idle(400), DRIVE], median_interval_s=240)
    assert verdicts(warehouse, "verizon") == [("left", 0, "shorter than 480 s")]
    assert verdicts(warehouse, "digital_matter")[0][0] == "taken"


def test_samsara_counts_the_idle_part_of_long_stands_and_of_shorter_ones_at_known_places(warehouse):
    add_van(warehouse, [DRIVE, idle(100), Part(500, "off"), DRIVE, idle(590), DRIVE, idle(120, context="depot"), DRIVE])
    assert verdicts(warehouse, "samsara") == [
        ("taken", 100, "at least 600 s of standing, 100 s of it idle"),
        ("left", 0, "shorter than 600 s"),
        ("taken", 120, "at least 120 s of standing, 120 s of it idle"),
    ]
    assert totals(warehouse)["azuga"] == (0, 0)


def test_a_stand_without_idling_is_no_row_and_unknown_time_ends_a_stand(warehouse):
    add_van(warehouse, [DRIVE, Part(900, "off"), DRIVE, idle(300), Part(600, "unknown"), idle(300), DRIVE])
    assert [row[0] for row in verdicts(warehouse, "samsara")] == ["left", "left"]


def test_a_definition_may_leave_out_the_depot_before_the_planned_exit(warehouse):
    parts = [idle(200, context="depot", route_id="R1"), DRIVE, idle(200, context="depot", route_id="R1"), DRIVE]
    add_van(warehouse, [*parts, idle(200, context="hand_off", route_id="R1")])
    warehouse.execute(
        "insert into core.planned_routes by name select 't1' as tenant_id, 'D' as depot_id, $day as service_date,"
        " 'R1' as route_id, 'V12' as vehicle_id, 'primary' as role, $exit as planned_exit_utc",
        {"day": DAY, "exit": START + timedelta(seconds=230)},
    )
    define(warehouse, "[operational.own]\nthreshold_s = 120\nignored_contexts = ['depot_before_exit']")
    assert verdicts(warehouse, "own") == [
        ("left", 0, "at the depot before the planned exit"),
        ("taken", 200, "at least 120 s"),
        ("taken", 200, "at least 120 s"),
    ]


@pytest.mark.parametrize("law", LEGAL, ids=lambda law: law.definition_id)
def test_a_legal_limit_is_kept_by_a_run_of_just_that_long_and_passed_a_microsecond_later(warehouse, law):
    fuel = law.fuels[-1] if law.fuels else "gasoline"
    gvwr_lb = (law.min_gvwr_lb or 0) + 1
    for van, seconds in (("V1", law.threshold_s), ("V2", law.threshold_s + 1e-6)):
        run = idle(seconds, jurisdictions=(law.jurisdiction,))
        add_van(warehouse, [DRIVE, run, DRIVE], van, fuel_type=fuel, gvwr_lb=gvwr_lb)
    at_limit, over = verdicts(warehouse, law.definition_id)
    assert (at_limit[0], over[0]) == ("left", "taken")
    assert over[1] == pytest.approx(law.threshold_s)
    build(warehouse)
    events = warehouse.execute(
        "select vehicle_id, jurisdiction, limit_s, round(excess_s * 1e6), wording from marts.legal_idle_events"
        " where definition_id = $id",
        {"id": law.definition_id},
    ).fetchall()
    assert [event[:4] for event in events] == [("V2", law.jurisdiction, law.threshold_s, 1)]
    assert events[0][4].startswith(f"Possible idling over the limit of {law.place}: ")


@pytest.mark.parametrize(
    ("van", "run", "definition_id", "reason", "applies"),
    [
        ({"gvwr_lb": 8000}, {}, "legal_ny", "GVWR 8,000 lb is not above 8,500 lb", False),
        ({"gvwr_lb": 8500}, {}, "legal_ny", "GVWR 8,500 lb is not above 8,500 lb", False),
        ({"gvwr_lb": None}, {}, "legal_ny", "longer than 300 s, but the GVWR of the van is not known", None),
        ({"gvwr_lb": None}, {}, "legal_nyc", "longer than 180 s", True),
        ({"fuel_type": None}, {}, "legal_nyc", "longer than 180 s, but the fuel of the van is not known", None),
        (
            {"fuel_type": None},
            {"jurisdictions": ("us-nj",)},
            "legal_nj",
            "longer than 180 s, but the fuel of the van is not known",
            None,
        ),
        (
            {"fuel_type": "hybrid"},
            {"jurisdictions": ("us-nj",)},
            "legal_nj",
            "longer than 180 s, but the fuel of the van, hybrid, is not known",
            None,
        ),
        ({"fuel_type": "hybrid", "gvwr_lb": 8000}, {}, "legal_ny", "GVWR 8,000 lb is not above 8,500 lb", False),
        ({"fuel_type": "Petrol"}, {"jurisdictions": ("us-nj",)}, "legal_nj", "longer than 180 s", True),
        ({"fuel_type": " diesel  (B5) "}, {"jurisdictions": ("us-ca",)}, "legal_ca", "longer than 300 s", True),
        ({"fuel_type": "LPG"}, {"jurisdictions": ("us-nj",)}, "legal_nj", "not for vans that burn lpg", False),
        ({"fuel_type": "LPG"}, {}, "legal_nyc", "longer than 180 s", True),
        ({"fuel_type": "Electric"}, {}, "legal_nyc", "the van is electric", False),
        (
            {"fuel_type": "Gas"},
            {"jurisdictions": ("us-ca",)},
            "legal_ca",
            "not for vans that burn gasoline",
            False,
        ),
        ({}, {"jurisdictions": ("us-ca",)}, "legal_ca", "longer than 300 s", True),
        ({}, {}, "legal_nj", "not in New Jersey, or too near its border to say", False),
        (
            {},
            {"jurisdictions": (), "latitude": None},
            "legal_nj",
            "longer than 180 s, but the place is not known",
            None,
        ),
        ({}, {"is_full_quality": False}, "legal_nyc", "not every fix in it is good to 50 m", True),
        ({}, {"context": "traffic"}, "legal_ny", "standing in traffic", True),
        ({}, {"context": "traffic"}, "legal_nyc", "longer than 180 s", True),
        ({}, {"is_pto": True}, "legal_nyc", "power take-off was on", True),
        ({}, {"is_pto": True, "jurisdictions": ("us-ct",)}, "legal_ct", "longer than 180 s", True),
        ({}, {"context": "depot", "jurisdictions": ("us-vt",)}, "legal_vt", "at the depot", True),
    ],
)
def test_where_a_law_does_not_hold_or_something_is_missing_it_takes_nothing_and_says_why(
    warehouse, van, run, definition_id, reason, applies
):
    add_van(warehouse, [DRIVE, idle(1000, **{"jurisdictions": ("us-ny", "us-ny-nyc")} | run), DRIVE], **van)
    taken = reason.startswith("longer than") and "but" not in reason
    assert verdicts(warehouse, definition_id) == [("taken" if taken else "left", 1000 if taken else 0, reason)]
    build(warehouse)
    row = warehouse.execute(
        "select applies, idle_s, event_count from marts.idle_by_definition where definition_id = $id",
        {"id": definition_id},
    ).fetchall()
    assert row == [(applies, 1000 if taken else 0, int(taken))]


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ("gasoline", "gasoline|Gas|PETROL|unleaded|Regular Unleaded|gasoline - E10|e10|Unleaded 95"),
        ("diesel", "diesel|Diesel B5|diesel-b20|B7|ULSD|ULSD #2|Diesel No. 2|diesel fuel"),
        ("diesel_step_van", "diesel_step_van|Diesel Step Van"),
        ("e85", "e85|E-85|Ethanol (E85)"),
        ("electric", "electric|BEV| ev |Battery-Electric|electricity"),
        ("cng", "CNG|natural gas|compressed natural gas"),
        ("lpg", "LPG|Propane"),
        (None, "hybrid|PHEV|gasoline/electric|flex fuel|dieselgas|steam||B100|gas natural|unknown|E100"),
    ],
)
def test_a_fuel_is_known_by_many_words_and_a_mixture_is_not(warehouse, known, words):
    listed = words.split("|")
    found = warehouse.execute("select core.known_fuel(word) from unnest($words) as words (word)", {"words": listed})
    assert dict(zip(listed, (row[0] for row in found.fetchall()), strict=True)) == dict.fromkeys(listed, known)
    assert warehouse.execute("select core.known_fuel(null)").fetchall() == [(None,)]


def test_a_law_holds_from_its_first_day_until_the_day_before_its_last(warehouse):
    add_van(warehouse, [DRIVE, idle(400, jurisdictions=("x",)), DRIVE])
    law = "[legal.own]\nthreshold_s = 60\njurisdiction = 'x'\nplace = 'X'\n"
    for dates, verdict in [
        ("valid_from = 2026-02-26", "taken"),
        ("valid_from = 2026-02-27", "left"),
        ("valid_to = 2026-02-26", "left"),
        ("valid_to = 2026-02-27", "taken"),
    ]:
        define(warehouse, law + dates)
        assert verdicts(warehouse, "own")[0][0] == verdict, dates
    define(warehouse, law + "valid_from = 2026-02-27")
    assert verdicts(warehouse, "own") == [("left", 0, "not in force on 2026-02-26")]


def test_movement_and_silence_end_what_a_law_measures(warehouse):
    here = {"jurisdictions": ("us-ny-nyc",)}
    moved = [idle(170, **here), Part(1, "drive", "drive"), idle(170, **here)]
    silent = [DRIVE, idle(170, **here), Part(301, "unknown"), idle(170, **here)]
    add_van(warehouse, [*moved, *silent])
    assert [row[0] for row in verdicts(warehouse, "legal_nyc")] == ["left"] * 4


def test_a_run_of_several_contexts_is_one_run_and_doubtful_if_any_part_is(warehouse):
    here = {"jurisdictions": ("us-ny-nyc",)}
    add_van(warehouse, [DRIVE, idle(100, context="hand_off", **here), idle(100, **here), DRIVE])
    doubtful = [idle(100, **here), idle(100, is_full_quality=False, **here)]
    add_van(warehouse, [DRIVE, *doubtful, DRIVE], "V13")
    assert verdicts(warehouse, "legal_nyc") == [
        ("taken", 200, "longer than 180 s"),
        ("left", 0, "not every fix in it is good to 50 m"),
    ]


@pytest.mark.parametrize(
    ("second_starts_s", "expected"),
    [
        (1800, [("left", 0, "200 s of idling within 60 min does not exceed 300 s"),
                ("taken", 150, "350 s of idling within 60 min is more than 300 s")]),
        (3700, [("left", 0, "200 s of idling within 60 min does not exceed 300 s"),
                ("left", 0, "150 s of idling within 60 min does not exceed 300 s")]),
    ],
)  # fmt: skip
def test_two_short_runs_break_a_limit_within_an_hour_only_if_the_hour_holds_both(warehouse, second_starts_s, expected):
    here = {"jurisdictions": ("us-vt",)}
    add_van(warehouse, [idle(200, **here), Part(second_starts_s - 200, "drive"), idle(150, **here), DRIVE])
    assert verdicts(warehouse, "legal_vt") == expected
    build(warehouse)
    events = warehouse.sql("select duration_s, limit_s, excess_s, window_s from marts.legal_idle_events").fetchall()
    assert events == ([(350, 300, 50, 3600)] if second_starts_s == 1800 else [])


def test_idling_elsewhere_is_not_added_to_the_window_of_a_law(warehouse):
    here, there = {"jurisdictions": ("us-vt",)}, {"jurisdictions": ("us-ny",)}
    add_van(warehouse, [idle(200, **there), DRIVE, idle(200, **here), DRIVE])
    assert [row[0] for row in verdicts(warehouse, "legal_vt")] == ["left", "left"]
    assert verdicts(warehouse, "legal_vt")[1][2] == "200 s of idling within 60 min does not exceed 300 s"


WINDOW_S, LIMIT_S = 60, 30
traces = st.lists(
    st.tuples(st.integers(1, 45), st.integers(1, 70), st.sampled_from(["good", "good", "poor"])), max_size=7
)


def runs_over_the_limit(trace) -> list[bool]:
    """The obvious twin: look at every second, and at the idle seconds of the minute that ends there."""
    idle_seconds, spans, at_s = set(), [], 0
    for idle_s, drive_s, quality in trace:
        spans.append((at_s, at_s + idle_s, quality))
        idle_seconds |= set(range(at_s, at_s + idle_s)) if quality == "good" else set()
        at_s += idle_s + drive_s
    return [
        quality == "good"
        and any(
            len(idle_seconds & set(range(end_s - WINDOW_S, end_s))) > LIMIT_S
            for end_s in range(started_s + 1, ended_s + 1)
        )
        for started_s, ended_s, quality in spans
    ]


@given(st.lists(traces, min_size=1, max_size=8))
@settings(deadline=None, max_examples=25)
def test_rolling_windows_agree_with_looking_at_every_second(prepared, vans):
    prepared.execute("begin")
    try:
        law = f"[legal.own]\nthreshold_s = {LIMIT_S}\nwindow_s = {WINDOW_S}\njurisdiction = 'x'\nplace = 'X'"
        define(prepared, law)
        for number, trace in enumerate(vans):
            parts = [DRIVE]
            for idle_s, drive_s, quality in trace:
                parts.append(idle(idle_s, jurisdictions=("x",), is_full_quality=quality == "good"))
                parts.append(Part(drive_s, "drive", "drive"))
            add_van(prepared, parts, f"V{number}")
        found = [row[0] == "taken" for row in verdicts(prepared, "own")]
    finally:
        prepared.execute("rollback")
    assert found == [over for trace in vans for over in runs_over_the_limit(trace)]


def test_the_mart_is_the_sum_of_the_verdicts_and_the_check_notices_where_it_is_not(warehouse):
    add_van(warehouse, GOLDEN)
    add_van(warehouse, [DRIVE, idle(700, jurisdictions=("us-ny", "us-ny-nyc")), DRIVE], "V13", gvwr_lb=None)
    add_van(warehouse, [Part(600, "off")], "V14")
    build(warehouse)
    rows = warehouse.sql(
        "select definition_id, sum(event_count), sum(idle_s) from marts.idle_by_definition group by all"
    ).fetchall()
    assert {name: (events, seconds) for name, events, seconds in rows} == totals(warehouse)
    assert warehouse.sql("from marts.idle_by_definition").shape[0] == 3 * len(listed_definitions())
    asleep = warehouse.sql(
        "select distinct starts_with(definition_id, 'legal_'), applies, idle_s from marts.idle_by_definition"
        " where vehicle_id = 'V14' order by 1"
    ).fetchall()
    assert asleep == [(False, True, 0), (True, False, 0)]

    check = sql("checks/definitions_agree_with_the_day.sql")
    assert warehouse.execute(check, {"day": DAY}).fetchall() == []
    warehouse.execute("update marts.vehicle_days set idle_s = idle_s + 1 where vehicle_id = 'V12'")
    warehouse.execute("update marts.vehicle_days set excess_idle_s = 0 where vehicle_id = 'V13'")
    broken = {(row[2], row[3]) for row in warehouse.execute(check, {"day": DAY}).fetchall()}
    assert broken == {("V12", "every_second"), ("V13", "odograph")}


def test_what_a_law_would_count_elsewhere_stands_beside_what_it_counts(warehouse):
    add_van(warehouse, [DRIVE, idle(400), DRIVE, idle(100), DRIVE])
    build(warehouse)
    found = warehouse.sql(
        "select applies, idle_s, event_count, if_applied_s, if_applied_event_count"
        " from marts.idle_by_definition where definition_id in ('legal_nyc', 'legal_vt')"
    ).fetchall()
    # Vermont adds both runs up within the hour: the second is over its limit as well.
    assert sorted(found) == [(False, 0, 0, 400, 1), (False, 0, 0, 500, 2)]


def test_nothing_says_that_a_law_was_broken(warehouse):
    here = {"jurisdictions": tuple(sorted(law.jurisdiction for law in LEGAL))}
    add_van(warehouse, [DRIVE, idle(4000, **here), DRIVE])
    build(warehouse)
    said = [str(definition) for definition in listed_definitions()]
    said += [row[0] for row in warehouse.sql("select wording from marts.legal_idle_events").fetchall()]
    assert len(said) == len(listed_definitions()) + len(LEGAL)
    assert [words for words in said if re.search("violat|illegal|offen[cs]e", words, re.IGNORECASE)] == []


def test_the_published_copy_answers_which_rule_took_which_run(tmp_path):
    line = settings_in(tmp_path)
    collected(line, [positions(golden_points(yesterday_at(15)))])
    refresh(line)
    day = published(line, "select service_date from marts.vehicle_days").item()
    found = published(
        line,
        f"select definition_id, sum(counted_us) / 1e6 as idle_s from core.idle_verdicts(date '{day}')"
        " group by all order by 1",
    )
    assert found.equals(published(line, "select definition_id, idle_s from marts.idle_by_definition order by 1"))
    assert dict(found.iter_rows())["geotab_altitude"] == 40


def test_definitions_and_macros_of_another_version_are_replaced_and_equal_ones_left():
    with empty_warehouse() as connection:
        connection.execute("create or replace macro core.idle_event_s() as 1; delete from marts.definitions")
        state = "select core.idle_event_s(), (select count(*) from marts.definitions)"
        prepare_models(connection)
        assert connection.sql(state).fetchall() == [(1, 0)]
        connection.execute("update core.models_stamp set digest = 'of an older version'")
        prepare_models(connection)
        assert connection.sql(state).fetchall() == [(120, len(listed_definitions()))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[operational.own]\nwording = 'w'\nsource = 's'\nthreshold_s = 1\nthreshold_m = 2",
            "own: unknown threshold_m",
        ),
        ("[operational.own]\nwording = 'w'\nthreshold_s = 1", "own: missing source"),
        ("[civil.own]\nthreshold_s = 1", "civil: expected one of operational, legal"),
        ("[operational.own]\nwording = 'w'\nsource = 's'\nthreshold_s = 1\nbound = 'about'", "own: bound='about'"),
        (
            "[operational.own]\nwording = 'w'\nsource = 's'\nthreshold_s = 1\nignored_contexts = ['yard']",
            "own: ignored_contexts has yard; there are traffic, ",
        ),
        ("[legal.own]\nwording = 'w'\nsource = 's'\nthreshold_s = 1", "own: a legal definition has a jurisdiction"),
    ],
)
def test_a_definition_that_cannot_be_read_is_named_with_what_is_wrong(text, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        parsed(text)


def test_the_page_lists_every_definition_as_it_is():
    page = (Path(__file__).parents[2] / "docs" / "definitions.md").read_text()
    expected = [
        f"| `{law.definition_id}` | {law.version} | {law.wording} | {law.exceptions_note or '-'} | {law.source} |"
        for law in listed_definitions()
    ]
    listed = [line for line in page.splitlines() if re.match(r"\| `\w+` \| \d+ \|", line)]
    assert listed == expected, "\n".join(expected)
