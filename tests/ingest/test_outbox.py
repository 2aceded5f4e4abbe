import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.client import broker_address
from ingest.outbox import NothingConfirmed, Outgoing, Publisher, publish_all
from ingest.receipts import Receipt, receipt_keys
from ingest.unconfirmed import Held, Unconfirmed
from tests.ingest.running import point_message, spooled, spooled_seqs

ACK = "tm/v1/acme/van-1/ack"


def hold(outbox: Unconfirmed, outgoing: Outgoing) -> Held:
    return outbox.add(outgoing, receipt_keys(outgoing.topic, outgoing.payload))


def batch_message(*seqs: int) -> Outgoing:
    points = ",".join(f'{{"seq":{seq}}}' for seq in seqs)
    return Outgoing(0, "tm/v1/acme/van-1/pos", f'{{"v":1,"boot":1,"pts":[{points}]}}'.encode())


def test_a_message_is_kept_until_everything_in_it_is_confirmed():
    outbox = Unconfirmed(resend_s=10)
    hold(outbox, batch_message(1, 2, 3))
    outbox.confirm(ACK, Receipt(1, ((1, 2),), ()))
    assert outbox.message_count == 1
    outbox.confirm(ACK, Receipt(1, ((3, 9),), ()))
    assert (outbox.message_count, outbox.size_bytes) == (0, 0)


def test_another_boot_or_another_device_confirms_nothing():
    outbox = Unconfirmed(resend_s=10)
    hold(outbox, batch_message(1))
    outbox.confirm(ACK, Receipt(2, ((1, 1),), ()))
    outbox.confirm("tm/v1/acme/van-2/ack", Receipt(1, ((1, 1),), ()))
    assert outbox.message_count == 1


def test_one_receipt_confirms_every_copy_of_a_message():
    outbox = Unconfirmed(resend_s=10)
    hold(outbox, batch_message(1))
    hold(outbox, batch_message(1, 1))
    outbox.confirm(ACK, Receipt(1, ((1, 1),), ()))
    assert outbox.message_count == 0


def test_a_message_without_numbers_is_kept_until_the_broker_has_it():
    outbox = Unconfirmed(resend_s=10)
    held = hold(outbox, Outgoing(0, "tm/v1/acme/van-1/sta", b'{"v":1,"st":"online"}'))
    assert outbox.message_count == 1
    outbox.acknowledge(held)
    assert outbox.message_count == 0


def test_what_is_not_confirmed_in_time_is_sent_again_after_longer_and_longer_waits():
    outbox = Unconfirmed(resend_s=10)
    held = hold(outbox, batch_message(1))
    outbox.sent(held, now_s=0)
    outbox.acknowledge(held)
    assert outbox.overdue(9.9) == []
    assert outbox.overdue(10) == [held]
    outbox.sent(held, now_s=10)
    assert outbox.overdue(29.9) == []
    assert outbox.overdue(30) == [held]
    outbox.sent(held, now_s=30)
    outbox.confirm(ACK, Receipt(1, ((1, 1),), ()))
    assert outbox.overdue(1e9) == []


def test_what_the_broker_has_not_acknowledged_is_left_to_the_client():
    outbox = Unconfirmed(resend_s=10)
    outbox.sent(hold(outbox, batch_message(1)), now_s=0)
    assert outbox.overdue(10) == []


@given(
    batches=st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=5)),
    ranges=st.lists(st.tuples(st.integers(-5, 35), st.integers(-5, 40) | st.just(10**12)), max_size=6),
)
def test_what_is_left_is_what_no_receipt_listed(batches, ranges):
    outbox = Unconfirmed(resend_s=10)
    for seqs in batches:
        hold(outbox, batch_message(*seqs))
    for one in ranges:
        outbox.confirm(ACK, Receipt(1, (one,), ()))
    listed = {seq for seq in range(31) if any(first <= seq <= last for first, last in ranges)}
    assert outbox.message_count == sum(not set(seqs) <= listed for seqs in batches)


def test_without_a_collector_the_wait_ends_with_a_count(mosquitto):
    started_s = time.monotonic()
    messages = [point_message(seq) for seq in range(20)]
    sent = publish_all(messages, url=mosquitto.url, client_id="vans", drain_s=1)
    assert sent == (20, 0, 20)
    assert time.monotonic() - started_s < 5


