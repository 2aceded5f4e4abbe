"""Mails of a test, sent at once: each once, or written once where no server is set."""

from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

from flows.post.mail import Delivery, MailNotSent, bytes_of, key_in, recipient_in
from flows.post.outbox import opened
from flows.post.sending import has_left, send
from flows.post.smtp import smtp_server


def deliver(
    messages: Sequence[EmailMessage], *, smtp_url: str | None, mail_dir: Path, ledger: Path | None = None
) -> Delivery:
    """Send each message once, or write it once as `.eml` into `mail_dir` where no server is set.

    `ledger` remembers what has left, `mail_dir/sent.jsonl` if not given. Raises `MailNotSent` after all were tried. A
    mail that was only written can still be sent later.
    """
    server = smtp_server(smtp_url) if smtp_url else None
    with opened(ledger or mail_dir / "sent.jsonl") as outbox:
        due = {key_in(mail): mail for mail in messages if not has_left(outbox, key_in(mail), server)}
        for key, mail in due.items():
            outbox.put(key, bytes_of(mail), recipient_in(mail))
        done = send(outbox, list(due), server, mail_dir=mail_dir)
    already_sent = len(messages) - len(due)
    delivery = Delivery(len(done.sent), len(done.written), already_sent, done.written)
    if done.failures:
        raise MailNotSent(done.failures, delivery)
    return delivery
