"""Recipients: what the file says, who gets whose report, and what is said of a file that does not fit."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from flows.post.recipients import PublishedTenant, Recipient, RecipientsError, read_tenants, recipients
from flows.post.recipients_file import read_entries
from flows.post.schedules import cron_of, next_utc
from flows.post.states import Event, opened_events
from flows.report.kinds import KINDS
from flows.settings import Settings

ROOT = Path(__file__).parents[2]
NORTHWIND = PublishedTenant("northwind", "America/Chicago", "us", "en-US")
NORDWIND = PublishedTenant("nordwind", "Europe/Berlin", "metric", "de-DE")


def listed(folder: Path, text: str, *, tenants=(NORTHWIND, NORDWIND), **given) -> list[Recipient]:
    (folder / "recipients.toml").write_text(text)
    settings = Settings(_env_file=None, data_dir=folder, **given)
    return recipients(settings, tenants)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(RecipientsError) as raised:
        listed(folder, text)
    return [problem.removeprefix(f"{folder / 'recipients.toml'}: ") for problem in raised.value.problems]


def test_each_report_and_tenant_is_a_recipient_who_reads_as_the_tenant_does(tmp_path):
    found = listed(
        tmp_path,
        """
        [defaults]
        schedule = "05:30"
        [[recipient]]
        address = "Owner <Owner@Northwind.example>"
        report = ["daily", "weekly"]
        tenant = ["northwind", "nordwind"]
        """,
    )
    assert [(one.about, one.cron, one.timezone, one.units, one.locale) for one in found] == [
        ("daily of northwind", "30 5 * * *", "America/Chicago", "us", "en_US"),
        ("daily of nordwind", "30 5 * * *", "Europe/Berlin", "metric", "de_DE"),
        ("weekly of northwind", "30 5 * * 1", "America/Chicago", "us", "en_US"),
        ("weekly of nordwind", "30 5 * * 1", "Europe/Berlin", "metric", "de_DE"),
    ]
    assert {one.key.address for one in found} == {"owner@northwind.example"}
    assert all(one.send_empty and one.state == "active" for one in found)


def test_what_a_recipient_says_wins_over_defaults_and_tenant(tmp_path):
    (one,) = listed(
        tmp_path,
        """
        [defaults]
        units = "us"
        formats = ["html", "csv"]
        [[recipient]]
        address = "a@b.example"
        report = "daily"
        tenant = "nordwind"
        schedule = "0 8 * * 1-5"
        timezone = "UTC"
        units = "metric"
        locale = "fr-CA"
        formats = "text"
        send_empty = false
        """,
    )
    assert one[3:9] == ("0 8 * * 1-5", "UTC", "metric", "fr_CA", frozenset({"text"}), False)
    assert one.style.units.distance == "km"


def test_a_tenant_s_recipient_gets_no_other_tenant_s_and_all_is_only_who_wrote_the_star(tmp_path):
    text = """
        [[recipient]]
        address = "operator@b.example"
        report = ["daily", "network"]
        tenant = "*"
        [[recipient]]
        address = "owner@b.example"
        report = "daily"
        tenant = "northwind"
        """
    found = {(one.key.address, one.about) for one in listed(tmp_path, text)}
    assert found == {
        ("operator@b.example", "daily of northwind"),
        ("operator@b.example", "daily of nordwind"),
        ("operator@b.example", "network"),
        ("owner@b.example", "daily of northwind"),
    }
    named = {(one.key.address, one.about) for one in listed(tmp_path, text) if one.names_tenant}
    assert named == {("operator@b.example", "daily of northwind"), ("operator@b.example", "daily of nordwind")}


def test_who_is_named_for_a_tenant_has_it_as_said_there_and_the_others_by_the_star(tmp_path):
    text = """
        [[recipient]]
        address = "a@b.example"
        report = "daily"
        tenant = "*"
        [[recipient]]
        address = "A@B.example"
        report = "daily"
        tenant = "nordwind"
        schedule = "09:00"
        """
    assert sorted((one.tenant_id, one.cron) for one in listed(tmp_path, text)) == [
        ("nordwind", "0 9 * * *"),
        ("northwind", "0 6 * * *"),
    ]


def test_every_fault_is_named_with_its_line_and_what_was_meant(tmp_path):
    text = """\
[default]
[defaults]
tenant = "*"
unit = "us"

[[recipient]]
address = "a@b.example, c@d.example"
report = "dayly"
tenant = "*"
timezone = "Mars/Olympus"

[[recipient]]
address = "a@b.example"
report = "daily"
shedule = "06:00"

