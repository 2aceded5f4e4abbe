"""How do messages get from the broker to our disk, and when are they acknowledged?

    broker -> inbox -> spool, flushed -> PUBACK -> receipt

Messages are lifted out of the connection in bulk and stay packets and columns all the way to the disk; with
ODOGRAPH_PLAIN, or where paho is not as we know it, each is taken by itself.

Three threads: the connection's reads into the inbox and sends acknowledgements, the caller's
writes the spool in group commits, and one publishes receipts.
Acknowledging comes after flushing, in the order of arrival, so after a crash anywhere on this line
the broker sends the unfinished messages again. The price is an occasional duplicate.
The inbox is bounded by not reading from the broker while it is full.
Nothing here decodes, and nothing here looks at rates.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable

import pyarrow as pa

from ingest.access import warn_of_withheld
from ingest.adapters.sources import read_sources
from ingest.arrivals import arrived_batch
from ingest.broker_watch import BrokerWatch
from ingest.bulk_socket import Lifting, paho_problem
from ingest.client import KEEPALIVE_S, BrokerAddress, broker_address, check_tls
from ingest.connection import Connection
from ingest.handler import BrokerRefused, SubscriptionRefused
from ingest.intake import Inbox, Intake
from ingest.logs import log_to_stderr
from ingest.meter import Meter
from ingest.metrics import MetricsNotServed, serving_metrics
from ingest.packets import PacketTools, ToolBox
from ingest.receipts import ReceiptWriter
from ingest.self_report import Parts, SelfReport
from ingest.settings import DEFAULT_BROKER_URL, IngestSettings, SettingsError
from ingest.sharing import Asked, Role
from ingest.shipping import shipping
from ingest.spool import MIB, Spool, SpoolBusy, flush_to_disk
from ingest.topics import SUBSCRIPTIONS

logger = logging.getLogger(__name__)

DAY_S = 86_400
IDLE_S = 0.1
SWITCH_S = 0.001
RETRY_S = 1.0
GOODBYE_S = 5.0
LOCK_WAIT_S = 5.0  # a refresh may hold the spool for a moment to seal what a crash left


def collect(
    settings: IngestSettings,
    stopping: threading.Event,
    *,
    sync: Callable[[int], None] = flush_to_disk,
    keepalive_s: int = KEEPALIVE_S,
    wall_ns: Callable[[], int] = time.time_ns,
    load_tools: Callable[[], PacketTools] | None = None,
    observe: Callable[[Parts], None] = lambda _: None,
) -> None:
    """Keep what the broker sends until told to stop; then flush, acknowledge and seal.

    `load_tools` brings faster code to read packets with; it is called on a thread of its own and not waited for.
    `observe` is shown the parts of the running collector, for who wants to watch their counts.
    Raises SettingsError, SpoolBusy, BrokerRefused, SubscriptionRefused or MappingError where waiting would not help.
    """
    address = _address(settings)
    check_tls(address)  # before there is a spool, which would have somebody wait for us
    foreign = read_sources(settings).subscriptions
    if settings.broker_conf is not None:
        warn_of_withheld(settings.broker_conf, address.username or client_id(settings.collector), foreign)
    folder = settings.spool_dir / settings.collector
    meter = Meter()
    with (
        shipping(settings, folder),
        Spool.open(
            folder, seal_mib=settings.seal_mib, seal_s=settings.seal_s, wait_s=LOCK_WAIT_S, sync=meter.timed(sync)
        ) as spool,
    ):
        role = Role.of(settings)
        asked = Asked(folder, role, role.subscriptions((*SUBSCRIPTIONS, *foreign)))
        inbox = Inbox(int(settings.inbox_mib * MIB))
        watch = BrokerWatch(
            session_expiry_s=settings.session_expiry_days * DAY_S,
            clean_session=settings.clean_session,
            conf=settings.broker_conf,
        )
        box = ToolBox(None if settings.plain else load_tools)
        intake = Intake(inbox, watch, asked, foreign, wall_ns=wall_ns, tools=lambda: box.tools)
        connection = _connection(settings, address, intake, stopping, keepalive_s, box)

        def answer(topic: str, payload: bytes) -> None:
            intake.receipts.append((topic, payload))

        receipts = ReceiptWriter(answer, tools=lambda: box.tools, flush=connection.wake)
        parts = Parts(meter, inbox, intake, connection, spool, receipts)
        observe(parts)
        report = SelfReport(parts, wall_ns=wall_ns)
        writer = _Writer(parts, report, stopping)
        try:
            with serving_metrics(settings, parts):
                connection.start()
                while not stopping.is_set():
                    writer.commit_next(settings.commit_ms / 1000)
            intake.paused.set()
            writer.commit()
        finally:
            intake.paused.set()
            receipts.close()
            writer.wait_until_acknowledged(GOODBYE_S)
            report.summarize()
            connection.close()
    if connection.failure is not None:
        raise connection.failure


def client_id(collector: str) -> str:
    """The name of a collector on the broker: its MQTT client id, and where it logs in, its user."""
    return f"odograph-{collector}"


def _address(settings: IngestSettings) -> BrokerAddress:
    return broker_address(
        settings.broker_url or DEFAULT_BROKER_URL,
        ca_file=settings.broker_ca_file,
        cert_file=settings.broker_cert_file,
        key_file=settings.broker_key_file,
    )


def _connection(
    settings: IngestSettings,
    address: BrokerAddress,
    intake: Intake,
    stopping: threading.Event,
    keepalive_s: int,
    box: ToolBox,
) -> Connection:
    def stop() -> None:
        stopping.set()
        intake.inbox.arrived.set()

    return Connection(
        address,
        intake,
        client_id=client_id(settings.collector),
        clean_session=settings.clean_session,
        session_expiry_s=settings.session_expiry_days * DAY_S,
        manual_ack=True,
        keepalive_s=keepalive_s,
        on_failure=stop,
        lifting=_lifting(settings, intake, box),
    )


def _lifting(settings: IngestSettings, intake: Intake, box: ToolBox) -> Lifting | None:
    if settings.plain:
        return None
    problem = paho_problem()
    if problem is not None:
        logger.warning("messages are taken one by one, which is slower: paho-mqtt is not as we know it (%s)", problem)
        return None
    return Lifting(intake.lifted, lambda: box.tools)


class _Writer:
    """Group commits: from the inbox to the spool, then to the acknowledgements and receipts."""

    def __init__(self, parts: Parts, report: SelfReport, stopping: threading.Event) -> None:
        self._meter = parts.meter
        self._spool = parts.spool
        self._intake = parts.intake
        self._receipts = parts.receipts
        self._connection = parts.connection
        self._report = report
        self._stopping = stopping
        self._committed_s = 0.0

    def commit_next(self, commit_s: float) -> None:
        """Wait for a message, and until the last commit is `commit_s` ago; commit what has come by then."""
        if self._intake.inbox.arrived.wait(IDLE_S):
            early_s = self._committed_s + commit_s - time.monotonic()
            if early_s > 0:
                time.sleep(early_s)
            self.commit()
            self._committed_s = time.monotonic()
        self._spool.seal_if_due()
        self._report.look()

    def commit(self) -> None:
        """Put everything in the inbox on disk, then have it acknowledged."""
        arrivals = self._intake.inbox.take()
        if not arrivals:
            return
        batch = arrived_batch(arrivals)
        if not self._appended(batch):
            return
        self._intake.inbox.done(arrivals)
        arrived_count = sum(arrived.message_count for arrived in arrivals)
        self._meter.count(batch, left_to_others_count=arrived_count - batch.num_rows)
        self._receipts.landed(batch)
        # Last: woken earlier, the other thread would only wait until this one sleeps.
        self._intake.unacknowledged.append(arrivals)
        self._connection.wake()

    def wait_until_acknowledged(self, timeout_s: float) -> None:
        """Give the connection time to send what it was handed."""
        give_up_s = time.monotonic() + timeout_s
        self._connection.wake()
        while (self._intake.unacknowledged or self._intake.receipts) and self._connection.is_connected:
            if time.monotonic() > give_up_s:
                return
            time.sleep(0.01)

    def _appended(self, batch: pa.RecordBatch) -> bool:
        """Append, trying again for as long as the disk is full; False when told to stop meanwhile."""
        is_first_try = True
        while True:
            try:
                self._spool.append_batch(batch)
            except OSError as error:
                if is_first_try:
                    logger.error("cannot write the spool, nothing is acknowledged until this ends: %s", error)
                is_first_try = False
                self._meter.write_failure_count += 1
                self._meter.write_error = str(error)
                self._report.look()
                if self._stopping.wait(RETRY_S):
                    return False
            else:
                self._meter.write_error = None
                if not is_first_try:
                    logger.warning("the spool can be written again")
                return True


def run(settings: IngestSettings, load_tools: Callable[[], PacketTools] | None = None) -> int:
    """Collect until SIGTERM or SIGINT; return the exit status."""
    stopping = threading.Event()
    # Threads that compute would otherwise keep the connection waiting for 5 ms at each of its turns.
    sys.setswitchinterval(SWITCH_S)
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        collect(settings, stopping, load_tools=load_tools)
    except (SpoolBusy, BrokerRefused, SubscriptionRefused, MetricsNotServed, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def main() -> int:
    """Read the settings and collect."""
    try:
        settings = IngestSettings.read()
        log_to_stderr(logging.INFO, settings.log_format)
        return run(settings)
    except SettingsError as error:  # of the environment or of a mapping file
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
