"""How does a report become an e-mail to one recipient?

multipart/mixed -> related -> alternative (text, html); the pictures lie beside the alternative, the attachments at the
end (docs/definitions.md, reports). Message-ID and key come from (report, period, tenant, recipient, correction), so
that a retry is the same message to every mail server.
"""

import re
from collections.abc import Sequence, Set
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from flows.report.kinds import ALL_FORMATS
from flows.report.rendered import Report

LINE_LENGTH = 76  # of a line with an encoded word (RFC 2047, 2)


class _MailPolicy(EmailPolicy):
    """How headers are written: as Python does, but for those that hold addresses of the web, and the subject.

    Python folds a word longer than a line into encoded words, and no mail program decodes a List-Unsubscribe. Of a
    subject it encodes word by word and loses spaces between two: they are no part of either (RFC 2047, 6.2).
    """

    def fold(self, name: str, value: str) -> str:
        """Return one header as lines."""
        if name.lower().startswith("list-"):
            return f"{name}: {str(value).replace(', ', f',{self.linesep} ')}{self.linesep}"
        if name.lower() == "subject" and not str(value).isascii():
            text = Header(str(value), "utf-8", maxlinelen=LINE_LENGTH, header_name=name).encode(linesep=self.linesep)
            return f"{name}: {text}{self.linesep}"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return one header as lines of bytes."""
        if name.lower().startswith("list-") or (name.lower() == "subject" and not str(value).isascii()):
            return self.fold(name, value).encode("ascii")
        return bytes(super().fold_binary(name, value))


ATTACHED = {
    "csv": ("text", "csv"),
    "xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
EXCEPTIONS = "exceptions"  # the report of what is new since the last one: a day may have several

# 7bit: not every relay takes eight, and a relay that converts breaks the signature of the sender's domain.
POLICY = _MailPolicy(linesep="\r\n", cte_type="7bit")


class Delivery(NamedTuple):
    """How many mails left by SMTP, were written as files (and where), or had been delivered before."""

    sent: int
    written: int
    already_sent: int
    files: tuple[Path, ...] = ()

    def lines(self) -> list[str]:
        """Return what was done in words, one line each."""
        lines = [f"mail written: {path}" for path in self.files]
        lines += [f"mails sent: {self.sent}"] if self.sent else []
        return lines + ([f"mails delivered before, not again: {self.already_sent}"] if self.already_sent else [])


class MailNotSent(Exception):
    """A mail was not accepted; the other recipients' mails were still tried unless the server is out of reach."""

    def __init__(self, failures: Sequence[tuple[str, str]], delivery: Delivery) -> None:
        """`failures` are pairs of recipient and reason, `delivery` is what was done nevertheless."""
        listed = "; ".join(f"{recipient}: {reason}" for recipient, reason in failures)
        super().__init__(f"mail not sent to {listed}")
        self.failures = tuple(failures)
        self.delivery = delivery


class Reference(NamedTuple):
    """The mail that a correction is about: its Message-ID, and which correction of it this is."""

    message_id: str
    correction: int


def message(
    report: Report,
    *,
    sender: str,
    recipient: str,
    unsubscribe: str | None = None,
    stop: tuple[str | None, str] | None = None,
    formats: Set[str] = ALL_FORMATS,
    reference: Reference | None = None,
    sent_utc: datetime | None = None,
) -> EmailMessage:
    """Return the mail of a report to one recipient.

    sender, recipient  `name@host` or `Name <name@host>`; ValueError if neither
    unsubscribe        address that takes people off the list (the sender's if not given), or an https:// URL that does
                       so on one POST (RFC 8058)
    stop               both, made for this recipient: an https: URL, if any, and a mailto: URL; also shown at the end
    formats            which of html, text, xlsx and csv; the text part is always there
    reference          what it corrects
    """
    mail = EmailMessage(policy=POLICY)
    sender_address = _address(sender, "sender")
    mail["From"] = sender_address
    mail["To"] = _address(recipient, "recipient")
    mail["Subject"] = report.subject
    mail["Date"] = format_datetime(sent_utc or datetime.now(UTC))
    key = message_key(report, recipient, reference.correction if reference else 0)
    mail["Message-ID"] = f"<{key}@{sender_address.domain}>"
    if reference:
        mail["In-Reply-To"] = reference.message_id
        mail["References"] = reference.message_id
    mail["Auto-Submitted"] = "auto-generated"
    list_name = f"{report.report}.{list_label(report.tenant_id)}"
    mail["List-Id"] = f"<{list_name}.{sender_address.domain}>"
    shown = stop
    if stop is None:
        is_url = (unsubscribe or "").startswith("https://") and (unsubscribe or "").isascii()
        address = sender_address if is_url or not unsubscribe else _address(unsubscribe, "unsubscribe")
        mailto = f"mailto:{address.addr_spec}?subject={quote(f'unsubscribe {list_name}')}"
        stop = unsubscribe if is_url else None, mailto
    https, mailto = stop
    if https:
        mail["List-Unsubscribe"] = f"<{https}>, <{mailto}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    else:
        mail["List-Unsubscribe"] = f"<{mailto}>"
    _fill(mail, _with_stop(report, shown) if shown else report, formats)
    return mail


