import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.topics import (
    ACK_SUBSCRIPTIONS,
    FOREIGN_SUBSCRIPTIONS,
    OUR_TREES,
    SUBSCRIPTIONS,
    Topic,
    ack_topic,
    covers,
    overlaps,
    parse_topic,
    without_covered,
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
    assert not [topic for topic in (*SUBSCRIPTIONS, *ACK_SUBSCRIPTIONS) if "#" in topic]
    assert not [topic for topic in FOREIGN_SUBSCRIPTIONS if any(overlaps(topic, tree) for tree in OUR_TREES)]


@pytest.mark.parametrize(
    ("wide", "narrow", "whether"),
    [
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/+", "a/b", True),
        ("a/+", "a/+", True),
        ("a/b", "a/+", False),
        ("a/+", "a/#", False),
        ("a/+", "a/b/c", False),
        ("+/data", "350000000000001/data", True),
        ("/+/report", "x/report", False),
        ("a/#", "b", False),
    ],
)
def test_one_subscription_may_cover_another(wide, narrow, whether):
    assert covers(wide, narrow) is whether
    assert not whether or overlaps(wide, narrow)


@pytest.mark.parametrize(
    ("one", "other", "whether"),
    [
        ("+/+/#", "tm/v1/#", True),
        ("#", "tm/v1/#", True),
        ("tm/+/x", "tm/v1/#", True),
        ("+/data", "tm/v1/#", False),
        ("a/+/c", "a/b/+", True),
        ("a/+/c", "a/b/d", False),
        ("tm/v1", "tm/v1/#", True),
    ],
)
def test_two_subscriptions_may_share_a_topic(one, other, whether):
    assert overlaps(one, other) is overlaps(other, one) is whether


def test_a_subscription_that_another_covers_is_left_out():
    assert without_covered(("a/b", "a/+", "a/+", "c/#", "c/d")) == ("a/+", "c/#")


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
