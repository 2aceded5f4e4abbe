"""What was bought, burnt and left in the tank, from fill to fill and over fortnights?

These marts are small, and purchases and late fixes may change any row of them. They read `core.fuel_lines`, the current
version of every line bought, and `marts.fuel_purchases`. What is said of a van depends on that van alone: where its
digest is that of the last time, its intervals and balances stay. Of a van that changed the metres up to each fill stay
where the date of the fill was not revised: to read them from the ledger of a year costs more than all else.
"""

from hashlib import sha256

import duckdb

from warehouse.connection import sql

WHOLE = ("refuels", "card_days")
BY_VAN = ("fuel_intervals", "fuel_balances")  # they read those above, and fuel_fills
CONSUMPTION_MARTS = (*WHOLE, *BY_VAN)
# Without names: of who is forgotten nothing stays.
STAMPS, METRES = "staging.consumption_stamps", "staging.fill_metres"


def build_consumption(connection: duckdb.DuckDBPyConnection, *, is_kept: bool = False) -> None:
    """Replace the refuels, the tank-to-tank intervals and the balances.

    `is_kept`: since the last time nobody but refreshes wrote the warehouse, so what is found by van may stay.
    """
    for name in WHOLE:
        connection.execute(f"delete from marts.{name}")
        connection.execute(f"insert into marts.{name} by name {sql(f'marts/{name}.sql')}")
    made_by = {"made_by": _made_by(connection)}
    connection.execute(
        f"create table if not exists {STAMPS} (digest ubigint not null);"
        f" create table if not exists {METRES} (van_hash ubigint, fill_hash ubigint, within_m double)"
    )
    connection.execute(f"create or replace temp table van_digests as {sql('fuel/van_digests.sql')}", made_by)
    same = f"where $is_kept and digest in (from {STAMPS})"
    given = {"is_kept": is_kept}
    connection.execute(f"create or replace temp table same_vans as select * from van_digests {same}", given)
    # Who dies on the way leaves no stamps, and the next one makes all of it.
    connection.execute(f"delete from {STAMPS}")
    if not is_kept:
        connection.execute(f"delete from {METRES}")
    connection.execute(f"create or replace temp table fuel_fills as {sql('fuel/fills.sql')}", made_by)
    connection.execute(f"insert into {METRES} by name {sql('fuel/fill_metres.sql')}")
    connection.execute(
        f"delete from {METRES} where van_hash in (select van_hash from fuel_fills)"
        " and fill_hash not in (select fill_hash from fuel_fills)"
    )
    for name in BY_VAN:
        connection.execute(
            f"delete from marts.{name} as rows where not exists (from same_vans as same"
            " where same.tenant_id = rows.tenant_id and same.vehicle_id = rows.vehicle_id)"
        )
        connection.execute(f"insert into marts.{name} by name {sql(f'marts/{name}.sql')}")
    connection.execute(f"insert into {STAMPS} select digest from van_digests")


def _made_by(connection: duckdb.DuckDBPyConnection) -> str:
    """What else decides which rows there are: the models, and what they share."""
    texts = [sql(f"marts/{name}.sql") for name in BY_VAN] + [
        sql(f"fuel/{name}.sql") for name in ("fills", "fill_metres")
    ]
    models = connection.execute("from core.models_stamp").fetchall()
    return sha256(repr((texts, models, duckdb.__version__)).encode()).hexdigest()
