"""Exceptions are told once, with their evidence, as leads: fuel flags, legal idling, silent vans, held-back dates."""

import csv
import io
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from flows.report.exceptions import open_exceptions
from flows.report.exceptions_report import NothingNew
from flows.report.exceptions_words import words
from flows.report.kinds import KINDS, Asked
from flows.report.rendered import day_period
from flows.report.style import Style, UnknownLocale
from flows.report.units import METRIC
from flows.reporting import NotOfOneTenant, run_report
from tests.builders import settings_in
from tests.warehouse.core_rows import DAY, insert, local
from warehouse.definitions import listed_definitions, replace_definitions
from warehouse.fuel_rules import listed_rules, replace_rules

TODAY = DAY + timedelta(days=1)  # Friday 27 February 2026, under way
SINCE = TODAY - timedelta(days=3)
TENANT = "dax7"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    path = settings_in(tmp_path_factory.mktemp("exceptions")).warehouse_path
    with duckdb.connect(str(path)) as copy:
        replace_rules(copy, listed_rules())
        replace_definitions(copy, listed_definitions())
        _fuel(copy)
        _idling(copy)
        _vans(copy)
        for day, found in ((DAY - timedelta(days=1), "07:00"), (DAY - timedelta(days=20), "07:00")):
            insert(
                copy, "core.held_back", tenant_id=TENANT, service_date=day, check_name="time_adds_up",
                row_count=3, found_utc=local(found, day),
            )  # fmt: skip
        insert(copy, "core.checks", check_name="time_adds_up", severity="error", meaning="States add up to the span.")
        insert(copy, "core.tenants", tenant_id=TENANT, units="metric", locale="de-DE")
        insert(copy, "marts.fleet_days", tenant_id=TENANT, service_date=TODAY)
        insert(copy, "core.loads", tenant_id=TENANT, service_date=DAY, rebuilt_utc=local("08:10", TODAY))
    return path


def _fuel(copy):
    """Flags by purchase: id, rule, severity, state, date, raised on."""
    old = DAY - timedelta(days=12)
    for number, rule, severity, state, day, raised in (
        ("far", "F4", "high", "open", DAY, DAY),
        ("twice", "F8", "medium", "open", DAY, DAY),
        ("far", "F17", "medium", "open", DAY, DAY),
        ("cheap", "F14", "low", "open", DAY, DAY),
        ("asked", "F1", "high", "explained", DAY, DAY),
        ("late", "F1", "high", "open", old, DAY),
        ("known", "F1", "high", "open", old, old),
        ("ancient", "F1", "high", "open", DAY - timedelta(days=40), DAY),
        ("history", "F1", "high", "open", DAY - timedelta(days=25), DAY),  # of a date that is being loaded only now
    ):
        key = {"tenant_id": TENANT, "provider": "wex", "provider_txn_id": number, "item_no": 1}
        insert(
            copy, "marts.fuel_exceptions", **key, service_date=day, purchase_utc=local("10:05", day), vehicle_id="V12",
            rule_id=rule, severity=severity, state=state, cost="75.00" if rule == "F17" else "62.10", currency="USD",
            evidence="{}", explanation="The nearest fix of V12 was 4.2 mi away.",
        )  # fmt: skip
        insert(
            copy, "core.fuel_flag_history", **key, rule_id=rule, changed_utc=local("20:00", raised), change="opened",
            severity=severity, state="open", evidence="{}",
        )  # fmt: skip
        if rule == "F17":
            continue
        insert(
            copy, "marts.fuel_purchases", **key, service_date=day, ts_utc=local("10:05", day), vehicle_id="V12",
            site_name="Shell", city="Edison", state="NJ", quantity_l=68.1, net="62.10", currency="USD",
            zone="America/New_York", match_state="mismatch",
        )  # fmt: skip


