"""The live part of `odograph bench ingest` lasts as long as it was asked to, and counts all that was sent."""

import pytest

from flows.bench.ingest import runs
from flows.bench.ingest.live import live
from tests.ingest.conftest import require_mosquitto


@pytest.fixture(autouse=True)
def mosquitto_is_there():
    require_mosquitto()


def test_a_long_run_is_waited_for_and_nothing_is_lost(monkeypatch):
    plan = runs.Plan(minutes=0.1, rate=2_000, points=10, share=1)
    monkeypatch.setattr(runs, "LONGEST_S", 5)  # beside the six seconds it publishes
    figures = {figure.what: figure.value for figure in live(plan).figures}
    assert figures["messages lost"] == 0
    assert figures["rate reached"] == pytest.approx(2_000, rel=0.2)
    assert figures["publish to disk, p50"] > 0


def test_a_publisher_that_dies_is_told_as_what_it_is(monkeypatch):
    monkeypatch.setattr("flows.bench.ingest.live.publish", lambda *_, **_named: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        live(runs.Plan(minutes=0.05, rate=2_000, points=10, share=1))
