"""What is in the daily report, and in which order?

Subject, verdict, six tiles, what needs attention, routes, two pictures, fuel flags, data health. A day on which nothing
needs attention gives a short page: tiles, data health, and the routes in the text part and the attachment.
"""

from collections.abc import Set
from datetime import date
from pathlib import Path
from typing import Any

from flows.report.attention import attention, is_all_clear
from flows.report.data import MIN_COVERAGE, read_day
from flows.report.drawing import NARROW_PX
from flows.report.headlines import headlines
from flows.report.health import health_rows, provisional
from flows.report.kinds import ALL_FORMATS, Asked
from flows.report.measures import idle_share
from flows.report.page import MOST_ROWS, Column, Picture, carried, footer, html, of_tenant, text
from flows.report.pictures import pareto, shown_vehicles, timeline
from flows.report.rendered import Report, day_period
from flows.report.rows import DailyData
from flows.report.spreadsheet import attachments
from flows.report.style import AMERICAN, Style
from flows.report.tables import (
    FUEL_COLUMNS,
    MOST_FUEL_ROWS,
    fuel_note,
    fuel_rows,
    gated_note,
    route_columns,
    route_rows,
)
from flows.report.tiles import tiles
from flows.report.words import history_label, place, subject, verdict
from warehouse.fuel_rules import NO_PROOF

TIMELINE, PARETO = "timeline", "idle-by-van"
NAMED_IN_WORDS = 5  # vans of a picture
ATTENTION_NOTE = "Cost: fuel burnt idling, wages beyond plan, or the amount of a purchase to check."
FOOT_NOTE = "Drivers appear by initials only; positions are not part of this mail."
WORDS_NOTE = (
    "Ratios are sums over sums and stand only where at least {least} of the time was heard. Engine on: driving or "
    "idling. Idle share: idling, over engine on. Route utilization: depot exit to return, over the planned time. Stem: "
    "distance before the first and after the last stop, over all. On time: out no later than 5 min after plan."
)


def render(asked: Asked) -> Report:
    """Return the report as `flows.report.kinds` asks for it."""
    return daily_report(
        asked.published,
        asked.tenant_id,
        asked.period.first,
        style=asked.style,
        contact=asked.contact,
        min_coverage=asked.min_coverage,
        names_tenant=asked.names_tenant,
        formats=asked.formats,
    )


def daily_report(
    published: Path,
    tenant_id: str,
    service_date: date,
    *,
    style: Style = AMERICAN,
    contact: str | None = None,
    min_coverage: float = MIN_COVERAGE,
    names_tenant: bool = False,
    formats: Set[str] = ALL_FORMATS,
) -> Report:
    """Return the report of one tenant and service date from a published copy.

    `contact` is where readers ask about the data; below `min_coverage` (0 to 1) ratios read n/a; `names_tenant` and
    `formats` as in `flows.report.kinds.Asked`. Raises
    `flows.report.data.NothingToReport` for a day that is not there.
    """
    data = read_day(published.resolve(), tenant_id, service_date, min_coverage=min_coverage)
    rows = attention(data, style)
    is_clear = is_all_clear(data, rows)
    images = {} if is_clear else _pictures(data, style)
    attached = attachments(data, style.units)
    files = carried(attached, formats)
    routes = route_rows(data, style)
    columns = route_columns(routes, style.units)
    flags = fuel_rows(data, style)
    status = provisional(data, style)
    page: dict[str, Any] = {
        "subject": of_tenant(subject(data, style), tenant_id, is_named=names_tenant),
        "place": of_tenant(place(data, style), tenant_id, is_named=names_tenant),
        "when": f"{style.day(service_date)} {service_date.year}",
        "status": status.split(";")[0],
        "verdict": verdict(data, is_clear=is_clear, style=style),
        "timezone": data.timezone,
        "is_clear": is_clear,
        "tiles": tiles(data, style),
        "compared": f"Differences: against {history_label(data, style)}." if data.history else "",
        "attention": rows,
        "attention_note": ATTENTION_NOTE,
        "timeline": _timeline_words(data, style) if _cid(TIMELINE) in images else None,
        "pareto": _pareto_words(data, style) if _cid(PARETO) in images else None,
        "idle_reason": idle_share(data).reason,
        "columns": columns,
        "routes": routes,
        "routes_note": _routes_note(len(routes), files, columns),
        "gated": gated_note(data, style, routes, columns),
        "fuel_columns": FUEL_COLUMNS,
        "fuel": flags[:MOST_FUEL_ROWS],
        "fuel_note": fuel_note(data, style),
        "fuel_proof": _left_out(len(flags) - MOST_FUEL_ROWS) + NO_PROOF,
        "health": health_rows(data, style, has_workbook=any(name.endswith(".xlsx") for name in files)),
        "foot": footer(
            "daily report",
            tenant_id,
            contact=contact,
            notes=[FOOT_NOTE, WORDS_NOTE.format(least=style.percent(min_coverage))],
        ),
    }
    return Report(
        report="daily",
        tenant_id=tenant_id,
        period=day_period(service_date),
        subject=page["subject"],
        html=html("daily.html.j2", page),
        text=text("daily.txt.j2", page),
        images=images,
        attachments=attached,
        headlines=headlines(data, style),
        is_clear=is_clear,
    )


