"""What do the questions of the docs answer on the demo data? `python -m tests.cookbook` writes it into the pages.

The data are a small simulated fleet, always the same one: two delivery days of six vans of `northwind`, one of two vans
of `contoso`, which has no plans, and an electric van of it that is written by hand.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from flows.importing import run_import
from flows.querying import open_published
from flows.refresh import refresh
from flows.settings import Settings
from ingest.simulation import Simulation, simulate
from ingest.spool import Message, Spool
from tests.builders import message, positions, settings_in

PAGES = [Path(__file__).parents[1] / "docs" / name for name in ("cookbook.md", "questions.md")]
LAST_DATE = date(2026, 2, 26)
SHARED_DIMENSIONS = ("stations", "prices")  # no tenant's own: those of northwind
BLOCK = re.compile(r"^```sql\n((?s:.+?))^```\n(?:\n((?:\|.*\n)+))?", re.MULTILINE)


def main() -> None:
    """Ask everything anew, and write the answers below the questions."""
    with tempfile.TemporaryDirectory() as folder, demo_data(Path(folder)) as published:
        for page in PAGES:
            page.write_text(answered(published, page.read_text()))


def answered(published: duckdb.DuckDBPyConnection, page: str) -> str:
    """The page with the answer of every block of SQL below it."""
    return BLOCK.sub(lambda block: f"```sql\n{block[1]}```\n\n{answer(published, block[1])}", page)


def answer(published: duckdb.DuckDBPyConnection, query: str) -> str:
    """What a query answers, as a Markdown table."""
    found = published.sql(query)
    kinds = ["---:" if re.match("DOUBLE|DECIMAL|.*INT", str(kind)) else "---" for kind in found.types]
    rows = [found.columns, kinds, *([_cell(value) for value in row] for row in found.fetchall())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value).replace("|", "\\|")


@contextmanager
def demo_data(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published copy of the demo data, made in `folder`."""
    settings = settings_in(folder / "data", max_age_days=0)
    northwind = simulate(vans=6, days=2, seed=7, last_date=LAST_DATE, tenant="northwind", sample_s=15)
    contoso = simulate(vans=2, days=1, seed=11, last_date=LAST_DATE, tenant="contoso", sample_s=15, with_plans=False)
    with redirect_stdout(StringIO()):
        _import_dimensions(settings, folder, northwind, contoso)
    sent = sorted([*northwind.messages, *contoso.messages], key=lambda found: found.due_us)
    with Spool.open(settings.spool_dir / "main") as spool:
        for first in range(0, len(sent), 1000):
            spool.append([message(each.topic, each.payload, each.due_us / 1e6) for each in sent[first : first + 1000]])
        spool.append(_by_hand())
    refresh(settings)
    with open_published(settings.published_path) as published:
        yield published


def _import_dimensions(settings: Settings, folder: Path, northwind: Simulation, contoso: Simulation) -> None:
    electric = {"tenant_id": "contoso", "vehicle_id": "E1"}
    by_hand = {
        "vehicles": pl.DataFrame(
            [electric | {"fuel_type": "electric", "status": "active", "valid_from": "2025-01-21"}]
        ),
        "assignments": pl.DataFrame(
            [electric | {"kind": "device", "id": "ev-1", "from_utc": "2025-01-21T00:00:00Z", "to_utc": None}]
        ),
    }
    files = {
        f"{number}-{name}": (name, frame)
        for number, frames in enumerate((northwind.dimensions, contoso.dimensions))
        for name, frame in frames.items()
        if number == 0 or name not in SHARED_DIMENSIONS
    }
    for stem, (name, frame) in files.items():
        extra = by_hand.get(name) if stem.startswith("1") else None
        whole = pl.concat([frame, extra], how="diagonal_relaxed") if extra is not None else frame
        whole.write_csv(folder / f"{stem}.csv")
        assert run_import(settings, name, [folder / f"{stem}.csv"])
    _timeclock(northwind).write_csv(folder / "timeclock.csv")
    assert run_import(settings, "timeclock", [folder / "timeclock.csv"])


def _timeclock(northwind: Simulation) -> pl.DataFrame:
    """Every driver but the last clocks in at 09:15 and out at 19:15 or later, with half an hour of unpaid break."""
    drivers = northwind.dimensions["drivers"]["driver_id"].to_list()[:-1]
    return pl.DataFrame(
        [
            {
                "tenant_id": "northwind",
                "driver_id": driver,
                "service_date": str(day),
                "clock_in_utc": f"{day}T14:15:00Z",
                "clock_out_utc": f"{day + timedelta(days=1)}T00:{15 + number * 5}:00Z",
                "unpaid_break_s": 1800,
            }
            for number, driver in enumerate(drivers)
            for day in (LAST_DATE - timedelta(days=1), LAST_DATE)
        ]
    )


def _by_hand() -> list[Message]:
    """The electric van: out for half an hour, ten minutes of hand-offs, back. And two messages that are no data."""
    begins_s = datetime(LAST_DATE.year, LAST_DATE.month, LAST_DATE.day, 15, tzinfo=UTC).timestamp()
    points = []
    metres = energy_kwh = 0.0
    for seq in range(141):
        moves = seq < 60 or seq >= 80
        points.append(
            {
                "ts": begins_s + 30 * seq, "seq": seq, "lat": 40.2 + metres / 111_000, "lon": -75.1,
                "spd_kmh": 36 if moves else 0, "ign": True, "odo_m": 5_000_000 + metres, "soc_pct": 80 - seq / 10,
                "energy_out_kwh": round(900 + energy_kwh, 3),
            }
        )  # fmt: skip
        metres += 300 if moves else 0
        energy_kwh += 0.06 if moves else 0.01
    received_s = begins_s + 7200
    bad = [b"{\xff", b'{"v":9,"dev":"dev-1","pts":[]}']
    return [
        positions(points, device="ev-1", tenant="contoso")._replace(received_us=round(received_s * 1e6)),
        *(message("tm/v1/northwind/dev-1/pos", body, received_s) for body in bad),
    ]


if __name__ == "__main__":
    main()
