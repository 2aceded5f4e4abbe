"""What is to be sent now?

Each recipient's schedule says when, in the recipient's own zone; the outbox says what has left. Whatever became due in
the last days and has not left is sent, oldest first, so a machine that was off catches up. A report that is not there
yet is waited for. What goes wrong for one recipient stops no other.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flows.post.correcting import put_corrections
from flows.post.desk import Desk
from flows.post.done import Done, Posted
from flows.post.empty import empty_report
from flows.post.leaving import bounce_noted, left_meanwhile, let_go, let_go_unlisted
from flows.post.mail import EXCEPTIONS, Delivery, MailNotSent, message_key
from flows.post.outbox import ON_THE_WAY, opened
from flows.post.patience import rules_of
from flows.post.recipients import (
    PublishedTenant,
    Recipient,
    as_tenant_reads,
    read_tenants,
    recipients,
    wished_keys,
)
from flows.post.recipients_file import RecipientsError
from flows.post.schedules import next_utc
from flows.post.sending import has_left, only_person_decides, ready, send, settle_unknown
from flows.post.smtp import smtp_server
from flows.report.data import NothingToReport
from flows.report.kinds import KINDS, Kind
from flows.report.rendered import Period, Report, day_period
from flows.settings import Settings

HELD = "held, for it may have arrived: `odograph mail retry` or `settle`"
ONE_PERIOD_DAYS = {"day": 0, "week": 8, "month": 32}  # the last week or month is caught up with in any case
CLOCKS_DIFFER = timedelta(hours=1)  # between the machine that publishes and the one that posts


class Due(NamedTuple):
    """A period that became due, and when."""

    period: Period
    at_utc: datetime


def post_due(
    settings: Settings, now: datetime, *, only: Recipient | None = None, kinds: Mapping[str, Kind] = KINDS
) -> Posted:
    """Send what is due: what waited from before, by schedule, what was missed, and corrections.

    `only` leaves out the other recipients. What goes wrong is in the answer, not raised.
    """
    server = smtp_server(settings.smtp_url) if settings.smtp_url else None
    rules = rules_of(settings)
    with opened(settings.mail_dir / "sent.jsonl") as outbox:
        settle_unknown(outbox)
        done = Done()
        try:
            listed = recipients(settings, kinds=kinds) if only is None else [only]
            let_go(outbox, [found for found in listed if found.state != "active"])
            if only is None:
                let_go_unlisted(outbox, wished_keys(settings, kinds))
        except RecipientsError as error:
            listed = []
            done.problems.append(str(error))
        desk = Desk(settings, outbox, kinds, now)
        active = [recipient for recipient in listed if recipient.state == "active"]
        if is_odd := _clock_is_odd(desk):
            done.problems.append(is_odd)
        for recipient in active if desk.copy and not is_odd else []:
            with done.noting(f"{recipient.address}, {recipient.about}"):
                _put_due(desk, recipient, done)
        with done.noting("corrections"):
            put_corrections(desk, active, done)
        keys = ready(outbox, now, rules)
        sent = send(
            outbox,
            keys,
            server,
            mail_dir=settings.mail_dir,
            now=lambda: now,
            rules=rules,
            refused=bounce_noted(settings),
            left=left_meanwhile(settings),
        )
    return done.posted(sent)


def send_now(
    settings: Settings, kind: str, tenant_id: str, period: Period, *, nobody: str, until: date | None = None
) -> Delivery:
    """Send a report of a period to its recipients now, whatever their schedule, to each once.

    Exceptions of dates after `until` are left out. Without a file of recipients these are all of ODOGRAPH_MAIL_TO,
    else `nobody`. Raises MailNotSent after all were tried.
    """
    server = smtp_server(settings.smtp_url) if settings.smtp_url else None
    rules = rules_of(settings)
    wished = [found for found in recipients(settings) if (found.report, found.tenant_id) == (kind, tenant_id)]
    active = [found for found in wished if found.state == "active"]
    if not wished and not settings.has_recipients_file:
        addresses = settings.mailed_to or [nobody]
        tenants = {found.tenant_id: found for found in read_tenants(settings.published_path)}
        reads = tenants.get(tenant_id) or PublishedTenant(tenant_id, settings.timezone)
        active = [
            as_tenant_reads(Recipient(address, kind, tenant_id, KINDS[kind].cron, settings.timezone), reads)
            for address in addresses
        ]
    with opened(settings.mail_dir / "sent.jsonl") as outbox:
        desk = Desk(settings, outbox, KINDS, datetime.now(UTC), until)
        due = []
        held = []
        for found in active:
            report = _new_to(desk, found, period)
            if report is None or has_left(outbox, key := message_key(report, found.address), server):
                continue
            if only_person_decides(outbox, key, rules):
                held.append((found.address, HELD))
                continue
            desk.put(found, report)
            due.append((found, report))
        done = send(
            outbox,
            [message_key(report, found.address) for found, report in due],
            server,
            mail_dir=settings.mail_dir,
            rules=rules,
            refused=bounce_noted(settings),
            left=left_meanwhile(settings),
        )
    already_sent = len(active) - len(due) - len(held)
    delivery = Delivery(len(done.sent), len(done.written), already_sent, done.written)
    if failures := [*held, *done.failures]:
        raise MailNotSent(failures, delivery)
    return delivery


def _new_to(desk: Desk, recipient: Recipient, period: Period) -> Report | None:
    """Return a report as this recipient reads it; None for exceptions that this recipient was all told."""
    try:
        return desk.render(recipient, period)
    except NothingToReport:
        if recipient.report != EXCEPTIONS or not desk.told(recipient):
            raise
        return None


def due_periods(kind: Kind, recipient: Recipient, now: datetime, since: datetime, first: date | None) -> list[Due]:
    """Return the periods that became due since then, oldest first.

    `first` is the first day of the oldest period that was mailed: nobody is sent what was before. None: nothing was
    mailed yet, and only the newest is due.
    """
    found: dict[Period, datetime] = {}
    at_utc = since
    while (at_utc := next_utc(recipient.cron, recipient.timezone, at_utc)) <= now:
        local_day = at_utc.astimezone(ZoneInfo(recipient.timezone)).date()
        found.setdefault(kind.period_before(local_day), at_utc)
    due = [Due(period, at_utc) for period, at_utc in found.items()]
    return due[-1:] if first is None else [one for one in due if one.period.first >= first]


def _clock_is_odd(desk: Desk) -> str:
    """Return why the clock and the published copy cannot both be right; empty where they can.

    A mail that leaves under a wrong clock is about days that nobody has lived yet, or tells of silence where there was
    none.
    """
    if desk.copy is None:
        return ""
    age = desk.now - desk.copy.published_utc
    limit = timedelta(days=max(desk.settings.catch_up_days, 1))
    if -CLOCKS_DIFFER <= age <= limit:
        return ""
    return (
        f"no report: the clock says {desk.now:%Y-%m-%d %H:%M} UTC, the published copy is of"
        f" {desk.copy.published_utc:%Y-%m-%d %H:%M} UTC; set the clock, or run `odograph refresh`"
    )


def _put_due(desk: Desk, recipient: Recipient, done: Done) -> None:
    kind, settings = desk.kinds[recipient.report], desk.settings
    since = desk.now - timedelta(days=max(settings.catch_up_days, ONE_PERIOD_DAYS[kind.periods]))
    if recipient.since_utc:
        since = max(since, recipient.since_utc)
    if recipient.report == EXCEPTIONS:
        _put_exceptions(desk, recipient, since)
        return
    # What was mailed of a period that is not over, by hand or under a wrong clock, says nothing of when it began.
    today = desk.now.astimezone(ZoneInfo(recipient.timezone)).date()
    known = [entry.first for entry in desk.entries(recipient) if entry.first and (entry.last or entry.first) < today]
    for period, at_utc in due_periods(kind, recipient, desk.now, since, min(known, default=None)):
        with done.noting(f"{recipient.address}, {recipient.about}, {period.key}"):
            _put_period(desk, recipient, period, at_utc, done)


def _put_period(desk: Desk, recipient: Recipient, period: Period, at_utc: datetime, done: Done) -> None:
    key, kind = desk.key(recipient, period), desk.kinds[recipient.report]
    state = desk.outbox.state(key)
    if state is not None and (state not in ON_THE_WAY or desk.outbox.has_bytes(key)):
        return
    if only_person_decides(desk.outbox, key, rules_of(desk.settings)):
        return  # its text is gone, but it may have arrived
    try:
        report = desk.render(recipient, period)
    except NothingToReport as nothing:
        if desk.now - at_utc < timedelta(hours=desk.settings.report_wait_h):
            done.awaited.append(f"{recipient.address}, {recipient.about}, {period.key}: {nothing}")
        elif recipient.send_empty:
            report = empty_report(
                recipient.report,
                kind.title,
                recipient.tenant_id,
                period,
                recipient.style,
                str(nothing),
                contact=desk.settings.asked_at,
            )
            desk.put(recipient, report, is_empty=True)
        return
    if report.is_clear and not recipient.send_empty:
        about = desk.about(report)
        desk.outbox.note(key, "quiet", recipient.key.address, "all clear", at_utc=desk.now, about=about)
        done.quiet += 1
        return
    desk.put(recipient, report)


def _put_exceptions(desk: Desk, recipient: Recipient, since: datetime) -> None:
    """Tell what is new, at the newest instant of the schedule; one that was used is not used again."""
    name = " ".join(recipient.key)
    newest = None
    at_utc = max(since, datetime.fromisoformat(desk.looked[name])) if name in desk.looked else since
    while (at_utc := next_utc(recipient.cron, recipient.timezone, at_utc)) <= desk.now:
        newest = at_utc
    if newest is None:
        return
    today = day_period(newest.astimezone(ZoneInfo(recipient.timezone)).date())
    with suppress(NothingToReport):
        report = desk.render(recipient, today)
        # What was given up waits for a person; together with something new it is told again.
        if desk.outbox.state(message_key(report, recipient.address)) != "gave_up":
            desk.put(recipient, report)
    desk.look(name, newest.isoformat())
