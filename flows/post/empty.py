"""What does somebody read who wants every report, when nothing was heard?"""

from flows.report.page import footer, html, text
from flows.report.rendered import Period, Report
from flows.report.style import Style


def empty_report(
    name: str, title: str, tenant_id: str, period: Period, style: Style, why: str, *, contact: str | None = None
) -> Report:
    """Return a report that says that there is nothing, and why as far as we know."""
    when = style.day(period.first)
    if period.kind != "day":
        when = f"{when} – {style.day(period.last)}"
    whose = tenant_id or "all tenants"
    subject = f"{whose} · {when} · nothing was heard"
    page = {
        "subject": subject,
        "place": whose,
        "when": f"{when} {period.last.year}",
        "status": "nothing was heard",
        "verdict": f"No vehicle was heard: {why}. If vans were out, look at the trackers and the collector.",
        "foot": footer(title, tenant_id, contact=contact),
    }
    return Report(
        report=name,
        tenant_id=tenant_id,
        period=period,
        subject=subject,
        html=html("frame.html.j2", page),
        text=text("frame.txt.j2", page),
        images={},
        attachments={},
    )
