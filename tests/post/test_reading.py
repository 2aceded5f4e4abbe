"""Mails that come back: whose they are, what a bounce is, and what is no request to stop."""

import json
import mailbox
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.post.bounces import bounces_in, note_bounce, returned_by, status_of
from flows.post.listing import read_files
from flows.post.mailboxes import parsed
from flows.post.reading import read_mail
from flows.post.recipients import Recipient, recipients
from flows.post.states import read_events, standing
from flows.post.unsubscribing import token_of, unsubscribe_key
from flows.settings import Settings

SAMPLES = Path(__file__).parents[1] / "data" / "bounces"
OWNER = "owner@northwind.example"
MAIL_KEY = "daily.2026-02-26.0123456789abcdef0123456789abcdef"
MESSAGE_ID = f"<{MAIL_KEY}@fleet.example>"
FILE = f"""
[[recipient]]
address = "Owner <{OWNER}>"
report = "daily"
tenant = ["northwind", "nordwind"]
[[recipient]]
address = "other@northwind.example"
report = "daily"
tenant = "northwind"
"""


@pytest.fixture
def line(tmp_path) -> Settings:
    (tmp_path / "recipients.toml").write_text(FILE)
    (tmp_path / "mail").mkdir()
    sent = {"key": MAIL_KEY, "state": "sent", "recipient": OWNER, "about": {"tenant_id": "nordwind"}}
    (tmp_path / "mail" / "sent.jsonl").write_text(json.dumps(sent) + '\n{"key": "torn')
    return Settings(_env_file=None, data_dir=tmp_path)


def listed(line: Settings) -> list[Recipient]:
    return recipients(line, [])


def owner(line: Settings, tenant: str = "northwind") -> Recipient:
    return next(one for one in listed(line) if one.key == (OWNER, "daily", tenant))


def sample(
    line: Settings, name: str, *, tenant: str = "northwind", message_id: str = "<gone@x>", key: bytes = b""
) -> EmailMessage:
    token = token_of(key or unsubscribe_key(line), owner(line, tenant).key)
    text = (SAMPLES / f"{name}.eml").read_text()
    return parsed(text.replace("{token}", token).replace("{message_id}", message_id).encode())


def states(line: Settings) -> dict[str, str]:
    return {f"{one.key.address.partition('@')[0]} {one.tenant_id}": one.state for one in listed(line)}


def kinds(line: Settings, mail: EmailMessage) -> list[str]:
    return [read.kind for read in read_mail(line, mail, listed(line))]


ACTIVE = {"owner northwind": "active", "owner nordwind": "active", "other northwind": "active"}


# ---------------------------------------------------------------------------------------------- bounces


def test_an_address_that_does_not_exist_is_dead_for_every_report(line):
    (read,) = read_mail(line, sample(line, "postfix-no-mailbox"), listed(line))
    assert (read.kind, read.line) == (
        "bounced",
        "bounced owner@northwind.example, daily of northwind: 550 5.1.1 <owner@northwind.example>: Recipient address"
        " rejected: User unknown in virtual mailbox table",
    )
    assert states(line) == ACTIVE | {"owner northwind": "bounced", "owner nordwind": "bounced"}
    assert [(event.report, event.tenant_id) for event in read_events(line.recipient_events_path)] == [(None, None)]


def test_a_mail_refused_for_its_content_is_about_that_report(line):
    assert kinds(line, sample(line, "gmail-policy", message_id=MESSAGE_ID)) == ["bounced"]
    assert states(line) == ACTIVE | {"owner nordwind": "bounced"}
    assert owner(line, "nordwind").why == "550 5.7.1 Message rejected due to content restrictions"


@pytest.mark.parametrize("name", ["postfix-delayed", "exchange-mailbox-full"])
def test_what_may_pass_is_counted_and_a_bounce_only_after_five_mails(line, name):
    assert kinds(line, sample(line, name, message_id=MESSAGE_ID)) == ["bounced for now"]
    assert states(line) == ACTIVE
    who = owner(line, "nordwind").key
    for number in range(4):
        note_bounce(line, who, "452 4.2.2 full", mail=f"<{number}@x>")
    assert standing(read_events(line.recipient_events_path), who).state == "bounced"


