"""How are many messages published so that all of them end up on the collector's disk?

The work is done by `ingest.publisher`, which keeps an outbox; this is the way in for those
who have a stream of messages: the simulator, the replayer, a bridge.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from ingest.client import broker_address
from ingest.publisher import NothingConfirmed, Publisher
from ingest.unconfirmed import Outgoing

__all__ = ["NothingConfirmed", "Outgoing", "Publisher", "Sent", "publish_all"]

PROGRESS_EVERY = 200


class Sent(NamedTuple):
    """What `publish_all` did: messages handed over, how many were sent again, how many never landed."""

    messages: int
    resent: int
    unconfirmed: int


def publish_all(
    messages: Iterable[Outgoing],
    *,
    url: str,
    client_id: str,
    speed: float | None = None,
    receipts: bool = True,
    clean_session: bool = False,
    resend_s: float = 10,
    drain_s: float = 60,
    progress: Callable[[int], None] | None = None,
    ca_file: Path | None = None,
    cert_file: Path | None = None,
    key_file: Path | None = None,
) -> Sent:
    """Publish messages and wait until they are on the collector's disk.

    `speed` is a multiple of the pace of `due_us`; None sends as fast as the line takes it.
    With `receipts` false the broker's PUBACK is enough.
    Nothing waits longer than `drain_s` for a confirmation: what is missing then is counted as unconfirmed,
    or NothingConfirmed is raised where messages are left that could not even be handed over.
    """
    address = broker_address(url, ca_file=ca_file, cert_file=cert_file, key_file=key_file)
    with Publisher(
        address,
        client_id,
        receipts=receipts,
        clean_session=clean_session,
        resend_s=resend_s,
        stall_s=drain_s,
    ) as publisher:
        published = 0
        for outgoing in _paced(messages, speed):
            publisher.publish(outgoing)
            published += 1
            if progress is not None and published % PROGRESS_EVERY == 0:
                progress(published)
        if progress is not None:
            progress(published)
        unconfirmed = publisher.drain(drain_s)
        return Sent(published, publisher.resent, unconfirmed)


def _paced(messages: Iterable[Outgoing], speed: float | None) -> Iterable[Outgoing]:
    if speed is None:
        yield from messages
        return
    started_s = monotonic()
    first_us: int | None = None
    for outgoing in messages:
        first_us = outgoing.due_us if first_us is None else first_us
        due_s = started_s + (outgoing.due_us - first_us) / 1e6 / speed
        sleep(max(0.0, due_s - monotonic()))
        yield outgoing
