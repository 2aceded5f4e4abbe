"""How do core and marts lose what was erased?

Of a driver only the link goes, and the places of the days driven: sums of times and distances belong to the owner's
history of costs and stay, frozen, because nothing is left to measure them from again. Of a vehicle, or where everything
is asked for, the rows of its dates go and the sums of its fleet are made again without it.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb
import polars as pl

from warehouse.checks import check_day
from warehouse.connection import sql, transaction
from warehouse.models import build_day
from warehouse.subjects import Known, Subject

FIRST_DAY = date(1970, 1, 1)
# Plans come from the lake, where those of a driver stay without the driver.
_OF_PLANS = ("core.planned_routes", "core.plan_windows")
_NOT_TOLD = ("core.driven_dates", "core.held_dates", "core.reopened")  # what is left to do, and views of other tables
_BUILT_WHOLE = ("core.fuel_lines", "marts.fuel_purchases", "marts.fuel_exceptions", "marts.card_days")


def erase_measured(connection: duckdb.DuckDBPyConnection, subject: Subject, known: Known, *, everything: bool) -> None:
    """Take a subject out of core and marts, all or nothing; can be done again. Needs the views over the lake."""
    with transaction(connection):
        fill_subject(connection, subject, known)
        for statement in _statements("without_purchases"):
            connection.execute(statement)
        if subject.kind == "driver":
            _erase_driver(connection, subject, known)
        if subject.kind == "vehicle" or everything:
            _erase_dates(connection, but=_OF_PLANS if subject.kind == "driver" else ())
        else:
            for statement in _statements("without_places"):
                connection.execute(statement)
            erase_coordinates(connection)
            connection.execute(
                "insert or replace into core.frozen_dates by name select *, 'erased' as why,"
                " now()::timestamp as frozen_utc from erased_dates"
            )
        connection.execute(
            "delete from core.reopened where (tenant_id, vehicle_id, service_date) in (from erased_dates)"
        )
        if subject.kind == "vehicle" and known.is_whole:
            _erase_registration(connection, subject)
        erase_texts(connection, subject, known)
        for statement in _statements("devices"):
            connection.execute(statement)
        connection.execute(sql("work/date_quarters.sql"))
        connection.execute(f"insert into core.device_dates by name {sql('work/device_dates.sql')}")
        connection.execute(
            "delete from core.devices where"
            " (tenant_id, device_id) in (select (tenant_id, device_id) from erased_devices)"
            " and (tenant_id, device_id) not in (select (tenant_id, device_id) from staging.read_positions"
            " union select (tenant_id, device_id) from staging.read_events)"
        )
        if subject.kind == "vehicle" or everything:
            for day in sorted({day for _, day in known.vehicle_dates}):
                build_day(connection, day, [subject.tenant_id])
                check_day(connection, day, [subject.tenant_id])


def fill_subject(connection: duckdb.DuckDBPyConnection, subject: Subject, known: Known) -> None:
    """Put what a subject is about into the temporary erased_dates, erased_lines and erased_devices."""
    tenant_id = subject.tenant_id
    _fill(connection, "erased_dates", [(tenant_id, *found) for found in known.vehicle_dates], _DATES)
    _fill(connection, "erased_lines", [(tenant_id, *found) for found in known.purchases], _LINES)
    _fill(connection, "erased_devices", [(tenant_id, *found) for found in known.devices], _DEVICES)


def tables_of_subject(connection: duckdb.DuckDBPyConnection, subject: Subject) -> dict[str, str]:
    """For each table of lake, core and marts that may hold rows of a subject the query for them; after `fill_subject`.

    Rows of others who drove the same van on the same date are not among them.
    """
    tenant = "tenant_id = '" + subject.tenant_id.replace("'", "''") + "'"
    is_id = "= '" + subject.subject_id.replace("'", "''") + "'"
    queries = {}
    for table, columns in _columns_of_tables(connection, ("core", "marts", "lake")).items():
        if "tenant_id" not in columns or table in _NOT_TOLD:
            continue
        ways = []
        if {"vehicle_id", "service_date"} <= columns:
            of_others = f" and (driver_id is null or driver_id {is_id})"
            shown = of_others if subject.kind == "driver" and "driver_id" in columns else ""
            ways.append(f"((tenant_id, vehicle_id, service_date) in (from erased_dates){shown})")
        if {"provider", "provider_txn_id"} <= columns:
            ways.append("(tenant_id, provider, provider_txn_id) in (from erased_lines)")
        if {"device_id", "received_utc"} <= columns and "vehicle_id" not in columns:
            ways.append(
                "exists (from erased_devices as sent where sent.tenant_id = told.tenant_id and sent.device_id ="
                " told.device_id and received_utc >= sent.from_utc and received_utc < sent.to_utc)"
            )
        if subject.kind == "driver" and "driver_id" in columns and "vehicle_id" not in columns:
            ways.append(f"driver_id {is_id}")
        if table == "core.assignments":
            ways.append(f"(kind = 'driver' and id {is_id})" if subject.kind == "driver" else f"vehicle_id {is_id}")
        if table == "core.vehicles" and subject.kind == "vehicle":
            ways.append(f"vehicle_id {is_id}")
        if table == "core.holds":
            ways.append(f"(kind = '{subject.kind}' and subject_id {is_id})")
        if ways:
            queries[table] = f"select * from {table} as told where {tenant} and ({' or '.join(ways)})"
    return queries


def _columns_of_tables(
    connection: duckdb.DuckDBPyConnection, schemas: Sequence[str] = ("core", "marts")
) -> dict[str, set[str]]:
    """The columns of every table of these schemas, and of every view of the lake."""
    found: dict[str, set[str]] = {}
    rows = connection.execute(
        "select schema_name || '.' || table_name, column_name from duckdb_columns()"
        " where database_name = current_database() and list_contains($schemas, schema_name)"
        " and (schema_name = 'lake' or (schema_name, table_name) in"
        " (select (schema_name, table_name) from duckdb_tables() where database_name = current_database()))"
        " order by all",
        {"schemas": list(schemas)},
    ).fetchall()
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    return found


def _erase_driver(connection: duckdb.DuckDBPyConnection, subject: Subject, known: Known) -> None:
    who = {"tenant": subject.tenant_id, "driver": subject.subject_id}
    for first, last in known.periods:
        period = {"from": max(first, FIRST_DAY), "to": last}
        for statement in _statements("without_driver"):
            asked = who | {name: day for name, day in period.items() if f"${name}" in statement}
            connection.execute(statement, asked)
    if known.is_whole:
        connection.execute("delete from core.drivers where tenant_id = $tenant and driver_id = $driver", who)
        connection.execute(
            "delete from core.assignments where tenant_id = $tenant and kind = 'driver' and id = $driver", who
        )


def _erase_dates(connection: duckdb.DuckDBPyConnection, *, but: Sequence[str]) -> None:
    for table, columns in _columns_of_tables(connection).items():
        if {"tenant_id", "vehicle_id", "service_date"} <= columns and table not in (*but, *_BUILT_WHOLE):
            connection.execute(
                f"delete from {table} where (tenant_id, vehicle_id, service_date) in (from erased_dates)"
            )


def erase_coordinates(connection: duckdb.DuckDBPyConnection) -> None:
    """Take whatever tells a place of the vehicle-dates in erased_dates out of every table of them."""
    for table, places in _places_of_tables(connection).items():
        connection.execute(
            f"update {table} set {', '.join(f'{name} = {empty}' for name, empty in places.items())}"
            " where (tenant_id, vehicle_id, service_date) in (from erased_dates)"
        )


def places_left(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The tables that still tell a place of a vehicle-date whose places were erased; of any copy."""
    return [
        table
        for table, places in _places_of_tables(connection).items()
        if connection.execute(
            f"select exists (from {table} as told semi join (from core.frozen_dates where why = 'erased') as erased"
            " using (tenant_id, vehicle_id, service_date) where"
            f" {' or '.join(f'told.{name} is distinct from {empty}' for name, empty in places.items())})"
        ).fetchall()[0][0]
    ]


