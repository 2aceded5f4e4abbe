"""What waits in the outbox, how many are mailed, and whom do mails not reach? What `odograph status` says of mails.

It stands apart from what the commands of `odograph mail` do, which takes longer to import than to ask.
"""

from collections import Counter
from urllib.parse import urlsplit

from flows.findings import Finding
from flows.post.outbox import ON_THE_WAY, read_entries
from flows.post.patience import is_held, rules_of
from flows.settings import Settings

SHOWN = 5


def outbox_finding(settings: Settings) -> Finding:
    """What `odograph status` says of the mails: what waits, what needs a person, and when the last one left."""
    entries = read_entries(settings.mail_dir / "sent.jsonl").values()
    counts = Counter("held" if is_held(entry, rules_of(settings)) else entry.state for entry in entries)
    left = [entry.at_utc for entry in entries if entry.state == "sent" and entry.at_utc]
    host = urlsplit(settings.smtp_url).hostname if settings.smtp_url else None
    parts = [f"sent through {host}" if host else _as_files(settings)]
    parts += [f"last sent {max(left):%Y-%m-%d %H:%M} UTC"] if left else []
    waiting = sum(counts[state] for state in ON_THE_WAY)
    parts += [f"{waiting} waiting"] if waiting else []
    asks = {"held": "may have arrived", "gave_up": "given up", "refused": "refused"}
    wanting = [f"{counts[state]} {words}" for state, words in asks.items() if counts[state]]
    if wanting:
        parts += wanting
        parts.append("see `odograph mail outbox`, then `odograph mail retry` or `settle`")
    return Finding("mail", "; ".join(parts), bool(wanting))


def _as_files(settings: Settings) -> str:
    written = len(list(settings.mail_dir.glob("*.eml")))
    return f"no ODOGRAPH_SMTP_URL: written as files, {written} so far in {settings.mail_dir}"


def recipients_finding(settings: Settings) -> Finding:
    """One line of `odograph status`: how many are mailed, and who needs a person because mails do not reach them."""
    if not settings.has_recipients_file and not settings.mailed_to:
        return Finding("recipients", nobody(settings))
    from flows.post.recipients import recipients  # reading the file takes the words of reports
    from flows.post.recipients_file import RecipientsError

    try:
        listed = recipients(settings)
    except RecipientsError as error:
        return Finding("recipients", f"{len(error.problems)} faults: run `odograph mail check`", needs_person=True)
    if not listed:
        return Finding("recipients", nobody(settings))
    counts = {state: sum(one.state == state for one in listed) for state in ("active", "unsubscribed", "bounced")}
    text = ", ".join(f"{count} {state}" for state, count in counts.items() if count or state == "active")
    lost = list(dict.fromkeys(one.key.address for one in listed if one.state == "bounced"))
    if lost:
        more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
        text += (
            f" ({', '.join(lost[:SHOWN])}{more}): correct the address, or `odograph mail subscribe` if it works again"
        )
    return Finding("recipients", text, needs_person=bool(lost))


def nobody(settings: Settings) -> str:
    """Say why nobody is mailed, and what helps."""
    if settings.has_recipients_file or settings.mailed_to:
        return (
            "nobody: those there are get the reports of all tenants, and nothing is published; run `odograph refresh`"
        )
    return "nobody: set ODOGRAPH_MAIL_TO, or write recipients.toml (docs/mail.md)"