def _cid(picture: str) -> str:
    return f"{picture}@odograph"


def _routes_note(count: int, files: list[str], columns: list[Column]) -> str:
    """Return where the rest is, and what the columns mean where their headings cannot say it."""
    fields = {column.field for column in columns}
    names = " and ".join(name for name in files if not name.startswith("vans-"))
    parts = []
    if count > MOST_ROWS:
        parts.append(f"{MOST_ROWS} of {count} rows{f'; all are in the attached {names}' if names else ''}.")
    elif names:
        parts.append(f"Also attached as {names}, with more columns.")
    if "against_plan" in fields:
        parts.append("Exit against plan in minutes; marked if more than 5:00 late.")
    if "stem" in fields:
        parts.append("Stem: share of the distance before the first and after the last stop.")
    return " ".join(parts)


def _left_out(count: int) -> str:
    return f"{count} more in marts.fuel_exceptions. " if count > 0 else ""


def _pictures(data: DailyData, style: Style) -> dict[str, bytes]:
    """Return each picture twice, the second drawn for a telephone."""
    drawn = []
    if data.ledger.place.size:
        drawn.append((TIMELINE, timeline))
    if idle_share(data).value is not None and data.fleet.idle_s > 0:
        drawn.append((PARETO, pareto))
    images = {}
    for name, draw in drawn:
        images[_cid(name)] = draw(data, style)
        images[_cid(f"{name}-narrow")] = draw(data, style, NARROW_PX)
    return images


def _timeline_words(data: DailyData, style: Style) -> Picture:
    """Return the alternative text, which is the finding, and the caption."""
    shown, heard = shown_vehicles(data), len(data.vehicles)
    caption = "A row is a van; each column is filled by the share of each state in it."
    if shown < heard:
        chosen = "most idle" if data.fleet.idle_s > 0 else "the longest day"
        caption = f"The {shown} of {heard} vans with {chosen}. {caption}"
    silent = [van for van in sorted(data.vehicles, key=lambda van: -van.unknown_s) if van.unknown_s >= 600]
    top = data.vehicles[0]
    finding = f"{style.counted(heard, 'van')} heard"
    if top.idle_s > 0:
        finding += f"; {top.vehicle_id} idled longest, {style.number(top.idle_s / 60)} min"
    if silent:
        finding += f"; no data for part of the day from {style.listed([van.vehicle_id for van in silent], 5)}"
    return Picture(_cid(TIMELINE), f"Timeline: {finding}.", caption, _cid(f"{TIMELINE}-narrow"))


def _pareto_words(data: DailyData, style: Style) -> Picture:
    idling = [van for van in data.vehicles if van.idle_s > 0]
    half, so_far_s = 0, 0.0
    while so_far_s < data.fleet.idle_s / 2 and half < len(idling):
        so_far_s, half = so_far_s + idling[half].idle_s, half + 1
    share = style.percent(so_far_s / data.fleet.idle_s)
    long_share = style.percent(data.fleet.excess_idle_s / data.fleet.idle_s)
    caption = (
        f"{half} of {style.counted(len(idling), 'van')} made {share} of the idling; "
        f"{long_share} of it was in events of two minutes and more."
    )
    first = ", ".join(f"{van.vehicle_id} {style.number(van.idle_s / 60)}" for van in idling[:NAMED_IN_WORDS])
    rest = idling[NAMED_IN_WORDS:]
    rest_min = style.number(sum(van.idle_s for van in rest) / 60)
    alt = f"Minutes idled: {first}" + (f"; the other {style.counted(len(rest), 'van')} {rest_min}" if rest else "")
    return Picture(_cid(PARETO), f"{alt}.", caption, _cid(f"{PARETO}-narrow"))
