"""Mail: its structure, that each is sent once, and what people are told when a server says no."""

import json
import re
import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from flows.post.mail import MailNotSent, bytes_of, message, message_key
from flows.post.smtp import hand_over, is_about_address, smtp_server
from flows.report.rendered import Report, day_period
from flows.report.style import Style
from flows.report.units import METRIC
from tests.post.delivering import deliver

REPORT = Report(
    report="daily",
    tenant_id="dax7",
    period=day_period(date(2026, 2, 26)),
    subject="Depot DAX7 · Thu 26 Feb · 23/24 vans · idle 28.7 % · 2 fuel flags",
    html='<html><body><img src="cid:timeline@odograph" alt="V12 idled longest"> Grüße ▲3.1</body></html>',
    text="Idle 28.7 % ▲3.1\n",
    images={"timeline@odograph": b"\x89PNG\r\n\x1a\npicture"},
    attachments={"routes-2026-02-26.csv": "route_id\r\nR207\r\n".encode("utf-8-sig")},
)
SENDER = "Odograph <odograph@dax7.example>"
OWNER = "owner@dax7.example"


class Inbox:
    """An SMTP server's handler that keeps what it accepts and refuses as it is told."""

    def __init__(self, *, refuse_recipient: str = "", refuse_data: str = "") -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refuse_recipient = refuse_recipient
        self.refuse_data = refuse_data

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if address == self.refuse_recipient:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope: Envelope):  # noqa: N802 - aiosmtpd's name
        if self.refuse_data:
            return self.refuse_data
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients += envelope.rcpt_tos
        return "250 accepted"


