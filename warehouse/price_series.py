"""Which published series of prices can be imported as they are?

The weekly retail prices of the US EIA (regular gasoline; public domain) come with the columns `date`, `region` and
`usd_per_us_gallon`; they are prices of a product, a unit and a currency that the file does not repeat in every row.
"""

import polars as pl

EIA_COLUMNS = {"date", "region", "usd_per_us_gallon"}


def as_prices(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the columns of the prices dimension; those of any other layout as they are."""
    if set(rows.columns) != EIA_COLUMNS:
        return rows
    return rows.select(
        "region",
        pl.lit("gasoline_regular").alias("product"),
        pl.col("date").alias("from_date"),
        pl.col("usd_per_us_gallon").alias("price"),
        pl.lit("gal").alias("unit"),
        pl.lit("USD").alias("currency"),
    )
