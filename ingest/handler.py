"""What does a connection to the broker tell its owner, and what may the owner do about it?"""

from collections.abc import Sequence
from typing import Protocol

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from ingest.broker_watch import Granted


class BrokerRefused(Exception):
    """The broker does not want us, and trying again would not change that."""


class SubscriptionRefused(Exception):
    """The broker does not let us read `topics`."""

    def __init__(self, topics: Sequence[str]) -> None:
        self.topics = tuple(topics)
        super().__init__(f"the broker refused the subscription to {', '.join(topics)}")


class Handler(Protocol):
    """What a connection tells its owner; all of it on the connection's thread."""

    def connected(self, client: Client, granted: Granted) -> None:
        """Begin a connection: subscribe. `granted` is what the broker said when it let us in."""

    def disconnected(self) -> None:
        """Note that a connection ended; another one will be tried."""

    def subscribed(self, packet_id: int, reasons: Sequence[ReasonCode]) -> None:
        """Take the broker's answer to a subscription."""

    def unsubscribed(self, packet_id: int) -> None:
        """Note that the broker has read what was taken back, and everything sent before it."""

    def received(self, message: MQTTMessage) -> None:
        """Take a message."""

    def published(self, packet_id: int, reason: ReasonCode) -> None:
        """Note that the broker acknowledged a message of ours, or that one of QoS 0 was sent."""

    def wants_messages(self) -> bool:
        """Say whether there is room; while there is none, nothing is read from the broker."""

    def turn(self, client: Client) -> None:
        """Do what the owner has to do on this thread; called often while connected."""
