"""How does a report become one recipient's mail in the outbox?

A report is rendered once for all who read it in the same style. Which published copy it is read from is kept beside
the mail, for corrections.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from flows.post.mail import EXCEPTIONS, Reference, bytes_of, key_of, message
from flows.post.outbox import About, Entry, Outbox, Told, write_whole
from flows.post.recipients import Recipient
from flows.post.unsubscribing import unsubscribe_urls
from flows.querying import NothingPublished, open_published
from flows.report.kinds import Asked, Kind
from flows.report.rendered import Period, Report
from flows.report.style import Style
from flows.settings import Settings
from ingest.tombstones import keyed_digest, own_key


class Copy(NamedTuple):
    """Which published copy is read."""

    generation: str
    published_utc: datetime


class KnownIds(frozenset[str]):
    """Digests of what somebody was told, asked by the ids themselves: the ledger names no van that may be erased."""

    key: bytes = b""

    def __contains__(self, exception_id: object) -> bool:
        return super().__contains__(keyed_digest(self.key, exception_id))


class Desk:
    """Renders, and puts mails into the open outbox."""

    def __init__(
        self, settings: Settings, outbox: Outbox, kinds: Mapping[str, Kind], now: datetime, until: date | None = None
    ) -> None:
        self.settings = settings
        self.outbox = outbox
        self.kinds = kinds
        self.now = now
        self.until = until
        # Read before anything is rendered: what is published meanwhile is then looked at again, not missed.
        self.copy = _copy(settings)
        self._keys: dict[tuple[str, str], list[str]] = {}
        for entry in outbox.entries.values():
            self._keys.setdefault((entry.recipient.lower(), entry.report), []).append(entry.key)
        self._rendered: dict[
            tuple[str, str, Period, Style, frozenset[str], tuple[bool, frozenset[str]]], Report | Exception
        ] = {}

    def key(self, recipient: Recipient, period: Period) -> str:
        """Return the key of a mail, but of one of exceptions."""
        return key_of(recipient.report, period.key, recipient.tenant_id, recipient.address)

    def render(self, recipient: Recipient, period: Period) -> Report:
        """Return the report as this recipient reads it; what goes wrong does so for all of the same style, once."""
        told = self.told(recipient) if recipient.report == EXCEPTIONS else KnownIds()
        how = (recipient.names_tenant, recipient.formats)
        asked = (recipient.report, recipient.tenant_id, period, recipient.style, told, how)
        if asked not in self._rendered:
            try:
                self._rendered[asked] = self._render(recipient, period, told)
            except Exception as error:
                self._rendered[asked] = error
        found = self._rendered[asked]
        if isinstance(found, Exception):
            raise found
        return found

    def _render(self, recipient: Recipient, period: Period, told: frozenset[str]) -> Report:
        return self.kinds[recipient.report].render(
            Asked(
                self.settings.published_path,
                recipient.tenant_id,
                period,
                recipient.style,
                self.settings.min_coverage,
                told,
                self.settings.asked_at,
                at_utc=self.now,
                until=self.until,
                names_tenant=recipient.names_tenant,
                formats=recipient.formats,
            )
        )

    def told(self, recipient: Recipient) -> KnownIds:
        """Return the exceptions that a recipient was told, or is about to be.

        A refused mail counts: what a server does not take it would not take a quarter of an hour later either. A
        person has it tried again.
        """
        known = KnownIds(
            told
            for entry in self.entries(recipient)
            if entry.about and entry.state != "gave_up"
            for told in entry.about.told
        )
        known.key = own_key(self.settings.data_dir)
        return known

    def entries(self, recipient: Recipient) -> list[Entry]:
        """Return the mails of a recipient; those of earlier versions do not say of which tenant they are."""
        keys = self._keys.get((recipient.key.address, recipient.report), [])
        found = [self.outbox.entries[key] for key in keys]
        return [entry for entry in found if entry.about is None or entry.about.tenant_id == recipient.tenant_id]

    def put(
        self, recipient: Recipient, report: Report, *, reference: Reference | None = None, is_empty: bool = False
    ) -> bool:
        """Keep the mail until it is sent; False where it is kept already."""
        mail = message(
            report,
            sender=self.settings.mail_from,
            recipient=recipient.address,
            stop=unsubscribe_urls(self.settings, recipient),
            formats=recipient.formats,
            reference=reference,
            sent_utc=self.now,
        )
        about = self.about(report, str(mail["Message-ID"]), reference, is_empty=is_empty)
        key = about.message_id.strip("<>").rpartition("@")[0]
        return self.outbox.put(key, bytes_of(mail), recipient.key.address, about, at_utc=self.now)

    def about(
        self, report: Report, message_id: str = "", reference: Reference | None = None, *, is_empty: bool = False
    ) -> About:
        """Return what is kept of a report beyond its mail."""
        return About(
            report=report.report,
            tenant_id=report.tenant_id,
            first=report.period.first,
            last=report.period.last,
            message_id=message_id,
            correction=reference.correction if reference else 0,
            headlines=tuple(Told(headline.name, headline.value, headline.text) for headline in report.headlines),
            told=tuple(keyed_digest(own_key(self.settings.data_dir), found) for found in report.told),
            generation=self.copy.generation if self.copy else "",
            published_utc=self.copy.published_utc if self.copy else None,
            is_empty=is_empty,
        )

    @property
    def looked(self) -> dict[str, str]:
        """Which copy was looked at for corrections, and up to when for whose exceptions; losing it does no harm."""
        try:
            found: dict[str, str] = json.loads(self._looked_path.read_text())
            return found
        except (FileNotFoundError, ValueError):
            return {}

    def look(self, name: str, seen: str) -> None:
        """Remember what was looked at."""
        write_whole(self._looked_path, json.dumps({**self.looked, name: seen}).encode())

    @property
    def _looked_path(self) -> Path:
        return self.settings.mail_dir / "looked.json"


def _copy(settings: Settings) -> Copy | None:
    try:
        with open_published(settings.published_path) as published:
            generation, published_utc = published.execute(
                "select generation_id, published_utc from core.generation"
            ).fetchall()[0]
    except NothingPublished:
        return None
    return Copy(generation, published_utc.replace(tzinfo=UTC))
