"""How many vans does a core carry, how many bytes does one leave in a year, and what would machines for them cost?

Reckoned from the largest size of a run. Prices are assumptions: a table with a date, which anybody may replace.
"""

import csv
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from flows.bench.figures import Figure, Section
from flows.bench.network.campaign import Outcome
from flows.bench.network.vans import FAST_POINTS

WINDOW_S = 3600  # in which a night's run has to be done
SERVICE_DAYS = 310  # of a year
SPOOL_DAYS = 30  # that a segment is kept
HOURS_A_MONTH = 730
THOUSAND = 1000
MB, GB = 1e6, 1e9
COLUMNS = ("machine", "vcpus", "memory_gib", "usd_per_hour", "usd_per_gb_month", "as_of")


class BadPrices(Exception):
    """A file of prices that cannot be used."""


class Machine(NamedTuple):
    """A size of machine and what it is assumed to cost."""

    name: str
    vcpus: int
    memory_gib: float
    usd_per_hour: float
    usd_per_gb_month: float
    as_of: str


def read_prices(path: Path | None) -> list[Machine]:
    """Machines of a CSV file with the columns COLUMNS; None: those that come with the program."""
    where = path or Path(str(files("flows.bench.network") / "prices.csv"))
    try:
        with where.open(newline="") as lines:
            machines = [_machine(row) for row in csv.DictReader(lines)]
    except OSError as error:
        raise BadPrices(f"{where}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadPrices(
            f"{where}: expected the columns {', '.join(COLUMNS)}, with numbers in the middle four"
        ) from error
    if not machines:
        raise BadPrices(f"{where}: no machines")
    return machines


def _machine(row: Mapping[str, str]) -> Machine:
    memory_gib, usd_per_hour, usd_per_gb_month = (float(row[name]) for name in COLUMNS[2:5])
    return Machine(row["machine"], int(row["vcpus"]), memory_gib, usd_per_hour, usd_per_gb_month, row["as_of"])


def capacity(outcome: Outcome, machines: Iterable[Machine]) -> Section:
    """What one size says of vans that report every second for ten hours."""
    cpu_s = sum(step.cpu_s for step in outcome.steps) + outcome.merge["cpu_s"]
    wall_s = sum(step.seconds for step in outcome.steps) + outcome.merge["seconds"]
    of_core = WINDOW_S / (cpu_s / outcome.points * FAST_POINTS)
    of_machine = WINDOW_S / (wall_s / outcome.points * FAST_POINTS)
    lake = outcome.after.file_bytes / outcome.points * FAST_POINTS * SERVICE_DAYS
    warehouse = outcome.warehouse_bytes / outcome.van_days * SERVICE_DAYS
    published = outcome.published_bytes / outcome.van_days * SERVICE_DAYS
    spool = outcome.spool_bytes / outcome.points * FAST_POINTS * SPOOL_DAYS
    figures = [
        Figure("vans of a core, by processor time", of_core, "vans"),
        Figure("vans of this machine, by the clock", of_machine, "vans"),
        *([Figure(f"spool, {SPOOL_DAYS} days kept", spool / MB, "MB a van")] if spool else []),
        Figure("lake, merged", lake / MB, "MB a van-year"),
        Figure("warehouse", warehouse / MB, "MB a van-year"),
        Figure("published copy, as large again for a while as it is replaced", published / MB, "MB a van-year"),
    ]
    kept_gb = (spool + lake + warehouse + 2 * published) / GB
    peak_gib = (
        max(found["peak_bytes"] for found in (outcome.day.marts, outcome.merge, outcome.day.load) if found) / 2**30
    )
    notes = [
        f"Of the run of {outcome.points / MB:,.0f} M points: {WINDOW_S // 60} minutes a night from"
        f" {outcome.into} to published copy, its late days and merging with it, vans at 1 Hz for ten hours."
        + ("" if outcome.day.load else " Decoding and loading is not in it: use --into spool."),
        "A core is what the operating system calls one, and so is a vCPU. Collecting by day comes on top:"
        " odograph bench ingest --only live.",
        "Prices are assumed, not known; --prices FILE takes others. The lake is reckoned without thinning.",
    ]
    for machine in machines:
        if peak_gib > machine.memory_gib:
            notes.append(f"{machine.name} has too little memory: {peak_gib:.1f} GiB are needed.")
            continue
        vans = machine.vcpus * of_core
        a_month = "USD a month, 1,000 vans"
        hour = f"{machine.usd_per_hour} USD an hour ({machine.as_of})"
        gb = f"{machine.usd_per_gb_month} USD a GB and month ({machine.as_of})"
        figures += [
            Figure(f"{machine.name}: vans", vans, "vans"),
            Figure(f"{machine.name}: machine", machine.usd_per_hour * HOURS_A_MONTH / vans * THOUSAND, a_month, hour),
            Figure(f"{machine.name}: disk after a year", kept_gb * machine.usd_per_gb_month * THOUSAND, a_month, gb),
        ]
    return Section("Capacity", figures, notes)