def test_a_notice_read_twice_is_noted_once(line):
    mail = sample(line, "postfix-no-mailbox")
    assert [kinds(line, mail), kinds(line, mail)] == [["bounced"], ["known"]]
    assert len(read_events(line.recipient_events_path)) == 1


def test_whose_it_is_is_told_by_token_then_message_id_then_address(line):
    # By the address alone it would be northwind's, the first listed.
    for name, changes, tenant in (
        ("postfix-no-mailbox", {"tenant": "nordwind"}, "nordwind"),
        ("gmail-policy", {"message_id": MESSAGE_ID}, "nordwind"),
        ("exchange-mailbox-full", {}, "northwind"),
    ):
        assert f"daily of {tenant}" in read_mail(line, sample(line, name, **changes), listed(line))[0].line


def test_a_bounce_of_somebody_who_is_not_listed_is_no_concern(line):
    mail = parsed((SAMPLES / "gmail-policy.eml").read_bytes().replace(OWNER.encode(), b"stranger@x.example"))
    assert kinds(line, mail) == ["other"]
    assert states(line) == ACTIVE


def test_a_forged_token_in_what_came_back_is_none(line):
    forged = sample(line, "postfix-no-mailbox", tenant="nordwind", key=b"x" * 32)
    assert "daily of northwind" in read_mail(line, forged, listed(line))[0].line


def test_a_mail_that_was_delivered_is_no_bounce():
    mail = parsed((SAMPLES / "gmail-policy.eml").read_bytes().replace(b"Action: failed", b"Action: delivered"))
    assert bounces_in(mail) == []
    assert bounces_in(parsed(b"Subject: hello\n\n5.1.1")) is None


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("550 5.1.1 <a@b>: no such user", "5.1.1"),
        ("550 no such user here", "5.0.0"),
        ("452 too many", "4.0.0"),
        ("552 mailbox exceeds its quota", "5.2.2"),
        ("host 5.6.7.8[5.6.7.8] said: 451-4.7.1 greylisted", "4.7.1"),
        ("450 greylisted by 2001:db8::550", "4.0.0"),
        ("", "5.0.0"),
    ],
)
def test_a_status_is_found_in_a_server_s_words(said, status):
    assert status_of(said) == status


def test_a_refusal_while_sending_counts_the_same(line):
    who = owner(line).key
    assert note_bounce(line, who, "550 5.1.1 no such mailbox", mail=MESSAGE_ID) == "bounced"
    assert states(line) == ACTIVE | {"owner northwind": "bounced", "owner nordwind": "bounced"}
    assert [event.how for event in read_events(line.recipient_events_path)] == ["smtp"]


# ---------------------------------------------------------------------------------------------- requests


