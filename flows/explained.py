"""What does `odograph explain` print?"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.explaining import Behind, IdleDay, behind, idle_day
from flows.querying import open_published
from flows.settings import Settings

SHOWN_POSITIONS, LAST_POSITIONS, SHOWN_PAYLOAD = 40, 5, 240
NOT_SHOWN = "not shown: holds a place out of hours, near an overnight stand or private, or none (docs/retention.md)"
RIGHT = {
    "run",
    "lasted",
    "metres",
    "value",
    "counted",
    "idle",
    "events",
    "km/h",
    "rpm",
    "supply V",
    "latitude",
    "longitude",
}


def print_idle(
    settings: Settings,
    *,
    vehicle: str,
    day: date,
    tenant: str | None,
    definition: str,
    run: int | None,
    raw: bool,
    purpose: str | None = None,
) -> None:
    """Print the runs behind the idle time of a vehicle-date, or what stands behind one of them."""
    console = Console()
    with open_published(settings.published_path) as published:
        found = idle_day(published, vehicle=vehicle, day=day, tenant=tenant, definition=definition)
        if run is None:
            _print_day(console, found)
            return
        what = behind(published, settings, found, run, purpose=purpose)
        print_behind(console, ZoneInfo(str(found.day["timezone"])), run, what, raw=raw)


def _print_day(console: Console, found: IdleDay) -> None:
    day, definition = found.day, found.definition
    zone = ZoneInfo(str(day["timezone"]))
    counted_us = int(found.runs["counted_us"].sum() or 0)
    taken_count = int((found.runs["verdict"] == "taken").sum())
    console.print(
        f"[bold]Idle of {escape(day['vehicle_id'])} on {day['service_date']}[/bold]"
        f" ({escape(day['tenant_id'])}, times in {zone.key})",
        highlight=False,
    )
    share = "" if day["idle_share"] is None else f", {day['idle_share']:.1%} of it"
    coverage = "n/a" if day["coverage"] is None else f"{day['coverage']:.1%}"
    console.print(
        f"engine on {span(day['engine_on_s'])}, idle {span(day['idle_s'])}{share}; coverage {coverage}",
        highlight=False,
    )
    console.print(
        f"definition [bold]{definition['definition_id']}[/bold], version {definition['version']}:"
        f" {escape(definition['wording'])} Source: {escape(definition['source'])}.",
        highlight=False,
    )
    console.print(
        f"counted [bold]{span(counted_us / 1e6)}[/bold]: {taken_count} of {found.runs.height} runs", highlight=False
    )
    table = plain_table("run", "started", "ended", "lasted", "context", "route", "counted", "verdict")
    for number, row in enumerate(found.runs.iter_rows(named=True), 1):
        table.add_row(
            str(number),
            local(row["started_utc"], zone),
            local(row["ended_utc"], zone),
            span(row["duration_us"] / 1e6),
            row["context"],
            escape(row["route_id"] or "–"),
            span(row["counted_us"] / 1e6) if row["counted_us"] else "–",
            escape(f"{row['verdict']}: {row['reason']}"),
            style="" if row["verdict"] == "taken" else "dim",
        )
    console.print(table)
    _print_others(console, found)
    print_revisions(console, found.revisions)
    console.print("What is behind a run: the same command with --run N.", highlight=False)


def _print_others(console: Console, found: IdleDay) -> None:
    names = ("definition", "idle", "events", "applies", "wording")
    table = plain_table(*names, title="The same ledger under every definition")
    for row in found.by_others.iter_rows(named=True):
        applies = {True: "yes", False: "no", None: "not known"}[row["applies"]]
        table.add_row(
            row["definition_id"], span(row["idle_s"]), str(row["event_count"]), applies, escape(row["wording"])
        )
    console.print()
    console.print(table)


def print_revisions(console: Console, revisions: pl.DataFrame) -> None:
    """Print what changed in a vehicle-date, when, and from which segments."""
    console.print()
    for row in revisions.iter_rows(named=True):
        segments = ", ".join(row["segments"]) or "no new message"
        changes = "" if row["changes"] == "{}" else f"; changed {row['changes']}"
        console.print(
            f"revision {row['revision']}, {row['revised_utc']:%Y-%m-%d %H:%M:%S} UTC, version {row['code_version']}:"
            f" {', '.join(row['reasons'])} ({segments}){changes}",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )


def print_behind(console: Console, zone: ZoneInfo, run: int, what: Behind, *, raw: bool) -> None:
    """Print a run with its positions and the messages they came in."""
    chosen = what.run
    judged = f"; {chosen['verdict']}: {escape(chosen['reason'])}" if "verdict" in chosen else ""
    console.print(
        f"[bold]Run {run}[/bold] of {escape(chosen['vehicle_id'])} on {chosen['service_date']}:"
        f" {local(chosen['started_utc'], zone)} to {local(chosen['ended_utc'], zone)},"
        f" {span(chosen['duration_us'] / 1e6)}, {chosen.get('context') or chosen.get('kind')}{judged}",
        highlight=False,
    )
    names = ("fix", "km/h", "ignition", "rpm", "supply V", "latitude", "longitude", "quality", "device", "segment")
    table = plain_table(*names, title=f"{what.positions.height} positions; the last one ended the run")
    is_cut = what.positions.height > SHOWN_POSITIONS
    first_count = SHOWN_POSITIONS - LAST_POSITIONS
    shown = pl.concat([what.positions.head(first_count), what.positions.tail(LAST_POSITIONS)])
    if not is_cut:
        shown = what.positions
    for number, row in enumerate(shown.iter_rows(named=True)):
        if is_cut and number == first_count:
            table.add_row("…")
        table.add_row(
            local(row["fix_utc"], zone),
            _cell(row["speed_kmh"], ".1f"),
            {True: "on", False: "off", None: "–"}[row["ignition"]],
            _cell(row["rpm"], "d"),
            _cell(row["battery_v"], ".2f"),
            _cell(row["latitude"], ".6f"),
            _cell(row["longitude"], ".6f"),
            row["quality"],
            escape(row["device_id"]),
            escape(row["segment"]),
        )
    console.print(table)
    console.print()
    console.print(
        f"[bold]{len(what.messages)} messages[/bold]"
        + (f"; {what.expired_count} more are no longer in the spool" if what.expired_count else ""),
        highlight=False,
    )
    for message in what.messages:
        received = datetime.fromtimestamp(message.received_us / 1e6, UTC)
        text = message.payload.decode(errors="replace")
        if message.payload_hash in what.guarded:
            text = NOT_SHOWN
        if not raw and len(text) > SHOWN_PAYLOAD:
            text = f"{text[:SHOWN_PAYLOAD]}… ({len(message.payload)} bytes; --raw shows all)"
        console.print(
            f"{received:%Y-%m-%d %H:%M:%S.%f} UTC  {message.topic_text}  {message.spool_id}/{message.segment_no}",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
        console.print(f"  {text}", highlight=False, soft_wrap=True, markup=False)


def plain_table(*names: str, title: str | None = None) -> Table:
    """A table without lines; columns of numbers are set right."""
    made = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in names:
        made.add_column(name, justify="right" if name in RIGHT else "left")
    return made


def local(instant: datetime, zone: ZoneInfo) -> str:
    """The time of day in a zone."""
    return instant.replace(tzinfo=UTC).astimezone(zone).strftime("%H:%M:%S")


def span(seconds: float) -> str:
    """Seconds as people say them: 1 h 04 min 00 s, 3 min 20 s, 45 s."""
    if 0 < seconds < 0.95:
        return "< 1 s"
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min {whole % 60:02d} s"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


def _cell(value: float | None, spec: str) -> str:
    return "–" if value is None else format(value, spec)
