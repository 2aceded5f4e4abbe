"""What can a Prometheus server read from a running collector?

An HTTP page that is made when somebody asks for it, from counts that are kept anyway: without
ODOGRAPH_METRICS_PORT nothing is served, and with it no message costs more. Nothing is labelled by device or
tenant, so that the number of series does not grow with the fleet.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import accumulate

from paho.mqtt.enums import MQTTProtocolVersion
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from ingest.meter import FLUSH_BUCKETS_S
from ingest.self_report import Parts
from ingest.settings import IngestSettings

logger = logging.getLogger(__name__)

PREFIX = "odograph_"


class MetricsNotServed(Exception):
    """The metrics page cannot be opened where the settings want it."""


@contextmanager
def serving_metrics(settings: IngestSettings, parts: Parts) -> Iterator[None]:
    """Serve the metrics page for as long as the block runs; nothing without a port."""
    if settings.metrics_port is None:
        yield
        return
    where = f"{settings.metrics_host}:{settings.metrics_port}"
    registry = CollectorRegistry()
    registry.register(CollectorMetrics(settings.collector, parts))
    ProcessCollector(registry=registry)
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, registry)
    except OSError as error:
        raise MetricsNotServed(f"no metrics on {where} (ODOGRAPH_METRICS_PORT): {error.strerror or error}") from error
    logger.info("metrics on http://%s/metrics", where)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class CollectorMetrics(Collector):
    """A collector's counts, as the Prometheus client asks for them."""

    def __init__(self, collector: str, parts: Parts) -> None:
        self._collector = collector
        self._parts = parts

    def collect(self) -> Iterable[Metric]:
        """Make every metric from the counts as they stand."""
        yield from self._traffic()
        yield from self._disk()
        yield from self._broker()

    def _traffic(self) -> Iterator[Metric]:
        meter, inbox, intake = self._parts.meter, self._parts.inbox, self._parts.intake
        # Only a refresh decodes, so only it knows what was refused, and how far behind the line is.
        help_text = "Messages that are on disk, by kind of topic. Rejects by reason and the lag are in refresh.prom."
        messages = _counter("messages_received", help_text, ["family", "kind"])
        payloads = _counter("received_bytes", "Bytes of their payloads.", ["family", "kind"])
        for kind, count in sorted(dict(meter.message_counts).items()):
            messages.add_metric(kind, count)
            payloads.add_metric(kind, meter.payload_bytes[kind])
        yield messages
        yield payloads
        yield _count("messages_acknowledged", "Messages acknowledged to the broker.", intake.acknowledged_count)
        yield _count("messages_left", "Messages left to other collectors.", meter.left_to_others_count)
        yield _count("receipts_published", "Receipts published to senders.", self._parts.receipts.published_count)
        yield _gauge("inbox_messages", "Messages in memory that are not on disk yet.", inbox.message_count)
        yield _gauge("inbox_bytes", "Memory they take.", inbox.size_bytes)
        yield _gauge("inbox_limit_bytes", "From here on nothing more is read from the broker.", inbox.limit_bytes)
        if meter.last_message_us is not None:
            yield _gauge(
                "last_message_timestamp_seconds",
                "When the newest message came.",
                meter.last_message_us / 1e6,
            )

    def _disk(self) -> Iterator[Metric]:
        meter, spool = self._parts.meter, self._parts.spool
        counts = list(accumulate(meter.flush_counts))
        buckets = [(f"{bound_s:g}", count) for bound_s, count in zip(FLUSH_BUCKETS_S, counts, strict=False)]
        flushes = HistogramMetricFamily(PREFIX + "fsync_seconds", "How long flushing a group commit to disk took.")
        flushes.add_metric([], [*buckets, ("+Inf", counts[-1])], meter.flush_total_s)
        yield flushes
        yield _count("group_commits", "Group commits that are on disk.", meter.commit_count)
        yield _count("spool_written_bytes", "Bytes written to the spool, before compression.", spool.written_bytes)
        yield _count("segments_sealed", "Segments a refresh can read.", spool.sealed_count)
        yield _gauge("unsealed_age_seconds", "Age of the oldest message in no sealed segment.", spool.unsealed_age_s)
        yield _count("spool_write_failures", "Tries to write the spool that failed.", meter.write_failure_count)
        is_writable = meter.write_error is None
        yield _gauge("spool_writable", "0 while the spool cannot be written.", is_writable)
        yield _count("clock_jumps", "Times the wall clock was set by more than a minute.", meter.clock_jump_count)

    def _broker(self) -> Iterator[Metric]:
        connection = self._parts.connection
        yield _gauge("broker_connected", "1 with a connection to the broker.", connection.is_connected)
        yield _count("broker_reconnects", "Connections to the broker after the first.", connection.reconnect_count)
        mqtt = "5" if connection.protocol == MQTTProtocolVersion.MQTTv5 else "3.1.1"
        about = GaugeMetricFamily(
            PREFIX + "collector_info",
            "Always 1: the collector's name and version, and the MQTT it speaks.",
            labels=["collector", "version", "mqtt"],
        )
        about.add_metric([self._collector, version("odograph"), mqtt], 1)
        yield about


def _counter(name: str, text: str, labels: list[str]) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, text, labels=labels)


def _count(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, text, value=value)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, value=value)