def test_without_a_broker_the_wait_ends_with_a_count(mosquitto):
    mosquitto.stop()
    assert publish_all([point_message(1)], url=mosquitto.url, client_id="vans", drain_s=0.5).unconfirmed == 1


def test_an_outbox_that_stays_full_says_so_and_does_not_hang(mosquitto):
    address = broker_address(mosquitto.url)
    with Publisher(address, "vans", outbox_messages=10, stall_s=0.5) as publisher:
        for seq in range(10):
            publisher.publish(point_message(seq))
        with pytest.raises(NothingConfirmed) as error:
            publisher.publish(point_message(10))
        assert error.value.unconfirmed == 10


def test_a_message_the_broker_forgot_is_sent_again(mosquitto, collector_on):
    # Nobody is subscribed yet, so the broker acknowledges and drops.
    address = broker_address(mosquitto.url)
    with Publisher(address, "vans", resend_s=0.5) as publisher:
        for seq in range(50):
            publisher.publish(point_message(seq))
        assert publisher.drain(0.3) == 50
        collector = collector_on(mosquitto.url).start()
        assert publisher.drain(10) == 0
        assert publisher.resent >= 50
    collector.stop()
    assert set(spooled_seqs(collector.spool_folder)) == set(range(50))


def test_messages_go_out_at_the_pace_of_their_times(mosquitto):
    messages = [point_message(seq, due_us=seq * 1_000_000) for seq in range(5)]
    started_s = time.monotonic()
    publish_all(messages, url=mosquitto.url, client_id="vans", receipts=False, speed=10)
    assert 0.4 <= time.monotonic() - started_s < 2


def test_progress_is_reported_and_ends_with_the_whole(mosquitto):
    seen: list[int] = []
    messages = [point_message(seq) for seq in range(450)]
    publish_all(messages, url=mosquitto.url, client_id="vans", receipts=False, progress=seen.append)
    assert seen == [200, 400, 450]


def test_a_payload_the_broker_would_choke_on_is_refused_before_it_is_sent(mosquitto):
    publisher = Publisher(broker_address(mosquitto.url), "vans")
    with pytest.raises(ValueError, match="payload"):
        publisher.publish(Outgoing(0, "tm/v1/acme/van-1/pos", bytes(2_000_000)))
    publisher.close()


def test_purchases_and_plans_are_confirmed_too(broker, collector_on):
    collector = collector_on(broker.url, clean_session=broker.clean_session).start()
    messages = [
        Outgoing(0, "fc/v1/acme/wex/txn", b'{"v":1,"provider_txn_id":"T-1","event_type":"clear"}'),
        Outgoing(0, "rt/v1/acme/d1/plan", b'{"v":1,"service_date":"2026-02-26","routes":[{"route_id":"R1"}]}'),
        Outgoing(0, "tm/v1/acme/van-1/sta", b'{"v":1,"st":"online"}', retain=True),
        point_message(1)._replace(qos=0),
    ]
    sent = publish_all(messages, url=broker.url, client_id="vans", clean_session=broker.clean_session)
    assert sent == (4, 0, 0)
    collector.stop()
    assert {message.topic for message in spooled(collector.spool_folder)} == {message.topic for message in messages}


def test_with_a_broker_that_queues_nothing_the_outbox_covers_a_killed_collector(amqtt, collector_on):
    collector = collector_on(amqtt.url, clean_session=True).start()
    address = broker_address(amqtt.url)
    with Publisher(address, "vans", clean_session=True, resend_s=1) as publisher:
        for seq in range(1_500):
            publisher.publish(point_message(seq))
            if seq in (300, 900):
                collector.kill()
            if seq in (600, 1_200):
                collector.start()
            time.sleep(0.001)
        assert publisher.drain(20) == 0
        assert publisher.resent > 0
    collector.stop()
    assert set(spooled_seqs(collector.spool_folder)) == set(range(1_500))


def test_a_killed_broker_costs_the_publisher_time_and_no_message(mosquitto, collector_on):
    collector = collector_on(mosquitto.url).start()
    with Publisher(broker_address(mosquitto.url), "vans", resend_s=1) as publisher:
        for seq in range(1_000):
            publisher.publish(point_message(seq))
            if seq in (300, 700):
                mosquitto.kill()
                mosquitto.start()
            time.sleep(0.001)
        assert publisher.drain(20) == 0
    collector.stop()
    assert set(spooled_seqs(collector.spool_folder)) == set(range(1_000))
