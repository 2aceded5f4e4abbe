"""What became of the mails of a campaign? What the server took, beside what the outbox and its readers were promised.

The server is that of `odograph bench mail`: it refuses, puts off, hangs up and kills the sender in the middle of a
mail. Where it took a mail and the sender could not know, nobody can: only such a mail may arrive twice.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from random import Random
from typing import NamedTuple

from flows.bench.mail.server import GONE, FaultyServer, now_and_then, running
from flows.chaos.line import Part
from flows.chaos.poster import post, report_days
from flows.post.deciding import retry
from flows.post.outbox import Entry, read_entries
from flows.post.patience import MOST_UNKNOWN
from flows.settings import Settings

FAULTY_SHARE = 0.2
RECIPIENTS = 4  # of each tenant, beside one whose address is gone
HOST = "line.example"
SENDER = f"Odograph <odograph@{HOST}>"
LAST_ROUNDS = 5
ANSWERED = ("sent", "refused", "waiting", "unknown", "gave_up", "rendered")


class Mails(NamedTuple):
    """What the checks of mail look at.

    wished     tenant, service date and recipient of each mail that has to arrive
    entries    the outbox, as it says what became of each mail
    accepted   how often the server took each mail, by key
    in_window  keys of mails of which only the server knew at some moment that it had them
    subjects   of what the server took, by key
    faults     how often the server did what to us
    """

    wished: frozenset[tuple[str, date, str]]
    entries: Sequence[Entry]
    accepted: Counter[str]
    in_window: frozenset[str]
    subjects: dict[str, str]
    faults: dict[str, int]


class Post:
    """The mail server of a campaign, and who gets what."""

    def __init__(self, server: FaultyServer, port: int, tenants: Sequence[str], folder: Path) -> None:
        self._server = server
        self._url = f"smtp://127.0.0.1:{port}"
        self._listed = folder / "recipients.toml"
        self._recipients = {
            tenant: [*(f"reader{number}@{tenant}.{HOST}" for number in range(RECIPIENTS)), f"{GONE}{tenant}.{HOST}"]
            for tenant in tenants
        }
        self._listed.write_text(
            "".join(
                f'[[recipient]]\naddress = "{address}"\nreport = "daily"\ntenant = "{tenant}"\n'
                for tenant, addresses in self._recipients.items()
                for address in addresses
            )
        )

    def part(self, published: Path) -> Part:
        """The process that sends; it begins when there is something to report of."""
        environment = {
            "ODOGRAPH_SMTP_URL": self._url,
            "ODOGRAPH_MAIL_FROM": SENDER,
            "ODOGRAPH_RECIPIENTS": str(self._listed.absolute()),
        }
        return Part("poster", "poster", ("flows.chaos.poster",), environment, published)

    def finish(self, settings: Settings) -> Mails:
        """Send what is left, with a server that has no more faults, and say what became of everything."""
        self._server.fault = lambda _address: ""
        mine = {"smtp_url": self._url, "mail_from": SENDER, "recipients": self._listed.absolute()}
        settings = settings.model_copy(update=mine)
        book = settings.mail_dir / "sent.jsonl"
        wished = {
            (tenant, day, address)
            for tenant, day in report_days(settings)
            for address in self._recipients[tenant]
            if not address.startswith(GONE)
        }
        for _ in range(LAST_ROUNDS):
            entries = read_entries(book).values()
            left = {first_of(entry) for entry in entries if entry.state == "sent"}
            if not (missing := wished - left):
                break
            for entry in entries:
                if entry.state == "gave_up" or (entry.state == "unknown" and entry.unknowns >= MOST_UNKNOWN):
                    retry(settings, entry.key)  # a person decides about what is not tried again by itself
            for tenant, day in sorted({(tenant, day) for tenant, day, _ in missing}):
                post(settings, tenant, day)
        return Mails(
            frozenset(wished),
            list(read_entries(book).values()),
            Counter({_key(message_id): count for message_id, count in self._server.accepted.items()}),
            frozenset({_key(found) for found in self._server.in_window} | unanswered(book.read_text().splitlines())),
            {_key(message_id): subject for message_id, subject in self._server.subjects.items()},
            dict(self._server.happened),
        )


@contextmanager
def mail_server(
    chance: Random, kill_sender: Callable[[], None], tenants: Sequence[str], folder: Path
) -> Iterator[Post]:
    """Run the server with faults; one of them is to kill who sends."""
    server = FaultyServer(now_and_then(chance, FAULTY_SHARE), kill_sender)
    with running(server) as port:
        yield Post(server, port, tenants, folder)


def first_of(entry: Entry) -> tuple[str, date, str] | None:
    """Tenant, service date and recipient of a mail; None of a correction."""
    if entry.about is None or entry.about.correction:
        return None
    return entry.about.tenant_id, entry.about.first, entry.recipient


def unanswered(lines: Iterable[str]) -> frozenset[str]:
    """Keys of mails that were handed over at some time without the answer being noted: the next line is not one."""
    found, open_now = set(), set()
    for text in lines:
        try:
            line = json.loads(text)
            key, state = line["key"], line["state"]
        except (ValueError, KeyError, TypeError):  # a line that a crash cut off
            continue
        if state == "intent" and key in open_now:
            found.add(key)
        if state == "unknown":
            found.add(key)
        if state == "intent":
            open_now.add(key)
        elif state in ANSWERED:
            open_now.discard(key)
    return frozenset(found | open_now)


def _key(message_id: str) -> str:
    return message_id.strip("<>").rpartition("@")[0]
