"""What does `odograph explain vehicle_days.idle_s …` print? The number, its formula, its runs, and what made it."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

from rich.console import Console
from rich.markup import escape

from flows.asked_number import Asked
from flows.explained import local, plain_table, print_behind, print_revisions, span
from flows.explaining import NothingToExplain, behind_run
from flows.querying import open_published
from flows.settings import Settings
from flows.tracing import Trace, trace
from warehouse.lineage import Origin

Line = Callable[[str], None]
UNITS = {"_s": "s", "_m": "m", "_l": "l", "_kg": "kg", "_kwh": "kWh", "_pct": "%"}
SHARES = ("share", "coverage", "utilization", "productivity", "completion")
MONEY = ("cost", "gross", "net", "tax", "fees", "discount")


def print_trace(settings: Settings, asked: Asked, *, run: int | None, shown_runs: int, raw: bool) -> None:
    """Print what is behind a number of a mart, or behind one of its runs."""
    console = Console()
    with open_published(settings.published_path) as published:
        found = trace(published, asked)
        if run is None:
            _print(console, found, shown_runs)
            return
        if not 1 <= run <= found.runs.height:
            raise NothingToExplain(f"no run {run}: behind this number are {found.runs.height}, counted from 1")
        what = behind_run(published, settings, found.runs.row(run - 1, named=True))
        print_behind(console, found.zone, run, what, raw=raw)


def shown(name: str, value: object, currency: object = None) -> str:
    """A value with its unit, which is in its name."""
    if value is None:
        return "null"
    if isinstance(value, bool | str | list | date | timedelta):
        return json.dumps(value) if isinstance(value, list) else str(value)
    if isinstance(value, Decimal) and any(part in name for part in MONEY) and currency:
        return f"{value:,} {currency}"
    if isinstance(value, Decimal | float | int):
        unit = next((text for suffix, text in UNITS.items() if name.endswith(suffix) and "_per_" not in name), "")
        text = f"{value:,.10g}" if isinstance(value, float) else f"{value:,}"
        if any(part in name for part in SHARES):
            return f"{text} ({float(value):.1%})"
        if unit == "s" and value >= 60:
            return f"{text} s ({span(float(value))})"
        return f"{text} {unit}".strip()
    return str(value)


def _print(console: Console, found: Trace, shown_runs: int) -> None:
    def line(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    asked, row, currency = found.asked, found.row, found.row.get("currency")
    subject = ", ".join(
        _key(found, name) for name in found.lineage.key if name != "tenant_id" and row.get(name) is not None
    )
    console.print(f"[bold]{asked.table}.{asked.column}[/bold] of {escape(subject)}", highlight=False)
    line(f"({row.get('tenant_id', 'all tenants')}, times in {found.zone.key})")
    line(f"= {shown(asked.column, row[asked.column], currency)}")
    kpi = "" if found.origin is None or found.origin.kpi is None else found.origin.kpi
    said = [found.meaning] if kpi in found.meaning else [found.meaning, f"({kpi} of docs/definitions.md)"]
    if meaning := " ".join(part for part in said if part):
        line(f"means: {meaning}")
    _print_formula(line, found, currency)
    if found.definition is not None:
        listed = found.definition
        line(f"definition {listed['definition_id']}, version {listed['version']}: {listed['wording']}")
    for name, value in found.thresholds.items():
        line(f"threshold {name} = {value}")
    _print_runs(console, found, shown_runs)
    _print_parts(console, line, found, shown_runs)
    console.print()
    _print_makers(line, found)
    print_revisions(console, found.revisions)
    if found.runs.height:
        line("The positions and messages behind a run: the same command with --run N.")


def _print_formula(line: Line, found: Trace, currency: object) -> None:
    origin = found.origin
    if origin is None:
        line(f"made by {found.lineage.built_by}, the whole row at once")
        if "provider_txn_id" in found.row:
            line(f"evidence: odograph explain fuel {found.row['provider_txn_id']}")
        return
    line(f"made of: {_said(found, origin)}")
    for term in found.terms:
        said = "" if term.origin is None or term.origin.formula else f"  <- {_said(found, term.origin)}"
        said = f"  = {term.origin.formula}" if term.origin is not None and term.origin.formula else said
        line(f"{'  ' * (term.depth + 1)}{term.name} = {shown(term.name, term.value, currency)}{said}")
    if not agrees(found.row[found.asked.column], found.anew):
        line(
            f"made anew now it would be {shown(found.asked.column, found.anew, currency)}: what it is read from changed"
            " since its load"
        )


def _said(found: Trace, origin: Origin) -> str:
    if origin.formula is not None:
        return str(origin.formula)
    where = f" where {origin.where}" if origin.where else ""
    by = "" if origin.by == found.lineage.key else f", of the same {' and '.join(origin.by)}"
    return f"{origin.value} from {origin.source}{where}{by}"


def agrees(stored: object, anew: object) -> bool:
    """Whether a number is what its lineage makes of it, but for the last digits of a sum."""
    if stored is None or anew is None:
        return stored is anew
    slack = 5.1e-5 if isinstance(stored, Decimal) else 1e-9
    kept, made = float(stored), float(anew)  # type: ignore[arg-type]
    return abs(kept - made) <= slack + 1e-9 * abs(kept)


def _key(found: Trace, name: str) -> str:
    value = found.row[name]
    if isinstance(value, datetime):
        return f"at {local(value, found.zone)}"
    return str(value)


def _print_runs(console: Console, found: Trace, shown_runs: int) -> None:
    if not found.runs.height:
        return
    runs = found.runs.sort("duration_us", descending=True, maintain_order=True).head(shown_runs)
    lasted_s = float(found.runs["duration_us"].sum()) / 1e6
    rest = "" if runs.height == found.runs.height else f"; the longest {runs.height}"
    console.print(f"\n{found.runs.height} runs behind it, {span(lasted_s)} in all{rest}", highlight=False)
    made = plain_table("run", "started", "ended", "lasted", "state", "context", "phase", "route", "metres")
    for row in runs.iter_rows(named=True):
        made.add_row(
            str(row["run"]),
            local(row["started_utc"], found.zone),
            local(row["ended_utc"], found.zone),
            span(row["duration_us"] / 1e6),
            row.get("state") or row.get("verdict") or "–",
            row.get("context") or row.get("kind") or "–",
            row.get("phase") or "–",
            escape(row.get("route_id") or "–"),
            f"{row['distance_m']:,.0f}" if row.get("distance_m") is not None else "–",
        )
    console.print(made)


def _print_parts(console: Console, line: Line, found: Trace, shown_runs: int) -> None:
    if found.part_of is None or not found.parts.height:
        return
    parts = found.parts.head(shown_runs)
    line(f"\n{found.parts.height} rows of {found.part_of}, the largest first")
    made = plain_table(*parts.columns)
    for values in parts.iter_rows():
        made.add_row(*(escape(shown(name, value)) for name, value in zip(parts.columns, values, strict=True)))
    console.print(made)
    next_column = next((name for name in parts.columns if name not in ("vehicle_id", "route_id")), None)
    if next_column is not None and found.part_of in ("vehicle_days", "route_days") and "vehicle_id" in parts.columns:
        first, route = parts.row(0, named=True), ""
        if "route_id" in parts.columns:
            route = f" --route {first['route_id']}"
        line(
            f"further down: odograph explain {found.part_of}.{next_column} --vehicle {first['vehicle_id']}{route}"
            f" --date {found.row['service_date']} --tenant {found.row['tenant_id']}"
        )


def _print_makers(line: Line, found: Trace) -> None:
    made, copy = found.made_by, found.generation
    if found.held_back_by:
        line(f"held back: newer data did not pass {found.held_back_by}; this is the last good number")
    if made is not None:
        line(
            f"load {made['load_id']}, {made['rebuilt_utc']:%Y-%m-%d %H:%M:%S} UTC, version {made['code_version']}:"
            f" {', '.join(made['reasons'])} ({', '.join(made['segments']) or 'no new message'});"
            f" {made['vehicle_date_count']} vehicle-dates and {made['position_count']:,} positions"
            f" in {made['seconds']:.1f} s"
        )
        digests = ("schema", "models", "definitions", "checks")
        line("digests: " + ", ".join(f"{name} {made[f'{name}_digest']}" for name in digests))
    line(f"read from generation {copy['generation_id']}, published by version {copy['code_version']}")
