"""What does `odograph import fuel-card` do? It shows how a provider's file is read, and puts its lines into the spool.

A file is taken whole or not at all: its messages are one append to a spool of their own, flushed before anything is
said, and from there take the way of every message. So a killed import has happened or it has not.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flows.settings import Settings
from ingest.fuel_cards.choosing import chosen
from ingest.fuel_cards.lines import Problem, Taken, taken
from ingest.fuel_cards.reading import UnreadableFile
from ingest.recording import instant
from ingest.settings import is_known_zone
from ingest.spool import IMPORTS, Spool
from warehouse.connection import open_warehouse, writer_lock

WAIT_S = 60.0
SHOWN_LINES, SHOWN_PROBLEMS = 10, 50
NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Cards(NamedTuple):
    """Whose files they are and how they are read."""

    provider: str
    tenant: str | None
    mapping: str | None
    timezone: str | None
    is_dry_run: bool


class CannotImport(Exception):
    """What was asked cannot be done; the text is one clear line."""


def run_fuel_cards(settings: Settings, files: Sequence[Path], cards: Cards) -> bool:
    """Import files in the order given, or only show them; False when one was refused."""
    mapping = chosen(settings, cards.provider, cards.mapping)
    if not NAME.fullmatch(cards.provider):
        raise CannotImport(f"--provider {cards.provider!r}: letters, digits, `.`, `-` and `_` only")
    if cards.timezone is not None and not is_known_zone(cards.timezone):
        raise CannotImport(f"--timezone {cards.timezone!r} is not an IANA time zone such as America/Chicago")
    tenant = _tenant(settings, cards.tenant)
    topic = f"fc/v1/{tenant}/{cards.provider}/txn"
    everything_taken, imported = True, 0
    for path in files:
        try:
            found = taken(mapping, path, topic, cards.timezone)
        except UnreadableFile as unreadable:
            found = Taken([], [], [Problem(None, str(unreadable))], [], [])
        if cards.is_dry_run:
            for line in shown(path, found, f"mapping {mapping.name}, tenant {tenant}, provider {cards.provider}"):
                print(line)
        if found.problems:
            everything_taken = False
            _print_problems(path, found.problems)
        elif not cards.is_dry_run:
            _spool(settings, found)
            imported += len(found.messages)
            repeated = f"; {len(found.repeated)} repeat an earlier line" if found.repeated else ""
            print(f"{path}: {len(found.messages)} lines imported for tenant {tenant}{repeated}")
    if imported:
        print("`odograph refresh` brings them into the tables; lines that were there already change nothing")
    return everything_taken


def shown(path: Path, found: Taken, heading: str) -> Iterator[str]:
    """The first lines of a file as they will be read, as a table with units, and what the file lacks."""
    yield f"{path}: {len(found.rows)} lines can be read; {heading}"
    if found.rows:
        rows = [_shown_row(row) for row in found.rows[:SHOWN_LINES]]
        names = list(rows[0])
        widths = [max(len(name), *(len(row[name]) for row in rows)) for name in names]
        for cells in (names, *([row[name] for name in names] for row in rows)):
            yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        if len(found.rows) > SHOWN_LINES:
            yield f"  and {len(found.rows) - SHOWN_LINES} more"
    if found.repeated:
        yield f"  lines that repeat an earlier one and are left out: {_listed(list(map(str, found.repeated)))}"
    if found.absent:
        yield f"  columns of the mapping that the file does not have: {_listed(found.absent)}"


def _shown_row(row: dict[str, Any]) -> dict[str, str]:
    odometer = "" if row["odometer_typed"] is None else f"{row['odometer_typed']} {row['odometer_unit'] or ''}"
    local = row["ts_local"]
    at = "" if row["purchased_us"] is None else f"{instant(row['purchased_us']):%Y-%m-%d %H:%M:%S} UTC"
    zone = row["tz"] or row["provider_tz"] or ("" if at else "zone of the site")
    named = {
        "line": row["source_row"],
        "transaction": f"{row['provider_txn_id']}/{row['item_no']}",
        "event": row["event_type"],
        "time": at or f"{local} {zone}".rstrip(),
        "time is": row["ts_quality"],
        "card": row["card_id"] or row["card_last4"],
        "vehicle": row["vehicle_ref"],
        "product": f"{row['product'] or 'not known'}{_code(row)}",
        "quantity": "" if row["quantity"] is None else f"{_plain(row['quantity'])} {row['unit'] or ''}",
        "price": _plain(row["unit_price"]),
        "gross": _plain(row["gross"]),
        "net": _plain(row["net"]),
        "currency": row["currency"],
        "odometer": odometer,
        "site": row["site_name"] or row["site_id"],
        "state": row["state"],
        "to look at": row["flags"],
    }
    return {name: "" if value is None else str(value) for name, value in named.items()}


def _code(row: dict[str, Any]) -> str:
    return "" if row["product_code"] is None else f" ({row['code_set'] or 'no code set'} {row['product_code']})"


def _plain(value: Any) -> str:
    return "" if value is None else f"{value.normalize():f}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_LINES} more" if len(names) > SHOWN_LINES else ""
    return ", ".join(names[:SHOWN_LINES]) + more


def _print_problems(path: Path, problems: Sequence[Problem]) -> None:
    print(f"{path}: nothing imported, {len(problems)} problem{'s' * (len(problems) != 1)}", file=sys.stderr)
    for line, reason in problems[:SHOWN_PROBLEMS]:
        print(f"  {f'line {line}: ' if line else ''}{reason}", file=sys.stderr)
    if len(problems) > SHOWN_PROBLEMS:
        print(f"  and {len(problems) - SHOWN_PROBLEMS} more", file=sys.stderr)


def _spool(settings: Settings, found: Taken) -> None:
    with Spool.open(settings.spool_dir / IMPORTS, wait_s=WAIT_S) as spool:
        spool.append(found.messages)


def _tenant(settings: Settings, given: str | None) -> str:
    """The tenant named, else the only one there is."""
    if given is not None:
        if not NAME.fullmatch(given):
            raise CannotImport(f"--tenant {given!r}: letters, digits, `.`, `-` and `_` only")
        return given
    known = _known_tenants(settings)
    if len(known) == 1:
        return known[0]
    if not known:
        raise CannotImport("no tenant is known yet: name one with --tenant")
    raise CannotImport(f"several tenants are known, name one with --tenant: {', '.join(known)}")


def _known_tenants(settings: Settings) -> list[str]:
    if not settings.warehouse_path.exists():
        return []
    with writer_lock(settings.lock_path, wait_s=WAIT_S), open_warehouse(settings.warehouse_path) as warehouse:
        rows = warehouse.execute(
            "select tenant_id from core.tenants union select tenant_id from core.vehicles"
            " union select tenant_id from core.depots"
            " union select tenant_id from core.drivers union select tenant_id from core.assignments"
            " union select tenant_id from core.vehicle_dates union select tenant_id from core.devices"
            " union select tenant_id from core.planned_routes order by 1"
        ).fetchall()
    return [row[0] for row in rows]
