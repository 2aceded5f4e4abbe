"""What do `odograph simulate` and `odograph replay` do? They publish, and wait for the collector's receipts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from flows.progress import shown_progress
from flows.settings import Settings
from ingest.outbox import Outgoing, Sent, publish_all
from ingest.recorded import read_recording
from ingest.settings import DEFAULT_BROKER_URL
from ingest.simulation import simulate
from ingest.simulation.gateway import packed_messages


class NotReceived(Exception):
    """Messages were published, and no collector said that it has them on disk."""

    def __init__(self, sent: Sent) -> None:
        self.sent = sent
        super().__init__(
            f"{sent.unconfirmed} of {sent.messages} messages were not confirmed; is a collector running"
            " (`odograph collect`) on the same broker?"
        )


def run_simulate(
    settings: Settings,
    *,
    vans: int,
    days: int,
    seed: int,
    truth: Path | None,
    tenant: str,
    speed: float | None,
    fuel_cases: bool = False,
    packed: bool = False,
) -> str:
    """Simulate, write the truth where asked to, publish, and say what was sent."""
    fleet = simulate(vans=vans, days=days, seed=seed, tenant=tenant, fuel_cases=fuel_cases)
    if truth is not None:
        fleet.write_truth(truth)
        fleet.write_dimensions(truth)
    messages = list(packed_messages(fleet.messages)) if packed else fleet.messages
    sent = publish(settings, "simulate", messages, speed=speed)
    beside = f"; truth and dimension files in {truth}" if truth is not None else ""
    return f"{sent.messages} messages of {vans} vans received, {sent.resent} of them sent again{beside}"


def run_replay(settings: Settings, files: list[Path], *, speed: float | None, keep_time: bool) -> Iterator[str]:
    """Publish recordings one after the other, saying of each what was sent."""
    for path in files:
        recording = read_recording(path, keep_time=keep_time)
        sent = publish(settings, path.name, recording.messages, speed=speed)
        yield (
            f"{path}: {recording.name}, {sent.messages} messages received, {sent.resent} of them sent again,"
            f" times {recording.first_utc:%Y-%m-%d %H:%M} to {recording.last_utc:%Y-%m-%d %H:%M} UTC"
        )
        age_days = (datetime.now(UTC) - recording.first_utc).days
        if 0 < settings.max_age_days < age_days:
            yield (
                f"{path}: fixes older than {settings.max_age_days:g} days will be quarantined;"
                " refresh with ODOGRAPH_MAX_AGE_DAYS=0 to keep them"
            )


def publish(settings: Settings, name: str, messages: list[Outgoing], *, speed: float | None = None) -> Sent:
    """Publish messages and wait until they are on the collector's disk; raise NotReceived where they are not."""
    with shown_progress() as tell:
        sent = publish_all(
            messages,
            url=settings.broker_url or DEFAULT_BROKER_URL,
            client_id=f"odograph-{name.replace('.', '-')}",
            speed=speed,
            clean_session=settings.clean_session,
            progress=lambda done: tell(f"publish {name}", done, len(messages)),
            ca_file=settings.broker_ca_file,
            cert_file=settings.broker_cert_file,
            key_file=settings.broker_key_file,
        )
    if sent.unconfirmed:
        raise NotReceived(sent)
    return sent