[[recipient]]
report = "network"
tenant = "northwind"
address = "a@b.example"

[[recipient]]
address = "a@b.example"
report = "daily"
tenant = ["*", "northwind"]
schedule = "0 6 31 2 *"
units = "imperial"
locale = "xx_YY"
formats = ["csv"]
send_empty = "maybe"

[[recipient]]
tenant = "northwind"
"""
    assert faults(tmp_path, text) == [
        "line 1: unknown default; did you mean defaults?",
        "line 3: tenant is said of each recipient, never by default",
        "line 4: unknown unit; did you mean units?",
        "line 7: address: expected one e-mail address, got 'a@b.example, c@d.example'",
        "line 8: report: no report 'dayly'; did you mean daily?; there are daily, weekly, monthly, network, exceptions",
        "line 10: timezone: no time zone 'Mars/Olympus'; use one such as America/New_York",
        'line 12: daily needs a tenant: name it, or write "*" for all of them',
        "line 15: unknown shedule; did you mean schedule?",
        'line 19: network is about all tenants: leave tenant out, or write "*"',
        'line 25: tenant: "*" is all tenants and stands alone',
        "line 26: schedule: '0 6 31 2 *' is no schedule of cron: Bad day-of-month",
        "line 27: units: expected us or metric, got 'imperial'",
        "line 28: locale: no such locale: 'xx_YY'; use one such as en_US, de_DE or es_US",
        "line 29: formats: a mail says something itself: add html or text",
        "line 30: send_empty: expected true or false, got 'maybe'",
        "line 32: address is missing",
        "line 32: report is missing",
    ]


def test_nobody_is_listed_twice_for_one_report(tmp_path):
    entry = '[[recipient]]\naddress = "{}"\nreport = "daily"\ntenant = "northwind"\n'
    assert faults(tmp_path, entry.format("a@b.example") + entry.format("Me <A@b.example>")) == [
        "line 5: a@b.example gets daily of northwind by line 1 already"
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[recipient]\naddress = 'a@b'", "line 1: write [[recipient]] for each, with two brackets"),
        ("[[recipient]\n", "not TOML: "),
        ("address = 'a@b'\n[[recipient]]\naddress = 'a@b'\nreport='network'", "line 1: unknown address"),
        ('[[recipient]]\naddress = "a@b\\nBcc: c@d"\nreport = "network"', "line 2: address: expected one e-mail"),
        ("[[recipient]]\naddress = 'a@b'\nreport = 3", "line 3: report: expected a text or a list of them, got 3"),
        ("[[recipient]]\naddress = 'a@b'\nreport = 'daily'\ntenant = '../x'", "line 4: tenant: '../x' is no tenant"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, text, fault):
    assert faults(tmp_path, text)[0].startswith(fault)


def test_a_file_may_begin_with_the_mark_that_editors_on_windows_write(tmp_path):
    text = '\ufeff[[recipient]]\naddress = "a@a.example"\nreport = "daily"\ntenant = "northwind"\n'
    assert [found.key.address for found in listed(tmp_path, text)] == ["a@a.example"]


def test_a_file_that_is_named_and_missing_is_a_fault_and_not_nobody(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path, recipients=tmp_path / "gone.toml", mail_to="a@b.example")
    with pytest.raises(RecipientsError, match=r"gone\.toml: No such file"):
        recipients(settings, [NORTHWIND])


def test_without_a_file_everybody_in_mail_to_gets_the_daily_report_of_each_tenant_or_of_one(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path, mail_to="a@b.example, c@d.example", timezone="UTC")
    found = recipients(settings, [NORTHWIND, NORDWIND])
    assert [(one.address, one.about, one.cron, one.timezone) for one in found] == [
        (address, f"daily of {tenant}", "0 6 * * *", "UTC")
        for address in ("a@b.example", "c@d.example")
        for tenant in ("northwind", "nordwind")
    ]
    one = settings.model_copy(update={"report_tenant": "nordwind"})
    assert {found.tenant_id for found in recipients(one, [NORTHWIND, NORDWIND])} == {"nordwind"}
    with pytest.raises(RecipientsError, match="ODOGRAPH_MAIL_TO: expected one e-mail address, got 'nobody'"):
        recipients(settings.model_copy(update={"mail_to": "nobody"}), [NORTHWIND])


def test_where_there_is_a_file_it_alone_decides(tmp_path):
    text = '[[recipient]]\naddress = "a@b.example"\nreport = "network"\n'
    assert [one.address for one in listed(tmp_path, text, mail_to="old@b.example")] == ["a@b.example"]


def test_who_has_left_is_still_listed_and_not_active(tmp_path):
    with opened_events(tmp_path / "mail" / "recipients.jsonl") as events:
        at_utc = datetime(2026, 2, 26, tzinfo=UTC)
        events.note(Event(at_utc, "a@b.example", "daily", "northwind", "unsubscribed", "one click", "on the page"))
    text = '[[recipient]]\naddress = "A@b.example"\nreport = "daily"\ntenant = "*"\n'
    assert [(one.tenant_id, one.state, one.since_utc, one.why) for one in listed(tmp_path, text)] == [
        ("northwind", "unsubscribed", at_utc, "on the page"),
        ("nordwind", "active", None, ""),
    ]


def test_the_zone_of_a_tenant_is_the_one_most_of_its_vans_drive_in(tmp_path):
    with duckdb.connect(str(tmp_path / "odograph.duckdb")) as copy:
        copy.execute("create schema core")
        copy.execute("create table core.tenants (tenant_id text, units text, locale text, valid_from date)")
        copy.execute(
            "create table core.vehicle_dates (tenant_id text, service_date date, vehicle_id text, timezone text)"
        )
        copy.execute(
            "insert into core.vehicle_dates values"
            " ('t1', '2026-02-01', 'V9', 'Europe/Paris'), ('t1', '2026-01-01', 'V8', 'Europe/Paris'),"
            " ('t1', '2026-02-25', 'V1', 'America/Denver'), ('t1', '2026-02-26', 'V1', 'America/Denver'),"
            " ('t1', '2026-02-26', 'V2', 'America/Chicago'), ('t1', '2026-02-26', 'V3', 'America/Chicago'),"
            " ('t2', '2026-02-26', 'V1', 'UTC')"
        )
        copy.execute(
            "insert into core.tenants values ('t2', 'us', 'en-US', null), ('t2', 'metric', 'de-DE', '2026-01-01')"
        )
    assert read_tenants(tmp_path / "odograph.duckdb") == [
        PublishedTenant("t1", "America/Chicago"),
        PublishedTenant("t2", "UTC", "metric", "de-DE"),
    ]
    assert read_tenants(tmp_path / "nothing.duckdb") == []
    with duckdb.connect(str(tmp_path / "odograph.duckdb")) as copy:
        copy.execute("drop table core.tenants")
    assert read_tenants(tmp_path / "odograph.duckdb") == []


def test_the_documented_example_has_every_key_and_fits():
    path = ROOT / "deploy" / "recipients.toml"
    assert [entry.reports for entry in read_entries(path, KINDS)] == [
        ("daily", "weekly", "monthly"), ("exceptions",), ("daily",), ("network",),
    ]  # fmt: skip
    keys = {line.split("=")[0].strip() for line in path.read_text().splitlines() if "=" in line and line[0] != "#"}
    assert keys == {
        "address", "report", "tenant", "schedule", "timezone", "units", "locale", "formats", "send_empty",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "usual", "cron"),
    [
        ("06:05", "0 7 1 * *", "5 6 1 * *"),
        ("6:05", "0 6 * * 1", "5 6 * * 1"),
        ("23:59", "*/15 * * * *", "59 23 * * *"),
        (" 0  6 * * MON-FRI ", "0 6 * * *", "0 6 * * MON-FRI"),
    ],
)
def test_a_time_of_day_keeps_the_days_of_its_report(schedule, usual, cron):
    assert cron_of(schedule, usual) == cron


@pytest.mark.parametrize("schedule", ["24:00", "6", "* * * *", "0 0 6 * * *", "0 25 * * *", "0 6 30 2 *", ""])
def test_what_is_no_schedule_is_refused(schedule):
    with pytest.raises(ValueError, match=r"schedule|time of day"):
        cron_of(schedule, "0 6 * * *")


def test_a_schedule_keeps_its_local_time_and_comes_once_on_both_odd_nights():
    def next_three(cron: str, after: datetime) -> list[str]:
        times = [after]
        for _ in range(3):
            times.append(next_utc(cron, "America/New_York", times[-1]))
        return [f"{at:%d %H:%M}" for at in times[1:]]

    # 2026-03-08 has no 02:30, 2026-11-01 has 01:30 twice.
    assert next_three("30 2 * * *", datetime(2026, 3, 7, tzinfo=UTC)) == ["07 07:30", "08 07:00", "09 06:30"]
    assert next_three("30 1 * * *", datetime(2026, 10, 31, tzinfo=UTC)) == ["31 05:30", "01 05:30", "02 06:30"]
