"""What do the mails say that come back to us? Requests to stop, and notices that a mail was not delivered.

Three things take somebody off the list: the mail that a mail program sends to unsubscribe, whose subject carries a
token; a reply whose first line is `stop`; and a notification that an address does not exist. Whose it is is told by the
token where the mail has one, which nobody can forge, else by the Message-ID of our mail, else by the address. What
machines answer is no request. Reading a mail twice notes nothing twice.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import parseaddr
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from flows.post.bounces import Bounce, bounces_in, note_bounce, returned_by
from flows.post.mail import list_label
from flows.post.mailboxes import header
from flows.post.recipients import Recipient
from flows.post.states import Key
from flows.post.unsubscribing import key_of, unsubscribe, unsubscribe_key
from flows.settings import Settings

STOP_WORDS = {"stop", "unsubscribe", "remove me", "cancel", "stopp", "abmelden", "baja", "désabonner"}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{22}")
_SUBJECT = re.compile(r"\s*unsubscribe\s+(\S+)\s*", re.IGNORECASE)
_TAGS = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
LONGEST_TEXT = 20_000  # characters of a reply that are looked at for its first line


class Read(NamedTuple):
    """What a mail came to: `unsubscribed`, `bounced`, `bounced for now`, `known` or `other`; in words but for the last.

    `known` was read before; `other` is no concern of this list.
    """

    kind: str
    line: str = ""


def read_mail(settings: Settings, mail: EmailMessage, listed: Sequence[Recipient]) -> list[Read]:
    """Note what a mail says and return it, one for each recipient that it is about."""
    source = _source(mail)
    bounces = bounces_in(mail)
    if bounces is not None:
        returned = returned_by(mail)
        found = [_bounced(settings, mail, bounce, listed, source) for bounce in bounces]
        return [read for reads in found for read in reads] or [Read("other", returned.message_id)]
    asking = _asking(settings, mail, listed)
    reads = []
    for who in asking:
        is_new = unsubscribe(settings, who, how="mail", why="asked by mail", source=source)
        line = f"unsubscribed {who.address}: {_about(who)}"
        reads.append(Read("unsubscribed", line) if is_new else Read("known", line))
    return reads or [Read("other", header(mail, "Subject"))]


def summed(reads: Sequence[Read], mails: int) -> str:
    """Return what some mails came to in one line."""
    counted = Counter(read.kind for read in reads)
    words = {
        "unsubscribed": "unsubscribed",
        "bounced": "bounced",
        "bounced for now": "not delivered for now",
        "known": "read before",
        "other": "of no concern here",
    }
    parts = [f"{counted[kind]} {said}" for kind, said in words.items() if counted[kind]]
    return f"{mails} {'mail' if mails == 1 else 'mails'} read: {', '.join(parts) or 'nothing'}"


def _bounced(
    settings: Settings, mail: EmailMessage, bounce: Bounce, listed: Sequence[Recipient], source: str
) -> list[Read]:
    returned = returned_by(mail)
    reads = []
    for who in _whose(settings, returned.list_unsubscribe, returned.message_id, bounce.address, listed):
        happened = note_bounce(settings, who, bounce.why, how="bounce", source=source, mail=returned.message_id)
        line = f"{happened or 'bounced'} {who.address}, {_about(who)}: {bounce.why}"
        reads.append(Read(happened or "known", line))
    return reads or [Read("other", f"a bounce of {bounce.address or 'nobody'}, who is not listed")]


def _whose(
    settings: Settings, list_unsubscribe: str, message_id: str, address: str, listed: Sequence[Recipient]
) -> list[Key]:
    """Whose mail it was: by the token in it, by its Message-ID, by the address it did not reach."""
    key = unsubscribe_key(settings)
    for token in _TOKEN.findall(list_unsubscribe):
        if who := key_of(key, token):
            return [who]
    if found := _mailed(settings, message_id):
        report, tenant_id, to = found
        same = [one.key for one in listed if one.key.address == to and one.report == report]
        return [Key(to, report, tenant_id)] if tenant_id is not None else same[:1]
    return [one.key for one in listed if one.key.address == address][:1]


def _asking(settings: Settings, mail: EmailMessage, listed: Sequence[Recipient]) -> list[Key]:
    """Who asks to be taken off the list."""
    sender = parseaddr(header(mail, "From"))[1].lower()
    own = [one.key for one in listed if one.key.address == sender]
    if subject := _SUBJECT.fullmatch(header(mail, "Subject")):
        if who := key_of(unsubscribe_key(settings), subject[1]):
            return [who]
        # Mails of earlier versions had no token, but report and tenant in the subject.
        named = [who for who in own if f"{who.report}.{list_label(who.tenant_id)}" == subject[1].lower()]
        if named:
            return named
    if _is_by_machine(mail) or not _says_stop(mail):
        return []
    for message_id in header(mail, "In-Reply-To").split():
        if (found := _mailed(settings, message_id)) and found[2] == sender:
            report, tenant_id, _ = found
            return [who for who in own if who.report == report and tenant_id in (None, who.tenant_id)]
    return own


def _says_stop(mail: EmailMessage) -> bool:
    """Whether the first line that somebody wrote, or the subject of a mail that is no reply, is a word for stop."""
    if _word(header(mail, "Subject")) in STOP_WORDS:
        return True
    body = mail.get_body(("plain", "html"))
    try:
        text = str(body.get_content())[:LONGEST_TEXT] if body is not None else ""
    except (LookupError, ValueError):  # a charset that nobody knows
        return False
    if body is not None and body.get_content_type() == "text/html":
        text = _TAGS.sub("\n", text)
    lines = (line for line in map(str.strip, text.splitlines()) if line)
    return _word(next(lines, "")) in STOP_WORDS


def _word(text: str) -> str:
    return " ".join(re.sub(r"[.!,:;\"'*_<>-]+", " ", text).lower().split())


def _is_by_machine(mail: EmailMessage) -> bool:
    """Whether nobody wrote it: RFC 3834, and what mail programs send that do not know it."""
    automatic = (header(mail, "Auto-Submitted") or "no").partition(";")[0].strip().lower()
    bulk = header(mail, "Precedence").strip().lower()
    return automatic != "no" or bulk in ("bulk", "junk", "auto_reply", "list") or "X-Autoreply" in mail


def _mailed(settings: Settings, message_id: str) -> tuple[str, str | None, str] | None:
    """Report, tenant (None: an earlier version did not note it) and address of a mail that we sent."""
    key = message_id.strip().strip("<>").rpartition("@")[0]
    ledger = settings.mail_dir / "sent.jsonl"
    if not key or not ledger.exists():
        return None
    return _ledger(ledger, ledger.stat().st_mtime_ns, ledger.stat().st_size).get(key)


@lru_cache(maxsize=1)
def _ledger(path: Path, _changed_ns: int, _size: int) -> dict[str, tuple[str, str | None, str]]:
    """What the outbox has sent, by the part of the Message-ID before the @."""
    sent: dict[str, tuple[str, str | None, str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            said = json.loads(line)
            key, to = str(said["key"]), parseaddr(str(said["recipient"]))[1].lower()
            before = sent.get(key, ("", None, ""))
            sent[key] = key.partition(".")[0], (said.get("about") or {}).get("tenant_id", before[1]), to
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # torn by a crash
    return sent


def _source(mail: EmailMessage) -> str:
    """Return what tells this mail from others: its Message-ID, else its content."""
    return header(mail, "Message-ID").strip() or sha256(mail.as_bytes()).hexdigest()


def _about(who: Key) -> str:
    return f"{who.report} of {who.tenant_id}" if who.tenant_id else who.report
