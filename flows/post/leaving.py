"""Who is mailed no more, though a mail of theirs is on its way?

Whoever has left, cannot be reached or was taken out of the file gets nothing more, also not what was rendered before.
"""

from collections.abc import Callable

from flows.post.bounces import note_bounce
from flows.post.outbox import ON_THE_WAY, Entry, Outbox
from flows.post.recipient_values import ALL
from flows.post.recipients import Recipient
from flows.post.states import Event, Key, read_events, standing
from flows.settings import Settings


def let_go(outbox: Outbox, gone: list[Recipient]) -> None:
    """Send nothing more to who has left, or cannot be reached."""
    found = {recipient.key: recipient for recipient in gone}
    for entry in list(outbox.entries.values()):
        recipient = found.get(_who(entry))
        if entry.about and entry.state in ON_THE_WAY and recipient:
            outbox.settle(entry.key, f"{recipient.state} before it was sent")


def let_go_unlisted(outbox: Outbox, wished: set[Key]) -> None:
    """Send nothing more to who was taken out of the file, or gets another tenant's reports now."""
    for entry in list(outbox.entries.values()):
        who = _who(entry)
        if entry.about and entry.state in ON_THE_WAY and not {who, who._replace(tenant_id=ALL)} & wished:
            outbox.settle(entry.key, "not listed any more before it was sent")


def _who(entry: Entry) -> Key:
    about = entry.about
    return Key(entry.recipient.lower(), entry.report, about.tenant_id if about else "")


def bounce_noted(settings: Settings) -> Callable[[Entry, str], None]:
    """Return what notes that a server does not know an address, so that nothing more is sent to it."""

    def note(entry: Entry, reason: str) -> None:
        note_bounce(settings, _who(entry), reason, mail=entry.about.message_id if entry.about else "")

    return note


def left_meanwhile(settings: Settings) -> Callable[[Entry], str]:
    """Return what says why a recipient is mailed no more, as of now: a post of many mails takes its time."""
    path = settings.recipient_events_path
    read: tuple[tuple[int, int], list[Event]] = ((0, 0), [])

    def left(entry: Entry) -> str:
        nonlocal read
        if not path.exists():
            return ""
        found = path.stat()
        if read[0] != (version := (found.st_mtime_ns, found.st_size)):
            read = version, read_events(path)
        state = standing(read[1], _who(entry)).state
        return "" if state == "active" else f"{state} before it was sent"

    return left
