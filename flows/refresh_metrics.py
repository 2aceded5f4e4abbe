"""What can a Prometheus server know of the refreshes?

A refresh ends, so it serves no page. It writes `metrics/refresh.prom` under the data directory, whole or not at all,
in the format of the textfile collector of Prometheus' node exporter. Times are instants, not ages: the file stays as
it is when refreshes stop, and an alert compares with now.
"""

import logging
import time

import duckdb
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from flows.querying import NothingPublished, open_published
from flows.settings import Settings
from flows.stages import Stages
from ingest.lake import Lake, lake_rows
from ingest.reached import waiting_segments

logger = logging.getLogger(__name__)


def write_metrics(settings: Settings, held_back_count: int, stages: Stages, lake: Lake | None = None) -> None:
    """Write the file; a refresh that did its work does not fail because this cannot be written."""
    try:
        settings.metrics_path.parent.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(settings.metrics_path), _registry(settings, held_back_count, stages, lake))
    except (OSError, duckdb.Error) as error:
        logger.warning("no metrics of this refresh: %s", error)


def _registry(settings: Settings, held_back_count: int, stages: Stages, lake: Lake | None) -> CollectorRegistry:
    registry = CollectorRegistry()

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"odograph_{name}", text, labels, registry=registry)

    gauge("refresh_last_success_timestamp_seconds", "When a refresh last came to its end.").set(time.time())
    gauge("refresh_duration_seconds", "How long it took.").set(stages.all_s)
    of_stage = gauge("refresh_stage_seconds", "How long each stage of it took.", "stage")
    for stage, seconds in stages.seconds.items():
        of_stage.labels(stage).set(seconds)
    gauge("refresh_held_back_dates", "Service dates it held back because checks found rows.").set(held_back_count)
    waiting = gauge("segments_waiting", "Sealed segments that are not yet in the lake, by spool.", "spool")
    for folder, segments in waiting_segments(settings).items():
        waiting.labels(folder.name).set(len(segments))
    newest = gauge("newest_fix_timestamp_seconds", "Time of the newest position, by tenant.", "tenant")
    rejects = gauge("rejects", "Messages and points that did not become data, as often as they came.", "kind", "reason")
    rows = gauge("table_rows", "Rows of the lake as decoded, and of the tables of the published copy.", "table")
    for table, count in lake_rows(settings, lake).items():
        rows.labels(f"lake.{table}").set(count)
    try:
        with open_published(settings.published_path) as published:
            for tenant, newest_s in _newest_fixes(published):
                newest.labels(tenant).set(newest_s)
            for kind, reason, count in _rejects(published):
                rejects.labels(kind, reason).set(count)
            for table, count in _table_rows(published):
                rows.labels(table).set(count)
    except NothingPublished:
        pass
    return registry


def _newest_fixes(published: duckdb.DuckDBPyConnection) -> list[tuple[str, float]]:
    return published.execute(
        "select tenant_id, epoch(max(last_fix_utc)) from marts.vehicle_days group by tenant_id order by tenant_id"
    ).fetchall()


def _rejects(published: duckdb.DuckDBPyConnection) -> list[tuple[str, str, int]]:
    return published.execute(
        "select kind, reason, sum(seen_count)::bigint from lake.rejects group by all order by all"
    ).fetchall()


def _table_rows(published: duckdb.DuckDBPyConnection) -> list[tuple[str, int]]:
    # DuckDB keeps this count for every table, so nothing is read for it.
    return published.execute(
        "select schema_name || '.' || table_name, estimated_size from duckdb_tables()"
        " where schema_name in ('core', 'marts') order by all"
    ).fetchall()
