"""What do `odograph fuel list` and `odograph fuel show` print? Both ask the published copy."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.privacy.access import record_access
from flows.querying import open_published
from flows.settings import Settings
from warehouse.connection import sql
from warehouse.fuel_reviews import LineKey, matching_lines
from warehouse.fuel_rules import NO_PROOF

SHOWN_FLAGS = 200
RIGHT = {"distance", "offset", "fixes", "before", "after", "quantity", "amount", "at stake"}
Row = Mapping[str, Any]


def print_flags(
    settings: Settings,
    *,
    tenant: str | None,
    since: date | None,
    until: date | None,
    rule_id: str | None,
    state: str | None,
) -> None:
    """Print the flags there are, newest date first and the gravest of a date first."""
    console = Console()
    asked = {"tenant": tenant, "since": since, "until": until, "rule_id": rule_id, "state": state}
    with open_published(settings.published_path) as published:
        rows = _rows(published, sql("fuel_flags/listed.sql"), asked)
    table = _table("purchase", "van", "transaction", "rule", "severity", "state", "at stake", "what was found")
    for row in rows[:SHOWN_FLAGS]:
        state_words = f"{row['state']} (provisional)" if row["is_provisional"] else row["state"]
        table.add_row(
            _clock(row["purchase_utc"], row["zone"]) if row["purchase_utc"] else str(row["service_date"] or "–"),
            escape(row["vehicle_id"] or "–"),
            escape(f"{row['provider_txn_id']}" + (f" item {row['item_no']}" if row["item_no"] != 1 else "")),
            row["rule_id"],
            row["severity"],
            state_words,
            _money(row["cost"], row["currency"]),
            escape(row["explanation"]),
        )
    console.print(table if rows else "no flags")
    if len(rows) > SHOWN_FLAGS:
        console.print(f"{len(rows)} flags, the first {SHOWN_FLAGS} shown; narrow down by --from, --to, --rule, --state")
    if rows:
        console.print(f"\n{NO_PROOF}", highlight=False)


def print_purchase(
    settings: Settings,
    txn: str,
    *,
    tenant: str | None,
    provider: str | None,
    item: int | None,
    purpose: str | None = None,
) -> None:
    """Print what is known of each line of a transaction: versions, vans near it, levels, flags and their history.

    It says which vans were near the site, so it is written down who asked.
    """
    console = Console()
    with open_published(settings.published_path) as published:
        for line in matching_lines(published, txn, tenant=tenant, provider=provider, item=item):
            record_access(settings, "fuel show", "purchase", txn, tenant=line.tenant_id, purpose=purpose)
            _print_line(console, published, line)
    console.print(f"\n{NO_PROOF}", highlight=False)


def _print_line(console: Console, published: duckdb.DuckDBPyConnection, line: LineKey) -> None:
    key = line._asdict()
    [bought] = _rows(published, sql("fuel_flags/purchase.sql"), key)
    zone = bought["zone"]
    console.print(f"[bold]Purchase {escape(str(line))}[/bold] (times in {zone or 'UTC'})", highlight=False)
    at = (
        _clock(bought["at_utc"], zone) if bought["at_utc"] else f"{bought['service_date'] or 'no date'}, time not known"
    )
    site = ", ".join(str(bought[name]) for name in ("site_name", "city", "state") if bought[name])
    console.print(
        escape(
            f"{at} ({bought['ts_quality'] or 'quality of time not known'}), {site or 'site not known'}:"
            f" {_plain(bought['quantity'])} {bought['unit'] or ''} {bought['product'] or bought['product_raw'] or ''},"
            f" {_money(bought['net'] if bought['net'] is not None else bought['gross'], bought['currency'])}"
        ),
        highlight=False,
    )
    distance = "" if bought["match_distance_m"] is None else f", {bought['match_distance_m']:.0f} m from the site"
    offset = "" if bought["match_offset_s"] is None else f" at {bought['match_offset_s']:+.0f} s"
    shift = "" if not bought["time_shift_h"] else f"; fits if moved by {bought['time_shift_h']:+d} h"
    console.print(
        escape(f"van {bought['vehicle_id'] or 'not known'}: {bought['match_state']}{distance}{offset}{shift}"),
        highlight=False,
    )
    if bought["quality_flags"]:
        console.print(escape(f"odd: {', '.join(bought['quality_flags'])}"), highlight=False)
    _print_versions(console, _rows(published, sql("fuel_flags/versions.sql"), key))
    _print_presence(console, _rows(published, sql("fuel_flags/presence.sql"), key))
    _print_found(console, _rows(published, sql("fuel_flags/of_line.sql"), key))
    _print_history(console, _rows(published, sql("fuel_flags/history_of_line.sql"), key))


def _print_versions(console: Console, rows: list[Row]) -> None:
    table = _table("version", "sequence", "posted", "quantity", "gross", "net", "received", "from", title="\nVersions")
    for row in rows:
        table.add_row(
            row["event_type"],
            escape(row["seq"] or "–"),
            str(row["posted_date"] or "–"),
            f"{_plain(row['quantity'])} {escape(row['unit'] or '')}",
            _money(row["gross"], row["currency"]),
            _money(row["net"], row["currency"]),
            f"{row['received_utc']:%Y-%m-%d %H:%M} UTC",
            escape(row["source_file"] or row["segment"]),
        )
    console.print(table)


def _print_presence(console: Console, rows: list[Row]) -> None:
    table = _table("van", "distance", "offset", "fixes", "before", "after", title="\nVans near the site, ±60 min")
    for row in rows:
        table.add_row(
            escape(row["vehicle_id"]) + (" (of the card)" if row["is_assigned"] else ""),
            "–" if row["nearest_60_m"] is None else f"{row['nearest_60_m']:,.0f} m",
            "–" if row["nearest_offset_s"] is None else f"{row['nearest_offset_s']:+.0f} s",
            str(row["fix_count_60"]),
            _percent(row["level_before_pct"]),
            _percent(row["level_after_pct"]),
        )
    console.print(table if rows else "\nno van was looked for: no time or no site")


def _print_found(console: Console, rows: list[Row]) -> None:
    for row in rows:
        by = f", by {row['reviewer']}" if row["reviewer"] else ""
        note = f": {row['note']}" if row["note"] else ""
        provisional = ", provisional" if row["is_provisional"] else ""
        console.print(
            f"\n[bold]{row['rule_id']}[/bold] {escape(row['title'])} ({row['severity']}{provisional}),"
            f" {row['state']}{escape(by + note)}",
            highlight=False,
        )
        console.print(f"  {escape(row['explanation'])}", highlight=False)
        for name, value in json.loads(row["evidence"]).items():
            shown = round(value, 3) if isinstance(value, float) else value
            console.print(f"  {name}: {json.dumps(shown)}", highlight=False, markup=False, soft_wrap=True)
    if not rows:
        console.print("\nno flags")


def _print_history(console: Console, rows: list[Row]) -> None:
    if not rows:
        return
    console.print("\nHistory")
    for row in rows:
        by = f" by {row['reviewer']}: {row['note'] or 'no note'}" if row["change"] == "reviewed" else f": {row['why']}"
        console.print(
            f"  {row['changed_utc']:%Y-%m-%d %H:%M:%S} UTC  {row['rule_id']} {row['change']}, {row['state']}{by}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _rows(published: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any]) -> list[Row]:
    answer = published.execute(query, dict(values))
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _table(*names: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", title_style="", box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(
            name, justify="right" if name in RIGHT else "left", no_wrap=name not in ("what was found", "from")
        )
    return table


def _clock(instant: datetime, zone: str | None) -> str:
    return instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone or "UTC")).strftime("%Y-%m-%d %H:%M")


def _money(amount: Any, currency: str | None) -> str:
    return "–" if amount is None else f"{amount:,.2f} {currency or ''}".rstrip()


def _plain(value: Any) -> str:
    return "–" if value is None else f"{value:f}".rstrip("0").rstrip(".")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} %"
