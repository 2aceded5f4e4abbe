"""How do positions thin out, and how do rows of the lake and of core go that are over their time?

A vehicle-date is frozen before the first of its positions goes; a partition of the lake is replaced in one commit.
Reads the temporary `cutoffs` and `held` of `warehouse.retention`, and leaves `going` for it: the dates that go.
"""

from collections.abc import Mapping
from datetime import date

import duckdb

from flows.opening import lake_tables
from flows.settings import Settings
from ingest.columns import EVENTS, PLANS, POSITIONS, PURCHASES, REJECTS, LakeTable
from ingest.expiry import partitions, replace_partition, row_bytes
from warehouse.connection import sql, transaction
from warehouse.frozen import freeze
from warehouse.lake import attach_lake, files_read, resolved
from warehouse.retention import UNHELD, Due, cut_driver_links, cutoff_dates, delete_due

KEPT_OF_THINNED = (
    *("tenant_id", "device_id", "fix_ms", "fix_date", "latitude_e7", "longitude_e7", "speed_ckmh", "ignition"),
    *("odometer_m", "boot", "seq", "quality", "source_format", "point_index"),
    *("spool_id", "segment_no", "payload_hash", "received_us"),
)


def expire_positions(warehouse: duckdb.DuckDBPyConnection, settings: Settings, *, dry_run: bool) -> list[Due]:
    latest = max(
        [*cutoff_dates(warehouse, "positions").values(), *cutoff_dates(warehouse, "thinned_positions").values()],
        default=date.min,
    )
    late_dates = {
        row[0]
        for row in warehouse.execute(
            "select distinct fix_date from core.frozen_rejects where not is_dropped"
        ).fetchall()
    }
    old = [found for found in partitions(settings, POSITIONS) if found <= latest or found in late_dates]
    warehouse.execute(
        "create or replace temp table fates (tenant_id varchar, vehicle_id varchar, service_date date, fix_date date,"
        " whole_count bigint, thinned_count bigint, is_held boolean, is_open boolean, is_expired boolean,"
        " is_to_thin boolean)"
    )
    for partition in old:
        _see_partition(warehouse, POSITIONS, partition)
        warehouse.execute(
            sql("retention/fates.sql").replace("{resolved}", resolved("partition_rows", settings.timezone))
        )
    warehouse.execute("create or replace temp view going as from fates where not is_held and not is_open")
    listed = _counted_fates(warehouse, row_bytes(settings, POSITIONS))
    if dry_run:
        return listed
    with transaction(warehouse):
        freeze(warehouse, "going where whole_count > 0", "thinning")
    warehouse.execute(
        "create or replace temp table late as from core.frozen_rejects as rows"
        f" where not is_dropped and {UNHELD.format(of='rows')}"
    )
    changed = warehouse.execute("select distinct fix_date from going union select fix_date from late").fetchall()
    thinned = {name: name if name in KEPT_OF_THINNED else "null" for name in POSITIONS.schema.names} | {
        "flags": "'thinned'"
    }
    text = (
        sql("retention/positions.sql")
        .replace("{thinned_columns}", ", ".join(f"{value} as {name}" for name, value in thinned.items()))
        .replace("{columns}", ", ".join(POSITIONS.schema.names))
        .replace("{resolved}", resolved("partition_rows", settings.timezone))
    )
    for (partition,) in sorted(changed):
        if partition in old:
            _see_partition(warehouse, POSITIONS, partition)
            read = files_read(warehouse, POSITIONS.name)
            rows = warehouse.sql(text, params={"partition": partition}).to_arrow_reader(100_000)
            replace_partition(settings, POSITIONS, partition, rows, read)
    with transaction(warehouse):
        freeze(
            warehouse,
            "(from core.frozen_dates where why = 'thinning') as frozen semi join going"
            " using (tenant_id, vehicle_id, service_date)",
            "thinned",
        )
        warehouse.execute(
            "update core.frozen_rejects as rows set is_dropped = true from late where"
            " (rows.tenant_id, rows.device_id, rows.spool_id, rows.segment_no, rows.payload_hash, rows.point_index)"
            " = (late.tenant_id, late.device_id, late.spool_id, late.segment_no, late.payload_hash, late.point_index)"
        )
    return listed


def _counted_fates(warehouse: duckdb.DuckDBPyConnection, bytes_each: float) -> list[Due]:
    rows = warehouse.execute(
        "select if(is_expired, 'thinned_positions', 'positions') as data, tenant_id, before_date,"
        " coalesce(sum(due_count) filter (not is_held and not is_open), 0)::bigint,"
        " coalesce(sum(due_count) filter (is_held or is_open), 0)::bigint"
        " from (select *, whole_count + if(is_expired, thinned_count, 0) as due_count from fates)"
        " join cutoffs using (tenant_id)"
        " where cutoffs.data = if(is_expired, 'thinned_positions', 'positions')"
        " group by all order by all"
    ).fetchall()
    return [
        Due(data, tenant, before, count, round(count * bytes_each), held) for data, tenant, before, count, held in rows
    ]


