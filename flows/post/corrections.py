"""Which mailed numbers have moved since, by how much and why, and how is that said?

Only headlines count: the numbers people act on, each with the least change that is worth a mail.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from html import escape
from typing import NamedTuple

import duckdb

from flows.post.outbox import Told
from flows.report.rendered import Headline, Report
from flows.report.style import Style

LEAST_CHANGE = 1e-9  # of a number that came from the same data by another order of sums
MOST_VANS = 5

REASONS = {
    "positions": "late positions",
    "rejects": "messages that could be read only later",
    "plan": "a later plan",
    "window": "a plan's hours",
    "import": "imported lists",
    "full": "a recomputation",
}

REVISED = """
select reason, list(distinct vehicle_id order by vehicle_id)
from (
    select vehicle_id, unnest(reasons) as reason from core.revisions
    where ($tenant = '' or tenant_id = $tenant) and service_date between $first and $last
        and revised_utc > $since_utc and revision > 1
)
group by reason
order by reason
"""

REBUILT = """
select count(*) from core.loads
where ($tenant = '' or tenant_id = $tenant) and service_date between $first and $last and rebuilt_utc > $since_utc
"""


class Change(NamedTuple):
    """A headline before and after; before is empty where the first mail had nothing to say."""

    name: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.name}: {self.before or 'nothing was heard'} → {self.after}"


def changes(before: Sequence[Told], after: Sequence[Headline]) -> list[Change]:
    """Return the headlines that moved by as much as is worth a mail."""
    mailed = {told.name: told for told in before}
    return [
        Change(now.name, mailed[now.name].text if now.name in mailed else "", now.text)
        for now in after
        if _has_moved(mailed.get(now.name), now)
    ]


def _has_moved(before: Told | None, now: Headline) -> bool:
    if now.move == float("inf"):
        return False
    if before is None or before.value is None or now.value is None:
        return (before.value if before else None) is not now.value
    return abs(now.value - before.value) >= max(now.move, LEAST_CHANGE) * (1 - LEAST_CHANGE)


def was_rebuilt(
    published: duckdb.DuckDBPyConnection, tenant_id: str, period: tuple[date, date], since: datetime
) -> bool:
    """Whether anything of the period was built again since then."""
    asked = {"tenant": tenant_id, "first": period[0], "last": period[1], "since_utc": since.replace(tzinfo=None)}
    return bool(published.execute(REBUILT, asked).fetchall()[0][0])


def why(
    published: duckdb.DuckDBPyConnection, tenant_id: str, period: tuple[date, date], since: datetime, style: Style
) -> str:
    """Return what came later, in words; empty where no van's day changed."""
    asked = {"tenant": tenant_id, "first": period[0], "last": period[1], "since_utc": since.replace(tzinfo=None)}
    found = published.execute(REVISED, asked).fetchall()
    return "; ".join(f"{REASONS.get(reason, reason)} of {style.listed(vans, MOST_VANS)}" for reason, vans in found)


def corrected(report: Report, moved: Sequence[Change], because: str) -> Report:
    """Return the report with what changed as its first lines."""
    lines = [str(change) for change in moved]
    reason = f"Why: {because}."
    heading = "This corrects a report that you have. What changed:"
    items = "".join(f"<br>{escape(line)}" for line in lines)
    box = (
        '<table role="presentation" width="100%" cellpadding="0"><tr><td align="center">'
        '<table role="presentation" width="600" cellpadding="0" align="center" bgcolor="#fff4d6" '
        'style="width:100%;max-width:600px;background:#fff4d6;font-family:sans-serif;">'
        '<tr><td align="left" style="padding:12px 24px;font-size:13px;line-height:19px;color:#3d2f00;">'
        f"<b>{heading}</b>{items}<br>{escape(reason)}</td></tr></table></td></tr></table>"
    )
    return report._replace(
        subject=f"Corrected: {report.subject}",
        text="\n".join([heading, *(f"  {line}" for line in lines), reason, "", report.text]),
        html=re.sub(r"<body[^>]*>|\A(?![\s\S]*<body)", lambda body: body[0] + box, report.html, count=1),
    )
