"""What may somebody see who compares fleets, depots and the network, and no van, driver or place?

A file of its own with marts that are sums already: fleets, depots, the network, and the health of their data; and the
rules that were counted by. Tables are on a list. Of their columns numbers, dates and truths are taken, but no
coordinate, and of texts only those that are named here: a column that a mart gains is left out until somebody names it.
"""

import re
import shutil
from pathlib import Path

import duckdb

from warehouse.connection import open_database, sql, transaction
from warehouse.dictionary import add_comments, add_dictionary
from warehouse.network_periods import NOTE, SUMMED, Changes, Summed, changes_since, inputs_of, remember, summed_again
from warehouse.versions import BUILDING, NETWORK_LINK, delete_old, generation_of, make_folder, swap_in

KEPT_VERSIONS = 3
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


def publish_network(published: Path, folder: Path, *, afresh: bool = False, ahead: Summed | None = None) -> Path:
    """Swap in a network copy of a published copy, and return the file behind the link.

    Sums of dates that did not change stay as they are in a copy of the last one, unless it is to be made `afresh`; of
    those that did they may have been made `ahead`.
    """
    make_folder(folder)
    generation = generation_of(published)
    building = folder / f"network-{generation}{BUILDING}"
    with open_database() as both:
        both.execute(f"attach '{_quoted(published)}' as everyone (read_only)")
        inputs = inputs_of(both)
        changes = None if afresh else changes_since((folder / NETWORK_LINK).resolve(), folder / NOTE, inputs)
        if changes is not None:
            shutil.copyfile(changes.last, building)
        both.execute(f"attach '{_quoted(building)}' as copy; use copy")
        if changes is None:
            _make(both)
        else:
            is_summed = ahead is not None and (ahead.dates, ahead.changed) == (inputs.dates, changes.dates)
            _bring_forward(both, changes, ahead if is_summed else None)
        with transaction(both):
            add_comments(both)
        both.execute("use memory; detach copy")
    final = folder / f"network-{generation}.duckdb"
    swap_in(building, final, folder / NETWORK_LINK)
    remember(folder / NOTE, final, inputs)
    delete_old(network_versions(folder), KEPT_VERSIONS)
    return final


def _make(copy: duckdb.DuckDBPyConnection) -> None:
    """Fill an empty copy."""
    copy.execute("create schema core; create schema marts")
    with transaction(copy):
        for name, columns in allowed_columns(copy).items():
            copy.execute(f"create table marts.{name} as select {', '.join(columns)} from everyone.marts.{name}")
        for name in RULES:
            copy.execute(f"create table marts.{name} as from everyone.marts.{name}")
        copy.execute(f"create table marts.data_health_days as {sql('copies/network_health.sql')}")
        copy.execute("create table core.generation as from everyone.core.generation")
        add_dictionary(copy, ("marts", "core"))


def _bring_forward(copy: duckdb.DuckDBPyConnection, changes: Changes, ahead: Summed | None) -> None:
    """Replace in a copy what changed: sums of some dates, and whatever is small."""
    replaced = {f"marts.{name}": f"from everyone.marts.{name}" for name in RULES}
    replaced["marts.data_health_days"] = sql("copies/network_health.sql")
    replaced["core.generation"] = "from everyone.core.generation"
    columns_of = allowed_columns(copy)
    for period, touched in summed_again(copy, "everyone", changes) if ahead is None else changes.periods():
        with transaction(copy):
            for name in (found for found in columns_of if found.endswith(f"_{period}")):
                rows = f"around.marts.{name} where {touched}"
                if ahead is not None:
                    copy.register("ahead", ahead.rows[name])
                    rows = "ahead"
                copy.execute(f"delete from marts.{name} where {touched}")
                copy.execute(f"insert into marts.{name} by name select {', '.join(columns_of[name])} from {rows}")
    with transaction(copy):
        for name, rows in replaced.items():
            copy.execute(f"delete from {name}")
            copy.execute(f"insert into {name} by name {rows}")


def remove_network(folder: Path) -> None:
    """Delete the link and all its versions."""
    for path in [folder / NETWORK_LINK, folder / NOTE, *network_versions(folder)]:
        path.unlink(missing_ok=True)


def network_versions(folder: Path) -> list[Path]:
    """Network copies, oldest first."""
    return sorted(folder.glob("network-????????T????????????.duckdb"))


def allowed_columns(copy: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The columns that the network may see of each mart that is a sum, of the copy attached as `everyone`."""
    found: dict[str, list[str]] = {}
    for name, column, kind in copy.execute(
        "select table_name, column_name, data_type from duckdb_columns()"
        " where database_name = 'everyone' and schema_name = 'marts' order by table_name, column_index"
    ).fetchall():
        if SUMMED.fullmatch(name) and (column in TEXTS or (_PLAIN.fullmatch(kind) and not _OF_ONE.search(column))):
            found.setdefault(name, []).append(column)
    return found


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
