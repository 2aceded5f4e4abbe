"""A short run of the fuzzer; the long one is a command, see the README here."""

import json
from collections import Counter

import pytest

from ingest.adapters.sources import Sources
from ingest.decode import decode
from ingest.judging import Judged
from ingest.positions import PointBatch
from tests.fuzz.decoders import NATIVE, Seed, failures, fuzz, received, seeds


def test_no_spoilt_message_raises_or_gets_lost():
    found, reasons = fuzz(3_000, 7)
    assert found == []
    # The fuzzer is worth something only while it reaches most of what decoding can say.
    assert len(reasons) >= 25
    assert reasons["rows of positions"] > 100


@pytest.mark.parametrize("error", [KeyError("a gap"), SystemError("worse"), AssertionError("never")])
def test_a_gap_in_the_rules_is_found(monkeypatch: pytest.MonkeyPatch, error: Exception):
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("ingest.decode.event_row", fails)
    messages = [received(number, Seed("tm/v1/t1/d1/evt", b'{"v":1}')) for number in range(2)]
    assert [failure.what for failure in failures(messages, Sources(), 30, Counter())] == ["undecodable"] * 2


def test_every_good_message_of_our_own_is_read():
    messages = [received(number, seed) for number, seed in enumerate(seeds()) if seed.topic in NATIVE]
    reasons: Counter[str] = Counter()
    assert failures(messages, Sources(), 30, reasons) == []
    assert {name for name in reasons if not name.startswith("rows")} == {"bad_arrow", "clock_unset"}


class Panic(BaseException):
    """What polars raises where it gives up: no Exception."""


@pytest.mark.parametrize("error", [Panic("polars"), SystemError("worse"), ValueError("a gap")])
def test_a_gap_in_judging_points_is_found_and_costs_only_its_message(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
):
    judged = PointBatch.judged

    def fails(batch: PointBatch, max_age_days: float) -> Judged:
        if any(b"culprit" in message.payload for message in batch.messages()):
            raise error
        return judged(batch, max_age_days)

    monkeypatch.setattr(PointBatch, "judged", fails)
    bodies = [NATIVE["tm/v1/t1/d1/pos"] | {"note": "culprit" if number in (3, 8) else "good"} for number in range(11)]
    messages = [
        received(number, Seed("tm/v1/t1/d1/pos", json.dumps(body).encode())) for number, body in enumerate(bodies)
    ]
    found = failures(messages, Sources(), 30, Counter())
    assert [(failure.what, failure.payload) for failure in found] == [
        ("undecodable", messages[number].payload) for number in (3, 8)
    ]
    result = decode(messages, max_age_days=30)
    assert result.positions["segment_no"].to_pylist() == [
        number for number in range(11) if number not in (3, 8) for _ in (1, 2)
    ]
    assert [(row["reason"], row["payload"]) for row in result.rejects.to_pylist()] == [
        ("undecodable", messages[number].payload) for number in (3, 8)
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), MemoryError()])
def test_what_is_no_fault_of_a_message_passes_on(monkeypatch: pytest.MonkeyPatch, error: BaseException):
    def fails(*_: object) -> None:
        raise error

    messages = [received(0, Seed("tm/v1/t1/d1/pos", json.dumps(NATIVE["tm/v1/t1/d1/pos"]).encode()))]
    for place in ("ingest.positions.PointBatch.judged", "ingest.positions.PointBatch.add_typed"):
        with monkeypatch.context() as patched:
            patched.setattr(place, fails)
            with pytest.raises(type(error)):
                decode(messages, max_age_days=30)


def test_points_that_vanish_are_found(monkeypatch: pytest.MonkeyPatch):
    (seed,) = [seed for seed in seeds() if seed.content_type]
    messages = [
        received(number, seed._replace(payload=payload))
        for number, payload in enumerate(
            (seed.payload, seed.payload * 2, seed.payload + b"junk", seed.payload + bytes(8))
        )
    ]
    assert failures(messages, Sources(), 30, Counter()) == []
    monkeypatch.setattr("ingest.arrow_points._refuse_what_may_grow", lambda _: None)
    found = failures(messages, Sources(), 30, Counter())
    assert [failure.what for failure in found] == ["3 of 6 points", "3 of 4 points"]
