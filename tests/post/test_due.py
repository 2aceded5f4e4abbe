"""What is sent when: schedules, days that were missed, data that is late, corrections; on a clock of our own."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import duckdb
import pytest

from flows.bench.mail.server import FaultyServer, first_time, running
from flows.post.deciding import NoSuchMail, print_outbox, retry, settle
from flows.post.due import Due, due_periods, post_due, send_now
from flows.post.mail import MailNotSent, key_of
from flows.post.mailed import outbox_finding
from flows.post.outbox import Entry, opened, read_entries
from flows.post.recipients import Recipient
from flows.post.states import Event, opened_events, read_events
from flows.report.data import NothingToReport
from flows.report.kinds import Asked, Kind
from flows.report.rendered import Headline, Report, day_period, week_period
from flows.reporting import NoReportDue, run_report
from flows.settings import Settings
from tests.flows.published_fixture import SCHEMA, insert

KINDS = {
    kind.name: kind
    for kind in (
        Kind("daily", "Daily report", "tenant", "day", "0 6 * * *", "tests.post.test_due:render"),
        Kind("weekly", "Weekly report", "tenant", "week", "0 6 * * 1", "tests.post.test_due:render"),
        Kind("exceptions", "Exceptions", "tenant", "day", "*/15 * * * *", "tests.post.test_due:render"),
    )
}
NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)  # a Thursday; 07:00 in New York
YESTERDAY = date(2026, 3, 4)
OWNER = "owner@a.example"
TO_OWNER = f'address = "{OWNER}"'
ASKED = "generation|loads|revisions|vehicle_dates|tenants"
USUAL = {"report": "daily", "tenant": "a"}


class Fleet:
    """What the reports say: set by a test, read by `render`."""

    idle_share = 0.25
    is_clear = False
    exceptions: tuple[str, ...] = ()
    no_data: frozenset[tuple[str, date]] = frozenset()
    broken_tenant = ""
    rendered = 0


fleet = Fleet()


@pytest.fixture(autouse=True)
def _fresh_fleet() -> Iterator[None]:
    yield
    fleet.__dict__.clear()


@cache
def bare_copy() -> bytes:
    """A published copy without a row, of the tables that are asked: it is opened a hundred times."""
    tables = re.findall(rf"create table if not exists core\.(?:{ASKED}) \(.*?\n\);", SCHEMA.read_text(), re.DOTALL)
    assert len(tables) == len(ASKED.split("|"))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bare.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("\n".join(["create schema core;", *tables]))
        return path.read_bytes()


def render(asked: Asked) -> Report:
    fleet.rendered += 1
    if asked.tenant_id == fleet.broken_tenant:
        raise ZeroDivisionError("a tenant whose figures break the report")
    new = tuple(found for found in fleet.exceptions if found not in asked.told)
    if (asked.tenant_id, asked.period.first) in fleet.no_data or (fleet.exceptions and not new):
        raise NothingToReport(asked.tenant_id, asked.period.first, None)
    name = {"day": "daily", "week": "weekly"}[asked.period.kind] if not new else "exceptions"
    period = week_period(asked.period.first, 7) if name == "weekly" else asked.period  # a reader's week, from Sunday
    share = f"{fleet.idle_share:.1%}"
    return Report(
        name,
        asked.tenant_id,
        period,
        f"{asked.tenant_id} {asked.period.key} idle {share}",
        f'<html><body class="ground"><p>idle {share} in {asked.style.units.distance}</p></body></html>',
        f"idle {share} in {asked.style.units.distance}\n",
        {"idle@odograph": b"\x89PNG"},
        {"routes.csv": b"a\r\n", "routes.xlsx": b"PK"},
        headlines=(Headline("Idle share", fleet.idle_share, share, 0.02),),
        told=new,
        is_clear=fleet.is_clear,
    )


def publish(settings: Settings, at_utc: datetime, *, revised: str = "", day: date = YESTERDAY) -> None:
    """Publish a copy made at an instant; `revised` names a van of which a day was measured again just before."""
    settings.published_dir.mkdir(parents=True, exist_ok=True)
    path = settings.published_path
    path.write_bytes(bare_copy())
    before = (at_utc - timedelta(minutes=1)).replace(tzinfo=None)
    with duckdb.connect(str(path)) as connection:
        made_utc = at_utc.replace(tzinfo=None)
        insert(connection, "core.generation", generation_id=str(at_utc), published_utc=made_utc, code_version="1")
        if not revised:
            return
        tables = dict.fromkeys(("schema_digest", "models_digest", "definitions_digest", "checks_digest"), "0")
        insert(
            connection, "core.loads", load_id=1, tenant_id="a", service_date=day, rebuilt_utc=before,
            vehicle_date_count=1, position_count=1, code_version="1", reasons=["positions"], segments=[], seconds=1,
            **tables,
        )  # fmt: skip
        insert(
            connection, "core.revisions", tenant_id="a", service_date=day, vehicle_id=revised, revision=2,
            revised_utc=before, code_version="1", reasons=["positions"], segments=[], changed=[], changes="{}",
        )  # fmt: skip


def line(folder: Path, *recipients: str, **given: object) -> Settings:
    """Return the settings of a line with these recipients, lines of TOML, and a published copy.

    Who says nothing else gets the daily report of tenant `a`.
    """
    text = '[defaults]\ntimezone = "America/New_York"\n'
    for recipient in recipients:
        usual = [f'{name} = "{value}"' for name, value in USUAL.items() if f"{name} =" not in recipient]
        text += "\n".join(["[[recipient]]", *usual, recipient, ""])
    (folder / "recipients.toml").write_text(text)
    settings = Settings(_env_file=None, data_dir=folder, mail_from="odograph@line.example", **given)
    publish(settings, NOON - timedelta(hours=2))
    return settings


def post(settings: Settings, now: datetime) -> list[EmailMessage]:
    """Post what is due and return the mails that were written, in order."""
    done = post_due(settings, now, kinds=KINDS)
    assert not done.problems
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in done.written]


def subjects(mails: list[EmailMessage]) -> list[str]:
    return [str(mail["Subject"]).removesuffix(" idle 25.0%") for mail in mails]


def entries(settings: Settings) -> list[Entry]:
    return list(read_entries(settings.mail_dir / "sent.jsonl").values())


# ---------------------------------------------------------------------------------------------- schedules


def test_missed_days_are_sent_oldest_first_within_the_limit_and_nothing_twice(tmp_path):
    settings = line(tmp_path, TO_OWNER)
    assert subjects(post(settings, NOON)) == ["a 2026-03-04"]  # the first mail ever: no history
    assert post(settings, NOON + timedelta(hours=1)) == []
    week_later = NOON + timedelta(days=7)
    publish(settings, week_later - timedelta(hours=2))
    assert subjects(post(settings, week_later)) == ["a 2026-03-09", "a 2026-03-10", "a 2026-03-11"]
    assert post(settings, week_later) == []


def test_a_day_sent_by_an_earlier_version_is_not_sent_again(tmp_path):
    settings = line(tmp_path, TO_OWNER)
    settings.mail_dir.mkdir()
    old = {"key": key_of("daily", "2026-03-04", "a", OWNER), "state": "sent", "recipient": OWNER}
    old["at_utc"] = (NOON - timedelta(hours=1)).isoformat()
    (settings.mail_dir / "sent.jsonl").write_text(json.dumps(old) + "\n")
    assert subjects(post(settings, NOON)) == []
    assert subjects(post(settings, NOON + timedelta(days=1))) == ["a 2026-03-05"]


def test_a_day_is_due_once_whether_its_night_is_short_or_long_and_a_week_after_its_monday():
    def periods(kind: str, cron: str, first: datetime, last: datetime) -> list[Due]:
        who = Recipient(OWNER, kind, "a", cron, "America/New_York")
        return due_periods(KINDS[kind], who, last, first, first.date() - timedelta(days=30))

    march = periods("daily", "30 2 * * *", datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 3, 9, 12, tzinfo=UTC))
    assert [due.period for due in march] == [day_period(date(2026, 3, day)) for day in (6, 7, 8)]
    november = periods("daily", "30 1 * * *", datetime(2026, 10, 31, tzinfo=UTC), datetime(2026, 11, 2, 12, tzinfo=UTC))
    assert [due.period for due in november] == [day_period(date(2026, *day)) for day in ((10, 30), (10, 31), (11, 1))]
    weekly = periods("weekly", "0 6 * * 1", datetime(2026, 3, 1, tzinfo=UTC), NOON)
    assert weekly == [Due(week_period(date(2026, 2, 23)), datetime(2026, 3, 2, 11, tzinfo=UTC))]


def test_exceptions_are_told_once_each_and_at_their_times(tmp_path):
    settings = line(tmp_path, f'{TO_OWNER}\nreport = "exceptions"')
    fleet.exceptions = ("F1",)
    assert len(post(settings, NOON)) == 1
    fleet.exceptions = ("F1", "F2")
    assert post(settings, NOON + timedelta(minutes=10)) == []  # not at a quarter of an hour
    assert len(post(settings, NOON + timedelta(minutes=15))) == 1
    assert post(settings, NOON + timedelta(minutes=30)) == []
    assert [len(entry.about.told) for entry in entries(settings) if entry.about] == [1, 1]
    assert '"F' not in (settings.mail_dir / "sent.jsonl").read_text()  # an erasure leaves the ledger as it is


@pytest.mark.parametrize(("answer", "state", "told"), [("554 at DATA", "refused", 1), ("450 at RCPT", "gave_up", 2)])
def test_exceptions_that_are_not_taken_are_not_handed_over_again_by_themselves(tmp_path, answer, state, told):
    server = FaultyServer(lambda address: answer)
    with running(server) as port:
        given = {"smtp_url": f"smtp://127.0.0.1:{port}", "mail_give_up_h": 0.2}
        settings = line(tmp_path, f'{TO_OWNER}\nreport = "exceptions"', **given)
        fleet.exceptions = ("F1",)
        for minutes in (0, 15, 30, 45):
            post_due(settings, NOON + timedelta(minutes=minutes), kinds=KINDS)
        assert ([entry.state for entry in entries(settings)], server.happened[answer]) == ([state], told)
        server.fault = lambda address: ""
        retry(settings, "exceptions.")
        assert post_due(settings, NOON + timedelta(minutes=50), kinds=KINDS).sent == 1


# ---------------------------------------------------------------------------------------------- what is not there


def test_what_breaks_for_one_tenant_stops_no_other_and_is_said(tmp_path):
    settings = line(tmp_path, f'{TO_OWNER}\ntenant = "broken"', 'address = "b@b.example"\ntenant = "b"')
    fleet.broken_tenant = "broken"
    done = post_due(settings, NOON, kinds=KINDS)
    assert len(done.written) == 1
    assert done.problems == (f"{OWNER}, daily of broken, 2026-03-04: a tenant whose figures break the report",)


def test_a_report_waits_for_its_data_and_then_says_that_there_is_none_to_who_wants_to_know(tmp_path):
    settings = line(tmp_path, TO_OWNER, 'address = "b@a.example"\nsend_empty = false')
    fleet.no_data = frozenset({("a", YESTERDAY)})
    done = post_due(settings, NOON, kinds=KINDS)
    assert (done.written, len(done.awaited)) == ((), 2)
    late = post(settings, NOON + timedelta(hours=6))
    assert [mail["To"] for mail in late] == [OWNER]
    assert late[0]["Subject"].endswith("nothing was heard")
    fleet.no_data = frozenset()
    publish(settings, NOON + timedelta(hours=9), revised="V1")
    now_known = post(settings, NOON + timedelta(hours=9))
    assert sorted((mail["To"], str(mail["Subject"])) for mail in now_known) == [
        ("b@a.example", "a 2026-03-04 idle 25.0%"),
        (OWNER, "Corrected: a 2026-03-04 idle 25.0%"),
    ]


def test_who_wants_only_news_hears_nothing_of_a_day_that_is_all_clear(tmp_path):
    settings = line(tmp_path, TO_OWNER, 'address = "b@a.example"\nsend_empty = false')
    fleet.is_clear = True
    assert [mail["To"] for mail in post(settings, NOON)] == [OWNER]
    assert [entry.state for entry in entries(settings) if entry.recipient == "b@a.example"] == ["quiet"]


# ---------------------------------------------------------------------------------------------- sending


def test_a_retry_after_a_newer_refresh_is_the_same_mail(tmp_path):
    server = FaultyServer(first_time({OWNER: ["451 at DATA", "451 at DATA"]}))
    with running(server) as port:
        settings = line(tmp_path, TO_OWNER, smtp_url=f"smtp://127.0.0.1:{port}")
        assert post_due(settings, NOON, kinds=KINDS).sent == 0
        kept = next((settings.mail_dir / "outbox").iterdir()).read_bytes()
        fleet.idle_share = 0.5
        assert post_due(settings, NOON + timedelta(seconds=50), kinds=KINDS).sent == 0  # not for a minute
        assert len(server.happened) == 1
        assert post_due(settings, NOON + timedelta(minutes=2), kinds=KINDS).sent == 0
        assert next((settings.mail_dir / "outbox").iterdir()).read_bytes() == kept
        assert entries(settings)[0].until_utc == NOON + timedelta(minutes=4)  # after one minute, then two
        assert post_due(settings, NOON + timedelta(minutes=5), kinds=KINDS).sent == 1
    assert list(server.subjects.values()) == ["a 2026-03-04 idle 25.0%"]


def test_a_mail_is_given_up_after_a_day_and_who_left_or_is_not_known_gets_nothing_more(tmp_path):
    server = FaultyServer(lambda address: "450 at RCPT")
    recipients = [f'address = "{name}@a.example"' for name in ("full", "gone", "left")]
    with running(server) as port:
        settings = line(tmp_path, *recipients, smtp_url=f"smtp://127.0.0.1:{port}")
        first = post_due(settings, NOON, kinds=KINDS)
        assert [said.split(":")[0] for said in first.problems] == ["gone@a.example"]
        assert sum(said.startswith("tried again later: ") for said in first.lines()) == 2
        with opened_events(settings.recipient_events_path) as events:
            events.note(Event(NOON, "left@a.example", None, None, "unsubscribed", "mail"))
        later = post_due(settings, NOON + timedelta(hours=24), kinds=KINDS)
        assert [said.split(":")[0] for said in later.problems] == ["full@a.example"]  # given up
        assert [said.split(":")[0] for said in later.delayed] == ["full@a.example"]  # the next one waits
        states = {(entry.recipient, entry.key.split(".")[1]): entry.state for entry in entries(settings)}
        assert states == {
            ("full@a.example", "2026-03-04"): "gave_up",
            ("full@a.example", "2026-03-05"): "waiting",
            ("gone@a.example", "2026-03-04"): "refused",
            ("left@a.example", "2026-03-04"): "settled",
        }
    found = outbox_finding(settings)
    assert (found.needs_person, "1 given up; 1 refused" in found.text) == (True, True)
    bounced = [event for event in read_events(settings.recipient_events_path) if event.happened == "bounced"]
    assert [(event.address, event.how) for event in bounced] == [("gone@a.example", "smtp")]
    assert "550 5.1.1" in bounced[0].why


def test_each_reads_in_the_chosen_format_and_one_rendering_serves_all_who_read_alike(tmp_path):
    settings = line(
        tmp_path,
        TO_OWNER,
        'address = "b@a.example"\nformats = ["text"]',
        'address = "c@a.example"\nformats = ["text", "csv"]\nunits = "metric"',
    )
    mails = {str(mail["To"]): mail for mail in post(settings, NOON)}
    assert fleet.rendered == 3, "one for each style and what the mail carries"
    kinds = {
        to: [part.get_content_type().split("/")[1] for part in mail.walk() if not part.is_multipart()]
        for to, mail in mails.items()
    }
    xlsx = "vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert kinds == {
        OWNER: ["plain", "html", "png", "csv", xlsx],
        "b@a.example": ["plain"],
        "c@a.example": ["plain", "csv"],
    }
    assert "in km" in mails["c@a.example"].get_body(("plain",)).get_content()


# ---------------------------------------------------------------------------------------------- corrections


def test_a_headline_that_moves_enough_is_corrected_as_an_answer_that_says_what_and_why(tmp_path):
    settings = line(tmp_path, TO_OWNER)
    (first,) = post(settings, NOON)
    fleet.idle_share = 0.26
    publish(settings, NOON + timedelta(hours=3), revised="V12")
    assert post(settings, NOON + timedelta(hours=3)) == []  # by less than is worth a mail
    fleet.idle_share = 0.28
    publish(settings, NOON + timedelta(hours=4))
    assert post(settings, NOON + timedelta(hours=4)) == []  # nothing of the day was measured again
    publish(settings, NOON + timedelta(hours=5), revised="V12")
    (mail,) = post(settings, NOON + timedelta(hours=5))
    assert mail["Subject"] == "Corrected: a 2026-03-04 idle 28.0%"
    assert mail["In-Reply-To"] == mail["References"] == first["Message-ID"]
    assert mail["Message-ID"] != first["Message-ID"]
    text, page = mail.get_body(("plain",)).get_content(), mail.get_body(("html",)).get_content()
    assert text.splitlines()[1:3] == ["  Idle share: 25.0% → 28.0%", "Why: late positions of V12."]
    assert "<br>Idle share: 25.0% → 28.0%<br>Why: late positions of V12." in page.split("<p>")[0]
    assert post(settings, NOON + timedelta(hours=6)) == []


def test_corrections_are_few_and_some_time_apart(tmp_path):
    settings = line(tmp_path, TO_OWNER)
    post(settings, NOON)
    sent = []
    for hour in (1, 2, 4, 6, 8):
        now = NOON + timedelta(hours=hour)
        fleet.idle_share = 0.25 + 0.05 * hour
        publish(settings, now, revised="V1")
        sent += [hour for _ in post(settings, now)]
    assert sent == [2, 4, 6]


def test_a_week_that_begins_on_sunday_is_corrected_as_the_week_it_is(tmp_path):
    settings = line(tmp_path, f'{TO_OWNER}\nreport = "weekly"')
    fleet.no_data = frozenset({("a", date(2026, 2, 23))})
    wednesday = NOON - timedelta(days=1)
    publish(settings, wednesday - timedelta(hours=1))
    assert [mail["Subject"].split(" · ")[2] for mail in post(settings, wednesday)] == ["nothing was heard"]
    fleet.no_data = frozenset()
    for hour in (3, 6):
        fleet.idle_share += 0.1
        publish(settings, wednesday + timedelta(hours=hour), revised="V1", day=date(2026, 2, 22 + hour))
        (mail,) = post(settings, wednesday + timedelta(hours=hour))
        assert mail["Subject"].startswith("Corrected: a 2026-W09")
    assert [(entry.about.correction, str(entry.about.first)) for entry in entries(settings) if entry.about] == [
        (0, "2026-02-23"),
        (1, "2026-02-22"),
        (2, "2026-02-22"),
    ]


# ---------------------------------------------------------------------------------------------- what a person decides


def test_a_mail_that_may_have_arrived_is_held_until_a_person_decides(tmp_path, capsys):
    server = FaultyServer(first_time({OWNER: ["dropped after the mail was taken"]}))
    with running(server) as port:
        settings = line(tmp_path, TO_OWNER, smtp_url=f"smtp://127.0.0.1:{port}", mail_on_unknown="hold")
        post_due(settings, NOON, kinds=KINDS)
        assert post_due(settings, NOON + timedelta(hours=1), kinds=KINDS).sent == 0
        found = outbox_finding(settings)
        assert (found.needs_person, "1 may have arrived" in found.text) == (True, True)
        print_outbox(settings, every=False)
        assert "held" in capsys.readouterr().out
        with pytest.raises(NoSuchMail, match="no mail that has not left"):
            retry(settings, "weekly.")
        retry(settings, "daily.2026-03-04")
        assert post_due(settings, NOON + timedelta(hours=2), kinds=KINDS).sent == 1
        assert list(server.accepted.values()) == [2]
        server.fault = lambda address: "dropped after the mail was taken"
        post_due(settings, NOON + timedelta(days=1), kinds=KINDS)
        settle(settings, "daily.2026-03-05")
        assert post_due(settings, NOON + timedelta(days=1, hours=1), kinds=KINDS).sent == 0
    assert not outbox_finding(settings).needs_person
    assert not list((settings.mail_dir / "outbox").iterdir())


def test_a_report_sent_by_hand_is_not_sent_again_by_schedule(tmp_path, monkeypatch):
    monkeypatch.setattr("flows.post.due.KINDS", KINDS)
    monkeypatch.setattr("flows.post.recipients.KINDS", KINDS)
    settings = line(tmp_path, TO_OWNER, 'address = "b@b.example"\ntenant = "b"')
    by_hand = send_now(settings, "daily", "a", day_period(YESTERDAY), nobody="nobody@localhost")
    again = send_now(settings, "daily", "a", day_period(YESTERDAY), nobody="nobody@localhost")
    assert (by_hand.written, again.written, again.already_sent) == (1, 0, 1)
    assert [mail["To"] for mail in post(settings, NOON)] == ["b@b.example"]


def test_exceptions_sent_by_hand_are_told_nobody_again(tmp_path, monkeypatch):
    monkeypatch.setattr("flows.post.due.KINDS", KINDS)
    monkeypatch.setattr("flows.post.recipients.KINDS", KINDS)
    fleet.exceptions = ("F1",)
    settings = line(tmp_path, f'{TO_OWNER}\nreport = "exceptions"')
    assert send_now(settings, "exceptions", "a", day_period(YESTERDAY), nobody="").written == 1
    settings = line(tmp_path, f'{TO_OWNER}\nreport = "exceptions"', 'address = "b@a.example"\nreport = "exceptions"')
    again = send_now(settings, "exceptions", "a", day_period(YESTERDAY), nobody="")
    assert (again.written, again.already_sent) == (1, 1)


def test_a_ledger_torn_within_a_letter_is_read_and_gone_on_with(tmp_path):
    settings = line(tmp_path, TO_OWNER)
    settings.mail_dir.mkdir()
    (settings.mail_dir / "sent.jsonl").write_bytes('{"key": "x", "reason": "ü'.encode()[:-1])
    assert subjects(post(settings, NOON)) == ["a 2026-03-04"]
    assert [entry.state for entry in entries(settings)] == ["written"]


def test_who_is_taken_out_of_the_file_or_moved_to_another_tenant_gets_nothing_that_is_on_its_way(tmp_path):
    server = FaultyServer(lambda address: "450 at RCPT")
    with running(server) as port:
        given = {"smtp_url": f"smtp://127.0.0.1:{port}"}
        people = [f'address = "{name}@a.example"' for name in ("kept", "moved", "out", "all")]
        settings = line(tmp_path, *people, **given)
        post_due(settings, NOON, kinds=KINDS)
        server.fault = lambda address: ""
        settings.recipients_path.write_text(settings.recipients_path.read_text() + "no TOML")
        post_due(settings, NOON, kinds=KINDS)  # a file with faults says nothing of anybody
        line(tmp_path, people[0], f'{people[1]}\ntenant = "b"', f'{people[3]}\ntenant = "*"')
        post_due(settings, NOON + timedelta(minutes=5), kinds=KINDS)
    states = {(entry.recipient, entry.about.tenant_id): entry.state for entry in entries(settings) if entry.about}
    assert states == {
        ("kept@a.example", "a"): "sent",
        ("moved@a.example", "a"): "settled",
        ("moved@a.example", "b"): "sent",
        ("out@a.example", "a"): "settled",
        ("all@a.example", "a"): "sent",
    }


def test_a_mail_of_a_day_to_come_silences_nobody(tmp_path):
    settings = line(tmp_path, TO_OWNER)
    settings.mail_dir.mkdir()
    wrong = {"key": key_of("daily", "2031-03-04", "a", OWNER), "state": "sent", "recipient": OWNER}
    wrong["at_utc"] = "2031-03-05T12:00:00+00:00"
    (settings.mail_dir / "sent.jsonl").write_text(json.dumps(wrong) + "\n")
    assert subjects(post(settings, NOON)) == ["a 2026-03-04"]


@pytest.mark.parametrize("days", [-1, 4])
def test_nothing_is_made_where_clock_and_copy_contradict_each_other(tmp_path, days):
    settings = line(tmp_path, TO_OWNER)
    done = post_due(settings, NOON + timedelta(days=days), kinds=KINDS)
    assert (done.written, entries(settings)) == ((), [])
    assert "the published copy is of 2026-03-05 10:00 UTC" in done.problems[0]


def test_by_hand_the_last_whole_week_is_sent_and_never_half_of_one(tmp_path, monkeypatch):
    for module in ("flows.reporting", "flows.post.due", "flows.post.recipients"):
        monkeypatch.setattr(f"{module}.KINDS", KINDS)
    settings = line(tmp_path, f'{TO_OWNER}\nreport = "weekly"')
    today = datetime.now(ZoneInfo(settings.timezone)).date()
    with duckdb.connect(str(settings.published_path)) as connection:
        connection.execute("create schema marts; create table marts.fleet_days (tenant_id text, service_date date)")
        connection.execute("insert into marts.fleet_days values ('a', ?)", [today])
    asked = {"tenant": "a", "out": tmp_path / "reports"}
    run_report(settings, "weekly", day=None, send=True, **asked)
    before = week_period(today - timedelta(days=7))
    assert [entry.key.split(".")[:2] for entry in entries(settings)] == [["weekly", before.key]]
    with pytest.raises(NoReportDue, match="is not over"):
        run_report(settings, "weekly", day=today, send=True, **asked)
    assert week_period(today).key in run_report(settings, "weekly", day=today, send=False, **asked)[0]


def test_what_may_have_arrived_is_held_also_by_hand_and_where_its_text_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr("flows.post.due.KINDS", KINDS)
    monkeypatch.setattr("flows.post.recipients.KINDS", KINDS)
    server = FaultyServer(first_time({OWNER: ["dropped after the mail was taken"]}))
    with running(server) as port:
        settings = line(tmp_path, TO_OWNER, smtp_url=f"smtp://127.0.0.1:{port}", mail_on_unknown="hold")
        post_due(settings, NOON, kinds=KINDS)
        for is_erased in (False, True):
            if is_erased:
                next((settings.mail_dir / "outbox").iterdir()).unlink()
            with pytest.raises(MailNotSent, match="held, for it may have arrived"):
                send_now(settings, "daily", "a", day_period(YESTERDAY), nobody="")
            assert post_due(settings, NOON + timedelta(hours=1), kinds=KINDS).sent == 0
    assert list(server.accepted.values()) == [1]


def test_who_leaves_while_others_are_sent_theirs_gets_nothing(tmp_path):
    def other_leaves(address: str) -> str:
        with opened_events(settings.recipient_events_path) as events:
            other = "a@a.example" if address.startswith("z") else "z@a.example"
            events.note(Event(NOON, other, None, None, "unsubscribed", "one click"))
        return ""

    server = FaultyServer(other_leaves)
    with running(server) as port:
        people = [f'address = "{name}@a.example"' for name in "az"]
        settings = line(tmp_path, *people, smtp_url=f"smtp://127.0.0.1:{port}")
        post_due(settings, NOON, kinds=KINDS)
    states = sorted((entry.state, entry.reason) for entry in entries(settings))
    assert states == [("sent", ""), ("settled", "unsubscribed before it was sent")]
    assert not list((settings.mail_dir / "outbox").iterdir())


def test_a_week_is_caught_up_with_on_saturday(tmp_path):
    settings = line(tmp_path, f'{TO_OWNER}\nreport = "weekly"')
    saturday = NOON + timedelta(days=2)
    assert subjects(post(settings, saturday)) == ["a 2026-W09"]
    assert post(settings, saturday + timedelta(hours=1)) == []


def test_the_text_of_a_mail_that_has_left_does_not_outlive_a_crash(tmp_path):
    settings = line(tmp_path, TO_OWNER)
    key = key_of("daily", "2026-03-04", "a", OWNER)
    with opened(settings.mail_dir / "sent.jsonl") as outbox:
        outbox.put(key, b"text", OWNER)
        outbox.put(f"{key}.c1", b"text", OWNER)
        outbox.note(key, "sent", OWNER)
    with opened(settings.mail_dir / "sent.jsonl") as outbox:
        assert [outbox.has_bytes(name) for name in (key, f"{key}.c1")] == [False, True]
