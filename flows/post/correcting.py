"""Which mailed reports are to be corrected now?

Each published copy is looked at once: where something of a mailed period was built again and a headline has moved, the
report is rendered anew and goes out as an answer to the first mail. There are few of them and some time apart, because
a day whose data trickles in would else make a mail each quarter of an hour.
"""

from collections.abc import Iterator
from datetime import timedelta

import duckdb

from flows.post.corrections import Change, changes, corrected, was_rebuilt, why
from flows.post.desk import Desk
from flows.post.done import Done
from flows.post.mail import EXCEPTIONS, Reference
from flows.post.outbox import ON_THE_WAY, Entry
from flows.post.recipients import Recipient
from flows.querying import open_published
from flows.report.style import Style

MAILED = frozenset({"sent", "written", "quiet"})


def put_corrections(desk: Desk, active: list[Recipient], done: Done) -> None:
    """Put into the outbox what is worth a correction; nothing is looked at twice in one published copy."""
    if desk.copy is None or desk.looked.get("corrections") == desk.copy.generation:
        return
    chains = [
        (recipient, chain)
        for recipient in active
        if recipient.report != EXCEPTIONS
        for chain in _chains(desk, recipient)
    ]
    # One connection for all, and closed before the first report opens its own.
    with open_published(desk.settings.published_path) as published:
        found = [
            (recipient, chain, because)
            for recipient, chain in chains
            if (because := _news(published, desk, chain, recipient.style))
        ]
    is_postponed, problem_count = False, len(done.problems)
    for recipient, chain, because in found:
        if _is_too_early(desk, chain[-1]):
            is_postponed = True
            continue
        with done.noting(f"{recipient.address}, correction of {recipient.about}"):
            _put_correction(desk, recipient, chain, because, done)
    if not is_postponed and len(done.problems) == problem_count:
        desk.look("corrections", desk.copy.generation)


def _chains(desk: Desk, recipient: Recipient) -> Iterator[list[Entry]]:
    """The mails of a recipient about each period of the last days: the first and its corrections."""
    since = desk.now - timedelta(days=desk.settings.catch_up_days)
    found: dict[str, list[Entry]] = {}
    for entry in desk.entries(recipient):
        if entry.about:
            # By key, not by days: a week of the reader's may begin a day before the one that was asked for.
            found.setdefault(entry.key.removesuffix(f".c{entry.about.correction}"), []).append(entry)
    for chain in found.values():
        chain.sort(key=lambda entry: entry.about.correction if entry.about else 0)
        if chain[0].at_utc and chain[0].at_utc > since:
            yield chain


def _news(published: duckdb.DuckDBPyConnection, desk: Desk, chain: list[Entry], style: Style) -> str:
    """Return why the days of a mail are others than it said; empty where they are not, or it is not to be corrected."""
    about, copy = chain[-1].about, desk.copy
    if about is None or copy is None or about.published_utc is None or len(chain) > desk.settings.mail_corrections:
        return ""
    if chain[-1].state not in ON_THE_WAY | MAILED or copy.published_utc <= about.published_utc:
        return ""
    days = about.first, about.last
    if not was_rebuilt(published, about.tenant_id, days, about.published_utc):
        return ""
    return why(published, about.tenant_id, days, about.published_utc, style) or "later data"


def _is_too_early(desk: Desk, last: Entry) -> bool:
    """Whether the mail before is still on its way, or left only a moment ago."""
    gap = timedelta(hours=desk.settings.mail_correction_gap_h)
    is_recent = last.state != "quiet" and last.at_utc is not None and desk.now - last.at_utc < gap
    return last.state in ON_THE_WAY or is_recent


def _put_correction(desk: Desk, recipient: Recipient, chain: list[Entry], because: str, done: Done) -> None:
    first, last = chain[0].about, chain[-1].about
    assert first is not None  # chains are of mails that we know this of
    assert last is not None
    period = desk.kinds[recipient.report].period_of(last.last)
    report = desk.render(recipient, period)
    if chain[-1].state == "quiet":
        if not report.is_clear:
            desk.put(recipient, report)
        return
    moved = changes(last.headlines, report.headlines)
    if last.is_empty and not moved:
        moved = [Change("Report", "", "data has arrived")]
    if not moved:
        return
    reference = Reference(first.message_id, last.correction + 1)
    desk.put(recipient, corrected(report, moved, because), reference=reference)
    done.corrections.add(f"{chain[0].key}.c{reference.correction}")
