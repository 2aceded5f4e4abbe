"""How does each mail of the outbox leave once?

The moment that only the server knows of lies between the end of a mail and the record of its answer: the end leaves
after `intent` is on disk, the answer is on disk before anything else is done. What is left in that moment is `unknown`.
It is sent again under the same Message-ID, which mail programs and many servers fold into one, or held for a person, as
ODOGRAPH_MAIL_ON_UNKNOWN says.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.utils import parseaddr
from pathlib import Path
from smtplib import SMTP
from typing import NamedTuple

from flows.post.outbox import DONE, ON_THE_WAY, Entry, Outbox, write_whole
from flows.post.patience import USUAL, Rules, is_held
from flows.post.smtp import SmtpServer, connected, hand_over, reason_of

LONGEST_WAIT_MIN = 60
MOST_LOST = 3  # connections in a row; then the server is taken for out of reach


class Sent(NamedTuple):
    """What became of some mails: those that left, and recipient and reason of those that did not.

    Of the failures `wanting` need a person, and `delayed` are tried again.
    """

    sent: tuple[str, ...] = ()
    written: tuple[Path, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    wanting: tuple[tuple[str, str], ...] = ()
    delayed: tuple[tuple[str, str], ...] = ()


def has_left(outbox: Outbox, key: str, server: SmtpServer | None) -> bool:
    """Whether nothing is to be done about a mail; one that was only written can still be sent."""
    state = outbox.state(key)
    return state in DONE or state == "quiet" or (state == "written" and server is None)


def settle_unknown(outbox: Outbox) -> list[str]:
    """Note as `unknown` what a crash left without an answer; returns the keys. Who has the ledger sends alone."""
    left = [entry for entry in outbox.entries.values() if entry.state == "intent"]
    for entry in left:
        outbox.note(entry.key, "unknown", entry.recipient, "a crash came before the server's answer was noted")
    return [entry.key for entry in left]


def ready(outbox: Outbox, now: datetime, rules: Rules) -> list[str]:
    """Return the keys of what is to be tried now, longest on its way first."""
    found = [
        entry
        for entry in outbox.entries.values()
        if entry.state in ON_THE_WAY
        and outbox.has_bytes(entry.key)
        and (entry.until_utc is None or entry.until_utc <= now)
        and not is_held(entry, rules)
    ]
    return [entry.key for entry in sorted(found, key=lambda entry: (entry.begun_utc or now, entry.key))]


def only_person_decides(outbox: Outbox, key: str, rules: Rules) -> bool:
    """Whether nothing but `retry` and `settle` may be done about a mail; who has the ledger knows it is in no hands."""
    entry = outbox.entries.get(key)
    return entry is not None and is_held(entry._replace(state="unknown") if entry.state == "intent" else entry, rules)


def send(
    outbox: Outbox,
    keys: Iterable[str],
    server: SmtpServer | None,
    *,
    mail_dir: Path,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    rules: Rules = USUAL,
    refused: Callable[[Entry, str], None] = lambda entry, reason: None,
    left: Callable[[Entry], str] = lambda entry: "",
) -> Sent:
    """Hand over what the outbox keeps under these keys, over as few connections as it takes.

    Where no server is set they become files in `mail_dir`. `refused` is told of addresses that the server does not
    know; `left` is asked right before each mail why its recipient is mailed no more, empty where he is.
    """
    waiting = list(keys)
    if server is None:
        return Sent(written=tuple(_written(outbox, key, mail_dir, now()) for key in waiting))
    sent: list[str] = []
    failures: dict[str, str] = {}
    lost = 0
    while waiting:
        try:
            with connected(server) as connection:
                while waiting:
                    key = waiting[0]
                    if gone := left(outbox.entries[key]):
                        outbox.settle(key, gone)
                        del waiting[0]
                        continue
                    reason, is_lost = _handed(outbox, key, connection, server, now=now, rules=rules, refused=refused)
                    del waiting[0]
                    if reason:
                        failures[key] = reason
                    else:
                        sent.append(key)
                    lost = lost + 1 if is_lost else 0
                    if is_lost:
                        break
        except OSError as error:
            lost = MOST_LOST
            why = reason_of(error, server)
        else:
            why = f"{server} closed {MOST_LOST} connections in a row"
        if lost >= MOST_LOST:
            for key in waiting:
                _later(outbox, outbox.entries[key], why, now(), rules)
                failures[key] = why
            break
    said = {key: (outbox.entries[key].recipient, reason) for key, reason in failures.items()}
    wanting = {key for key in said if needs_person(outbox.entries[key], rules)}
    return Sent(
        tuple(sent),
        failures=tuple(said.values()),
        wanting=tuple(said[key] for key in said if key in wanting),
        delayed=tuple(said[key] for key in said if key not in wanting),
    )


def needs_person(entry: Entry, rules: Rules) -> bool:
    """Whether nothing more is done about a mail until somebody decides."""
    return entry.state in ("refused", "gave_up") or is_held(entry, rules)


def _handed(
    outbox: Outbox,
    key: str,
    connection: SMTP,
    server: SmtpServer,
    *,
    now: Callable[[], datetime],
    rules: Rules,
    refused: Callable[[Entry, str], None],
) -> tuple[str, bool]:
    """Hand over one mail and note what came of it; returns why it was not sent, and whether the connection is lost."""
    content, entry = outbox.path(key).read_bytes(), outbox.entries[key]
    mail = message_from_bytes(content, policy=policy.default)
    outcome = hand_over(
        connection,
        server,
        sender=parseaddr(str(mail["From"]))[1],
        recipient=parseaddr(str(mail["To"]))[1],
        content=content,
        before_end=lambda: outbox.note(key, "intent", entry.recipient, at_utc=now()),
    )
    if outcome.state == "sent":
        outbox.sent(key, entry.recipient, at_utc=now())
        return "", outcome.is_lost
    if outcome.state == "refused":
        outbox.note(key, "refused", entry.recipient, outcome.reason, at_utc=now())
        if outcome.at_recipient:
            refused(outbox.entries[key], outcome.reason)
    elif outcome.state == "waiting":
        _later(outbox, entry, outcome.reason, now(), rules)
    else:
        outbox.note(key, "unknown", entry.recipient, outcome.reason, at_utc=now(), until_utc=_next(entry, now()))
    return outcome.reason, outcome.is_lost


def _later(outbox: Outbox, entry: Entry, reason: str, now: datetime, rules: Rules) -> None:
    """Try again after a while that doubles, until it has taken too long."""
    if entry.begun_utc and now - entry.begun_utc >= rules.give_up_after:
        hours = rules.give_up_after / timedelta(hours=1)
        outbox.note(entry.key, "gave_up", entry.recipient, f"tried for {hours:g} h; the last: {reason}", at_utc=now)
        return
    outbox.note(entry.key, "waiting", entry.recipient, reason, at_utc=now, until_utc=_next(entry, now))


def _next(entry: Entry, now: datetime) -> datetime:
    """Return when to try again: after 1, 2, 4 … 60 minutes."""
    return now + timedelta(minutes=min(2 ** min(entry.attempt, 6), LONGEST_WAIT_MIN))


def _written(outbox: Outbox, key: str, mail_dir: Path, now: datetime) -> Path:
    path = mail_dir / f"{key}.eml"
    write_whole(path, outbox.path(key).read_bytes())
    outbox.note(key, "written", outbox.entries[key].recipient, at_utc=now)
    outbox.path(key).unlink()
    return path
