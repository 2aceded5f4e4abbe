"""What was bought, burnt and left in the tank, from fill to fill and over fortnights?

These marts are small, and purchases and late fixes may change any row of them. They read `core.fuel_lines`, the current
version of every line bought, and `marts.fuel_purchases`. What is said of a van depends on that van alone: where its
digest is that of the last time, its intervals and balances stay.
"""

from hashlib import sha256

import duckdb

from warehouse.connection import sql

WHOLE = ("refuels", "card_days")
# They read those above, and vans of these.
BY_VAN = {"fuel_intervals": "core.fuel_lines as lines", "fuel_balances": "marts.card_days"}
CONSUMPTION_MARTS = (*WHOLE, *BY_VAN)
STAMPS = "staging.consumption_stamps"  # without names: of who is forgotten nothing stays


def build_consumption(connection: duckdb.DuckDBPyConnection, *, is_kept: bool = False) -> None:
    """Replace the refuels, the tank-to-tank intervals and the balances.

    `is_kept`: since the last time nobody but refreshes wrote the warehouse, so what is found by van may stay.
    """
    for name in WHOLE:
        connection.execute(f"delete from marts.{name}")
        connection.execute(f"insert into marts.{name} by name {sql(f'marts/{name}.sql')}")
    connection.execute(f"create table if not exists {STAMPS} (digest ubigint not null)")
    digests = sql("fuel/van_digests.sql")
    connection.execute(f"create or replace temp table van_digests as {digests}", {"made_by": _made_by(connection)})
    same = f"where $is_kept and digest in (from {STAMPS})"
    given = {"is_kept": is_kept}
    connection.execute(f"create or replace temp table same_vans as select * from van_digests {same}", given)
    # Who dies on the way leaves no stamps, and the next one makes all of it.
    connection.execute(f"delete from {STAMPS}")
    others = "anti join same_vans using (tenant_id, vehicle_id)"
    for name, source in BY_VAN.items():
        table, _, alias = source.partition(" as ")
        of_others = f"from (from {table} {others}) as {alias or 'bought'}"
        rows = sql(f"marts/{name}.sql").replace(f"from {source}", of_others)
        connection.execute(
            f"delete from marts.{name} as rows where not exists (from same_vans as same"
            " where same.tenant_id = rows.tenant_id and same.vehicle_id = rows.vehicle_id)"
        )
        connection.execute(f"insert into marts.{name} by name {rows}")
    connection.execute(f"insert into {STAMPS} select digest from van_digests")


def _made_by(connection: duckdb.DuckDBPyConnection) -> str:
    """What else decides which rows there are: the models, and what they share."""
    texts = [sql(f"marts/{name}.sql") for name in BY_VAN]
    models = connection.execute("from core.models_stamp").fetchall()
    return sha256(repr((texts, models, duckdb.__version__)).encode()).hexdigest()
