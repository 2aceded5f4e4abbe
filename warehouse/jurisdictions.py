"""Whose rules can hold where?

The outlines that come with the program (`outlines/README.md`) and areas that people imported. An imported
jurisdiction takes the place of the outline with the same id.
"""

from functools import cache
from importlib.resources import files
from io import BytesIO

import duckdb
import polars as pl

from warehouse.geojson import polygons

# The outlines are that far off at most places, and a fix of full quality up to 50 m: see outlines/README.md.
OUTLINE_MARGIN_M = 150.0
VERTEX = pl.Schema(
    {
        "jurisdiction_id": pl.String,
        "polygon_no": pl.Int64,  # counts on through all jurisdictions
        "ring_no": pl.Int64,  # within its polygon
        "latitude_e7": pl.Int32,
        "longitude_e7": pl.Int32,
        "is_border": pl.Boolean,  # the margin is kept from the edge that begins here
        "margin_m": pl.Float64,
    }
)


def jurisdictions(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Every area, one row for each vertex, with the columns of VERTEX; jurisdictions, polygons and rings are sorted."""
    imported = _imported(connection)
    outlines = _outlines().join(imported, on="jurisdiction_id", how="anti")
    both = pl.concat([outlines, imported]).sort("jurisdiction_id", maintain_order=True)
    return both.with_columns(pl.struct("jurisdiction_id", "polygon_no").rle_id().cast(pl.Int64).alias("polygon_no"))


@cache
def _outlines() -> pl.DataFrame:
    content = (files("warehouse") / "outlines" / "outlines.parquet").read_bytes()
    return (
        pl.read_parquet(BytesIO(content))
        .select(
            "jurisdiction_id",
            pl.lit(0).alias("polygon_no"),
            "ring_no",
            "latitude_e7",
            "longitude_e7",
            "is_border",
            pl.lit(OUTLINE_MARGIN_M).alias("margin_m"),
        )
        .cast(VERTEX)
    )


def _imported(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    parts = connection.execute(
        "select jurisdiction_id, geometry, max(margin_m) over (partition by jurisdiction_id) as margin_m"
        " from core.jurisdictions order by jurisdiction_id, name"
    ).fetchall()
    rows = []
    polygon_no = 0
    for jurisdiction_id, text, margin_m in parts:
        for polygon in polygons(text):
            for ring_no, ring in enumerate(polygon):
                for longitude, latitude, *_ in ring:
                    vertex = round(latitude * 1e7), round(longitude * 1e7)
                    rows.append((jurisdiction_id, polygon_no, ring_no, *vertex, True, margin_m))
            polygon_no += 1
    return pl.DataFrame(rows, schema=VERTEX, orient="row")