@contextmanager
def smtp(inbox: Inbox, **options: object) -> Iterator[str]:
    """Run a real SMTP server on loopback; yields host and port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        controller.stop()


def mail_to(recipient: str = OWNER, report: Report = REPORT) -> EmailMessage:
    return message(report, sender=SENDER, recipient=recipient)


def received(mail: EmailMessage) -> EmailMessage:
    """Return a mail as a mail program reads it."""
    return message_from_bytes(mail.as_bytes(), policy=policy.default)


# ---------------------------------------------------------------------------------------------- structure


def test_the_parts_are_nested_as_mail_programs_expect():
    def tree(part: EmailMessage) -> object:
        if part.is_multipart():
            return part.get_content_type(), [tree(child) for child in part.iter_parts()]
        return part.get_content_type()

    assert tree(received(mail_to())) == (
        "multipart/mixed",
        [
            ("multipart/related", [("multipart/alternative", ["text/plain", "text/html"]), "image/png"]),
            "text/csv",
        ],
    )


def test_every_part_arrives_as_it_was():
    parts = {part.get_content_type(): part for part in received(mail_to()).walk()}
    assert parts["text/plain"].get_content().replace("\r\n", "\n") == REPORT.text
    assert parts["text/html"].get_content().strip() == REPORT.html
    picture, table = parts["image/png"], parts["text/csv"]
    assert picture["Content-ID"] == "<timeline@odograph>"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_payload(decode=True) == REPORT.images["timeline@odograph"]
    assert table.get_filename() == "routes-2026-02-26.csv"
    assert table.get_content_disposition() == "attachment"
    assert table.get_payload(decode=True) == REPORT.attachments["routes-2026-02-26.csv"]


def test_the_headers_say_who_what_when_and_how_to_stop():
    sent = datetime(2026, 2, 27, 11, 0, tzinfo=UTC)
    mail = received(message(REPORT, sender=SENDER, recipient=f"Owner <{OWNER}>", sent_utc=sent))
    assert mail["Subject"] == REPORT.subject
    assert mail["From"] == SENDER
    assert mail["To"] == f"Owner <{OWNER}>"
    assert mail["Date"].datetime == sent
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] == "<daily.dax7.dax7.example>"
    assert mail["List-Unsubscribe"] == "<mailto:odograph@dax7.example?subject=unsubscribe%20daily.dax7>"
    assert mail["List-Unsubscribe-Post"] is None
    assert len(mail.get_all("MIME-Version")) == 1


@pytest.mark.parametrize("locale", ["en_US", "de_DE", "fr_FR", "es_US", "ja_JP"])
def test_a_subject_arrives_as_it_was_in_every_locale(locale):
    """Of every length, so that lines end at every place of it; as long, so that they end at all."""
    style = Style(METRIC, locale)
    figures = (
        f"idle {style.percent(0.246, 1)} (▲{style.number(2.4, 1)}) · {style.money(281.68, 'USD', cents=True)} a route"
    )
    for length in range(1, 80, 3):
        subject = f"{'n' * length} {style.day(date(2026, 2, 26))} · 3 vehicles heard · {figures} – no fuel flags"
        mail = mail_to(report=REPORT._replace(subject=subject))
        assert received(mail)["Subject"] == subject
        lines = re.search(rb"Subject: [^\r]*(\r\n [^\r]*)*", bytes_of(mail))[0].decode().split("\r\n")
        assert max(map(len, lines)) <= 76
        assert str(make_header(decode_header("".join(lines).removeprefix("Subject: ")))) == subject


def test_one_click_is_offered_only_where_there_is_an_address_to_click():
    # Longer than a line: Python would fold it into encoded words, which no mail program clicks.
    url = f"https://dax7.example/stop?token={'a1B_' * 30}"
    mail = received(message(REPORT, sender=SENDER, recipient=OWNER, unsubscribe=url))
    assert mail["List-Unsubscribe"].startswith(f"<{url}>, <mailto:odograph@dax7.example?")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"List-Unsubscribe: <{url}>,\r\n <mailto:" in message(
        REPORT, sender=SENDER, recipient=OWNER, unsubscribe=url
    ).as_bytes().decode("ascii")
    mail = received(message(REPORT, sender=SENDER, recipient=OWNER, unsubscribe="stop@dax7.example"))
    assert mail["List-Unsubscribe"].startswith("<mailto:stop@dax7.example?")


def test_the_message_id_is_that_of_report_period_tenant_and_recipient():
    first = mail_to()["Message-ID"]
    assert re.fullmatch(r"<daily\.2026-02-26\.[0-9a-f]{32}@dax7\.example>", first)
    assert mail_to("Owner <OWNER@dax7.example>")["Message-ID"] == first
    others = [
        mail_to("other@dax7.example"),
        mail_to(report=REPORT._replace(tenant_id="dax8")),
        mail_to(report=REPORT._replace(period=day_period(date(2026, 2, 27)))),
        mail_to(report=REPORT._replace(report="weekly")),
    ]
    assert len({first, *(mail["Message-ID"] for mail in others)}) == 5


@pytest.mark.parametrize("recipient", ["", "nobody", "a@", "a@b.example\nBcc: c@d.example", "a b@c.example"])
def test_an_address_that_is_none_is_refused(recipient):
    with pytest.raises(ValueError, match="recipient: expected an e-mail address"):
        mail_to(recipient)


# ---------------------------------------------------------------------------------------------- files


def test_without_a_server_a_mail_becomes_one_file(tmp_path):
    delivery = deliver([mail_to(), mail_to("b@dax7.example")], smtp_url=None, mail_dir=tmp_path)
    assert (delivery.sent, delivery.written, delivery.already_sent) == (0, 2, 0)
    again = deliver([mail_to()], smtp_url=None, mail_dir=tmp_path)
    assert (again.written, again.already_sent) == (0, 1)
    files = sorted(tmp_path.glob("*.eml"))
    assert len(files) == 2
    assert sorted(delivery.files) == files
    mail = message_from_bytes(files[0].read_bytes(), policy=policy.default)
    assert mail["Subject"] == REPORT.subject
    assert b"\r\n" in files[0].read_bytes()


def test_a_mail_that_was_only_written_can_be_sent_later(tmp_path):
    deliver([mail_to()], smtp_url=None, mail_dir=tmp_path)
    inbox = Inbox()
    with smtp(inbox) as server:
        assert deliver([mail_to()], smtp_url=f"smtp://{server}", mail_dir=tmp_path).sent == 1
    assert deliver([mail_to()], smtp_url=None, mail_dir=tmp_path).already_sent == 1


# ---------------------------------------------------------------------------------------------- sending


def test_a_server_gets_each_mail_once(tmp_path):
    inbox = Inbox()
    with smtp(inbox) as server:
        url, ledger = f"smtp://{server}", tmp_path / "state" / "sent.jsonl"
        mails = [mail_to(), mail_to("b@dax7.example"), mail_to()]
        first = deliver(mails, smtp_url=url, mail_dir=tmp_path, ledger=ledger)
        again = deliver(mails, smtp_url=url, mail_dir=tmp_path, ledger=ledger)
    assert (first.sent, first.already_sent) == (2, 1)
    assert (again.sent, again.already_sent) == (0, 3)
    assert inbox.recipients == [OWNER, "b@dax7.example"]
    assert inbox.mails[0]["Subject"] == REPORT.subject
    assert not list(tmp_path.glob("*.eml"))


def test_two_runs_at_once_send_a_mail_once(tmp_path):
    inbox = Inbox()
    with smtp(inbox) as server:
        runs = [
            threading.Thread(
                target=deliver, args=([mail_to()],), kwargs={"smtp_url": f"smtp://{server}", "mail_dir": tmp_path}
            )
            for _ in range(6)
        ]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
    assert len(inbox.mails) == 1


def test_a_crash_after_the_intent_sends_again_under_the_same_message_id(tmp_path):
    ledger = tmp_path / "sent.jsonl"
    ledger.write_text(json.dumps({"key": message_key(REPORT, OWNER), "state": "intent"}) + '\n{"key": "torn')
    inbox = Inbox()
    with smtp(inbox) as server:
        assert deliver([mail_to()], smtp_url=f"smtp://{server}", mail_dir=tmp_path).sent == 1
        assert deliver([mail_to()], smtp_url=f"smtp://{server}", mail_dir=tmp_path).already_sent == 1
    assert [mail["Message-ID"] for mail in inbox.mails] == [mail_to()["Message-ID"]]
    # The line torn by the crash is left behind; those after it are whole.
    assert [json.loads(line)["state"] for line in ledger.read_text().splitlines()[2:]] == ["rendered", "intent", "sent"]


def test_the_intent_is_on_disk_before_the_server_hears_of_the_mail(tmp_path):
    ledger = tmp_path / "sent.jsonl"

    class Nosy(Inbox):
        async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
            self.seen = [json.loads(line)["state"] for line in ledger.read_text().splitlines()]
            return await super().handle_DATA(server, session, envelope)

    inbox = Nosy()
    with smtp(inbox) as server:
        deliver([mail_to()], smtp_url=f"smtp://{server}", mail_dir=tmp_path)
    assert inbox.seen == ["rendered", "intent"]
    assert [json.loads(line)["state"] for line in ledger.read_text().splitlines()] == ["rendered", "intent", "sent"]


def test_a_refused_recipient_is_named_and_the_others_get_theirs(tmp_path):
    inbox = Inbox(refuse_recipient="gone@dax7.example")
    with smtp(inbox) as server, pytest.raises(MailNotSent) as caught:
        deliver([mail_to("gone@dax7.example"), mail_to()], smtp_url=f"smtp://{server}", mail_dir=tmp_path)
    expected = "mail not sent to gone@dax7.example: the server refused the recipient (550 5.1.1 no such mailbox)"
    assert str(caught.value) == expected
    assert caught.value.delivery.sent == 1
    assert inbox.recipients == [OWNER]


def test_a_mail_refused_for_now_is_sent_by_the_next_run(tmp_path):
    inbox = Inbox(refuse_data="451 try again later")
    with smtp(inbox) as server:
        with pytest.raises(MailNotSent, match=r"refused the mail \(451 try again later\)"):
            deliver([mail_to()], smtp_url=f"smtp://{server}", mail_dir=tmp_path)
        inbox.refuse_data = ""
        assert deliver([mail_to()], smtp_url=f"smtp://{server}", mail_dir=tmp_path).sent == 1
    assert len(inbox.mails) == 1


def test_a_server_out_of_reach_is_said_in_one_sentence_without_the_password(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"smtp://user:s3cret@127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(MailNotSent, match=rf"{OWNER}: smtp://127\.0\.0\.1:\d+ cannot be reached") as caught:
            deliver([mail_to()], smtp_url=url, mail_dir=tmp_path)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_user_and_password_are_percent_decoded_and_a_wrong_one_is_said(tmp_path, caplog):
    def check(server, session, envelope, mechanism, login: LoginPassword) -> AuthResult:
        return AuthResult(success=login == LoginPassword(b"me@dax7.example", b"p@ss/word"), handled=False)

    inbox = Inbox()
    options = {"authenticator": check, "auth_required": True, "auth_require_tls": False}
    with smtp(inbox, **options) as server:
        with pytest.raises(MailNotSent, match="refused the user name or password"):
            deliver([mail_to()], smtp_url=f"smtp://me:wrong@{server}", mail_dir=tmp_path)
        url = f"smtp://me%40dax7.example:p%40ss%2Fword@{server}"
        assert deliver([mail_to()], smtp_url=url, mail_dir=tmp_path).sent == 1
    assert "unencrypted" in caplog.text
    assert "word" not in caplog.text.replace("password", "")


@pytest.mark.parametrize(
    "url", ["http://mail.example", "smtp://", "mail.example", "smtp://u:s3cret@:25", "smtp://h:99999"]
)
def test_an_address_of_a_server_that_is_none_is_refused_without_repeating_it(url, tmp_path):
    with pytest.raises(ValueError, match="smtp_url: ") as caught:
        deliver([mail_to()], smtp_url=url, mail_dir=tmp_path)
    assert "s3cret" not in str(caught.value)


def test_the_scheme_decides_the_port_and_the_password_stays_out_of_logs():
    assert smtp_server("smtp://mail.example").port == 25
    assert smtp_server("smtps://mail.example").port == 465
    assert smtp_server("smtp+starttls://mail.example").port == 587
    assert "s3cret" not in repr(smtp_server("smtps://me:s3cret@mail.example"))


def test_a_connection_that_must_be_secure_is_never_used_in_the_clear(tmp_path: Path):
    inbox = Inbox()
    with smtp(inbox) as server, pytest.raises(MailNotSent, match="STARTTLS"):
        deliver([mail_to()], smtp_url=f"smtp+starttls://{server}", mail_dir=tmp_path)
    assert not inbox.mails


@pytest.mark.parametrize(
    ("answer", "is_gone"),
    [
        ("550 5.1.1 <a@b.example>: Recipient address rejected: User unknown in relay recipient table", True),
        ("550 5.2.1 mailbox disabled", True),
        ("550 no such user here", True),
        ("550 relay not permitted", False),
        ("553 sorry, that domain is not in my list of allowed rcpthosts", False),
        ("530 Authentication required", False),
        ("550 5.4.5 Daily user sending quota exceeded", False),
        ("554 5.7.1 Relay access denied", False),
        ("550 5.1.8 sender's domain not found", False),
        ("552 5.2.2 mailbox full", False),
        ("554 no", False),
    ],
)
def test_a_fault_of_ours_at_the_recipient_waits_and_only_a_dead_address_is_refused(answer, is_gone):
    outcome = handed_to(["250 here", "250 OK", answer, "250 OK"])
    expected = ("refused", True) if is_gone else ("waiting", False)
    assert (outcome.state, outcome.at_recipient) == expected
    assert is_about_address(int(answer[:3]), answer) is is_gone


@pytest.mark.parametrize(
    ("answer", "state"), [("OK thanks", "unknown"), ("354 more", "unknown"), ("554 no", "refused")]
)
def test_what_is_no_answer_to_the_end_of_a_mail_leaves_it_unknown(answer, state):
    assert handed_to(["250 here", "250 OK", "250 OK", "354 go on", answer]).state == state


def handed_to(answers: list[str]):
    """What a server makes of a mail that answers so, line by line, whatever it is told."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall("".join(f"{answer}\r\n" for answer in answers).encode())
        connection = smtplib.SMTP()
        connection.sock = ours
        server = smtp_server("smtp://mail.example")
        try:
            return hand_over(
                connection, server, sender="a@b.example", recipient=OWNER, content=b"x\r\n", before_end=lambda: None
            )
        finally:
            connection.close()
