"""Are rows of many files in one order afterwards, each once, whatever columns their files have?"""

import random
from itertools import pairwise

import pyarrow as pa
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq
import pytest

from ingest.columns import EVENTS
from ingest.merging import in_order, merged_schema, row_groups_of

LOCAL = pa_fs.LocalFileSystem()
PLAIN = pa.schema([field for field in EVENTS.schema if field.name != EVENTS.partition_by])


def row(rng, seq):
    return {
        "tenant_id": rng.choice([None, "", "t1", "t2", "z"]),
        "device_id": rng.choice([None, "a", "b", "c-ü"]),
        "event_us": rng.choice([None, *range(20)]),
        "type": rng.choice(["on", "off", None]),
        "value": rng.choice([None, 0.5, -1.0]),
        "seq": seq,
        "retained": rng.random() < 0.5,
        "spool_id": "s",
        "segment_no": seq // 7,
        "received_us": 5,
    }


def written(folder, rng, files):
    """Files in the order of the table, some without values, some without the column, one as other writers write it."""
    rows = []
    for number in range(files):
        found = sorted((row(rng, len(rows) + seq) for seq in range(rng.randrange(1, 30))), key=key_of)
        if number % 3 == 0:
            found = [each | {"value": None, "type": None} for each in found]
        part = pa.Table.from_pylist(found, schema=PLAIN)
        if number % 3 == 1:
            part = part.drop_columns(["threshold", "unit"])  # of a file from before the table had them
        if number == 2:
            part = part.set_column(0, "tenant_id", part["tenant_id"].cast(pa.large_string()))
        pq.write_table(part, folder / f"{number}.parquet", row_group_size=rng.choice([4, 100]))
        rows += found
    return [str(folder / f"{number}.parquet") for number in range(files)], rows


def key_of(found):
    return [(found[name] is not None, found[name]) for name in ("tenant_id", "device_id", "event_us")]


def merged(paths, scratch):
    tables = list(in_order(row_groups_of(paths, LOCAL), LOCAL, EVENTS, scratch))
    assert all(table.schema == merged_schema(EVENTS) for table in tables)
    return tables, [found for table in tables for found in table.to_pylist()]


def filled(rows):
    return sorted((tuple(found.get(name) for name in PLAIN.names) for found in rows), key=repr)


@pytest.mark.parametrize("merged_rows", [1, 13, 60, 10_000])
@pytest.mark.parametrize("seed", range(3))
def test_all_rows_come_in_order_each_once(tmp_path, monkeypatch, merged_rows, seed):
    monkeypatch.setattr("ingest.merging.MERGED_ROWS", merged_rows)
    monkeypatch.setattr("ingest.merging.COUNTED_TABLES", 2)
    paths, rows = written(tmp_path, random.Random(seed), 9)
    tables, found = merged(paths, tmp_path)
    assert len(tables) == 1 or merged_rows < len(rows)
    keys = [key_of(each) for each in found]
    assert keys == sorted(keys)
    assert filled(found) == filled(rows)


def test_tables_are_as_large_as_whole_senders_let_them_be(tmp_path, monkeypatch):
    monkeypatch.setattr("ingest.merging.MERGED_ROWS", 40)
    paths, _ = written(tmp_path, random.Random(7), 12)
    tables, rows = merged(paths, tmp_path)
    senders = [{(each["tenant_id"], each["device_id"]) for each in table.to_pylist()} for table in tables]
    assert len(rows) > 3 * 40
    assert all(len(those) == 1 or table.num_rows <= 40 for those, table in zip(senders, tables, strict=True))
    assert all(not one & other for one, other in pairwise(senders))


def test_texts_are_texts_to_who_reads_the_file(tmp_path):
    paths, rows = written(tmp_path, random.Random(1), 3)
    schema = merged_schema(EVENTS)
    with pq.ParquetWriter(tmp_path / "whole.parquet", schema, store_schema=False) as writer:
        for table in in_order(row_groups_of(paths, LOCAL), LOCAL, EVENTS, tmp_path):
            writer.write_table(table)
    read = pq.read_table(tmp_path / "whole.parquet")
    assert read.schema.types == PLAIN.types
    assert filled(read.to_pylist()) == filled(rows)
