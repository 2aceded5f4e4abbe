"""What was bought, burnt and left in the tank, from fill to fill and over fortnights?

These marts are small, and purchases and late fixes may change any row of them: replaced whole. They read
`core.fuel_lines`, the current version of every line bought, and `marts.fuel_purchases`.
"""

import duckdb

from warehouse.connection import sql

CONSUMPTION_MARTS = ("refuels", "card_days", "fuel_intervals", "fuel_balances")  # the later ones read the first two


def build_consumption(connection: duckdb.DuckDBPyConnection) -> None:
    """Replace the refuels, the tank-to-tank intervals and the balances."""
    for name in CONSUMPTION_MARTS:
        connection.execute(f"delete from marts.{name}")
        connection.execute(f"insert into marts.{name} by name {sql(f'marts/{name}.sql')}")
