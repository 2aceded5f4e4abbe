"""Reports and mails are closed to others, and go when they are over their time unless a hold covers them."""

from datetime import date
from email.message import EmailMessage
from pathlib import Path

import duckdb
import pytest

from flows.post.mail import message, message_key
from flows.post.outbox import opened
from flows.privacy.old_reports import expire_reports
from flows.report.rendered import Report, day_period, month_period, week_period
from flows.report.save import save
from tests.builders import settings_in
from tests.post.delivering import deliver

TODAY = date(2026, 11, 21)
HELD, OLD, NEW = date(2026, 9, 1), date(2026, 9, 2), date(2026, 11, 20)


def report_of(tenant: str, day: date) -> Report:
    return Report("daily", tenant, day_period(day), "a day", "text", "<p>page</p>", {}, {"vans.csv": b"V1"})


def mail_of(report: Report) -> EmailMessage:
    return message(report, sender="a@example.org", recipient="b@example.org")


@pytest.fixture
def files(tmp_path):
    settings = settings_in(tmp_path)
    for tenant in ("t one", "t2"):
        for day in (HELD, OLD, NEW):
            save(report_of(tenant, day), settings.reports_dir)
            deliver([mail_of(report_of(tenant, day))], smtp_url=None, mail_dir=settings.mail_dir)
    return settings


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.iterdir() if path.is_file()}


def test_reports_are_for_a_group_and_mails_for_their_owner(files):
    assert (files.reports_dir.stat().st_mode & 0o777, modes(files.reports_dir)) == (0o750, {0o640})
    assert (files.mail_dir.stat().st_mode & 0o777, modes(files.mail_dir)) == (0o700, {0o600})


def test_what_is_over_its_time_goes_by_tenant_and_a_hold_keeps_its_date(files):
    left = files.reports_dir, files.mail_dir
    there = [path for folder in left for path in folder.iterdir()]
    with duckdb.connect() as warehouse:
        warehouse.execute(
            "create temp table cutoffs as select 't2' as tenant_id, 'reports' as data, date '2026-09-22' as before_date"
        )
        warehouse.execute(
            f"create temp table held as select 't one' as tenant_id, 'V1' as vehicle_id, date '{HELD}' as from_date,"
            f" date '{HELD}' as to_date"
        )
        due = [expire_reports(warehouse, files, TODAY, dry_run=dry_run) for dry_run in (True, False, True)]
    # A report is a page, a text and a table here, and its mail one file more.
    assert [(found.tenant_id, found.row_count, found.held_count) for found in due[0]] == [("t one", 4, 4), ("t2", 8, 0)]
    assert due[1] == due[0]
    assert [(found.tenant_id, found.row_count, found.held_count) for found in due[2]] == [("t one", 0, 4)]
    gone = {path.name for path in there} - {path.name for folder in left for path in folder.iterdir()}
    assert len(gone) == 12
    assert not [name for name in gone if str(NEW) in name or (str(HELD) in name and "t_one" in name)]
    assert (files.mail_dir / "sent.jsonl").exists()


def test_reports_of_weeks_and_months_and_mails_on_their_way_go_too(tmp_path):
    settings = settings_in(tmp_path)
    for kind, period in (("weekly", week_period(OLD)), ("monthly", month_period(HELD)), ("monthly", month_period(NEW))):
        report = report_of("t2", OLD)._replace(report=kind, period=period)
        save(report, settings.reports_dir)
        with opened(settings.mail_dir / "sent.jsonl") as outbox:
            outbox.put(message_key(report, "b@example.org"), mail_of(report).as_bytes(), "b@example.org")
    with duckdb.connect() as warehouse:
        warehouse.execute("create temp table cutoffs (tenant_id varchar, data varchar, before_date date)")
        warehouse.execute("insert into cutoffs values ('t2', 'reports', '2026-11-01')")
        warehouse.execute("create temp table held (tenant_id varchar, from_date date, to_date date)")
        expire_reports(warehouse, settings, TODAY, dry_run=False)
    left = [path.name for folder in (settings.reports_dir, settings.mail_dir / "outbox") for path in folder.iterdir()]
    assert len(left) == 4
    assert {name.split(".")[1] if name.endswith("eml") else name[11:18] for name in left} == {"2026-11"}
