"""In which order do models run, and does what they made hold?

A model is one select in `sql/marts/`, named for its table; building it replaces the rows of one service date.
A check is a select in `sql/checks/` for rows that should not exist. The order of models is the tuple below.
"""

from datetime import date
from hashlib import sha256
from importlib.resources import files

import duckdb

from warehouse.connection import sql, transaction
from warehouse.definitions import listed_definitions, replace_definitions
from warehouse.rollups import rollup_sql

# A model of a date may read those above it.
DATED_MARTS = (
    "vehicle_days",
    "route_days",
    "idle_events",
    "stops",
    "planned_stops",
    "idle_by_definition",
    "legal_idle_events",
    "data_health",
    "status_days",
    "fleet_days",
)
# Views and macros that models and readers share, in the order in which they need each other; defined in every copy.
# Roll-ups are made of the texts in a folder.
SHARED_SQL = (
    "dimensions.sql",
    "unlisted.sql",
    "constants.sql",
    "rollups",
    "economy.sql",
    "field/places.sql",
    "field/driving.sql",
    "field/loads.sql",
    "field/activity.sql",
)
WHOLE_MARTS = ("fuel_purchases",)  # small, and versions may arrive for any date: replaced whole


class CheckFailed(Exception):
    """Rows that should not exist; `failures` maps the name of each failed check to its row count."""

    def __init__(self, day: date, failures: dict[str, int]) -> None:
        self.day, self.failures = day, failures
        listed = ", ".join(f"{name} ({count} rows)" for name, count in failures.items())
        super().__init__(f"{day}: {listed}")


def shared_sql() -> str:
    """The views and macros that models and readers share."""
    return "\n".join(sql(name) if name.endswith(".sql") else rollup_sql() for name in SHARED_SQL)


def prepare_models(connection: duckdb.DuckDBPyConnection) -> None:
    """Create what models share, and the table of definitions, unless these very ones are there already."""
    shared = shared_sql()
    digest = sha256(
        (shared + (files("warehouse") / "definitions.toml").read_text(encoding="utf-8")).encode()
    ).hexdigest()
    connection.execute("create table if not exists core.models_stamp (digest varchar not null)")
    if connection.execute("from core.models_stamp").fetchall() == [(digest,)]:
        return
    with transaction(connection):
        connection.execute(shared)
        replace_definitions(connection, listed_definitions())
        connection.execute("delete from core.models_stamp")
        connection.execute("insert into core.models_stamp values ($digest)", {"digest": digest})


def choose_co2_factors(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Use this set of CO2 factors, by its name in `core.co2_factors`, for what is built from now on."""
    if connection.execute("from core.co2_choice").fetchall() == [(name,)]:
        return
    with transaction(connection):
        connection.execute("delete from core.co2_choice")
        connection.execute("insert into core.co2_choice values ($name)", {"name": name})


def add_device_status(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the mart that is a view: what it says depends on when it is read. Needs the views over the lake."""
    connection.execute("create or replace view marts.device_status as\n" + sql("marts/device_status.sql"))


def build_day(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """Replace one service date in every dated mart."""
    judge_day(connection, day)
    for name in DATED_MARTS:
        connection.execute(f"delete from marts.{name} where service_date = $day", {"day": day})
        connection.execute(f"insert into marts.{name} by name {sql(f'marts/{name}.sql')}", {"day": day})
    connection.execute("drop table day_verdicts")


def judge_day(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """Put what each definition says of each idle run into `day_verdicts`: two marts read it, so it is judged once."""
    connection.execute(
        "create or replace temp table day_verdicts as"
        " select * exclude (reason, context, unit, duration_us, is_pto) from core.idle_verdicts($day)",
        {"day": day},
    )


def build_whole(connection: duckdb.DuckDBPyConnection) -> None:
    """Replace the marts that have no service date of their own, all of them or none."""
    with transaction(connection):
        for name in WHOLE_MARTS:
            connection.execute(f"delete from marts.{name}")
            connection.execute(f"insert into marts.{name} by name {sql(f'marts/{name}.sql')}")


def check_day(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """Raise CheckFailed, naming every check that found rows for this service date."""
    failures = {}
    for name in check_names():
        text = sql(f"checks/{name}.sql")
        rows = connection.execute(f"select count(*) from ({text})", {"day": day}).fetchall()[0][0]
        if rows:
            failures[name] = rows
    if failures:
        raise CheckFailed(day, failures)


def check_names() -> list[str]:
    """The checks there are: every file in `sql/checks/`."""
    folder = files("warehouse") / "sql" / "checks"
    return sorted(found.name.removesuffix(".sql") for found in folder.iterdir() if found.name.endswith(".sql"))