def expire_events(warehouse: duckdb.DuckDBPyConnection, settings: Settings, *, dry_run: bool) -> list[Due]:
    before = cutoff_dates(warehouse, "events")
    counts: dict[str, list[int]] = {}
    for partition in [found for found in partitions(settings, EVENTS) if before and found <= max(before.values())]:
        _see_partition(warehouse, EVENTS, partition)
        judged = (
            f"select rows.*, service_date < before_date as is_due, not ({UNHELD.format(of='rows')}) as is_held"
            f" from ({resolved('partition_rows', settings.timezone)}) as rows"
            " join cutoffs using (tenant_id) where data = 'events'"
        )
        found = warehouse.execute(
            f"select tenant_id, count(*) filter (not is_held), count(*) filter (is_held) from ({judged})"
            " where is_due group by all"
        ).fetchall()
        for tenant, count, held in found:
            known = counts.setdefault(tenant, [0, 0])
            known[0], known[1] = known[0] + count, known[1] + held
        if not dry_run and any(count for _, count, _ in found):
            _replace(warehouse, settings, EVENTS, partition, f"select * from ({judged}) where not is_due or is_held")
    return [
        Due("events", tenant, before[tenant], count, None, held) for tenant, (count, held) in sorted(counts.items())
    ]


def expire_core_and_lake(warehouse: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Delete what is due in core and marts, and what of it lies in the lake: purchases, plans, payloads of rejects."""
    with transaction(warehouse):
        delete_due(warehouse)
        cut_driver_links(warehouse)
    line = "(tenant_id, provider, provider_txn_id, item_no)"
    _cut(warehouse, settings, PURCHASES, f"{line} in (select {line} from expired_lines)")
    # Held routes keep all; a plan of a thinned date loses its driver.
    unheld = UNHELD.format(of="rows")
    _cut(
        warehouse,
        settings,
        PLANS,
        f"{unheld} and (tenant_id, vehicle_id, service_date) in (select (tenant_id, vehicle_id, service_date)"
        " from core.frozen_dates where why = 'thinned') and (driver_id is not null or extra is not null)",
        {"driver_id": "null", "extra": "null"},
    )
    _cut(
        warehouse,
        settings,
        PLANS,
        f"{unheld} and service_date < (select before_date from cutoffs where data = 'days'"
        " and cutoffs.tenant_id = rows.tenant_id)",
    )
    _cut(
        warehouse,
        settings,
        REJECTS,
        "payload is not null and received_date < coalesce((select before_date from cutoffs where data = 'raw_messages'"
        " and cutoffs.tenant_id = rows.tenant_id), (select min(before_date) from cutoffs where data = 'raw_messages'))"
        # A reject has no service date of its own: what a held van's devices sent stays as long as the hold.
        " and not exists (from (select tenant_id, vehicle_id as device_id from held union select tenant_id, device_id"
        " from staging.device_spans semi join held using (tenant_id, vehicle_id)) as senders"
        " where senders.tenant_id = rows.tenant_id and senders.device_id = rows.device_id)",
        {"payload": "null"},
    )


def _cut(
    warehouse: duckdb.DuckDBPyConnection,
    settings: Settings,
    table: LakeTable,
    condition: str,
    replaced: Mapping[str, str] | None = None,
) -> None:
    """Drop the rows of a lake table for which a condition on `rows` holds, or replace some of their columns."""
    source = f"staging.read_{table.name} as rows"
    found = warehouse.execute(f"select distinct {table.partition_by} from {source} where {condition}").fetchall()
    for (partition,) in sorted(found):
        rows = f"select * from {source} where {table.partition_by} = date '{partition}' and ({condition}) is not true"
        if replaced:
            changed = ", ".join(f"{value} as {name}" for name, value in replaced.items())
            rows += (
                f" union all by name select * replace ({changed}) from {source}"
                f" where {table.partition_by} = date '{partition}' and ({condition})"
            )
        _replace(warehouse, settings, table, partition, rows)
    if found:
        attach(warehouse, settings)


def _replace(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings, table: LakeTable, partition: date, rows: str
) -> None:
    order = ", ".join(table.sort_by)
    chosen = f"select {', '.join(table.schema.names)} from ({rows}) order by {order}"
    read = files_read(warehouse, table.name)
    replace_partition(settings, table, partition, warehouse.sql(chosen).to_arrow_reader(100_000), read)


def _see_partition(warehouse: duckdb.DuckDBPyConnection, table: LakeTable, partition: date) -> None:
    """Show one partition of a table as `partition_rows`, quarantined rows included."""
    instant = {"positions": "make_timestamp(fix_ms * 1000)", "events": "make_timestamp(event_us)"}[table.name]
    warehouse.execute(
        f"create or replace temp view partition_rows as select *, {instant} as at_utc from staging.read_{table.name}"
        f" where {table.partition_by} = date '{partition}'"
    )


def attach(warehouse: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    attach_lake(warehouse, lake_tables(settings), settings.timezone)
