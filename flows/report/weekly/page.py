"""What is in the weekly report, and in which order?

Subject, verdict, scorecard, three actions, when each van worked, routes against plan with their stem, idling by place
and by law, fuel economy, prices and flags, data health. What is not known is said in a sentence in its place.
"""

from typing import Any, NamedTuple

from flows.report.actions import actions
from flows.report.drawing import NARROW_PX, WIDTH_PX
from flows.report.finders.found import Question
from flows.report.finders.hot_spots import hot_spots
from flows.report.kinds import Asked
from flows.report.page import Cell, Column, carried, footer, html, of_tenant, text
from flows.report.rendered import Report
from flows.report.style import Style
from flows.report.units import NOT_KNOWN
from flows.report.weekly import captions
from flows.report.weekly.data import read_week_from
from flows.report.weekly.economy import trends
from flows.report.weekly.fuel import (
    FLAG_COLUMNS,
    FLAG_NOTE,
    PRICE_COLUMNS,
    exception_finding,
    flag_rows,
    price_note,
    price_rows,
)
from flows.report.weekly.measures import headlines
from flows.report.weekly.routes import ROUTE_COLUMNS, route_rows, spreads
from flows.report.weekly.rows import WeeklyData
from flows.report.weekly.scorecard import scorecard
from flows.report.weekly.tables import (
    CONTEXT_COLUMNS,
    JURISDICTION_COLUMNS,
    JURISDICTION_NOTE,
    SPOT_COLUMNS,
    context_finding,
    context_rows,
    health_rows,
    jurisdiction_rows,
    legal_finding,
    spot_note,
    spot_rows,
    status,
)
from flows.report.weekly.vans import Table, as_csv, as_workbook, van_days
from flows.report.weekly.words import compared, place, subject, verdict, when
from warehouse.connection import open_database

MOST_TABLE_ROUTES = 20  # in the page; the picture shows the farthest from plan
ACTIONS_ABSENT = "Nothing to suggest this week: what was seen is too little to say what it would save."
FOOT_NOTE = "Times are local ({timezone}). Drivers are not part of this mail; places are cells of 250 m, without homes."
WORDS_NOTE = (
    "Ratios are sums over sums and stand only where at least {least} of the time was heard. Engine on: driving or "
    "idling. Route utilization: depot exit to return, over the planned time. Stem: distance before the first and after "
    "the last stop, over all. On time: out no later than 5 min after plan. Cost per stop: fuel, wages and fixed cost."
)


class Contents(NamedTuple):
    """Everything in the report; pictures are yet to be drawn."""

    data: WeeklyData
    page: dict[str, Any]
    drawings: list[captions.Drawing]
    attached: Table
    file_stem: str


def render(asked: Asked) -> Report:
    """Return the weekly report; raises `flows.report.data.NothingToReport` for a week that is not there."""
    found = contents(asked)
    images: dict[str, bytes] = {}
    for picture, draw in found.drawings:
        images |= {picture.cid: draw(WIDTH_PX), picture.narrow_cid: draw(NARROW_PX)}
    return Report(
        report="weekly",
        tenant_id=asked.tenant_id,
        period=found.data.period,
        subject=found.page["subject"],
        html=html("weekly.html.j2", found.page),
        text=text("weekly.txt.j2", found.page),
        images=images,
        attachments={
            f"{found.file_stem}.csv": as_csv(found.attached),
            f"{found.file_stem}.xlsx": as_workbook(found.attached, found.data.period),
        },
        headlines=headlines(found.data.week, found.data.min_coverage, asked.style),
    )


def contents(asked: Asked) -> Contents:
    """Return what the templates print."""
    style = asked.style
    with open_database(asked.published.resolve(), read_only=True) as connection:
        data = read_week_from(connection, asked.tenant_id, asked.period, min_coverage=asked.min_coverage)
        attached = van_days(connection, asked.tenant_id, data.period, style)
        suggested = actions(connection, asked.tenant_id, data.period, style)
        spots = hot_spots(Question(connection, asked.tenant_id, data.period))
    drawn = {
        "hours": captions.hours(data, style),
        "routes": captions.routes(data, style),
        "economy": captions.economy(data, trends(data, style), style),
    }
    routes = route_rows(data, style)[:MOST_TABLE_ROUTES]
    name = f"vans-{data.period.first}-{data.period.last}"
    page: dict[str, Any] = {
        "subject": of_tenant(subject(data, style), asked.tenant_id, is_named=asked.names_tenant),
        "place": of_tenant(place(data, style), asked.tenant_id, is_named=asked.names_tenant),
        "when": when(data, style),
        "status": status(data, style).split(";")[0],
        "verdict": verdict(data, style),
        "scores": scorecard(data, style),
        "compared": compared(data, style),
        "actions": suggested,
        "actions_absent": ACTIONS_ABSENT,
        **{part: found.picture if found else None for part, found in drawn.items()},
        "hours_absent": captions.hours_absent(data),
        "routes_note": captions.routes_note(data, style),
        "route_columns": _columns(routes),
        "route_rows": routes,
        "routes_left_out": _left_out(len(spreads(data)), style),
        "context_columns": CONTEXT_COLUMNS,
        "contexts": context_rows(data, style),
        "context_finding": context_finding(data, style),
        "spot_columns": SPOT_COLUMNS,
        "spots": spot_rows(spots, style),
        "spot_note": spot_note(spots, style),
        "jurisdiction_columns": JURISDICTION_COLUMNS,
        "jurisdictions": jurisdiction_rows(data, style),
        "jurisdiction_note": " ".join(filter(None, [legal_finding(data, style), JURISDICTION_NOTE])),
        "economy_note": captions.economy_note(data, style),
        "price_columns": PRICE_COLUMNS,
        "prices": price_rows(data, style),
        "price_note": price_note(data, style),
        "flag_columns": FLAG_COLUMNS,
        "flags": flag_rows(data, style),
        "exception_finding": exception_finding(data, style),
        "flag_note": FLAG_NOTE,
        "health": health_rows(data, style),
        "words_note": WORDS_NOTE.format(least=style.percent(data.min_coverage)),
        "attached_note": _attached_note(carried([f"{name}.csv", f"{name}.xlsx"], asked.formats)),
        "foot": footer(
            "weekly report",
            asked.tenant_id,
            contact=asked.contact,
            notes=[FOOT_NOTE.format(timezone=data.timezone)],
        ),
    }
    return Contents(data, page, [found for found in drawn.values() if found], attached, name)


def _columns(rows: list[dict[str, Cell | str]]) -> list[Column]:
    """Return the columns of the route table in which something is known."""
    return [column for column in ROUTE_COLUMNS if any(row[column.field] != NOT_KNOWN for row in rows)]


def _attached_note(files: list[str]) -> str:
    return f"Every van on every date is attached as {' and '.join(files)}." if files else ""


def _left_out(count: int, style: Style) -> str:
    if count <= MOST_TABLE_ROUTES:
        return ""
    return f"The {MOST_TABLE_ROUTES} farthest from plan of {style.number(count)} routes."
