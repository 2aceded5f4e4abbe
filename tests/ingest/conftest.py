"""Brokers and collectors for the tests of `ingest`: real ones, on loopback, in temporary folders."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.broker import AmqttChild, Broker, MosquittoChild, embedded_broker, find_mosquitto
from tests.ingest.running import CollectorProcess


def require_mosquitto() -> None:
    """Skip on a machine without mosquitto, except in continuous integration, where it must be there."""
    if find_mosquitto() is None:
        assert "CI" not in os.environ, "mosquitto must be installed in continuous integration"
        pytest.skip("mosquitto is not installed")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MosquittoChild]:
    require_mosquitto()
    with MosquittoChild(tmp_path / "broker") as child:
        yield child


@pytest.fixture
def amqtt(tmp_path: Path) -> Iterator[AmqttChild]:
    with AmqttChild(tmp_path / "broker") as child:
        yield child


@pytest.fixture(params=["mosquitto", "amqtt"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """Each of the two brokers we may start."""
    if request.param == "mosquitto":
        require_mosquitto()
    with embedded_broker(tmp_path / "broker", prefer=request.param) as running:
        yield running


@pytest.fixture
def collector_on(tmp_path: Path) -> Iterator[Callable[..., CollectorProcess]]:
    """Make collectors on a temporary data folder; what still runs at the end is killed."""
    made: list[CollectorProcess] = []

    def make(broker_url: str, *, clean_session: bool = False) -> CollectorProcess:
        made.append(CollectorProcess(tmp_path / "data", broker_url, clean_session=clean_session))
        return made[-1]

    yield make
    for collector in made:
        if collector.is_running:
            collector.kill()
