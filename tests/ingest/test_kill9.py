"""Promise P1: nothing acknowledged is lost, whenever the collector dies."""

import random
import threading
import time
from collections import Counter

from ingest.outbox import Sent, publish_all
from tests.ingest.running import point_message, spooled_seqs

RATE_PER_S = 500
KILLS = 12


def test_a_collector_killed_again_and_again_under_load_loses_nothing(mosquitto, collector_on):
    chance = random.Random(20261121)
    collector = collector_on(mosquitto.url).start()
    may_publish = threading.Event()
    may_publish.set()
    published: list[Sent] = []

    def messages():
        seq = 0
        while may_publish.is_set():
            yield point_message(seq, device=f"van-{seq % 40}", due_us=seq * 1_000_000 // RATE_PER_S)
            seq += 1

    def publish() -> None:
        # Without receipts: here the broker's acknowledgement has to be enough.
        published.append(publish_all(messages(), url=mosquitto.url, client_id="vans", speed=1, receipts=False))

    publishing = threading.Thread(target=publish)
    publishing.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, 0.6))
        collector.kill()
        collector.start(wait=chance.random() < 0.5)  # some die before they are ready
    may_publish.clear()
    publishing.join()
    collector.stop()
    collector.start()
    time.sleep(0.5)
    assert collector.stop() == 0

    (sent,) = published
    assert sent.unconfirmed == 0
    assert sent.messages > 2_000
    times_kept = Counter(spooled_seqs(collector.spool_folder))
    assert sorted(times_kept) == list(range(sent.messages))
    assert max(times_kept.values()) <= 1 + KILLS