def _places_of_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """The columns of vehicle-dates that tell a place, by name or by a name inside, and what they are when empty."""
    rows = connection.execute(
        "select schema_name || '.' || table_name, column_name, if(data_type like '%[]', '[]', 'null')"
        " from duckdb_columns() semi join duckdb_tables() using (database_name, schema_name, table_name)"
        " where database_name = current_database() and schema_name in ('core', 'marts') and"
        " (regexp_matches(column_name, '(latitude|longitude)$') or regexp_matches(data_type, '(latitude|longitude)'))"
        " order by all"
    ).fetchall()
    columns_of = _columns_of_tables(connection)
    found: dict[str, dict[str, str]] = {}
    for table, column, empty in rows:
        if {"tenant_id", "vehicle_id", "service_date"} <= columns_of[table] and table not in _BUILT_WHOLE:
            found.setdefault(table, {})[column] = empty
    return found


def _erase_registration(connection: duckdb.DuckDBPyConnection, subject: Subject) -> None:
    for name in ("vehicles", "assignments"):
        connection.execute(
            f"delete from core.{name} where tenant_id = $tenant and vehicle_id = $vehicle",
            {"tenant": subject.tenant_id, "vehicle": subject.subject_id},
        )


def erase_texts(connection: duckdb.DuckDBPyConnection, subject: Subject, known: Known) -> None:
    """Sentences and evidence about purchases of others may name the subject as well."""
    if not known.is_whole:
        return
    words = [subject.subject_id, *known.names]
    for word in words:
        pattern = f"(^|[^A-Za-z0-9_-]){_quoted(word)}($|[^A-Za-z0-9_-])"
        asked = {"tenant": subject.tenant_id, "pattern": pattern}
        connection.execute(
            "update core.fuel_flag_history set evidence = '{}', explanation = 'erased', basis = null"
            " where tenant_id = $tenant and (regexp_matches(explanation, $pattern)"
            " or regexp_matches(evidence::varchar, $pattern) or regexp_matches(basis::varchar, $pattern))",
            asked,
        )
        connection.execute(
            "update core.fuel_reviews set note = null where tenant_id = $tenant and regexp_matches(note, $pattern)",
            asked,
        )


def _quoted(word: str) -> str:
    return "".join(letter if letter.isalnum() else f"\\{letter}" for letter in word)


_DATES = {"tenant_id": pl.String, "vehicle_id": pl.String, "service_date": pl.Date}
_LINES = {"tenant_id": pl.String, "provider": pl.String, "provider_txn_id": pl.String}
_DEVICES = {"tenant_id": pl.String, "device_id": pl.String, "from_us": pl.Int64, "to_us": pl.Int64}


def _fill(
    connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[tuple[object, ...]], schema: Mapping[str, Any]
) -> None:
    found = pl.DataFrame(rows, schema=schema, orient="row")
    assert found.width
    times = ", make_timestamp(from_us) as from_utc, make_timestamp(to_us) as to_utc" if "from_us" in schema else ""
    connection.execute(f"create or replace temp table {name} as select *{times} from found")


def _statements(name: str) -> list[str]:
    """The statements of a file of `sql/privacy/`: some take parameters, so each is run for itself."""
    return [text for text in sql(f"privacy/{name}.sql").split(";\n") if text.strip() and not _is_comment(text)]


def _is_comment(text: str) -> bool:
    return all(line.startswith("--") for line in text.strip().splitlines())
