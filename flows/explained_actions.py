"""What does `odograph explain actions` print? What was weighed for a week, what was taken, and why others were left."""

import re
from datetime import date, timedelta

import duckdb
from rich.console import Console
from rich.markup import escape

from flows.explaining import NothingToExplain, rows_of
from flows.querying import open_published
from flows.report.actions import Considered, VansNeeded, considered, vans_needed
from flows.report.rendered import Period, week_period
from flows.report.style import Style
from flows.report.units import METRIC, US
from flows.settings import Settings

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NO_WEEK = "a week is written 2026-W09, not {}"


def print_actions(settings: Settings, *, tenant: str | None, week: str | None) -> None:
    """Print the suggestions for a tenant and week; the newest whole week where none is asked for."""
    console = Console()
    with open_published(settings.published_path) as published:
        tenant_id = _tenant(published, tenant)
        period, style = _period(published, tenant_id, week), _style(published, tenant_id)
        found = considered(published, tenant_id, period, style)
        needs = vans_needed(published, tenant_id, period)
    console.print(
        f"[bold]Suggestions for {escape(tenant_id)}[/bold], {period.first} to {period.last} ({period.key}):"
        f" {sum(each.is_taken for each in found)} of {len(found)} weighed are taken",
        highlight=False,
        soft_wrap=True,
    )
    if not found:
        _say(console, "Nothing stands out, or too little was seen: docs/actions.md says what it takes.")
    for number, each in enumerate(found, 1):
        _print_one(console, number, each)
    for need in needs:
        _print_need(console, need, style)


def _print_one(console: Console, number: int, each: Considered) -> None:
    action = each.action
    verdict = "taken" if each.is_taken else f"left: {each.reason}"
    console.print()
    console.print(
        f"[bold]{number}. {escape(action.title)}[/bold]: {escape(action.saving_text)}", highlight=False, soft_wrap=True
    )
    _say(console, f"   {verdict}")
    _say(console, f"   {action.why}")
    _say(console, f"   {action.confidence} (n = {action.n}): {action.formula}")
    for line in action.evidence:
        _say(console, f"   - {line}")
    _say(console, f"   would change it: {action.changes}")


def _print_need(console: Console, need: VansNeeded, style: Style) -> None:
    place = f"depot {need.depot_id}" if need.depot_id else "no known depot"
    verdict = f"{abs(need.surplus)} {'beyond' if need.surplus >= 0 else 'short'}"
    console.print()
    _say(
        console,
        f"Vans of {place}, {need.first} to {need.last}: at most {need.peak} out at once ({style.day(need.peak_date)}),"
        f" {need.reserve} in reserve, {need.available} available: {verdict}"
        + (f"; {need.refusal}" if need.refusal else ""),
    )


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True, markup=False)


def _tenant(published: duckdb.DuckDBPyConnection, tenant: str | None) -> str:
    rows = rows_of(published, "select distinct tenant_id from marts.fleet_days order by tenant_id")
    known = [row["tenant_id"] for row in rows]
    if tenant is None and len(known) == 1:
        return str(known[0])
    listed = ", ".join(known) or "none"
    if tenant is None:
        raise NothingToExplain(f"choose a tenant with --tenant: {listed}")
    if tenant not in known:
        raise NothingToExplain(f"no tenant {tenant}; there are {listed}")
    return tenant


def _period(published: duckdb.DuckDBPyConnection, tenant_id: str, week: str | None) -> Period:
    (begin,) = rows_of(
        published,
        "select coalesce(max(week_start), 'sunday') as week_start from staging.week_starts where tenant_id = $tenant",
        tenant=tenant_id,
    )
    first_weekday = WEEKDAYS.index(begin["week_start"]) + 1
    if week is None:
        (newest,) = rows_of(
            published,
            "select max(service_date) as day from marts.fleet_days where tenant_id = $tenant",
            tenant=tenant_id,
        )
        period = week_period(newest["day"], first_weekday)
        return period if period.last == newest["day"] else week_period(period.first - timedelta(days=1), first_weekday)
    written = re.fullmatch(r"(\d{4})-W(\d{2})", week)
    if written is None:
        raise NothingToExplain(NO_WEEK.format(week))
    try:
        monday = date.fromisocalendar(int(written[1]), int(written[2]), 1)
    except ValueError as error:
        raise NothingToExplain(NO_WEEK.format(week)) from error
    # A week has the number of the Monday in it, on whichever day it begins.
    return week_period(monday, first_weekday)


def _style(published: duckdb.DuckDBPyConnection, tenant_id: str) -> Style:
    rows = rows_of(
        published,
        "select units from core.tenants where tenant_id = $tenant order by valid_from desc nulls last limit 1",
        tenant=tenant_id,
    )
    return Style(METRIC if rows and rows[0]["units"] == "metric" else US)
