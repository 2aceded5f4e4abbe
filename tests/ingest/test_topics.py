import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.topics import (
    ACK_SUBSCRIPTIONS,
    FOREIGN_SUBSCRIPTIONS,
    SUBSCRIPTIONS,
    Topic,
    ack_topic,
    parse_topic,
)


def test_the_subscriptions_are_those_of_the_contract():
    assert SUBSCRIPTIONS == (
        "tm/v1/+/+/pos",
        "tm/v1/+/+/evt",
        "tm/v1/+/+/sta",
        "tm/v1/+/+/his",
        "fc/v1/+/+/txn",
        "rt/v1/+/+/plan",
    )


def test_nothing_subscribes_to_everything():
    assert not [topic for topic in (*SUBSCRIPTIONS, *FOREIGN_SUBSCRIPTIONS, *ACK_SUBSCRIPTIONS) if "#" in topic]


@pytest.mark.parametrize("subscription", SUBSCRIPTIONS)
def test_every_subscribed_topic_can_be_read(subscription):
    topic = subscription.replace("+", "acme", 1).replace("+", "sender-7", 1)
    parsed = parse_topic(topic)
    assert parsed is not None
    assert "/".join(parsed) == topic
    assert (parsed.tenant, parsed.sender) == ("acme", "sender-7")


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "tm/v1/acme/van-1",
        "tm/v2/acme/van-1/pos",
        "tm/v1/acme/van-1/pos/x",
        "tm/v1//van-1/pos",
        "tm/v1/acme//pos",
        "tm/v1/acme/van-1/ack",
        "fc/v1/acme/wex/pos",
        "owntracks/jane/phone",
        "/tm/v1/acme/van-1/pos",
    ],
)
def test_other_topics_are_not_in_the_tree(topic):
    assert parse_topic(topic) is None


@given(st.text())
def test_any_text_has_an_answer(topic):
    parsed = parse_topic(topic)
    assert parsed is None or "/".join(parsed) == topic


def test_receipts_go_below_the_sender_where_publishers_listen():
    assert ack_topic(Topic("tm", "v1", "acme", "van-1", "his")) == "tm/v1/acme/van-1/ack"
    assert ack_topic(Topic("fc", "v1", "acme", "wex", "txn")) == "fc/v1/acme/wex/ack"
    assert {topic.split("/")[0] for topic in ACK_SUBSCRIPTIONS} == {"tm", "fc", "rt"}