def reply(
    text: str = "", *, sender: str = f"The Owner <{OWNER}>", subject: str = "Re: northwind", **headers
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = sender, subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def test_the_mail_of_a_mail_program_stops_that_report_whoever_sends_it(line):
    token = token_of(unsubscribe_key(line), owner(line, "nordwind").key)
    assert kinds(line, reply(subject=f"unsubscribe {token}", sender="alias@elsewhere.example")) == ["unsubscribed"]
    assert states(line) == ACTIVE | {"owner nordwind": "unsubscribed"}
    forged = token_of(b"x" * 32, owner(line).key)
    assert kinds(line, reply(subject=f"unsubscribe {forged}", sender="alias@elsewhere.example")) == ["other"]


def test_a_request_of_an_earlier_version_s_mail_is_understood(line):
    assert kinds(line, reply(subject="unsubscribe daily.nordwind")) == ["unsubscribed"]
    assert states(line) == ACTIVE | {"owner nordwind": "unsubscribed"}
    assert kinds(line, reply(subject="unsubscribe daily.northwind", sender="stranger@x.example")) == ["other"]


@pytest.mark.parametrize(
    "text", ["Stop.\n\n> On Fri, Odograph wrote:\n> Idle 28.7 %", "\n  UNSUBSCRIBE !\n", "remove me"]
)
def test_a_reply_that_begins_with_stop_stops_the_report_it_answers(line, text):
    assert kinds(line, reply(text, In_Reply_To=MESSAGE_ID)) == ["unsubscribed"]
    assert states(line) == ACTIVE | {"owner nordwind": "unsubscribed"}


def test_a_reply_in_html_is_understood_too(line):
    mail = reply(In_Reply_To=MESSAGE_ID)
    mail.set_content("<style>p {}</style><div><p>Stop</p><p>Odograph wrote</p></div>", subtype="html")
    assert kinds(line, mail) == ["unsubscribed"]


def test_stop_without_the_mail_it_answers_stops_everything_of_that_address(line):
    assert kinds(line, reply("stop")) == ["unsubscribed", "unsubscribed"]
    assert states(line) == {**ACTIVE, "owner northwind": "unsubscribed", "owner nordwind": "unsubscribed"}


@pytest.mark.parametrize(
    "mail",
    [
        reply("Please stop the vans from idling."),
        reply("Thanks!\n\n> stop"),
        reply("stop", sender="stranger@x.example"),
        reply("stop", Auto_Submitted="auto-replied"),
        reply("stop", Precedence="bulk"),
        reply("I am away. To stop these messages ..."),
        parsed(b""),
        parsed(b"\xff\xfe\x00" * 100),
        parsed(b"Content-Type: text/plain; charset=klingon\nFrom: owner@northwind.example\n\nstop"),
    ],
)
def test_what_is_no_request_changes_nothing(line, mail):
    assert kinds(line, mail) == ["other"]
    assert states(line) == ACTIVE


def test_files_of_every_form_are_read_and_left_as_they_are(line, tmp_path):
    one, box, folder = tmp_path / "one.eml", tmp_path / "box", mailbox.Maildir(tmp_path / "folder")
    one.write_bytes(sample(line, "gmail-policy", message_id=MESSAGE_ID).as_bytes())
    mbox = mailbox.mbox(box)
    for text in ("hello", "stop"):
        mbox.add(reply(text, sender="other@northwind.example", Message_ID=f"<{text}@x>"))
    mbox.close()
    folder.add(reply("Stop", In_Reply_To=MESSAGE_ID, Message_ID="<3@x>"))
    before = one.read_bytes(), box.read_bytes()
    done = read_files(line, [one, box, tmp_path / "folder", tmp_path / "gone"])
    assert done.lines == [
        "bounced owner@northwind.example, daily of nordwind: 550 5.7.1 Message rejected due to content restrictions",
        "unsubscribed other@northwind.example: daily of northwind",
        "unsubscribed owner@northwind.example: daily of nordwind",
        "4 mails read: 2 unsubscribed, 1 bounced, 1 of no concern here",
    ]
    assert done.failures == [f"cannot read {tmp_path / 'gone'} (No such file or directory)"]
    assert (one.read_bytes(), box.read_bytes()) == before
    assert read_files(line, [box]).lines == ["2 mails read: 1 read before, 1 of no concern here"]


@pytest.mark.parametrize("name", ["From", "Message-ID", "Subject", "In-Reply-To", "Auto-Submitted"])
@pytest.mark.parametrize("value", ["<", ".:", '"', "=?klingon?q?x?="])
def test_a_header_that_the_parser_stumbles_over_is_no_request(line, name, value):
    assert kinds(line, parsed(f"{name}: {value}\n\nstop".encode())) == ["other"]


@settings(deadline=None, max_examples=50)
@given(
    st.binary(max_size=40), st.integers(0, 4000), st.sampled_from(sorted(path.name for path in SAMPLES.glob("*.eml")))
)
def test_whatever_bytes_come_something_is_found_or_nothing(noise, place, name):
    content = (SAMPLES / name).read_bytes()
    mail = parsed(content[:place] + noise + content[place:])
    found = bounces_in(mail) or []
    assert all(len(bounce.why) <= 320 and "\n" not in bounce.why for bounce in found)
    returned_by(mail)