def _idling(copy):
    """One run over two limits at a hand-off, one at a place that is not shown, one hardly over, and four weeks ago."""
    long_ago, earlier, history = (DAY - timedelta(days=days) for days in (9, 10, 25))
    for van, day, definition, place_m, limit_s, lasted_s in (
        ("V12", DAY, "legal_nj", 0, 180, 720),
        ("V12", DAY, "legal_ny", 0, 300, 720),
        ("V13", DAY, "legal_nj", 1000, 180, 720),
        ("V16", DAY, "legal_nj", 0, 180, 479),
        ("V14", long_ago, "legal_nj", 0, 180, 720),
        ("V15", earlier, "legal_nj", 0, 180, 720),
        ("V16", history, "legal_nj", 0, 180, 720),
    ):
        key = {"tenant_id": TENANT, "service_date": day, "vehicle_id": van}
        started, ended = local("11:00", day), local("11:12", day)
        insert(
            copy, "marts.legal_idle_events", **key, definition_id=definition, jurisdiction="us-nj", started_utc=started,
            ended_utc=ended, duration_s=float(lasted_s), limit_s=float(limit_s), excess_s=float(lasted_s - limit_s),
        )  # fmt: skip
        if definition == "legal_nj":
            insert(
                copy, "core.ledger", **key, started_utc=started, ended_utc=ended, duration_us=720_000_000, state="idle",
                context="hand_off", latitude=40.51234, longitude=-74.41234, place_precision_m=place_m,
            )  # fmt: skip
    # V15's tracker sent a whole day ten days late; of `history` nothing was measured before.
    for van, day, revised in (
        ("V14", long_ago, long_ago),
        ("V01", earlier, earlier),
        ("V15", earlier, DAY),
        ("V16", history, DAY),
    ):
        insert(
            copy, "core.revisions", tenant_id=TENANT, service_date=day, vehicle_id=van, revision=2, changes="{}",
            revised_utc=local("23:00", revised),
        )  # fmt: skip


def _vans(copy):
    """V01 is heard every day up to this morning; the others fell silent, each in its own way."""
    for back in range(25):
        _heard(copy, "V01", TODAY - timedelta(days=back), "08:30" if back == 0 else "17:00")
    for van, last, clock, state, is_available in (
        ("V07", DAY - timedelta(days=1), "12:00", "off", True),  # planned on Thursday
        ("V08", DAY - timedelta(days=2), "12:00", "drive", True),  # fell silent while it ran
        ("V20", DAY - timedelta(days=2), "12:00", "off", True),  # in reserve: its tracker sleeps
        ("V21", DAY - timedelta(days=8), "12:00", "off", True),  # for more than a week
        ("V25", DAY - timedelta(days=8), "12:00", "off", False),  # in the workshop
        ("V26", DAY, "17:00", "off", True),  # heard yesterday
    ):
        _heard(copy, van, last, clock, state=state)
        for back in range((DAY - last).days):
            missed = DAY - timedelta(days=back)
            insert(
                copy, "marts.status_days", tenant_id=TENANT, service_date=missed, vehicle_id=van,
                is_available=is_available, fleet_status="non_communicating",
            )  # fmt: skip
    insert(copy, "core.planned_routes", tenant_id=TENANT, service_date=DAY, vehicle_id="V07", route_id="R202")


