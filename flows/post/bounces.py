"""Which of our mails did not reach whom, for good or for now?

Mail servers say so by a delivery status notification (RFC 3464), or at once with a number (RFC 5321) that may carry an
enhanced status (RFC 3463). 5.x.x is for good, 4.x.x and a full mailbox are for now. An address that does not exist is
dead for every report; anything else is about the one report that came back.
"""

import re
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.utils import parseaddr
from typing import Literal, NamedTuple

from flows.post.mailboxes import header
from flows.post.states import Key
from flows.post.unsubscribing import note_all
from flows.settings import Settings

MAILBOX_FULL = "5.2.2"  # sent as permanent, and over when somebody tidies up
NO_SUCH_MAILBOX = re.compile(r"5\.1\.[0-6]|5\.1\.10|5\.2\.1")  # RFC 3463 3.2 and 3.3; 5.1.7 and 5.1.8 are the sender
LONGEST_WHY = 300
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_REPLY = re.compile(r"(?<![\d.])([245])(\d\d)(?![\d.])")


class Bounce(NamedTuple):
    """One recipient that one mail did not reach; `why` is what the server said of it, in one line."""

    address: str
    status: str
    is_for_good: bool
    why: str


class Returned(NamedTuple):
    """What came back of our mail: its Message-ID and List-Unsubscribe, empty where it did not say."""

    message_id: str = ""
    list_unsubscribe: str = ""


def status_of(said: str) -> str:
    """Return the enhanced status in a server's words; `5.0.0` where there is only a number such as 550, or nothing."""
    if found := _ENHANCED.search(said):
        return found[1]
    reply = _REPLY.search(said)
    if reply is None:
        return "5.0.0"
    return MAILBOX_FULL if reply[0] == "552" else f"{reply[1]}.0.0"


def is_for_good(status: str) -> bool:
    """Whether trying again is of no use."""
    return status.startswith("5.") and status != MAILBOX_FULL


def note_bounce(
    settings: Settings, who: Key, said: str, *, how: str = "smtp", source: str = "", mail: str = ""
) -> Literal["bounced", "bounced for now", ""]:
    """Note that a mail did not reach a recipient, in the server's words: `550 5.1.1 no such mailbox`.

    For final answers only: a mail that is tried again has not bounced. `mail` is its Message-ID, `source` the mail that
    said so. Returns what was noted; nothing where that mail was read before.
    """
    status = status_of(said)
    is_dead = bool(NO_SUCH_MAILBOX.fullmatch(status))
    happened: Literal["bounced", "bounced for now"] = "bounced" if is_for_good(status) else "bounced for now"
    is_new = note_all(
        settings, who.address, happened,
        how=how, why=one_line(said), report=None if is_dead else who.report,
        tenant_id=None if is_dead else who.tenant_id, source=source, mail=mail,
    )  # fmt: skip
    return happened if is_new else ""


def bounces_in(mail: EmailMessage) -> list[Bounce] | None:
    """Return whom a notification says was not reached; None for a mail that is no notification."""
    if mail.get_content_type() != "multipart/report":
        return None
    found: list[Bounce] = []
    is_notification = False
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status" and isinstance(part.get_payload(), list):
            is_notification = True
            blocks = [block for block in part.get_payload() if isinstance(block, Message)]
            found += [bounce for block in blocks if (bounce := _bounce(block)) is not None]
    return found if is_notification else None


def _bounce(block: Message) -> Bounce | None:
    """One recipient of a notification; None for the block about the mail, and for one that was reached."""
    action = header(block, "Action").strip().lower()
    if action not in ("failed", "delayed"):
        return None
    diagnostic = _after_type(header(block, "Diagnostic-Code"))
    status = status_of(f"{header(block, 'Status')} {diagnostic}")
    address = _after_type(header(block, "Original-Recipient") or header(block, "Final-Recipient"))
    if action == "delayed" and status.startswith("5."):
        status = f"4.{status[2:]}"
    why = one_line(diagnostic)
    why = why if status in why else f"{status} {why}".strip()
    return Bounce(parseaddr(address)[1].lower(), status, is_for_good(status), why)


def returned_by(mail: EmailMessage) -> Returned:
    """Return what a notification brings back of our mail, be it whole or its headers only."""
    for part in mail.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822" and isinstance(part.get_payload(), list) and part.get_payload():
            return _returned(part.get_payload(0))
        if kind == "text/rfc822-headers":
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                return _returned(message_from_bytes(content))
    return Returned()


def _returned(headers: object) -> Returned:
    if not isinstance(headers, Message):
        return Returned()
    return Returned(header(headers, "Message-ID").strip(), header(headers, "List-Unsubscribe"))


def one_line(text: str) -> str:
    """Return a server's words in one line of bounded length."""
    return " ".join(text.split())[:LONGEST_WHY]


def _after_type(text: str) -> str:
    """Return what follows the type of a field: `a@b` of `rfc822; a@b`."""
    return text.partition(";")[2].strip() if ";" in text else text.strip()
