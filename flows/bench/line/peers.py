"""What others take for less: time in each state and metres of each van, from the same files of the lake.

The question is that of a plain analyst: states by speed with hysteresis and by ignition, silences left out, metres
between neighbours. No stops, phases, contexts or marts.
"""

import time
from collections.abc import Sequence
from importlib.util import find_spec
from shutil import which

from warehouse.connection import open_database

# What `kernels.totals.simple_totals` says of columns without nulls: between the two speeds a van goes on standing if it
# stood, and anything else than standing, be it a silence, ends that.
STATE_TOTALS = """
with steps as (
    select
        tenant_id,
        device_id,
        fix_ms,
        speed_ckmh,
        ignition,
        (lead(fix_ms) over van) - fix_ms as step_ms,
        radians(((lead(latitude_e7) over van) - latitude_e7) * 1e-7) as north,
        radians(((lead(longitude_e7) over van) - longitude_e7) * 1e-7)
        * cos(radians(((lead(latitude_e7) over van) + latitude_e7) * 5e-8)) as east
    from {positions}
    window van as (partition by tenant_id, device_id order by fix_ms)
),
moves as (
    select *, {moving} as is_moving
    from steps
),
states as (
    select
        *,
        case when not ignition then 0 when step_ms > 300000 then 3 when coalesce(is_moving, 1) = 1 then 1 else 2 end
            as state
    from moves
)
select
    tenant_id,
    device_id,
    coalesce(sum(case when state = 0 then step_ms end), 0) as off_ms,
    coalesce(sum(case when state = 1 then step_ms end), 0) as drive_ms,
    coalesce(sum(case when state = 2 then step_ms end), 0) as idle_ms,
    coalesce(sum(case when state = 1 then 6371008.8 * sqrt(north * north + east * east) end), 0) as metres
from states
group by tenant_id, device_id
"""
MOVING = "case when not ignition or step_ms > 300000 or speed_ckmh >= 500 then 1 when speed_ckmh <= 300 then 0 end"
SO_FAR = "over (partition by tenant_id, device_id order by fix_ms rows between unbounded preceding and current row)"


def duckdb_seconds(files: Sequence[str], threads: int) -> tuple[float, dict[str, float]]:
    """Seconds DuckDB takes for the state totals, and their sums over all vans by name."""
    listed = ", ".join(f"'{path}'" for path in files)
    text = STATE_TOTALS.format(
        moving=f"last_value({MOVING} ignore nulls) {SO_FAR}", positions=f"read_parquet([{listed}])"
    )
    with open_database() as connection:
        connection.execute(f"set threads = {threads}")
        began_s = time.perf_counter()
        connection.execute(f"create table totals as {text}")
        seconds = time.perf_counter() - began_s
        names = ("off_ms", "drive_ms", "idle_ms", "metres")
        sums = connection.execute(
            f"select {', '.join(f'sum({name})::double' for name in names)} from totals"
        ).fetchall()
    return seconds, dict(zip(names, sums[0], strict=True))


def spark_seconds(files: Sequence[str], threads: int) -> float | None:
    """Seconds Spark takes for the same, started before; None where it is not installed."""
    if find_spec("pyspark") is None or which("java") is None:
        return None
    from pyspark.sql import SparkSession  # type: ignore[import-not-found,unused-ignore]

    session = (
        SparkSession.builder.master(f"local[{threads}]")
        .config("spark.driver.memory", "8g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    session.read.parquet(*files).createOrReplaceTempView("positions")
    text = STATE_TOTALS.format(moving=f"last_value({MOVING}, true) {SO_FAR}", positions="positions").replace(
        "select\n        *,", "select *,"
    )
    began_s = time.perf_counter()
    session.sql(text).collect()
    seconds = time.perf_counter() - began_s
    session.stop()
    return seconds
