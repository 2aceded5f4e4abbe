"""Which chain is behind the name of a fuel station, and which zone has a state?

Names of one chain differ from list to list: `SHELL / EQUIVA`, `Shell #1401`, `ARCO AMPM`. A name becomes its chain and
the number of the site, where it has one. Chains are in `fuel_chains.csv`, zones of US states in `us_zones.csv`.
"""

import csv
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import available_timezones

import duckdb
import polars as pl

_WORD = re.compile(r"[A-Z0-9]+")
# Words that say what a place is, not whose it is.
_COMMON = frozenset(
    {
        *("GAS", "GASOLINE", "FUEL", "FUELS", "OIL", "STATION", "SERVICE", "STORE", "STORES", "FOOD", "MART"),
        *("MINIMART", "MINI", "MARKET", "CENTER", "EXPRESS", "INC", "LLC", "CO", "THE", "NO"),
    }
)
_LONGEST_ALIAS = 3


class SiteName(NamedTuple):
    """What a name says: the chain in small letters, or None; the number of the site without leading zeros, or None."""

    chain: str | None
    number: str | None


def site_name(name: str) -> SiteName:
    """Take a station's name apart."""
    words = _WORD.findall(name.upper().replace("'", "").replace("’", ""))
    aliases = _aliases()
    chain = None
    for first in range(min(len(words), 2)):
        for length in range(min(_LONGEST_ALIAS, len(words) - first), 0, -1):
            chain = aliases.get(" ".join(words[first : first + length]))
            if chain is not None:
                words = words[first + length :]
                break
        if chain is not None:
            break
    numbers = [word for word in words if word.isdigit() and len(word) >= 2]
    if chain is None:
        named = [word for word in words if not word.isdigit() and word not in _COMMON]
        chain = " ".join(named).lower() or None
    return SiteName(chain, numbers[-1].lstrip("0") or None if numbers else None)


def name_sites(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary tables that matching sites needs: `fuel_names`, `fuel_state_zones` and `fuel_zone_names`."""
    found = connection.execute(
        "select site_name from fuel_versions where site_name is not null"
        " union select name from core.stations where name is not null order by 1"
    ).fetchall()
    names = _frame(((name, *site_name(name)) for (name,) in found), ("name", "chain", "number"))
    states = _frame(_rows("us_zones.csv"), ("state", "postcode_from", "postcode_to", "zone"))
    zones = _frame(((name,) for name in sorted(available_timezones() - {"localtime"})), ("name",))
    for name, frame in (("fuel_names", names), ("fuel_state_zones", states)):
        assert frame.width
        connection.execute(f"create or replace temp table {name} as from frame")
    assert zones.width
    connection.execute(
        "create or replace temp table fuel_zone_names as from zones"
        " semi join (select name from pg_timezone_names()) using (name)"
    )


@cache
def _aliases() -> dict[str, str]:
    return {row[0]: row[1] for row in _rows("fuel_chains.csv")}


def _rows(name: str) -> list[list[str]]:
    text = (files("warehouse") / name).read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines()))[1:]


def _frame(rows: Iterable[Iterable[str | None]], columns: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame([tuple(row) for row in rows], schema=dict.fromkeys(columns, pl.String), orient="row")
