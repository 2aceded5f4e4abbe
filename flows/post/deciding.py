"""What waits in the outbox, what needs a person, and what can a person decide about it?"""

from datetime import UTC, datetime
from getpass import getuser

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.post.outbox import DONE, ON_THE_WAY, Entry, Outbox, opened, read_entries
from flows.post.patience import is_held, rules_of
from flows.settings import Settings

SHOWN_DIGITS = 8


class NoSuchMail(Exception):
    """No mail of the outbox has that key, or several begin with it."""


def print_outbox(settings: Settings, *, every: bool) -> None:
    """Print a row for each mail that has not left, or for each mail."""
    entries = sorted(read_entries(settings.mail_dir / "sent.jsonl").values(), key=_age)
    shown = [entry for entry in entries if every or entry.state in ON_THE_WAY | {"gave_up", "refused"}]
    table = Table(box=None, pad_edge=False)
    for heading in ("key", "to", "state", "since (UTC)", "tried", "next (UTC)", "why"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("key", "to", "state"))
    for entry in shown:
        table.add_row(
            short(entry.key),
            escape(entry.recipient),
            "held" if is_held(entry, rules_of(settings)) else entry.state,
            f"{entry.begun_utc:%m-%d %H:%M}" if entry.begun_utc else "",
            str(entry.attempt or ""),
            f"{entry.until_utc:%m-%d %H:%M}" if entry.until_utc else "",
            escape(entry.reason),
        )
    if shown:
        Console().print(table)
    else:
        Console().print("nothing waits")


def retry(settings: Settings, key: str) -> str:
    """Let a mail be tried again; returns what was done in words."""
    with opened(settings.mail_dir / "sent.jsonl") as outbox:
        entry = _chosen(outbox, key)
        if not outbox.has_bytes(entry.key):
            raise NoSuchMail(
                f"{short(entry.key)}: its text is no longer kept; `odograph report` with --send makes it anew"
            )
        outbox.note(entry.key, "rendered", entry.recipient, f"again, by {getuser()}")
        return f"{short(entry.key)} to {entry.recipient}: tried by the next `odograph mail post`"


def settle(settings: Settings, key: str) -> str:
    """Let nothing more be done about a mail; returns what was done in words."""
    with opened(settings.mail_dir / "sent.jsonl") as outbox:
        entry = _chosen(outbox, key)
        outbox.note(entry.key, "settled", entry.recipient, f"by {getuser()}; it was {entry.state}: {entry.reason}")
        outbox.path(entry.key).unlink(missing_ok=True)
        return f"{short(entry.key)} to {entry.recipient}: settled"


def short(key: str) -> str:
    """Return a key as people type it: of the digest the first digits."""
    report, period, digest, *correction = [*key.split("."), "", ""][: max(3, key.count(".") + 1)]
    return ".".join([report, period, digest[:SHOWN_DIGITS], *correction])


def _chosen(outbox: Outbox, key: str) -> Entry:
    left = [entry for entry in outbox.entries.values() if entry.state not in DONE]
    found = [entry for entry in left if entry.key.startswith(key) or short(entry.key) == key]
    exact = [entry for entry in found if key in (entry.key, short(entry.key))]
    if len(exact or found) != 1:
        count = f"{len(found)} mails" if found else "no mail that has not left"
        raise NoSuchMail(f"{key}: {count} of the outbox begin with it; `odograph mail outbox` lists the keys")
    return (exact or found)[0]


def _age(entry: Entry) -> tuple[datetime, str]:
    return entry.at_utc or datetime.min.replace(tzinfo=UTC), entry.key