def message_key(report: Report, recipient: str, correction: int = 0) -> str:
    """Return the key under which a mail is sent once: report, period, tenant, recipient, correction.

    A report of exceptions is also told from another by what it tells.
    """
    told = report.told if report.report == EXCEPTIONS else ()
    return key_of(report.report, report.period.key, report.tenant_id, recipient, correction, told)


def key_of(
    report: str, period: str, tenant_id: str, recipient: str, correction: int = 0, told: tuple[str, ...] = ()
) -> str:
    """Return the key of a mail by what makes it one."""
    address = parseaddr(recipient)[1].strip().lower()
    identity = "\n".join([report, period, tenant_id, address, *sorted(told)])
    number = f".c{correction}" if correction else ""
    return f"{report}.{period}.{sha256(identity.encode()).hexdigest()[:32]}{number}"


def is_of_tenant(mail: EmailMessage, tenant_id: str) -> bool:
    """Whether a mail of `message` may be a report of this tenant.

    Its key names the tenant, but for one of exceptions, whose key also holds what it tells: there the list's name does.
    """
    report, period, *_ = [*key_in(mail).split("."), "", ""]
    if report == EXCEPTIONS:
        return str(mail["List-Id"]).startswith(f"<{report}.{list_label(tenant_id)}.")
    return key_in(mail).startswith(key_of(report, period, tenant_id, recipient_in(mail)))


def key_in(mail: EmailMessage) -> str:
    """Return the key of a mail, which its Message-ID begins with."""
    return str(mail["Message-ID"]).strip("<>").rpartition("@")[0]


def recipient_in(mail: EmailMessage) -> str:
    """Return the address that a mail goes to."""
    return parseaddr(str(mail["To"]))[1]


def bytes_of(mail: EmailMessage) -> bytes:
    """Return a mail as it travels; addresses outside ASCII need a server that takes them (RFC 6531)."""
    addresses = parseaddr(str(mail["From"]))[1] + recipient_in(mail)
    return mail.as_bytes() if addresses.isascii() else mail.as_bytes(policy=POLICY.clone(utf8=True))


def _with_stop(report: Report, stop: tuple[str | None, str]) -> Report:
    """Return the report with a last line that says how to stop it."""
    url = stop[0] or stop[1]
    link = f'<a href="{escape(url)}" style="color:#52606d;">Stop this report</a>'
    line = f'<p style="text-align:center;font-family:sans-serif;font-size:12px;color:#52606d;">{link}</p>'
    return report._replace(
        text=f"{report.text.rstrip()}\n\nStop this report: {url}\n",
        html=re.sub(r"(</body>|\Z)", lambda end: line + end[0], report.html, count=1, flags=re.IGNORECASE),
    )


def _fill(mail: EmailMessage, report: Report, formats: Set[str]) -> None:
    """Add text, page, pictures and attachments."""
    alternative = MIMEPart(policy=POLICY)
    alternative.set_content(report.text)
    if "html" in formats:
        alternative.add_alternative(report.html, subtype="html")
    related = MIMEPart(policy=POLICY)
    related["Content-Type"] = 'multipart/related; type="multipart/alternative"'
    related.attach(alternative)
    for content_id, png in report.images.items() if "html" in formats else ():
        picture = MIMEPart(policy=POLICY)
        name = f"{content_id.partition('@')[0]}.png"
        picture.set_content(png, "image", "png", disposition="inline", filename=name, cid=f"<{content_id}>")
        related.attach(picture)
    mail["MIME-Version"] = "1.0"
    mail["Content-Type"] = "multipart/mixed"
    mail.attach(related if "html" in formats else alternative)  # type: ignore[arg-type]  # any part will do
    for name, content in report.attachments.items():
        kind = name.rpartition(".")[2].lower()
        if kind in ALL_FORMATS and kind not in formats:
            continue
        maintype, subtype = ATTACHED.get(kind, ("application", "octet-stream"))
        mail.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)


def _address(text: str, argument: str) -> Address:
    """Return an address for a header; a line break in it would be a header of somebody else's choosing."""
    name, spec = parseaddr(text)
    local, at, domain = spec.rpartition("@")
    if not (local and at and domain) or any(letter.isspace() for letter in spec) or "\n" in text or "\r" in text:
        raise ValueError(f"{argument}: expected an e-mail address, got {text!r}")
    return Address(display_name=name, username=local, domain=domain)


def list_label(text: str) -> str:
    """Return text as one label of a list id."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text.lower()) or "all"
