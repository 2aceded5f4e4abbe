"""What does `odograph query` do? It asks the published copy, read-only, and prints or writes what comes back."""

import sys
from pathlib import Path

import duckdb
import polars as pl

from flows.copies import tenant_path
from flows.settings import Settings

SHOWN_ROWS = 200


class NothingPublished(Exception):
    """There is no published copy yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"nothing is published yet at {path}; run `odograph refresh` (or `odograph demo`) first")


class QueryFailed(Exception):
    """The query is not one that this copy can answer."""


def open_published(path: Path) -> duckdb.DuckDBPyConnection:
    """Open the newest published copy for reading; raise NothingPublished where there is none."""
    if not path.exists():
        raise NothingPublished(path)
    connection = duckdb.connect(str(path.resolve()), read_only=True)
    connection.execute("set autoinstall_known_extensions = false; set timezone = 'UTC'")
    return connection


def run_query(settings: Settings, text: str, output: str, out: Path | None, tenant: str | None = None) -> None:
    """Run one query, of the copy for all or of a tenant's; print it as a table, or write csv, json or parquet."""
    with open_published(settings.published_path if tenant is None else tenant_path(settings, tenant)) as published:
        try:
            answer = published.sql(text)
            frame = answer.pl() if answer is not None else pl.DataFrame()
        except duckdb.Error as error:
            raise QueryFailed(str(error)) from error
    if output == "table" and out is None:
        _print_table(frame)
        return
    target = out if out is not None else sys.stdout.buffer
    if output == "parquet":
        frame.write_parquet(target)
    elif output == "json":
        _readable(frame).write_ndjson(target)
    elif output == "csv":
        _flat(_readable(frame)).write_csv(target)
    else:
        assert out is not None
        out.write_text(_table(frame))


def _print_table(frame: pl.DataFrame) -> None:
    print(_table(frame))
    if frame.height > SHOWN_ROWS:
        print(f"{frame.height} rows, the first {SHOWN_ROWS} shown; --format csv has them all", file=sys.stderr)


def _table(frame: pl.DataFrame) -> str:
    with pl.Config(
        tbl_rows=SHOWN_ROWS,
        tbl_cols=-1,
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_width_chars=200,
        fmt_str_lengths=60,
        fmt_table_cell_list_len=8,
        tbl_formatting="UTF8_FULL_CONDENSED",
        float_precision=3,
    ):
        return str(frame.head(SHOWN_ROWS))


def _readable(frame: pl.DataFrame) -> pl.DataFrame:
    """Payloads are bytes: as text they show what can be read of them."""
    return frame.with_columns(
        pl.Series(name, [None if value is None else value.decode(errors="replace") for value in frame[name]], pl.String)
        for name, kind in frame.schema.items()
        if kind == pl.Binary
    )


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """CSV has no lists: they become text."""
    return frame.with_columns(
        pl.col(name).list.eval(pl.element().cast(pl.String)).list.join(";")
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.List)
    )
