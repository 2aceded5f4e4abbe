"""What may somebody see who compares fleets, depots and the network, and no van, driver or place?

A file of its own with marts that are sums already: fleets, depots, the network, and the health of their data; and the
rules that were counted by. Tables are on a list. Of their columns numbers, dates and truths are taken, but no
coordinate, and of texts only those that are named here: a column that a mart gains is left out until somebody names it.
"""

import re
from contextlib import nullcontext
from pathlib import Path

import duckdb

from warehouse.connection import open_database, sql, transaction
from warehouse.dictionary import add_comments, add_dictionary
from warehouse.network_periods import NOTE, Changes, changes_since, inputs_of, remember, sums_around
from warehouse.versions import BUILDING, NETWORK_LINK, delete_old, generation_of, make_folder, swap_in

KEPT_VERSIONS = 3
SUMMED = re.compile(r"(fleet|depot|network)_(days|weeks|months|periods)")
RULES = ("definitions", "fuel_rules")
# Texts of summed marts; nothing else in words leaves.
TEXTS = frozenset(
    {
        "tenant_id",
        "depot_id",
        "level",
        "timezone",
        "currency",
        "co2_factor_set",
        "fuel_used_source",
        "measure",
        "unit",
        "kpi_id",
    }
)
# Of text, list or any other type only what is named above.
_PLAIN = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)|DATE|BOOLEAN)")
_OF_ONE = re.compile(r"(^|_)(latitude|longitude|lat|lon|vehicle|vehicle_id|driver|driver_id)$")


def publish_network(published: Path, folder: Path, *, afresh: bool = False) -> Path:
    """Swap in a network copy of a published copy, and return the file behind the link.

    Sums of dates that did not change are taken from the last one, unless it is to be made `afresh`.
    """
    make_folder(folder)
    generation = generation_of(published)
    building = folder / f"network-{generation}{BUILDING}"
    with open_database(building) as copy:
        quoted = str(published).replace("'", "''")
        copy.execute(f"attach '{quoted}' as everyone (read_only)")
        inputs = inputs_of(copy)
        changes = None if afresh else changes_since((folder / NETWORK_LINK).resolve(), folder / NOTE, inputs)
        copy.execute("create schema core; create schema marts")
        with nullcontext() if changes is None else sums_around(copy, changes), transaction(copy):
            for name in _summed(copy):
                copy.execute(f"create table marts.{name} as {_sums(copy, name, changes)}")
        with transaction(copy):
            for name in RULES:
                copy.execute(f"create table marts.{name} as from everyone.marts.{name}")
            copy.execute(sql("copies/network_health.sql"))
            copy.execute("create table core.generation as from everyone.core.generation")
        copy.execute("detach everyone")
        with transaction(copy):
            add_dictionary(copy, ("marts", "core"))
            add_comments(copy)
    final = folder / f"network-{generation}.duckdb"
    swap_in(building, final, folder / NETWORK_LINK)
    remember(folder / NOTE, final, inputs)
    delete_old(network_versions(folder), KEPT_VERSIONS)
    return final


def remove_network(folder: Path) -> None:
    """Delete the link and all its versions."""
    for path in [folder / NETWORK_LINK, folder / NOTE, *network_versions(folder)]:
        path.unlink(missing_ok=True)


def network_versions(folder: Path) -> list[Path]:
    """Network copies, oldest first."""
    return sorted(folder.glob("network-????????T????????????.duckdb"))


def allowed_columns(copy: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """The columns of a summed mart that the network may see."""
    columns = copy.execute(
        "select column_name, data_type from duckdb_columns()"
        " where database_name = 'everyone' and schema_name = 'marts' and table_name = $name order by column_index",
        {"name": name},
    ).fetchall()
    return [
        column for column, kind in columns if column in TEXTS or (_PLAIN.fullmatch(kind) and not _OF_ONE.search(column))
    ]


def _sums(copy: duckdb.DuckDBPyConnection, name: str, changes: Changes | None) -> str:
    """The select that gives the rows of a summed mart."""
    columns = ", ".join(allowed_columns(copy, name))
    if changes is None:
        return f"select {columns} from everyone.marts.{name}"
    days = ", ".join(f"date '{day}'" for day in changes.dates)
    begin, end = ("service_date",) * 2 if name.endswith("_days") else ("date_from", "date_to")
    touched = f"len(list_filter([{days}]::date[], lambda day: day between {begin} and {end})) > 0"
    return (
        f"select {columns} from around.marts.{name} where {touched}"
        f" union all by name select {columns} from last.marts.{name} where not {touched}"
    )


def _summed(copy: duckdb.DuckDBPyConnection) -> list[str]:
    rows = copy.execute(
        "select distinct table_name from duckdb_columns()"
        " where database_name = 'everyone' and schema_name = 'marts' order by 1"
    ).fetchall()
    return [name for (name,) in rows if SUMMED.fullmatch(name)]
