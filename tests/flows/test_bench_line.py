"""The bench asks others for what our kernel says."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from flows.bench.line.measured import STAGES, timed
from flows.bench.line.peers import duckdb_seconds
from flows.bench.line.totals import totals_seconds
from ingest.columns import POSITIONS
from tests.flows.test_points import DAY, NOON_MS, position

pytestmark = pytest.mark.campaign


def test_every_stage_that_is_timed_is_called_by_that_name():
    with timed({}):
        assert all(callable(getattr(*place)) for place in STAGES)


def test_state_totals_are_those_of_sql(tmp_path):
    random = np.random.default_rng(5)
    rows = []
    for number in range(7):
        steps_ms = random.choice(
            [1000, 7000, 299_999, 300_000, 300_001, 900_000], 200, p=[0.5, 0.3, 0.05, 0.05, 0.05, 0.05]
        )
        for seq, at_ms in enumerate(NOON_MS - 40_000_000 + np.cumsum(steps_ms)):
            place = {
                "latitude_e7": 400_000_000 + int(random.integers(5000)),
                "longitude_e7": int(random.integers(5000)),
            }
            engine = {
                "ignition": bool(random.random() < 0.8),
                "speed_ckmh": int(random.choice([0, 300, 400, 499, 500, 900])),
            }
            rows.append(position(f"d{number}", int(at_ms), seq, **place, **engine))
    path = tmp_path / f"fix_date={DAY}" / "part-0.parquet"
    path.parent.mkdir()
    pq.write_table(
        pa.Table.from_pylist(rows, schema=POSITIONS.schema).drop_columns(["fix_date"]), path, row_group_size=150
    )
    _, ours = totals_seconds([str(path)], DAY)
    _, theirs = duckdb_seconds([str(path)], 1)
    assert ours.num_rows == 7
    assert {name: pc.sum(ours[name]).as_py() for name in ("off_ms", "drive_ms", "idle_ms")} == {
        name: theirs[name] for name in ("off_ms", "drive_ms", "idle_ms")
    }
    assert pc.sum(ours["metres"]).as_py() == pytest.approx(theirs["metres"], rel=1e-4)
