"""What happened lately that somebody should know before tomorrow's report?

Flags on fuel purchases, idling that was possibly over a legal limit, vans that fell silent, and dates that are held
back. Every one has an id that stays the same however often it is asked for, so that nobody is told the same twice.
"""

from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

import duckdb

from flows.report.queries import rows

# [P] A van that is due is silent after a day; one in reserve, whose tracker sleeps, after a week.
SILENT_S = 24 * 3600
LATE_S = 3600  # after the end of a date, for what its trackers sent last
SPARE_DAYS = 7
MOST_DAYS = 30  # late data is taken for so long
LEAST_EXCESS_S = 300  # [P] beyond a legal limit: runs of a minute more are for the weekly and monthly sums

KINDS = ("fuel", "legal_idle", "silent", "held_back")


class ExceptionRow(NamedTuple):
    """One thing that happened; what does not apply is None.

    rule         F1-F21, a definition of legal idling, or the checks that hold a date back
    title        in words: what the rule asks, or whose limit it is
    evidence     one neutral sentence; of legal idling which exceptions from the limit are not known here
    started_utc  of a purchase, of an idle run, or when a van was heard last
    ended_utc    of an idle run, or when a silent van was heard again
    duration_s   of the idle time held against the limit, or of the silence so far
    cost         of a purchase what is at stake by the rule, which may be more than the purchase
    amount       what the purchase itself cost
    latitude     with longitude, degrees: only of a place that may be shown exactly
    """

    exception_id: str
    kind: Literal["fuel", "legal_idle", "silent", "held_back"]
    severity: Literal["high", "medium"]
    service_date: date | None
    title: str
    evidence: str | None
    rule: str | None = None
    vehicle_id: str | None = None
    route_id: str | None = None
    started_utc: datetime | None = None
    ended_utc: datetime | None = None
    timezone: str | None = None
    place: str | None = None
    context: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    duration_s: float | None = None
    limit_s: float | None = None
    window_s: int | None = None
    cost: float | None = None
    amount: float | None = None
    currency: str | None = None
    quantity_l: float | None = None


def open_exceptions(
    connection: duckdb.DuckDBPyConnection,
    tenant_id: str,
    since: date,
    *,
    until: date | None = None,
    at_utc: datetime | None = None,
) -> list[ExceptionRow]:
    """Return what is open of the dates from `since` on, and what late data showed since then; gravest first.

    Without `until` up to the newest date. `at_utc` is the time by the clock, if there is one: it tells that a date is
    over where no van was heard after its end.
    """
    asked = {
        "tenant_id": tenant_id,
        "since": since,
        "until": until,
        "at_utc": at_utc and at_utc.astimezone(UTC).replace(tzinfo=None),
        "late_s": LATE_S,
        "silent_s": SILENT_S,
        "spare_days": SPARE_DAYS,
        "most_days": MOST_DAYS,
        "least_excess_s": LEAST_EXCESS_S,
    }
    found = [row for kind in KINDS for row in rows(connection, f"exceptions/{kind}", ExceptionRow, **asked)]
    return sorted(found, key=_order)


def _order(row: ExceptionRow) -> tuple[bool, int, float, str]:
    return row.severity != "high", KINDS.index(row.kind), -(row.cost or row.duration_s or 0.0), row.exception_id
