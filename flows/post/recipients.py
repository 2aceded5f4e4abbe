"""Who gets which report, when, and how does each like to read it?

The file of recipients (flows/post/recipients_file.py) says what is wished, events (flows/post/states.py) say who has
left or cannot be reached. Without a file everybody in ODOGRAPH_MAIL_TO gets the daily report. A recipient is one
address, report and tenant: nobody gets a report of a tenant that was not written beside the address, be it as `*`.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from flows.post.recipient_values import ALL, FORMATS, bare_address
from flows.post.recipient_values import locale as known_locale
from flows.post.recipients_file import Entry, RecipientsError, read_entries
from flows.post.schedules import cron_of
from flows.post.states import Key, State, read_events, standing
from flows.querying import NothingPublished, open_published
from flows.report.kinds import KINDS, Kind
from flows.report.style import Style
from flows.report.units import METRIC, US
from flows.settings import Settings

logger = logging.getLogger(__name__)

TENANTS = """
with zones as (
    select tenant_id, timezone, count(distinct vehicle_id) as van_count
    from core.vehicle_dates
    join (select tenant_id, max(service_date) as newest from core.vehicle_dates group by tenant_id) using (tenant_id)
    where service_date > newest - 7
    group by all
)
select
    tenant_id,
    arg_max(zones.timezone, (van_count, zones.timezone)),
    (select arg_max(units, coalesce(valid_from, date '0001-01-01')) from core.tenants as named
        where named.tenant_id = zones.tenant_id),
    (select arg_max(locale, coalesce(valid_from, date '0001-01-01')) from core.tenants as named
        where named.tenant_id = zones.tenant_id)
