"""What do the commands of `odograph mail` print, and what do they note?"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.post.mailboxes import NoMailbox, mails_in
from flows.post.mailed import nobody
from flows.post.reading import Read, read_mail, summed
from flows.post.recipients import Recipient, read_tenants, recipients
from flows.post.recipients_file import read_entries
from flows.post.schedules import next_utc
from flows.post.unsubscribing import chosen, key_of, note_all, unsubscribe, unsubscribe_key
from flows.report.kinds import KINDS
from flows.settings import Settings

logger = logging.getLogger(__name__)


class NobodyListed(Exception):
    """No such recipient."""


class FilesRead(NamedTuple):
    """What was noted, and what could not be read."""

    lines: list[str]
    failures: list[str]


def print_recipients(settings: Settings, *, address: str | None, report: str | None, tenant: str | None) -> None:
    """Print a table of recipients."""
    listed = recipients(settings)
    shown = listed if address is None else chosen(listed, address, None, None)
    shown = [one for one in shown if report in (None, one.report) and tenant in (None, one.tenant_id)]
    if not shown:
        print("nobody like that" if listed else nobody(settings))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("address", "report", "schedule", "next, on their clock", "reads", "state"):
        table.add_column(name, overflow="fold")
    now = datetime.now(UTC)
    for one in shown:
        parts = ", ".join(part for part in ("html", "text", "xlsx", "csv") if part in one.formats)
        quiet = "" if one.send_empty else "; no empty ones"
        table.add_row(
            escape(one.address), escape(one.about), one.cron, _next(one, now),
            f"{one.units}, {one.locale}; {parts}{quiet}", escape(_state(one)),
        )  # fmt: skip
    Console().print(table)


def _next(one: Recipient, now_utc: datetime) -> str:
    if one.state != "active":
        return "–"
    local = next_utc(one.cron, one.timezone, now_utc).astimezone(ZoneInfo(one.timezone))
    return f"{local:%a %Y-%m-%d %H:%M} {one.timezone}"


def _state(one: Recipient) -> str:
    since = f" since {one.since_utc:%Y-%m-%d %H:%M} UTC" if one.since_utc and one.state != "active" else ""
    return f"{one.state}{since}{f': {one.why}' if since and one.why else ''}"


def checked(settings: Settings, file: Path | None) -> list[str]:
    """Return what is to be known of a file that fits; raises RecipientsError where it does not."""
    path = file or settings.recipients_path
    if file is None and not settings.has_recipients_file:
        count = len(settings.mailed_to)
        recipients(settings)
        return [f"{path}: there is none; ODOGRAPH_MAIL_TO names {count} for the daily report"]
    entries = read_entries(path, KINDS)
    published = [tenant.tenant_id for tenant in read_tenants(settings.published_path)]
    lines = [f"{path}: fits, {len(entries)} {'entry' if len(entries) == 1 else 'entries'}"]
    for entry in entries:
        for tenant in entry.tenants:
            if tenant not in published:
                near = get_close_matches(tenant, published, 1)
                meant = f"; did you mean {near[0]}?" if near else ""
                lines.append(f"note: line {entry.line}: nothing is published of tenant {tenant} yet{meant}")
    if settings.mailed_to:
        lines.append("note: ODOGRAPH_MAIL_TO is not used, because there is a file of recipients")
    return lines


def unsubscribed(
    settings: Settings, token: str | None, address: str | None, report: str | None, tenant: str | None, *, why: str
) -> list[str]:
    """Take off the list whom a token or an address names; returns what was done."""
    if token is not None:
        who = key_of(unsubscribe_key(settings), token.rpartition("/")[2])
        if who is None:
            raise NobodyListed("that is no token of this data directory")
        unsubscribe(settings, who, how="command", why=why)
        return [f"unsubscribed {who.address}: {who.report}{f' of {who.tenant_id}' if who.tenant_id else ''}"]
    found = _listed(settings, address or "", report, tenant)
    note_all(settings, address or "", "unsubscribed", how="command", why=why, report=report, tenant_id=tenant)
    return [f"unsubscribed {one.key.address}: {one.about}" for one in found]


def subscribed(settings: Settings, address: str, report: str | None, tenant: str | None, *, why: str) -> list[str]:
    """Mail an address again; returns what it gets from now on."""
    found = _listed(settings, address, report, tenant)
    if all(one.state == "active" for one in found):
        return [f"{one.key.address} gets {one.about} already" for one in found]
    note_all(settings, address, "subscribed", how="command", why=why, report=report, tenant_id=tenant)
    return [f"{one.key.address} gets {one.about} again" for one in found if one.state != "active"]


def _listed(settings: Settings, address: str, report: str | None, tenant: str | None) -> list[Recipient]:
    listed = recipients(settings)
    try:
        found = chosen(listed, address, report, tenant)
    except ValueError as error:
        raise NobodyListed(str(error)) from error
    if not found:
        near = get_close_matches(address.lower(), {one.key.address for one in listed}, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise NobodyListed(f"nobody is listed as {address} for that{meant} (`odograph mail recipients` lists all)")
    return found


def read_files(settings: Settings, files: Sequence[Path]) -> FilesRead:
    """Note what the mails of some files say; one that nobody can read stops no other."""
    listed = recipients(settings)
    reads: list[Read] = []
    failures: list[str] = []
    mails = 0
    for path in files:
        try:
            for number, mail in enumerate(mails_in(path), 1):
                mails += 1
                try:
                    reads += read_mail(settings, mail, listed)
                except Exception as error:  # the standard library's parser raises whatever on mails that are none
                    logger.debug("a mail was not understood", exc_info=True)
                    failures.append(f"{path}: mail {number} was not understood ({type(error).__name__})")
        except NoMailbox as nothing:
            failures.append(str(nothing))
    noted = [read.line for read in reads if read.kind not in ("known", "other")]
    return FilesRead([*noted, summed(reads, mails)], failures)
