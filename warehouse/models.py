"""In which order do models run?

A model is one select in `sql/marts/`, named for its table; building it replaces the rows of one service date.
The order of models is the tuple below. Whether what they made holds is asked by `warehouse.checks`.
"""

from collections.abc import Collection
from datetime import date
from hashlib import sha256
from importlib.resources import files

import duckdb

from warehouse.checks import checks_digest, replace_checks
from warehouse.connection import sql, transaction
from warehouse.definitions import listed_definitions, replace_definitions
from warehouse.idling import forget_day, idling_sql, judge_day, lay_out_day, of_day
from warehouse.lineage import replace_lineage
from warehouse.places import cell, metres, near
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
# Idling and roll-ups are made of the texts in a folder.
SHARED_SQL = (
    "dimensions.sql",
    "unlisted.sql",
    "constants.sql",
    "idling",
    "rollups",
    "economy.sql",
    "field/places.sql",
    "field/driving.sql",
    "field/loads.sql",
    "field/activity.sql",
    "freshness.sql",
)
MADE_SQL = {"idling": idling_sql, "rollups": rollup_sql}
OF_TENANTS = ("fleet_days",)  # one row per tenant and date
FROZEN = "select (tenant_id, vehicle_id) from core.frozen_dates where service_date = $day"
WHOLE_MARTS = ("fuel_purchases",)  # small, and versions may arrive for any date: replaced whole


def shared_sql() -> str:
    """The views and macros that models and readers share."""
    return "\n".join(sql(name) if name.endswith(".sql") else MADE_SQL[name]() for name in SHARED_SQL)


def sums_sql() -> str:
    """Of these what sums of days over weeks, months, fleets and depots need."""
    return "\n".join([sql("dimensions.sql"), sql("constants.sql"), rollup_sql()])


def prepare_models(connection: duckdb.DuckDBPyConnection) -> None:
    """Create what models share, and lists of definitions, checks and lineage, unless these very ones are there."""
    shared = shared_sql()
    listed = [(files("warehouse") / name).read_text(encoding="utf-8") for name in ("definitions.toml", "lineage.toml")]
    digest = sha256("".join([shared, *listed, checks_digest()]).encode()).hexdigest()
    connection.execute("create table if not exists core.models_stamp (digest varchar not null)")
    if connection.execute("from core.models_stamp").fetchall() == [(digest,)]:
        return
    with transaction(connection):
        connection.execute(shared)
        replace_definitions(connection, listed_definitions())
        replace_checks(connection)
        replace_lineage(connection)
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
    of_fix = ("known.fix.latitude", "known.fix.longitude")
    text = sql("marts/device_status.sql").replace("{is_near}", near("coalesce(guards.homes, [])", *of_fix))
    text = text.replace("{depot_m}", metres("depots.latitude", "depots.longitude", *of_fix))
    for axis in ("latitude", "longitude"):
        text = text.replace("{cell_" + axis + "}", cell(axis, *of_fix))
    connection.execute("create or replace view marts.device_status as\n" + text)


def build_day(connection: duckdb.DuckDBPyConnection, day: date, tenants: Collection[str] | None = None) -> None:
    """Replace one service date of these tenants, by default all, in every dated mart."""
    lay_out_day(connection, day, tenants)
    judge_day(connection, day)
    chosen, given = ("true", {}) if tenants is None else ("list_contains($tenants, tenant_id)", {"tenants": [*tenants]})
    has_frozen = connection.execute(f"select count(*) from ({FROZEN})", {"day": day}).fetchall()[0][0] > 0
    for name in DATED_MARTS:
        # Rows of frozen vehicle-dates stay as they are; what is counted by tenant and date is summed over them.
        open_rows = f"{chosen} and (tenant_id, vehicle_id) not in ({FROZEN})"
        rows = open_rows if has_frozen and name not in OF_TENANTS else chosen
        connection.execute(f"delete from marts.{name} where service_date = $day and {rows}", {"day": day, **given})
        connection.execute(
            f"insert into marts.{name} by name select * from ({of_day(sql(f'marts/{name}.sql'))}) where {rows}",
            {"day": day, **given},
        )
    forget_day(connection)


def build_whole(connection: duckdb.DuckDBPyConnection) -> None:
    """Replace the marts that have no service date of their own, all of them or none."""
    with transaction(connection):
        for name in WHOLE_MARTS:
            connection.execute(f"delete from marts.{name}")
            connection.execute(f"insert into marts.{name} by name {sql(f'marts/{name}.sql')}")