from zones
group by tenant_id
order by tenant_id
"""


class PublishedTenant(NamedTuple):
    """A tenant of the published copy: the zone most of its vans drive in, and how its people read, if known."""

    tenant_id: str
    timezone: str
    units: str | None = None
    locale: str | None = None


class Recipient(NamedTuple):
    """One address that gets one report of one tenant (empty: about all), by a cron in a zone.

    `since_utc` and `why` are about the state. A mail has html and text parts, and attachments, as `formats` names them.
    With `send_empty` a period without anything to say is told of too.
    """

    address: str
    report: str
    tenant_id: str
    cron: str
    timezone: str
    units: str = "us"
    locale: str = "en_US"
    formats: frozenset[str] = frozenset(FORMATS)
    send_empty: bool = True
    state: State = "active"
    since_utc: datetime | None = None
    why: str = ""
    names_tenant: bool = False  # gets the report of several tenants, whose depots may be called alike

    @property
    def key(self) -> Key:
        """What makes it one and the same, however the address is written."""
        return Key(bare_address(self.address), self.report, self.tenant_id)

    @property
    def style(self) -> Style:
        """Units and locale."""
        return Style(METRIC if self.units == "metric" else US, self.locale)

    @property
    def about(self) -> str:
        """The report in words: `daily of northwind`, `network`."""
        return f"{self.report} of {self.tenant_id}" if self.tenant_id else self.report


def recipients(
    settings: Settings,
    published_tenants: Sequence[PublishedTenant] | None = None,
    *,
    kinds: Mapping[str, Kind] = KINDS,
) -> list[Recipient]:
    """Return all recipients, in every state: who is named for a tenant, then who gets all tenants'.

    `published_tenants` are asked of the published copy where not given. Raises RecipientsError with every fault.
    """
    tenants = read_tenants(settings.published_path) if published_tenants is None else list(published_tenants)
    if settings.has_recipients_file:
        wished = _wished(settings, read_entries(settings.recipients_path, kinds), tenants, kinds)
    else:
        wished = _simple(settings, tenants)
    events = read_events(settings.recipient_events_path)
    found: dict[Key, Recipient] = {}
    for recipient in wished:
        found.setdefault(recipient.key, recipient)
    several = Counter((key.address, key.report) for key in found)
    held = {key: standing(events, key) for key in found}
    return [
        recipient._replace(
            state=held[key].state,
            since_utc=held[key].since_utc,
            why=held[key].why,
            names_tenant=several[key.address, key.report] > 1,
        )
        for key, recipient in found.items()
    ]


def wished_keys(settings: Settings, kinds: Mapping[str, Kind] = KINDS) -> set[Key]:
    """Return who may get which report of whom, by the file or the settings alone; tenant `*` stands for every one.

    Nothing that is published is asked: a tenant that is missing there for a while keeps its readers. Without a file the
    addresses of ODOGRAPH_MAIL_TO may have any report, for `odograph report` sends them each.
    """
    if not settings.has_recipients_file:
        tenants = [settings.report_tenant or ALL, ""]
        addresses = [bare_address(address) for address in settings.mailed_to]
        return {Key(address, kind, tenant) for address in addresses for kind in kinds for tenant in tenants}
    found = set()
    for entry in read_entries(settings.recipients_path, kinds):
        for report in entry.reports:
            tenants = [""] if kinds[report].audience == "network" else list(entry.tenants) or [ALL]
            found |= {Key(bare_address(entry.address), report, tenant) for tenant in tenants}
    return found


def read_tenants(published: Path) -> list[PublishedTenant]:
    """Return the tenants of the published copy; none where nothing is published, or only by an earlier version."""
    try:
        with open_published(published) as copy:
            return [PublishedTenant(*row) for row in copy.execute(TENANTS).fetchall()]
    except NothingPublished:
        return []
    except (duckdb.BinderException, duckdb.CatalogException):
        logger.warning("the published copy was made by an earlier version: run `odograph refresh`")
        return []


def _wished(
    settings: Settings, entries: Iterable[Entry], tenants: Sequence[PublishedTenant], kinds: Mapping[str, Kind]
) -> list[Recipient]:
    """One recipient for each report and tenant; who is named for a tenant comes before who gets all."""
    known = {tenant.tenant_id: tenant for tenant in tenants}
    named: list[Recipient] = []
    for_all: list[Recipient] = []
    for entry in entries:
        for report in entry.reports:
            kind = kinds[report]
            if kind.audience == "network":
                named.append(_recipient(settings, entry, kind, None))
            elif entry.tenants:
                named += [
                    _recipient(settings, entry, kind, known.get(name) or PublishedTenant(name, settings.timezone))
                    for name in entry.tenants
                ]
            else:
                for_all += [_recipient(settings, entry, kind, tenant) for tenant in tenants]
    return named + for_all


def _recipient(settings: Settings, entry: Entry, kind: Kind, tenant: PublishedTenant | None) -> Recipient:
    reads = tenant or PublishedTenant("", settings.timezone)
    cron = cron_of(entry.schedule or kind.cron, kind.cron)
    usual = Recipient(entry.address, kind.name, reads.tenant_id, cron, entry.timezone or reads.timezone)
    usual = as_tenant_reads(usual, reads)
    return usual._replace(
        units=entry.units or usual.units,
        locale=entry.locale or usual.locale,
        formats=entry.formats,
        send_empty=entry.send_empty,
    )


def _simple(settings: Settings, tenants: Iterable[PublishedTenant]) -> list[Recipient]:
    """The daily report for each address of ODOGRAPH_MAIL_TO, by ODOGRAPH_REPORT_CRON."""
    problems = []
    for address in settings.mailed_to:
        try:
            bare_address(address)
        except ValueError as error:
            problems.append(f"ODOGRAPH_MAIL_TO: {error}")
    if problems:
        raise RecipientsError(problems)
    shown = [tenant for tenant in tenants if settings.report_tenant in (None, tenant.tenant_id)]
    if settings.report_tenant and not shown:
        shown = [PublishedTenant(settings.report_tenant, settings.timezone)]
    return [
        as_tenant_reads(Recipient(address, "daily", tenant.tenant_id, settings.report_cron, settings.timezone), tenant)
        for address in settings.mailed_to
        for tenant in shown
    ]


def as_tenant_reads(recipient: Recipient, tenant: PublishedTenant) -> Recipient:
    """In the units and locale of the tenant where it has any that are known."""
    try:
        locale = known_locale(tenant.locale or "en_US")
    except ValueError:
        locale = "en_US"
    return recipient._replace(units="metric" if tenant.units == "metric" else "us", locale=locale)