def _heard(copy, van, day, clock, *, state="drive"):
    last = local(clock, day)
    key = {"tenant_id": TENANT, "service_date": day, "vehicle_id": van}
    insert(
        copy, "core.vehicle_dates", **key, timezone="America/New_York", first_fix_utc=last - timedelta(hours=1),
        last_fix_utc=last,
    )  # fmt: skip
    insert(
        copy, "core.ledger", **key, started_utc=last - timedelta(hours=1), ended_utc=last, duration_us=3_600_000_000,
        state=state,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(published):
    with duckdb.connect(str(published), read_only=True) as copy:
        return open_exceptions(copy, TENANT, SINCE)


@pytest.fixture(scope="module")
def report(published):
    return KINDS["exceptions"].render(Asked(published, TENANT, day_period(TODAY)))


def ids(found, kind):
    return {row.exception_id for row in found if row.kind == kind}


def test_flags_of_weight_are_told_when_they_arise_whatever_their_date(found):
    assert ids(found, "fuel") == {
        "fuel:wex/far/1/F4",
        "fuel:wex/far/1/F17",
        "fuel:wex/twice/1/F8",
        "fuel:wex/late/1/F1",
    }


def test_a_run_is_told_once_by_the_limit_it_passed_by_most(found):
    started = f"{local('11:00'):%Y-%m-%dT%H:%M:%SZ}"
    late = f"{local('11:00', DAY - timedelta(days=10)):%Y-%m-%dT%H:%M:%SZ}"
    assert ids(found, "legal_idle") == {f"idle:V12/{started}", f"idle:V13/{started}", f"idle:V15/{late}"}
    run = next(row for row in found if row.exception_id == f"idle:V12/{started}")
    assert (run.title, run.duration_s, run.limit_s, run.context) == ("New Jersey", 720, 180, "hand_off")


def test_a_place_that_is_not_shown_exactly_is_not_in_the_mail(found, report):
    places = {row.vehicle_id: row.latitude for row in found if row.kind == "legal_idle"}
    assert places == {"V12": 40.51234, "V13": None, "V15": 40.51234}
    assert report.text.count("40.512") == 2  # and no more digits than tell the street
    assert "40.5123" not in report.html + report.text + report.attachments["exceptions-2026-02-27.csv"].decode()


def test_only_vans_that_are_missed_are_silent_and_by_the_date_it_began(found):
    silent = {row.vehicle_id: row for row in found if row.kind == "silent"}
    assert set(silent) == {"V07", "V08", "V21"}
    assert silent["V07"].exception_id == f"silent:V07/{DAY}"
    assert silent["V21"].service_date == DAY - timedelta(days=7)
    assert (silent["V07"].severity, silent["V07"].route_id) == ("high", "R202")


def test_on_a_day_that_is_not_over_nobody_is_missed_yet(published):
    """Before this morning's first fix nothing tells that Thursday is over."""
    with duckdb.connect(str(published)) as copy:
        copy.execute("begin")
        copy.execute("delete from core.vehicle_dates where service_date = $today", {"today": TODAY})
        silent = {row.vehicle_id for row in open_exceptions(copy, TENANT, SINCE) if row.kind == "silent"}
        copy.execute("rollback")
    assert silent == {"V08", "V21"}  # missed on Wednesday, too


def test_at_night_the_clock_tells_that_a_day_is_over(published):
    """At 06:00 no van has moved yet; before 05:00 what was sent last may be on its way."""
    with duckdb.connect(str(published)) as copy:
        copy.execute("begin")
        copy.execute("delete from core.vehicle_dates where service_date = $today", {"today": TODAY})
        silent = {
            clock: {
                row.exception_id: row.severity
                for row in open_exceptions(copy, TENANT, SINCE, at_utc=local(clock, TODAY).replace(tzinfo=UTC))
                if row.kind == "silent"
            }
            for clock in ("04:30", "06:00")
        }
        copy.execute("rollback")
    missed = f"silent:V07/{DAY}"
    assert missed not in silent["04:30"]
    assert silent["06:00"][missed] == "high"


def test_a_planned_day_that_was_missed_is_told_even_when_the_van_is_back(published):
    with duckdb.connect(str(published)) as copy:
        copy.execute("begin")
        for van in ("V07", "V08"):
            _heard(copy, van, TODAY, "08:40")
        silent = {row.vehicle_id: row for row in open_exceptions(copy, TENANT, SINCE) if row.kind == "silent"}
        later = open_exceptions(copy, TENANT, TODAY)
        copy.execute("rollback")
    assert set(silent) == {"V07", "V21"}  # V08 had nothing to do
    assert silent["V07"].exception_id == f"silent:V07/{DAY}"  # as it was while it was silent
    told = words([silent["V07"]], Style(), "America/New_York")
    assert told.sentence == "V07 was not heard on Thu 26 Feb, with a route planned."
    assert told.evidence == ("Last heard Wed 25 Feb 12:00. Heard again Fri 27 Feb 07:40. It was planned on R202.")
    assert "V07" not in {row.vehicle_id for row in later if row.kind == "silent"}


def test_nothing_is_told_of_dates_after_the_one_that_is_asked_for(published):
    """As if it were asked that evening: Thursday's purchases, runs and silences are not there."""
    wednesday = DAY - timedelta(days=1)
    with duckdb.connect(str(published), read_only=True) as copy:
        found = open_exceptions(copy, TENANT, wednesday - timedelta(days=3), until=wednesday, at_utc=datetime.now(UTC))
    assert found
    assert max(row.service_date for row in found) == wednesday
    assert ids(found, "fuel") == set()  # also of the purchase whose flag was raised on Thursday
    assert ids(found, "legal_idle") == set()
    assert ids(found, "silent") == {f"silent:V08/{wednesday}", f"silent:V21/{DAY - timedelta(days=7)}"}


def test_dates_held_back_lately_are_told(found):
    assert ids(found, "held_back") == {f"held:{DAY - timedelta(days=1)}"}


def test_nobody_elses_exceptions_are_told(published):
    with duckdb.connect(str(published), read_only=True) as copy:
        assert open_exceptions(copy, "buses", SINCE) == []


def test_the_subject_counts_and_names_the_gravest(report):
    assert report.subject == (
        "10 exceptions · V12 fuel: vehicle not at station · V12 fuel: over tank capacity · 8 more"
    )
    assert len(report.told) == 11


def test_flags_on_one_purchase_are_one_row_and_each_is_noted_as_told(report):
    text = " ".join(report.text.split())
    assert "(F4 vehicle not at station; F17 far from route) · $75.00 at stake" in text
    assert "18.0 gal for $62.10, Shell, Edison, NJ" in text
    assert "What is at stake is that of F17 and more than this purchase." in text
    assert {"fuel:wex/far/1/F4", "fuel:wex/far/1/F17"} <= set(report.told)


def test_what_was_told_is_left_out_and_nothing_is_no_mail(published, report):
    told = frozenset(report.told)
    one = next(told_id for told_id in report.told if told_id.startswith("silent:V07"))
    again = KINDS["exceptions"].render(Asked(published, TENANT, day_period(TODAY), told=told - {one}))
    assert again.told == (one,)
    assert again.subject == "1 exception · V07 silent since Thu 26 Feb"
    with pytest.raises(NothingNew, match="that was not told before"):
        KINDS["exceptions"].render(Asked(published, TENANT, day_period(TODAY), told=told))


def test_leads_are_worded_as_leads(report):
    text = " ".join(report.text.split())
    assert (
        "Possible idling over the limit: 12 min where 3 min are allowed New Jersey, at a hand-off, near 40.512 -74.412."
        in text
    )
    assert "New Jersey; fines as reported: $250, $500, $1,000." in text
    assert "A flag is a lead, not proof" in text
    assert "Last heard Wed 25 Feb 12:00. It was planned on R202." in text
    assert "violation" not in text


def test_amounts_and_dates_are_as_the_reader_writes_them(published):
    asked = Asked(published, TENANT, day_period(TODAY), Style(METRIC, "de_DE"))
    text = " ".join(KINDS["exceptions"].render(asked).text.split())
    for written in ("68,1 L", "62,10 $", "V12 · Do., 26. Feb. 10:05"):
        assert written in text


def test_a_mail_without_attachments_promises_none(published):
    report = KINDS["exceptions"].render(Asked(published, TENANT, day_period(TODAY), formats=frozenset({"html"})))
    assert "attached" not in report.text + report.html


def test_the_attachment_tells_amounts_apart_and_times_for_a_machine(report):
    found = csv.DictReader(io.StringIO(report.attachments["exceptions-2026-02-27.csv"].decode("utf-8-sig")))
    rows = {row["exception_id"]: row for row in found}
    flag = rows["fuel:wex/far/1/F17"]
    assert (flag["at_stake"], flag["amount"], flag["time_local"]) == ("75.0", "62.1", f"{DAY}T10:05")
    assert rows[f"silent:V07/{DAY}"]["time_local"] == ""


def test_a_command_writes_in_the_tenants_units_unless_others_are_said(published, tmp_path):
    settings = settings_in(tmp_path, mail_contact="data@dax7.example")
    settings.published_dir.mkdir(parents=True)
    settings.published_path.symlink_to(published)

    def written(**said):
        run_report(settings, "exceptions", day=TODAY, tenant=TENANT, send=False, out=tmp_path, **said)
        return " ".join((tmp_path / f"exceptions-{TENANT}-{TODAY}.txt").read_text().split())

    assert "68,1 L for 62,10 $" in written()
    asked = written(units="us", locale="en_US")
    assert "18.0 gal for $62.10" in asked
    assert "units or language of figures: data@dax7.example." in asked
    with pytest.raises(UnknownLocale):
        written(locale="de_XX_YY")


def test_a_report_about_all_tenants_is_not_of_one(tmp_path):
    with pytest.raises(NotOfOneTenant, match="leave out --tenant"):
        run_report(settings_in(tmp_path), "network", day=None, tenant=TENANT, send=False, out=None)
