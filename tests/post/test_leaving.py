"""From a mail that was sent to no more mails: by its own link, by the mail of a mail program, by its bounce."""

import http.client
from datetime import timedelta
from email.message import EmailMessage
from urllib.parse import parse_qs, urlsplit

import pytest

from flows.post.mailboxes import parsed
from flows.post.reading import read_mail
from flows.post.recipients import recipients
from flows.post.unsubscribe_server import unsubscribe_served
from flows.settings import Settings
from tests.post.test_due import NOON, OWNER, line, post

NOTIFICATION = """\
From: MAILER-DAEMON@mx.example
Content-Type: multipart/report; report-type=delivery-status; boundary=notice

--notice
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; alias-behind-the-owner@x.example
Action: failed
Status: {status}

--notice
Content-Type: message/rfc822

{mail}
--notice--
"""
BOTH = f'address = "{OWNER}"\ntenant = ["a", "b"]'


@pytest.fixture
def settings(tmp_path) -> Settings:
    return line(tmp_path, BOTH, base_url="https://line.example/post", unsubscribe_port=0)


@pytest.fixture
def mail(settings) -> EmailMessage:
    """The mail about tenant a; the one about b left with it."""
    mails = {str(found["Subject"])[:1]: found for found in post(settings, NOON)}
    assert mails.keys() == {"a", "b"}
    return mails["a"]


def stops(mail: EmailMessage) -> tuple[str, str]:
    https, mailto = (part.strip().strip("<>") for part in str(mail["List-Unsubscribe"]).split(","))
    return https, mailto


def subjects_of_tomorrow(settings: Settings) -> list[str]:
    return sorted(str(found["Subject"])[:1] for found in post(settings, NOON + timedelta(days=1)))


def test_the_link_in_a_mail_stops_that_report_of_that_tenant(settings, mail):
    https, _ = stops(mail)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert https in mail.get_body(("plain",)).get_content()
    with unsubscribe_served(settings) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
        connection.request("POST", urlsplit(https).path, b"List-Unsubscribe=One-Click")
        assert connection.getresponse().status == 200
        connection.close()
    assert subjects_of_tomorrow(settings) == ["b"]


def test_the_mail_that_a_mail_program_sends_stops_it_too(settings, mail):
    asked = urlsplit(stops(mail)[1])
    request = EmailMessage()
    request["From"], request["To"] = OWNER, asked.path
    request["Subject"] = parse_qs(asked.query)["subject"][0]
    (read,) = read_mail(settings, parsed(request.as_bytes()), recipients(settings))
    assert read.line == f"unsubscribed {OWNER}: daily of a"
    assert subjects_of_tomorrow(settings) == ["b"]


@pytest.mark.parametrize(("status", "left"), [("5.7.1", ["b"]), ("5.1.1", []), ("4.4.1", ["a", "b"])])
def test_a_notification_that_brings_the_mail_back_stops_what_it_says(settings, mail, status, left):
    (written,) = settings.mail_dir.glob(f"{str(mail['Message-ID']).strip('<>').rpartition('@')[0]}.eml")
    content = NOTIFICATION.format(status=status, mail=written.read_text())
    (read,) = read_mail(settings, parsed(content.encode()), recipients(settings))
    assert f"{OWNER}, daily of a: {status}" in read.line
    assert subjects_of_tomorrow(settings) == left
