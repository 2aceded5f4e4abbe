"""What is in the daily report, and in which order?

Subject, verdict, six tiles, what needs attention, routes, two pictures, fuel flags, data health. A day on which nothing
needs attention gives a short page: tiles, data health, and the routes in the text part and the attachment.
"""

import re
from datetime import date
from pathlib import Path
from typing import Any

import css_inline
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from flows.report.attention import attention, is_all_clear
from flows.report.data import MIN_COVERAGE, read_day
from flows.report.health import health_rows, provisional
from flows.report.kinds import Asked
from flows.report.measures import idle_share
from flows.report.pictures import pareto, shown_vehicles, timeline
from flows.report.rendered import Report, day_period
from flows.report.rows import DailyData
from flows.report.spreadsheet import routes_csv
from flows.report.tables import (
    MOST_FUEL_ROWS,
    MOST_ROUTES,
    fuel_note,
    fuel_rows,
    gated_note,
    route_columns,
    route_rows,
    text_table,
)
from flows.report.tiles import tiles
from flows.report.units import US, Units, counted, day, listed, percent
from flows.report.words import history_label, place, subject, verdict
from warehouse.fuel_rules import NO_PROOF

TIMELINE_CID, PARETO_CID = "timeline@odograph", "idle-by-van@odograph"
TEXT_WIDTH = 78

_templates = Environment(
    loader=PackageLoader("flows.report"),
    autoescape=select_autoescape(["html.j2"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(asked: Asked) -> Report:
    """Return the report as `flows.report.kinds` asks for it."""
    return daily_report(
        asked.published,
        asked.tenant_id,
        asked.period.first,
        units=asked.style.units,
        contact=asked.contact,
        min_coverage=asked.min_coverage,
    )


def daily_report(
    published: Path,
    tenant_id: str,
    service_date: date,
    *,
    units: Units = US,
    contact: str | None = None,
    min_coverage: float = MIN_COVERAGE,
) -> Report:
    """Return the report of one tenant and service date from a published copy.

    `contact` is where readers ask about the data; below `min_coverage` (0 to 1) ratios read n/a. Raises
    `flows.report.data.NothingToReport` for a day that is not there.
    """
    data = read_day(published.resolve(), tenant_id, service_date, min_coverage=min_coverage)
    rows = attention(data, units)
    is_clear = is_all_clear(data, rows)
    images = {} if is_clear else _pictures(data)
    routes_name = f"routes-{service_date}.csv"
    page: dict[str, Any] = {
        "subject": subject(data),
        "place": place(data),
        "day": f"{day(service_date)} {service_date.year}",
        "timezone": data.timezone,
        "is_clear": is_clear,
        "verdict": verdict(data, is_clear=is_clear, units=units),
        "tiles": tiles(data, units),
        "compared": f"Differences: against {history_label(data)}." if data.history else "",
        "attention": rows,
        "routes": (routes := route_rows(data, units)),
        "most_routes": MOST_ROUTES,
        "routes_name": routes_name,
        "columns": (columns := route_columns(routes, units)),
        "routes_text": text_table(routes, columns),
        "legend": _legend({column.field for column in columns}),
        "gated_note": gated_note(data, routes, columns),
        "timeline": _timeline_words(data) if TIMELINE_CID in images else None,
        "pareto": _pareto_words(data) if PARETO_CID in images else None,
        "idle_reason": idle_share(data).reason,
        "fuel": (flags := fuel_rows(data, units))[:MOST_FUEL_ROWS],
        "fuel_left_out": max(0, len(flags) - MOST_FUEL_ROWS),
        "fuel_note": fuel_note(data, units),
        "no_proof": NO_PROOF,
        "health": health_rows(data),
        "status": provisional(data),
        "tenant_id": tenant_id,
        "contact": contact,
    }
    return Report(
        report="daily",
        tenant_id=tenant_id,
        period=day_period(service_date),
        subject=page["subject"],
        html=_html(page),
        text=_text(page),
        images=images,
        attachments={routes_name: routes_csv(data, units)},
    )


def _legend(fields: set[str]) -> str:
    """Return what the columns of the route table mean, where their headings cannot say it."""
    parts = []
    if "against_plan" in fields:
        parts.append("Exit against plan in minutes; bold is more than 5:00 late.")
    if "stem" in fields:
        parts.append("Stem: share of the distance before the first and after the last stop.")
    return " ".join(parts)


def _pictures(data: DailyData) -> dict[str, bytes]:
    images = {}
    if data.ledger.place.size:
        images[TIMELINE_CID] = timeline(data)
    if idle_share(data).value is not None and data.fleet.idle_s > 0:
        images[PARETO_CID] = pareto(data)
    return images


def _timeline_words(data: DailyData) -> dict[str, str]:
    """Return the alternative text, which is the finding, and the caption."""
    shown, heard = shown_vehicles(data), len(data.vehicles)
    caption = "A row is a van; a column is five minutes, filled by the share of each state."
    if shown < heard:
        chosen = "most idle" if data.fleet.idle_s > 0 else "the longest day"
        caption = f"The {shown} of {heard} vans with {chosen}. {caption}"
    silent = [van for van in sorted(data.vehicles, key=lambda van: -van.unknown_s) if van.unknown_s >= 600]
    top = data.vehicles[0]
    finding = f"{counted(heard, 'van')} heard"
    if top.idle_s > 0:
        finding += f"; {top.vehicle_id} idled longest, {top.idle_s / 60:.0f} min"
    if silent:
        finding += f"; no data for part of the day from {listed([van.vehicle_id for van in silent], 5)}"
    return {"cid": TIMELINE_CID, "alt": f"Timeline: {finding}.", "caption": caption}


def _pareto_words(data: DailyData) -> dict[str, str]:
    idling = [van for van in data.vehicles if van.idle_s > 0]
    half, so_far_s = 0, 0.0
    while so_far_s < data.fleet.idle_s / 2 and half < len(idling):
        so_far_s, half = so_far_s + idling[half].idle_s, half + 1
    share = percent(so_far_s / data.fleet.idle_s)
    long_share = percent(data.fleet.excess_idle_s / data.fleet.idle_s)
    caption = (
        f"{half} of {counted(len(idling), 'van')} made {share} of the idling; "
        f"{long_share} of it was in events of two minutes and more."
    )
    return {"cid": PARETO_CID, "alt": f"Idle by van: {caption}", "caption": caption}


def _html(page: dict[str, Any]) -> str:
    """Return the page with css inlined; spaces before units do not break."""
    html = _templates.get_template("daily.html.j2").render(page)
    # The media query for narrow screens cannot be inlined; a program that drops it still shows the page.
    html = css_inline.inline(html, keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)
    # Classes have done their work, but for those the media query needs.
    html = re.sub(r'(<td[^>]*?) class="(?:first|)"', r"\1", html)
    html = re.sub(r"(\d) (%|min|h|s|mi|gal|pt|km|L)\b", "\\1\u00a0\\2", html)
    return re.sub(r"\n\s*\n+", "\n", re.sub(r"(?m)^[ \t]+", "", html))


def _text(page: dict[str, Any]) -> str:
    text = _templates.get_template("daily.txt.j2").render({**page, "width": TEXT_WIDTH})
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
