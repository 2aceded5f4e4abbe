"""How does a report become an e-mail, and how does each leave once?

multipart/mixed -> related -> alternative (text, html); the pictures lie beside the alternative, the attachments at the
end (docs/definitions.md, reports). Message-ID and key come from (report, period, tenant, recipient), so that a retry is
the same message to every mail server. `deliver` sends by SMTP where a server is set, else writes files that any mail
program opens; the outbox remembers what has left.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from pathlib import Path
from smtplib import SMTPException
from typing import NamedTuple
from urllib.parse import quote

from flows.post.outbox import FILE_MODE, FOLDER_MODE, Outbox, opened
from flows.post.smtp import SmtpServer, connected, reason_of, refusal, smtp_server
from flows.report.rendered import Report


class _MailPolicy(EmailPolicy):
    """How headers are written: as Python does, but for those that hold addresses of the web.

    Python folds a word longer than a line into encoded words, and no mail program decodes a List-Unsubscribe.
    """

    def fold(self, name: str, value: str) -> str:
        """Return one header as lines."""
        if name.lower().startswith("list-"):
            return f"{name}: {str(value).replace(', ', f',{self.linesep} ')}{self.linesep}"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return one header as lines of bytes."""
        if name.lower().startswith("list-"):
            return self.fold(name, value).encode("ascii")
        return bytes(super().fold_binary(name, value))


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


def message(
    report: Report,
    *,
    sender: str,
    recipient: str,
    unsubscribe: str | None = None,
    sent_utc: datetime | None = None,
) -> EmailMessage:
    """Return the mail of a report to one recipient.

    sender, recipient  `name@host` or `Name <name@host>`; ValueError if neither
    unsubscribe        address that takes people off the list (the sender's if not given), or an https:// URL that does
                       so on one POST (RFC 8058)
    """
    mail = EmailMessage(policy=POLICY)
    sender_address = _address(sender, "sender")
    mail["From"] = sender_address
    mail["To"] = _address(recipient, "recipient")
    mail["Subject"] = report.subject
    mail["Date"] = format_datetime(sent_utc or datetime.now(UTC))
    mail["Message-ID"] = f"<{message_key(report, recipient)}@{sender_address.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    list_name = f"{report.report}.{list_label(report.tenant_id)}"
    mail["List-Id"] = f"<{list_name}.{sender_address.domain}>"
    is_url = (unsubscribe or "").startswith("https://") and (unsubscribe or "").isascii()
    address = sender_address if is_url or not unsubscribe else _address(unsubscribe, "unsubscribe")
    mailto = f"<mailto:{address.addr_spec}?subject={quote(f'unsubscribe {list_name}')}>"
    if is_url:
        mail["List-Unsubscribe"] = f"<{unsubscribe}>, {mailto}"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    else:
        mail["List-Unsubscribe"] = mailto
    _fill(mail, report)
    return mail


def message_key(report: Report, recipient: str) -> str:
    """Return the key under which a mail is sent once: report, period, tenant, recipient."""
    return _sent_key(report.report, report.period.key, report.tenant_id, recipient)


def is_of_tenant(mail: EmailMessage, tenant_id: str) -> bool:
    """Whether a mail of `message` is a report of this tenant; its headers name the tenant as part of the key only."""
    key = _key(mail)
    report, _, rest = key.partition(".")
    return key == _sent_key(report, rest.partition(".")[0], tenant_id, _recipient(mail))


def _sent_key(report: str, service_date: str, tenant_id: str, recipient: str) -> str:
    address = parseaddr(recipient)[1].strip().lower()
    identity = "\n".join([report, service_date, tenant_id, address])
    return f"{report}.{service_date}.{sha256(identity.encode()).hexdigest()[:32]}"


def _fill(mail: EmailMessage, report: Report) -> None:
    """Add text, page, pictures and attachments."""
    alternative = MIMEPart(policy=POLICY)
    alternative.set_content(report.text)
    alternative.add_alternative(report.html, subtype="html")
    related = MIMEPart(policy=POLICY)
    related["Content-Type"] = 'multipart/related; type="multipart/alternative"'
    related.attach(alternative)
    for content_id, png in report.images.items():
        picture = MIMEPart(policy=POLICY)
        name = f"{content_id.partition('@')[0]}.png"
        picture.set_content(png, "image", "png", disposition="inline", filename=name, cid=f"<{content_id}>")
        related.attach(picture)
    mail["MIME-Version"] = "1.0"
    mail["Content-Type"] = "multipart/mixed"
    mail.attach(related)  # type: ignore[arg-type]  # any part will do
    for name, content in report.attachments.items():
        subtype = "csv" if name.endswith(".csv") else "octet-stream"
        maintype = "text" if subtype == "csv" else "application"
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


def deliver(
    messages: Sequence[EmailMessage], *, smtp_url: str | None, mail_dir: Path, ledger: Path | None = None
) -> Delivery:
    """Send each message once, or write it once as `.eml` into `mail_dir` where no server is set.

    `ledger` remembers what has left, `mail_dir/sent.jsonl` if not given. Raises `MailNotSent` after all were tried. A
    mail that was only written can still be sent later.
    """
    server = smtp_server(smtp_url) if smtp_url else None
    with opened(ledger or mail_dir / "sent.jsonl") as outbox:
        done = {"sent", "written"} if server is None else {"sent"}
        due: dict[str, EmailMessage] = {}
        for mail in messages:
            if outbox.state(_key(mail)) not in done:
                due.setdefault(_key(mail), mail)
        already_sent = len(messages) - len(due)
        if server is None:
            files = tuple(_write(mail, mail_dir / f"{key}.eml") for key, mail in due.items())
            for key, mail in due.items():
                outbox.note(key, "written", _recipient(mail))
            return Delivery(0, len(files), already_sent, files)
        failures = _send(server, due, outbox)
    delivery = Delivery(len(due) - len(failures), 0, already_sent)
    if failures:
        raise MailNotSent(failures, delivery)
    return delivery


def _send(server: SmtpServer, due: Mapping[str, EmailMessage], outbox: Outbox) -> list[tuple[str, str]]:
    """Send the mails over one connection; returns recipient and reason of those that were not accepted."""
    failures: list[tuple[str, str]] = []
    waiting = dict(due)
    if not waiting:
        return failures
    try:
        with connected(server) as connection:
            for key, mail in due.items():
                outbox.note(key, "intent", _recipient(mail))
                reason = refusal(connection, mail)
                outbox.note(key, "refused" if reason else "sent", _recipient(mail), reason)
                del waiting[key]
                if reason:
                    failures.append((_recipient(mail), reason))
    except (SMTPException, OSError) as error:
        failures += [(_recipient(mail), reason_of(error, server)) for mail in waiting.values()]
    return failures


def _key(mail: EmailMessage) -> str:
    """Return the part of the Message-ID that names report, period, tenant and recipient."""
    return str(mail["Message-ID"]).strip("<>").rpartition("@")[0]


def _recipient(mail: EmailMessage) -> str:
    return parseaddr(str(mail["To"]))[1]


def _write(mail: EmailMessage, path: Path) -> Path:
    """Write a mail as a file, whole or not at all; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    part = path.with_suffix(".part")
    part.touch(FILE_MODE)
    part.chmod(FILE_MODE)  # also one that a run that died left
    with part.open("wb") as out:
        out.write(mail.as_bytes())
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)
    return path
